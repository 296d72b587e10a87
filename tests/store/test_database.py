"""The database: what is written is there, what failed is undone alone, and order is kept."""

import asyncio
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import sqlalchemy as sa

from coachwork.errors import DatabaseFull
from coachwork.store.behind import Prepared, all_later, changes, later
from coachwork.store.database import Database, open_engine
from coachwork.store.tables import workers


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    opened = Database(database_url)
    opened.migrate()
    yield opened
    opened.close()


def row(name: str) -> dict[str, object]:
    return {"id": name, "host": "h", "pid": 1, "started_at": 1, "heartbeat_at": 1}


def put(name: str):
    return lambda connection: connection.execute(workers.insert().values(**row(name)))


_NEW = Prepared(workers.insert())
_RENAME = Prepared(workers.update().where(workers.c.id == sa.bindparam("old")))


def put_later(name: str):
    return lambda connection: later(connection, _NEW, row(name))


def rename(old: str, new: str):
    def work(connection: sa.Connection) -> None:
        if not changes(connection, _RENAME, {"old": old, "id": new}):
            raise LookupError(old)

    return work


async def names(database: Database) -> list[str]:
    return list(await database.read(lambda c: c.execute(sa.select(workers.c.id).order_by(workers.c.id)).scalars()))


async def test_a_failed_piece_is_undone_alone_and_raises_where_it_was_asked(database):
    pieces = [database.write_soon(put(name)) for name in ("a", "a", "b")]
    results = await asyncio.gather(*map(asyncio.wrap_future, pieces), return_exceptions=True)
    assert isinstance(results[1], sa.exc.IntegrityError)
    assert await names(database) == ["a", "b"]


async def together(database: Database, *works) -> list[object]:
    """What comes of pieces that share a transaction."""
    gate = threading.Event()
    database.write_soon(lambda _connection: gate.wait(5))
    pieces = [database.write_soon(work) for work in works]
    gate.set()
    return list(await asyncio.gather(*map(asyncio.wrap_future, pieces), return_exceptions=True))


async def test_of_what_waits_for_the_commit_a_failed_piece_is_undone_alone_too(database):
    works = put_later("a"), put_later("a"), rename("a", "b"), rename("nobody", "c"), put_later("d")
    first, again, renamed, nobody, last = await together(database, *works)
    assert (first, renamed, last) == (None, None, None)
    assert isinstance(again, sa.exc.IntegrityError)
    assert isinstance(nobody, LookupError)
    assert await together(database, put_later("e"), rename("d", "f")) == [
        None,
        None,
    ]  # the connection is as good as new
    assert await names(database) == ["b", "e", "f"]


async def test_a_piece_sees_what_waits_before_it_and_nothing_of_it_stays_where_it_fails(database):
    def look(connection: sa.Connection) -> list[str]:
        put_later("a")(connection)
        return list(connection.execute(sa.select(workers.c.id)).scalars())

    def fail(connection: sa.Connection) -> None:
        put_later("b")(connection)
        raise LookupError

    def swallow(connection: sa.Connection) -> None:
        put_later("a")(connection)
        try:
            connection.execute(sa.select(workers.c.id))
            connection.execute(workers.insert().values(**row("a")))
        except sa.exc.DBAPIError:
            return

    assert await database.write(look) == ["a"]
    for fails in (fail, swallow):
        with pytest.raises((LookupError, sa.exc.DBAPIError)):
            await database.write(fails)
    await database.write(put_later("c"))
    assert await names(database) == ["a", "c"]


async def test_what_can_not_be_written_as_plain_text_is_told_by_the_driver(database):
    rows = [row("a"), {**row("b"), "host": "cut\0here"}, row("c")]
    if database.engine.dialect.name == "sqlite":
        await database.write(lambda connection: all_later(connection, _NEW, rows))
        assert await names(database) == ["a", "b", "c"]
        return
    with pytest.raises(sa.exc.DBAPIError, match="NUL"):
        await database.write(lambda connection: all_later(connection, _NEW, rows))
    assert await names(database) == []


async def test_who_stops_waiting_does_not_undo_the_write_and_the_writer_lives(database):
    gate = threading.Event()
    database.write_soon(lambda _connection: gate.wait(5))
    impatient = asyncio.create_task(database.write(put("a")))
    await asyncio.sleep(0.05)
    impatient.cancel()
    gate.set()
    await database.write(put("b"))
    assert await names(database) == ["a", "b"]


