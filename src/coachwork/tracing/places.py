"""Where in the code of a run a step stands: in which branch, item, child pipeline or agent. Knows no steps.

A place is a path of parts, outermost first, each `kind:group:name`: `branch:1:price` is the branch `price` of the first
thing that was opened around it. Groups are counted in the order in which the code opens them, so a replay gives every
step the same place.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Literal

from coachwork.tracing.scope import Scope, current_scope

Kind = Literal["branch", "item", "pipeline", "agent"]


@dataclass
class _Place:
    """`scope` is whose place it is: what is begun elsewhere out of it has one of its own."""

    scope: Scope
    path: tuple[str, ...]
    groups: int = 0


_here: ContextVar[_Place | None] = ContextVar("coachwork_place", default=None)


def where() -> tuple[str, ...]:
    """The parts around what is called now, outermost first; none at the top of a run."""
    here = _here.get()
    return here.path if here is not None and here.scope is current_scope() else ()


class Group:
    """Parts that belong together: the branches of one `gather`, the items of one `map_over`."""

    def __init__(self, kind: Kind) -> None:
        self._scope = current_scope()
        here = _here.get()
        if here is None or here.scope is not self._scope:
            here = _Place(self._scope, ())
            _here.set(here)
        here.groups += 1
        self._path, self._begins = here.path, f"{kind}:{here.groups}"

    def enter(self, name: str) -> None:
        """From now on this task works in the part `name`."""
        _here.set(_Place(self._scope, (*self._path, f"{self._begins}:{name}")))


@contextmanager
def inside(kind: Kind, name: str) -> Iterator[None]:
    """The block is a part of its own, that one name alone has."""
    group, around = Group(kind), _here.get()
    group.enter(name)
    try:
        yield
    finally:
        _here.set(around)
