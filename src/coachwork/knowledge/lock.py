"""One ingest of a knowledge base at a time, whatever process asks. Knows a locked file; the system frees it on a
kill."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

_POLL_SECONDS = 0.2


@asynccontextmanager
async def exclusive(path: Path, waiting: Callable[[], None]) -> AsyncIterator[None]:
    """Hold the lock of `path` for the block. While another holds it, call `waiting` now and then and try again."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        while not _taken(handle):
            waiting()
            await asyncio.sleep(_POLL_SECONDS)
        yield
    finally:
        os.close(handle)  # closing frees the lock


def _taken(handle: int) -> bool:
    try:
        import fcntl
    except ModuleNotFoundError:
        return _taken_on_windows(handle)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _taken_on_windows(handle: int) -> bool:
    import msvcrt

    try:
        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]
    except OSError:
        return False
    return True
