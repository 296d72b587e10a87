"""Statements whose results nobody needs: on PostgreSQL they wait, and go with their transaction's commit in one trip.

Knows libpq's pipeline (https://www.postgresql.org/docs/current/libpq-pipeline-mode.html) and how a value is written as
text; does not know what is written. A statement that needs its result sends what waits before it. Where one that
waited fails, all of the transaction is undone, and made again by `Database` with each statement at its time.
On SQLite nothing is far: there each is given to the driver at once, which takes a tenth of SQLAlchemy's way to it.
"""

import json
import sqlite3
from collections.abc import Generator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import sqlalchemy as sa

if TYPE_CHECKING:
    import psycopg

_BOOLEAN = 16  # PostgreSQL's number of the one type that SQLAlchemy writes without a cast
_OPTION = "behind"


class Prepared:
    """A statement that runs often. Its text for a driver is made once for each set of columns that is given."""

    def __init__(self, statement: sa.Insert | sa.Update | sa.Delete) -> None:
        self.statement = statement.execution_options(preserve_rowcount=True)
        self._texts: dict[tuple[bool, tuple[str, ...]], _Text] = {}
        self._for_sqlite: dict[tuple[str, ...], _Text] = {}

    def text(self, names: tuple[str, ...], *, must: bool) -> "_Text":
        if (made := self._texts.get((must, names))) is None:
            made = self._texts[must, names] = _text(self.statement, names, must=must)
        return made

    def for_sqlite(self, names: tuple[str, ...]) -> "_Text":
        if (made := self._for_sqlite.get(names)) is None:
            from sqlalchemy.dialects import sqlite

            dialect = sqlite.dialect(paramstyle="qmark")
            made = self._for_sqlite[names] = _compiled(self.statement, names, dialect)
        return made


class _Text(NamedTuple):
    """A statement with $1, $2 … (for SQLite ?, ? …) for its values. Two are the same where their `sql` is."""

    sql: bytes
    types: tuple[int, ...]
    values: tuple[tuple[str, bool], ...]  # the name of each, and whether it is JSON
    fixed: Mapping[str, Any]

    def filled(self, given: Mapping[str, Any]) -> list[bytes | None] | None:
        """Its values as PostgreSQL reads them; None where one can't be written so."""
        found: list[bytes | None] = []
        for name, is_json in self.values:
            value = given[name] if name in given else self.fixed[name]
            if value is None:
                found.append(None)
                continue
            try:
                written = (json.dumps(value) if is_json else _plain(value)).encode()
            except (TypeError, ValueError):  # the driver says better what is wrong with it
                return None
            if b"\0" in written:  # libpq would end it there
                return None
            found.append(written)
        return found

    def for_sqlite(self, given: Mapping[str, Any]) -> list[Any]:
        """Its values as SQLite's driver takes them."""
        values = [(given[name] if name in given else self.fixed[name], is_json) for name, is_json in self.values]
        return [json.dumps(value) if is_json and value is not None else value for value, is_json in values]


def _plain(value: object) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "t" if value else "f"
    if isinstance(value, int | float):
        return repr(value)
    raise TypeError(f"{type(value).__name__} is not written as text here")


def _text(statement: sa.Insert | sa.Update | sa.Delete, names: tuple[str, ...], *, must: bool) -> _Text:
    """The text of a statement. One that `must` change a row fails where it does not, by a division by zero."""
    from sqlalchemy.dialects.postgresql import psycopg

    dialect = psycopg.dialect(paramstyle="numeric_dollar")  # type: ignore[no-untyped-call]
    text = _compiled(statement, names, dialect)
    if not must:
        return text
    return text._replace(sql=b"WITH made AS (%b RETURNING 1) SELECT 1 / count(*) FROM made" % text.sql)


def _compiled(statement: sa.Insert | sa.Update | sa.Delete, names: tuple[str, ...], dialect: sa.Dialect) -> _Text:
    compiled: Any = statement.compile(dialect=dialect, column_keys=list(names))
    fixed, order = compiled.construct_params(_check=False), compiled.positiontup or []
    types = {name: bind.type for name, bind in compiled.binds.items()}
    return _Text(
        compiled.string.encode(),
        tuple(_BOOLEAN if isinstance(types.get(name), sa.Boolean) else 0 for name in order),
        tuple((name, isinstance(types.get(name), sa.JSON)) for name in order),
        fixed,
    )


def later(connection: sa.Connection, statement: Prepared, values: Mapping[str, Any]) -> None:
    """Execute a statement, now or with the commit."""
    if not _waits(connection, statement, values, must=False):
        _now(connection, statement, [values])


def all_later(connection: sa.Connection, statement: Prepared, rows: Sequence[Mapping[str, Any]]) -> None:
    """Execute a statement for each of some rows, which have the same columns, now or with the commit."""
    ahead = 0
    while ahead < len(rows) and _waits(connection, statement, rows[ahead], must=False):
        ahead += 1
    if ahead < len(rows):
        _now(connection, statement, rows[ahead:])


def changes(connection: sa.Connection, statement: Prepared, values: Mapping[str, Any]) -> bool:
    """Execute a statement, now or with the commit, and tell whether it changed a row.

    Where it waits that is taken for granted: the transaction does not come through without.
    """
    return _waits(connection, statement, values, must=True) or _now(connection, statement, [values]) > 0


