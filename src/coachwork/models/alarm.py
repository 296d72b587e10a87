"""One timer for a whole stream: stops whoever waits for the next event when it rings. Knows nothing of models.

`asyncio.timeout` would be set and cleared at every event, or, held across a `yield`, would cancel whatever
the reader of the stream does meanwhile. This one is set once, and cancels only who waits inside `next_of`.
"""

import asyncio
from collections.abc import AsyncGenerator
from typing import TypeVar

T = TypeVar("T")


class Rang(Exception):
    """The time was over before the next event came."""


class Alarm:
    """Rings once, `seconds` after `set`. `stop` it in the end."""

    __slots__ = ("_before", "_handle", "_rang", "_waiting")

    def __init__(self) -> None:
        self._handle: asyncio.TimerHandle | None = None
        self._waiting: asyncio.Task[object] | None = None
        self._before = 0
        self._rang = False

    def set(self, seconds: float) -> None:
        self.stop()
        self._handle = asyncio.get_running_loop().call_later(max(seconds, 0), self._ring)

    def stop(self) -> None:
        if self._handle is not None:
            self._handle.cancel()

    def _ring(self) -> None:
        self._rang = True
        if self._waiting is not None:
            self._before = self._waiting.cancelling()
            self._waiting.cancel()

    async def next_of(self, events: AsyncGenerator[T, None]) -> T | None:
        """The next event, None at the end. Raises Rang where the time is over, and stops the stream.

        After asyncio.timeouts.Timeout.__aexit__: a cancellation that is not ours goes on as one.
        """
        if self._rang:
            raise Rang
        task = self._waiting = asyncio.current_task()
        try:
            event = await anext(events, None)
        except BaseException as stopped:
            if not self._rang or task is None:
                raise
            if task.uncancel() > self._before and isinstance(stopped, asyncio.CancelledError):
                raise
            raise Rang from stopped
        finally:
            self._waiting = None
        if self._rang and task is not None:  # whoever was stopped gave its event all the same
            task.uncancel()
        return event
