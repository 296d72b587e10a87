"""The places for work of this process. Knows how many there are; does not know what a run does with its own."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable


class Slots:
    """At most `limit` runs of this process work at once; those that come back to work wait in order of arrival.

    `total` bounds the runs at work in all processes of the database together, None for no bound. `on_free` is called
    whenever a place is free and nobody here waits for it.
    """

    def __init__(self, limit: int, total: int | None = None) -> None:
        self.limit = limit
        self.total = total
        self.on_free: Callable[[], None] = lambda: None
        self._working: set[str] = set()
        self._line: OrderedDict[str, asyncio.Future[None]] = OrderedDict()

    @property
    def working(self) -> int:
        return len(self._working)

    def free(self) -> bool:
        return len(self._working) < self.limit and not self._line

    def reserve(self, run_id: str) -> None:
        """Keep a free place for a run that is about to begin."""
        self._working.add(run_id)

    async def acquire(self, run_id: str) -> None:
        if run_id in self._working:
            return
        if self.free():
            self._working.add(run_id)
            return
        turn = asyncio.get_running_loop().create_future()
        self._line[run_id] = turn
        try:
            await turn
        except asyncio.CancelledError:
            self._line.pop(run_id, None)
            if turn.done() and not turn.cancelled():
                self.release(run_id)  # the turn came at the moment of the cancellation: pass it on
            raise

    def release(self, run_id: str) -> None:
        self._working.discard(run_id)
        while self._line and len(self._working) < self.limit:
            following, turn = self._line.popitem(last=False)
            if not turn.done():
                self._working.add(following)
                turn.set_result(None)
        if self.free():
            self.on_free()
