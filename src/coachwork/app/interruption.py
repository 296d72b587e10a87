"""Stops code that holds the event loop: in a signal's handler, which runs where the code stands.

Knows the signal and whether it is safe to raise there; does not know runs. Elsewhere Python can't be interrupted: a
call into C that neither returns nor looks at signals goes on. SIGVTALRM has a timer of its own that hardly anybody
uses, over the time the process computes, so it comes even where a regular expression keeps the interpreter's lock.
"""

import asyncio
import signal
import threading
import time
from collections.abc import Callable
from types import FrameType
from typing import Any

import structlog

log = structlog.get_logger(__name__)
_DEBUGGERS = ("pdb", "bdb", "pydevd", "_pydevd_bundle", "debugpy", "IPython")


class Interruption:
    """Asks `let_go(frame, seconds)` once code has held the loop of this thread for `limit` seconds, and stops it where
    that says True. With a limit of 0 only who asks has it stopped. Start it on the loop, and call `tick` there.

    Nothing is logged here: what is interrupted may be in the middle of writing to the log.
    """

    def __init__(self, limit: float, let_go: Callable[[FrameType, float], bool]) -> None:
        self._limit = limit
        self._let_go = let_go
        self._seen = self._computed = 0.0
        self._asked: Callable[[FrameType, float], bool] | None = None
        self._thread: int | None = None

    def start(self) -> None:
        """Take the signal, where it is there and nobody else has it."""
        number = getattr(signal, "SIGVTALRM", None)
        if number is None or threading.current_thread() is not threading.main_thread():
            log.warning("worker.cannot_interrupt", why="only the main thread of a Unix process can be")
        elif signal.getsignal(number) not in (signal.SIG_DFL, signal.SIG_IGN):
            log.warning("worker.cannot_interrupt", why="SIGVTALRM is used by somebody else here")
        else:
            signal.signal(number, self._stop_code)
            signal.siginterrupt(number, False)
            self._thread = threading.get_ident()
            self.tick()

    def tick(self) -> None:
        """The loop moves."""
        self._seen, self._computed, self._asked = time.monotonic(), time.thread_time(), None
        if self._thread is not None:
            signal.setitimer(signal.ITIMER_VIRTUAL, self._limit)

    def ask(self, let_go: Callable[[FrameType, float], bool] | None = None) -> None:
        """Stop what holds the loop, from another thread: the limit is over, or `let_go` says why."""
        if self._thread is not None:
            self._asked = let_go or self._let_go
            signal.pthread_kill(self._thread, signal.SIGVTALRM)

    def stop(self) -> None:
        if self._thread is not None:
            signal.setitimer(signal.ITIMER_VIRTUAL, 0)
            signal.signal(signal.SIGVTALRM, signal.SIG_IGN)  # one that is on its way would end the process
            self._thread = None

    def _stop_code(self, _number: int, frame: FrameType | None) -> None:
        left = self._limit - (time.thread_time() - self._computed)
        signal.setitimer(signal.ITIMER_VIRTUAL, left if left > 0.01 else self._limit)
        let_go, self._asked = self._asked, None
        if let_go is None and (left > 0.01 or not self._limit):
            return  # other threads computed as well
        if frame is None or not _in_task(frame) or is_debugged(frame):
            return
        if (let_go or self._let_go)(frame, time.monotonic() - self._seen):
            raise asyncio.CancelledError("it harmed its worker")


def _in_task(frame: FrameType) -> bool:
    """Whether a frame is of the code of the task that works now, and not of the loop itself."""
    try:
        task = asyncio.current_task()
    except RuntimeError:  # no loop runs
        return False
    coroutine: Any = None if task is None else task.get_coro()
    begun = getattr(coroutine, "cr_frame", None)
    return begun is not None and any(each is begun for each in stack(frame))


def is_debugged(frame: FrameType | None) -> bool:
    """Whether a person looks at it in a debugger: that takes as long as it takes."""
    return any(str(each.f_globals.get("__name__", "")).split(".")[0] in _DEBUGGERS for each in stack(frame))


def stack(frame: FrameType | None) -> list[FrameType]:
    """The frames from here outwards."""
    found = []
    while frame is not None:
        found.append(frame)
        frame = frame.f_back
    return found
