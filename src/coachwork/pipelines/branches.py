"""Working side by side: `gather` named branches, `map` over items. Knows branches; a branch's steps are its own.

Each branch numbers its own steps, so replay is the same whoever arrives first. The first branch to fail
stops the others, and which one that was is recorded: a replay fails in the same way without working again.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from typing import Any, TypeVar

from coachwork.errors import CoachworkError, from_dict
from coachwork.messages import StepRecord
from coachwork.pipelines import journal
from coachwork.pipelines.run_scope import Branch, Position, RunScope, _branch, failed
from coachwork.tracing.scope import current_scope

T = TypeVar("T")
R = TypeVar("R")
_Start = Callable[[], Awaitable[Any]]


async def gather(**branches: Awaitable[T]) -> dict[str, T]:
    """Do several things side by side, each under a name, and give their results by name.

    A branch is any awaitable, with as many steps as it likes; branches may branch again. The first
    failure stops the others and is raised.

    >>> found = await gather(prices=search("price"), terms=search("terms"))  # doctest: +SKIP
    >>> found["prices"]  # doctest: +SKIP
    """
    starts: dict[str, _Start] = {name: _given(branch) for name, branch in branches.items()}
    try:
        return await _side_by_side("gather", starts, at_once=len(starts))
    finally:
        for branch in branches.values():
            if isinstance(branch, Coroutine):
                branch.close()  # one that was never started would warn of it


async def map(function: Callable[[T], Awaitable[R]], items: Iterable[T], *, at_once: int = 4) -> list[R]:
    """Call `function` for every item, at most `at_once` side by side, and give the results in the items' order.

    The first failure stops the others and is raised. Raises ValueError for `at_once` below 1.
    """
    if at_once < 1:
        raise ValueError(f"at_once={at_once} would never begin: at least 1")
    starts: dict[str, _Start] = {str(n): _call(function, item) for n, item in enumerate(items, 1)}
    return list((await _side_by_side("map", starts, at_once=at_once)).values())


def _given(branch: Awaitable[Any]) -> _Start:
    return lambda: branch


def _call(function: Callable[[T], Awaitable[R]], item: T) -> _Start:
    return lambda: function(item)


async def _side_by_side(what: str, starts: dict[str, _Start], *, at_once: int) -> dict[str, Any]:
    scope = current_scope()
    if not isinstance(scope, RunScope):
        return await _Group(None, "", starts, at_once).results()
    path = scope.branch.next()
    kept = scope.recorded_at(path)
    if kept is not None:  # only a failure is recorded
        position = scope.position("gather", what, path)
        raise from_dict(kept.error or {})
    try:
        return await _Group(scope, f"{path}.", starts, at_once).results()
    except Exception as error:
        failure = error if isinstance(error, CoachworkError) else failed(error)
        position = scope.position("gather", what, path)
        await _keep_failure(
            scope, position, StepRecord(kind="gather", name=what, label="Working side by side"), failure
        )
        raise failure from error


async def _keep_failure(scope: RunScope, position: Position, record: StepRecord, failure: CoachworkError) -> None:
    place, at = position.place, position.began_at

    def work(connection: Any) -> None:
        journal.step_ended(connection, place, record, at, error=failure.to_dict(), known=False)
        journal.branches_stopped(connection, place)

    await scope.write(work)


class _Group:
    """The branches of one call. Ends when all have ended, or with the first failure once all have stopped."""

    def __init__(self, scope: RunScope | None, path: str, starts: dict[str, _Start], at_once: int) -> None:
        self._scope = scope
        self._path = path
        self._starts = starts
        self._places = asyncio.Semaphore(max(at_once, 1))
        self._working = 0
        self._left = len(starts)

    async def results(self) -> dict[str, Any]:
        if not self._starts:
            return {}
        tasks = {name: asyncio.create_task(self._branch(name, start)) for name, start in self._starts.items()}
        try:
            self._count(-1)
            await asyncio.wait(tasks.values(), return_when=asyncio.FIRST_EXCEPTION)
        finally:
            for task in tasks.values():
                task.cancel()
            await asyncio.gather(*tasks.values(), return_exceptions=True)
            self._count(1 - self._working)
        for task in tasks.values():
            if not task.cancelled() and (error := task.exception()) is not None:
                raise error
        return {name: task.result() for name, task in tasks.items()}

    async def _branch(self, name: str, start: _Start) -> Any:
        if self._scope is not None:
            _branch.set(Branch(self._scope.run_id, f"{self._path}{name}."))
        async with self._places:
            self._working += 1
            self._count(1)
            result = await start()
        self._left -= 1
        if self._left:  # after the last one, who called goes on in its stead
            self._working -= 1
            self._count(-1)
        return result

    def _count(self, change: int) -> None:
        """Tell the hold how many lines of steps go on."""
        if self._scope is not None:
            self._scope.hold.branches += change
            self._scope.hold.look()
