"""What the database is told of a run: every statement of the rooms `runs`, `steps` and `approvals`, as functions.

Knows rows and which of them may change when; does not know why. A run that has ended never changes again.
"""

import time
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import sqlalchemy as sa

from coachwork.errors import CoachworkError
from coachwork.messages import ENDED, JsonValue, StepRecord
from coachwork.pipelines import approval_trail, events
from coachwork.pipelines.views import approval_view, step_told
from coachwork.store.behind import Prepared, changes, later
from coachwork.store.inserting import insert_if_new
from coachwork.store.tables import approvals, calls, received, runs, steps
from coachwork.tracing.log import cleaned
from coachwork.tracing.scope import Paid

AT_ONCE = 0  # as the time at which a run is in line: before all clocks, since those of machines differ and jump

# The statements of every step, built once: building one costs more than running it. Each touches rows of a run only
# while the claim on it is the last one and it has not ended.
_OF_STEP = steps.c.run_id == sa.bindparam("of_run"), steps.c.seq == sa.bindparam("of_seq")
_OURS = sa.exists().where(
    runs.c.id == sa.bindparam("of_run"),
    runs.c.claim == sa.bindparam("of_claim"),
    *(runs.c.status != status for status in sorted(ENDED)),  # a list would be written out anew each time
)
_END_RUN = runs.update().where(
    runs.c.id == sa.bindparam("of_run"), *(runs.c.status != status for status in sorted(ENDED))
)
_END_CLAIMED = Prepared(_END_RUN.where(runs.c.claim == sa.bindparam("of_claim")))
_CANCEL_STEPS = Prepared(
    steps.update()
    .where(steps.c.run_id == sa.bindparam("of_run"), (steps.c.status == "running") | (steps.c.status == "waiting"))
    .values(status="cancelled", finished_at=sa.bindparam("ended_at"))
)
_CANCEL_APPROVALS = Prepared(
    approvals.update()
    .where(approvals.c.run_id == sa.bindparam("of_run"), approvals.c.status == "pending")
    .values(status="cancelled", decided_at=sa.bindparam("ended_at"))
)
_RUN = runs.select().where(runs.c.id == sa.bindparam("of_run"))
_ACCEPT = Prepared(runs.insert())
_FORGET_STEP = Prepared(steps.delete().where(*_OF_STEP, _OURS))
_NEW = list(steps.c)
_BEGIN_STEP = Prepared(
    steps.insert().from_select(
        [column.name for column in _NEW],
        sa.select(*(sa.bindparam(f"new_{column.name}", type_=column.type) for column in _NEW)).where(_OURS),
    )
)
_END_STEP = Prepared(steps.update().where(*_OF_STEP, _OURS))
_BOOK = Prepared(
    runs.update().where(runs.c.id == sa.bindparam("of_run")).values(cost_nano=runs.c.cost_nano + sa.bindparam("cost"))
)


class ClaimLost(Exception):
    """The run is another worker's by now, or has ended: nothing was written."""


class Place(NamedTuple):
    """Where a step stands, and by which claim on its run it is written."""

    run_id: str
    seq: int
    path: str
    claim: int


class Kept(NamedTuple):
    """A step as it was recorded. `input` is known of one that another step made."""

    seq: int
    kind: str
    name: str
    status: str
    started_at: int
    input: JsonValue
    output: JsonValue
    error: Any
    reused: bool
    tainted: bool

    @property
    def ended(self) -> bool:
        return self.status in ("succeeded", "failed")


def now() -> int:
    """Milliseconds since 1970 UTC."""
    return time.time_ns() // 1_000_000


# ── Runs ───────────────────────────────────────────────────────────────────────────────────────


