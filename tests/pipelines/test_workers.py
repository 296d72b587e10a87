"""Several workers on one database: a limit over them all, and the runs of a killed one go on with the others."""

import asyncio
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
import sqlalchemy as sa

from coachwork.pipelines.approvals import Approvals
from coachwork.pipelines.deliver import Webhooks
from coachwork.pipelines.engine import Engine
from coachwork.pipelines.events import EventLog
from coachwork.pipelines.pipeline import Pipeline
from coachwork.pipelines.run_scope import Services
from coachwork.pipelines.runs import Runs
from coachwork.store.database import Database
from coachwork.store.tables import runs as table

PROGRAM = Path(__file__).with_name("worker_program.py")
TOTAL, RUNS = 5, 80


async def three(name: str) -> int:
    raise AssertionError("the workers do this")


def worker(url: str, log: Path) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "PYTHONPATH": str(PROGRAM.parents[2] / "src")}
    return subprocess.Popen([sys.executable, str(PROGRAM), url, str(log), str(TOTAL)], env=environment)


def most_at_once(lines: list[list[str]], killed: int) -> int:
    """The most runs that were worked on at the same time; those of the killed worker end with its last line."""
    last = max(number for number, line in enumerate(lines) if int(line[0]) == killed)
    working: set[tuple[str, str]] = set()
    most = 0
    for number, (pid, what, name, _number) in enumerate(lines):
        if what == "enter":
            working.add((pid, name))
        if what == "leave":
            working.discard((pid, name))
        most = max(most, len(working))
        if number == last:
            working = {held for held in working if int(held[0]) != killed}
    return most


@pytest.mark.slow
async def test_a_killed_workers_runs_go_on_and_the_limit_holds(database_url, tmp_path, until):
    log = tmp_path / "log"
    log.touch()
    database = Database(database_url)
    database.migrate()
    services = Services(
        database=database,
        events=EventLog(database),
        approvals=Approvals(database),
        webhooks=Webhooks({}, Path(), {}),
        models=None,  # type: ignore[arg-type]
    )
    pipelines = {"three": Pipeline(three)}
    runs = Runs(pipelines, services, Engine(pipelines, services, adopt=False, concurrency=0))
    for number in range(RUNS):
        await runs.start("three", {"name": f"r{number}"})
    workers = [worker(database_url, log) for _ in range(3)]
    victim = workers[0]

    def begun() -> bool:
        return log.read_text().count(f"{victim.pid} kept") >= 4

    try:
        await until(begun, 60)
        victim.kill()
        victim.wait()

        async def all_ended() -> bool:
            left = sa.select(sa.func.count()).select_from(table).where(table.c.status != "succeeded")
            return await database.read(lambda c: c.execute(left).scalar_one()) == 0

        await until(all_ended, 90)
    finally:
        for process in workers:
            process.terminate()
        codes = [await asyncio.to_thread(process.wait, 30) for process in workers[1:]]
        database.close()
    assert codes == [0, 0]
    lines = [line.split() for line in log.read_text().splitlines()]
    assert most_at_once(lines, victim.pid) <= TOTAL
    begins = Counter((name, number) for _pid, what, name, number in lines if what == "begin")
    kept = {(name, number) for pid, what, name, number in lines if what == "kept" and int(pid) == victim.pid}
    assert len(begins) == 3 * RUNS
    assert all(begins[done] == 1 for done in kept), "a step whose result was kept ran again"
    assert sum(begins.values()) <= 3 * RUNS + TOTAL  # what was in flight at the kill, and nothing else
