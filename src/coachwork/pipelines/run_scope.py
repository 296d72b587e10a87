"""What the running code sees of its run: durable steps, text for the reader, approvals. Knows the order of steps.

A step has a place that follows from the code alone (see `tracing/branches.py`), so it finds its own record when the
code runs again. Its row in the journal is written once it has ended, and is all there is: an answer that was received
is kept with the step that asked for it, in one transaction.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import sqlalchemy as sa
import structlog
from pydantic import TypeAdapter

from coachwork.errors import CoachworkError, DatabaseFull, InDoubt, OutOfMemory, ReplayMismatch, RunFailed, from_dict
from coachwork.messages import JsonValue, PersonsAnswer, StepKind, StepRecord
from coachwork.pipelines import events, journal
from coachwork.pipelines.events import Event, EventLog
from coachwork.pipelines.fork import Standing, no_variants
from coachwork.pipelines.hold import Hold
from coachwork.pipelines.journal import Kept, Place
from coachwork.pipelines.memory import release
from coachwork.pipelines.replay import mismatch
from coachwork.store.database import Database
from coachwork.tracing import spans
from coachwork.tracing.branches import Line, following, here
from coachwork.tracing.log import cleaned
from coachwork.tracing.places import where
from coachwork.tracing.scope import Paid, Scope, current_scope, entered

if TYPE_CHECKING:
    from coachwork.models import Models
    from coachwork.pipelines.approvals import Approvals
    from coachwork.pipelines.deliver import Webhooks
    from coachwork.pipelines.slots import Slots

T = TypeVar("T")
log = structlog.get_logger(__name__)
_SHOW_SECONDS = 0.03  # a step that has ended by then is written once, as ended
_FLUSH_SECONDS = 0.06  # text is shown at most this often: one event a word would cost more than it shows
_PARTIAL_SECONDS = 0.25  # a value so far is told whole each time
_LOOK_SECONDS = 0.01  # how often it is looked whether lines side by side have come to what is recorded
_PATIENCE_SECONDS = 10.0  # with those of them that don't go on
_step: ContextVar["_Text | None"] = ContextVar("coachwork_step", default=None)


@dataclass(frozen=True)
class Services:
    """What a run works with."""

    database: Database
    events: EventLog
    slots: "Slots"
    approvals: "Approvals"
    webhooks: "Webhooks"
    models: "Models"
    variants: Standing = field(default=no_variants)


@dataclass(frozen=True)
class Position:
    """A step's place, and what the journal has there: nothing, a step that was cut, or one that ended."""

    place: Place
    kept: Kept | None
    began_at: int

    @property
    def cut(self) -> bool:
        return self.kept is not None and not self.kept.ended


