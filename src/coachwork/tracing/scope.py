"""The seam between a call and the run it belongs to. Knows that steps exist; does not know how they are kept.

A prompt, a search or a webhook asks `current_scope()` to record it. Inside a run the answer is the
durable one of `pipelines`; outside a run (a notebook, a unit test) the call simply happens.
"""

from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import Context, ContextVar
from typing import Any, NamedTuple, Protocol, TypeVar

from pydantic import TypeAdapter

from coachwork.errors import CoachworkError
from coachwork.messages import JsonValue, PersonsAnswer, StepRecord

T = TypeVar("T")


class Paid(NamedTuple):
    """What calls of models used. `cost_nano` in 1e-9 US dollars, None where a price is unknown."""

    tokens: int = 0
    cost_nano: int | None = 0
    seconds: float = 0.0


class Scope(Protocol):
    """What a running call may ask of its surroundings."""

    @property
    def run_id(self) -> str:
        """The run's id, "" outside a run."""

    @property
    def user(self) -> str:
        """Who asked, "" where nobody is known."""

    @property
    def key(self) -> str:
        """The API key's id by which it was asked, "" without one. Never the key itself."""

    @property
    def team(self) -> str:
        """The team of who asked, "" where none is known."""

    @property
    def app(self) -> str:
        """The application's name, "" for the one of this process."""

    @property
    def pipeline(self) -> str:
        """The pipeline's name, "" outside a run."""

    @property
    def step_seq(self) -> int | None:
        """The number of the run's step that works now, None outside a step."""

    @property
    def deadline(self) -> float | None:
        """When all of it must be over, in seconds of `time.monotonic`; None for no limit."""

    async def step(self, record: StepRecord, call: Callable[[], Awaitable[JsonValue]]) -> JsonValue:
        """Make `call` once for this run, ever: a recorded result is returned instead on replay."""

    def recorded_ahead(self) -> tuple[str, str] | None:
        """Kind and name of what is recorded where the next step of this line will be; None for nothing."""

    async def caught_up(self) -> None:
        """Wait until the lines beside this one have come to what was recorded of them before the run was taken up.

        It does not wait for ever: for no longer than some seconds in which none of them goes on.
        """

    def paid(self) -> Mapping[str, Paid]:
        """What the ledger had, when the run was taken up again, of models that its steps asked, by their places.

        "" is what was asked by steps that a crash cut before they were written down.
        """

    @property
    def cut_before(self) -> bool:
        """Whether a crash had cut the step that works now, and the ledger has nothing of what models did for it."""

    async def received(self, question: str) -> tuple[int, JsonValue]:
        """The number of this call among the step's equal ones, from 1, and what it received before a crash.

        None where nothing was received; number 0 where nothing is kept: outside a step.
        """

    def keeping(self, question: str, number: int, answer: JsonValue) -> Callable[[Any], None] | None:
        """What keeps an answer of this step until it has ended, given the connection of a transaction; None outside."""

    def text(self, delta: str) -> None:
        """Show text of the answer to whoever watches, as it is written."""

    def restart_text(self) -> None:
        """Withdraw the text shown by this step so far."""

    def partial(self, value: JsonValue) -> None:
        """Show what there is of a structured answer, in place of what was shown; None withdraws it. Never a result."""

    def note(self, label: str) -> None:
        """Say in the reader's words what the run is doing now."""

    async def ask_person(
        self,
        title: str,
        value: object,
        type_: TypeAdapter[Any],
        *,
        context: Mapping[str, object] | None = None,
        expires: str | None = None,
    ) -> PersonsAnswer:
        """Wait for a person's decision about `value`, across restarts; an edited one fits `type_`.

        `expires` is a time like `30m` or `2d`, None waits for ever. `context` is shown beside the value.
        It is a step of its own. Raises CoachworkError outside a run and inside a step, ValueError for
        an `expires` that is no time.
        """


class DirectScope:
    """Outside a run: steps happen and are not kept."""

    run_id = ""
    user = ""
    key = ""
    team = ""
    app = ""
    pipeline = ""
    step_seq: int | None = None
    deadline: float | None = None
    cut_before = False

    async def step(self, record: StepRecord, call: Callable[[], Awaitable[JsonValue]]) -> JsonValue:
        return await call()

    def recorded_ahead(self) -> tuple[str, str] | None:
        """Nothing is recorded."""
        return None

    async def caught_up(self) -> None:
        """Nothing is recorded."""

    def paid(self) -> Mapping[str, Paid]:
        return {}

    async def received(self, question: str) -> tuple[int, JsonValue]:
        return 0, None

    def keeping(self, question: str, number: int, answer: JsonValue) -> Callable[[Any], None] | None:
        return None

    def text(self, delta: str) -> None:
        """Nobody watches."""

    def restart_text(self) -> None:
        """Nobody watched."""

    def partial(self, value: JsonValue) -> None:
        """Nobody watches."""

    def note(self, label: str) -> None:
        """Nobody reads."""

    async def ask_person(
        self,
        title: str,
        value: object,
        type_: TypeAdapter[Any],
        *,
        context: Mapping[str, object] | None = None,
        expires: str | None = None,
    ) -> PersonsAnswer:
        """Nobody could be found again to answer: always raises CoachworkError."""
        raise CoachworkError(
            f"{title!r} asks a person, and that works inside a run only",
            hint="Start the pipeline: `coachwork run …`, the page, or POST /api/pipelines/…/runs.",
        )


_DIRECT = DirectScope()
_scope: ContextVar[Scope] = ContextVar("coachwork_scope", default=_DIRECT)


def current_scope() -> Scope:
    return _scope.get()


def scope_in(context: Context) -> Scope:
    """The scope of code that runs in a context, as of another task."""
    return context.get(_scope, _DIRECT)


@contextmanager
def entered(scope: Scope) -> Iterator[Scope]:
    """Make `scope` the current one for the block and everything it calls."""
    token = _scope.set(scope)
    try:
        yield scope
    finally:
        _scope.reset(token)


async def recorded(record: StepRecord, type_: type[T] | TypeAdapter[T], call: Callable[[], Awaitable[T]]) -> T:
    """Run `call` as a step of the current run and give its typed result, from the record on replay.

    Raises whatever `call` raises; on replay a recorded failure is raised again.
    """
    adapter: TypeAdapter[T] = type_ if isinstance(type_, TypeAdapter) else TypeAdapter(type_)

    async def as_json() -> JsonValue:
        return adapter.dump_python(await call(), mode="json")

    return adapter.validate_python(await current_scope().step(record, as_json))
