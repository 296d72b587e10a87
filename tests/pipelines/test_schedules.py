"""Schedules: due by the clock of their place, summer and winter; each time begins one run, however many look."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coachwork.errors import InputError
from coachwork.pipelines.pipeline import Pipeline
from coachwork.pipelines.runs import RunFilter
from coachwork.pipelines.schedule_times import Schedule, due, times_after, to_begin
from coachwork.pipelines.schedules import Schedules
from coachwork.store.database import Database

SPRING = datetime(2026, 3, 28, 20, tzinfo=UTC)  # the evening before clocks go forward in Berlin
AUTUMN = datetime(2026, 10, 24, 20, tzinfo=UTC)  # … and back


def berlin(cron: str, missed: str = "skip") -> Schedule:
    return Schedule("report", "report", cron, "Europe/Berlin", missed)  # type: ignore[arg-type]


def local(schedule: Schedule, since: datetime, number: int) -> list[str]:
    times = times_after(schedule, since)
    return [f"{next(times).astimezone(ZONE):%d %H:%M %z}" for _ in range(number)]


ZONE = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("cron", "since", "times"),
    [
        ("0 7 * * 1-5", SPRING, ["30 07:00 +0200", "31 07:00 +0200", "01 07:00 +0200"]),  # the 28th is a Saturday
        ("30 2 * * *", SPRING, ["29 03:00 +0200", "30 02:30 +0200"]),  # 02:30 is left out: when clocks have changed
        ("0 * * * *", SPRING + timedelta(hours=4), ["29 03:00 +0200", "29 04:00 +0200"]),
        ("30 2 * * *", AUTUMN, ["25 02:30 +0200", "26 02:30 +0100"]),  # 02:30 comes twice: once
        ("0 * * * *", AUTUMN + timedelta(hours=3.5), ["25 02:00 +0200", "25 02:00 +0100", "25 03:00 +0100"]),
        ("@daily", AUTUMN, ["25 00:00 +0200", "26 00:00 +0100"]),
    ],
)
def test_times_follow_the_clock_of_the_place(cron, since, times):
    assert local(berlin(cron), since, len(times)) == times


@given(st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1)), st.integers(0, 23), st.integers(0, 59))
def test_a_daily_time_comes_once_a_day_in_every_year(start, hour, minute):
    since = start.replace(tzinfo=UTC)
    days = [
        moment.astimezone(ZONE).date()
        for moment in due(berlin(f"{minute} {hour} * * *"), since, since + timedelta(days=9))
    ]
    assert len(days) == len(set(days))
    assert len(days) in (8, 9, 10)


@pytest.mark.parametrize(
    ("cron", "zone", "says"),
    [
        ("61 * * * *", "UTC", "no cron"),
        ("0 0 31 2 *", "UTC", "never comes"),
        ("* * * * * *", "UTC", "five fields"),
        ("@reboot", "UTC", "five fields"),
        ("0 7 * * *", "Europe/Berlino", "no time zone"),
        ("0 7 * * *", "../etc/passwd", "no time zone"),
    ],
)
def test_what_is_no_schedule_is_refused(cron, zone, says):
    with pytest.raises(InputError, match=says):
        Schedule("report", "report", cron, zone).check()


def test_what_was_missed_is_made_up_by_the_policy():
    now = datetime(2026, 11, 25, 9, 0, 20, tzinfo=UTC)
    times = due(Schedule("r", "r", "0 * * * *"), now - timedelta(hours=3), now)
    assert [moment.hour for moment in times] == [7, 8, 9]
    assert [moment.hour for moment in to_begin("skip", times, now)] == [9]
    assert [moment.hour for moment in to_begin("once", times, now)] == [9]
    assert [moment.hour for moment in to_begin("all", times, now)] == [7, 8, 9]
    late = now + timedelta(minutes=30)
    assert to_begin("skip", times, late) == []
    assert to_begin("once", times, late) == times[-1:]


# ── Runs ───────────────────────────────────────────────────────────────────────────────────────


async def report(day: str = "today") -> str:
    return day


PIPELINES = {"report": Pipeline(report)}


@pytest.fixture
async def database(start, tmp_path: Path) -> AsyncIterator[Database]:
    opened = Database(f"sqlite:///{tmp_path}/test.db")
    opened.migrate()
    yield opened
    opened.close()


def of(schedule: Schedule, runs, database: Database) -> Schedules:
    """What one worker knows of it."""
    return Schedules({schedule.name: schedule}, PIPELINES, runs, database)


async def test_many_workers_begin_one_run_a_time(start, database):
    runs = await start(report)
    hourly = Schedule("report", "report", "0 * * * *", "Asia/Kathmandu", "all", {"day": "monday"})
    workers = [of(hourly, runs, database) for _ in range(5)]
    at = datetime(2026, 11, 25, 9, tzinfo=UTC)
    assert [await worker.look(at) for worker in workers] == [0] * 5  # a new schedule makes nothing up

    for hours in (1, 3):  # the second time two hours after the first: one of them was missed
        await asyncio.gather(*(worker.look(at + timedelta(hours=hours)) for worker in workers))
    found = await runs.list(RunFilter())
    assert len(found.items) == 3
    assert (await runs.get(found.items[0].id)).input == {"day": "monday"}
    assert found.items[0].user == "schedule"

    restarted = of(hourly, runs, database)
    assert await restarted.look(at + timedelta(hours=3)) == 0
    [shown] = await restarted.list()
    assert shown.last_at == datetime(2026, 11, 25, 11, 15, tzinfo=UTC)  # Kathmandu is 5:45 ahead
    assert shown.last_run.id == found.items[0].id
    assert shown.next_at > datetime.now(UTC)


async def test_other_times_count_from_now_on(start, database):
    runs = await start(report)
    at = datetime(2026, 11, 25, 9, tzinfo=UTC)
    await of(Schedule("report", "report", "0 8 * * *", missed="all"), runs, database).look(at)
    changed = of(Schedule("report", "report", "0 10 * * *", missed="all"), runs, database)
    assert await changed.look(at + timedelta(days=2)) == 0
    assert await changed.look(at + timedelta(days=2, hours=1)) == 1


async def test_a_worker_begins_what_falls_due_by_itself(start, database, until):
    runs = await start(report)
    minutely = Schedule("report", "report", "* * * * *", missed="all")
    schedules = of(minutely, runs, database)
    await schedules.look(datetime.now(UTC) - timedelta(minutes=2, seconds=30))
    schedules.start()

    async def begun() -> bool:
        return len((await runs.list(RunFilter())).items) >= 2

    await until(begun)
    await schedules.stop()
