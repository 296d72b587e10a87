"""The database behind an index in PostgreSQL: its extension, its list of tables, its connections. Knows no passage."""

import asyncio
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, TypeVar

import sqlalchemy as sa

from coachwork.errors import NotInstalled, ProjectError

if TYPE_CHECKING:
    from coachwork.knowledge.pgvector import PostgresIndex

T = TypeVar("T")

SCHEMA = "coachwork_index"
WORD_PLACES = 1_000_000_000  # the dimensions of a sparse vector of words, as many as pgvector takes
_LOCK = 0x636F6163696478  # a number that only we use: who makes tables waits for who else does
_CONNECTIONS = 8  # of a process at once, each with a thread; what else waits in line costs the server nothing
_OLDEST = (0, 8)  # of pgvector: the first that goes on searching where a filter lets few through


@dataclass(frozen=True)
class Table:
    """A row of our list: `place` is the table's name in the database, `total` its passages at the last count, `near`
    says that it has an index of vectors."""

    place: str
    dimensions: int
    total: int
    near: bool


@dataclass
class Estimates:
    """What the planner estimated for a filter a moment ago, so that not every search asks again."""

    seconds: float = 30.0
    most: int = 1000
    _kept: dict[str, tuple[float, float]] = field(default_factory=dict)  # by question: the answer, and when

    def of(self, question: str, ask: Callable[[], float]) -> float:
        kept = self._kept.get(question)
        if kept is not None and time.monotonic() - kept[1] < self.seconds:
            return kept[0]
        answer = ask()
        if len(self._kept) >= self.most:
            self._kept.clear()
        self._kept[question] = (answer, time.monotonic())
        return answer

    def clear(self) -> None:
        self._kept.clear()


class PostgresStore:
    """The tables of one database. Connections are pooled, and used in threads of our own beside the event loop: many
    searches neither wait for what else the process does in threads, nor hold it up.

    `exact_up_to` is how many passages are compared each with a question, which needs no index and misses nothing.
    """

    def __init__(self, url: str, exact_up_to: int = 20_000) -> None:
        self.exact_up_to = exact_up_to
        self.estimates = Estimates()
        self._url = url
        self._engine: sa.Engine | None = None
        self._opening = threading.Lock()
        self._threads = ThreadPoolExecutor(_CONNECTIONS, "coachwork-index")

    async def tables(self) -> list[str]:
        query = sa.text(f"select name from {SCHEMA}.tables order by name")
        return await self.look(lambda connection: list(connection.execute(query).scalars()))

    async def table(self, name: str) -> Table | None:
        query = sa.text(f"select place, dimensions, total, near from {SCHEMA}.tables where name = :name")
        row = await self.look(lambda connection: connection.execute(query, {"name": name}).one_or_none())
        return None if row is None else Table(*row)

    async def open(self, name: str, language: str) -> "PostgresIndex | None":
        from coachwork.knowledge.pgvector import open_index

        return await open_index(self, name, language)

    async def create(self, name: str, dimensions: int, language: str) -> "PostgresIndex":
        insert = sa.text(
            f"insert into {SCHEMA}.tables (name, dimensions) values (:name, :dimensions)"
            " on conflict (name) do nothing returning place"
        )

        def work(connection: sa.Connection) -> None:
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))
            place = connection.execute(insert, {"name": name, "dimensions": dimensions}).scalar_one_or_none()
            for statement in _made(place, dimensions) if place is not None else ():
                connection.exec_driver_sql(statement)

        await self.run(work)
        index = await self.open(name, language)
        if index is None:
            raise ProjectError(f"the index {name!r} was dropped while it was made", hint="Run the ingest again.")
        return index

    async def drop(self, name: str) -> None:
        gone = sa.text(f"delete from {SCHEMA}.tables where name = :name returning place")

        def work(connection: sa.Connection) -> None:
            place = connection.execute(gone, {"name": name}).scalar_one_or_none()
            if place is not None:
                connection.exec_driver_sql(f"drop table {SCHEMA}.{place}, {SCHEMA}.{place}_rare")

        await self.run(work)

    async def close(self) -> None:
        if self._engine is not None:
            self._engine.dispose()
            self._engine = None
        self._threads.shutdown(wait=False)
        self._threads = ThreadPoolExecutor(_CONNECTIONS, "coachwork-index")  # it may be used again; starts none yet

    def change(self, connection: sa.Connection, table: Table, *, total: int, near: bool | None = None) -> Table:
        """Write down what was counted or made."""
        changed = replace(table, total=total, near=table.near if near is None else near)
        query = sa.text(f"update {SCHEMA}.tables set total = :total, near = :near where place = :place")
        connection.execute(query, {"total": changed.total, "near": changed.near, "place": table.place})
        return changed

    async def run(self, work: Callable[[sa.Connection], T]) -> T:
        """One transaction, beside the event loop."""

        def transaction() -> T:
            with self._opened().begin() as connection:
                return work(connection)

        return await self._beside(transaction)

    async def look(self, work: Callable[[sa.Connection], T]) -> T:
        """Read, each statement by itself: it spares a search two journeys to the server."""

        def reading() -> T:
            with self._opened().connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                return work(connection)

        return await self._beside(reading)

    async def _beside(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)

    async def alone(self, *statements: str) -> None:
        """Statements that PostgreSQL takes outside of a transaction alone, on a connection of their own."""

        def work() -> None:
            engine = _engine(self._url, poolclass=sa.NullPool)
            with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                for statement in statements:
                    connection.exec_driver_sql(statement)

        await asyncio.to_thread(work)

    def _opened(self) -> sa.Engine:
        with self._opening:  # of many searches at once the first opens, the others wait for it
            if self._engine is None:
                engine = _engine(self._url)
                _prepare(engine, self._url)
                self._engine = engine
            return self._engine


