"""What a service tells beside its answer and pydantic-ai's model layer leaves out: sources, tokens of thinking.

An SDK's client that knows more writes it down here, for the call in whose context it was asked.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

from coachwork.messages import Source


@dataclass
class Beside:
    """Filled in while the answer comes."""

    sources: list[Source] = field(default_factory=list)
    thinking_tokens: int = 0


_told: ContextVar[Beside | None] = ContextVar("coachwork_beside", default=None)


@contextmanager
def told(beside: Beside) -> Iterator[None]:
    """Have what is asked in here write into `beside`."""
    token = _told.set(beside)
    try:
        yield
    finally:
        _told.reset(token)


def present() -> Beside:
    """Where the call that is being made wants it; a place nobody reads where none does."""
    return _told.get() or Beside()
