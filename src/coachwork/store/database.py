"""One database behind one URL: SQLite (WAL) or PostgreSQL. Knows transactions; does not know what the tables mean.

Writes go through one thread that commits what has gathered in one transaction, so a burst of
small rows costs one commit and no writer of this process waits for another. Reads run beside it.
While PostgreSQL is away, as for a restart, both wait and are tried again; nothing is written twice.
"""

import asyncio
import queue
import random
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import sqlalchemy as sa
import structlog

from coachwork.errors import DatabaseFull
from coachwork.store.behind import Behind, Undone
from coachwork.store.commits import Marks

T = TypeVar("T")
Work = Callable[[sa.Connection], Any]
log = structlog.get_logger(__name__)

_BATCH = 500
_GATHER_SECONDS = 0.05
_PATIENCE_SECONDS = 30
_COLLISIONS = {"40P01", "40001"}  # PostgreSQL: deadlock detected, could not serialize. Undone, and worth another try
_NOT_THERE = {None, "57P01", "57P02", "57P03"}  # no answer; it is shut down, it has crashed, it is starting
_NO_ROOM = "53100"  # PostgreSQL: disk full
_TRIES = 5
_TRUSTED_SECONDS = 1.0  # a connection that was used so lately is not asked whether it lives
_AWAY_SECONDS = 120.0  # a restart takes seconds, a new primary a minute or two
_ASK_AGAIN_SECONDS = (0.05, 1.0)  # the first pause, and the longest


