"""A batch as it is shown over HTTP, in the CLI and on the page. Knows field names, not where rows come from."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

import sqlalchemy as sa

from coachwork.messages import JsonValue
from coachwork.pipelines.views import View, between, dollars, moment

BatchStatus = Literal["running", "paused", "finished", "cancelled"]
RowStatus = Literal["queued", "running", "waiting", "succeeded", "failed", "cancelled", "refused"]


class BatchView(View):
    """`counts` is of rows by status, `spent_usd` of all tries; `reason` says why it is paused; `sha256` of the file."""

    id: str
    pipeline: str
    pipeline_title: str
    name: str
    sha256: str
    user: str
    status: BatchStatus
    reason: str
    rows: int
    counts: dict[RowStatus, int]
    spent_usd: float
    cap_usd: float | None
    at_once: int
    created_at: datetime
    finished_at: datetime | None
    seconds: float | None


class BatchRowView(View):
    """One row: what was given (long texts shortened), and what came of its last try."""

    row: int
    status: RowStatus
    title: str
    given: JsonValue
    tries: int
    run_id: str | None
    output: JsonValue
    error: dict[str, Any] | None
    seconds: float | None
    cost_usd: float


class BatchRows(View):
    """Rows in the order of the file; `next_after` is None behind the last."""

    items: list[BatchRowView]
    next_after: int | None


class RowProblem(View):
    """Why a cell, or a row as a whole (`column` ""), can't be taken."""

    row: int
    column: str
    message: str
    value: JsonValue = None


class Estimate(View):
    """What a table would give and cost. Nothing is started, nothing is kept.

    Money and time are from the last `from_runs` runs of the pipeline that succeeded: `likely_usd` by their mean,
    `highest_usd` by the dearest, for all valid rows; None where there were none. `bound_usd` can't be passed: it is
    the budget of a run, for all valid rows; None where runs have no budget. `problems` holds the first 500.
    """

    rows: int
    valid: int
    refused: int
    columns: list[str]
    problems: list[RowProblem]
    from_runs: int
    likely_usd: float | None
    highest_usd: float | None
    bound_usd: float | None
    seconds: float | None


def batch_view(row: sa.Row[Any], pipeline_title: str, live: Mapping[str, int], live_nano: int) -> BatchView:
    """A row of `batches`, with its rows at work counted by the status of their runs and what those have cost so far."""
    values = row._asdict()
    counts: dict[RowStatus, int] = {
        "queued": row.queued + live.get("queued", 0),
        "running": live.get("running", 0),
        "waiting": live.get("waiting", 0),
        "succeeded": row.succeeded + live.get("succeeded", 0),
        "failed": row.failed + live.get("failed", 0),
        "cancelled": row.cancelled + live.get("cancelled", 0),
        "refused": row.refused,
    }
    created_at = moment(row.created_at)
    assert created_at is not None
    return BatchView(
        **{
            name: values[name]
            for name in ("id", "pipeline", "name", "sha256", "user", "status", "reason", "rows", "at_once")
        },
        pipeline_title=pipeline_title,
        counts=counts,
        spent_usd=(row.spent_nano + live_nano) / 1e9,
        cap_usd=dollars(row.cap_nano),
        created_at=created_at,
        finished_at=moment(row.finished_at),
        seconds=between(row.created_at, row.finished_at),
    )


def row_view(row: sa.Row[Any]) -> BatchRowView:
    """A row of `batch_rows` joined with its run."""
    at_work = row.status == "open"
    return BatchRowView(
        row=row.row,
        status=row.run_status if at_work else row.status,
        title=row.title,
        given=row.given,
        tries=row.tries,
        run_id=row.run_id,
        output=row.output,
        error=row.error or row.run_error,
        seconds=between(row.started_at, row.finished_at),
        cost_usd=(row.cost_nano + (row.run_cost or 0 if at_work else 0)) / 1e9,
    )
