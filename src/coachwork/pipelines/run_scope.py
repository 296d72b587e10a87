"""What the running code sees of its run: durable steps, text for the reader, approvals. Knows the order of steps.

A step is numbered when it is called, so the same code gives the same numbers on replay. Its result is
kept by DBOS (https://docs.dbos.dev/python/tutorials/step-tutorial); the rows beside it are for showing.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from concurrent.futures import Future
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

import sqlalchemy as sa
import structlog
from pydantic import TypeAdapter

from coachwork.errors import CoachworkError, InDoubt, ReplayMismatch, RunFailed, from_dict
from coachwork.messages import JsonValue, PersonsAnswer, StepRecord
from coachwork.pipelines import events, journal, line
from coachwork.pipelines.events import Event, EventLog
from coachwork.pipelines.fork import Standing, no_variants
from coachwork.pipelines.replay import mismatch
from coachwork.store.database import Database
from coachwork.tracing import spans
from coachwork.tracing.branches import admitted
from coachwork.tracing.places import where
from coachwork.tracing.scope import Scope, current_scope

if TYPE_CHECKING:
    from coachwork.models import Models
    from coachwork.pipelines.approvals import Approvals
    from coachwork.pipelines.deliver import Webhooks
    from coachwork.pipelines.slots import Slots

log = structlog.get_logger(__name__)
_FLUSH_SECONDS = 0.06  # text is shown at most this often: one event a word would cost more than it shows
_ALL_AT_WORK_SECONDS = 0.2  # how often a run asks whether it may work beside those of other processes
_PARTIAL_SECONDS = 0.25  # a value so far is told whole each time
_step: ContextVar["_Text | None"] = ContextVar("coachwork_step", default=None)


class Once(Protocol):
    """Make a call once in the life of a run: its result is kept, and given again on replay. See `engine.once`."""

    async def __call__(self, name: str, call: Callable[..., Coroutine[Any, Any, Any]], *args: Any) -> Any: ...


@dataclass(frozen=True)
class Services:
    """What a run works with."""

    database: Database
    events: EventLog
    slots: "Slots"
    approvals: "Approvals"
    webhooks: "Webhooks"
    models: "Models"
    once: "Once"
    variants: Standing = field(default=no_variants)


class RunScope:
    """The scope of one run in this process (see `tracing.scope.Scope`)."""

    def __init__(
        self,
        run_id: str,
        *,
        pipeline: str,
        pipeline_title: str,
        user: str,
        services: Services,
        notes_shown: int = 0,
        resumed: bool = False,
        own_from: int = 1,
        key: str = "",
        team: str = "",
    ) -> None:
        self.run_id = run_id
        self.pipeline = pipeline
        self.pipeline_title = pipeline_title
        self.user = user
        self.key = key
        self.team = team
        self.app = ""  # the one of this process
        self.deadline: float | None = None
        self.services = services
        self._seq = 0
        self._notes = 0
        self._notes_shown = notes_shown
        self._resumed = resumed
        self._own_from = own_from  # steps before were taken over from the run that this one was forked from
        self._misfit: ReplayMismatch | None = None

    def next_seq(self) -> int:
        self._seq += 1
        return self._seq

    @property
    def step_seq(self) -> int | None:
        """The number of the step that works now."""
        return None if (text := _step.get()) is None else text.seq

    def takes_over(self, seq: int) -> bool:
        """Whether a step is that of the run which this one was forked from."""
        return seq < self._own_from

    def does_not_fit(self, *, recorded: str, called: str) -> ReplayMismatch:
        """The error of code that does something else than is recorded. The first one is the end of this run."""
        if self._misfit is None:
            self._misfit = mismatch(self.run_id, self._seq, recorded=recorded, called=called)
        return self._misfit

    def check_fit(self) -> None:
        """Raise the ReplayMismatch that this run met: code which caught it must not go on as if nothing was."""
        if self._misfit is not None:
            raise self._misfit

    async def take_turn(self, *, again: bool = False) -> None:
        """Wait for a place to work, and say so; `again` after a person was waited for.

        A run that is taken up after a crash keeps the place and the status that it had.
        """
        slots, run_id = self.services.slots, self.run_id
        await slots.acquire(run_id)
        if self._resumed and not again:
            return
        if (total := slots.total) is not None:
            place = partial(line.take_place, run_id=run_id, total=total)
            while not await self.services.database.write(place):  # noqa: ASYNC110  other processes set no event here
                await asyncio.sleep(_ALL_AT_WORK_SECONDS)
        else:
            self.write_soon(lambda connection: journal.set_working(connection, run_id, "running"))

    async def step(self, record: StepRecord, call: Callable[[], Awaitable[JsonValue]]) -> JsonValue:
        """Run `call` as the next recorded step. Raises what it raised, now or when it was recorded.

        An exception that is not Coachwork's own is raised as RunFailed both times, so that code
        which catches it behaves the same on replay.
        """
        if (around := _step.get()) is None:  # one inside of a step is a part of it, and has no turn of its own
            await admitted()
        record.within = where() if around is None else (*where(), f"step:{around.seq}:")
        self.check_fit()
        seq = self.next_seq()
        outcome = await self.services.once(f"{record.kind}:{record.name}", self._perform, seq, record, call)
        if outcome["error"] is not None:
            raise from_dict(outcome["error"])
        return outcome["output"]

    async def _perform(
        self, seq: int, record: StepRecord, call: Callable[[], Awaitable[JsonValue]]
    ) -> dict[str, JsonValue]:
        run_id = self.run_id
        if self._resumed or self.takes_over(seq):
            # It ended before the crash and only DBOS had not heard of it, or the run was forked behind it.
            kept = await self.services.database.read(_kept(run_id, seq, record))
            if kept is not None:
                return kept  # not done, not paid again
            if not self.takes_over(seq) and (other := await self.services.database.read(_other(run_id, seq))):
                called = f"{record.kind}:{record.name}"
                return {"output": None, "error": self.does_not_fit(recorded=other, called=called).to_dict()}
        in_doubt = self._resumed and not record.repeatable and await self._was_cut(seq, record)
        text = _Text(self, seq)
        token = _step.set(text)
        started = StepRecord(**vars(record))
        begun = self.write_soon(lambda connection: journal.step_started(connection, run_id, seq, started))
        output: JsonValue = None
        error: dict[str, Any] | None = None
        try:
            if in_doubt:
                raise InDoubt(
                    f"{record.name!r} (step {seq} of {run_id}) had begun when its worker ended",
                    hint="Find out whether it was done before it is done again.",
                )
            if not record.repeatable:
                await asyncio.wrap_future(begun)  # or a crash could forget that it began
            with spans.step(record, run_id):
                output = await call()
        except CoachworkError as failure:
            error = failure.to_dict()
        except Exception as failure:  # the application's own code: kept as a result, never swallowed
            log.error("step.failed", run_id=run_id, step=record.name, exc_info=failure)
            error = failed(failure).to_dict()
        finally:
            text.close()
            _step.reset(token)
        ended = StepRecord(**vars(record))
        await self.write(
            lambda connection: journal.step_ended(connection, run_id, seq, ended, output=output, error=error)
        )
        return {"output": output, "error": error}

    async def _was_cut(self, seq: int, record: StepRecord) -> bool:
        run_id = self.run_id
        return await self.services.database.read(
            lambda connection: journal.step_was_cut(connection, run_id, seq, record)
        )

    def text(self, delta: str) -> None:
        if (text := _step.get()) is not None:
            text.add(delta)

    def restart_text(self) -> None:
        if (text := _step.get()) is not None:
            text.restart()

    def partial(self, value: JsonValue) -> None:
        if (text := _step.get()) is not None:
            text.partial(value)

    def note(self, label: str) -> None:
        """Show what the run is doing. On replay the notes already shown are not shown again."""
        self._notes += 1
        if self._notes > self._notes_shown:
            self.services.events.append_soon(self.run_id, {"type": "data-note", "data": {"label": label}})

    async def ask_person(
        self,
        title: str,
        value: object,
        type_: TypeAdapter[Any],
        *,
        context: Mapping[str, object] | None = None,
        expires: str | None = None,
    ) -> PersonsAnswer:
        """Open an approval as the next step and wait for it without a place. See `tracing.scope.Scope`."""
        if _step.get() is not None:  # its place in the order of steps would not be the same on replay
            raise CoachworkError(
                f"{title!r} asks a person inside step {self.step_seq}",
                hint="Ask before the step or after it: a step is done in one go, and a person may take weeks.",
            )
        approvals = self.services.approvals
        return await approvals.ask(self, title, value, type_, context=context, expires=expires)

    async def write(self, work: Callable[[sa.Connection], Any]) -> None:
        """Change rows of this run; returns once that is committed, and readers of the run are woken."""
        await asyncio.wrap_future(self.write_soon(work))

    def write_soon(self, work: Callable[[sa.Connection], Any]) -> "Future[Any]":
        """Queue a change of rows of this run; readers of the run are woken once it is committed."""
        written = self.services.database.write_soon(work)
        self.services.events.wake_after(self.run_id, written)
        return written


def _kept(run_id: str, seq: int, record: StepRecord) -> Callable[[sa.Connection], dict[str, JsonValue] | None]:
    return lambda connection: journal.step_outcome(connection, run_id, seq, record)


def _other(run_id: str, seq: int) -> Callable[[sa.Connection], str | None]:
    return lambda connection: journal.step_ended_as(connection, run_id, seq)


class _Text:
    """What one step shows while it is written, gathered into few events: text, or the values of an answer so far.

    Of the values only the last stays in the stream, so that what a run keeps does not grow with how often it told.
    """

    def __init__(self, scope: RunScope, seq: int) -> None:
        self.seq = seq
        self._scope = scope
        self._id = f"text-{seq}"
        self._pending = ""
        self._begun = False
        self._timer: asyncio.TimerHandle | None = None
        self._values = _Values(scope, seq)

    def partial(self, value: JsonValue) -> None:
        self._values.show(value)

    def add(self, delta: str) -> None:
        self._pending += delta
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(_FLUSH_SECONDS, self._flush)

    def restart(self) -> None:
        self._pending = ""
        if self._begun:
            self._emit({"type": "data-text-restart", "id": self._id, "data": {}})

    def close(self) -> None:
        self._values.show(None)
        self._flush()
        if self._begun:
            self._emit({"type": "text-end", "id": self._id})

    def _flush(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if not self._pending:
            return
        opening: list[Event] = [] if self._begun else [{"type": "text-start", "id": self._id}]
        self._begun = True
        self._emit(*opening, {"type": "text-delta", "id": self._id, "delta": self._pending})
        self._pending = ""

    def _emit(self, *events: Event) -> None:
        self._scope.services.events.append_soon(self._scope.run_id, *events)


class _Values:
    """The values of a structured answer so far, as the one event `data-partial` of its step."""

    def __init__(self, scope: RunScope, seq: int) -> None:
        self._scope = scope
        self._id = f"partial-{seq}"
        self._value: JsonValue = None
        self._told: JsonValue = None
        self._number: int | None = None  # of the event that stands for it now
        self._timer: asyncio.TimerHandle | None = None

    def show(self, value: JsonValue) -> None:
        """Tell a value soon, the last of several; None, which withdraws it, at once."""
        self._value = value
        if value is None:
            self._tell()
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(_PARTIAL_SECONDS, self._tell)

    def _tell(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._value == self._told:
            return
        self._told = value = self._value
        run_id, event = self._scope.run_id, {"type": "data-partial", "id": self._id, "data": {"value": value}}

        def work(connection: sa.Connection) -> None:
            self._number = events.replace(connection, run_id, event, self._number)

        self._scope.write_soon(work)


def failed(failure: BaseException) -> RunFailed:
    """The application's own exception as an error that can be kept and shown."""
    return RunFailed(
        f"{type(failure).__name__}: {failure}",
        hint="The traceback is in the log, under this run's id.",
        details={"type": type(failure).__name__},
    )


def current_run(what: str) -> RunScope:
    """The run that is executing now. Raises CoachworkError outside a run, naming `what` needs one."""
    scope: Scope = current_scope()
    if not isinstance(scope, RunScope):
        raise CoachworkError(
            f"{what} works inside a run only",
            hint="Start the pipeline: `coachwork run …`, the page, or POST /api/pipelines/…/runs.",
        )
    return scope
