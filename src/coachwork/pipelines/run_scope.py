"""What the running code sees of its run: durable steps, text for the reader, approvals. Knows the order of steps.

A step has its place in the code's order: the third is `3`, the first in branch `prices` of the fourth is
`4.prices.1`. The same code gives the same places on replay, in whatever order the branches arrive, and
what the journal has at a place is given again instead of being done again. The journal is the only record.
"""

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import sqlalchemy as sa
import structlog

from coachwork.errors import CoachworkError, ReplayMismatch, RunFailed, StepInterrupted, from_dict
from coachwork.messages import JsonValue, StepKind, StepRecord
from coachwork.pipelines import journal
from coachwork.pipelines.claims import now
from coachwork.pipelines.events import ClaimLost, Event, EventLog
from coachwork.pipelines.journal import Kept, Place
from coachwork.store.database import Database
from coachwork.tracing import spans
from coachwork.tracing.scope import Scope, current_scope

if TYPE_CHECKING:
    from coachwork.models import Models
    from coachwork.pipelines.approvals import Approvals
    from coachwork.pipelines.deliver import Webhooks
    from coachwork.pipelines.hold import Hold

T = TypeVar("T")
Repeat = Literal["again", "ask"]
log = structlog.get_logger(__name__)
_FLUSH_SECONDS = 0.06  # text is shown at most this often: one event a word would cost more than it shows
_SHOW_SECONDS = 0.03  # a step that ends sooner is shown and kept in one go
_step: ContextVar["_Text | None"] = ContextVar("coachwork_step", default=None)
_branch: ContextVar["Branch | None"] = ContextVar("coachwork_branch", default=None)


@dataclass(frozen=True)
class Services:
    """What a run works with."""

    database: Database
    events: EventLog
    approvals: "Approvals"
    webhooks: "Webhooks"
    models: "Models"


@dataclass
class Branch:
    """A line of steps that follow each other: `path` is "" or ends with a dot."""

    run_id: str
    path: str = ""
    count: int = 0

    def next(self) -> str:
        self.count += 1
        return f"{self.path}{self.count}"


@dataclass
class Position:
    """A step's place, and what the journal has there: nothing, a step that was cut, or one that ended."""

    place: Place
    kept: Kept | None
    began_at: int = field(default_factory=now)

    @property
    def cut(self) -> bool:
        return self.kept is not None and not self.kept.ended


