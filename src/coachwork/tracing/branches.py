"""Parallel branches of a run whose steps have the same numbers on every replay. Knows turns; does not know steps.

Steps are numbered in the order in which they begin, and in parallel code that order is a matter of time. So branches
begin their steps in rounds: one that wants to begin its next step waits until each other branch wants to begin one as
well, or is over; then they begin side by side, numbered in the order of the branches. Which step has which number then
follows from the code and the recorded results alone. A round is as long as its longest step; a branch that waits for a
person lets the others finish the step they are at.
"""

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Sequence
from contextvars import ContextVar
from typing import Any, TypeVar, overload

from coachwork.errors import InputError
from coachwork.tracing.places import Group

T = TypeVar("T")
A = TypeVar("A")
B = TypeVar("B")
C = TypeVar("C")
Item = TypeVar("Item")
_here: ContextVar["tuple[_Rounds, int] | None"] = ContextVar("coachwork_branch", default=None)


class _Rounds:
    """The branches of one `gather`. It is itself a branch of the one around it."""

    def __init__(self, branches: int) -> None:
        self._outer = _here.get()
        self._live = branches
        self._waiting: dict[int, asyncio.Future[None]] = {}
        self._about_to: asyncio.Handle | asyncio.Task[None] | None = None

    async def turn(self, branch: int) -> None:
        """Wait for the next round."""
        self._waiting[branch] = turn = asyncio.get_running_loop().create_future()
        self._begin_when_all_are_here()
        await turn

    def over(self, branch: int) -> None:
        self._waiting.pop(branch, None)
        self._live -= 1
        self._begin_when_all_are_here()

    def _begin_when_all_are_here(self) -> None:
        if not self._waiting or len(self._waiting) < self._live or self._about_to is not None:
            return
        if self._outer is None:
            # Soon and not now: the branch that came last still runs, and would go before all the others.
            self._about_to = asyncio.get_running_loop().call_soon(self._begin)
        else:
            self._about_to = asyncio.create_task(self._begin_in_turn(*self._outer))

    async def _begin_in_turn(self, outer: "_Rounds", branch: int) -> None:
        await outer.turn(branch)
        self._begin()

    def _begin(self) -> None:
        self._about_to = None
        turns, self._waiting = self._waiting, {}
        for branch in sorted(turns):
            if not turns[branch].done():
                turns[branch].set_result(None)


async def admitted() -> None:
    """Wait until the next step of this branch may begin; outside of branches, at once.

    The caller has to number its step before it awaits anything else.
    """
    if (here := _here.get()) is not None:
        await here[0].turn(here[1])


def in_branch() -> bool:
    """Whether this is a branch: it may begin one step at a time."""
    return _here.get() is not None


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
    the first that failed is raised. Unlike `asyncio.gather` it may be replayed after a crash.
    Raises InputError where some have a name and some have none.
    """
    if branches and named:
        for each in (*branches, *named.values()):
            if inspect.iscoroutine(each):
                each.close()
        raise InputError("gather() was given branches with and without names", hint="Name all of them, or none.")
    names = list(named) or [str(number) for number in range(1, len(branches) + 1)]
    results = await _side_by_side([*branches, *named.values()], names)
    return dict(zip(named, results, strict=True)) if named else tuple(results)


async def map_over(function: Callable[[Item], Awaitable[T]], items: Iterable[Item], *, at_once: int = 8) -> list[T]:
    """`function` for each item, at most `at_once` of them at a time, the results in the order of the items.

    Item n is done in lane n modulo `at_once`. All are brought to their end; then the error of the first is raised.
    Where its steps are shown, items count from 1.
    """
    if at_once < 1:
        raise InputError(f"at_once={at_once} does not fit", hint="At least one has to work.")
    every = list(items)
    outcomes: list[Any] = [None] * len(every)
    group = Group("item")

    async def lane(first: int) -> None:
        for number in range(first, len(every), at_once):
            group.enter(str(number + 1))
            outcomes[number] = await _caught(function(every[number]))

    await _side_by_side([lane(first) for first in range(min(at_once, len(every)))])
    return _results(outcomes)


async def _side_by_side(branches: Sequence[Awaitable[Any]], names: Sequence[str] | None = None) -> list[Any]:
    rounds = _Rounds(len(branches))
    group = None if names is None else Group("branch")

    async def branch(number: int, work: Awaitable[Any]) -> Any:
        _here.set((rounds, number))
        if group is not None and names is not None:
            group.enter(names[number])
        try:
            return await _caught(work)
        finally:
            rounds.over(number)

    tasks: list[asyncio.Task[Any]] = []
    try:
        for number, work in enumerate(branches):
            coroutine: Coroutine[Any, Any, Any] = branch(number, work)
            tasks.append(asyncio.create_task(coroutine, name=f"branch {number}"))
        return _results([await task for task in tasks])
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class _Failed:
    def __init__(self, error: Exception) -> None:
        self.error = error


async def _caught(work: Awaitable[Any]) -> Any:
    try:
        return await work
    except Exception as error:
        return _Failed(error)


def _results(outcomes: Sequence[Any]) -> list[Any]:
    for outcome in outcomes:
        if isinstance(outcome, _Failed):
            raise outcome.error
    return list(outcomes)
