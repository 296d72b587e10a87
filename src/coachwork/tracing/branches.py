"""Lines of steps side by side in one run: `gather` and `map_over`. Knows places; does not know what a step is.

Every step has a place in its run: `3` is the third of the run itself, `4.price.1` the first in the branch `price` of
the fourth, `3/1` one that the third made itself. A branch numbers its own steps, so a place follows from the code
alone, whoever of several branches is faster.
"""

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, TypeVar, overload

from coachwork.errors import InputError
from coachwork.tracing.places import Group

T = TypeVar("T")
A = TypeVar("A")
B = TypeVar("B")
C = TypeVar("C")
Item = TypeVar("Item")
_line: ContextVar["Line | None"] = ContextVar("coachwork_line", default=None)


class Lines:
    """How many lines of a run go on. `changed` is called whenever one of several is over."""

    def __init__(self, changed: Callable[[], None] = lambda: None) -> None:
        self.going = 1
        self.changed = changed


@dataclass
class Line:
    """Steps that follow each other. `path` is "" for those of the run itself, `tainted` is of `tracing.taint`."""

    lines: Lines
    path: str = ""
    count: int = 0
    tainted: bool = False

    def next(self) -> str:
        """The place of the next step."""
        self.count += 1
        return f"{self.path}{self.count}"

    @property
    def ahead(self) -> str:
        """The place that the next step will have."""
        return f"{self.path}{self.count + 1}"


def place_order(place: str) -> list[tuple[bool, int, str]]:
    """A key by which places stand in the order of the code, branches by their names."""
    parts = place.replace("/", ".").split(".")
    return [(not part.isdigit(), int(part) if part.isdigit() else 0, part) for part in parts]


def here() -> Line | None:
    """The line that this code follows; None outside of a run."""
    return _line.get()


@contextmanager
def following(line: Line | None) -> Iterator[None]:
    """Let the block, and all it calls, follow `line`."""
    token = _line.set(line)
    try:
        yield
    finally:
        _line.reset(token)


@overload
async def gather(first: Awaitable[A], /) -> tuple[A]: ...
@overload
async def gather(first: Awaitable[A], second: Awaitable[B], /) -> tuple[A, B]: ...
@overload
async def gather(first: Awaitable[A], second: Awaitable[B], third: Awaitable[C], /) -> tuple[A, B, C]: ...
@overload
async def gather(*branches: Awaitable[T]) -> tuple[T, ...]: ...
@overload
async def gather(**branches: Awaitable[T]) -> dict[str, T]: ...
async def gather(*branches: Awaitable[Any], **named: Awaitable[Any]) -> Any:
    """Do several things side by side: `price, stock = await gather(find_price(x), find_stock(x))`.

    With names it gives a dictionary: `await gather(price=…, stock=…)`. All are brought to their end; then the error of
    the first that failed is raised. Unlike `asyncio.gather` it may be replayed after a crash, and the run is shown with
    its branches. Raises InputError where some have a name and some have none.
    """
    given = [*branches, *named.values()]
    try:
        if branches and named:
            raise InputError("gather() was given branches with and without names", hint="Name all of them, or none.")
        names = list(named) or [str(number) for number in range(1, len(branches) + 1)]
        line = here()
        place = "" if line is None else line.next()

        group, below = Group("branch"), _Below(line, place)

        def body(name: str, work: Awaitable[Any]) -> Callable[[], Awaitable[Any]]:
            async def branch() -> Any:
                group.enter(name)
                with following(below.line(name)):
                    return await work

            return branch

        with below:
            results = await _side_by_side(line, [body(*each) for each in zip(names, given, strict=True)])
        return dict(zip(named, results, strict=True)) if named else tuple(results)
    finally:
        for each in given:
            if inspect.iscoroutine(each):
                each.close()  # one that was never begun would warn of it


async def map_over(function: Callable[[Item], Awaitable[T]], items: Iterable[Item], *, at_once: int = 8) -> list[T]:
    """`function` for each item, at most `at_once` of them at a time, the results in the order of the items.

    All are brought to their end; then the error of the first is raised. Where its steps are shown, items count from 1.
    Raises InputError for `at_once` below 1.
    """
    if at_once < 1:
        raise InputError(f"at_once={at_once} does not fit", hint="At least one has to work.")
    every = list(items)
    outcomes: list[Any] = [None] * len(every)
    todo = iter(range(len(every)))
    line = here()
    place = "" if line is None else line.next()

    group, below = Group("item"), _Below(line, place)

    async def lane() -> None:
        for number in todo:
            group.enter(str(number + 1))
            with following(below.line(str(number + 1))):
                outcomes[number] = await _caught(lambda at=number: function(every[at]))  # type: ignore[misc]

    with below:
        await _side_by_side(line, [lane] * min(at_once, len(every)))
    return _results(outcomes)


class _Below:
    """The branches of a line. What one of them let in taints the line once all are over, and no other branch."""

    def __init__(self, line: Line | None, place: str) -> None:
        self._line = line
        self._place = place
        self._made: list[Line] = []

    def line(self, name: str) -> Line | None:
        if self._line is None:
            return None
        self._made.append(Line(self._line.lines, f"{self._place}.{name}.", tainted=self._line.tainted))
        return self._made[-1]

    def __enter__(self) -> None: ...

    def __exit__(self, *_error: object) -> None:
        if self._line is not None:
            self._line.tainted = self._line.tainted or any(each.tainted for each in self._made)


async def _side_by_side(line: Line | None, bodies: Sequence[Callable[[], Awaitable[Any]]]) -> list[Any]:
    if not bodies:
        return []
    left = len(bodies)
    lines = Lines() if line is None else line.lines
    lines.going += left - 1  # the one that waits for them does not go on itself

    async def branch(body: Callable[[], Awaitable[Any]]) -> Any:
        nonlocal left
        try:
            return await _caught(body)
        finally:
            left -= 1
            if left:  # after the last one, the one that waited goes on
                lines.going -= 1
                lines.changed()

    tasks = [asyncio.create_task(branch(body), name=f"branch {number}") for number, body in enumerate(bodies, 1)]
    try:
        return _results([await task for task in tasks])
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class _Failed:
    def __init__(self, error: Exception) -> None:
        self.error = error


async def _caught(body: Callable[[], Awaitable[Any]]) -> Any:
    try:
        return await body()
    except Exception as error:
        return _Failed(error)


def _results(outcomes: Sequence[Any]) -> list[Any]:
    for outcome in outcomes:
        if isinstance(outcome, _Failed):
            raise outcome.error
    return list(outcomes)
