"""Eight ways in which prompts and agents work together, each a pipeline of a few lines: `python run_all.py` runs them.

The functions of `coachwork.agents.patterns` are plain Python; what they call here could as well be an agent.
"""

from enum import StrEnum

from pydantic import BaseModel, Field

from coachwork import Agent, App, Limits, approval, prompt, together, tool
from coachwork.agents import patterns

app = App("Patterns", about="Eight ways in which prompts and agents work together.")


# ── Sequence: each step works on what the one before it made ───────────────────────────────────


@prompt
async def translate(text: str) -> str: ...


@prompt
async def shorten(text: str) -> str: ...


@app.pipeline(title="Sequence")
async def sequence(text: str) -> str:
    """Shortens a text, then translates it into English."""
    shortened: str = await patterns.sequence(text, shorten, translate)
    return shortened


# ── Router: one looks and names who does it ────────────────────────────────────────────────────


class Topic(StrEnum):
    billing = "billing"
    repair = "repair"
    other = "other"


class Sorted(BaseModel):
    topic: Topic = Field(description="What the question is about")


@prompt
async def sort(question: str) -> Sorted: ...


@prompt
async def answer_as(role: str, question: str) -> str: ...


async def as_billing(question: str) -> str:
    return await answer_as("the billing desk", question)


async def as_repair(question: str) -> str:
    return await answer_as("a bicycle mechanic", question)


async def as_anybody(question: str) -> str:
    return await answer_as("a friendly shop assistant", question)


async def topic_of(question: str) -> str:
    return (await sort(question)).topic


DESKS = {Topic.billing: as_billing, Topic.repair: as_repair, Topic.other: as_anybody}


@app.pipeline(title="Router")
async def router(question: str) -> str:
    """Finds out what a question is about, and lets the right desk answer."""
    return await patterns.router(question, topic_of, DESKS)


# ── Parallel experts with a judge ──────────────────────────────────────────────────────────────


class Verdict(BaseModel):
    go: bool = Field(description="true if the idea should be tried")
    because: str = Field(description="one sentence", max_length=300)


@prompt
async def judge(question: str, opinions: list[str]) -> Verdict: ...


async def judged(question: str, answers: dict[str, str]) -> Verdict:
    return await judge(question, [f"{name}: {answer}" for name, answer in answers.items()])


@app.pipeline(title="Experts and a judge")
async def experts(idea: str) -> Verdict:
    """Three experts look at an idea at the same time, and a judge decides; together they may spend two cents."""
    with together(Limits(usd=0.02, turns=12)):
        return await patterns.experts(
            idea,
            {"money": as_billing, "repair": as_repair, "customers": as_anybody},
            judged,
        )


# ── Orchestrator and workers ───────────────────────────────────────────────────────────────────


class Plan(BaseModel):
    parts: list[str] = Field(description="the headings of a short guide", min_length=2, max_length=3)


@prompt
async def plan(task: str) -> Plan: ...


async def parts_of(task: str) -> list[str]:
    return (await plan(task)).parts


async def paragraph(heading: str) -> str:
    return f"{heading}\n{await answer_as('a writer of short guides, in one sentence', heading)}"


async def joined(task: str, paragraphs: list[str]) -> str:
    return "\n\n".join([task, *paragraphs])


@app.pipeline(title="Orchestrator and workers")
async def orchestrator(task: str) -> str:
    """Cuts a guide into parts, lets workers write them at the same time, and puts them together."""
    return await patterns.orchestrator(task, parts_of, paragraph, joined, at_once=2, most=3)


# ── Hand-off ───────────────────────────────────────────────────────────────────────────────────


async def reception(question: str) -> str | patterns.HandOff[str]:
    topic = await topic_of(question)
    return patterns.HandOff(topic, question) if topic != Topic.other else await as_anybody(question)


@app.pipeline(title="Hand-off")
async def hand_off(question: str) -> str:
    """The reception answers, or hands the question on to somebody who knows."""
    return await patterns.hand_off(
        "reception", question, {"reception": reception, Topic.billing: as_billing, Topic.repair: as_repair}
    )


# ── Debate with a limit ────────────────────────────────────────────────────────────────────────


@prompt
async def argue(question: str, side: str, others: list[str]) -> str: ...


async def in_favour(question: str, before: dict[str, str]) -> str:
    return await argue(question, "in favour", [text for name, text in before.items() if name != "for"])


async def opposed(question: str, before: dict[str, str]) -> str:
    return await argue(question, "against", [text for name, text in before.items() if name != "against"])


@app.pipeline(title="Debate")
async def debate(question: str) -> Verdict:
    """Two sides argue for two rounds, and a judge decides."""
    return await patterns.debate(question, {"for": in_favour, "against": opposed}, judged, rounds=2)


# ── Evaluator and optimizer ────────────────────────────────────────────────────────────────────


@prompt
async def slogan(product: str, before: str, objections: str) -> str: ...


class Slogan(BaseModel):
    text: str
    good: bool
    tries: int


async def written(product: str, before: str | None, objections: str) -> str:
    return (await slogan(product, before or "", objections)).strip().strip('"')


async def objections_to(product: str, text: str) -> str:
    """Most of what a judge has to say needs no model."""
    words = len(text.split())
    return "" if words <= 8 else f"It has {words} words. It may have 8 at most."


@app.pipeline(title="Evaluator and optimizer")
async def improve(product: str) -> Slogan:
    """Writes a slogan until nobody objects, three times at most."""
    ended = await patterns.improve(product, written, objections_to, most=3)
    return Slogan(text=ended.draft, good=ended.good, tries=ended.tries)


# ── Human in the loop ──────────────────────────────────────────────────────────────────────────

posted: list[str] = []


@tool(approve="always")
async def post_notice(text: str) -> str:
    """Posts a notice at the door of the shop. Write the whole text of it."""
    posted.append(text)
    return "It hangs at the door."


@prompt
async def notice(wish: str) -> str: ...


shopkeeper = Agent(notice, tools=[post_notice], limits=Limits(turns=4, tool_calls=2))


class Posted(BaseModel):
    notices: list[str]
    says: str


@app.pipeline(title="Human in the loop")
async def human(wish: str) -> Posted:
    """An agent words a notice; a person may change it before it hangs at the door, and has the last word."""
    outcome = await shopkeeper.run(wish)
    hung = [str(use.arguments["text"]) for use in outcome.uses if not use.failed]
    decision = await approval("Is this what you wanted?", Posted(notices=hung, says=outcome.text), expires="2d")
    return decision.value
