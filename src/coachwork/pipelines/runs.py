"""The front door to runs: start, read, list, follow, cancel, answer, rate. Knows what callers may ask.

Everything that is accepted is in the database before the call returns.
"""

import asyncio
import base64
import json
import secrets
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from coachwork.errors import Conflict, InputError, NotFound, RunCancelled, did_you_mean
from coachwork.messages import ENDED, JsonValue
from coachwork.pipelines import approval_trail, events, journal, line
from coachwork.pipelines.approval_links import Link
from coachwork.pipelines.approval_terms import may_decide, refused
from coachwork.pipelines.approval_trail import TrailView
from coachwork.pipelines.approvals import Answer
from coachwork.pipelines.durations import seconds_of
from coachwork.pipelines.engine import Engine
from coachwork.pipelines.fork import Changes, forked
from coachwork.pipelines.pipeline import Pipeline
from coachwork.pipelines.run_scope import Services
from coachwork.pipelines.views import (
    ApprovalView,
    FeedbackView,
    Page,
    RunDetail,
    RunView,
    approval_view,
    moment,
    run_fields,
    step_view,
)
from coachwork.store.tables import approvals, feedback, runs, steps

_MOST = 200  # items a page
_ASKED = approvals.c.run_id == runs.c.id, approvals.c.status == "pending"
_SHOWN = sa.select(runs, sa.exists().where(*_ASKED).label("asks"))
_OF_RUN = sa.bindparam("of_run", type_=runs.c.id.type)
_ONE = (
    _SHOWN.add_columns(  # and what else there is of it to be read; built once, as the next: it costs more than reading
        sa.exists().where(steps.c.run_id == runs.c.id).label("stepped"),
        sa.exists().where(approvals.c.run_id == runs.c.id).label("asked"),
        sa.exists().where(feedback.c.run_id == runs.c.id).label("rated"),
    ).where(runs.c.id == _OF_RUN)
)
_STEPS = steps.select().where(steps.c.run_id == _OF_RUN).order_by(steps.c.seq)
_APPROVALS = journal.approvals_query().where(approvals.c.run_id == _OF_RUN).order_by(approvals.c.seq)
_FEEDBACK = feedback.select().where(feedback.c.run_id == _OF_RUN)
_LEG = sa.select(runs.c.leg).where(runs.c.id == _OF_RUN)
_SAME: Any = object()  # an input that is not given stays as it was


@dataclass(frozen=True)
class RunFilter:
    """Which runs: empty fields do not restrict. `q` is looked for in the line about the input and in the id."""

    pipeline: str = ""
    status: str = ""
    q: str = ""
    limit: int = 50
    cursor: str = ""


