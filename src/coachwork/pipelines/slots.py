"""Who works and who waits in line. Knows order of arrival; does not know what a run does with its turn."""

import asyncio
from collections import OrderedDict


class Slots:
    """At most `limit` runs of this process work at once; the rest wait in order of arrival."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._working: set[str] = set()
        self._line: OrderedDict[str, asyncio.Future[None]] = OrderedDict()

    def position(self, run_id: str) -> int | None:
        """The place in line counting from 1, None for a run that does not wait here."""
        for place, waiting in enumerate(self._line, start=1):
            if waiting == run_id:
                return place
        return None

    def __len__(self) -> int:
        """How many wait in line."""
        return len(self._line)

    def free(self) -> bool:
        return len(self._working) < self.limit and not self._line

    async def acquire(self, run_id: str) -> None:
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
