"""What the database is told of a run: every statement of the rooms `runs`, `steps` and `approvals`, as functions.

Knows rows and which of them may change when; does not know why. A run that has ended never changes again.
"""

import time
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from coachwork.messages import ENDED, JsonValue, StepRecord
from coachwork.pipelines import approval_trail, events
from coachwork.pipelines.views import approval_view, step_view
from coachwork.store.tables import approvals, runs, steps

# The statements of every step, built once: building one costs more than running it.
_OF_STEP = steps.c.run_id == sa.bindparam("of_run"), steps.c.seq == sa.bindparam("of_seq")
_STEP = steps.select().where(*_OF_STEP)
_FORGET_STEP = steps.delete().where(*_OF_STEP)
_BEGIN_STEP = steps.insert()
_END_STEP = steps.update().where(*_OF_STEP)
_BOOK = (
    runs.update()
    .where(runs.c.id == sa.bindparam("of_run"))
    .values(
        cost_nano=sa.select(sa.func.coalesce(sa.func.sum(steps.c.cost_nano), 0))
        .where(steps.c.run_id == sa.bindparam("of_run"))
        .scalar_subquery()
    )
)


def now() -> int:
    """Milliseconds since 1970 UTC."""
    return time.time_ns() // 1_000_000


# ── Runs ───────────────────────────────────────────────────────────────────────────────────────


def set_working(connection: sa.Connection, run_id: str, status: str) -> bool:
    """Put a run into a state of work, unless it has ended. True if it was put there."""
    changed = connection.execute(
        runs.update()
        .where(runs.c.id == run_id, runs.c.status.not_in(ENDED))
        .values(status=status, started_at=sa.func.coalesce(runs.c.started_at, now()))
    )
    if changed.rowcount:
        events.append(connection, run_id, {"type": "data-run", "data": {"status": status}})
    return bool(changed.rowcount)


def set_queued(connection: sa.Connection, run_id: str, position: int | None) -> None:
    events.append(connection, run_id, {"type": "data-run", "data": {"status": "queued", "position": position}})


def finish(
    connection: sa.Connection,
    run_id: str,
    status: str,
    *,
    output: JsonValue = None,
    error: dict[str, Any] | None = None,
    last: Sequence[events.Event] = (),
) -> bool:
    """End a run once: the first end counts, later ones change nothing. Appends the closing events."""
    at = now()
    changed = connection.execute(
        runs.update()
        .where(runs.c.id == run_id, runs.c.status.not_in(ENDED))
        .values(status=status, output=output, error=error, finished_at=at)
    )
    if not changed.rowcount:
        return False
    open_steps = steps.c.run_id == run_id, steps.c.status.in_(("running", "waiting"))
    connection.execute(steps.update().where(*open_steps).values(status="cancelled", finished_at=at))
    asked = approvals.c.run_id == run_id, approvals.c.status == "pending"
    for approval_id in connection.execute(sa.select(approvals.c.id).where(*asked)).scalars().all():
        approval_trail.add(connection, approval_id, "decided", "", at, status="cancelled")
    connection.execute(approvals.update().where(*asked).values(status="cancelled", decided_at=at))
    for event in ({"type": "data-run", "data": {"status": status}}, *last):
        events.append(connection, run_id, event)
    return True


# ── Steps ──────────────────────────────────────────────────────────────────────────────────────


def step_started(connection: sa.Connection, run_id: str, seq: int, record: StepRecord) -> None:
    """Begin a step, or begin it again where a crash had cut it."""
    cut = connection.execute(_FORGET_STEP, {"of_run": run_id, "of_seq": seq}).rowcount
    if cut:
        events.append(connection, run_id, {"type": "data-text-restart", "id": f"text-{seq}", "data": {}})
    values = {"run_id": run_id, "seq": seq, "status": "running", "started_at": now(), **_fields(record)}
    connection.execute(_BEGIN_STEP, values)
    _show(connection, run_id, seq)


def step_ended(
    connection: sa.Connection,
    run_id: str,
    seq: int,
    record: StepRecord,
    *,
    output: JsonValue = None,
    error: dict[str, Any] | None = None,
) -> None:
    """End a step with its result or its error, and book its cost on the run."""
    status = "failed" if error else "succeeded"
    values = {"status": status, "finished_at": now(), "output": output, "error": error, **_fields(record)}
    connection.execute(_END_STEP, {"of_run": run_id, "of_seq": seq, **values})
    connection.execute(_BOOK, {"of_run": run_id})
    _show(connection, run_id, seq)


