"""`coachwork schedules`: what begins by itself, and when. Knows the look; the times are the pipelines'."""

import asyncio
from typing import Any

from coachwork.cli import output
from coachwork.cli.options import JsonOption, ProjectOption, at_work, load


def schedules(project: ProjectOption = None, as_json: JsonOption = False) -> None:
    """List the schedules with their next time and their last run. A running `coachwork serve` begins their runs."""
    loaded = load(project)

    async def read() -> Any:
        async with at_work(loaded) as runtime:
            return await runtime.schedules.list()

    found = asyncio.run(read())
    if as_json:
        output.print_json(found)
        return
    if not found:
        output.err().print('No schedules. Add one: @app.pipeline(schedule="0 7 * * 1-5", timezone="Europe/Berlin")')
    for schedule in found:
        last = schedule.last_run
        ran = f"last {last.id} {last.status}" if last else "never ran"
        when = f"next {schedule.next_at.astimezone():%Y-%m-%d %H:%M}"
        output.out().print(f"{schedule.name}  {when}  {schedule.cron} {schedule.timezone}  {schedule.pipeline}; {ran}")
