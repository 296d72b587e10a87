"""A large batch, and kill -9 at random moments of it: `make bench-batches`.

A process feeds a batch of runs of two steps each; it is killed, another takes over and is killed too, and so on. Held
at the end: every row has one run and its own result, and no step was done again but those that a kill cut. Before and
after, how long it takes to ask how the batch stands; at the end, what reading its rows and its results takes.
"""

import argparse
import asyncio
import collections
import json
import os
import random
import resource
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

APP = """
import os
from pathlib import Path

from coachwork import App, step

app = App("Numbers")
LOG = Path(__file__).with_name("done")


@step
async def add(name: str, number: int) -> int:
    with open(LOG, "a") as file:
        file.write(f"{name} {number}\\n")
    return number + 1


@app.pipeline
async def twice(number: int) -> int:
    return await add("second", await add("first", number)) - number
"""


def make_project(folder: Path) -> Path:
    (folder / "app.py").write_text(APP)
    (folder / "coachwork.toml").write_text("[runs]\nconcurrency = 8\n")
    return folder


async def start(folder: Path, rows: int) -> str:
    """Keep the batch; nothing works on it yet."""
    from coachwork.app.project import load_project
    from coachwork.app.runtime import Runtime
    from coachwork.pipelines.batches import Table

    table = Table("numbers.csv", ("number\n" + "".join(f"{number}\n" for number in range(rows))).encode())
    project = load_project(folder)
    async with Runtime(project, adopt=False) as runtime:
        began = time.perf_counter()
        batch = await runtime.batches.start("twice", table)
        print(f"{rows} rows checked and kept in {time.perf_counter() - began:.2f} s; asked how it stands: ", end="")
        print(f"{await asked(runtime, batch.id):.2f} ms")
    await project.close()
    return batch.id


async def asked(runtime: object, batch: str) -> float:
    """Milliseconds to ask once how a batch stands, the middle of 50."""
    times = []
    for _ in range(50):
        began = time.perf_counter()
        await runtime.batches.get(batch)  # type: ignore[attr-defined]
        times.append(time.perf_counter() - began)
    return 1000 * sorted(times)[25]


async def looked_at(folder: Path) -> None:
    """What the page and a download ask of the finished batch: milliseconds a page of 100 rows, seconds a file."""
    from coachwork.app.project import load_project
    from coachwork.app.runtime import Runtime
    from coachwork.pipelines import batch_results

    project = load_project(folder)
    async with Runtime(project, adopt=False) as runtime:
        [batch] = (await runtime.batches.list()).items
        last = {"after": max(batch.rows - 100, 0)}
        for name, which in {"first": {}, "last": last, "failed": {"status": "failed"}}.items():
            times = []
            for _ in range(20):
                began = time.perf_counter()
                await runtime.batches.rows(batch.id, limit=100, **which)  # type: ignore[arg-type]
                times.append(time.perf_counter() - began)
            print(f"{name} 100 rows: {1000 * sorted(times)[10]:.1f} ms; ", end="")
        columns = batch_results.columns_of(project.pipelines["twice"])
        began = time.perf_counter()
        size = sum([len(part) async for part in batch_results.as_csv(runtime.batches.results(batch.id), columns)])
        print(f"results as CSV: {size} bytes in {time.perf_counter() - began:.2f} s; ", end="")
        began = time.perf_counter()
        size = len(await batch_results.as_xlsx(runtime.batches.results(batch.id), columns))
        print(f"as XLSX: {size} bytes in {time.perf_counter() - began:.2f} s; ", end="")
        print(f"most memory of this process: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")
    await project.close()


async def work(folder: Path) -> None:
    """A worker: adopts, feeds, and ends when no batch is left. Says when the batch has begun to move."""
    from coachwork.app.project import load_project
    from coachwork.app.runtime import Runtime
    from coachwork.tracing import log

    log.configure("error")
    project = load_project(folder)
    async with Runtime(project) as runtime:
        while (page := await runtime.batches.list(status="running")).items:
            print(page.items[0].counts["succeeded"], flush=True)
            await asyncio.sleep(0.1)
        [batch] = (await runtime.batches.list()).items
        print(json.dumps({"batch": batch.model_dump(mode="json"), "ms": await asked(runtime, batch.id)}), flush=True)
    await project.close()


def killed(folder: Path, kills: int, dice: random.Random) -> tuple[int, dict[str, object]]:
    """Workers one after the other, each killed at a random moment; then one that may finish. Gives the kills made."""
    made = 0
    while True:
        worker = subprocess.Popen([sys.executable, __file__, "--work", str(folder)], stdout=subprocess.PIPE, text=True)
        assert worker.stdout is not None
        last = worker.stdout.readline()
        if made < kills and not last.startswith("{"):
            time.sleep(dice.uniform(0, 0.8))
            worker.send_signal(signal.SIGKILL)
            worker.wait()
            made += 1
            continue
        for line in worker.stdout:
            last = line
        if worker.wait() != 0:
            raise SystemExit(f"a worker ended with {worker.returncode}")
        return made, json.loads(last)


def report(folder: Path, rows: int, kills: int, found: dict[str, object], seconds: float) -> int:
    """Count and print; gives 0 where all is held."""
    import sqlalchemy as sa

    from coachwork.store.database import open_engine
    from coachwork.store.tables import batch_rows, runs

    batch: dict[str, object] = found["batch"]  # type: ignore[assignment]
    with open_engine(f"sqlite:///{folder}/.coachwork/coachwork.db").connect() as connection:
        joined = sa.select(sa.func.count()).select_from(batch_rows.join(runs, batch_rows.c.run_id == runs.c.id))
        right = connection.execute(joined.where(runs.c.status == "succeeded")).scalar_one()
        outputs = collections.Counter(connection.execute(sa.select(runs.c.output)).scalars())
        number = connection.execute(sa.select(sa.func.count()).select_from(runs)).scalar_one()
    done = collections.Counter((folder / "done").read_text().split("\n")[:-1])
    again = sum(times - 1 for times in done.values())
    print(
        f"{kills} kills; {number} runs for {rows} rows, {right} succeeded, outputs {dict(outputs)}; {batch['status']}"
    )
    print(f"{sum(done.values())} steps done for {2 * rows}, {again} again ({max(done.values())} times at most)")
    print(f"{seconds:.0f} s, {rows / seconds:.0f} rows/s, restarts in it; asked how it stands: {found['ms']:.2f} ms")
    held = number == right == rows == outputs[2] and len(done) == 2 * rows and batch["status"] == "finished"
    held = held and again <= kills * 16  # a place each of 16 rows at work may have been cut in a step
    print("held" if held else "NOT HELD")
    return 0 if held else 1


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rows", type=int, default=10_000)
    options.add_argument("--kills", type=int, default=30)
    options.add_argument("--seed", type=int, default=2026)
    options.add_argument("--work", metavar="FOLDER", help="be a worker; for the program itself")
    given = options.parse_args()
    if given.work:
        asyncio.run(work(Path(given.work)))
        return 0
    os.environ.pop("COACHWORK_DATABASE", None)
    with tempfile.TemporaryDirectory() as place:
        folder = make_project(Path(place))
        asyncio.run(start(folder, given.rows))
        began = time.monotonic()
        made, found = killed(folder, given.kills, random.Random(given.seed))
        held = report(folder, given.rows, made, found, time.monotonic() - began)
        asyncio.run(looked_at(folder))
        return held


if __name__ == "__main__":
    sys.exit(main())
