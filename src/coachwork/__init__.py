"""Coachwork: a folder of prompts, documents and typed async functions becomes an application people use.

These are all the public names. Each is imported when it is first used, so that `import coachwork` is
cheap and loads no provider SDK, no web framework and no model runtime.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from coachwork.agents import Agent, Limits, McpServer, Memory, Outcome, RemoteAgent, Web, together, tool
    from coachwork.app.application import App
    from coachwork.knowledge import KnowledgeBase
    from coachwork.messages import (
        Answer,
        Audio,
        ChatMessage,
        Checked,
        Citation,
        Conversation,
        Image,
        Passage,
        Pdf,
        Sentence,
        Transcript,
    )
    from coachwork.pipelines.answering import answer_from
    from coachwork.pipelines.approvals import Decision, approval
    from coachwork.pipelines.deliver import Delivery, deliver
    from coachwork.pipelines.pipeline import Example
    from coachwork.pipelines.steps import note, step, transcribe
    from coachwork.pipelines.waits import patched, sleep
    from coachwork.prompts import prompt
    from coachwork.tracing.branches import gather, map_over

__version__ = "0.1.0"

_HOMES = {
    "Agent": "coachwork.agents",
    "Answer": "coachwork.messages",
    "App": "coachwork.app.application",
    "Audio": "coachwork.messages",
    "ChatMessage": "coachwork.messages",
    "Checked": "coachwork.messages",
    "Citation": "coachwork.messages",
    "Conversation": "coachwork.messages",
    "Decision": "coachwork.pipelines.approvals",
    "Delivery": "coachwork.pipelines.deliver",
    "Example": "coachwork.pipelines.pipeline",
    "Image": "coachwork.messages",
    "KnowledgeBase": "coachwork.knowledge",
    "Limits": "coachwork.agents",
    "McpServer": "coachwork.agents",
    "Memory": "coachwork.agents",
    "Outcome": "coachwork.agents",
    "Passage": "coachwork.messages",
    "Pdf": "coachwork.messages",
    "RemoteAgent": "coachwork.agents",
    "Sentence": "coachwork.messages",
    "Transcript": "coachwork.messages",
    "Web": "coachwork.agents",
    "answer_from": "coachwork.pipelines.answering",
    "approval": "coachwork.pipelines.approvals",
    "deliver": "coachwork.pipelines.deliver",
    "gather": "coachwork.tracing.branches",
    "map_over": "coachwork.tracing.branches",
    "note": "coachwork.pipelines.steps",
    "patched": "coachwork.pipelines.waits",
    "prompt": "coachwork.prompts",
    "sleep": "coachwork.pipelines.waits",
    "step": "coachwork.pipelines.steps",
    "together": "coachwork.agents",
    "tool": "coachwork.agents",
    "transcribe": "coachwork.pipelines.steps",
}

__all__ = [
    "Agent",
    "Answer",
    "App",
    "Audio",
    "ChatMessage",
    "Checked",
    "Citation",
    "Conversation",
    "Decision",
    "Delivery",
    "Example",
    "Image",
    "KnowledgeBase",
    "Limits",
    "McpServer",
    "Memory",
    "Outcome",
    "Passage",
    "Pdf",
    "RemoteAgent",
    "Sentence",
    "Transcript",
    "Web",
    "answer_from",
    "approval",
    "deliver",
    "gather",
    "map_over",
    "note",
    "patched",
    "prompt",
    "sleep",
    "step",
    "together",
    "tool",
    "transcribe",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'coachwork' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
