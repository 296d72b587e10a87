"""How steps are to be done, said by who calls their code: whether twice is harmless, and how long one may take.

Knows what was said; asks nobody. It is for code that makes several steps, as a pipeline that an agent uses as a tool.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import NamedTuple, TypeVar

from coachwork.errors import RunFailed
from coachwork.tracing.scope import current_scope

T = TypeVar("T")


class _Care(NamedTuple):
    careful: bool = False
    seconds: float | None = None


_NONE = _Care()
_care: ContextVar[_Care] = ContextVar("coachwork_care", default=_NONE)


@contextmanager
def cared_for(*, careful: bool, seconds: float | None) -> Iterator[None]:
    """Inside of the block: `careful`, a step that a crash cuts is not simply done again, where it does not say that it
    may be; and none takes longer than `seconds`."""
    token = _care.set(_Care(careful, seconds))
    try:
        yield
    finally:
        _care.reset(token)


def careful_here() -> bool:
    """Whether a step that begins now is such a one. Inside of another step that one decides."""
    return _care.get().careful and current_scope().step_seq is None


async def in_time(what: str, call: Callable[[], Awaitable[T]]) -> T:
    """What the call gives. Raises RunFailed where it takes longer than it may: inside of a step, so that it is kept."""
    seconds = _care.get().seconds
    timeout = asyncio.timeout(seconds)
    try:
        async with timeout:
            return await call()
    except TimeoutError:
        if not timeout.expired():
            raise
        raise RunFailed(
            f"{what!r} took longer than the {seconds:g} s that are left to the agent which called it",
            hint="Raise the limit `seconds` of the agent or of the tool.",
            reader=f"{what} took too long and was stopped.",
        ) from None