def _engine(url: str, poolclass: type[sa.Pool] | None = None) -> sa.Engine:
    try:
        engine = sa.create_engine(
            sa.make_url(url).set(drivername="postgresql+psycopg"),
            # Never prepared: a plan for any filter suits none, and pooling proxies want none kept.
            connect_args={"prepare_threshold": None},
            pool_pre_ping=True,
            **({"poolclass": poolclass} if poolclass else {"pool_size": _CONNECTIONS, "max_overflow": 0}),
        )
    except ModuleNotFoundError as error:
        raise NotInstalled(
            f"an index in PostgreSQL needs the Python package {error.name!r}",
            hint='Install it: pip install "coachwork[postgres]"',
        ) from None

    @sa.event.listens_for(engine, "connect")
    def _no_compiler(connection: Any, _record: Any) -> None:
        with connection.cursor() as cursor:
            cursor.execute("set jit = off")  # to compile a plan takes longer than any search
        connection.commit()

    return engine


def both(connection: sa.Connection, settings: str, query: str, values: Mapping[str, Any]) -> Sequence[Any]:
    """The rows of `query` on a connection without a transaction, `settings` before it, both in one journey.

    psycopg's pipeline makes one transaction of them: what is set locally holds for the query alone.
    """
    import psycopg

    driver: Any = connection.connection.driver_connection
    try:
        with driver.pipeline():
            driver.execute(settings)
            rows: Sequence[Any] = driver.execute(str(sa.text(query).compile(connection)), values).fetchall()
            return rows
    except psycopg.Error as error:
        if driver.closed:
            connection.invalidate(error)
        raise sa.exc.DBAPIError.instance(
            query, values, error, psycopg.Error, connection_invalidated=driver.closed, dialect=connection.dialect
        ) from error


def _prepare(engine: sa.Engine, url: str) -> None:
    """Make the extension, our schema and its list of tables where they are not there yet."""
    shown = sa.make_url(url).render_as_string(hide_password=True)
    try:
        with engine.begin() as connection:
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))
            connection.exec_driver_sql("create extension if not exists vector")
            if connection.execute(sa.select(sa.func.to_regclass(f"{SCHEMA}.tables"))).scalar() is None:
                for statement in _LIST:
                    connection.exec_driver_sql(statement)
            version = connection.exec_driver_sql(
                "select extversion from pg_extension where extname = 'vector'"
            ).scalar()
    except sa.exc.OperationalError as error:
        raise ProjectError(
            f"the index at {shown!r} can't be reached: {str(error.orig).splitlines()[0]}",
            hint="Check `index` in coachwork.toml, and that the server is up.",
        ) from None
    except sa.exc.DBAPIError as error:
        raise ProjectError(
            f"the index at {shown!r} can't be prepared: {str(error.orig).splitlines()[0]}",
            hint="It needs the extension pgvector, and the right to make it (CREATE EXTENSION vector) and a schema.",
        ) from None
    if tuple(int(part) for part in str(version).split(".")[:2]) < _OLDEST:
        raise ProjectError(
            f"the index at {shown!r} has pgvector {version}, which loses passages where a filter lets few through",
            hint="Install pgvector 0.8 or newer, then: ALTER EXTENSION vector UPDATE;",
        )


_LIST = (
    f"create schema if not exists {SCHEMA}",
    f"create sequence {SCHEMA}.places",
    f"create table {SCHEMA}.tables (name text primary key, place text not null unique default"
    f" 'p' || nextval('{SCHEMA}.places'), dimensions integer not null, total bigint not null default 0,"
    " near boolean not null default false)",
)


def _made(place: str, dimensions: int) -> list[str]:
    table = f"{SCHEMA}.{place}"
    return [
        f"create table {table} (id text primary key, document text not null, version text not null,"
        ' position integer not null, start bigint not null, "end" bigint not null, page integer, title text not null,'
        " title_path text[] not null, text text not null, words text not null, digest text not null,"
        f" vector vector({dimensions}) not null, readers text[] not null, facets text[] not null,"
        " metadata jsonb not null, hidden boolean not null, boost double precision not null,"
        f" terms tsvector not null, worth sparsevec({WORD_PLACES}) not null)",
        # What each search computes with stays in the row, the text may lie apart.
        f"alter table {table} alter vector set storage main, alter worth set storage main",
        f"create table {table}_rare (word text primary key, passages bigint not null)",
        f"create index {place}_document on {table} (document, position)",
        *(
            f"create index {place}_{column} on {table} using gin ({column}) with (fastupdate = off)"
            for column in ("terms", "readers", "facets")
        ),
    ]
