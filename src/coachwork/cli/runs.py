"""`coachwork runs`: what has been run, and stopping a run. Knows the lists' look; the runs are the pipelines'."""

import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from coachwork.cli import output
from coachwork.cli.options import JsonOption, ProjectOption, find_pipeline, load, working
from coachwork.errors import InputError

if TYPE_CHECKING:
    from coachwork.pipelines.compare import ComparedStep, Comparison
    from coachwork.pipelines.fork import Changes

app = typer.Typer(no_args_is_help=True, help="List, read, follow, cancel, fork and compare runs.")

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
            console.print(f"{step.seq:>3} {results.step_line(step)}", style="dim", markup=False)
        if found.status == "succeeded":
            console.print(results.readable(found.output))
        if found.status == "failed":
            console.print("\n".join(results.failure_lines(found)), style="red")
        if pending := [asked for asked in found.approvals if asked.status == "pending"]:
            console.print("\n".join(results.waiting_lines(pending)))
        console.print(results.closing_line(found), style="dim")

    asyncio.run(read())


@app.command("follow")
def follow_run(run: RunId, project: ProjectOption = None, as_json: JsonOption = False) -> None:
    """Show what a run does, from its first step on, until it ends or waits for a person; whoever works on it."""
    loaded = load(project)
    from coachwork.cli.run import follow

    async def watch() -> int:
        async with working(loaded) as runs:
            await runs.get(run)
            return await follow(runs, run, as_json=as_json)

    raise typer.Exit(asyncio.run(watch()))


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


@app.command("fork")
def fork_run(
    run: RunId,
    from_step: Annotated[
        int, typer.Option("--from", min=1, help="The first step that is done again: `runs show` has the numbers.")
    ] = 1,
    given: Annotated[
        list[str] | None,
        typer.Option("--input", "-i", metavar="JSON|@FILE|-|KEY=VALUE", help="Another input, as for `coachwork run`."),
    ] = None,
    model: Annotated[str | None, typer.Option(help="Another model, or route, for all its prompts.")] = None,
    prompt: Annotated[
        list[str] | None, typer.Option(metavar="NAME=VERSION", help="A prompt in a kept version, or by a label.")
    ] = None,
    draft: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=FILE", help="A prompt with another file's text."),
    ] = None,
    no_wait: Annotated[bool, typer.Option("--no-wait", help="Accept the fork and return at once.")] = False,
    project: ProjectOption = None,
    as_json: JsonOption = False,
) -> None:
    """Run it again from a step with something changed; the steps before are taken over at no cost."""
    loaded = load(project)
    changes = _changes(model, prompt or [], draft or [])
    from coachwork.cli.inputs import parse_input
    from coachwork.cli.run import accepted, follow

    async def work() -> int:
        async with working(loaded) as runs:
            found = find_pipeline(loaded, (await runs.get(run)).pipeline)
            changed: dict[str, Any] = {}
            if given:
                changed["input"] = parse_input(given, found.input_schema, stdin=sys.stdin.read, folder=Path.cwd())
            fork = await runs.fork(run, from_step, changes, user="cli", **changed)
            code = accepted(fork, as_json=as_json) if no_wait else await follow(runs, fork.id, as_json=as_json)
            output.err().print(f"Compare them: coachwork runs compare {run} {fork.id}", style="dim")
            return code

    raise typer.Exit(asyncio.run(work()))


@app.command("compare")
def compare_runs(
    a: Annotated[str, typer.Argument(metavar="A", help="One run's id.")],
    b: Annotated[str, typer.Argument(metavar="B", help="The other's.")],
    project: ProjectOption = None,
    as_json: JsonOption = False,
) -> None:
    """Compare two runs step by step, and say where they first differ."""
    loaded = load(project)
    from coachwork.pipelines.compare import compare

    async def read() -> "Comparison":
        async with working(loaded) as runs:
            return compare(await runs.get(a), await runs.get(b))

    found = asyncio.run(read())
    if as_json:
        output.print_json(found)
        return
    for place, pair in enumerate(found.steps):
        line = _pair_line(pair)
        output.out().print(("→ " if place == found.first_difference else "  ") + line)
    told = "the same" if found.same_output else "other"
    money = "" if found.cost_usd is None else f", {found.cost_usd:+.4f} USD"
    time = "" if found.seconds is None else f", {found.seconds:+.2f} s"
    output.out().print(f"the result is {told}{money}{time}", style="bold")


def _changes(model: str | None, versions: Sequence[str], drafts: Sequence[str]) -> "Changes":
    from coachwork.pipelines.fork import Changes, PromptChange

    prompts: dict[str, PromptChange] = {}
    for option, given in (("prompt", versions), ("draft", drafts)):
        for item in given:
            name, equals, value = item.partition("=")
            if not equals or not name or not value or name in prompts:
                raise InputError(f"--{option} {item!r} is not NAME={'FILE' if option == 'draft' else 'VERSION'}, once")
            prompts[name] = PromptChange(draft=_text(value)) if option == "draft" else PromptChange(version=value)
    return Changes(model=model, prompts=prompts)


def _text(file: str) -> str:
    from coachwork.pipelines.typed_text import read_text

    return read_text(Path(file))


def _pair_line(pair: "ComparedStep") -> str:
    from coachwork.cli import results

    step = pair.a or pair.b
    assert step is not None
    name = f"{step.seq} {results.name_of(step)}"
    if pair.a is None or pair.b is None:
        return f"{name}: only in {'A' if pair.b is None else 'B'}"
    said = f"other {', '.join(pair.differs)}" if pair.differs else "the same"
    reused = ", taken over" if pair.b.reused else ""
    costs = f"{output.money(pair.a.cost_usd)} / {output.money(pair.b.cost_usd)}"
    return f"{name}: {said}{reused}  ({output.duration(pair.a.seconds)} / {output.duration(pair.b.seconds)}, {costs})"
