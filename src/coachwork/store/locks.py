"""Locks that every process of one database shares, and that the system frees when their holder is killed.

On SQLite a lock is a locked file beside the database, on PostgreSQL a session's advisory lock: either reaches as far
as the database does. Knows names; does not know what is done under them.
"""

import asyncio
import contextlib
import hashlib
import os
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import sqlalchemy as sa

from coachwork.store.database import Database

_POLL_SECONDS = (0.005, 0.1)  # the first pause and the longest: most locks are held for a moment


class Held(Protocol):
    """A lock that is held."""

    def release(self) -> None: ...


class Locks:
    """The locks of one database. Not re-entrant: who holds a lock and asks for it again waits for itself."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def take(self, name: str) -> Held | None:
        """The lock called `name`, None where somebody holds it. Who is cancelled meanwhile holds nothing."""
        taking = asyncio.ensure_future(asyncio.to_thread(self._take, name))
        try:
            return await asyncio.shield(taking)
        except asyncio.CancelledError:
            taking.add_done_callback(_give_back)  # a thread goes on: what it takes all the same is given back
            raise

    async def is_held(self, name: str) -> bool:
        """Does anybody hold it? Its holder may be this very process."""
        return await asyncio.to_thread(self._is_held, name)

    @asynccontextmanager
    async def exclusive(self, name: str, waiting: Callable[[], None] | None = None) -> AsyncIterator[None]:
        """Hold a lock for the block. While another holds it, call `waiting` now and then and try again."""
        pause, longest = _POLL_SECONDS
        while (held := await self.take(name)) is None:
            if waiting is not None:
                waiting()
            await asyncio.sleep(pause)
            pause = min(2 * pause, longest)
        try:
            yield
        finally:
            await asyncio.shield(asyncio.to_thread(held.release))

    def _take(self, name: str) -> Held | None:
        if self._database.engine.dialect.name == "postgresql":
            return _session_lock(self._database.engine, name)
        return _file_lock(self._file(name), os.O_CREAT)

    def _is_held(self, name: str) -> bool:
        if self._database.engine.dialect.name == "postgresql":
            held: Held | None = _session_lock(self._database.engine, name)
        else:
            try:
                held = _file_lock(self._file(name), 0)
            except FileNotFoundError:
                return False  # whoever releases a lock takes its file away
        if held is not None:
            held.release()
        return held is None

    def _file(self, name: str) -> Path:
        file = self._database.engine.url.database
        if not file or file == ":memory:":
            place = Path(tempfile.gettempdir()) / f"coachwork-locks-{os.getpid()}"
        else:
            place = Path(f"{file}.locks")
        place.mkdir(parents=True, exist_ok=True)
        return place / hashlib.sha256(name.encode()).hexdigest()[:24]


def _give_back(taking: "asyncio.Future[Held | None]") -> None:
    if not taking.cancelled() and taking.exception() is None and (held := taking.result()) is not None:
        held.release()


# ── A file ─────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class _File:
    handle: int
    path: Path

    def release(self) -> None:
        with contextlib.suppress(OSError):  # Windows takes no open file away: it stays, and is locked again
            self.path.unlink()
        os.close(self.handle)  # frees the lock


def _file_lock(path: Path, more: int) -> _File | None:
    """Raises FileNotFoundError without `os.O_CREAT` where there is no such file."""
    while True:
        handle = os.open(path, os.O_RDWR | more, 0o644)
        if not _locked(handle):
            os.close(handle)
            return None
        try:
            same = os.path.samestat(os.fstat(handle), path.stat())
        except FileNotFoundError:
            same = False
        if same:
            return _File(handle, path)
        os.close(handle)  # its holder took the file away between our two calls: this lock keeps nobody out


def _locked(handle: int) -> bool:
    try:
        import fcntl
    except ModuleNotFoundError:
        return _locked_on_windows(handle)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _locked_on_windows(handle: int) -> bool:
    import msvcrt

    try:
        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]
    except OSError:
        return False
    return True


# ── A session ──────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class _Session:
    connection: sa.Connection
    key: int

    def release(self) -> None:
        try:
            self.connection.execute(sa.select(sa.func.pg_advisory_unlock(self.key)))
        except sa.exc.DBAPIError:
            self.connection.invalidate()  # the server is gone, and the lock with it
        finally:
            self.connection.close()


def _session_lock(engine: sa.Engine, name: str) -> _Session | None:
    key = int.from_bytes(hashlib.sha256(f"coachwork {name}".encode()).digest()[:8], "big", signed=True)
    connection = engine.connect().execution_options(isolation_level="AUTOCOMMIT")
    try:
        if connection.execute(sa.select(sa.func.pg_try_advisory_lock(key))).scalar():
            return _Session(connection, key)
    except BaseException:
        connection.close()
        raise
    connection.close()
    return None
