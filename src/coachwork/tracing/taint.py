"""Where words of strangers have gone: into what is called, on through a line of a run, and out of its steps.

Knows where code stands; asks nobody. What a step let in is kept with it (`StepRecord.tainted`), so a run that goes on
after a crash knows it too; and branches taint what comes after them, not each other, or it would hang on the moment.
"""

import dataclasses
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any
from weakref import WeakSet

from pydantic import BaseModel

from coachwork.messages import ChatMessage, Media, Passage
from coachwork.tracing.branches import here
from coachwork.tracing.scope import Scope, current_scope

_inherited: ContextVar[bool] = ContextVar("coachwork_tainted", default=False)
_runs: WeakSet[Scope] = WeakSet()  # of scopes without lines


def tainted_here() -> bool:
    """Whether an agent that begins now begins with them: its caller has read some, or this line of the run has."""
    line = here()
    return _inherited.get() or (current_scope() in _runs if line is None else line.tainted)


def taint_the_run() -> None:
    """From now on every agent of this line begins tainted: plain code between the two carries words along."""
    if (line := here()) is not None:
        line.tainted = True
    elif (scope := current_scope()).run_id:
        _runs.add(scope)


@contextmanager
def inherited(tainted: bool) -> Iterator[None]:
    """What is called inside of the block begins tainted where its caller is."""
    token = _inherited.set(tainted or _inherited.get())
    try:
        yield
    finally:
        _inherited.reset(token)


def holds_foreign(value: Any) -> bool:
    """Does it hold documents, pictures, recordings or an assistant's earlier words? Strangers had their part in it."""
    if isinstance(value, Passage | Media):
        return True
    if isinstance(value, ChatMessage):
        return value.role == "assistant"
    if isinstance(value, Mapping):
        return any(map(holds_foreign, value.values()))
    if isinstance(value, list | tuple | set | frozenset):
        return any(map(holds_foreign, value))
    if isinstance(value, BaseModel):
        return any(holds_foreign(getattr(value, name)) for name in type(value).model_fields)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return any(holds_foreign(getattr(value, each.name)) for each in dataclasses.fields(value))
    return False