def accept(connection: sa.Connection, values: dict[str, Any]) -> sa.Row[Any] | None:
    """Keep a run that was asked for, given its columns; the row with its idempotency key, None where none was."""
    if values["idempotency_key"] is None:
        later(connection, _ACCEPT, values)
    elif not insert_if_new(connection, runs, values, ["idempotency_key"]):
        known = runs.select().where(runs.c.idempotency_key == values["idempotency_key"])
        return connection.execute(known).one()
    events.append(connection, values["id"], {"type": "start", "messageId": values["id"]})
    set_queued(connection, values["id"], None)
    if values["status"] == "running":
        set_running(connection, values["id"])
    return None


def put_back(connection: sa.Connection, run_id: str, claim: int, due_at: int | None, asked: Sequence[str]) -> bool:
    """Let go of a run that waits; False where it is not ours. It stands in line again at `due_at`, in milliseconds.

    Where one of the approvals it waits for was decided meanwhile, it stands in line at once.
    """
    ours = runs.c.id == run_id, runs.c.claim == claim, runs.c.status.not_in(ENDED)
    due = runs.c.deadline_at if due_at is None else sa.func.coalesce(_lesser(runs.c.deadline_at, due_at), due_at)
    values = {"worker": None, "leg": runs.c.leg + 1, "status": "waiting", "ready_at": due}
    if not connection.execute(runs.update().where(*ours).values(values)).rowcount:
        return False
    open_ = approvals.c.id.in_(list(asked)), approvals.c.status == "pending"
    still = connection.execute(sa.select(sa.func.count()).where(*open_)).scalar_one()
    if still < len(asked):
        connection.execute(runs.update().where(runs.c.id == run_id).values(ready_at=AT_ONCE))
    events.append(connection, run_id, {"type": "data-run", "data": {"status": "waiting"}})
    return True


def go_on(connection: sa.Connection, run_id: str) -> None:
    """Put a run that waits into the line, since what it waits for has come. Its row was locked by `lock`."""
    waits = runs.c.id == run_id, runs.c.worker.is_(None), runs.c.status == "waiting"
    connection.execute(runs.update().where(*waits).values(ready_at=AT_ONCE))


def lock(connection: sa.Connection, run_id: str) -> None:
    """Let nobody put the run back until the end of this transaction; SQLite has one writer as it is."""
    connection.execute(sa.select(runs.c.id).where(runs.c.id == run_id).with_for_update())


def _lesser(column: sa.ColumnElement[Any], value: int) -> sa.ColumnElement[Any]:
    return sa.case((column < value, column), else_=value)


def set_running(connection: sa.Connection, run_id: str) -> None:
    events.append(connection, run_id, {"type": "data-run", "data": {"status": "running"}})


def set_queued(connection: sa.Connection, run_id: str, position: int | None) -> None:
    events.append(connection, run_id, {"type": "data-run", "data": {"status": "queued", "position": position}})


def finish(
    connection: sa.Connection,
    run_id: str,
    status: str,
    *,
    claim: int | None = None,
    output: JsonValue = None,
    error: dict[str, Any] | None = None,
    last: Sequence[events.Event] = (),
) -> bool:
    """End a run once: the first end counts, later ones change nothing. Appends the closing events.

    With a `claim`, only where that is the last one on it.
    """
    at = now()
    values = {"status": status, "output": output, "error": error, "finished_at": at, "worker": None, "ready_at": None}
    if claim is None:  # it may well have ended
        ended = connection.execute(_END_RUN, {"of_run": run_id, **values}).rowcount > 0
    else:
        ended = changes(connection, _END_CLAIMED, {"of_run": run_id, "of_claim": claim, **values})
    if not ended:
        return False
    later(connection, _CANCEL_STEPS, {"of_run": run_id, "ended_at": at})
    approval_trail.all_cancelled(connection, run_id, at)
    later(connection, _CANCEL_APPROVALS, {"of_run": run_id, "ended_at": at})
    for event in ({"type": "data-run", "data": {"status": status}}, *last):
        events.append(connection, run_id, event)
    return True


