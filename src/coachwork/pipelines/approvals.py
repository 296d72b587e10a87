"""Asking a person, for minutes or weeks. Knows the question, the first answer and the expiry; holds no worker.

The row of the approval is the truth: the run opens it as a step that waits, is put back into the database where it
has nothing else to do, and ends the step once anybody in any process has decided.
"""

import asyncio
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Generic, Literal, TypeVar, cast

import sqlalchemy as sa
import structlog
from pydantic import TypeAdapter, ValidationError
from pydantic_core import to_jsonable_python

from coachwork.errors import Conflict, InputError, NotFound
from coachwork.messages import JsonValue, PersonsAnswer, PersonsWord, StepRecord
from coachwork.pipelines import approval_terms, approval_trail, journal
from coachwork.pipelines.approval_terms import House, Terms
from coachwork.pipelines.durations import seconds_of
from coachwork.pipelines.pipeline import closed_schema, input_error
from coachwork.pipelines.run_scope import Position, RunScope, current_run
from coachwork.store.database import Database
from coachwork.store.tables import approvals
from coachwork.tracing.places import where

T = TypeVar("T")
log = structlog.get_logger(__name__)
Answer = Literal["accept", "edit", "reject"]
_STATUS: dict[str, str] = {"accept": "accepted", "edit": "edited", "reject": "rejected"}
_OTHER_PROCESS_SECONDS = 0.4  # how often decisions made by another process are looked for


@dataclass(frozen=True)
class Decision(Generic[T]):
    """What the person said. `value` is the edited value after an edit, else the one that was asked about."""

    status: PersonsWord
    value: T
    comment: str = ""
    by: str = ""

    @property
    def accepted(self) -> bool:
        """True for an accepted or an edited value."""
        return self.status in ("accepted", "edited")


async def approval(
    title: str,
    value: T,
    *,
    expires: str | None = None,
    default: T | None = None,
    remind: str | Sequence[str] = (),
    by: str | Sequence[str] | None = None,
    context: Mapping[str, object] | None = None,
) -> Decision[T]:
    """Ask a person about `value` and wait for the answer, across restarts.

    `expires` is a time like `30m`, `8h`, `2d`, after which the decision is `expired`; None waits
    for ever. Its value is then `default`, where one is given, else `value`. `remind` are such times before the end.
    `by` are names and roles, `["role:lead", "alice"]`, who may decide; None lets anybody. `context` is shown
    beside the value, as labels and values. The person may edit the value; an edited one is checked against its
    type. Raises ValueError for times that are none, a `default` that does not fit, and a `by` that is nobody,
    ProjectError for a role that is none, CoachworkError inside a step.
    """
    run = current_run("approval()")
    run.between_steps(f"{title!r} asks a person", "ask")
    adapter = TypeAdapter(type(value))
    seconds = None if expires is None else seconds_of(expires)
    before = [seconds_of(text) for text in ([remind] if isinstance(remind, str) else remind)]
    terms = Terms(
        by=approval_terms.checked(by, before, seconds),
        remind=before,
        default=None if default is None else adapter.dump_python(adapter.validate_python(default), mode="json"),
    )
    said = await run.services.approvals.ask(run, title, value, adapter, context=context, expires=expires, terms=terms)
    return Decision(said.status, said.value, said.comment, said.by)


@dataclass
class _Question:
    """One call of `approval()`: opened, waited for, closed."""

    run: RunScope
    position: Position
    title: str
    value: object
    adapter: TypeAdapter[Any]
    seconds: float | None
    context: list[dict[str, JsonValue]]
    terms: Terms

    @property
    def id(self) -> str:
        return f"{self.run.run_id}-{self.position.place.seq}"

    async def ask(self) -> PersonsAnswer:
        approvals, kept = self.run.services.approvals, self.position.kept
        if kept is not None and kept.ended and (before := await approvals.outcome(self.id)) is not None:
            return self._said(before)
        if kept is None or kept.status != "waiting":
            await self._open()
        said = await approvals.decided(self.id, self.run, self.position, self.adapter)
        shown = {"label": self.title, "detail": said.status, "input": said.asked}
        record = StepRecord(kind="approval", name="approval", within=where(), **shown)
        await self._close(said, record)
        return self._said(said)

    def _said(self, found: "Outcome") -> PersonsAnswer:
        other = found.status == "edited" or (found.status == "expired" and self.terms.default is not None)
        value = self.adapter.validate_python(found.value) if other else self.value
        return PersonsAnswer(cast("PersonsWord", found.status), value, found.comment, found.by)

    async def _open(self) -> None:
        shown = self.adapter.dump_python(self.value, mode="json")
        record = StepRecord(kind="approval", name="approval", label=self.title, input=shown, within=where())
        place, began_at, again = self.position.place, self.position.began_at, self.position.kept is not None
        expires_at = None if self.seconds is None else began_at + int(self.seconds * 1000)
        values = {
            "id": self.id,
            "run_id": place.run_id,
            "seq": place.seq,
            "title": self.title,
            "value": shown,
            "schema": closed_schema(self.adapter.json_schema(mode="validation")),
            "context": self.context,
            "expires_at": expires_at,
            "notify": self.run.services.approvals.house.notify,
            **self.terms.columns(expires_at),
        }

        def work(connection: sa.Connection) -> None:
            journal.step_waits(connection, place, record, began_at, again=again)
            journal.approval_opened(connection, values)
            journal.approval_shown(connection, self.id, self.run.pipeline_title)

        await self.run.write(work)

    async def _close(self, said: "Outcome", record: StepRecord) -> None:
        place, at = self.position.place, self.position.began_at

        def work(connection: sa.Connection) -> None:
            journal.step_ended(connection, place, record, at, known=True, output=said.value)
            journal.approval_shown(connection, self.id, self.run.pipeline_title)

        await self.run.write(work)


