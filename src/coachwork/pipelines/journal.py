"""What the database is told of a run: every statement of the rooms `runs`, `steps` and `approvals`, as functions.

Knows rows and which of them may change when; does not know why. A run that has ended never changes again,
and a worker whose claim on a run is no longer good changes nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from coachwork.errors import CoachworkError
from coachwork.messages import ENDED, JsonValue, StepRecord
from coachwork.pipelines import claims, events
from coachwork.pipelines.claims import NEVER, now
from coachwork.pipelines.events import ClaimLost
from coachwork.pipelines.views import approval_view, step_view
from coachwork.store.tables import approvals, runs, steps

_STEP_DEFAULTS: dict[str, Any] = {"finished_at": None, "output": None, "error": None}


@dataclass(frozen=True)
class Place:
    """Where a step stands: its run, its number for showing, its place in the code's order, and the claim it needs."""

    run_id: str
    seq: int
    path: str
    claim: int


@dataclass(frozen=True)
class Kept:
    """A step as the journal has it."""

    seq: int
    kind: str
    name: str
    status: str
    input: JsonValue
    output: JsonValue
    error: dict[str, Any] | None
    detail: str
    started_at: int
    cost_nano: int | None

    @property
    def ended(self) -> bool:
        return self.status in ("succeeded", "failed")


# ── Runs ───────────────────────────────────────────────────────────────────────────────────────


def set_working(connection: sa.Connection, run_id: str, status: str, claim: int | None = None) -> bool:
    """Put a run into a state of work, unless it has ended. True if it was put there.

    Raises ClaimLost where `claim` is no longer good.
    """
    _held(connection, run_id, claim)
    changed = connection.execute(
        runs.update()
        .where(runs.c.id == run_id, runs.c.status.not_in((*ENDED, status)))
        .values(status=status, started_at=sa.func.coalesce(runs.c.started_at, now()))
    )
    if changed.rowcount:
        events.append(connection, run_id, {"type": "data-run", "data": {"status": status}})
    return bool(changed.rowcount)


def finish(
    connection: sa.Connection,
    run_id: str,
    status: str,
    *,
    output: JsonValue = None,
    error: dict[str, Any] | None = None,
    last: Sequence[events.Event] = (),
    claim: int | None = None,
) -> bool:
    """End a run once: the first end counts, later ones change nothing. Appends the closing events.

    With a `claim` the worker that held the run ends it, and lets go; without one it is ended from
    outside, with everything it called. Raises ClaimLost where the claim is no longer good.
    """
    at = now()
    values: dict[str, Any] = {"status": status, "output": output, "error": error, "finished_at": at, "due_at": NEVER}
    mine = [] if claim is None else [runs.c.claim == claim]
    changed = connection.execute(
        runs.update()
        .where(runs.c.id == run_id, runs.c.status.not_in(ENDED), *mine)
        .values(**values, **({} if claim is None else {"worker": ""}))
    )
    if not changed.rowcount:
        if claim is not None:
            raise ClaimLost(run_id)
        return False
    open_steps = steps.c.run_id == run_id, steps.c.status.in_(("running", "waiting"))
    connection.execute(steps.update().where(*open_steps).values(status="cancelled", finished_at=at))
    connection.execute(
        approvals.update()
        .where(approvals.c.run_id == run_id, approvals.c.status == "pending")
        .values(status="cancelled", decided_at=at)
    )
    events.append(connection, run_id, {"type": "data-run", "data": {"status": status}}, *last)
    return True


def succeed(connection: sa.Connection, run_id: str, output: JsonValue, claim: int) -> None:
    """End a run with its output. Raises ClaimLost."""
    facts = sa.select(runs.c.cost_nano, runs.c.created_at).where(runs.c.id == run_id)
    row = connection.execute(facts).one()
    result = {"output": output, "seconds": (now() - row.created_at) / 1000, "cost_usd": row.cost_nano / 1e9}
    closing = ({"type": "data-result", "data": result}, {"type": "finish"})
    finish(connection, run_id, "succeeded", output=output, last=closing, claim=claim)