def open_engine(url: str) -> sa.Engine:
    """An engine for `url`. SQLite gets WAL, NORMAL durability and a patient busy timeout; its folder is made.

    On SQLite a transaction with the execution option `write=True` takes the write lock at its start,
    because a read that turns into a write may be refused at once instead of waiting.
    """
    parsed = sa.make_url(url)
    if parsed.get_backend_name() != "sqlite":
        return _postgres(parsed)
    if parsed.database and parsed.database != ":memory:":
        Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
    engine = sa.create_engine(parsed, connect_args={"timeout": _PATIENCE_SECONDS, "check_same_thread": False})

    @sa.event.listens_for(engine, "connect")
    def _prepare(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # we begin transactions ourselves, below
        prepare_sqlite(connection)

    @sa.event.listens_for(engine, "begin")
    def _begin(connection: sa.Connection) -> None:
        write = connection.get_execution_options().get("write", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")

    return engine


def _postgres(url: sa.URL) -> sa.Engine:
    """An engine whose connections are asked whether they live where they were idle; one in use costs no such trip."""
    engine = sa.create_engine(url.set(drivername="postgresql+psycopg"))

    @sa.event.listens_for(engine, "checkin")
    def _note(_connection: Any, record: Any) -> None:
        record.info["idle_since"] = time.monotonic()

    @sa.event.listens_for(engine, "checkout")
    def _ask(connection: Any, record: Any, _proxy: Any) -> None:
        if time.monotonic() - record.info.get("idle_since", time.monotonic()) < _TRUSTED_SECONDS:
            return
        try:
            engine.dialect.do_ping(connection)
        except engine.dialect.loaded_dbapi.Error as error:
            raise sa.exc.DisconnectionError from error  # the pool opens another one

    return engine


def connect_patiently(engine: sa.Engine) -> None:
    """Have who connects by an engine wait while PostgreSQL is away, for a library that gives up too soon."""

    @sa.event.listens_for(engine, "do_connect")
    def _connect(dialect: Any, _record: Any, given: Any, options: Any) -> Any:
        patience = _Patience()
        while True:
            try:
                return dialect.connect(*given, **options)
            except dialect.loaded_dbapi.OperationalError as error:
                if error.sqlstate not in _NOT_THERE or not patience.wait():
                    raise


def prepare_sqlite(connection: sqlite3.Connection) -> None:
    """Write-ahead logging, NORMAL durability, foreign keys, and patience, on a new connection.

    The change to write-ahead logging is made once in a file's life and, unlike everything after it,
    does not wait for who else opens the file at that moment (https://www.sqlite.org/wal.html): we do.
    Raises sqlite3.OperationalError where the file stays locked.
    """
    # secure_delete: what is deleted is overwritten in the file, as https://www.sqlite.org/pragma.html has it
    lasting = "synchronous=NORMAL", "foreign_keys=ON", "secure_delete=ON"
    for pragma in (f"busy_timeout={1000 * _PATIENCE_SECONDS}", *lasting):
        connection.execute(f"PRAGMA {pragma}")
    give_up = time.monotonic() + _PATIENCE_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError:
            if time.monotonic() > give_up:
                raise
            time.sleep(random.uniform(0.002, 0.02))


class _Piece(NamedTuple):
    """Something to be written, and who waits for it. What is not `hurried` may wait for others."""

    work: Work
    future: "Future[Any]"
    hurried: bool


_Outcome = tuple[Any, BaseException | None]


class Database:
    """Reads and writes of one process. Open with `Database(url)`, then `migrate()`; `close()` flushes."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.engine = open_engine(url)
        self._work: queue.SimpleQueue[_Piece | None] = queue.SimpleQueue()
        self._marks = Marks(self.engine)
        self._closing = False
        self._accepting = threading.Lock()
        self._writing: _Written | None = None
        # Each statement of a reader sees what is committed by then, in a transaction or not: it needs none
        self._reading = self.engine
        if self.engine.dialect.name == "postgresql":
            self._reading = self.engine.execution_options(isolation_level="AUTOCOMMIT")
        self._readers = ThreadPoolExecutor(4, thread_name_prefix="coachwork-read")
        self._writer = threading.Thread(target=self._write_loop, name="coachwork-write", daemon=True)
        self._writer.start()

    def migrate(self) -> None:
        """Bring the tables to this version's shape."""
        from coachwork.store.migrations import upgrade

        upgrade(self.engine)

    async def read(self, work: Callable[[sa.Connection], T]) -> T:
        """Run `work` in a transaction of its own, beside the event loop."""
        return await asyncio.get_running_loop().run_in_executor(self._readers, self.read_now, work)

    def read_now(self, work: Callable[[sa.Connection], T]) -> T:
        patience = _Patience()
        while True:
            try:
                with self._reading.connect() as connection:
                    return work(connection)
            except sa.exc.DBAPIError as error:
                if not _away(error) or self._closing or not patience.wait():
                    raise

    async def write(self, work: Callable[[sa.Connection], T]) -> T:
        """Run `work` in the writer's transaction and return once it is committed.

        An exception of `work` undoes its own statements only, and is raised here.
        """
        return await asyncio.wrap_future(self.write_soon(work))

    def write_soon(self, work: Callable[[sa.Connection], T]) -> "Future[T]":
        """Queue `work` for the writer; the future resolves on commit. Order of calls is kept."""
        return self._queue(work, hurried=True)

    def write_later(self, work: Callable[[sa.Connection], T]) -> "Future[T]":
        """As `write_soon`, for what nobody waits for: it may wait 50 ms for others to share its commit."""
        return self._queue(work, hurried=False)

    def _queue(self, work: Work, *, hurried: bool) -> "Future[Any]":
        future: Future[Any] = Future()
        future.set_running_or_notify_cancel()  # who stops waiting does not undo what was asked for
        with self._accepting:  # what comes behind the end would be waited for without end
            if not self._closing:
                self._work.put(_Piece(work, future, hurried))
                return future
        future.set_exception(_closed())
        return future

    async def scrub(self) -> bool:
        """Take off the disk what was deleted so far; False where a reader holds SQLite's log back: ask again later.

        PostgreSQL does it by its own VACUUM: nothing is done there, and True given.
        """
        if self.engine.dialect.name != "sqlite":
            return True
        self.flush()

        def truncate() -> bool:
            connection = self.engine.raw_connection()
            try:
                busy, _frames, _moved = connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            finally:
                connection.close()
            return not busy

        return await asyncio.get_running_loop().run_in_executor(self._readers, truncate)

    def flush(self) -> None:
        """Return once everything queued before is committed."""
        self.write_soon(lambda _connection: None).result()

    def close(self) -> None:
        with self._accepting:
            self._closing = True
            self._work.put(None)
        self._writer.join(timeout=30)
        self._readers.shutdown()
        self.engine.dispose()

    def _write_loop(self) -> None:
        while (first := self._work.get()) is not None:
            batch, last = [first], False
            patience = 0.0 if first.hurried else time.monotonic() + _GATHER_SECONDS
            while len(batch) < _BATCH:
                left = patience - time.monotonic()
                try:
                    item = self._work.get(timeout=left) if left > 0 else self._work.get_nowait()
                except queue.Empty:
                    break
                if item is None:
                    last = True
                    break
                batch.append(item)
                patience = 0.0 if item.hurried else patience
            self._commit(batch)
            if last:
                break
        self._let_go()

    def _commit(self, batch: "list[_Piece]", tries: int = _TRIES) -> None:
        """Run the batch in one transaction; futures resolve after the commit.

        What collided with another process on PostgreSQL was undone, and is run again by itself.
        """
        try:
            outcomes = self._outcomes(batch)
        except Exception as error:  # whatever it is, the writer lives on, and who waits is told
            log.error("database.write_failed", error=str(error.__class__.__name__), pieces=len(batch))
            outcomes = [(None, error)] * len(batch)
        for piece, (result, failure) in zip(batch, outcomes, strict=True):
            if failure is None:
                piece.future.set_result(result)
            elif _collided(failure) and tries > 1:
                self._commit([piece], tries - 1)
            else:
                piece.future.set_exception(_told(failure))

    def _outcomes(self, batch: "list[_Piece]") -> list[_Outcome]:
        """What came of each piece, committed. While the server is away the whole is tried again.

        Where a piece fails all is undone, and made again with each piece behind a savepoint: that costs two statements
        a piece, and hardly any fails. A try that was lost at its commit may have come through all the same: then the
        next one finds its mark.
        """
        number, lost, patience = self._marks.next(), list[_Outcome](), _Patience()
        careful, why = False, ""
        while True:
            outcomes: list[_Outcome] = []
            try:
                with self._transaction(waiting=not (careful or lost)) as written:
                    if not self._marks.set(written.connection, number) and lost:
                        return lost
                    for piece in batch:
                        outcomes.append(_outcome(piece, written.connection, savepoint=careful))
                        if outcomes[-1][1] is not None and not careful:
                            break
                    else:
                        written.commit()
                if careful or outcomes[-1][1] is None or (len(batch) == 1 and not written.failed):
                    if careful and all(failure is None for _result, failure in outcomes):
                        log.warning("database.went_well_singly", pieces=len(batch), before=why)
                    return outcomes
                careful, why = True, type(outcomes[-1][1]).__name__
            except Undone as error:
                if careful:
                    raise
                careful, why = True, type(error.orig).__name__
            except sa.exc.DBAPIError as error:
                lost = outcomes if len(outcomes) == len(batch) else lost
                if not _away(error) or self._closing or not patience.wait():
                    raise

    @contextmanager
    def _transaction(self, *, waiting: bool) -> Iterator["_Written"]:
        """A transaction of the writer, on a connection that it keeps. Undone unless `commit` was called."""
        if self._writing is None:
            self._writing = _Written(self.engine)
        try:
            with self._writing.begin(waiting=waiting):
                yield self._writing
        finally:
            if self._writing.connection.invalidated:
                self._let_go()

    def _let_go(self) -> None:
        if self._writing is not None:
            self._writing.connection.close()
            self._writing = None


class _Written:
    """The connection of the writer. On PostgreSQL what needs no answer goes with the commit: see `store/behind.py`."""

    def __init__(self, engine: sa.Engine) -> None:
        self.connection = engine.connect().execution_options(write=True)
        self._behind: Behind | None = None
        self._committed = False
        if engine.dialect.name == "postgresql":
            self._behind = Behind(self.connection.execution_options(isolation_level="AUTOCOMMIT"))

    @property
    def failed(self) -> bool:
        """Whether a statement that waited failed, whichever piece it belonged to."""
        return self._behind is not None and self._behind.failed

    @contextmanager
    def begin(self, *, waiting: bool) -> Iterator[None]:
        self._committed = False
        if self._behind is not None:
            self._behind.begin(waiting=waiting)
        try:
            with self.connection.begin() as transaction:
                yield
                if not self._committed and transaction.is_active:
                    transaction.rollback()
        finally:
            if self._behind is not None and not self._committed:
                self._behind.undone()

    def commit(self) -> None:
        if self._behind is not None:
            self._behind.commit()
        self._committed = True


def _closed() -> RuntimeError:
    return RuntimeError("the database is closed: nothing is written any more")


def _outcome(piece: _Piece, connection: sa.Connection, *, savepoint: bool) -> _Outcome:
    """Do a piece of work. Where it fails, what it did since its savepoint, or all of the transaction, is undone.

    Raises only where the whole transaction is lost with the connection.
    """
    transaction = connection.begin_nested() if savepoint else connection.get_transaction()
    assert transaction is not None
    try:
        result = piece.work(connection)
        if savepoint:
            transaction.commit()
    except Exception as error:  # the caller's own failure: handed to its future, the batch goes on
        if connection.invalidated:
            raise sa.exc.OperationalError(None, None, error, connection_invalidated=True) from error
        transaction.rollback()
        return None, error
    return result, None


class _Patience:
    """How long a server is waited for that is away, and in what pauses."""

    def __init__(self) -> None:
        self._until = time.monotonic() + _AWAY_SECONDS
        self._pause, self._longest = _ASK_AGAIN_SECONDS
        self._told = False

    def wait(self) -> bool:
        """Pause before another try; False where it is not worth one."""
        if time.monotonic() > self._until:
            return False
        if not self._told:
            log.warning("database.away", patience=f"{_AWAY_SECONDS:.0f} s")
            self._told = True
        time.sleep(random.uniform(0.5, 1) * self._pause)
        self._pause = min(2 * self._pause, self._longest)
        return True


def _away(failure: sa.exc.DBAPIError) -> bool:
    """Whether PostgreSQL's connection broke, or none was to be had. Nothing of the kind happens to a file."""
    if failure.connection_invalidated:
        return True
    connecting = isinstance(failure, sa.exc.OperationalError) and failure.statement is None
    return connecting and type(failure.orig).__module__.startswith("psycopg") and _state(failure) in _NOT_THERE


def _told(failure: BaseException) -> BaseException:
    """The failure as whoever waits is told of it."""
    if isinstance(failure, sa.exc.DBAPIError) and (
        _state(failure) == _NO_ROOM or getattr(failure.orig, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL
    ):
        return DatabaseFull(str(failure.orig))
    return failure


def _collided(failure: BaseException) -> bool:
    return _state(failure) in _COLLISIONS


def _state(failure: BaseException) -> str | None:
    """PostgreSQL's code of an error, None where it could not even be asked."""
    code: str | None = getattr(getattr(failure, "orig", None), "sqlstate", None)
    return code
