"""This process's hold on a run. Knows when nothing of it works any more; does no work itself.

A run whose every line waits for a person or a time is put back into the database and leaves no task behind; it is
taken again, by any worker, when what it waits for has come.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Literal, TypeVar

from coachwork.errors import CoachworkError
from coachwork.tracing.branches import Lines

T = TypeVar("T")
LetGo = Literal["put back", "lost", "ended", "late", "stopped", "at fault"]
_SETTLE_SECONDS = 0.02  # for lines that go on at once
_TOO_SHORT_MS = 1000  # not worth being put back


class Hold:
    """One claim. `put_back(due_at, asked)` writes that the run is let go, and says whether that was done.

    `due_at` is in milliseconds since 1970 UTC, None for what has no time; `asked` are the approvals it waits for.
    """

    def __init__(
        self, claim: int, put_back: Callable[[int | None, list[str]], Awaitable[bool]], now: Callable[[], int]
    ) -> None:
        self.claim = claim
        self.lines = Lines(self.look)
        self.why: LetGo | None = None  # set: the task is being cancelled, and must write nothing more
        self.fault: CoachworkError | None = None  # with which the run ends, where it was let go as being "at fault"
        self.stopped = False
        self.sure: Callable[[], bool] = lambda: True  # False: the run may be another worker's by now
        self.on_step: Callable[[], None] = lambda: None  # called when a step has ended and is kept
        self.performing = 0
        self._task: asyncio.Task[Any] | None = None
        self._put_back = put_back
        self._now = now
        self._waits: dict[str, int | None] = {}
        self._asked: set[str] = set()
        self._looking: asyncio.Task[None] | None = None
        self._settled = asyncio.Event()
        self._settled.set()

    def holds(self, task: "asyncio.Task[Any]") -> None:
        self._task = task
        if self.why is not None:
            task.cancel()

    def let_go(self, why: LetGo) -> None:
        """Stop the run's code where it stands. The first reason counts."""
        if self.why is None:
            self.why = why
            if self._task is not None:
                self._task.cancel()

    def end(self, fault: CoachworkError) -> bool:
        """Stop the run's code where it stands, since it does harm; it ends with this error. False where it has stopped:
        from then on it lets go of what it holds, and may not be disturbed."""
        if not self.stopped:
            self.fault = self.fault or fault
            self.let_go("at fault")
        return not self.stopped

    async def waiting(self, place: str, due_at: int | None, coming: Awaitable[T], *, asked: str = "") -> T:
        """Wait for `coming`, until a time or for a person's word on an approval.

        Never returns where the run is put back meanwhile.
        """
        self._waits[place] = due_at
        if asked:
            self._asked.add(asked)
        self.look()
        try:
            found = await coming
        finally:
            del self._waits[place]
            self._asked.discard(asked)
        await self._settled.wait()
        if self.why is not None:
            await asyncio.Event().wait()  # cancelled here
        return found

    def look(self) -> None:
        """See in a moment whether everything waits."""
        if self._waits and (self._looking is None or self._looking.done()):
            self._looking = asyncio.create_task(self._look(), name="coachwork-look")

    async def _look(self) -> None:
        await asyncio.sleep(_SETTLE_SECONDS)
        if not self._all_wait():
            return
        times = [due for due in self._waits.values() if due is not None]
        due_at = min(times, default=None)
        if due_at is not None and due_at - self._now() < _TOO_SHORT_MS:
            return
        self._settled.clear()
        try:
            if await self._put_back(due_at, sorted(self._asked)):
                self.let_go("put back")
        finally:
            self._settled.set()

    def _all_wait(self) -> bool:
        return self.why is None and not self.performing and 0 < self.lines.going <= len(self._waits)
