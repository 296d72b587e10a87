"""Names the code that holds a process up, and has it stopped: one blocking line, and no run of the process goes on.

Knows the event loop and the stack of its thread; does not know what a run is (see `Measures`).
"""

import asyncio
import os
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any, NamedTuple

import structlog

from coachwork.app.interruption import Interruption, is_debugged, stack

log = structlog.get_logger(__name__)
_PACKAGE = str(Path(__file__).parents[1])
_ALIVE_SECONDS = 5.0
_LAST_SECONDS = 2.0, 15.0  # as long again as the limit, within these, for code that is being stopped
_EXIT_CODE = 6  # see cli/exits.py


class Measures(NamedTuple):
    """What may be done about code that holds the loop for `limit` seconds, 0 for none.

    `let_go(where, seconds)` is called in that code, and says whether to stop it. `alive` says to others that the
    process lives although its loop does not move. `leave(task, where, seconds)` says whether the process has to end.
    Both are called in the watching thread.
    """

    limit: float
    let_go: Callable[[str, float], bool]
    alive: Callable[[], None]
    leave: Callable[["asyncio.Task[Any]", str, float], bool]


class Watchdog:
    """Says in the log where the loop stands once it has not moved for `after` seconds, and how long it took in the end.

    What is named is the innermost line of the project in `folder`, else the innermost of all. Start it on the loop.
    Code that keeps the interpreter's lock all the while, as one long regular expression does, is told of only after it.
    With `measures` it is stopped after their limit, and the process ended where that is not possible.
    """

    def __init__(self, folder: Path, *, after: float = 1.0, measures: Measures | None = None) -> None:
        self._folder = str(folder)
        self._after = after
        self._measures = measures
        self._interruption = None if measures is None else Interruption(measures.limit, self._let_go)
        self._seen = time.monotonic()
        self._timer: asyncio.TimerHandle | None = None
        self._stopped = threading.Event()

    def start(self) -> None:
        self._stopped.clear()
        if self._interruption is not None:
            self._interruption.start()
        self._tick(asyncio.get_running_loop())
        watched = threading.get_ident(), asyncio.get_running_loop()
        threading.Thread(target=self._watch, args=watched, name="coachwork-watchdog", daemon=True).start()

    def stop(self) -> None:
        self._stopped.set()
        if self._timer is not None:
            self._timer.cancel()
        if self._interruption is not None:
            self._interruption.stop()

    def stop_code(self, let_go: Callable[[], bool]) -> None:
        """Have `let_go` called in the code that works now, from any thread; where it says True that is stopped."""
        if self._interruption is not None:
            self._interruption.ask(lambda _frame, _seconds: let_go())

    def _tick(self, loop: asyncio.AbstractEventLoop) -> None:
        self._seen = time.monotonic()
        if self._interruption is not None:
            self._interruption.tick()
        self._timer = loop.call_later(self._after / 4, self._tick, loop)

    def _watch(self, thread: int, loop: asyncio.AbstractEventLoop) -> None:
        told: float | None = None  # the sign of life after which the loop stands still, once it was told of
        standing, stood, looked = self._seen, 0.0, time.monotonic()
        while not self._stopped.wait(self._after / 4):
            seen, at = self._seen, time.monotonic()
            if told is not None and seen != told:
                log.warning("worker.went_on", seconds=round(seen - told, 1))
                told = None
            if told is None and at - seen > self._after and (task := _at_work(loop)):
                told = seen
                where = blocking_line(sys._current_frames().get(thread), self._folder)
                log.warning("worker.blocked", where=where, task=task.get_name(), seconds=round(at - seen, 1))
            # Counted look by look: a process that was stopped for a while, as by Ctrl-Z, did not stand of itself.
            before = stood if seen == standing else 0.0
            standing, stood, looked = seen, before + min(at - looked, self._after / 2), at
            if self._measures is not None and self._measures.limit:
                self._act(self._measures, before, stood, thread, loop)

    def _act(self, do: Measures, before: float, stood: float, thread: int, loop: asyncio.AbstractEventLoop) -> None:
        """Do what is due between two looks at a loop that has stood for so many seconds."""
        try:
            if stood < do.limit:
                if stood // _ALIVE_SECONDS > before // _ALIVE_SECONDS:
                    do.alive()
                return
            frame = sys._current_frames().get(thread)
            if self._interruption is None or is_debugged(frame):
                return
            if before < do.limit or int(stood) > int(before):  # again and again: not everywhere can code be stopped
                self._interruption.ask()
            task = _at_work(loop)
            if stood < do.limit + min(max(do.limit, _LAST_SECONDS[0]), _LAST_SECONDS[1]) or task is None:
                return
            where = blocking_line(frame, self._folder)
            if do.leave(task, where, stood):
                log.error("worker.ended", where=where, task=task.get_name(), seconds=round(stood, 1))
                sys.stderr.flush()
                os._exit(_EXIT_CODE)
        except Exception as error:  # whatever it is, the watch goes on
            log.error("worker.watch_failed", exc_info=error)

    def _let_go(self, frame: FrameType, seconds: float) -> bool:
        return self._measures is not None and self._measures.let_go(blocking_line(frame, self._folder), seconds)


def blocking_line(frame: FrameType | None, folder: str) -> str:
    """`app.py:12 in slow`: the innermost line below the folder, else the innermost that is not of this package."""
    frames = stack(frame)
    here = [each for each in frames if each.f_code.co_filename.startswith(folder)]
    own = [each for each in here if "site-packages" not in each.f_code.co_filename]
    others = [each for each in frames if not each.f_code.co_filename.startswith(_PACKAGE)]
    for found in (*own[:1], *others[:1]):
        path = found.f_code.co_filename.removeprefix(folder).lstrip("/")
        return f"{path}:{found.f_lineno} in {found.f_code.co_name}"
    return "unknown"


def _at_work(loop: asyncio.AbstractEventLoop) -> "asyncio.Task[Any] | None":
    """The task that has the loop; None where none has, as on a machine that is too busy for all of us."""
    return asyncio.current_task(loop)
