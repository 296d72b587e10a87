"""What one call knows of itself on its way, and what all calls of a process share. Data; the way is in `call.py`."""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any, TypeAlias
from weakref import WeakKeyDictionary

from coachwork.messages import (
    Attempt,
    Finished,
    ModelRequest,
    Restarted,
    SourceFound,
    TextDelta,
    ThinkingDelta,
    ToolCallDelta,
    Usage,
)
from coachwork.models.ledger import OnCall
from coachwork.models.routes import Route, Target
from coachwork.providers.wire import End, Kind, Meter
from coachwork.store.database import Database


@dataclass(frozen=True)
class Value:
    """The one result of a call that does not stream: vectors, or a transcript."""

    value: Any


CallEvent: TypeAlias = TextDelta | ThinkingDelta | ToolCallDelta | SourceFound | Restarted | Value | End | Finished
Send: TypeAlias = Callable[[Target, Meter], AsyncIterator[CallEvent]]


@dataclass
class Office:
    """What all calls of a process share: where they are booked, and the line in front of each model."""

    database: Database | None = None
    on_call: OnCall | None = None
    lines: "WeakKeyDictionary[asyncio.AbstractEventLoop, dict[str, asyncio.Semaphore]]" = field(
        default_factory=WeakKeyDictionary
    )

    def line(self, model: str, at_once: int) -> asyncio.Semaphore:
        """The places at a model, first come first served; a semaphore belongs to one event loop."""
        lines = self.lines.setdefault(asyncio.get_running_loop(), {})
        return lines.setdefault(model, asyncio.Semaphore(at_once))


@dataclass
class Call:
    """One call on its way: what was asked, and what is known so far. Times are of `time.monotonic`, in seconds."""

    kind: Kind
    route: Route
    send: Send
    office: Office
    request: ModelRequest | None = None
    target: Target | None = None
    started: float = field(default_factory=time.monotonic)
    started_ns: int = field(default_factory=time.time_ns)
    first_token: float | None = None
    attempts: list[Attempt] = field(default_factory=list)
    used: list[tuple[Target, Usage]] = field(default_factory=list)

    @property
    def seconds(self) -> float:
        """The limit of the whole call."""
        asked = self.request.seconds if self.request else None
        return self.route.limits.total_seconds if asked is None else asked

    @property
    def seconds_left(self) -> float:
        return self.started + self.seconds - time.monotonic()

    @property
    def model(self) -> str:
        return self.target.model if self.target else self.route.targets[0].model


Events: TypeAlias = AsyncGenerator[CallEvent, None]
Next: TypeAlias = Callable[[Call], Events]
Link: TypeAlias = Callable[[Call, Next], Events]
