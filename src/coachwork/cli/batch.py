"""`coachwork run --batch`: a run for every row of a file. Knows rows, counts and the table; a run is the pipelines'.

Every good row is accepted before the first result is waited for, so stopping the command loses nothing.
"""

import asyncio
import json
import secrets
import statistics
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from coachwork.cli import exits, output
from coachwork.cli.options import working
from coachwork.cli.results import category
from coachwork.errors import CoachworkError, Conflict, InputError
from coachwork.pipelines.batch_file import Row, read_file

if TYPE_CHECKING:
    from coachwork.app.project import Project
    from coachwork.pipelines.pipeline import Pipeline
    from coachwork.pipelines.runs import Runs
    from coachwork.pipelines.views import RunDetail

_STATES = ("succeeded", "waiting", "failed", "cancelled", "refused")


@dataclass
class Batch:
    """A batch as it goes: which row became which run, and how each stands."""

    id: str
    pipeline: str
    rows: list[Row]
    runs: "dict[int, RunDetail]" = field(default_factory=dict)
    refused: dict[int, CoachworkError] = field(default_factory=dict)
    settled: set[int] = field(default_factory=set)
    started: float = field(default_factory=time.monotonic)
    seconds: float = 0.0

    def status(self, number: int) -> str:
        if number in self.refused:
            return "refused"
        return self.runs[number].status if number in self.runs else "not started"

    def counts(self) -> Counter[str]:
        """How many rows are in which state; those that still work are left out."""
        return Counter(self.status(row.number) for row in self.rows if row.number in self.settled)

    def totals(self) -> dict[str, Any]:
        """The last line of the table. `cost_usd` is None where a price is unknown."""
        costs = [run.cost_usd for run in self.runs.values()]
        return {
            "batch": self.id,
            "rows": len(self.rows),
            **{state: self.counts()[state] for state in _STATES},
            "seconds": round(self.seconds, 3),
            "cost_usd": None if None in costs else sum(cost for cost in costs if cost is not None),
        }

    def as_json(self) -> dict[str, Any]:
        items = []
        for index, row in enumerate(self.rows):
            run = self.runs.get(row.number)
            error = self.refused.get(row.number)
            items.append(
                {
                    "index": index,
                    "row": row.number,
                    "input": row.given,
                    "run": None if run is None else run.model_dump(mode="json", by_alias=True, exclude={"input"}),
                    "error": None if error is None else error.to_dict(),
                }
            )
        return {"items": items, "totals": self.totals()}


def run_batch(
    project: "Project",
    pipeline: "Pipeline[..., Any]",
    file: Path,
    *,
    concurrency: int | None,
    out: Path | None,
    resume: str | None,
    as_json: bool,
) -> int:
    """Run every row, print the table, give the exit code: 1 if a row failed or was refused, 4 if some wait, else 0."""
    rows = read_file(file, pipeline.input_schema)
    batch = Batch(resume or secrets.token_hex(4), pipeline.name, rows)
    console = output.err()
    console.print(f"Batch {batch.id}: {len(rows)} rows of {file.name} for {pipeline.title!r}")
    try:
        asyncio.run(_work(project, batch, concurrency=concurrency, adopt=resume is not None))
    except KeyboardInterrupt:
        left = len(batch.runs) - len(batch.settled - set(batch.refused))
        console.print(f"\nStopped after {len(batch.settled)} of {len(rows)} rows. {left} that were accepted are kept.")
        console.print(f"  → go on here:   coachwork run {pipeline.name} --batch {file} --resume {batch.id}")
        console.print("  → or let the server go on with them: coachwork serve")
        return exits.INTERRUPTED
    if out is not None:
        _write(out, batch)
    if as_json:
        output.print_json(batch.as_json())
    else:
        _print_table(batch)
    _print_refusals(batch)
    counts = batch.counts()
    if counts["failed"] or counts["cancelled"] or counts["refused"]:
        return exits.FAILED
    return exits.WAITING if counts["waiting"] else exits.OK