class RunScope:
    """The scope of one run in this process (see `tracing.scope.Scope`)."""

    def __init__(
        self,
        row: Any,
        *,
        pipeline_title: str,
        services: Services,
        hold: Hold,
        recorded: dict[str, Kept],
        paid: Mapping[str, Paid] | None = None,
        notes_shown: int = 0,
        deadline: float | None = None,
    ) -> None:
        self.run_id: str = row.id
        self.pipeline: str = row.pipeline
        self.pipeline_title = pipeline_title
        self.user: str = row.user
        self.key: str = row.key
        self.team: str = row.team
        self.app = ""  # the one of this process
        self.deadline = deadline
        self.services = services
        self.hold = hold
        self.spent: int = row.cost_nano  # of the run so far, with what is about to be booked
        self._recorded = recorded
        self._paid = paid or {}
        self._visited: set[str] = set()
        self._last_seq = max((kept.seq for kept in recorded.values()), default=0)
        self._top = Line(hold.lines)
        self._notes = 0
        self._notes_shown = notes_shown
        self._misfit: ReplayMismatch | None = None

    @contextmanager
    def entered(self) -> Iterator[None]:
        """Make this the current scope, at the first step of the run's own line."""
        with entered(self), following(self._top):
            yield

    @property
    def step_seq(self) -> int | None:
        """The number of the step that works now."""
        return None if (text := _step.get()) is None else text.seq

    @property
    def line(self) -> Line:
        return here() or self._top

    # ── Places ─────────────────────────────────────────────────────────────────────────────────

    def position(self, kind: StepKind, name: str, input: JsonValue = None) -> Position:
        """The next place of the calling line. Raises ReplayMismatch where another step was recorded there.

        A step that another step makes may be another one the second time; `input` tells whether it is the same.
        Code that was let go of makes no step any more, not in a `finally` either: it comes there again.
        """
        if self.hold.why is not None:
            raise asyncio.CancelledError
        self.check_fit()
        path = self.line.next()
        kept = self._recorded.get(path)
        if kept is not None and not _fits(kept, path, kind, name, input):
            if not kept.reused and "/" not in path:
                raise self.does_not_fit(kept.seq, recorded=f"{kept.kind}:{kept.name}", called=f"{kind}:{name}")
            kept = kept._replace(status="cancelled")  # its row goes
        self._visited.add(path)
        if kept is not None:
            seq = kept.seq
        else:
            self._last_seq = seq = self._last_seq + 1
        began_at = kept.started_at if kept is not None and kept.status == "waiting" else journal.now()
        return Position(Place(self.run_id, seq, path, self.hold.claim), kept, began_at)

    def ahead(self) -> Kept | None:
        """What is recorded where the next step of the calling line will be."""
        return self._recorded.get(self.line.ahead)

    def recorded_ahead(self) -> tuple[str, str] | None:
        kept = self.ahead()
        return None if kept is None else (kept.kind, kept.name)

    async def caught_up(self) -> None:
        seen, patience = -1, 0.0
        while patience < _PATIENCE_SECONDS and self._not_come_to():
            patience = patience + _LOOK_SECONDS if seen == len(self._visited) else 0.0
            seen = len(self._visited)
            await asyncio.sleep(_LOOK_SECONDS)
        if patience >= _PATIENCE_SECONDS:
            log.warning("run.not_caught_up", run_id=self.run_id, steps=len(self._not_come_to()))

    def _not_come_to(self) -> list[Kept]:
        """What ended before this process took the run up, and its code has not come to again."""
        return [
            kept
            for path, kept in self._recorded.items()
            if kept.ended and not kept.reused and "/" not in path and path not in self._visited
        ]

    def paid(self) -> Mapping[str, Paid]:
        return self._paid

    @property
    def cut_before(self) -> bool:
        text = _step.get()
        return text is not None and text.cut and text.place.path not in self._paid

    def does_not_fit(self, seq: int, *, recorded: str, called: str) -> ReplayMismatch:
        """The error of code that does something else than is recorded. The first one is the end of this run."""
        if self._misfit is None:
            self._misfit = mismatch(self.run_id, seq, recorded=recorded, called=called)
        return self._misfit

    def check_fit(self) -> None:
        """Raise the ReplayMismatch that this run met: code which caught it must not go on as if nothing was."""
        if self._misfit is not None:
            raise self._misfit

    def check_end(self) -> None:
        """Raise ReplayMismatch where the code met one, or ended without a step that it made before."""
        self.check_fit()
        if left := self._not_come_to():
            first = min(left, key=lambda kept: kept.seq)
            raise self.does_not_fit(first.seq, recorded=f"{first.kind}:{first.name}", called="")

    # ── Steps ──────────────────────────────────────────────────────────────────────────────────

    async def step(self, record: StepRecord, call: Callable[[], Awaitable[JsonValue]]) -> JsonValue:
        """Run `call` as the next recorded step. Raises what it raised, now or when it was recorded.

        An exception that is not Coachwork's own is raised as RunFailed both times, so that code
        which catches it behaves the same on replay.
        """
        around = self.step_seq
        record.within = where() if around is None else (*where(), f"step:{around}:")
        position = self.position(record.kind, record.name, record.input)
        kept = position.kept
        if kept is None or not kept.ended:
            return await self._perform(position, record, call)
        self.line.tainted = self.line.tainted or kept.tainted
        if kept.error is not None:
            raise from_dict(kept.error)
        return kept.output

    async def _perform(
        self, position: Position, record: StepRecord, call: Callable[[], Awaitable[JsonValue]]
    ) -> JsonValue:
        if not self.hold.sure():  # a process that stood still: another one may have done this step
            await self.write(partial(journal.check_claim, run_id=self.run_id, claim=self.hold.claim))
        text = _Text(self, position, record)
        token = _step.set(text)
        output: JsonValue = None
        error: CoachworkError | None = None
        inner = Line(self.hold.lines, f"{position.place.path}/", tainted=self.line.tainted)
        self.hold.performing += 1
        try:
            if not record.repeatable:
                if position.kept is not None and position.kept.status == "running":
                    raise InDoubt(
                        f"{record.name!r} (step {text.seq} of {self.run_id}) had begun when its worker ended",
                        hint="Find out whether it was done before it is done again.",
                    )
                await text.begin_now()  # or a crash could forget that it began
            else:
                text.begin_soon()
            with spans.step(record, self.run_id), following(inner):
                output = await call()
        except CoachworkError as failure:
            error = failure
        except Exception as failure:  # the application's own code: kept as a result, never swallowed
            error = failed(failure)
            log.error("step.failed", run_id=self.run_id, step=record.name, exc_info=failure)
        finally:
            self.hold.performing -= 1
            text.close()
            _step.reset(token)
            self.hold.look()
        record.tainted = record.tainted or inner.tainted
        self.line.tainted = self.line.tainted or record.tainted
        if error is not None:  # what is kept is what is raised, on replay and now
            error = from_dict(cleaned(error.to_dict()))
        await self.end(position, record, output=output, error=error, known=text.began, received=bool(text.questions))
        if error is not None:
            raise error
        return output

    async def end(
        self,
        position: Position,
        record: StepRecord,
        *,
        known: bool,
        output: JsonValue = None,
        error: CoachworkError | None = None,
        received: bool = False,
    ) -> None:
        """Keep how a step ended; returns once that is committed.

        `known` where a row of it was written, `received` where answers are kept for it.
        """
        ended, told = StepRecord(**vars(record)), None if error is None else error.to_dict()
        place, at, known = position.place, position.began_at, known or position.kept is not None
        self.spent += record.cost_nano or 0

        def work(connection: sa.Connection) -> None:
            journal.step_ended(connection, place, ended, at, known=known, output=output, error=told)
            if received:
                journal.forget_received(connection, place)

        await self.write(work)
        self.hold.on_step()

    async def waiting(self, position: Position, due_at: int | None, coming: Awaitable[T], *, asked: str = "") -> T:
        """Wait as one line of the run. Where all its lines wait, it is put back, and this never returns."""
        return await self.hold.waiting(position.place.path, due_at, coming, asked=asked)

    async def received(self, question: str) -> tuple[int, JsonValue]:
        """Looked for only where the run was taken up again. See `tracing.scope.Scope`."""
        if (text := _step.get()) is None:
            return 0, None
        text.questions[question] += 1
        number = text.questions[question]
        if self.hold.claim <= 1:
            return number, None
        kept = partial(journal.received_before, place=text.place, question=question, number=number)
        return number, await self.services.database.read(kept)

    def keeping(self, question: str, number: int, answer: JsonValue) -> Callable[[Any], None] | None:
        if (text := _step.get()) is None:
            return None
        return partial(journal.receive, place=text.place, question=question, number=number, answer=answer)

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

    def between_steps(self, what: str, verb: str) -> None:
        """Raise CoachworkError inside a step: it would hold its worker, and its place would be another on replay."""
        if _step.get() is not None:
            raise CoachworkError(
                f"{what} inside step {self.step_seq}",
                hint=f"A step is done in one go, and this may take weeks: {verb} before the step or after it.",
            )

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
        self.between_steps(f"{title!r} asks a person", "ask")
        approvals = self.services.approvals
        return await approvals.ask(self, title, value, type_, context=context, expires=expires)

    async def write(self, work: Callable[[sa.Connection], T]) -> T:
        """Change rows of this run; gives what `work` gave once that is committed, and readers of the run are woken.

        Where the run is no longer ours its code is stopped here; where there is no room for it too, and it goes on
        from its last step once there is.
        """
        try:
            return await asyncio.wrap_future(self.write_soon(work))
        except (journal.ClaimLost, DatabaseFull) as error:
            if isinstance(error, DatabaseFull):
                log.error("run.not_written", run_id=self.run_id, why=error.message, hint=error.hint)
            self.hold.let_go("lost")
            await asyncio.Event().wait()  # the cancellation comes here, and not into the application's `except`
            raise

    def write_soon(self, work: Callable[[sa.Connection], T]) -> "Future[T]":
        """Queue a change of rows of this run; readers of the run are woken once it is committed."""
        written = self.services.database.write_soon(work)
        self.services.events.wake_after(self.run_id, written)
        return written


