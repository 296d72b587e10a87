"""A worker process: takes runs from a shared database until it is told to stop. Each step is written down.

Usage: python worker_program.py DATABASE LOG TOTAL
"""

import asyncio
import os
import signal
import sys
from pathlib import Path

from coachwork.pipelines.approvals import Approvals
from coachwork.pipelines.deliver import Webhooks
from coachwork.pipelines.engine import Engine
from coachwork.pipelines.events import EventLog
from coachwork.pipelines.pipeline import Pipeline
from coachwork.pipelines.run_scope import Services
from coachwork.pipelines.steps import step
from coachwork.store.database import Database

DATABASE, LOG, TOTAL = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])


def say(line: str) -> None:
    descriptor = os.open(LOG, os.O_WRONLY | os.O_APPEND)
    os.write(descriptor, f"{os.getpid()} {line}\n".encode())
    os.close(descriptor)


@step
async def work(name: str, number: int) -> int:
    say(f"begin {name} {number}")
    await asyncio.sleep(0.02)
    return number


async def three(name: str) -> int:
    say(f"enter {name} -")
    total = 0
    for number in range(3):
        total += await work(name, number)
        say(f"kept {name} {number}")
    say(f"leave {name} -")
    return total


async def main() -> None:
    database = Database(DATABASE)
    database.migrate()
    services = Services(
        database=database,
        events=EventLog(database),
        approvals=Approvals(database),
        webhooks=Webhooks({}, Path(), {}),
        models=None,  # type: ignore[arg-type]
    )
    engine = Engine({"three": Pipeline(three)}, services, adopt=True, concurrency=4, total=TOTAL)
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    await engine.start()
    say("ready - -")
    await stop.wait()
    await engine.drain(10)
    await engine.stop()
    database.close()


if __name__ == "__main__":
    asyncio.run(main())
