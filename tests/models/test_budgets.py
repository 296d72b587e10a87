"""Budgets through the front door: what is refused, what is said, what is free again, and what is shown."""

import asyncio
import re
import time
import tomllib
from collections.abc import Iterator
from contextlib import aclosing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import structlog
from structlog.testing import capture_logs

from coachwork.app.settings import read_settings
from coachwork.errors import BudgetExceeded, ProjectError, ProviderFault, RouteExhausted, UnknownPrice
from coachwork.messages import Audio, Message, ModelRequest, TextDelta, Usage
from coachwork.models import ModelConfig, Models, ModelsConfig, RouteConfig
from coachwork.models.budget_windows import end_of, start_of
from coachwork.models.budgets import BudgetState
from coachwork.models.config import BudgetConfig
from coachwork.store.database import Database
from coachwork.testing import Fail, FakeModel, Pause, line, script
from coachwork.tracing.scope import DirectScope, entered

HELLO = ModelRequest((Message.of("user", "Hello"),), max_tokens=100)
DOLLAR = 1_000_000_000
# The fake answers one token of output; a token of output costs a dollar, so a call costs a dollar
# and its worst case, 100 tokens, a hundred. Input is free.
PRICES = ModelConfig(input_usd_per_million=0, output_usd_per_million=1_000_000)


def billed(*answers: Any, **options: Any) -> FakeModel:
    return FakeModel(*answers, billed=True, **options)


def budget(scope: str = "installation", usd: float = 250, **more: object) -> BudgetConfig:
    return BudgetConfig.model_validate({"scope": scope, "usd": usd, **more})


