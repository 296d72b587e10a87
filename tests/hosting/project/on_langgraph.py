"""Graphs: one that asks a model, then a person, with a checkpointer that outlives the process; one with a tool."""

import sqlite3
from pathlib import Path
from typing import TypedDict

from langchain.agents import create_agent
from langchain.agents.middleware import HumanInTheLoopMiddleware
from langchain_openai import ChatOpenAI
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.graph import END, START, StateGraph
from langgraph.types import interrupt

model = ChatOpenAI(model="gpt-5-mini", max_tokens=200, stream_usage=True, max_retries=0)


class State(TypedDict):
    topic: str
    draft: str
    final: str


def write(state: State) -> State:
    return {"draft": model.invoke(f"Write about {state['topic']}").text}


def review(state: State) -> State:
    decided = interrupt({"draft": state["draft"]})
    if isinstance(decided, dict):
        return {"final": decided["draft"]}
    return {"final": state["draft"] if decided else "nothing"}


other = ChatOpenAI(model="gpt-5-nano", max_tokens=200, stream_usage=True, max_retries=0)


def polish(state: State) -> State:
    return {"final": other.invoke(f"Polish this: {state['draft']}").text}


saver = SqliteSaver(sqlite3.connect(Path(__file__).with_name("graph.db"), check_same_thread=False))
_builder = StateGraph(State).add_node(write).add_node(review)
_builder.add_edge(START, "write").add_edge("write", "review").add_edge("review", END)
reviewed = _builder.compile(checkpointer=saver)
forgetful = _builder.compile(checkpointer=InMemorySaver())

_builder = StateGraph(State).add_node(write).add_node(polish)
_builder.add_edge(START, "write").add_edge("write", "polish").add_edge("polish", END)
kept = _builder.compile(checkpointer=saver)
unkept = _builder.compile()


def send_mail(to: str) -> str:
    """Send a mail."""
    return f"sent to {to}"


mailer = create_agent(
    model,
    tools=[send_mail],
    middleware=[HumanInTheLoopMiddleware(interrupt_on={"send_mail": True})],
    checkpointer=InMemorySaver(),
)
