"""`coachwork worker`: works on runs that others accepted, without a page. Knows signals; the work is the engine's."""

import asyncio
import signal
from typing import TYPE_CHECKING, Annotated

import typer

from coachwork.cli import output
from coachwork.cli.options import ProjectOption, YesOption, load

if TYPE_CHECKING:
    from coachwork.app.project import Project


def worker(
    concurrency: Annotated[
        int | None, typer.Option(min=1, max=256, help="How many runs work at once here. Default: runs.concurrency.")
    ] = None,
    drain: Annotated[
        float, typer.Option(min=0, help="Seconds that running runs get to end after SIGTERM or Ctrl-C.")
    ] = 30,
    yes: YesOption = False,
    project: ProjectOption = None,
) -> None:
    """Work on runs of the project's database, beside any number of other workers and servers.

    SIGTERM or Ctrl-C takes nothing new, waits for what runs, and gives back the rest to the others.
    """
    loaded = load(project)
    from coachwork.cli.serve import prepare
    from coachwork.tracing import log

    prepare(loaded, yes=yes)
    log.configure(loaded.settings.log.level, json=loaded.settings.log.json_lines)
    asyncio.run(_work(loaded, concurrency, drain))


async def _work(project: "Project", concurrency: int | None, drain: float) -> None:
    from coachwork.app.runtime import Runtime

    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    try:
        async with Runtime(project, concurrency=concurrency) as runtime:
            output.err().print(f"Working for {project.app.title}. Ctrl-C stops it; no run is lost.")
            await stop.wait()
            await runtime.drain(drain)
    finally:
        await project.close()
