"""Code that goes another way on replay: named before it happens, and never followed when it does."""

import asyncio
import textwrap
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from coachwork.app.checks import check_project
from coachwork.errors import CoachworkError
from coachwork.pipelines.approvals import approval
from coachwork.pipelines.runs import Runs
from coachwork.pipelines.steps import step
from coachwork.pipelines.waits import patched

Start = Callable[..., Awaitable[Runs]]

APP = """
import asyncio
import datetime as dt
import io
import random
import time
from datetime import datetime
from random import choice
from uuid import uuid4

import httpx

from coachwork import App, gather, step
from {rules} import greeting

app = App("Probe")
DICE = random.Random(4)


@step
async def now() -> str:
    return datetime.now().isoformat() + str(time.time()) + open("x").read()


def helper(text: str) -> str:
    return text.upper() + deeper()


def deeper() -> str:
    return str(time.time_ns())


@app.pipeline
async def talk(question: str, open: bool = False) -> str:
    {body}
    return question
"""
RULES = (
    "import time\n\n\ndef greeting() -> str:\n    return 'Good day' if time.localtime() else str(time.monotonic())\n"
)


def named(tmp_path: Path, body: str) -> list[tuple[str, str]]:
    """Where and what `coachwork doctor` finds in a pipeline with this body."""
    (tmp_path / "coachwork.toml").write_text('[routes.default]\nmodels = ["local:qwen2.5-coder-1.5b"]\n')
    rules = f"rules_{abs(hash(tmp_path))}"  # a module is imported once a process
    app = APP.replace("{body}", textwrap.indent(body, "    ").strip()).replace("{rules}", rules)
    (tmp_path / "app.py").write_text(app)
    (tmp_path / f"{rules}.py").write_text(RULES)
    found = [finding for finding in check_project(tmp_path, {}) if finding.id == "runs.W001"]
    assert all(finding.level == "warning" and "'talk'" in finding.message for finding in found)
    assert all("@step" in finding.hint or "gather" in finding.hint for finding in found)
    return [(finding.where.replace(rules, "rules"), finding.message.split(" in the code of ")[0]) for finding in found]


ASTRAY = [
    ("question += str(datetime.now())", "datetime.now reads the clock"),
    ("question += str(dt.date.today())", "dt.date.today reads the clock"),
    ("question += str(time.time())", "time.time reads the clock"),
    ("question += str(random.random())", "random.random is left to chance"),
    ("question += choice('ab')", "choice is left to chance"),
    ("question += str(DICE.random())", "DICE.random is left to chance"),
    ("question += str(random.Random().random())", "random.Random is left to chance"),
    ("question += str(uuid4())", "uuid4 is left to chance"),
    ("question += httpx.get('http://x').text", "httpx.get reads or writes outside of the run"),
    ("question += str(await asyncio.to_thread(time.time))", "time.time reads the clock"),
    ("asyncio.TaskGroup()", "asyncio.TaskGroup lets steps take turns by timing"),
    ("await asyncio.gather(now(), now())", "asyncio.gather lets steps take turns by timing"),
    ("import requests; requests.post('http://x')", "requests.post reads or writes outside of the run"),
    ("from time import time as t; question += str(t())", "t reads the clock"),
    ("question += (lambda: str(time.perf_counter()))()", "time.perf_counter reads the clock"),
    ("with io.open('x') as file: question += file.read()", "io.open reads or writes outside of the run"),
]


def test_what_is_not_the_same_the_second_time_is_named_with_its_line(tmp_path: Path) -> None:
    body = "\n".join(line for line, _message in ASTRAY)
    first = APP.split("{body}")[0].count("\n") + 1
    assert named(tmp_path, body) == [(f"app.py:{first + n}", message) for n, (_line, message) in enumerate(ASTRAY)]


def test_functions_of_the_project_that_a_pipeline_calls_are_its_code_too(tmp_path: Path) -> None:
    found = named(tmp_path, "question += helper(question) + greeting()")
    assert found == [("app.py:30", "time.time_ns reads the clock"), ("rules.py:5", "time.monotonic reads the clock")]


KEPT = """
question += await now()
await gather(now(), now())
dice = random.Random(4)
question += str(dice.random()) + str(datetime(2026, 1, 1)) + str(open)

@step
async def later() -> float:
    return time.time()

question += str(await later())
"""


