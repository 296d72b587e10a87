"""The ledger: one row a call, whose it was, and what it came to; and sums of it."""

import asyncio
from collections.abc import Iterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from coachwork.errors import Overloaded
from coachwork.messages import Message, ModelRequest, TextDelta, Usage
from coachwork.models import CallRecord, ModelConfig, Models, ModelsConfig, RouteConfig
from coachwork.models.ledger import book, spend
from coachwork.store.database import Database
from coachwork.store.tables import calls
from coachwork.testing import FakeModel, Pause, line, script
from coachwork.tracing.scope import DirectScope, entered

HELLO = ModelRequest((Message.of("user", "Hello, how are you today?"),))
DAY_MS, DAY_NS = 86_400_000, 86_400_000_000_000
PRICES = ModelConfig(input_usd_per_million=3, output_usd_per_million=15, cached_usd_per_million=0.3)


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    opened = Database(database_url)
    opened.migrate()
    yield opened
    opened.close()


def room(database: Database, *fakes: FakeModel) -> Models:
    names = ["one", "two"][: len(fakes)]
    return Models(
        ModelsConfig(
            routes={"smart": RouteConfig(models=[f"{name}:m" for name in names], retries=0)},
            models={f"{name}:m": PRICES for name in names},
        ),
        database=database,
        cache_dir=Path("/nowhere"),
        environ={},
        app="Desk",
        extra_providers=dict(zip(names, fakes, strict=True)),
    )


class Busy(FakeModel):
    """Refuses before it has counted anything, as a provider does with 529."""

    def stream(self, model, request, meter):
        raise Overloaded("busy")


def rows(database: Database) -> list[Any]:
    database.flush()
    return database.read_now(lambda c: c.execute(sa.select(calls).order_by(calls.c.at)).all())


async def test_a_row_tells_everything_about_a_call(database):
    usage = Usage(1000, 200, 100, 50, thinking_tokens=30, input_audio_tokens=7, output_audio_tokens=9, images=2)
    here = room(database, Busy([]), script("Good", usage=usage))

    class Here(DirectScope):
        run_id, user, key, team, step_seq = "run-1", "ada", "key-7", "sales", 3

    with entered(Here()):
        await here.complete("smart", HELLO)
    (row,) = rows(database)
    expected = {
        "kind": "chat", "route": "smart", "model": "two:m", "provider": "two", "outcome": "ok", "finish_reason": "stop",
        "input_tokens": 1000, "output_tokens": 200, "cached_tokens": 100, "cache_write_tokens": 50,
        "thinking_tokens": 30, "input_audio_tokens": 7, "output_audio_tokens": 9, "images": 2, "audio_ms": 0,
        "estimated": False, "cached": False, "cost_nano": 900 * 3000 + 100 * 300 + 200 * 15_000,
        "price_version": "settings", "fallbacks": [{"model": "one:m", "code": "overloaded", "message": "busy"}],
        "run_id": "run-1", "step": 3, "user": "ada", "key": "key-7", "team": "sales", "app": "Desk",
    }  # fmt: skip
    assert {name: row._mapping[name] for name in expected} == expected
    assert 0 <= row.first_token_ms <= row.total_ms


async def test_a_call_that_was_stopped_is_booked_with_our_own_count(database):
    """The provider told nothing by then: the input and what was said are counted from their text."""

    class Silent(FakeModel):
        async def stream(self, model, request, meter):
            from coachwork.providers.wire import Meter

            async for event in super().stream(model, request, Meter()):
                yield event

    here = room(database, Silent([["word " * 40, Pause()]], chunk=5, billed=True))
    async with aclosing(here.stream("smart", HELLO)) as events:
        count = 0
        async for event in events:
            if isinstance(event, TextDelta) and (count := count + 1) == 20:
                break
    (row,) = rows(database)
    assert (row.outcome, row.estimated) == ("cancelled", True)
    assert 5 <= row.input_tokens <= 20  # "Hello, how are you today?" is 7
    assert 20 <= row.output_tokens <= 30  # 20 words
    assert row.cost_nano == row.input_tokens * 3000 + row.output_tokens * 15_000