async def _work(project: "Project", batch: Batch, *, concurrency: int | None, adopt: bool) -> None:
    """Accept every row, then wait until each has ended or waits for a person."""
    async with working(project, adopt=adopt, concurrency=concurrency) as runs:
        with _Progress(batch) as progress:
            for row in batch.rows:
                await _accept(runs, batch, row)
                if row.number in batch.refused:
                    progress.settled(row)
            watchers = asyncio.Semaphore(32)  # who is waited for looks into the database: not all of thousands at once

            async def settle(row: Row) -> None:
                async with watchers:
                    batch.runs[row.number] = await runs.wait(batch.runs[row.number].id)
                batch.settled.add(row.number)
                progress.settled(row)

            async with asyncio.TaskGroup() as group:
                for row in batch.rows:
                    if row.number in batch.runs:
                        group.create_task(settle(row))
    batch.seconds = time.monotonic() - batch.started


async def _accept(runs: "Runs", batch: Batch, row: Row) -> None:
    """Start a row's run, or keep why it can't be. The key makes a resumed batch find its runs again."""
    try:
        if row.problem is not None:
            raise row.problem
        key = f"batch:{batch.id}:{row.number}"
        batch.runs[row.number] = await runs.start(batch.pipeline, row.input, user="cli", idempotency_key=key)
    except (InputError, Conflict) as error:
        batch.refused[row.number] = error
        batch.settled.add(row.number)


class _Progress:
    """A bar with live counts on a terminal, a line a row elsewhere."""

    def __init__(self, batch: Batch) -> None:
        self._batch = batch
        self._bar = output.progress() if sys.stderr.isatty() else None
        self._console = output.err()
        self._task: Any = None

    def __enter__(self) -> "_Progress":
        if self._bar is not None:
            self._bar.start()
            self._task = self._bar.add_task(self._batch.pipeline, total=len(self._batch.rows), state="")
        return self

    def __exit__(self, *_exc: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def settled(self, row: Row) -> None:
        counts = self._batch.counts()
        told = " · ".join(f"{counts[state]} {state}" for state in _STATES if counts[state])
        if self._bar is not None:
            self._bar.update(self._task, completed=len(self._batch.settled), state=told)
        else:
            done = f"{len(self._batch.settled)}/{len(self._batch.rows)}"
            self._console.print(f"{done} row {row.number}: {self._batch.status(row.number)}")


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
        run = batch.runs.get(row.number)
        cells = [str(row.number), run.title if run else _short(row.given), batch.status(row.number)]
        if any(categories.values()):
            cells.append(categories.get(row.number, ""))
        cells += [output.duration(run.seconds) if run else "", output.money(run.cost_usd) if run else ""]
        style = {"failed": "red", "refused": "red", "waiting": "yellow"}.get(cells[2], "")
        table.add_row(*(Text(cell) for cell in cells), style=style)
    console = output.out()
    console.print(table)
    console.print(_summary(batch), style="bold")


def _summary(batch: Batch) -> str:
    """The totals as a sentence."""
    totals = batch.totals()
    states = ", ".join(f"{totals[state]} {state}" for state in _STATES if totals[state])
    seconds = [run.seconds for run in batch.runs.values() if run.seconds is not None]
    middle = f" ({output.duration(statistics.median(seconds))} a run in the middle)" if seconds else ""
    took = f"{output.duration(totals['seconds'])}{middle}, {output.money(totals['cost_usd'])}"
    return f"{totals['rows']} rows: {states}; {took}"


def _print_refusals(batch: Batch) -> None:
    """Every bad row by number, field and reason; every failed run with its reason; how to answer those that wait."""
    console = output.err()
    for number, error in batch.refused.items():
        fields = error.details.get("fields", [])
        reasons = [f"{'.'.join(item['path']) or 'input'}: {item['message']}" for item in fields] or [error.message]
        for reason in reasons:
            console.print(f"row {number} was refused: {reason}", style="red")
    for number, run in batch.runs.items():
        if run.status == "failed":
            console.print(f"row {number} failed: {(run.error or {}).get('message', '')}  ({run.id})", style="red")
    if waiting := batch.counts()["waiting"]:
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
            hint=f"The runs are kept: --resume {batch.id} --out FILE writes them without running them again.",
        ) from None
    output.err().print(f"Results are in {path}")
