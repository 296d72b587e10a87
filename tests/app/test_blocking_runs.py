"""A run whose code never awaits, or takes too much memory, is stopped, and everything else of its process goes on."""

import asyncio
import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from coachwork.app.project import load_project
from coachwork.app.runtime import Runtime
from coachwork.cli import exits

APP = """
import asyncio, re, time
from coachwork import App, gather, step

app = App("Blocking")


@step
async def spin(number: int) -> int:
    while True:
        number += 1


async def pause() -> None:
    try:
        time.sleep(1000)
    except Exception:
        pass  # whoever catches all failures is stopped none the less


@app.pipeline
async def spinning(number: int) -> int:
    return await spin(number)


@app.pipeline
async def sleeping(number: int) -> int:
    await gather(pause(), asyncio.sleep(0))
    return number


@app.pipeline
async def matching(number: int) -> bool:
    return bool(re.match(r"(a+)+$", "a" * 60 + "b"))  # keeps the interpreter's lock for years


@app.pipeline
async def stubborn(number: int) -> int:
    while True:
        try:
            time.sleep(1000)
        except BaseException:
            pass


@app.pipeline
async def hoarding(number: int) -> int:
    held = []
    while True:
        held.append(bytearray(1_000_000))
        if len(held) % 10 == 0:  # slower than the watch, on a busy machine too
            await asyncio.sleep(0.01)


@app.pipeline
async def huge(number: int) -> int:
    return len(bytearray(2**40))


@step
async def count(number: int) -> int:
    await asyncio.sleep(0.01)
    return number + 1


@app.pipeline
async def good(number: int) -> int:
    for _ in range(30):
        number = await count(number)
    return number
"""
LIMIT = {"COACHWORK_RUNS_BLOCKED_SECONDS": "1"}


async def ended(runtime: Runtime, run_id: str):
    async with asyncio.timeout(60):
        async for _event in runtime.runs.events(run_id):
            pass
    return await runtime.runs.get(run_id)


async def start(runtime: Runtime, *names: str) -> list[str]:
    return [(await runtime.runs.start(name, {"number": 0})).id for name in names]


def a_project(folder: Path) -> Path:
    (folder / "app.py").write_text(APP)
    (folder / "coachwork.toml").write_text("")
    return folder


@pytest.mark.slow
async def test_the_run_that_blocks_ends_with_its_line_and_the_others_go_on(tmp_path: Path) -> None:
    project = load_project(a_project(tmp_path), LIMIT)
    async with Runtime(project, concurrency=10) as runtime:
        well, *blocking = await start(runtime, "good", "spinning", "sleeping", "matching")
        assert (await ended(runtime, well)).output == 30
        failed = [await ended(runtime, run_id) for run_id in blocking]
        assert [(run.status, run.error["code"]) for run in failed] == [("failed", "worker-blocked")] * 3
        places = [run.error["details"]["where"].split(" in ")[1] for run in failed]
        assert places == ["spin", "pause", "matching"]
        lines = APP.splitlines()
        for run in failed:
            number = int(run.error["details"]["where"].removeprefix("app.py:").split(" ")[0])
            assert any(word in lines[number - 1] for word in ("while", "number +=", "sleep", "re.match"))
        [again] = await start(runtime, "good")
        assert (await ended(runtime, again)).status == "succeeded"
    await project.close()


@pytest.mark.slow
async def test_a_worker_that_can_not_stop_a_run_ends_it_and_itself(tmp_path: Path) -> None:
    project = load_project(a_project(tmp_path), LIMIT)
    command = [sys.executable, "-c", "from coachwork.cli import main; main()", "worker", "--concurrency", "2"]
    async with Runtime(project, concurrency=0) as desk:
        well, stuck = await start(desk, "good", "stubborn")
        told = await asyncio.to_thread(
            lambda: subprocess.run(
                command, cwd=tmp_path, env={**os.environ, **LIMIT}, capture_output=True, text=True, timeout=60
            )
        )
        assert told.returncode == exits.BLOCKED, told.stderr
        assert "worker.ended" in told.stderr
        run = await desk.runs.get(stuck)
        assert (run.status, run.error["code"]) == ("failed", "worker-blocked")
    async with Runtime(project, concurrency=2) as runtime:  # another worker has what the first one left, at once
        assert (await ended(runtime, well)).output == 30
    await project.close()


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells what a process has in memory")
async def test_the_run_that_takes_too_much_memory_ends_and_the_others_go_on(tmp_path: Path) -> None:
    limits = {"COACHWORK_RUNS_MEMORY_MB": "200", "COACHWORK_RUNS_BLOCKED_SECONDS": "0"}
    project = load_project(a_project(tmp_path), limits)
    before = resource.getrlimit(resource.RLIMIT_DATA)
    async with Runtime(project, concurrency=10) as runtime:
        [hoarding, huge] = await start(runtime, "hoarding", "huge")
        runs = [await ended(runtime, run_id) for run_id in (hoarding, huge)]
        assert [(run.status, run.error["code"]) for run in runs] == [("failed", "out-of-memory")] * 2
        assert [run.error["details"]["limit_mb"] for run in runs] == [200, None]
        [well] = await start(runtime, "good")
        assert (await ended(runtime, well)).output == 30
    assert resource.getrlimit(resource.RLIMIT_DATA) == before
    await project.close()