def step_outcome(connection: sa.Connection, run_id: str, seq: int, record: StepRecord) -> dict[str, JsonValue] | None:
    """What a step of this kind and name came to: {output, error}. None where it has not ended."""
    row = connection.execute(
        sa.select(steps.c.output, steps.c.error).where(
            steps.c.run_id == run_id,
            steps.c.seq == seq,
            steps.c.kind == record.kind,
            steps.c.name == record.name,
            steps.c.status.in_(("succeeded", "failed")),
        )
    ).one_or_none()
    return None if row is None else {"output": row.output, "error": row.error}


def step_ended_as(connection: sa.Connection, run_id: str, seq: int) -> str | None:
    """Kind and name of an ended step, as `step:shout`; None where it has not ended."""
    ended = steps.c.run_id == run_id, steps.c.seq == seq, steps.c.status.in_(("succeeded", "failed"))
    row = connection.execute(sa.select(steps.c.kind, steps.c.name).where(*ended)).one_or_none()
    return None if row is None else f"{row.kind}:{row.name}"


def step_was_cut(connection: sa.Connection, run_id: str, seq: int, record: StepRecord) -> bool:
    """Whether a step of this kind and name began and did not end."""
    here = steps.c.run_id == run_id, steps.c.seq == seq, steps.c.kind == record.kind, steps.c.name == record.name
    return connection.execute(sa.select(steps.c.seq).where(*here, steps.c.status == "running")).first() is not None


def step_taken_over(connection: sa.Connection, run_id: str, row: sa.Row[Any]) -> None:
    """Give a run the ended step of another one, as it was and at no cost."""
    values = {**row._asdict(), "run_id": run_id, "cost_nano": 0, "reused": True}
    connection.execute(steps.insert().values(**values))
    _show(connection, run_id, row.seq)


def approval_taken_over(connection: sa.Connection, run_id: str, row: sa.Row[Any]) -> None:
    """Give a run the decided approval of another one, so that nobody is asked again."""
    approval_id = f"{run_id}-{row.seq}"
    values = {**row._asdict(), "id": approval_id, "run_id": run_id, "remind_at": None, "notify": False}
    connection.execute(approvals.insert().values(**values))
    approval_trail.add(connection, approval_id, "decided", row.decided_by, now(), status=row.status, taken_from=row.id)


def step_waits(connection: sa.Connection, run_id: str, seq: int, waits: bool) -> None:
    connection.execute(
        steps.update()
        .where(steps.c.run_id == run_id, steps.c.seq == seq, steps.c.status.in_(("running", "waiting")))
        .values(status="waiting" if waits else "running")
    )
    _show(connection, run_id, seq)


def _fields(record: StepRecord) -> dict[str, Any]:
    return {
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
        "cached_tokens": record.usage.cached_tokens,
        "input": record.input,
        "attempts": [vars(attempt) for attempt in record.attempts],
        "within": list(record.within) or None,
    }


def _show(connection: sa.Connection, run_id: str, seq: int) -> None:
    """Tell whoever watches how the step stands now."""
    row = connection.execute(_STEP, {"of_run": run_id, "of_seq": seq}).one_or_none()
    if row is not None:
        shown = step_view(row, whole=False).model_dump(mode="json", exclude={"input", "output"})
        events.append(connection, run_id, {"type": "data-step", "id": f"step-{seq}", "data": shown})


# ── Approvals ──────────────────────────────────────────────────────────────────────────────────


def approval_opened(connection: sa.Connection, values: dict[str, Any]) -> None:
    """Ask a person. Asking again after a crash finds the question that is already there."""
    known = connection.execute(sa.select(approvals.c.id).where(approvals.c.id == values["id"])).one_or_none()
    if known is None:
        at = now()
        connection.execute(approvals.insert().values(status="pending", created_at=at, **values))
        approval_trail.add(connection, values["id"], "opened", "", at, title=values["title"])


def approval_decided(
    connection: sa.Connection, approval_id: str, status: str, *, decision: JsonValue, comment: str, by: str
) -> bool:
    """Take the first answer; False where somebody was faster."""
    at = now()
    changed = connection.execute(
        approvals.update()
        .where(approvals.c.id == approval_id, approvals.c.status == "pending")
        .values(status=status, decision=decision, comment=comment, decided_by=by, decided_at=at)
    )
    if changed.rowcount:
        approval_trail.add(connection, approval_id, "decided", by, at, status=status, value=decision, comment=comment)
    return bool(changed.rowcount)


def approval_reopened(connection: sa.Connection, approval_id: str, reason: str) -> None:
    """Ask once more: the decided value did not fit after all."""
    row = connection.execute(sa.select(approvals).where(approvals.c.id == approval_id)).one()
    approval_trail.add(connection, approval_id, "misfit", row.decided_by, now(), value=row.decision, reason=reason)
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
