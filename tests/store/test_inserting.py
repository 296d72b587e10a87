"""A row of which there may be only one: of two that insert it at once, one does, and the other sees it."""

import threading
from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from coachwork.store.database import Database
from coachwork.store.inserting import insert_if_new
from coachwork.store.tables import runs


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    opened = Database(database_url)
    opened.migrate()
    yield opened
    opened.close()


def run(name: str, key: str | None) -> dict[str, object]:
    row = {"id": name, "pipeline": "p", "title": "t", "status": "queued", "input": {}, "created_at": 1}
    return {**row, "idempotency_key": key}


def ids(connection: sa.Connection) -> list[str]:
    return list(connection.execute(sa.select(runs.c.id).order_by(runs.c.id)).scalars())


def test_of_two_at_once_one_inserts_and_the_other_sees_it(database):
    answers: list[tuple[bool, list[str]]] = []

    def second() -> None:
        with database.engine.execution_options(write=True).begin() as connection:
            answers.append((insert_if_new(connection, runs, run("b", "key"), ["idempotency_key"]), ids(connection)))

    other = threading.Thread(target=second)
    with database.engine.execution_options(write=True).begin() as connection:
        assert insert_if_new(connection, runs, run("a", "key"), ["idempotency_key"])
        other.start()
        other.join(0.3)  # it waits for our commit, or has yet to begin: either way it comes second
        assert answers == []
    other.join(30)
    assert answers == [(False, ["a"])]


def test_rows_without_a_key_are_all_new(database):
    with database.engine.execution_options(write=True).begin() as connection:
        assert insert_if_new(connection, runs, run("a", None), ["idempotency_key"])
        assert insert_if_new(connection, runs, run("b", None), ["idempotency_key"])
        assert ids(connection) == ["a", "b"]


def test_another_broken_rule_is_still_an_error(database):
    with database.engine.execution_options(write=True).begin() as connection:
        insert_if_new(connection, runs, run("a", "one"), ["idempotency_key"])
        with pytest.raises(sa.exc.IntegrityError):
            insert_if_new(connection, runs, run("a", "two"), ["idempotency_key"])
