"""Memory of a worker that lives long: 100,000 runs of one small step, resident memory every tenth: `make bench-memory`.

One process accepts them and works on them, 32 at once. Held is that the second half adds less than 5 %. Takes a quarter
of an hour and more: `nice`, beside other work.
"""

import argparse
import asyncio
import gc
import logging
import os
import sys
import tempfile
import time
from pathlib import Path

import sqlalchemy as sa
import structlog
from stand import told

from coachwork.app.project import load_project
from coachwork.app.runtime import Runtime
from coachwork.store.tables import runs

AT_ONCE = 32
APP = """
from coachwork import App, step

app = App("Memory")


@step
async def add(number: int) -> int:
    return number + 1


@app.pipeline
async def small(number: int) -> int:
    return await add(number)
"""


def resident_mb() -> float:
    """Resident memory of this process, in 1e6 bytes."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE") / 1e6


async def live(folder: Path, count: int) -> tuple[list[float], dict[str, int], int]:
    """Resident memory after each tenth, the runs by status, and the tasks that are left."""
    project = load_project(folder)
    async with Runtime(project, concurrency=AT_ONCE, feed=False) as runtime:
        before, numbers, seen = len(asyncio.all_tasks()), iter(range(count)), [resident_mb()]

        async def client() -> None:
            for number in numbers:
                run = await runtime.runs.wait((await runtime.runs.start("small", {"number": number})).id)
                assert (run.status, run.output) == ("succeeded", number + 1), run.error
                if (number + 1) % (count // 10) == 0:
                    gc.collect()
                    seen.append(resident_mb())
                    print(f"{time.strftime('%H:%M:%S')}  {number + 1:7,} runs: {seen[-1]:.1f} MB", flush=True)

        await asyncio.gather(*(client() for _ in range(AT_ONCE)))
        for _ in range(100):  # the last of them are told to have ended a little before they have
            if (left := len(asyncio.all_tasks()) - before) <= 0:
                break
            await asyncio.sleep(0.05)
        by_status = sa.select(runs.c.status, sa.func.count()).group_by(runs.c.status)
        statuses = await project.database.read(lambda c: {str(row[0]): int(row[1]) for row in c.execute(by_status)})
    await project.close()
    return seen, statuses, left


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=100_000)
    parser.add_argument("--most", type=float, default=5.0, help="percent that the second half may add")
    parser.add_argument("--url", help="a database other than a new SQLite file")
    parser.add_argument("--quick", action="store_true", help="5,000 runs, whose second half may add 10 %%")
    given = parser.parse_args()
    count, most = (5_000, 10.0) if given.quick else (given.runs, given.most)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    with tempfile.TemporaryDirectory(prefix="coachwork-memory-", ignore_cleanup_errors=True) as place:
        os.environ["COACHWORK_DATABASE"] = given.url or f"sqlite:///{place}/memory.db"
        for name, text in (("app.py", APP), ("coachwork.toml", "")):
            (Path(place) / name).write_text(text)
        began = time.monotonic()
        seen, statuses, left = asyncio.run(live(Path(place), count))
    seconds = time.monotonic() - began
    growth = 100 * (seen[-1] / seen[5] - 1)
    print(f"{count:,} runs in {seconds:.0f} s; MB at the start and after each tenth:", *(f"{mb:.1f}" for mb in seen))
    held = [
        told(growth < most, f"the second half added {growth:+.1f} %, it may {most:.0f} %"),
        told(statuses == {"succeeded": count}, f"runs by status: {statuses}"),
        told(left <= 0, f"{left} tasks left"),
    ]
    return 0 if all(held) else 1


if __name__ == "__main__":
    sys.exit(main())
