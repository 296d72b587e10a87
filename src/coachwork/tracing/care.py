"""Whether what is done here may be done twice: said by who calls it, asked by the steps below. Asks nobody itself."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from coachwork.tracing.scope import current_scope

_careful: ContextVar[bool] = ContextVar("coachwork_careful", default=False)


@contextmanager
def careful(on: bool) -> Iterator[None]:
    """Inside of the block a step that a crash cuts is not simply done again, where it does not say that it may be."""
    token = _careful.set(on)
    try:
        yield
    finally:
        _careful.reset(token)


def careful_here() -> bool:
    """Whether a step that begins now is such a one. Inside of another step that one decides."""
    return _careful.get() and current_scope().step_seq is None