class Room:
    """Models with a route `smart` over billed fakes, and budgets."""

    def __init__(
        self, url: str | None, fakes: dict[str, FakeModel], budgets: list[BudgetConfig], **prices: ModelConfig
    ):
        self.database = None if url is None else Database(url)
        if self.database is not None:
            self.database.migrate()
        route = RouteConfig(models=[f"{name}:m" for name in fakes], retries=0)
        self.models = Models(
            ModelsConfig(
                routes={"smart": route},
                models={f"{name}:m": prices.get(name, PRICES) for name in fakes if prices.get(name, PRICES)},
                budgets=budgets,
            ),
            database=self.database,
            cache_dir=Path("/nowhere"),
            environ={},
            app="Desk",
            extra_providers=fakes,
        )

    async def ask(self, request: ModelRequest = HELLO, **scope: str):
        class Here(DirectScope):
            pass

        for name, value in scope.items():
            setattr(Here, name, value)
        with entered(Here()):
            return await self.models.complete("smart", request)

    async def spent(self) -> dict[tuple[str, str], int]:
        return {(b.scope, b.name): b.spent_nano // DOLLAR for b in await self.settled()}

    async def settled(self) -> list[BudgetState]:
        """The budgets once nothing is held: it is told a quarter of a second late, and given back when idle."""
        for _ in range(2000):
            budgets = await self.models.budgets()
            if not any(budget.held_nano for budget in budgets):
                return budgets
            await asyncio.sleep(0.01)
        raise AssertionError(f"money is still held: {budgets}")


@pytest.fixture
def room(database_url: str) -> Iterator:
    rooms = []

    def make(*budgets: BudgetConfig, fakes: dict[str, FakeModel] | None = None, url: str | None = database_url, **more):
        rooms.append(Room(url, fakes or {"one": billed([line("x", times=None)])}, list(budgets), **more))
        return rooms[-1]

    yield make
    for made in rooms:
        if made.database is not None:
            made.database.close()


async def test_a_call_whose_worst_case_does_not_fit_is_refused_and_says_everything(room):
    here = room(budget("user", 101.5, per="day"))
    for _ in range(2):
        await here.ask(user="ada")
    with pytest.raises(BudgetExceeded) as raised:
        await here.ask(user="ada")
    error = raised.value
    assert "The budget of the user 'ada' has $99.50 left of $101.50 a day" in error.message
    assert "can cost up to $100.00" in error.message
    tomorrow = end_of("day", start_of("day", time.time_ns() // 1_000_000))
    day = datetime.fromtimestamp(tomorrow / 1000, UTC).strftime("%Y-%m-%d")
    assert f"It begins anew on {day} 00:00 UTC" in error.hint
    expected = {
        "scope": "user", "name": "ada", "per": "day", "limit_nano": int(101.5 * DOLLAR),
        "left_nano": int(99.5 * DOLLAR), "needed_nano": 100 * DOLLAR, "resets_at": tomorrow,
    }  # fmt: skip
    assert {name: error.details[name] for name in expected} == expected
    assert (await here.ask(user="bob")).text == "x"  # each has a budget of his own
    assert (await here.ask()).text == "x"  # and nobody known has none


@pytest.mark.slow
async def test_a_call_waits_for_calls_in_flight_and_is_served_when_they_cost_less(room):
    async def slowly(_request: ModelRequest) -> str:
        await asyncio.sleep(0.05)
        return "x"

    here = room(budget(usd=250), fakes={"one": billed(slowly)})
    replies = await asyncio.gather(*(here.ask() for _ in range(40)))  # two at a time fit
    assert len(replies) == 40
    assert await here.spent() == {("installation", ""): 40}


async def test_what_can_never_fit_is_refused_at_once(room):
    here = room(budget(usd=99.99))
    began = time.monotonic()
    with pytest.raises(BudgetExceeded):
        await here.ask()
    assert time.monotonic() - began < 5


async def test_waiting_ends_at_the_calls_deadline(room, until):
    fake = billed([[Pause()], "never"])
    here = room(budget(usd=150), fakes={"one": fake})
    first = asyncio.create_task(here.ask())
    await until(lambda: bool(fake.requests))
    with pytest.raises(BudgetExceeded, match=r"\$50\.00 left"):
        await here.ask(ModelRequest(HELLO.messages, max_tokens=100, seconds=0.3))
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first


async def test_a_failure_that_cost_nothing_gives_all_of_its_hold_back(room):
    here = room(budget(usd=100), fakes={"one": billed([Fail(ProviderFault("x")), "x"])})
    with pytest.raises(ProviderFault):
        await here.ask()
    assert (await here.ask()).text == "x"
    assert await here.spent() == {("installation", ""): 1}


async def test_who_goes_away_in_the_middle_pays_for_what_was_said(room):
    here = room(budget(usd=100), fakes={"one": billed([["word " * 10, Pause()]], chunk=5)})
    async with aclosing(here.models.stream("smart", HELLO)) as events:
        count = 0
        async for event in events:
            if isinstance(event, TextDelta) and (count := count + 1) == 10:
                break
    ((_, spent),) = (await here.spent()).items()
    assert 10 <= spent <= 100


async def test_who_stops_waiting_leaves_no_trace(room, until):
    fake = billed([["x", Pause(0.3)], "x"])
    here = room(budget(usd=150), fakes={"one": fake})
    first = asyncio.create_task(here.ask())
    await until(lambda: bool(fake.requests))
    impatient = asyncio.create_task(here.ask())
    await asyncio.sleep(0.05)
    impatient.cancel()
    await first
    with pytest.raises(asyncio.CancelledError):
        await impatient
    assert await here.spent() == {("installation", ""): 1}


async def test_every_budget_that_applies_counts_and_the_tightest_refuses(room):
    here = room(budget("app", 500), budget("team", 119), budget("key", 400), budget("run", 110))
    for run in range(10):  # the team's twenty
        await here.ask(run_id=f"run-{run}", key="k1", team="sales")
    for run in range(10):
        await here.ask(run_id=f"run-{run}", key="k1", team="sales")
    with pytest.raises(BudgetExceeded, match="the team 'sales'"):
        await here.ask(run_id="run-99", key="k1", team="sales")
    spent = await here.spent()
    assert (spent["app", "Desk"], spent["team", "sales"], spent["key", "k1"], spent["run", "run-3"]) == (20, 20, 20, 2)


async def test_one_budget_of_a_name_counts_instead_of_the_budget_of_each(room):
    here = room(budget("user", 100), budget("user", 300, name="ada"))
    await here.ask(user="ada")
    await here.ask(user="ada")
    await here.ask(user="bob")
    with pytest.raises(BudgetExceeded):
        await here.ask(user="bob")
    await here.ask(user="ada")


async def test_an_unknown_price_is_refused_with_lines_that_work_as_they_stand(room):
    here = room(budget(), fakes={"lab": billed([line("x", times=None)])}, lab=None)
    with pytest.raises(UnknownPrice) as raised:
        await here.ask()
    added = tomllib.loads(raised.value.hint.partition("\n")[2])
    assert list(added["models"]) == ["lab:m"]
    ModelConfig.model_validate(added["models"]["lab:m"])
    assert any(f.id == "models.W007" and "lab:m" in f.message for f in here.models.findings())


async def test_where_no_budget_counts_an_unknown_price_is_none_of_its_business(room):
    here = room(budget("user", 1), fakes={"lab": billed([line("x", times=None)])}, lab=None)
    assert (await here.ask()).cost_nano is None


async def test_what_costs_nothing_is_never_refused(room):
    here = room(budget(usd=0), fakes={"fake": script(line("x", times=None))}, fake=None)
    assert (await here.ask()).text == "x"


async def test_a_cheaper_model_of_the_route_answers_where_the_dear_one_does_not_fit(room):
    cheap = ModelConfig(input_usd_per_million=0, output_usd_per_million=1)
    fakes = {"dear": billed([line("dear", times=None)]), "cheap": billed([line("cheap", times=None)])}
    here = room(budget(usd=1), fakes=fakes, cheap=cheap)
    reply = await here.ask()
    assert (reply.text, [attempt.code for attempt in reply.attempts]) == ("cheap", ["budget-exceeded"])
    here = room(budget(usd=0.00001, per="day"), fakes=fakes, cheap=cheap)
    with pytest.raises((BudgetExceeded, RouteExhausted)):
        await here.ask()


async def test_a_budget_is_remembered_by_the_next_process(room, database_url):
    first = room(budget(usd=101, per="month"))
    await first.ask()
    await first.models.close()
    first.database.flush()
    second = room(budget(usd=101, per="month"))
    await second.ask()
    with pytest.raises(BudgetExceeded):
        await second.ask()


async def test_without_a_database_it_lasts_as_long_as_the_process(room):
    here = room(budget(usd=101), url=None)
    await here.ask()
    await here.ask()
    with pytest.raises(BudgetExceeded):
        await here.ask()


@pytest.mark.slow
async def test_the_soft_limit_is_said_once(room):
    here = room(budget("user", 500, warn_at=0.01))
    structlog.reset_defaults()
    with capture_logs() as logs:
        for _ in range(12):
            await here.ask(user="ada")
        await here.settled()
        await here.ask(user="ada")
        await here.settled()
    said = [entry for entry in logs if entry["event"] == "models.budget_nearly_spent"]
    assert [(entry["scope"], entry["name"], entry["limit_usd"]) for entry in said] == [("user", "ada", 500)]


async def test_embeddings_and_recordings_count_too(room):
    prices = ModelConfig(input_usd_per_million=1_000_000, usd_per_minute=60)
    here = room(budget(usd=300), one=prices, fakes={"one": billed([], transcript="Good morning")})
    await here.models.embed("smart", ["red spade"], purpose="passage")
    await here.models.transcribe("smart", Audio(b"RIFF"))
    assert await here.spent() == {("installation", ""): 3}  # two words, one second
    with pytest.raises(BudgetExceeded):
        await here.models.embed("smart", ["red " * 200], purpose="passage")


async def test_the_state_of_each_budget_is_told(room):
    here = room(budget("user", 300, per="week"), budget(usd=1000, per="month", warn_at=0.5))
    await here.ask(user="ada")
    each, ada, everybody = await here.settled()
    assert (each.scope, each.name, each.spent_nano, each.left_nano) == ("user", "", 0, 300 * DOLLAR)
    assert (ada.name, ada.spent_nano, ada.left_nano, ada.per) == ("ada", DOLLAR, 299 * DOLLAR, "week")
    assert (everybody.spent_nano, everybody.warn_at_nano, everybody.held_nano) == (DOLLAR, 500 * DOLLAR, 0)
    assert datetime.fromtimestamp(ada.resets_at / 1000, UTC).weekday() == 0
    assert datetime.fromtimestamp(everybody.resets_at / 1000, UTC).day == 1


async def test_nothing_is_left_running(room):
    here = room(budget())
    await here.ask()
    assert [task for task in asyncio.all_tasks() if task is not asyncio.current_task()] == []


# ── Settings ──

TOML = """
[[budgets]]
scope = "installation"
usd = 200
per = "month"

[[budgets]]
scope = "user"
usd = {usd}
per = "day"
warn_at = 0.9
"""


def test_budgets_come_from_the_project_file(tmp_path):
    (tmp_path / "coachwork.toml").write_text(TOML.format(usd=2.5))
    found = read_settings(tmp_path, {}).model_room.budgets
    assert [(b.scope, b.usd, b.per, b.warn_at) for b in found] == [
        ("installation", 200, "month", 0.8),
        ("user", 2.5, "day", 0.9),
    ]


def test_a_wrong_budget_is_named_with_its_line(tmp_path):
    (tmp_path / "coachwork.toml").write_text(TOML.format(usd=-1))
    with pytest.raises(ProjectError, match=r"budgets\.1\.usd = -1") as raised:
        read_settings(tmp_path, {})
    assert raised.value.line == 9


@pytest.mark.parametrize(
    ("budgets", "id", "says"),
    [
        ([budget(), budget(usd=9)], "models.E005", "two budgets of installation"),
        ([budget(name="x")], "models.E006", "named 'x'"),
        ([budget("run", name="x")], "models.E006", "named 'x'"),
        ([budget("app", name="Dask")], "models.E007", "this app is 'Desk'"),
        ([budget("run", per="day")], "models.W005", "while the run goes on"),
        ([budget(usd=0)], "models.W006", "refuses every call"),
    ],
)
def test_a_budget_that_cant_be_meant_is_a_finding(room, budgets, id, says):
    found = [f for f in room(*budgets, url=None).models.findings() if f.id == id]
    assert len(found) == 1
    assert re.search(says, found[0].message)


@pytest.mark.parametrize(
    ("per", "now", "begins", "ends"),
    [
        ("day", "2026-11-25T23:59:59+00:00", "2026-11-25", "2026-11-26"),
        ("week", "2026-11-25T10:00:00+00:00", "2026-11-23", "2026-11-30"),
        ("week", "2026-11-23T00:00:00+00:00", "2026-11-23", "2026-11-30"),
        ("month", "2026-12-31T23:00:00+00:00", "2026-12-01", "2027-01-01"),
        ("month", "2028-02-29T00:00:00+00:00", "2028-02-01", "2028-03-01"),
        ("day", "2026-03-29T01:30:00+00:00", "2026-03-29", "2026-03-30"),  # clocks change elsewhere, not in UTC
    ],
)
def test_windows_begin_at_midnight_utc(per, now, begins, ends):
    start = start_of(per, int(datetime.fromisoformat(now).timestamp() * 1000))
    assert datetime.fromtimestamp(start / 1000, UTC).date().isoformat() == begins
    assert datetime.fromtimestamp(end_of(per, start) / 1000, UTC).date().isoformat() == ends


def test_usage_and_worst_case_agree_about_what_they_count():
    from coachwork.models.counting import at_most, likely

    for request in (HELLO, ModelRequest((Message.of("user", "täglich 東京 🦉" * 50),), max_tokens=1)):
        assert likely(request).input_tokens < at_most(request).input_tokens
    assert at_most(HELLO).output_tokens == 100
    assert isinstance(likely(HELLO), Usage)
