"""Waiting for a time, and marks in the code for those who change it: `sleep`, `patched`. Knows recorded moments."""

import asyncio
from datetime import timedelta

from coachwork.messages import StepRecord
from coachwork.pipelines import journal
from coachwork.pipelines.durations import seconds_of
from coachwork.pipelines.run_scope import current_run

_LONGEST = 10**9  # seconds, 31 years


async def sleep(time: str | float | timedelta) -> None:
    """Go on after a time: `"90s"`, `"2h"`, `"3d"`, seconds, or a timedelta. It passes also while nothing runs.

    A run that only sleeps holds no worker. Raises ValueError for what is no time, CoachworkError outside a run and
    inside a step.
    """
    run = current_run("sleep()")
    run.between_steps("sleep() waits", "sleep")
    seconds = _seconds(time)
    if not 0 <= seconds < _LONGEST:
        raise ValueError(f"{time!r} is no time to sleep: from 0 seconds to 31 years")
    position = run.position("sleep", "sleep")
    kept = position.kept
    if kept is not None and kept.ended:
        return
    until = position.began_at + int(seconds * 1000)
    record = StepRecord(kind="sleep", name="sleep", label="Waiting for a time", input={"until": until})
    if kept is None or kept.status != "waiting":
        place, at, again = position.place, position.began_at, kept is not None
        await run.write(lambda connection: journal.step_waits(connection, place, record, at, again=again))
    await run.waiting(position, until, asyncio.sleep(max(0.0, (until - journal.now()) / 1000)))
    await run.end(position, record, known=True)


def _seconds(time: str | float | timedelta) -> float:
    if isinstance(time, timedelta):
        return time.total_seconds()
    return seconds_of(time) if isinstance(time, str) else float(time)


async def patched(name: str) -> bool:
    """Whether this run goes the new way: False for one that was recorded here before the code was changed.

    Put what is new behind it, so that runs in flight end on the code they began with:
    `if await patched("check the price"): await check(draft)`. Raises CoachworkError outside a run.
    """
    run = current_run("patched()")
    ahead = run.ahead()
    if ahead is not None and (ahead.kind, ahead.name) != ("patch", name):
        return False
    position = run.position("patch", name)
    if position.kept is None:
        await run.end(position, StepRecord(kind="patch", name=name, label=f"With the change “{name}”"), known=False)
    return True