@dataclass(frozen=True)
class Outcome:
    """A decided approval: `value` is what was decided on, `asked` what was asked about."""

    status: str
    value: JsonValue
    asked: JsonValue
    comment: str
    by: str


class Approvals:
    """Where questions wait for their answers. One look at the database serves all who wait in this process."""

    def __init__(self, database: Database, house: House = House()) -> None:  # noqa: B008, it is frozen
        self._database = database
        self.house = house
        self.on_decision: Callable[[], None] = lambda: None  # a run may be in line again
        self._waiting: dict[str, asyncio.Event] = {}  # by those whose runs do something else meanwhile
        self._adapters: dict[str, TypeAdapter[Any]] = {}  # by their schema
        self._watcher: asyncio.Task[None] | None = None

    async def ask(
        self,
        run: RunScope,
        title: str,
        value: object,
        adapter: TypeAdapter[Any],
        *,
        context: Mapping[str, object] | None,
        expires: str | None,
        terms: Terms = Terms(),  # noqa: B008, it is frozen
    ) -> PersonsAnswer:
        """Ask about `value` as the run's next step and wait.

        Raises ValueError for an `expires` that is no time, ProjectError for a role that the project does not have.
        """
        position = run.position("approval", "approval")
        if position.kept is None:  # what is asked already stays asked, whatever has become of the roles
            approval_terms.require_roles(title, terms.by, self.house.roles)
        question = _Question(
            run=run,
            position=position,
            title=title,
            value=value,
            adapter=adapter,
            seconds=None if expires is None else seconds_of(expires),
            context=[{"label": label, "value": to_jsonable_python(shown)} for label, shown in (context or {}).items()],
            terms=terms,
        )
        return await question.ask()

    async def outcome(self, approval_id: str) -> Outcome | None:
        """What was decided; None where nothing was, or nobody was asked."""
        row = await self._database.read(lambda c: journal.approval_row(c, approval_id))
        return None if row is None or row.status == "pending" else _outcome(row)

    async def decided(self, approval_id: str, run: RunScope, position: Position, adapter: TypeAdapter[Any]) -> Outcome:
        """Wait until the approval is decided or expires. A decision that does not fit its type reopens it."""
        self._waiting[approval_id] = news = asyncio.Event()
        try:
            while True:
                news.clear()
                row = await self._row(approval_id)
                self._adapters[_key(row.schema)] = adapter
                if row.status == "edited" and (reason := _misfit(adapter, row.decision)):
                    await run.write(partial(journal.approval_reopened, approval_id=approval_id, reason=reason))
                elif row.status != "pending":
                    return _outcome(row)
                elif row.expires_at is not None and row.expires_at <= journal.now():
                    await run.write(
                        lambda c: journal.approval_decided(
                            c, approval_id, "expired", decision=None, comment="", by="expiry"
                        )
                    )
                else:
                    coming = self._news(news, row.expires_at)
                    await run.waiting(position, row.expires_at, coming, asked=approval_id)
        finally:
            self._waiting.pop(approval_id, None)

    async def answer(self, approval_id: str, answer: Answer, value: JsonValue, comment: str, by: str) -> None:
        """Decide an approval.

        Raises NotFound, NotAllowed for somebody who is not to decide, InputError for a value that does not fit,
        Conflict if it is decided.
        """
        row = await self._row(approval_id)
        if answer not in _STATUS:
            raise InputError(f"{answer!r} is no answer to an approval", hint="Send accept, edit or reject.")
        await self._may(row, by)
        if answer == "accept" and value is not None and value != row.value:
            raise InputError("accept takes the value as it is, and another one was sent", hint="Send edit.")
        if answer == "edit" and row.status == "pending":
            await self._fits(row, value, by)
        decision = value if answer == "edit" else None

        def work(connection: sa.Connection) -> bool:
            journal.lock(connection, row.run_id)
            status = _STATUS[answer]
            if not journal.approval_decided(connection, approval_id, status, decision=decision, comment=comment, by=by):
                return False
            journal.go_on(connection, row.run_id)
            return True

        taken = await self._database.write(work)
        if not taken:
            row = await self._row(approval_id)
            raise Conflict(
                f"approval {approval_id!r} is already {row.status}"
                + (f" by {row.decided_by}" if row.decided_by else ""),
                hint="Read it again; the first answer counts.",
            )
        if (news := self._waiting.get(approval_id)) is not None:
            news.set()
        self.on_decision()

    async def close(self) -> None:
        if self._watcher is not None:
            self._watcher.cancel()

    async def _may(self, row: sa.Row[Any], by: str) -> None:
        if approval_terms.may_decide(row.deciders or [], by, self.house.roles):
            return
        await self._note(row.id, "refused", by)
        raise approval_terms.refused(row.id, row.deciders, by)

    async def _fits(self, row: sa.Row[Any], value: JsonValue, by: str) -> None:
        try:
            self._check(row.schema, value)
        except InputError as error:
            await self._note(row.id, "misfit", by, value=value, reason=error.message)
            raise

    async def _note(self, approval_id: str, what: approval_trail.What, who: str, **detail: JsonValue) -> None:
        await self._database.write(lambda c: approval_trail.add(c, approval_id, what, who, journal.now(), **detail))

    def _check(self, schema: JsonValue, value: JsonValue) -> None:
        """Hold an edited value against its type, or against its schema where this process never saw the type."""
        adapter = self._adapters.get(_key(schema))
        if adapter is not None:
            try:
                adapter.validate_python(value, extra="forbid")
            except ValidationError as error:
                raise input_error("the edited value does not fit", error) from None
            return
        from jsonschema import Draft202012Validator

        problems = list(Draft202012Validator(schema).iter_errors(value))
        if problems:
            fields = [{"path": [str(p) for p in e.absolute_path], "message": e.message} for e in problems]
            raise InputError(f"the edited value does not fit: {problems[0].message}", details={"fields": fields})

    async def _row(self, approval_id: str) -> sa.Row[Any]:
        row = await self._database.read(lambda c: journal.approval_row(c, approval_id))
        if row is None:
            raise NotFound(f"there is no approval {approval_id!r}")
        return row

    async def _news(self, news: asyncio.Event, expires_at: int | None) -> None:
        if self._watcher is None or self._watcher.done():
            self._watcher = asyncio.create_task(self._watch(), name="coachwork-approvals")
        left = None if expires_at is None else max(0.0, expires_at / 1000 - time.time())
        try:
            async with asyncio.timeout(left):
                await news.wait()
        except TimeoutError:
            return

    async def _watch(self) -> None:
        """Wake those whose approval another process has decided; ends when nobody waits."""
        since = journal.now() - 60_000
        while self._waiting:
            looked = journal.now()
            query = sa.select(approvals.c.id).where(approvals.c.decided_at >= since)
            try:
                decided = await self._database.read(partial(_scalars, query=query))
            except Exception as error:  # one that stopped to look would leave those who wait waiting for ever
                log.error("approvals.look_failed", exc_info=error)
            else:
                for approval_id in decided:
                    if (news := self._waiting.get(approval_id)) is not None:
                        news.set()
                since = looked - 5_000  # a slow writer's commit may carry an earlier time than this look
            await asyncio.sleep(_OTHER_PROCESS_SECONDS)


def _key(schema: JsonValue) -> str:
    return json.dumps(schema, sort_keys=True)


def _outcome(row: sa.Row[Any]) -> Outcome:
    value = row.decision if row.status == "edited" else row.value
    if row.status == "expired" and row.fallback is not None:
        value = row.fallback
    return Outcome(row.status, value, row.value, row.comment, row.decided_by)


def _scalars(connection: sa.Connection, query: sa.Select[Any]) -> list[str]:
    return list(connection.execute(query).scalars())


def _misfit(adapter: TypeAdapter[Any], value: JsonValue) -> str:
    try:
        adapter.validate_python(value)
    except ValidationError as error:
        return input_error("The edited value does not fit", error).message
    return ""
