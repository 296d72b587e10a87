"""What a table of inputs would cost, in money and time, by what earlier runs took. Starts nothing."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

import sqlalchemy as sa

from coachwork.pipelines.batch_file import Row
from coachwork.pipelines.batch_views import Estimate, RowProblem
from coachwork.store.tables import runs

_LOOKED_AT = 100  # earlier runs
_SHOWN = 500  # problems


@dataclass(frozen=True)
class Known:
    """What the last runs of a pipeline that succeeded took: 1e-9 USD and seconds at work, one number a run."""

    costs: Sequence[int]
    seconds: Sequence[float]


def earlier_runs(connection: sa.Connection, pipeline: str) -> Known:
    """Time is counted from when a run left the line to its end, and includes the waiting for people."""
    query = (
        sa.select(runs.c.cost_nano, runs.c.started_at, runs.c.finished_at)
        .where(runs.c.pipeline == pipeline, runs.c.status == "succeeded")
        .order_by(runs.c.created_at.desc())
        .limit(_LOOKED_AT)
    )
    found = connection.execute(query).all()
    seconds = [(row.finished_at - (row.started_at or row.finished_at)) / 1000 for row in found]
    return Known([row.cost_nano for row in found], seconds)


def estimate(rows: Sequence[Row], known: Known, at_once: int, run_budget_nano: int | None) -> Estimate:
    """Mean, dearest and bound for all valid rows; time at the mean of earlier runs, `at_once` of them side by side."""
    valid = sum(row.problem is None for row in rows)
    problems = [problem for row in rows for problem in problems_of(row)]
    return Estimate(
        rows=len(rows),
        valid=valid,
        refused=len(rows) - valid,
        columns=_columns(rows),
        problems=problems[:_SHOWN],
        from_runs=len(known.costs),
        likely_usd=valid * fmean(known.costs) / 1e9 if known.costs else None,
        highest_usd=valid * max(known.costs) / 1e9 if known.costs else None,
        bound_usd=None if run_budget_nano is None else valid * run_budget_nano / 1e9,
        seconds=valid * fmean(known.seconds) / min(at_once, max(valid, 1)) if known.seconds else None,
    )


def problems_of(row: Row) -> list[RowProblem]:
    """Why a row is bad, column by column where that is known."""
    if row.problem is None:
        return []
    fields = row.problem.details.get("fields") or [{"path": [], "message": row.problem.message}]
    return [
        RowProblem(row=row.number, column=".".join(item["path"]), message=item["message"], value=item.get("value"))
        for item in fields
    ]


def _columns(rows: Sequence[Row]) -> list[str]:
    """The names that occur in rows, in the order in which they first do."""
    names: dict[str, None] = {}
    for row in rows:
        if isinstance(row.given, dict):
            names.update(dict.fromkeys(row.given))
    return list(names)
