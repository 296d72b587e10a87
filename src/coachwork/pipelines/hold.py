"""This process's hold on a run, and on what it calls. Knows when nothing of it works any more; does no work itself.

A run whose every branch waits for a person or a time is put back into the database and leaves no task
behind; it is taken again, by any worker, when what it waits for has come.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")
_SETTLE_SECONDS = 0.05  # for branches that go on at once
_TOO_SHORT_MS = 1000  # not worth being put back


class Hold:
    """One claim. `branches` counts the lines of steps that go on.

    `put_back(due_at, asked)` writes that the run is let go, and says whether that was done.
    """

    def __init__(self, claim: int, put_back: Callable[[int, int], Awaitable[bool]], now: Callable[[], int]) -> None:
        self.claim = claim
        self.task: asyncio.Task[None] | None = None
        self.branches = 1
        self.performing = 0
        self.gone = False  # put back, or lost: the task is being cancelled and must write nothing more
        self._put_back = put_back
        self._now = now
        self._waits: dict[str, tuple[int, bool]] = {}
        self._looking: asyncio.Task[None] | None = None
        self._settled = asyncio.Event()
        self._settled.set()

    def lose(self) -> None:
        """Stop without another word: the run is another's."""
        self.gone = True
        if self.task is not None:
            self.task.cancel()

    async def waiting(self, key: str, due_at: int, asks: bool, coming: Awaitable[T]) -> T:
        """Wait for `coming`; `asks` a person, or is for a time. Never returns where the run is put back meanwhile."""
        self._waits[key] = (due_at, asks)
        self.look()
        try:
            found = await coming
        finally:
            del self._waits[key]
        await self._settled.wait()
        if self.gone:
            await asyncio.Event().wait()  # cancelled here
        return found

    def look(self) -> None:
        """See in a moment whether everything waits."""
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look(), name="coachwork-look")

    async def _look(self) -> None:
        await asyncio.sleep(_SETTLE_SECONDS)
        while self._all_wait():
            due_at = min(due for due, _asks in self._waits.values())
            if due_at - self._now() < _TOO_SHORT_MS:
                return
            self._settled.clear()
            try:
                self.gone = await self._put_back(due_at, sum(asks for _due, asks in self._waits.values()))
            finally:
                self._settled.set()
            if self.gone and self.task is not None:
                self.task.cancel()
                return
            await asyncio.sleep(_SETTLE_SECONDS)

    def _all_wait(self) -> bool:
        return not self.gone and not self.performing and 0 < self.branches <= len(self._waits)
