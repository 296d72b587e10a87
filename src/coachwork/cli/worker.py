"""`coachwork worker`: works on the runs of a project beside its server, on this machine or another. Knows signals."""

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
        int | None, typer.Option(help="How many runs work here at once. Default: runs.concurrency.", min=1)
    ] = None,
    grace: Annotated[
        float, typer.Option(help="After SIGTERM, so many seconds to end what works; the rest goes on elsewhere.", min=0)
    ] = 30.0,
    yes: YesOption = False,
    project: ProjectOption = None,
) -> None:
    """Take runs from the line that all servers and workers of the database share, until told to stop.

    Any number may be started and stopped at any time. One that dies is noticed within 30 seconds, and others go on
    with its runs from their last step.
    """
    loaded = load(project)
    from coachwork.cli.downloads import ensure_models
    from coachwork.tracing import log

    ensure_models(loaded, yes=yes)
    log.configure(loaded.settings.log.level, json=loaded.settings.log.json_lines)
    asyncio.run(_work(loaded, concurrency, grace))


async def _work(project: "Project", concurrency: int | None, grace: float) -> None:
    from coachwork.app.runtime import Runtime

    stop = asyncio.Event()
    for sign in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(sign, stop.set)
    runtime = Runtime(project, concurrency=concurrency or project.settings.runs.concurrency or 4)
    try:
        await runtime.start()
        output.err().print(f"working for {project.app.title}; Ctrl-C stops", style="dim")
        await stop.wait()
        await runtime.drain(grace)
        await runtime.stop()
    finally:
        await project.close()
