"""A process to be killed: three runs of ten steps, each step written down when it begins and when its result is kept.

Usage: python crash_program.py DATABASE LOG start|resume
"""

import asyncio
import os
import sys
from pathlib import Path

from coachwork.pipelines.approvals import Approvals
from coachwork.pipelines.deliver import Webhooks
from coachwork.pipelines.engine import Engine, once
from coachwork.pipelines.events import EventLog
from coachwork.pipelines.pipeline import Pipeline
from coachwork.pipelines.run_scope import Services
from coachwork.pipelines.runs import RunFilter, Runs
from coachwork.pipelines.slots import Slots
from coachwork.pipelines.steps import step
from coachwork.store.database import Database

LOG = Path(sys.argv[2])


def say(line: str) -> None:
    with LOG.open("a") as file:
        file.write(line + "\n")
        file.flush()
        os.fsync(file.fileno())


@step
async def work(name: str, number: int) -> int:
    say(f"begin {name} {number}")
    await asyncio.sleep(0.03)
    return number


async def ten(name: str) -> int:
    total = 0
    for number in range(10):
        total += await work(name, number)
        say(f"kept {name} {number}")
    return total


async def main() -> None:
    database = Database(sys.argv[1])
    database.migrate()
    services = Services(
        database=database,
        events=EventLog(database),
        slots=Slots(4),
        approvals=Approvals(database),
        webhooks=Webhooks({}, Path(), {}),
        models=None,  # type: ignore[arg-type]
        once=once,
    )
    pipelines = {"ten": Pipeline(ten)}
    engine = Engine(pipelines, services, adopt=True)
    await engine.start()
    runs = Runs(pipelines, services, engine)
    if sys.argv[3] == "start":
        for name in "abc":
            await runs.start("ten", {"name": name})
    ids = [run.id for run in (await runs.list(RunFilter())).items]
    for run in await asyncio.gather(*(runs.wait(run_id) for run_id in ids)):
        say(f"end {run.status} {run.output}")
    await engine.stop()
    database.close()


asyncio.run(main())
