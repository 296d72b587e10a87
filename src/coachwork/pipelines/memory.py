"""How much memory a process of runs may take: who asks for too much is stopped, before the kernel ends the process.

Knows what the process holds and how to let go of what a failure holds; does not know whose it is, which nothing tells.
Linux only: two bounds. What is really in use is looked at many times a second, and past it the code is stopped that
works at that moment. A single huge request never gets so far: it fails at once, by RLIMIT_DATA (`man 2 setrlimit`),
which counts what is reserved as well, used or not, and so needs room for threads and libraries.
"""

import ctypes
import gc
import os
import sys
import threading
import time
import traceback
from collections.abc import Callable
from pathlib import Path

import structlog

from coachwork.errors import OutOfMemory
from coachwork.tracing.scope import Scope, current_scope

log = structlog.get_logger(__name__)
_STATM = Path("/proc/self/statm")
_MB = 1024 * 1024
_RESERVED_MB = 1024  # by threads and libraries, and hardly used
_LOOK_SECONDS = 0.05
_ASKS = 10  # in the time of a look
_GROWS_MB = 4  # in a look
_SETTLE_SECONDS = 1.0  # until what was stopped has let go of its memory


class MemoryWatch:
    """Lets the process have `megabytes` more than it has when this is started.

    Past that it calls `stop_code(let_go)` from a thread of its own: `let_go()` is to be called in the code that works,
    and says whether to stop it.
    """

    def __init__(self, megabytes: int, stop_code: Callable[[Callable[[], bool]], None]) -> None:
        self._megabytes = megabytes
        self._stop_code = stop_code
        self._before: int | None = None
        self._let_go_of = threading.Event()
        self._stopped = threading.Event()

    def start(self) -> None:
        """Says in the log what was set, or that this system can't."""
        if sys.platform != "linux":
            log.warning("worker.memory_not_bounded", why=f"{sys.platform} does not have what it takes; Linux does")
            return
        import resource

        self._before, hard = resource.getrlimit(resource.RLIMIT_DATA)
        reserved = _pages(5) + (self._megabytes + _RESERVED_MB) * _MB
        known = [each for each in (reserved, self._before, hard) if each != resource.RLIM_INFINITY]
        resource.setrlimit(resource.RLIMIT_DATA, (min(known), hard))
        bound = in_use() + self._megabytes * _MB
        log.info("worker.memory_bounded", megabytes=bound // _MB, at_once=min(known) // _MB)
        threading.Thread(target=self._watch, args=[bound], name="coachwork-memory", daemon=True).start()

    def stop(self) -> None:
        self._stopped.set()
        if self._before is not None:
            import resource

            resource.setrlimit(resource.RLIMIT_DATA, (self._before, resource.getrlimit(resource.RLIMIT_DATA)[1]))
            self._before = None

    def _watch(self, bound: int) -> None:
        allowed = bound
        while not self._stopped.wait(_LOOK_SECONDS):
            try:
                held = in_use()
                if held <= bound:
                    allowed = bound
                if held <= allowed:
                    continue
                if self._asked_to_let_go():
                    allowed = self._settled(bound, in_use())
            except Exception as error:  # whatever it is, the watch goes on
                log.error("worker.watch_failed", exc_info=error)

    def _asked_to_let_go(self) -> bool:
        """Whether a run let go. Asked in quick turns: between two lines of its own code whoever it is can't be met."""
        self._let_go_of.clear()
        for _ in range(_ASKS):
            self._stop_code(self._let_go)
            if self._let_go_of.wait(_LOOK_SECONDS / _ASKS):
                return True
        return False

    def _settled(self, bound: int, at_stop: int) -> int:
        """Wait until what was stopped has let go of its memory; what is allowed from then on.

        Who takes more meanwhile is the next. Nobody else is stopped for what is merely not given back.
        """
        quarter = self._megabytes * _MB // 4
        until = time.monotonic() + _SETTLE_SECONDS
        while time.monotonic() < until and not self._stopped.wait(_LOOK_SECONDS):
            if not bound < in_use() < at_stop + quarter:
                return bound
        give_back()
        before = in_use()
        self._stopped.wait(_LOOK_SECONDS)
        kept = in_use()
        if kept <= bound or kept > before + _GROWS_MB * _MB:
            return bound
        log.warning("worker.memory_kept", megabytes=kept // _MB, allowed=(kept + quarter) // _MB)
        return kept + quarter

    def _let_go(self) -> bool:
        """Let go of the run whose code calls this, in the end; False where it is no run's, or was let go of."""
        from coachwork.pipelines.run_scope import RunScope

        scope: Scope = current_scope()
        if self._let_go_of.is_set():  # asked twice, and one is enough
            return False
        if not isinstance(scope, RunScope) or not scope.hold.end(OutOfMemory(self._megabytes)):
            return False
        self._let_go_of.set()
        return True


def in_use() -> int:
    """The bytes that this process alone has in memory."""
    return _pages(1) - _pages(2)


def _pages(column: int) -> int:
    """A column of /proc/self/statm (`man 5 proc`), in bytes."""
    return int(_STATM.read_text().split()[column]) * os.sysconf("SC_PAGE_SIZE")


def release(failure: BaseException) -> None:
    """Let go of what failed code held: the traceback keeps its frames, and they keep everything."""
    error: BaseException | None = failure
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        traceback.clear_frames(error.__traceback__)
        error = error.__cause__ or error.__context__
    gc.collect()
    give_back()


def give_back() -> None:
    """Give what is free back to the system, where the C library can: else the process keeps it for itself."""
    if sys.platform == "linux" and (trim := getattr(ctypes.CDLL(None), "malloc_trim", None)):
        trim(0)
