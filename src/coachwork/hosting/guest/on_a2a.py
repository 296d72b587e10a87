"""Agents of others over A2A: one task there; what it asks becomes a question, and the answer goes on with the task."""

from __future__ import annotations

from typing import Any

from .host import Host
from .task import Answer, Outcome, Question, Task


async def run(thing: Any, task: Task, host: Host) -> Outcome:
    """Send the input, or the answer to its last question, and wait until it answers or asks."""
    round = (task.state or {}).get("round", 0) if task.answers else 0
    said: dict[str, Any] = {"id": f"{task.run_id}-{round}"}
    if task.answers:
        said |= {"task": task.state["task"], "context": task.state["context"], "text": _answer(task.answers[0])}
    elif isinstance(task.given, dict) and "messages" not in task.given:
        said["data"] = task.given
    else:
        said["text"] = _conversation(task)
    host.part("a2a", thing.name)
    error = "cancelled"
    try:
        reply = await thing.ask(**said, told=host.text)
        error = ""
    except Exception as failure:
        error = type(failure).__name__
        raise
    finally:
        host.part_end("a2a", error)
    if reply.status == "asks":
        state = {"task": reply.task, "context": reply.context, "round": round + 1}
        return Outcome(questions=(Question(reply.task, f"{thing.name} asks: {reply.text}", ""),), state=state)
    return Outcome(reply.data if thing.gives_data else reply.words)


def _answer(answer: Answer) -> str:
    """What a person wrote; yes or no where that was all. A comment goes along."""
    said = str(answer.value) if answer.yes and answer.value not in ("", None) else "yes" if answer.yes else "no"
    return f"{said}: {answer.comment}" if answer.comment else said


def _conversation(task: Task) -> str:
    """The newest turn; those before it stand in front, since the agent was not there."""
    *before, last = task.turns
    if not before:
        return last["content"]
    lines = "\n".join(f"{turn['role']}: {turn['content']}" for turn in before)
    return f"What was said before:\n{lines}\n\nWhat is asked now:\n{last['content']}"