def fail(connection: sa.Connection, run_id: str, error: CoachworkError, claim: int) -> None:
    """End a run with an error. Raises ClaimLost."""
    problem = {**error.to_dict(), "run_id": run_id}
    closing = (
        {"type": "data-problem", "data": problem},
        {"type": "error", "errorText": error.reader},
        {"type": "finish"},
    )
    finish(connection, run_id, "failed", error=problem, last=closing, claim=claim)


def called_by(connection: sa.Connection, run_id: str) -> list[str]:
    """The runs that work for this one, directly or further down, and have not ended."""
    below = sa.select(runs.c.id).where(runs.c.root == run_id, runs.c.status.not_in(ENDED))
    return list(connection.execute(below).scalars())


def _held(connection: sa.Connection, run_id: str, claim: int | None) -> None:
    if claim is None:
        return
    good = runs.c.id == run_id, runs.c.claim == claim, runs.c.status.not_in(ENDED)
    if connection.execute(sa.select(runs.c.id).where(*good).with_for_update()).first() is None:
        raise ClaimLost(run_id)


# ── Steps ──────────────────────────────────────────────────────────────────────────────────────


def recorded(connection: sa.Connection, run_id: str) -> dict[str, Kept]:
    """Every step a run has made so far, by its place in the code's order."""
    wanted = ("seq", "kind", "name", "status", "input", "output", "error", "detail", "started_at", "cost_nano")
    columns = [steps.c[name] for name in wanted]
    rows = connection.execute(sa.select(steps.c.path, *columns).where(steps.c.run_id == run_id))
    return {row.path: Kept(*row[1:]) for row in rows}


def step_began(
    connection: sa.Connection, place: Place, record: StepRecord, at: int, *, again: bool, status: str = "running"
) -> None:
    """Show that a step works, or works again where a crash had cut it. Raises ClaimLost."""
    row = _row(place, record, status=status, started_at=at)
    shown = [_shown(row)]
    if again:
        shown.insert(0, {"type": "data-text-restart", "id": f"text-{place.seq}", "data": {}})
    events.append(connection, place.run_id, *shown, claim=place.claim)
    _put(connection, place, row, known=again)


def step_ended(
    connection: sa.Connection,
    place: Place,
    record: StepRecord,
    at: int,
    *,
    output: JsonValue = None,
    error: dict[str, Any] | None = None,
    known: bool,
) -> None:
    """Keep a step's result or its error, and book its cost on the run: one transaction. Raises ClaimLost.

    `known` tells that it was shown as working before; else that is shown now, too.
    """
    status = "failed" if error else "succeeded"
    row = _row(place, record, status=status, started_at=at, finished_at=now(), output=output, error=error)
    shown = [_shown(row)]
    if not known:
        shown.insert(0, _shown({**row, "status": "running", **_STEP_DEFAULTS, "cost_nano": 0}))
    events.append(connection, place.run_id, *shown, claim=place.claim, cost_nano=record.cost_nano or 0)
    _put(connection, place, row, known=known)


def step_waits(connection: sa.Connection, place: Place, record: StepRecord, at: int) -> None:
    """Show that a step waits, for a person or a time. Raises ClaimLost."""
    step_began(connection, place, record, at, again=False, status="waiting")


def branches_stopped(connection: sa.Connection, place: Place) -> None:
    """What still worked in the branches of a step that failed is cancelled, with the runs it called."""
    at, below = now(), f"{place.path}."
    inside = (
        steps.c.run_id == place.run_id,
        steps.c.path.startswith(below, autoescape=True),
        steps.c.status.in_(("running", "waiting")),
    )
    stopped = connection.execute(sa.select(steps).where(*inside)).all()
    for row in stopped:
        ended = {**row._asdict(), "status": "cancelled", "finished_at": at}
        connection.execute(steps.update().where(steps.c.run_id == row.run_id, steps.c.seq == row.seq).values(**ended))
        events.append(connection, place.run_id, _shown(ended))
    asked = approvals.c.run_id == place.run_id, approvals.c.seq.in_([row.seq for row in stopped])
    connection.execute(
        approvals.update().where(*asked, approvals.c.status == "pending").values(status="cancelled", decided_at=at)
    )
    called = runs.c.id.startswith(f"{place.run_id}.{below}", autoescape=True), runs.c.status.not_in(ENDED)
    for run_id in connection.execute(sa.select(runs.c.id).where(*called)).scalars().all():
        finish(connection, run_id, "cancelled", last=({"type": "abort"},))