@pytest.mark.parametrize("body", [KEPT, "time = question\nquestion += str(time.time())"])
def test_steps_seeds_and_names_of_its_own_are_not(tmp_path: Path, body: str) -> None:
    assert named(tmp_path, body) == []


# ── When it happens ────────────────────────────────────────────────────────────────────────────

done: list[str] = []


@step
async def first() -> str:
    done.append("first")
    return "first"


@step
async def second() -> str:
    done.append("second")
    return "second"


@step
async def third() -> str:
    done.append("third")
    return "third"


def changing(later: bool) -> Callable[[], Awaitable[str]]:
    """The pipeline before and after a deploy; it catches whatever is raised, as some code does."""

    async def pipeline() -> str:
        await first()
        try:
            await (third() if later else second())
        except CoachworkError:
            done.append("caught")
        if later:
            await third()
        return (await approval("Go on?", "x")).status

    pipeline.__name__ = "pipeline"
    return pipeline


async def ended(runs: Runs, run_id: str) -> Any:
    """The run after its last event; `Runs.wait` would give it as soon as it asks a person."""
    async with asyncio.timeout(30):
        async for _number, _event in runs.events(run_id):
            pass
    return await runs.get(run_id)


async def test_a_run_that_meets_changed_code_fails_with_the_line_and_the_way_out(start: Start) -> None:
    done.clear()
    runs = await start(changing(later=False))
    run_id = (await runs.start("pipeline", {})).id
    async for _number, event in runs.events(run_id, 0):
        if event["type"] == "data-approval":
            break
    runs = await start(changing(later=True))
    run = await ended(runs, run_id)
    assert (run.status, run.error["code"]) == ("failed", "replay-mismatch")
    line = changing.__code__.co_firstlineno + 6
    assert f"is recorded as 'step:second', and {__file__}:{line} now does 'step:third'" in run.error["message"]
    assert f"coachwork runs fork {run_id} --from 2" in run.error["hint"]
    assert done == ["first", "second", "caught"]  # nothing was done that is not recorded, whoever caught the error


async def test_code_that_ends_without_a_step_it_made_is_named_too(start: Start) -> None:
    def shrinking(later: bool) -> Callable[[], Awaitable[str]]:
        async def pipeline() -> str:
            await first()
            said = await approval("Go on?", "x")
            if not later:
                await second()
                await approval("Really?", "x")
            return said.status

        return pipeline

    runs = await start(shrinking(later=False))
    run_id = (await runs.start("pipeline", {})).id
    await runs.answer((await waiting(runs, run_id)).id, "accept", None, "", "ann")
    await waiting(runs, run_id)
    runs = await start(shrinking(later=True))
    await runs.answer((await waiting(runs, run_id)).id, "accept", None, "", "ann")
    run = await ended(runs, run_id)
    assert (run.status, run.error["code"]) == ("failed", "replay-mismatch")
    assert f"step 3 of run {run_id} is recorded as 'step:second'" in run.error["message"]
    assert "now ends without it" in run.error["message"]


async def test_runs_in_flight_end_on_the_code_they_began_with_behind_a_patch(start: Start) -> None:
    done.clear()

    def growing(later: bool) -> Callable[[], Awaitable[list[str]]]:
        async def pipeline() -> list[str]:
            made = [await first()]
            if later and await patched("check it too"):
                made.append(await third())
            made.append((await approval("Go on?", "x")).status)
            return made

        return pipeline

    runs = await start(growing(later=False))
    old = (await runs.start("pipeline", {})).id
    await waiting(runs, old)
    runs = await start(growing(later=True))
    new = (await runs.start("pipeline", {})).id
    for run_id in (old, new):
        await runs.answer((await waiting(runs, run_id)).id, "accept", None, "", "ann")
    assert (await ended(runs, old)).output == ["first", "accepted"]
    assert (await ended(runs, new)).output == ["first", "third", "accepted"]
    assert done == ["first", "first", "third"]


async def waiting(runs: Runs, run_id: str) -> Any:
    """The approval that the run waits for."""
    async with asyncio.timeout(30):
        while True:
            run = await runs.get(run_id)
            if run.status == "waiting" and (open_ := [a for a in run.approvals if a.status == "pending"]):
                return open_[0]
            await asyncio.sleep(0.02)