def _fits(kept: Kept, path: str, kind: StepKind, name: str, input: JsonValue) -> bool:
    return (kept.kind, kept.name) == (kind, name) and ("/" not in path or kept.input == input)


class _Text:
    """What one step shows while it is written, gathered into few events: text, or the values of an answer so far.

    Of the values only the last stays in the stream, so that what a run keeps does not grow with how often it told.
    """

    def __init__(self, scope: RunScope, position: Position, record: StepRecord) -> None:
        self.seq = position.place.seq
        self.cut = position.kept is not None and position.kept.status == "running"
        self.place = position.place
        self.questions: Counter[str] = Counter()  # asked of models by this step
        self.began = False  # a row of the step is written, or about to be
        self._scope = scope
        self._position = position
        self._record = record
        self._opening: asyncio.TimerHandle | None = None
        self._id = f"text-{self.seq}"
        self._pending = ""
        self._begun = False
        self._timer: asyncio.TimerHandle | None = None
        self._values = _Values(self, scope)

    def begin_soon(self) -> None:
        """Show the step as working, unless it has ended by then."""
        self._opening = asyncio.get_running_loop().call_later(_SHOW_SECONDS, self.begin)

    async def begin_now(self) -> None:
        await self._scope.write(self._beginning())

    def begin(self) -> None:
        if not self.began:
            self._scope.write_soon(self._beginning())

    def _beginning(self) -> Callable[[sa.Connection], None]:
        self.began = True
        started, place, at = StepRecord(**vars(self._record)), self._position.place, self._position.began_at
        again = self._position.kept is not None
        return lambda connection: journal.step_began(connection, place, started, at, again=again)

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
        if self._opening is not None:
            self._opening.cancel()
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
        self.begin()
        opening: list[Event] = [] if self._begun else [{"type": "text-start", "id": self._id}]
        self._begun = True
        self._emit(*opening, {"type": "text-delta", "id": self._id, "delta": self._pending})
        self._pending = ""

    def _emit(self, *events: Event) -> None:
        self._scope.services.events.append_soon(self._scope.run_id, *events)


class _Values:
    """The values of a structured answer so far, as the one event `data-partial` of its step."""

    def __init__(self, text: _Text, scope: RunScope) -> None:
        self._text = text
        self._scope = scope
        self._id = f"partial-{text.seq}"
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
        self._text.begin()
        run_id, event = self._scope.run_id, {"type": "data-partial", "id": self._id, "data": {"value": value}}

        before: list[int | None] = []  # known when it is written, and the same where that has to be done twice

        def work(connection: sa.Connection) -> None:
            if not before:
                before.append(self._number)
            self._number = events.replace(connection, run_id, event, before[0])

        self._scope.write_soon(work)


def failed(failure: BaseException) -> CoachworkError:
    """The application's own exception as an error that can be kept and shown. Memory that it holds is let go of."""
    if isinstance(failure, MemoryError):
        release(failure)
        return OutOfMemory()
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
