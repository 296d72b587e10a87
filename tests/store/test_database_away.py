"""PostgreSQL goes away under the hands of who writes and reads: they wait, and nothing is written twice or lost."""

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal

import pytest
import sqlalchemy as sa

from coachwork.store.behind import Prepared, changes, later
from coachwork.store.database import Database, connect_patiently
from coachwork.store.tables import workers

_COMMIT = b"COMMIT\x00"


class Between:
    """A socket in front of PostgreSQL's that loses the next commit (before it is made, or its answer) or everything."""

    def __init__(self, folder: Path, server: Path) -> None:
        self.folder, self._server = folder, server
        self.lose: Literal["", "before", "answer"] = ""
        self.lost = 0
        self.trips = 0
        self._listening: socket.socket | None = None
        self._open: list[socket.socket] = []
        self.there()

    def there(self) -> None:
        self._listening = listening = socket.socket(socket.AF_UNIX)
        listening.bind(str(self.folder / ".s.PGSQL.5432"))
        listening.listen()
        threading.Thread(target=self._accept, args=(listening,), daemon=True).start()

    def away(self) -> None:
        """As when the server is stopped: who is connected is cut off, and nobody new gets in."""
        assert self._listening is not None
        (self.folder / ".s.PGSQL.5432").unlink()
        _cut(self._listening, *self._open)

    def _accept(self, listening: socket.socket) -> None:
        while True:
            try:
                client, _ = listening.accept()
            except OSError:
                return
            server = socket.socket(socket.AF_UNIX)
            server.connect(str(self._server))
            self._open += [client, server]
            for one, other in ((client, server), (server, client)):
                threading.Thread(target=self._pass_on, args=(one, other, one is client), daemon=True).start()

    def _pass_on(self, one: socket.socket, other: socket.socket, asks: bool) -> None:
        try:
            while data := one.recv(65536):
                if asks and self.lose and _COMMIT in data:
                    how, self.lose = self.lose, ""
                    self.lost += 1
                    if how == "answer":
                        one.shutdown(socket.SHUT_RDWR)  # nothing reaches who asked any more
                        other.sendall(data)
                        other.recv(65536)
                    break
                self.trips += asks
                other.sendall(data)
        except OSError:
            pass
        _cut(one, other)


def _cut(*sockets: socket.socket) -> None:
    for each in sockets:
        with contextlib.suppress(OSError):
            each.shutdown(socket.SHUT_RDWR)
        each.close()


@pytest.fixture
def between(new_postgres: Callable[[], str], tmp_path: Path) -> Iterator[tuple[Between, Database]]:
    url = sa.make_url(new_postgres())
    made = Between(tmp_path, Path(str(url.query["host"])) / ".s.PGSQL.5432")
    database = Database(url.set(query={"host": str(tmp_path)}).render_as_string(hide_password=False))
    database.migrate()
    yield made, database
    database.close()
    made.away()


def put(connection: sa.Connection) -> str:
    connection.execute(workers.insert().values(id="a", host="h", pid=1, started_at=1, heartbeat_at=1))
    return "put"


def count(connection: sa.Connection) -> int:
    connection.execute(workers.update().values(pid=workers.c.pid + 1))
    return int(connection.execute(sa.select(workers.c.pid)).scalar_one())


_COUNT = Prepared(workers.update().values(pid=workers.c.pid + 1))


def count_later(connection: sa.Connection) -> None:
    later(connection, _COUNT, {})


async def test_what_needs_no_answer_is_one_trip_with_its_begin_and_commit(between):
    counted, database = between

    def twice(connection: sa.Connection) -> None:
        count_later(connection)
        assert changes(connection, _COUNT, {})

    await database.write(put)
    await database.write(twice)  # from now on they are prepared
    before = counted.trips
    await database.write(twice)
    assert counted.trips - before == 1
    assert await database.read(lambda c: c.execute(sa.select(workers.c.pid)).scalar_one()) == 5


@pytest.mark.parametrize("what", ["before", "answer"])
@pytest.mark.parametrize("work", [count, count_later])
async def test_a_commit_that_is_lost_or_whose_answer_is_lost_was_made_once(between, what, work):
    lossy, database = between
    await database.write(put)
    lossy.lose = what
    assert await database.write(work) in (2, None)
    assert lossy.lost == 1
    assert await database.read(lambda c: c.execute(sa.select(workers.c.pid)).scalar_one()) == 2
    assert await database.write(count) == 3


async def test_while_the_server_is_away_writes_and_reads_wait_in_their_order(between):
    lossy, database = between
    await database.write(put)
    lossy.away()
    back = threading.Timer(0.3, lossy.there)
    back.start()
    writes = [database.write_soon(count) for _ in range(3)]
    assert await database.read(lambda c: c.execute(sa.select(workers.c.id)).scalar_one()) == "a"
    assert [write.result(20) for write in writes] == [2, 3, 4]


def test_an_engine_for_others_connects_once_the_server_is_there(between):
    lossy, database = between
    engine = sa.create_engine(database.engine.url)
    connect_patiently(engine)
    lossy.away()
    back = threading.Timer(0.3, lossy.there)
    back.start()
    with engine.connect() as connection:
        assert connection.execute(sa.text("select 1")).scalar_one() == 1
    engine.dispose()


async def test_a_connection_that_breaks_in_the_middle_of_a_batch_undoes_and_repeats_the_whole(between):
    _, database = between
    await database.write(put)
    tries: list[str] = []

    def broken(connection: sa.Connection) -> int:
        tries.append("try")
        if len(tries) == 1:
            connection.exec_driver_sql("select pg_terminate_backend(pg_backend_pid())")
        return len(tries)

    gate = threading.Event()
    database.write_soon(lambda _connection: gate.wait(5))
    pieces = [database.write_soon(work) for work in (count, broken, count)]
    gate.set()
    assert [piece.result(20) for piece in pieces] == [2, 2, 3]
