"""How much memory a process of runs may take: past it, code that asks for more gets a MemoryError instead of the kernel
ending the process. Knows the bound and how to let go of what a failure holds; does not know runs.

Linux counts the process's private writable memory, used or not (RLIMIT_DATA, `man 2 setrlimit`, since 4.7). Nothing
tells whose it is: whoever asks for what is not there any more gets the error.
"""

import gc
import sys
import traceback
from pathlib import Path

import structlog

from coachwork.errors import OutOfMemory

log = structlog.get_logger(__name__)
_STATUS = Path("/proc/self/status")
_MB = 1024 * 1024


class MemoryBound:
    """Let the process have `megabytes` more than it has when this is started, until it is stopped."""

    def __init__(self, megabytes: int) -> None:
        self._megabytes = megabytes
        self._before: int | None = None

    def start(self) -> None:
        """Says in the log what was set, or that this system can't."""
        if sys.platform != "linux":
            log.warning("worker.memory_not_bounded", why=f"{sys.platform} has no such limit; it is there on Linux")
            return
        import resource

        self._before, hard = resource.getrlimit(resource.RLIMIT_DATA)
        limit = taken() + self._megabytes * _MB
        known = [each for each in (limit, self._before, hard) if each != resource.RLIM_INFINITY]
        resource.setrlimit(resource.RLIMIT_DATA, (min(known), hard))
        log.info("worker.memory_bounded", megabytes=min(known) // _MB, more=self._megabytes)

    def stop(self) -> None:
        if self._before is not None and sys.platform == "linux":
            import resource

            resource.setrlimit(resource.RLIMIT_DATA, (self._before, resource.getrlimit(resource.RLIMIT_DATA)[1]))
            self._before = None


def taken() -> int:
    """The bytes of this process that its bound counts. Linux only."""
    line = next(line for line in _STATUS.read_text().splitlines() if line.startswith("VmData:"))
    return int(line.split()[1]) * 1024


def out_of_memory(failure: MemoryError) -> OutOfMemory:
    """Let go of what the failed code held, which its traceback keeps, and give the error of its run."""
    error: BaseException | None = failure
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        traceback.clear_frames(error.__traceback__)
        error = error.__cause__ or error.__context__
    gc.collect()
    return OutOfMemory(_bound_mb())


def _bound_mb() -> int | None:
    """What this process may have; None where nothing but the machine bounds it."""
    if sys.platform != "linux":
        return None
    import resource

    soft = resource.getrlimit(resource.RLIMIT_DATA)[0]
    return None if soft == resource.RLIM_INFINITY else soft // _MB
