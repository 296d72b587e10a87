"""Where words of strangers have gone: from an agent into the ones it calls, and on through its run. Asks nobody."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from weakref import WeakSet

from coachwork.tracing.scope import Scope, current_scope

_inherited: ContextVar[bool] = ContextVar("coachwork_tainted", default=False)
_runs: WeakSet[Scope] = WeakSet()


def tainted_here() -> bool:
    """Whether an agent that begins now begins with them: its caller has read some, or an agent before it in the run."""
    return _inherited.get() or current_scope() in _runs


def taint_the_run() -> None:
    """From now on every agent of this run begins tainted: plain code between two agents carries words along."""
    if (scope := current_scope()).run_id:
        _runs.add(scope)


@contextmanager
def inherited(tainted: bool) -> Iterator[None]:
    """What is called inside of the block begins tainted where its caller is."""
    token = _inherited.set(tainted or _inherited.get())
    try:
        yield
    finally:
        _inherited.reset(token)