def _put(connection: sa.Connection, place: Place, row: dict[str, Any], *, known: bool) -> None:
    if not known:
        connection.execute(steps.insert(), row)
        return
    where = steps.c.run_id == place.run_id, steps.c.seq == place.seq
    connection.execute(steps.update().where(*where).values(**row))


def _row(place: Place, record: StepRecord, **values: Any) -> dict[str, Any]:
    return {
        **_STEP_DEFAULTS,
        "run_id": place.run_id,
        "seq": place.seq,
        "path": place.path,
        "kind": record.kind,
        "name": record.name,
        "label": record.label,
        "detail": record.detail,
        "route": record.route,
        "model": record.model,
        "prompt_version": record.prompt_version,
        "how": record.how,
        "reasoning": record.reasoning,
        "cached": record.cached,
        "cost_nano": record.cost_nano,
        "input_tokens": record.usage.input_tokens,
        "output_tokens": record.usage.output_tokens,
        "input": record.input,
        "attempts": [vars(attempt) for attempt in record.attempts],
        **values,
    }


def _shown(row: dict[str, Any]) -> events.Event:
    """The step as whoever watches is told of it."""
    shown = step_view(row, whole=False).model_dump(mode="json", exclude={"input", "output"})
    return {"type": "data-step", "id": f"step-{row['seq']}", "data": shown}


# ── Approvals ──────────────────────────────────────────────────────────────────────────────────


def approval_opened(connection: sa.Connection, values: dict[str, Any]) -> bool:
    """Ask a person. Asking again after a crash finds the question that is already there; False then."""
    known = connection.execute(sa.select(approvals.c.id).where(approvals.c.id == values["id"])).one_or_none()
    if known is None:
        connection.execute(approvals.insert().values(status="pending", created_at=now(), **values))
    return known is None


def approval_expiry(connection: sa.Connection, approval_id: str) -> int | None:
    found = connection.execute(sa.select(approvals.c.expires_at).where(approvals.c.id == approval_id)).scalar_one()
    return None if found is None else int(found)


def approval_decided(
    connection: sa.Connection, approval_id: str, status: str, *, decision: JsonValue, comment: str, by: str
) -> bool:
    """Take the first answer; False where somebody was faster."""
    changed = connection.execute(
        approvals.update()
        .where(approvals.c.id == approval_id, approvals.c.status == "pending")
        .values(status=status, decision=decision, comment=comment, decided_by=by, decided_at=now())
        .returning(approvals.c.run_id)
    ).scalar()
    if changed is None:
        return False
    claims.wake(connection, changed)
    return True


def approval_reopened(connection: sa.Connection, approval_id: str, reason: str) -> None:
    """Ask once more: the decided value did not fit after all."""
    connection.execute(
        approvals.update()
        .where(approvals.c.id == approval_id)
        .values(status="pending", decision=None, comment=reason, decided_by="", decided_at=None)
    )


def approval_shown(connection: sa.Connection, approval_id: str, pipeline_title: str) -> None:
    """Tell whoever watches the run how its approval stands now."""
    row = approval_row(connection, approval_id)
    if row is not None:
        shown = approval_view(row, pipeline_title).model_dump(mode="json")
        events.append(connection, row.run_id, {"type": "data-approval", "id": approval_id, "data": shown})


def approval_row(connection: sa.Connection, approval_id: str) -> sa.Row[Any] | None:
    """An approval with its run's pipeline."""
    return connection.execute(approvals_query().where(approvals.c.id == approval_id)).one_or_none()


def approvals_query() -> sa.Select[Any]:
    return sa.select(approvals, runs.c.pipeline).join(runs, runs.c.id == approvals.c.run_id)