def fail(connection: sa.Connection, run_id: str, error: CoachworkError, claim: int | None = None) -> bool:
    """End a run with an error; see `finish`."""
    problem = {**cleaned(error.to_dict()), "run_id": run_id}
    last: tuple[events.Event, ...] = (
        {"type": "data-problem", "data": problem},
        {"type": "error", "errorText": error.reader},
        {"type": "finish"},
    )
    return finish(connection, run_id, "failed", claim=claim, error=problem, last=last)


def check_claim(connection: sa.Connection, run_id: str, claim: int) -> None:
    """Raises ClaimLost where the run is another worker's by now, or has ended."""
    ours = runs.c.id == run_id, runs.c.claim == claim, runs.c.status.not_in(ENDED)
    if connection.execute(sa.select(runs.c.id).where(*ours)).first() is None:
        raise ClaimLost(f"{run_id}: claim {claim}")


# ── Steps ──────────────────────────────────────────────────────────────────────────────────────


def run_row(connection: sa.Connection, run_id: str) -> sa.Row[Any]:
    return connection.execute(_RUN, {"of_run": run_id}).one()


def recorded(connection: sa.Connection, run_id: str) -> dict[str, Kept]:
    """All steps of a run by their places."""
    of_another = sa.case((steps.c.place.contains("/"), steps.c.input), else_=sa.null())
    query = sa.select(
        *(steps.c.place, steps.c.seq, steps.c.kind, steps.c.name, steps.c.status, steps.c.started_at),
        sa.type_coerce(of_another, steps.c.input.type).label("input"),
        *(steps.c.output, steps.c.error, steps.c.reused, steps.c.tainted),
    ).where(steps.c.run_id == run_id)
    rows = connection.execute(query).mappings().all()
    return {row["place"]: Kept(**{name: row[name] for name in Kept._fields}) for row in rows}


def paid(connection: sa.Connection, run_id: str) -> dict[str, Paid]:
    """What the ledger has of a run's steps by their places; under "" what is of steps without a row."""
    of = calls.c
    query = (
        sa.select(
            sa.func.coalesce(steps.c.place, "").label("place"),
            sa.func.sum(of.input_tokens + of.output_tokens).label("tokens"),
            sa.func.sum(of.cost_nano).label("nano"),
            (sa.func.count() - sa.func.count(of.cost_nano)).label("unknown"),
            sa.func.sum(sa.case((of.cached, 0), else_=of.total_ms)).label("ms"),
        )
        .select_from(calls.outerjoin(steps, (steps.c.run_id == of.run_id) & (steps.c.seq == of.step)))
        .where(of.run_id == run_id, of.step.is_not(None))
        .group_by(steps.c.place)
    )
    rows = connection.execute(query).all()
    return {row.place: Paid(int(row.tokens), None if row.unknown else int(row.nano), int(row.ms) / 1e3) for row in rows}


def step_began(connection: sa.Connection, place: Place, record: StepRecord, began_at: int, *, again: bool) -> None:
    """Begin a step; `again` where a row of it is there, since a crash had cut it. Raises ClaimLost."""
    if again:
        _forget(connection, place)
    _insert(connection, place, {"status": "running", "started_at": began_at, **_fields(record)})


def step_ended(
    connection: sa.Connection,
    place: Place,
    record: StepRecord,
    began_at: int,
    *,
    known: bool,
    output: JsonValue = None,
    error: dict[str, Any] | None = None,
) -> None:
    """End a step with its result or its error, and book its cost on the run; `known` where a row of it is there.

    Raises ClaimLost.
    """
    values: dict[str, Any] = {
        "status": "failed" if error else "succeeded",
        "started_at": began_at,
        "finished_at": now(),
    }
    values |= {"reused": False, "output": output, "error": error, **_fields(record)}
    if known:
        if not changes(connection, _END_STEP, {**_where(place), **values}):
            raise ClaimLost(f"{place.run_id}: claim {place.claim}")
        _show(connection, place, values)
    else:
        _insert(connection, place, values)
    if record.cost_nano:
        later(connection, _BOOK, {"of_run": place.run_id, "cost": record.cost_nano})