class RunScope:
    """The scope of one run in this process (see `tracing.scope.Scope`)."""

    def __init__(
        self,
        row: Any,
        *,
        title: str,
        services: Services,
        hold: "Hold",
        recorded: dict[str, Kept],
        notes_shown: int = 0,
        deadline: float | None = None,
    ) -> None:
        self.run_id: str = row.id
        self.root: str = row.root or row.id
        self.pipeline: str = row.pipeline
        self.pipeline_title = title
        self.user: str = row.user
        self.key = ""
        self.team = ""
        self.app = ""  # the one of this process
        self.deadline = deadline
        self.services = services
        self.hold = hold
        self.mismatch: ReplayMismatch | None = None  # kept, because the application may catch what is raised
        self._recorded = recorded
        self._visited: set[str] = set()
        self._last_seq = max((kept.seq for kept in recorded.values()), default=0)
        self._top = Branch(self.run_id)
        self._notes = 0
        self._notes_shown = notes_shown

    @property
    def step_seq(self) -> int | None:
        """The number of the step that works now."""
        return None if (text := _step.get()) is None else text.seq

    @property
    def branch(self) -> Branch:
        """The line of steps that the calling task follows."""
        branch = _branch.get()
        return branch if branch is not None and branch.run_id == self.run_id else self._top

    @property
    def path_ahead(self) -> str:
        """The place that the next step will have."""
        return f"{self.branch.path}{self.branch.count + 1}"

    def position(self, kind: StepKind, name: str, path: str = "") -> Position:
        """The next place in the calling branch, or the named one.

        Raises ReplayMismatch where another step was there, CoachworkError where the place is taken.
        """
        path = path or self.branch.next()
        kept = self._recorded.get(path)
        if kept is not None and (kept.kind, kept.name) != (kind, name):
            self.mismatch = ReplayMismatch(
                f"run {self.run_id} was recorded with {kept.kind} {kept.name!r} as its step {path}, "
                f"and the code now makes {kind} {name!r} there",
                hint="Put the code back, or guard what is new with `if await patched('name'):`; "
                "or start a new run with the same input.",
                details={"path": path, "recorded": f"{kept.kind} {kept.name}", "found": f"{kind} {name}"},
            )
            raise self.mismatch
        if path in self._visited:
            raise CoachworkError(
                f"two steps of run {self.run_id} have the place {path}",
                hint="Use gather(name=…) or map(…) instead of asyncio.gather around steps.",
            )
        self._visited.add(path)
        if kept is not None:
            seq = kept.seq
        else:
            self._last_seq = seq = self._last_seq + 1
        began = kept.started_at if kept is not None and kept.status == "waiting" else now()
        return Position(Place(self.run_id, seq, path, self.hold.claim), kept, began)

    def recorded_at(self, path: str) -> Kept | None:
        return self._recorded.get(path)

    def unvisited(self) -> list[Kept]:
        """Steps outside of branches that were recorded, and which the code did not come to this time."""
        return [kept for path, kept in self._recorded.items() if path.isdigit() and path not in self._visited]

    async def step(
        self, record: StepRecord, call: Callable[[], Awaitable[JsonValue]], *, repeat: Repeat = "again"
    ) -> JsonValue:
        """Run `call` as the next recorded step. Raises what it raised, now or when it was recorded.

        An exception that is not Coachwork's own is raised as RunFailed both times, so that code
        which catches it behaves the same on replay. `repeat="ask"`: where a crash cut it, a person
        decides whether it is done again; StepInterrupted where not.
        """
        position = self.position(record.kind, record.name)
        kept = position.kept
        if kept is not None and kept.ended:
            if kept.error is not None:
                raise from_dict(kept.error)
            return kept.output
        if position.cut and repeat == "ask":
            await self._ask_whether_again(position, record)
        return await self._perform(position, record, call, repeat)

    async def _perform(
        self, position: Position, record: StepRecord, call: Callable[[], Awaitable[JsonValue]], repeat: Repeat
    ) -> JsonValue:
        text = _Text(self, position, record)
        token, outer = _step.set(text), _branch.set(Branch(self.run_id, f"{position.place.path}."))
        output: JsonValue = None
        error: dict[str, Any] | None = None
        self.hold.performing += 1
        try:
            if repeat == "ask":
                await text.begin_now()  # a crash from here on has to leave a trace
            else:
                text.begin_soon()
            with spans.step(record, self.run_id):
                output = await call()
        except CoachworkError as failure:
            error = failure.to_dict()
        except Exception as failure:  # the application's own code: kept as a result, never swallowed
            log.error("step.failed", run_id=self.run_id, step=record.name, exc_info=failure)
            error = failed(failure).to_dict()
        finally:
            self.hold.performing -= 1
            text.close()
            _step.reset(token)
            _branch.reset(outer)
        await self.end(position, record, output=output, error=error, known=text.began)
        if error is not None:
            raise from_dict(error)
        return output

    async def end(
        self, position: Position, record: StepRecord, *, known: bool, output: JsonValue = None, error: Any = None
    ) -> None:
        """Keep how a step ended; returns once that is committed."""
        ended = StepRecord(**vars(record))
        at, place, known = position.began_at, position.place, known or position.kept is not None
        await self.write(lambda c: journal.step_ended(c, place, ended, at, output=output, error=error, known=known))

    async def _ask_whether_again(self, position: Position, record: StepRecord) -> None:
        from coachwork.pipelines.approvals import ask

        decision = await ask(
            self,
            self.position("approval", "repeat", f"{position.place.path}.repeat"),
            f"“{record.label or record.name}” was under way when its worker died. Do it again?",
            "It may have been done already. Accept to do it again, reject to leave it as it is.",
            context={"step": position.place.path, "name": record.name},
        )
        if decision.status != "accepted":
            failure = StepInterrupted(
                f"step {position.place.path} ({record.name!r}) was cut by a crash and is not done again"
                + (f": {decision.comment}" if decision.comment else ""),
                details={"step": position.place.path, "by": decision.by},
            )
            await self.end(position, record, error=failure.to_dict(), known=True)
            raise failure

    async def waiting(self, path: str, due_at: int, asks: bool, coming: Awaitable[T]) -> T:
        """Wait for `coming` as one branch of the run. Where all branches wait, the run is put back meanwhile."""
        return await self.hold.waiting(f"{self.run_id} {path}", due_at, asks, coming)

    def text(self, delta: str) -> None:
        if (text := _step.get()) is not None:
            text.add(delta)

    def restart_text(self) -> None:
        if (text := _step.get()) is not None:
            text.restart()

    def note(self, label: str) -> None:
        """Show what the run is doing. On replay the notes already shown are not shown again."""
        self._notes += 1
        if self._notes > self._notes_shown:
            self.services.events.append_soon(self.run_id, {"type": "data-note", "data": {"label": label}})

    async def write(self, work: Callable[[sa.Connection], T]) -> T:
        """Change rows of this run; returns what `work` gave once that is committed, and readers of the run are woken.

        Stops this task where the run is no longer ours.
        """
        try:
            return await asyncio.wrap_future(self.write_soon(work))
        except ClaimLost:
            self.hold.lose()
            await asyncio.Event().wait()  # the cancellation comes here, and not into the application's `except`
            raise

    def write_soon(self, work: Callable[[sa.Connection], T]) -> "Future[T]":
        written = self.services.database.write_soon(work)
        self.services.events.wake_after(self.run_id, written)
        return written


class _Text:
    """The text one step shows while it is written, gathered into few events."""

    def __init__(self, scope: RunScope, position: Position, record: StepRecord) -> None:
        self.seq = position.place.seq
        self.began = False
        self._scope = scope
        self._position = position
        self._record = record
        self._id = f"text-{self.seq}"
        self._pending = ""
        self._begun = False
        self._timer: asyncio.TimerHandle | None = None
        self._opening: asyncio.TimerHandle | None = None

    def begin_soon(self) -> None:
        """Show the step as working unless it has ended by then."""
        self._opening = asyncio.get_running_loop().call_later(_SHOW_SECONDS, self._begin)

    async def begin_now(self) -> None:
        await self._scope.write(self._beginning())

    def _begin(self) -> None:
        if not self.began:
            self._scope.write_soon(self._beginning())

    def _beginning(self) -> Callable[[sa.Connection], None]:
        self.began = True
        started, at = StepRecord(**vars(self._record)), self._position.began_at
        place, again = self._position.place, self._position.kept is not None
        return lambda connection: journal.step_began(connection, place, started, at, again=again)

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
        self._flush()
        if self._begun:
            self._emit({"type": "text-end", "id": self._id})

    def _flush(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if not self._pending:
            return
        self._begin()
        opening: list[Event] = [] if self._begun else [{"type": "text-start", "id": self._id}]
        self._begun = True
        self._emit(*opening, {"type": "text-delta", "id": self._id, "delta": self._pending})
        self._pending = ""

    def _emit(self, *events: Event) -> None:
        self._scope.services.events.append_soon(self._scope.run_id, *events)


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
