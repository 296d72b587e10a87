"""`coachwork run --batch`: a run for every row of a file. Knows the progress and the table; a batch is the pipelines'.

Every good row is kept before the first one works, so stopping the command loses nothing.
"""

import asyncio
import hashlib
import json
import statistics
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from coachwork.cli import exits, output
from coachwork.cli.options import at_work
from coachwork.cli.results import category
from coachwork.errors import InputError

if TYPE_CHECKING:
    from coachwork.app.project import Project
    from coachwork.app.runtime import Runtime
    from coachwork.pipelines.batch_views import BatchRowView, BatchView, RowStatus
    from coachwork.pipelines.batches import Batches, Table
    from coachwork.pipelines.pipeline import Pipeline
    from coachwork.pipelines.views import RunDetail

_STATES: tuple["RowStatus", ...] = ("succeeded", "waiting", "failed", "cancelled", "refused")


@dataclass(frozen=True)
class Batch:
    """A batch as it stands when the command ends: its rows in the order of the file, and the run of each."""

    view: "BatchView"
    rows: "list[BatchRowView]"
    runs: "Mapping[int, RunDetail]"

    def totals(self) -> dict[str, Any]:
        """The last line of the table."""
        return {
            "batch": self.view.id,
            "rows": self.view.rows,
            **{state: self.view.counts[state] for state in _STATES},
            "seconds": self.view.seconds,
            "cost_usd": self.view.spent_usd,
        }

    def as_json(self) -> dict[str, Any]:
        items = []
        for index, row in enumerate(self.rows):
            run = self.runs.get(row.row)
            items.append(
                {
                    "index": index,
                    "row": row.row,
                    "input": row.given,
                    "run": None if run is None else run.model_dump(mode="json", by_alias=True, exclude={"input"}),
                    "error": row.error if run is None else None,
                }
            )
        return {"items": items, "totals": self.totals()}


def run_batch(
    project: "Project",
    pipeline: "Pipeline[..., Any]",
    file: Path,
    *,
    concurrency: int | None,
    cap_usd: float | None,
    out: Path | None,
    resume: str | None,
    as_json: bool,
) -> int:
    """Run every row, print the table, give the exit code: 1 if a row failed or was refused, 4 if some wait, else 0."""
    table = read_table(file)
    progress = _Progress()
    try:
        work = _work(project, pipeline, table, progress, concurrency=concurrency, cap_usd=cap_usd, resume=resume)
        batch = asyncio.run(work)
    except KeyboardInterrupt:
        progress.stopped(file)
        return exits.INTERRUPTED
    if out is not None:
        _write(out, batch)
    if as_json:
        output.print_json(batch.as_json())
    else:
        _print_table(batch)
    _print_refusals(batch)
    counts = batch.view.counts
    if batch.view.status == "paused":
        output.err().print(f"Paused: {batch.view.reason}. Go on: coachwork batch resume {batch.view.id} --cap USD")
        return exits.FAILED
    if counts["failed"] or counts["cancelled"] or counts["refused"]:
        return exits.FAILED
    return exits.WAITING if counts["waiting"] else exits.OK


def read_table(file: Path) -> "Table":
    """A file on this machine as a table; `@name` in it means a file below its folder. Raises InputError."""
    from coachwork.pipelines.batch_file import attachment
    from coachwork.pipelines.batches import Table

    try:
        return Table(file.name, file.read_bytes(), partial(attachment, folder=file.parent))
    except OSError as error:
        raise InputError(f"{str(file)!r} can't be read: {error.strerror or error}") from None


async def _work(
    project: "Project",
    pipeline: "Pipeline[..., Any]",
    table: "Table",
    progress: "_Progress",
    *,
    concurrency: int | None,
    cap_usd: float | None,
    resume: str | None,
) -> Batch:
    """Keep every row, then bring the batch on until each row has ended or waits for a person."""
    async with at_work(project, adopt=resume is not None, feed=False, concurrency=concurrency) as runtime:
        if resume is None:
            view = await runtime.batches.start(pipeline.name, table, cap_usd=cap_usd, at_once=concurrency, user="cli")
        else:
            view = await _resumed(runtime.batches, resume, table)
        feeding = asyncio.create_task(runtime.feeder.feed_only(view.id))
        with progress:
            progress.show(view)
            while not feeding.done():
                await asyncio.wait({feeding}, timeout=0.2)
                progress.show(await runtime.batches.get(view.id))
        await feeding
        return await _found(runtime, view.id)


async def _resumed(batches: "Batches", batch_id: str, table: "Table") -> "BatchView":
    view = await batches.get(batch_id)
    if view.sha256 != hashlib.sha256(table.data).hexdigest():
        raise InputError(
            f"batch {batch_id} was started with another file than {table.name!r} is now",
            hint=f"Its rows are kept: coachwork batch show {batch_id}. Start the new file without --resume.",
        )
    return await batches.resume(batch_id) if view.status == "paused" else view


