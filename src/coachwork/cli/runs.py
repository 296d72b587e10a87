"""`coachwork runs`: what has been run, and stopping a run. Knows the lists' look; the runs are the pipelines'."""

import asyncio
from typing import Annotated

import typer

from coachwork.cli import output
from coachwork.cli.options import JsonOption, ProjectOption, load, working

app = typer.Typer(no_args_is_help=True, help="List, read and cancel runs.")

RunId = Annotated[str, typer.Argument(metavar="RUN", help="The run's id.")]


@app.command("list")
def list_runs(
    pipeline: Annotated[str, typer.Option(help="Only runs of this pipeline.")] = "",
    status: Annotated[
        str, typer.Option(help="Only these: queued, running, waiting, succeeded, failed, cancelled.")
    ] = "",
    q: Annotated[str, typer.Option("--find", help="Only runs whose title or id contains this.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=200)] = 20,
    cursor: Annotated[str, typer.Option(help="Go on behind the last page: its next_cursor.")] = "",
    project: ProjectOption = None,
    as_json: JsonOption = False,
) -> None:
    """List runs, the newest first."""
    loaded = load(project)
    from coachwork.pipelines.runs import RunFilter

    wanted = RunFilter(pipeline=pipeline, status=status, q=q, limit=limit, cursor=cursor)

    async def read() -> None:
        async with working(loaded) as runs:
            page = await runs.list(wanted)
        if as_json:
            output.print_json(page)
            return
        if not page.items:
            output.err().print("No runs yet. Start one: coachwork run PIPELINE --input …")
            return
        console = output.out()
        for run in page.items:
            facts = f"{output.duration(run.seconds):>12}  {output.money(run.cost_usd):>9}"
            when = f"{run.created_at.astimezone():%Y-%m-%d %H:%M}"
            console.print(f"{run.id}  {when}  {run.status:<9}{facts}  {run.pipeline}: {run.title}")
        if page.next_cursor:
            output.err().print(f"There are more: --cursor {page.next_cursor}")

    asyncio.run(read())


@app.command("show")
def show_run(run: RunId, project: ProjectOption = None, as_json: JsonOption = False) -> None:
    """Show a run: its steps, its result or why it failed, what it waits for."""
    loaded = load(project)
    from coachwork.cli import results

    async def read() -> None:
        async with working(loaded) as runs:
            found = await runs.get(run)
        if as_json:
            output.print_json(found)
            return
        console = output.out()
        console.print(f"{found.pipeline}: {found.title}", style="bold")
        for step in found.steps:
            console.print(f"  {results.step_line(step)}", style="dim")
        if found.status == "succeeded":
            console.print(results.readable(found.output))
        if found.status == "failed":
            console.print("\n".join(results.failure_lines(found)), style="red")
        if pending := [asked for asked in found.approvals if asked.status == "pending"]:
            console.print("\n".join(results.waiting_lines(pending)))
        console.print(results.closing_line(found), style="dim")

    asyncio.run(read())


@app.command("cancel")
def cancel_run(run: RunId, project: ProjectOption = None, as_json: JsonOption = False) -> None:
    """Stop a run for good."""
    loaded = load(project)

    async def stop() -> None:
        async with working(loaded) as runs:
            stopped = await runs.cancel(run)
        if as_json:
            output.print_json(stopped)
        else:
            output.out().print(f"{stopped.id} is {stopped.status}")

    asyncio.run(stop())