@pytest.mark.slow
def test_closing_keeps_what_was_queued(database_url):
    first = Database(database_url)
    first.migrate()
    for number in range(50):
        first.write_soon(put(f"{number:02}"))
    first.close()
    second = Database(database_url)
    assert second.read_now(lambda c: c.execute(sa.select(sa.func.count()).select_from(workers)).scalar()) == 50
    second.close()


async def test_two_processes_worth_of_writers_wait_for_each_other(database_url):
    one, two = Database(database_url), Database(database_url)
    await asyncio.gather(asyncio.to_thread(one.migrate), asyncio.to_thread(two.migrate))
    await asyncio.gather(*(db.write(put(f"{who}{n}")) for n in range(40) for who, db in (("a", one), ("b", two))))
    assert len(await names(one)) == 80
    one.close()
    two.close()


def test_many_who_open_a_new_file_at_once_all_write(tmp_path):
    def insert(url: str, together: threading.Barrier) -> None:
        engine = open_engine(url)
        together.wait()
        with engine.execution_options(write=True).begin() as connection:
            connection.exec_driver_sql("create table if not exists marks (mark integer)")
            connection.exec_driver_sql("insert into marks values (1)")
        engine.dispose()

    for number in range(40):
        url, together = f"sqlite:///{tmp_path}/{number}.db", threading.Barrier(6)
        with ThreadPoolExecutor(6) as openers:
            for opened in [openers.submit(insert, url, together) for _ in range(6)]:
                opened.result()
        engine = open_engine(url)
        with engine.connect() as connection:
            assert connection.exec_driver_sql("select count(*) from marks").scalar() == 6
        engine.dispose()


def test_the_migrations_make_exactly_the_declared_tables(database):
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    from coachwork.store.tables import metadata

    with database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []


@pytest.mark.slow
async def test_what_collides_with_another_process_is_written_in_the_end(database):
    """Two writers that lock the same rows in opposite order: PostgreSQL undoes one of them, SQLite lets one wait."""
    other = Database(database.engine.url.render_as_string(hide_password=False))
    await asyncio.gather(*(database.write(put(name)) for name in ("a", "b")))

    def touch(*names: str):
        def work(connection: sa.Connection) -> None:
            for name in names:
                connection.execute(sa.update(workers).where(workers.c.id == name).values(pid=workers.c.pid + 1))
                time.sleep(0.1)

        return work

    await asyncio.gather(database.write(touch("a", "b")), other.write(touch("b", "a")))
    pids = await database.read(lambda c: list(c.execute(sa.select(workers.c.pid)).scalars()))
    assert pids == [3, 3]
    other.close()


def test_rows_of_the_first_shape_are_kept_and_filled_in(database_url):
    from alembic import command
    from alembic.config import Config

    from coachwork.store import migrations
    from coachwork.store.tables import calls

    engine, config = open_engine(database_url), Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    with engine.execution_options(write=True).begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        old = {"id": "a", "at": 1, "kind": "chat", "route": "r", "model": "m:x", "outcome": "ok", "total_ms": 5}
        names = ", ".join(f'"{name}"' for name in old)
        connection.execute(sa.text(f"insert into calls ({names}) values ({', '.join(f':{n}' for n in old)})"), old)
    migrations.upgrade(engine)
    with engine.connect() as connection:
        row = connection.execute(sa.select(calls)).one()
    assert (row.id, row.total_ms, row.provider, row.images, row.estimated, row.cached, row.step) == (
        *("a", 5, "", 0, False, False),
        None,
    )
    engine.dispose()


async def test_what_is_written_after_the_end_is_refused_and_does_not_wait_for_ever(tmp_path):
    database = Database(f"sqlite:///{tmp_path}/test.db")
    database.migrate()
    database.close()
    with pytest.raises(RuntimeError, match="the database is closed"):
        await asyncio.wait_for(database.write(lambda connection: None), 5)


async def test_where_the_disk_is_full_that_is_said_and_what_comes_later_is_written(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}/test.db")
    database.migrate()

    def room(pages: int):
        return lambda connection: connection.exec_driver_sql(f"pragma max_page_count={pages}").scalar_one()

    await database.write(room(1))  # no more than there are
    with pytest.raises(DatabaseFull, match="disk is full"):
        await database.write(lambda c: c.execute(workers.insert(), [row(f"{number:0200}") for number in range(500)]))
    await database.write(room(100_000))
    await database.write(put("b"))
    assert await names(database) == ["b"]
    database.close()