def _now(connection: sa.Connection, statement: Prepared, rows: Sequence[Mapping[str, Any]]) -> int:
    """Execute a statement for each of some rows, and give how many it changed."""
    if connection.dialect.name != "sqlite":
        return connection.execute(statement.statement, rows if len(rows) > 1 else rows[0]).rowcount
    text = statement.for_sqlite(tuple(rows[0]))
    driver: Any = connection.connection.driver_connection
    try:
        cursor = driver.executemany(text.sql.decode(), [text.for_sqlite(row) for row in rows])
    except sqlite3.Error as error:
        raise sa.exc.DBAPIError.instance(
            text.sql.decode(), None, error, sqlite3.Error, dialect=connection.dialect
        ) from error
    return int(cursor.rowcount)


def _waits(connection: sa.Connection, statement: Prepared, values: Mapping[str, Any], *, must: bool) -> bool:
    behind: Behind | None = connection.get_execution_options().get(_OPTION)
    if behind is None or not behind.waiting:
        return False
    text = statement.text(tuple(values), must=must)
    filled = text.filled(values)
    if filled is not None:
        behind.add(text, filled)
    return filled is not None


class Undone(sa.exc.DBAPIError):
    """A statement that had waited failed, and all of the transaction with it; whose it was is not told."""


class Behind:
    """The transactions of a connection to PostgreSQL that is kept: what waits in them, begin and commit included."""

    def __init__(self, connection: sa.Connection) -> None:
        """The connection must begin no transaction by itself (AUTOCOMMIT): that is sent here, with all the rest."""
        self.waiting = True
        self.failed = False
        self._connection = connection.execution_options(**{_OPTION: self})
        self._queue: list[_Sent] = []
        self._begun = False  # the server knows of the transaction
        self._names: dict[bytes, bytes] = {}  # of statements that the server has prepared, by their text
        self._forgotten = False  # they are to be prepared again
        sa.event.listen(connection, "before_cursor_execute", self._before)

    def begin(self, *, waiting: bool) -> None:
        """A transaction begins. Where it is not one in which statements are `waiting`, each is executed at its time."""
        self.waiting, self.failed, self._begun = waiting, False, False
        self._queue = [(_BEGIN, [])]
        if self._forgotten:
            self._queue.insert(0, (_FORGET, []))
            self._names, self._forgotten = {}, False

    def add(self, text: _Text, values: list[bytes | None]) -> None:
        self._queue.append((text, values))

    def commit(self) -> None:
        """Send what waits, and commit. Raises sqlalchemy.exc.DBAPIError where any of it failed: all is undone then."""
        self._queue.append((_COMMIT, []))
        self._send()

    def undone(self) -> None:
        """The transaction was rolled back. Psycopg then lets go of all that is prepared on the connection; we too."""
        self._queue, self._forgotten = [], self._forgotten or self._begun

    def _before(self, *_execution: Any) -> None:
        if self._queue:
            self._send()

    def _send(self) -> None:
        import psycopg

        queue, self._queue, self._begun = self._queue, [], True
        driver: Any = self._connection.connection.driver_connection
        try:
            failure = _trip(driver, queue, self._names)
        except psycopg.Error as error:
            self.failed = True
            self._connection.invalidate(error)
            raise sa.exc.OperationalError(None, None, error, connection_invalidated=True) from error
        if failure is not None:
            self.failed = True
            if driver.info.transaction_status == psycopg.pq.TransactionStatus.IDLE:
                self._connection.invalidate(failure)  # the end itself failed: psycopg, asked to roll back, does nothing
            raise Undone("what waited for the commit", None, failure) from failure


_Sent = tuple[_Text, list[bytes | None]]
_BEGIN, _COMMIT, _FORGET = (_Text(sql, (), (), {}) for sql in (b"BEGIN", b"COMMIT", b"DEALLOCATE ALL"))
_PLAIN = {_BEGIN.sql, _COMMIT.sql, _FORGET.sql}  # not prepared


def _trip(driver: Any, queue: list[_Sent], names: dict[bytes, bytes]) -> "psycopg.Error | None":
    """Send statements to the server in one go; give the error of the first that failed: it does none of the others.

    Raises psycopg.Error where the connection is lost.
    """
    from psycopg import errors, pq

    server = driver.pgconn
    server.enter_pipeline_mode()
    for text, values in queue:
        if text.sql in _PLAIN:
            server.send_query_params(text.sql, None)
            continue
        if (name := names.get(text.sql)) is None:
            name = names[text.sql] = b"coachwork_%d" % len(names)
            server.send_prepare(name, text.sql, text.types)
        server.send_query_prepared(name, values)
    server.pipeline_sync()
    results = driver.wait(_results(server))
    server.exit_pipeline_mode()
    for result in results:
        if result.status == pq.ExecStatus.FATAL_ERROR:
            return errors.error_from_result(result)
    if queue[-1][0] is _COMMIT and results[-1].command_status != b"COMMIT":  # a failure was swallowed before
        return errors.InFailedSqlTransaction(f"the commit was answered with {results[-1].command_status!r}")
    return None


def _results(server: Any) -> Generator[Any, Any, list[Any]]:
    """The results of all that was sent, as psycopg waits for them (https://www.psycopg.org/psycopg3/docs/api/pq.html).

    Raises psycopg.Error where the connection is lost.
    """
    import psycopg
    from psycopg import generators, pq

    yield from generators.send(server)
    heard: list[Any] = []
    while True:
        some = yield from generators.fetch_many(server)
        if not some and server.status == pq.ConnStatus.BAD:
            raise psycopg.OperationalError("the connection to the server was lost")
        if some and some[0].status == pq.ExecStatus.PIPELINE_SYNC:
            return heard
        heard += some
