"""The hello-world of LangGraph: https://docs.langchain.com/oss/python/langgraph/overview, and its first interrupt.

The last lines of the page, which run it, stand under `__main__`; nothing else is changed.
"""

from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.types import interrupt


def mock_llm(state: MessagesState):
    return {"messages": [{"role": "ai", "content": "hello world"}]}


graph = StateGraph(MessagesState)
graph.add_node(mock_llm)
graph.add_edge(START, "mock_llm")
graph.add_edge("mock_llm", END)
graph = graph.compile()


def ask(state: MessagesState):  # https://docs.langchain.com/oss/python/langgraph/interrupts
    approved = interrupt("Do you approve this action?")
    return {"messages": [{"role": "ai", "content": "done" if approved else "not done"}]}


asking = StateGraph(MessagesState).add_node(ask).add_edge(START, "ask").add_edge("ask", END)
asking = asking.compile(checkpointer=InMemorySaver())

if __name__ == "__main__":
    print(graph.invoke({"messages": [{"role": "user", "content": "hi!"}]}))