class Runs:
    """The runs of a project, as seen by the HTTP API, the CLI and tests."""

    def __init__(self, pipelines: Mapping[str, Pipeline[..., Any]], services: Services, engine: Engine) -> None:
        self._pipelines = pipelines
        self._services = services
        self._engine = engine

    async def start(
        self,
        pipeline: str,
        input: JsonValue,
        *,
        user: str = "",
        key: str = "",
        team: str = "",
        idempotency_key: str | None = None,
        priority: int | None = None,
        deadline: str | None = None,
    ) -> RunDetail:
        """Accept a run and begin it. The same `idempotency_key` gives the same run again.

        Those of a higher `priority` are begun first, by default the pipeline's. One that has not ended within
        `deadline`, as `90s` or `2h`, is stopped; None for the pipeline's own. `user`, `key` and `team` say who asks.
        Raises NotFound for an unknown pipeline, InputError for an input that does not fit or a deadline that is
        none, Conflict for an `idempotency_key` that was used with another input.
        """
        found = self._pipeline(pipeline)
        value, at = found.normalised(input), journal.now()
        values = {
            "id": new_id("run"),
            "pipeline": pipeline,
            "title": found.line_about(value) or found.title,
            "status": "queued",
            "input": value,
            "user": user,
            "key": key,
            "team": team,
            "idempotency_key": idempotency_key,
            "created_at": at,
            **_standing(found, at, priority, deadline),
            **self._engine.accepted(at),
        }
        known = await self._services.database.write(lambda connection: journal.accept(connection, values))
        if known is None:
            await self._engine.begin(values["id"])
        elif (known.pipeline, known.input) != (pipeline, value):
            raise Conflict(
                f"the key {idempotency_key!r} was already used for run {known.id} with another input",
                hint="Use a new Idempotency-Key for a new question.",
                reader="This was already sent with other content.",
            )
        return await self.get(values["id"] if known is None else known.id)

    async def fork(
        self,
        run_id: str,
        from_step: int = 1,
        changes: Changes = Changes(),  # noqa: B008, it is frozen
        *,
        input: JsonValue = _SAME,
        user: str = "",
        idempotency_key: str | None = None,
    ) -> RunDetail:
        """Begin the run again from one of its steps, with something changed; those before are taken over at no cost.

        Raises NotFound for an unknown run, pipeline or prompt, InputError for a step or an input that does not fit,
        also for a version or a draft that is none, Conflict for a key that was used for something else.
        """
        origin = await self.get(run_id)
        found = self._pipeline(origin.pipeline)
        value = found.normalised(origin.input if input is _SAME else input)
        await asyncio.to_thread(self._services.variants, changes)
        at = journal.now()
        values = {
            "id": new_id("run"),
            "pipeline": origin.pipeline,
            "title": found.line_about(value) or found.title,
            "status": "queued",
            "input": value,
            "user": user or origin.user,
            "idempotency_key": idempotency_key,
            "created_at": at,
            **_standing(found, at, None, None),
            **self._engine.accepted(at),
            "forked_from": run_id,
            "forked_at": from_step,
            "changes": changes.model_dump(exclude_none=True) if changes else None,
        }
        known = await self._services.database.write(lambda connection: forked(connection, run_id, values, from_step))
        if known is None:
            await self._engine.begin(values["id"])
        elif any(getattr(known, name) != values[name] for name in ("forked_from", "forked_at", "input", "changes")):
            raise Conflict(
                f"the key {idempotency_key!r} was already used for run {known.id}",
                hint="Use a new Idempotency-Key for a new fork.",
                reader="This was already sent with other content.",
            )
        return await self.get(values["id"] if known is None else known.id)

    async def get(self, run_id: str) -> RunDetail:
        """A run with its steps, approvals and feedback. Raises NotFound."""

        def read(c: sa.Connection) -> tuple[Any, ...]:
            one = {"of_run": run_id}
            run = c.execute(_ONE, one).one_or_none()
            if run is None:
                raise NotFound(f"there is no run {run_id!r}")
            done = c.execute(_STEPS, one).all() if run.stepped else ()
            asked = c.execute(_APPROVALS, one).all() if run.asked else ()
            rated = c.execute(_FEEDBACK, one).first() if run.rated else None
            place = line.positions(c).get(run_id) if run.status == "queued" else None
            return run, done, asked, rated, place

        run, done, asked, rated, place = await self._services.database.read(read)
        return RunDetail(
            **run_fields(run, place),
            input=run.input,
            output=run.output,
            error=run.error,
            forked_from=run.forked_from,
            forked_at=run.forked_at,
            changes=run.changes,
            priority=run.priority,
            deadline_at=moment(run.deadline_at),
            steps=[step_view(row._mapping) for row in done],
            approvals=[approval_view(row, self._title(row.pipeline)) for row in asked],
            feedback=None
            if rated is None
            else FeedbackView(helpful=rated.helpful, reasons=rated.reasons, comment=rated.comment),
        )

    async def list(self, filter: RunFilter) -> Page[RunView]:
        """The newest runs first, a page at a time. Raises InputError for a cursor or a status that is none."""
        where, limit = [], _limit(filter.limit)
        if filter.pipeline:
            where.append(runs.c.pipeline == filter.pipeline)
        if filter.q:
            like = f"%{_escaped(filter.q)}%"
            where.append(runs.c.title.ilike(like, escape="\\") | runs.c.id.ilike(like, escape="\\"))
        counts = sa.select(runs.c.status, sa.func.count()).where(*where).group_by(runs.c.status)
        if filter.status:
            where.append(runs.c.status.in_(_statuses(filter.status)))
        query = _after(_SHOWN.where(*where), runs, filter.cursor).limit(limit + 1)
        rows, by_status, places = await self._services.database.read(
            lambda c: (c.execute(query).all(), c.execute(counts).all(), line.positions(c))
        )
        return Page(
            items=[RunView(**run_fields(row, places.get(row.id))) for row in rows[:limit]],
            next_cursor=_cursor(rows[limit - 1]) if len(rows) > limit else None,
            counts=_counts(by_status),
        )

    async def wait(self, run_id: str, seconds: float | None = None) -> RunDetail:
        """The run once it has ended, or as it stands after `seconds`; also when it begins to wait for a person."""
        try:
            async with asyncio.timeout(seconds):
                async for _seq, event in self.events(run_id):
                    if event["type"] == "data-run" and event["data"]["status"] == "waiting":
                        run = await self.get(run_id)
                        if run.status in ENDED or any(asked.status == "pending" for asked in run.approvals):
                            return run
        except TimeoutError:
            pass
        return await self.get(run_id)

    async def events(self, run_id: str, after: int = 0) -> AsyncIterator[tuple[int, events.Event]]:
        """The run's events with a number above `after`, until its last one. Raises NotFound."""
        await self._known(run_id)
        async for seq, event in self._services.events.follow(run_id, after):
            yield seq, event

    async def cancel(self, run_id: str) -> RunDetail:
        """Stop a run for good. Raises NotFound, Conflict where it has already ended."""
        leg = await self._leg(run_id)
        problem = {**RunCancelled(f"run {run_id} was cancelled").to_dict(), "run_id": run_id}
        written = self._services.database.write_soon(
            lambda c: journal.finish(c, run_id, "cancelled", error=problem, last=({"type": "abort"},))
        )
        self._services.events.wake_after(run_id, written)
        if not await asyncio.wrap_future(written):
            run = await self.get(run_id)
            raise Conflict(
                f"run {run_id} {'was' if run.status == 'cancelled' else 'has'} already {run.status}",
                reader="This has already ended, so it can't be stopped.",
            )
        await self._engine.cancel(run_id, leg)
        return await self.get(run_id)

    async def feedback(
        self, run_id: str, helpful: bool, reasons: Sequence[str], comment: str, user: str
    ) -> FeedbackView:
        """Keep a person's verdict on a run; a later one replaces it. Raises NotFound."""
        await self._known(run_id)
        values = {"helpful": helpful, "reasons": list(reasons), "comment": comment, "at": journal.now()}

        def work(connection: sa.Connection) -> None:
            connection.execute(feedback.delete().where(feedback.c.run_id == run_id, feedback.c.user == user))
            connection.execute(feedback.insert().values(run_id=run_id, user=user, **values))

        await self._services.database.write(work)
        return FeedbackView(helpful=helpful, reasons=list(reasons), comment=comment)

    async def approvals(self, status: str = "", limit: int = 50, cursor: str = "") -> Page[ApprovalView]:
        """Approvals, the newest first. Raises InputError for a cursor that is none."""
        query, limit = journal.approvals_query(), _limit(limit)
        if status:
            query = query.where(approvals.c.status.in_(status.split(",")))
        query = _after(query, approvals, cursor).limit(limit + 1)
        counts = sa.select(approvals.c.status, sa.func.count()).group_by(approvals.c.status)
        rows, by_status = await self._services.database.read(
            lambda c: (c.execute(query).all(), c.execute(counts).all())
        )
        return Page(
            items=[approval_view(row, self._title(row.pipeline)) for row in rows[:limit]],
            next_cursor=_cursor(rows[limit - 1]) if len(rows) > limit else None,
            counts=_counts(by_status),
        )

    async def approval(self, approval_id: str) -> ApprovalView:
        """One approval. Raises NotFound."""
        row = await self._services.database.read(lambda c: journal.approval_row(c, approval_id))
        if row is None:
            raise NotFound(f"there is no approval {approval_id!r}")
        return approval_view(row, self._title(row.pipeline))

    async def trail(self, approval_id: str) -> Sequence[TrailView]:
        """All that happened to an approval, in order. Raises NotFound."""
        await self.approval(approval_id)
        return await self._services.database.read(lambda c: approval_trail.of(c, approval_id))

    async def shown(self, approval_id: str, who: str = "") -> ApprovalView:
        """One approval, for somebody who reads it: noted the first time. Raises NotFound."""
        found = await self.approval(approval_id)
        await self._services.database.write(lambda c: approval_trail.shown(c, approval_id, who, journal.now()))
        return found

    async def link(self, approval_id: str, who: str, expires: str = "7d") -> Link:
        """Leave to let `who` decide an approval, by whoever holds it; noted.

        Raises NotFound, NotAllowed for somebody who is not to decide, Conflict if it is decided, InputError for an
        `expires` that is no time.
        """
        found = await self.approval(approval_id)
        if found.status != "pending":
            raise Conflict(f"approval {approval_id!r} is already {found.status}")
        if not may_decide(found.deciders, who, self._services.approvals.house.roles):
            raise refused(approval_id, found.deciders, who)
        try:
            link = Link(approval_id, who, journal.now() + int(seconds_of(expires) * 1000))
        except ValueError as error:
            raise InputError(str(error)) from None
        until = link.expires_at
        await self._services.database.write(
            lambda c: approval_trail.add(c, approval_id, "link", who, journal.now(), expires_at=until)
        )
        return link

    async def answer(
        self, approval_id: str, decision: Answer, value: JsonValue = None, comment: str = "", by: str = ""
    ) -> ApprovalView:
        """Decide an approval; the first answer counts. Raises NotFound, NotAllowed, Conflict, InputError."""
        await self._services.approvals.answer(approval_id, decision, value, comment, by)
        return await self.approval(approval_id)

    async def _known(self, run_id: str) -> None:
        await self._leg(run_id)

    async def _leg(self, run_id: str) -> int:
        """How often the run was put back to wait. Raises NotFound."""
        row = await self._services.database.read(lambda c: c.execute(_LEG, {"of_run": run_id}).one_or_none())
        if row is None:
            raise NotFound(f"there is no run {run_id!r}")
        return int(row.leg)

    def _pipeline(self, name: str) -> Pipeline[..., Any]:
        found = self._pipelines.get(name)
        if found is None:
            raise NotFound(f"there is no pipeline {name!r}", hint=did_you_mean(name, list(self._pipelines)))
        return found

    def _title(self, pipeline: str) -> str:
        known = self._pipelines.get(pipeline)
        return known.title if known else pipeline


