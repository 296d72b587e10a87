"""Names the code that holds a process up: one blocking line, and no run of the process goes on, nor its heartbeat.

Knows the event loop and the stack of its thread; does not stop anybody: Python can't be interrupted from outside.
"""

import asyncio
import sys
import threading
import time
from pathlib import Path
from types import FrameType

import structlog

log = structlog.get_logger(__name__)
_PACKAGE = str(Path(__file__).parents[1])


class Watchdog:
    """Says in the log where the loop stands once it has not moved for `after` seconds, and how long it took in the end.

    What is named is the innermost line of the project in `folder`, else the innermost of all. Start it on the loop.
    Code that keeps the interpreter's lock all the while, as one long regular expression does, is told of only after it.
    """

    def __init__(self, folder: Path, *, after: float = 1.0) -> None:
        self._folder = str(folder)
        self._after = after
        self._seen = time.monotonic()
        self._timer: asyncio.TimerHandle | None = None
        self._stopped = threading.Event()

    def start(self) -> None:
        self._stopped.clear()
        self._tick(asyncio.get_running_loop())
        watched = threading.get_ident(), asyncio.get_running_loop()
        threading.Thread(target=self._watch, args=watched, name="coachwork-watchdog", daemon=True).start()

    def stop(self) -> None:
        self._stopped.set()
        if self._timer is not None:
            self._timer.cancel()

    def _tick(self, loop: asyncio.AbstractEventLoop) -> None:
        self._seen = time.monotonic()
        self._timer = loop.call_later(self._after / 4, self._tick, loop)

    def _watch(self, thread: int, loop: asyncio.AbstractEventLoop) -> None:
        told: float | None = None  # the sign of life after which the loop stands still, once it was told of
        while not self._stopped.wait(self._after / 4):
            seen = self._seen
            if told is not None and seen != told:
                log.warning("worker.went_on", seconds=round(seen - told, 1))
                told = None
            if told is None and time.monotonic() - seen > self._after and (task := _at_work(loop)):
                told = seen
                where = blocking_line(sys._current_frames().get(thread), self._folder)
                log.warning("worker.blocked", where=where, task=task, seconds=round(time.monotonic() - seen, 1))


def blocking_line(frame: FrameType | None, folder: str) -> str:
    """`app.py:12 in slow`: the innermost line below the folder, else the innermost that is not of this package."""
    stack = []
    while frame is not None:
        stack.append(frame)
        frame = frame.f_back
    here = [each for each in stack if each.f_code.co_filename.startswith(folder)]
    own = [each for each in here if "site-packages" not in each.f_code.co_filename]
    others = [each for each in stack if not each.f_code.co_filename.startswith(_PACKAGE)]
    for found in (*own[:1], *others[:1]):
        path = found.f_code.co_filename.removeprefix(folder).lstrip("/")
        return f"{path}:{found.f_lineno} in {found.f_code.co_name}"
    return "unknown"


def _at_work(loop: asyncio.AbstractEventLoop) -> str:
    """The name of the task that has the loop; "" where none has, as on a machine that is too busy for all of us."""
    task = asyncio.current_task(loop)
    return "" if task is None else task.get_name()
