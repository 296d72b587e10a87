"""Waiting for a time, and marks in the code for those who change it: `sleep`, `patched`. Knows recorded moments."""

import asyncio
from datetime import timedelta

from coachwork.messages import StepRecord
from coachwork.pipelines import journal
from coachwork.pipelines.claims import now
from coachwork.pipelines.durations import seconds_of
from coachwork.pipelines.run_scope import current_run


async def sleep(time: str | float | timedelta) -> None:
    """Go on after a time: `"90s"`, `"2h"`, `"3d"`, seconds, or a timedelta. It passes also while nothing runs.

    A run that only sleeps holds no worker. Raises ValueError for what is no time.
    """
    run = current_run("sleep()")
    seconds = _seconds(time)
    if not 0 <= seconds < 10**9:
        raise ValueError(f"{time!r} is no time to sleep: from 0 seconds to 30 years")
    position = run.position("sleep", "sleep")
    kept = position.kept
    if kept is not None and kept.ended:
        return
    if kept is not None and isinstance(kept.input, dict):
        until = int(kept.input["until"])
    else:
        until = position.began_at + int(seconds * 1000)
    record = StepRecord(kind="sleep", name="sleep", label="Waiting for a time", input={"until": until})
    if kept is None:
        place, at = position.place, position.began_at
        await run.write(lambda connection: journal.step_waits(connection, place, record, at))
    await run.waiting(position.place.path, until, False, asyncio.sleep(max(0.0, (until - now()) / 1000)))
    await run.end(position, record, known=True)


def _seconds(time: str | float | timedelta) -> float:
    if isinstance(time, timedelta):
        return time.total_seconds()
    return seconds_of(time) if isinstance(time, str) else time


async def patched(name: str) -> bool:
    """Whether this run goes the new way: False for one that was recorded before the code was changed here.

    Put what is new behind it, so that runs in flight finish on the code they began with:
    `if await patched("check the price"): await check(draft)`.
    """
    run = current_run("patched()")
    kept = run.recorded_at(run.path_ahead)
    if kept is not None and kept.kind != "patch":
        return False
    position = run.position("patch", name)
    if kept is None:
        await run.end(position, StepRecord(kind="patch", name=name, label=f"With the change “{name}”"), known=False)
    return True
