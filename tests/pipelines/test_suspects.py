"""A run that workers died of works alone: what they die of then is known, and nobody else is the worse for it."""

import asyncio
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest

from coachwork.messages import StepRecord
from coachwork.pipelines import journal, line
from coachwork.pipelines.journal import now
from coachwork.pipelines.steps import step
from coachwork.store.database import Database
from coachwork.store.tables import runs, workers


class Line:
    """A database with a line of runs, and workers that die."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.number = 0

    def do(self, work: Any, **given: Any) -> Any:
        return self.database.write_soon(partial(work, **given)).result()

    def accept(self, run_id: str) -> None:
        row = {"id": run_id, "pipeline": "p", "title": "", "status": "queued", "input": {}}
        row |= {"created_at": now() - 1000, "ready_at": now() - 1}
        self.do(lambda c: c.execute(runs.insert().values(row)))

    def row(self, run_id: str) -> Any:
        return self.database.read_now(lambda c: c.execute(runs.select().where(runs.c.id == run_id)).one())

    def worker(self) -> str:
        self.number += 1
        row = {"id": f"w{self.number}", "host": "here", "pid": 1, "started_at": now(), "heartbeat_at": now()}
        self.do(lambda c: c.execute(workers.insert().values(row)))
        return str(row["id"])

    def passes_time(self, run_id: str) -> None:
        self.do(lambda c: c.execute(runs.update().where(runs.c.id == run_id).values(ready_at=now() - 60_000)))

    def dies(self, run_id: str, *, alone: bool = False, crashed: bool = True) -> None:
        """A worker claims the run, begins it, and dies or stops."""
        worker = self.worker()
        self.passes_time(run_id)
        claimed = self.do(line.claim_next, worker=worker)
        assert claimed.run_id == run_id
        if alone:
            assert claimed.suspect
            self.do(line.begins_alone, run_id=run_id, claim=self.row(run_id).claim)
        self.do(line.adopt, dead=worker, by="heir", crashed=crashed)

    def gets_on(self, run_id: str) -> None:
        place = journal.Place(run_id, 1, "1", claim=self.row(run_id).claim)
        record = StepRecord(kind="step", name="work")
        self.do(journal.step_ended, place=place, record=record, began_at=now(), known=False, output=1)

    def suspected(self, run_id: str) -> bool:
        kept = self.database.read_now(partial(journal.recorded, run_id=run_id))
        return line.is_suspect(self.row(run_id), kept.values())


@pytest.fixture
def the_line(database_url: str) -> Iterator[Line]:
    database = Database(database_url)
    database.migrate()
    yield Line(database)
    database.close()


def test_only_deaths_with_it_alone_end_a_run(the_line: Line) -> None:
    the_line.accept("r")
    for _ in range(10):  # a machine that kills everything again and again proves nothing about any run
        the_line.dies("r")
        the_line.dies("r", crashed=False)
    assert the_line.suspected("r")
    for _ in range(6):
        the_line.dies("r", alone=True)
        the_line.dies("r", alone=True, crashed=False)
    the_line.gets_on("r")
    assert not the_line.suspected("r")
    for _ in range(3):
        the_line.dies("r")
    pauses = []
    for _ in range(7):
        pauses.append(round((the_line.row("r").ready_at - now()) / 1000))
        the_line.dies("r", alone=True)
    assert pauses == [0, 1, 2, 4, 8, 16, 30]
    ended = the_line.row("r")
    assert (ended.status, ended.error["code"]) == ("failed", "workers-died")
    assert ended.error["message"].startswith("10 workers died")
    assert "coachwork runs fork r --from 2" in ended.error["hint"]
    assert the_line.do(line.claim_next, worker="w") is None


def test_where_workers_die_that_did_nothing_the_count_begins_anew(the_line: Line) -> None:
    the_line.accept("r")
    for _ in range(3):
        the_line.dies("r")
    for _ in range(3):
        for _ in range(6):
            the_line.dies("r", alone=True)
        the_line.do(line.adopt, dead=the_line.worker(), by="heir")
    for _ in range(6):
        the_line.dies("r", alone=True)
    the_line.dies("r")  # before its code began
    for _ in range(7):
        assert the_line.row("r").status == "running"
        the_line.dies("r", alone=True)
    assert the_line.row("r").status == "failed"


def test_a_worker_that_is_at_something_leaves_a_suspect_to_an_idle_one_but_not_for_ever(the_line: Line) -> None:
    the_line.accept("r")
    for _ in range(3):
        the_line.dies("r")
    busy = partial(line.claim_next, worker="busy", idle=False)
    assert the_line.do(busy) is None
    the_line.accept("good")
    assert the_line.do(busy) == ("good", 0, False)
    the_line.passes_time("r")
    assert the_line.do(busy) == ("r", 3, True)


_at_work: set[str] = set()
_seen: dict[str, list[set[str]]] = {"before": [], "after": []}


@step
async def pause(name: str) -> str:
    await asyncio.sleep(0.05)
    return name


async def innocent(name: str) -> str:
    _at_work.add(name)
    try:
        for _ in range(10):
            await pause(name)
    finally:
        _at_work.discard(name)
    return name


async def suspect(name: str) -> str:
    _at_work.add(name)
    _seen["before"].append(set(_at_work))
    await asyncio.sleep(0.3)
    _seen["before"].append(set(_at_work))
    await pause(name)
    while _at_work == {name}:  # noqa: ASYNC110  it got on: others begin beside it
        await asyncio.sleep(0.02)
    _seen["after"].append(set(_at_work))
    _at_work.discard(name)
    return name


async def test_what_workers_died_of_begins_where_nothing_else_works_until_it_gets_on(start, tmp_path) -> None:
    desk = await start(innocent, suspect, concurrency=0)
    asked = [await desk.start("innocent", {"name": f"early {number}"}) for number in range(2)]
    asked.append(await desk.start("suspect", {"name": "suspect"}))
    asked += [await desk.start("innocent", {"name": f"late {number}"}) for number in range(6)]
    long_ago = {"deaths": 3, "deaths_at": 0, "ready_at": now() - 60_000}
    held = runs.update().where(runs.c.id == asked[2].id).values(long_ago)
    database = Database(f"sqlite:///{tmp_path}/test.db")
    await database.write(lambda c: c.execute(held))
    database.close()
    worker = await start(innocent, suspect, concurrency=3)
    ended = [await worker.wait(each.id, 30) for each in asked]
    assert {run.status for run in ended} == {"succeeded"}
    assert _seen["before"] == [{"suspect"}] * 2
    assert len(_seen["after"]) == 1