async def _found(runtime: "Runtime", batch_id: str) -> Batch:
    rows: list[BatchRowView] = []
    after: int | None = 0
    while after is not None:
        page = await runtime.batches.rows(batch_id, after=after, limit=200)
        rows, after = [*rows, *page.items], page.next_after
    runs = {row.row: await runtime.runs.get(row.run_id) for row in rows if row.run_id is not None}
    return Batch(await runtime.batches.get(batch_id), rows, runs)


class _Progress:
    """A bar with live counts on a terminal, a line for every change elsewhere."""

    def __init__(self) -> None:
        self._bar = output.progress() if sys.stderr.isatty() else None
        self._task: Any = None
        self._console = output.err()
        self._view: BatchView | None = None
        self._told = ""

    def __enter__(self) -> "_Progress":
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def show(self, view: "BatchView") -> None:
        if self._view is None:
            self._console.print(f"Batch {view.id}: {view.rows} rows of {view.name} for {view.pipeline_title!r}")
        self._view = view
        ended = sum(view.counts[state] for state in _STATES)
        told = " · ".join(f"{view.counts[state]} {state}" for state in _STATES if view.counts[state])
        if self._bar is not None:
            if self._task is None:
                self._task = self._bar.add_task(view.pipeline, total=view.rows, state="")
            self._bar.update(self._task, completed=ended, state=told)
        elif told != self._told:
            self._console.print(f"{ended}/{view.rows}: {told}")
        self._told = told

    def stopped(self, file: Path) -> None:
        """What is left when somebody stops the command, and how it goes on."""
        if self._view is None:
            self._console.print("Stopped. Nothing was started.")
            return
        view = self._view
        ended = sum(view.counts[state] for state in _STATES)
        left = view.rows - ended
        self._console.print(f"\nStopped after {ended} of {view.rows} rows. {left} that were accepted are kept.")
        again = f"coachwork run {view.pipeline} --batch {file} --resume {view.id}"
        self._console.print(f"  → go on here:   {again}")
        self._console.print("  → or let the server go on with them: coachwork serve")


def _print_table(batch: Batch) -> None:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    categories = {number: category(run.output) for number, run in batch.runs.items()}
    table = Table(box=box.SIMPLE_HEAD, expand=True)
    table.add_column("row", justify="right", no_wrap=True)
    table.add_column("about", no_wrap=True, overflow="ellipsis", ratio=1)
    table.add_column("status", no_wrap=True, min_width=9)
    if any(categories.values()):
        table.add_column("category", no_wrap=True, min_width=max(map(len, categories.values())))
    table.add_column("time", justify="right", no_wrap=True, min_width=8)
    table.add_column("cost", justify="right", no_wrap=True, min_width=7)
    for row in batch.rows:
        cells = [str(row.row), row.title or _short(row.given), row.status]
        if any(categories.values()):
            cells.append(categories.get(row.row, ""))
        cells += [output.duration(row.seconds), output.money(row.cost_usd)] if row.run_id else ["", ""]
        style = {"failed": "red", "refused": "red", "waiting": "yellow"}.get(cells[2], "")
        table.add_row(*(Text(cell) for cell in cells), style=style)
    console = output.out()
    console.print(table)
    console.print(_summary(batch), style="bold")


def _summary(batch: Batch) -> str:
    """The totals as a sentence."""
    totals = batch.totals()
    states = ", ".join(f"{totals[state]} {state}" for state in _STATES if totals[state])
    seconds = [row.seconds for row in batch.rows if row.seconds is not None]
    middle = f" ({output.duration(statistics.median(seconds))} a run in the middle)" if seconds else ""
    took = output.duration(totals["seconds"]) if totals["seconds"] is not None else "not at its end"
    return f"{totals['rows']} rows: {states or 'none ended'}; {took}{middle}, {output.money(totals['cost_usd'])}"


def _print_refusals(batch: Batch) -> None:
    """Every bad row by number, field and reason; every failed run with its reason; how to answer those that wait."""
    console = output.err()
    for row in batch.rows:
        error = row.error or {}
        if row.status == "refused":
            fields = error.get("details", {}).get("fields", [])
            reasons = [f"{'.'.join(item['path']) or 'input'}: {item['message']}" for item in fields]
            for reason in reasons or [error.get("message", "")]:
                console.print(f"row {row.row} was refused: {reason}", style="red")
        if row.status == "failed":
            console.print(f"row {row.row} failed: {error.get('message', '')}  ({row.run_id})", style="red")
    if waiting := batch.view.counts["waiting"]:
        console.print(f"{waiting} wait for a person: coachwork approvals list, or the Inbox of `coachwork serve`")


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 48 else text[:47] + "…"


def _write(path: Path, batch: Batch) -> None:
    try:
        path.write_text(json.dumps(batch.as_json(), ensure_ascii=False, indent=2) + "\n", "utf-8")
    except OSError as error:
        raise InputError(
            f"the results can't be written to {str(path)!r}: {error.strerror}",
            hint=f"The runs are kept: --resume {batch.view.id} --out FILE writes them without running them again.",
        ) from None
    output.err().print(f"Results are in {path}")
