"""The application that the tests of the server use: one pipeline for each thing a run can do."""

import asyncio
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from coachwork.agents.outcome import Outcome, ToolUse
from coachwork.app.application import App
from coachwork.errors import AgentStopped, ModelTimeout
from coachwork.knowledge import KnowledgeBase
from coachwork.messages import Conversation, Image
from coachwork.pipelines.approvals import approval
from coachwork.pipelines.pipeline import Example
from coachwork.pipelines.steps import note, step
from coachwork.prompts import prompt
from coachwork.tracing.scope import current_scope

app = App("Desk", about="Answers tickets.")
handbook = KnowledgeBase("handbook")


class Ticket(BaseModel):
    model_config = ConfigDict(extra="forbid")

    subject: str = Field(max_length=100)
    body: str = ""
    attempts: int = Field(default=0, ge=0)


class Reply(BaseModel):
    text: str
    score: float = 1.0


@step
async def shout(text: str) -> str:
    """Making it loud."""
    return text.upper()


@step
async def ask_nobody(text: str) -> str:
    raise ModelTimeout("no token within 60 s, with key sk-abcdefgh12345678", model="fake:slow", hint="Try another.")


@app.pipeline(title="Answer a ticket", about="From the handbook.", examples=[Example("Hello", {"subject": "Hello"})])
async def answer_ticket(ticket: Ticket) -> Reply:
    note("Thinking about it")
    return Reply(text=await shout(ticket.subject))


@prompt
async def write(subject: str) -> str: ...


@app.pipeline(title="Let the model write")
async def written(ticket: Ticket) -> Reply:
    return Reply(text=await write(ticket.subject))


@app.pipeline(title="Ask the handbook")
async def ask(conversation: Conversation) -> Reply:
    return Reply(text=conversation.question)


@app.pipeline(title="Needs a person")
async def decide(ticket: Ticket) -> Reply:
    decision = await approval("Send this?", Reply(text=ticket.subject), context={"subject": ticket.subject})
    return Reply(text=f"{decision.status}: {decision.value.text}")


@app.pipeline(title="Needs the lead")
async def decide_by_lead(ticket: Ticket) -> Reply:
    decision = await approval("Send this?", Reply(text=ticket.subject), by=["role:lead", "carol"])
    return Reply(text=f"{decision.status}: {decision.value.text}")


@step
async def pass_gate(gate: str) -> str:
    current_scope().text("before ")
    # a file, since tests open the gate from another process
    while not (Path(__file__).parent / f"{gate}.go").exists():  # noqa: ASYNC110
        await asyncio.sleep(0.02)
    current_scope().text("after")
    return "through"


@app.pipeline(title="Waits for a file")
async def held(gate: str) -> Reply:
    return Reply(text=await pass_gate(gate))


@app.pipeline(title="Fails")
async def fails(ticket: Ticket) -> Reply:
    if ticket.subject == "agent":
        uses = [ToolUse(tool="look", arguments={}, result="Sunny, key sk-abcdefgh12345678. " + "x" * 600)]
        outcome = Outcome[str](status="limit", why="it may ask 2 times, and did", text="So far: sunny.", uses=uses)
        raise AgentStopped("the agent stopped", details={"outcome": outcome.model_dump(mode="json")})
    return Reply(text=await ask_nobody(ticket.subject))


@app.pipeline(title="Has a bug")
async def clumsy(ticket: Ticket) -> Reply:
    return Reply(text={}["missing"])


@app.pipeline(title="Not a number")
async def not_a_number(ticket: Ticket) -> Reply:
    return Reply(text="", score=float("nan"))


@app.pipeline(title="Look at a picture")
async def look(picture: Image, question: str = "") -> Image:
    note(f"Looking for {question or 'anything'}")
    return picture
