"""Runs what another framework made: in this process, or in one of its own where Coachwork is not installed.

So everything in this folder needs the standard library alone, and a framework only where it is already loaded.
An adapter is one function, `run(thing, task, host)`; it is found by the class of the thing.
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .host import Host
    from .task import Outcome, Task

# module, class, adapter: the first that fits. A compiled graph of LangGraph is a runnable of LangChain too.
SHAPES = (
    ("langgraph.pregel", "Pregel", "on_langgraph"),
    ("langchain_core.runnables", "Runnable", "on_langchain"),
    ("pydantic_ai.agent", "AbstractAgent", "on_pydantic_ai"),
    ("agents", "Agent", "on_openai_agents"),
    ("haystack.core.pipeline.base", "PipelineBase", "on_haystack"),
    ("workflows", "Workflow", "on_llamaindex"),
    ("crewai", "Crew", "on_crewai"),
    ("dspy", "Module", "on_dspy"),
    ("coachwork.agents.a2a", "RemoteAgent", "on_a2a"),
)


def adapter_of(thing: object) -> str:
    """The adapter for a thing, "" for none. Imports nothing: what made the thing is loaded."""
    for module, name, adapter in SHAPES:
        kind = getattr(sys.modules.get(module), name, None)
        if isinstance(kind, type) and isinstance(thing, kind):
            return adapter
    return ""


async def run(thing: object, task: Task, host: Host) -> Outcome:
    """Run the thing until it is done or waits for a person. Raises what it raises."""
    adapter = adapter_of(thing)
    if not adapter:
        raise TypeError(f"no adapter hosts a {type(thing).__module__}.{type(thing).__qualname__}")
    outcome: Outcome = await import_module(f".{adapter}", __package__).run(thing, task, host)
    return outcome