def receive(connection: sa.Connection, place: Place, question: str, number: int, answer: JsonValue) -> None:
    """Keep what a model answered to a step, until the step has ended; nothing where the run is not there any more."""
    if connection.execute(sa.select(runs.c.id).where(runs.c.id == place.run_id)).first() is None:
        return
    values = {"run_id": place.run_id, "place": place.path, "question": question, "number": number, "answer": answer}
    insert_if_new(connection, received, values, ["run_id", "place", "question", "number"])


def received_before(connection: sa.Connection, place: Place, question: str, number: int) -> JsonValue:
    """What was kept by `receive`; None where nothing was."""
    here = received.c.run_id == place.run_id, received.c.place == place.path
    query = sa.select(received.c.answer).where(*here, received.c.question == question, received.c.number == number)
    return connection.execute(query).scalar_one_or_none()


def forget_received(connection: sa.Connection, place: Place) -> None:
    """The step has ended: its own result stands for all that it received."""
    connection.execute(received.delete().where(received.c.run_id == place.run_id, received.c.place == place.path))


def step_waits(connection: sa.Connection, place: Place, record: StepRecord, began_at: int, *, again: bool) -> None:
    """Begin a step that waits for a person or a time. Raises ClaimLost."""
    if again:
        _forget(connection, place)
    _insert(connection, place, {"status": "waiting", "started_at": began_at, **_fields(record)})


def _forget(connection: sa.Connection, place: Place) -> None:
    later(connection, _FORGET_STEP, _where(place))
    events.append(connection, place.run_id, {"type": "data-text-restart", "id": f"text-{place.seq}", "data": {}})


def _insert(connection: sa.Connection, place: Place, values: dict[str, Any]) -> None:
    new = {**_NOTHING, "run_id": place.run_id, "seq": place.seq, "place": place.path, **values}
    given = {f"new_{column.name}": new[column.name] for column in _NEW}
    if not changes(connection, _BEGIN_STEP, {"of_run": place.run_id, "of_claim": place.claim, **given}):
        raise ClaimLost(f"{place.run_id}: claim {place.claim}")
    _show(connection, place, new)


def _where(place: Place) -> dict[str, Any]:
    return {"of_run": place.run_id, "of_seq": place.seq, "of_claim": place.claim}


def step_taken_over(connection: sa.Connection, run_id: str, row: sa.Row[Any]) -> None:
    """Give a run the ended step of another one, as it was and at no cost."""
    values = {**row._asdict(), "run_id": run_id, "cost_nano": 0, "reused": True}
    connection.execute(steps.insert().values(**values))
    _show(connection, Place(run_id, row.seq, row.place, 0), values)


def approval_taken_over(connection: sa.Connection, run_id: str, row: sa.Row[Any]) -> None:
    """Give a run the decided approval of another one, so that nobody is asked again."""
    approval_id = f"{run_id}-{row.seq}"
    values = {**row._asdict(), "id": approval_id, "run_id": run_id, "remind_at": None, "notify": False}
    connection.execute(approvals.insert().values(**values))
    approval_trail.add(connection, approval_id, "decided", row.decided_by, now(), status=row.status, taken_from=row.id)


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
        "tainted": record.tainted,
    }


_NOTHING: dict[str, Any] = {"finished_at": None, "output": None, "error": None, "reused": False, "within": None}


def _show(connection: sa.Connection, place: Place, values: Mapping[str, Any]) -> None:
    """Tell whoever watches how the step stands now."""
    known = {**_NOTHING, **values, "seq": place.seq, "place": place.path}
    told = {"type": "data-step", "id": f"step-{place.seq}", "data": step_told(known)}
    events.append(connection, place.run_id, told)


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