def new_id(kind: str) -> str:
    """A new id that sorts by time: `run_01h2…`, 48 bits of milliseconds and 40 random ones."""
    return f"{kind}_{time.time_ns() // 1_000_000:011x}{secrets.token_hex(5)}"


def _standing(pipeline: Pipeline[..., Any], at: int, priority: int | None, deadline: str | None) -> dict[str, Any]:
    """How a run stands in line, and until when it may take. Raises InputError for a deadline that is none."""
    try:
        seconds = pipeline.queue.deadline if deadline is None else seconds_of(deadline)
    except ValueError as error:
        raise InputError(f"the deadline {error}") from None
    return {
        "priority": pipeline.queue.priority if priority is None else priority,
        "deadline_at": None if seconds is None else at + int(seconds * 1000),
    }


def _limit(limit: int) -> int:
    if not 1 <= limit <= _MOST:
        raise InputError(f"limit={limit} is not between 1 and {_MOST}")
    return limit


def _statuses(text: str) -> list[str]:
    known = ["queued", "running", "waiting", "succeeded", "failed", "cancelled"]
    for status in (asked := text.split(",")):
        if status not in known:
            raise InputError(f"{status!r} is no status of a run", hint=did_you_mean(status, known))
    return asked


def _after(query: sa.Select[Any], table: sa.Table, cursor: str) -> sa.Select[Any]:
    """Newest first, going on behind a cursor."""
    ordered = query.order_by(table.c.created_at.desc(), table.c.id.desc())
    if not cursor:
        return ordered
    try:
        at, last = json.loads(base64.urlsafe_b64decode(cursor.encode()))
        if not 0 <= int(at) < 2**63:
            raise ValueError(f"{at!r} is no time in milliseconds")
        return ordered.where(sa.tuple_(table.c.created_at, table.c.id) < (int(at), str(last)))
    except (ValueError, TypeError, OverflowError):
        raise InputError(
            f"{cursor!r} is no cursor of this list", hint="Take next_cursor from the page before."
        ) from None


def _cursor(row: sa.Row[Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps([row.created_at, row.id]).encode()).decode()


def _counts(rows: Sequence[Any]) -> dict[str, int]:
    return {str(status): int(number) for status, number in rows}


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
