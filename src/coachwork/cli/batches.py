"""`coachwork batch`: what may be done with batches that are kept. Knows the look; the rest is `pipelines`'."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from coachwork.cli import exits, output
from coachwork.cli.batch import read_table
from coachwork.cli.options import JsonOption, ProjectOption, at_work, find_pipeline, load
from coachwork.errors import InputError

if TYPE_CHECKING:
    from coachwork.app.project import Project
    from coachwork.pipelines.batch_views import BatchView

app = typer.Typer(no_args_is_help=True, help="Check tables, and look at, pause, stop or retry batches.")

BatchId = Annotated[str, typer.Argument(metavar="BATCH", help="The batch's id.")]
CapOption = Annotated[
    float | None, typer.Option("--cap", min=0.000001, metavar="USD", help="The most that it may cost in all.")
]


@app.command("check")
def check(
    pipeline: Annotated[str, typer.Argument(help="The pipeline's name.")],
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A .csv, .xlsx or .jsonl file.")],
    project: ProjectOption = None,
    as_json: JsonOption = False,
) -> None:
    """Check a table without running it: bad cells by row and column, likely cost and time."""
    loaded = load(project)
    find_pipeline(loaded, pipeline)
    table = read_table(file)

    async def look() -> Any:
        async with at_work(loaded) as runtime:
            return await runtime.batches.check(pipeline, table)

    found = asyncio.run(look())
    if as_json:
        output.print_json(found)
    else:
        for bad in found.problems:
            output.err().print(f"row {bad.row}: {bad.column or 'input'}: {bad.message}", style="red")
        console = output.out()
        console.print(f"{found.rows} rows: {found.valid} can be run, {found.refused} can't")
        if found.from_runs:
            costs = f"{output.money(found.likely_usd)} (at most {output.money(found.highest_usd)} at the dearest)"
            console.print(f"by {found.from_runs} earlier runs: {costs}, {output.duration(found.seconds)}")
        if found.bound_usd is not None:
            console.print(f"by the budget of a run: never more than {output.money(found.bound_usd)}")
    if found.refused:
        raise typer.Exit(exits.FAILED)


@app.command("list")
def list_batches(
    pipeline: Annotated[str, typer.Option(help="Only batches of this pipeline.")] = "",
    status: Annotated[str, typer.Option(help="Only these: running, paused, finished, cancelled.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=200)] = 20,
    project: ProjectOption = None,
    as_json: JsonOption = False,
) -> None:
    """List batches, the newest first."""
    loaded = load(project)

    async def read() -> Any:
        async with at_work(loaded) as runtime:
            return await runtime.batches.list(pipeline=pipeline, status=status, limit=limit)

    page = asyncio.run(read())
    if as_json:
        output.print_json(page)
    elif not page.items:
        output.err().print("No batches yet. Start one: coachwork run PIPELINE --batch FILE")
    else:
        for batch in page.items:
            output.out().print(_line(batch))


@app.command("show")
def show_batch(batch: BatchId, project: ProjectOption = None, as_json: JsonOption = False) -> None:
    """Show how a batch stands."""
    _do(load(project), as_json, lambda batches: batches.get(batch))


@app.command("pause")
def pause_batch(batch: BatchId, project: ProjectOption = None, as_json: JsonOption = False) -> None:
    """Start no more rows of a batch; those at work are finished."""
    _do(load(project), as_json, lambda batches: batches.pause(batch))


@app.command("resume")
def resume_batch(
    batch: BatchId, cap: CapOption = None, project: ProjectOption = None, as_json: JsonOption = False
) -> None:
    """Let a paused batch go on in the server, under another cap if one is given."""
    _do(load(project), as_json, lambda batches: batches.resume(batch, cap))


@app.command("cancel")
def cancel_batch(batch: BatchId, project: ProjectOption = None, as_json: JsonOption = False) -> None:
    """Stop a batch for good: rows in line at once, those at work by whoever works on them."""
    _do(load(project), as_json, lambda batches: batches.cancel(batch))


@app.command("retry")
def retry_rows(
    batch: BatchId,
    row: Annotated[list[int] | None, typer.Option(help="Only this row; may be given again.")] = None,
    budget: Annotated[
        bool,
        typer.Option(
            "--budget",
            help="Only rows that a budget refused, or whose agent it stopped; not those at their own limits.",
        ),
    ] = False,
    cap: CapOption = None,
    project: ProjectOption = None,
    as_json: JsonOption = False,
) -> None:
    """Let rows that failed or were cancelled run again in the server; the others stay as they are."""
    _do(load(project), as_json, lambda batches: batches.retry(batch, row or None, budget_only=budget, cap_usd=cap))


@app.command("results")
def results(
    batch: BatchId,
    out: Annotated[Path, typer.Argument(metavar="FILE", help="Where to: .csv, .xlsx or .jsonl.")],
    project: ProjectOption = None,
) -> None:
    """Write every row with its input and what came of it so far into a file."""
    kind = out.suffix.lower().lstrip(".")
    if kind not in ("csv", "xlsx", "jsonl"):
        raise InputError(f"{out.name!r} is neither .csv nor .xlsx nor .jsonl")
    loaded = load(project)
    from coachwork.pipelines import batch_results

    async def content() -> bytes:
        async with at_work(loaded) as runtime:
            columns = batch_results.columns_of(loaded.pipelines.get((await runtime.batches.get(batch)).pipeline))
            pages = runtime.batches.results(batch)
            if kind == "xlsx":
                return await batch_results.as_xlsx(pages, columns)
            parts = batch_results.as_jsonl(pages) if kind == "jsonl" else batch_results.as_csv(pages, columns)
            return b"".join([part async for part in parts])

    written = asyncio.run(content())
    try:
        out.write_bytes(written)
    except OSError as error:
        raise InputError(f"the results can't be written to {str(out)!r}: {error.strerror}") from None
    output.err().print(f"Results are in {out}")


def _do(project: "Project", as_json: bool, act: Any) -> None:
    """Do something with a batch and show how it stands then."""

    async def work() -> "BatchView":
        async with at_work(project) as runtime:
            view: BatchView = await act(runtime.batches)
            return view

    view = asyncio.run(work())
    if as_json:
        output.print_json(view)
    else:
        output.out().print(_line(view))


def _line(batch: "BatchView") -> str:
    counts = ", ".join(f"{number} {status}" for status, number in batch.counts.items() if number)
    when = f"{batch.created_at.astimezone():%Y-%m-%d %H:%M}"
    cap = f" of {output.money(batch.cap_usd)}" if batch.cap_usd is not None else ""
    reason = f" ({batch.reason})" if batch.reason else ""
    money = f"{output.money(batch.spent_usd)}{cap}"
    return f"{batch.id}  {when}  {batch.status}{reason}  {batch.pipeline}: {batch.rows} rows, {counts}; {money}"
