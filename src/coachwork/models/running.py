"""A stream that runs in a task of its own, and is read by one or by many. Knows nothing of models.

So a second model can be asked beside the first, and an answer outlives the one who asked for it first.
"""

import asyncio
import time
from contextlib import aclosing

from coachwork.models.office import TOKENS, CallEvent, Events


class Running:
    """Starts at once. `begun` resolves at the first token or at the end, with whether there was a token."""

    def __init__(self, events: Events) -> None:
        self.over = False
        self.failure: BaseException | None = None
        self.begun: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._events: list[CallEvent] = []
        self._news = asyncio.Event()
        self._task = asyncio.create_task(self._run(events))

    async def _run(self, events: Events) -> None:
        try:
            async with aclosing(events):
                async for event in events:
                    self._events.append(event)
                    self._news.set()
                    if not self.begun.done() and isinstance(event, TOKENS):
                        self.begun.set_result(True)
        except Exception as failure:  # kept for those who read
            self.failure = failure
        except asyncio.CancelledError as stopped:
            self.failure = stopped
            raise
        finally:
            self.over = True
            self._news.set()
            if not self.begun.done():
                self.begun.set_result(False)

    async def read(self, deadline: float | None = None) -> Events:
        """Every event from the first, then what ended the stream: any number may read.

        Raises the stream's own failure, or TimeoutError after `deadline`, in seconds of `time.monotonic`.
        """
        at = 0
        while True:
            while at < len(self._events):
                yield self._events[at]
                at += 1
            if self.over:
                break
            self._news.clear()
            async with asyncio.timeout(None if deadline is None else max(deadline - time.monotonic(), 0)):
                await self._news.wait()
        if self.failure is not None:
            raise self.failure

    def stop(self) -> None:
        self._task.cancel()

    async def gone(self) -> None:
        """Return once nothing of it is left. It has to be at its end, or stopped."""
        await asyncio.wait([self._task])