async def test_what_was_refused_outright_costs_nothing(database):
    here = room(database, Busy([], billed=True))
    with pytest.raises(Overloaded):
        await here.complete("smart", HELLO)
    (row,) = rows(database)
    assert (row.outcome, row.input_tokens, row.cost_nano, row.estimated) == ("overloaded", 0, 0, False)


async def test_calls_at_once_make_a_row_each(database):
    here = room(database, FakeModel([line("x", times=None)]))
    await asyncio.gather(*(here.complete("smart", HELLO) for _ in range(200)))
    found = rows(database)
    assert len({row.id for row in found}) == 200


def test_rows_that_could_not_be_written_are_written_with_the_next(tmp_path):
    """The file is locked away for a moment: nothing is lost."""
    database = Database(f"sqlite:///{tmp_path}/test.db")
    book(record(), database, None)  # there is no table yet
    database.flush()
    database.migrate()
    book(record(), database, None)
    assert len(rows(database)) == 2
    database.close()


def record(day: int = 0, **more: Any) -> CallRecord:
    values = {
        "route": "smart", "model": "one:m", "provider": "one", "kind": "chat", "started_ns": day * DAY_NS + 1000,
        "ended_ns": day * DAY_NS + 2000, "first_token_ns": None, "usage": Usage(10, 5, 2), "cost_nano": 100,
        "price_version": "settings", "outcome": "ok", "error_code": "", "finish_reason": "stop", "attempts": 1,
        "run_id": "", "user": "",
    }  # fmt: skip
    return CallRecord(**{**values, **more})


@pytest.fixture
def filled(database: Database) -> Database:
    for made in (
        record(1, user="ada"),
        record(1, user="ada", cost_nano=None, model="lab:m"),
        record(2, user="bob", cost_nano=9_000_000_000_000, app="Desk"),
        record(2, user="ada", outcome="overloaded", cost_nano=0, usage=Usage()),
        record(3, user="ada", cached=True, cost_nano=0, usage=Usage(), route="other"),
        record(3, user="ada", outcome="cancelled", usage=Usage(4, 1, estimated=True)),
    ):
        book(made, database, None)
    database.flush()
    return database


def summed(database: Database, by: Any, **between: int) -> list[Any]:
    return database.read_now(lambda c: spend(c, by, **{"since_ms": 0, **between}))


def test_spend_by_day_is_in_their_order(filled):
    found = summed(filled, "day")
    assert [(s.name, s.calls, s.failed, s.cached, s.estimated, s.unpriced) for s in found] == [
        ("1970-01-02", 2, 0, 0, 0, 1),
        ("1970-01-03", 2, 1, 0, 0, 0),
        ("1970-01-04", 2, 0, 1, 1, 0),
    ]
    assert [s.cost_nano for s in found] == [100, 9_000_000_000_000, 100]


def test_spend_by_anything_else_has_the_dearest_first(filled):
    assert [(s.name, s.calls) for s in summed(filled, "user")] == [("bob", 1), ("ada", 5)]
    assert [(s.name, s.calls) for s in summed(filled, "model")] == [("one:m", 5), ("lab:m", 1)]
    assert [(s.name, s.calls) for s in summed(filled, "route")] == [("smart", 5), ("other", 1)]
    assert [s.name for s in summed(filled, "app")] == ["Desk", ""]


def test_spend_between_two_moments_holds_the_first_and_not_the_last(filled):
    found = summed(filled, "day", since_ms=2 * DAY_MS, until_ms=3 * DAY_MS)
    assert [s.name for s in found] == ["1970-01-03"]
    assert summed(filled, "user", since_ms=9 * DAY_MS) == []


def test_sums_of_each_group_come_to_the_whole(filled):
    for by in ("day", "route", "model", "provider", "kind", "user", "key", "team", "app", "run"):
        found = summed(filled, by)
        assert sum(s.calls for s in found) == 6
        assert sum(s.cost_nano for s in found) == 9_000_000_000_200
        assert sum(s.input_tokens for s in found) == 34
