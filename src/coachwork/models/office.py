"""What one call knows of itself on its way, and what all calls of a process share. Data; the way is in `call.py`."""

import asyncio
import threading
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar
from weakref import WeakKeyDictionary

from coachwork.messages import (
    Attempt,
    Audio,
    Finished,
    ModelRequest,
    Reply,
    Restarted,
    SourceFound,
    TextDelta,
    ThinkingDelta,
    ToolCallDelta,
    Usage,
)
from coachwork.models.ledger import OnCall
from coachwork.models.purses import purses_here
from coachwork.models.routes import Route, Target
from coachwork.providers.wire import End, Kind, Meter, Purpose
from coachwork.store.database import Database
from coachwork.tracing.scope import current_scope

if TYPE_CHECKING:
    from coachwork.models.answers import Answers
    from coachwork.models.breaker import Health
    from coachwork.models.buckets import Buckets
    from coachwork.models.budgets import Budgets
    from coachwork.models.cache import EmbedQuestion

T = TypeVar("T")


@dataclass(frozen=True)
class Value:
    """The one result of a call that does not stream: vectors, a transcript, judgements, scores."""

    value: Any


CallEvent: TypeAlias = TextDelta | ThinkingDelta | ToolCallDelta | SourceFound | Restarted | Value | End | Finished
Send: TypeAlias = Callable[[Target, Meter], AsyncIterator[CallEvent]]
TOKENS = (TextDelta, ThinkingDelta, ToolCallDelta, SourceFound)  # with the first of these an answer has begun


def _in_memory() -> "Answers":
    from coachwork.models.answers import InMemory

    return InMemory()


@dataclass
class Office:
    """What all calls of a process share: where they are booked, how each model fares, who waits for what.

    `app` is the name of the application that asks, `budgets` what its calls may cost, None for anything.
    `health` and `buckets` are by model. `answers` may be given again; `embed` turns a question into a vector,
    to find one that is similar.
    """

    database: Database | None = None
    on_call: OnCall | None = None
    app: str = ""
    budgets: "Budgets | None" = None
    answers: "Answers" = field(default_factory=_in_memory)
    embed: "EmbedQuestion | None" = None
    health: "dict[str, Health]" = field(default_factory=dict)
    buckets: "dict[str, Buckets]" = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)
    _of_loops: "WeakKeyDictionary[asyncio.AbstractEventLoop, dict[Any, Any]]" = field(default_factory=WeakKeyDictionary)

    def of_loop(self, make: Callable[[], T]) -> T:
        """The one `make()` of the running event loop: what waits there belongs to it alone."""
        kept = self._of_loops.setdefault(asyncio.get_running_loop(), {})
        if make not in kept:
            kept[make] = make()
        found: T = kept[make]
        return found


@dataclass
class Call:
    """One call on its way: what was asked, and what is known so far. Times are of `time.monotonic`, in seconds.

    What is asked is a `request`, or `texts` (to be ranked: for a `query`), or `audio`, by its kind; `purpose` is that
    of vectors. `deadline` is the end of everything: waiting, asking and asking again. `ahead` are the models that have
    not had their turn, `asked_at` is when the provider was asked last. `answered_by` names the model of an answer that
    others asked for, or `cached`.
    """

    kind: Kind
    route: Route
    send: Send
    office: Office
    request: ModelRequest | None = None
    texts: Sequence[str] = ()
    query: str = ""
    audio: Audio | None = None
    purpose: Purpose | None = None
    target: Target | None = None
    started: float = field(default_factory=time.monotonic)
    started_ns: int = field(default_factory=time.time_ns)
    deadline: float = 0.0
    asked_at: float = 0.0
    first_token: float | None = None
    ahead: list[Target] = field(default_factory=list)
    attempts: list[Attempt] = field(default_factory=list)
    used: list[tuple[Target, Usage]] = field(default_factory=list)
    cached: bool = False
    keep: "Callable[[Reply], Callable[[Any], None] | None] | None" = None  # the answer, beside its ledger row
    answered_by: str = ""
    bound_by: str = ""  # whose time is up at the deadline, where it is not the route's

    def __post_init__(self) -> None:
        if not self.deadline:
            self.deadline = self.started + self.seconds
            of_run = current_scope().deadline
            if of_run is not None:
                self.deadline = min(self.deadline, of_run)
            for purse in purses_here():
                left = purse.seconds_left()
                if left is not None and self.started + left < self.deadline:
                    self.deadline, self.bound_by = self.started + left, purse.whose

    @property
    def seconds(self) -> float:
        """The limit of the whole call."""
        asked = self.request.seconds if self.request else None
        return self.route.limits.total_seconds if asked is None else asked

    @property
    def seconds_left(self) -> float:
        return self.deadline - time.monotonic()

    @property
    def model(self) -> str:
        if self.answered_by:
            return self.answered_by
        return self.target.model if self.target else self.route.targets[0].model

    @property
    def asked_request(self) -> ModelRequest | None:
        """The request as the model whose turn it is gets it."""
        return self.request and self.request.on(self.model)

    @property
    def asked_target(self) -> Target:
        """The model whose turn it is: for the links after `routed`."""
        assert self.target is not None
        return self.target

    def beside(self, target: Target | None = None) -> "Call":
        """The same call asked once more beside this one. What it uses is its own; attempts are told to both."""
        return replace(self, target=target or self.target, used=[], ahead=[])


Events: TypeAlias = AsyncGenerator[CallEvent, None]
Next: TypeAlias = Callable[[Call], Events]
Link: TypeAlias = Callable[[Call, Next], Events]
