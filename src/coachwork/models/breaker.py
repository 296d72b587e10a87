"""Leaves a model alone that fails again and again, and looks with one call whether it is well again.

Knows how each model fared in this process; does not know routes. Its rules are without a clock: `now` is given.
"""

import time
from collections import deque
from contextlib import aclosing
from dataclasses import dataclass, field
from statistics import median
from typing import Literal

from coachwork.errors import (
    CircuitOpen,
    CoachworkError,
    ModelTimeout,
    Overloaded,
    ProviderFault,
    StreamCut,
    Unreachable,
)
from coachwork.models.office import TOKENS, Call, Events, Next, Office
from coachwork.providers.wire import End

State = Literal["closed", "open", "half-open"]
Admission = Literal["free", "probe", "refused"]
_UNWELL = (Unreachable, ModelTimeout, Overloaded, ProviderFault, StreamCut)  # 429 has its own Retry-After
_REMEMBERED = 100


@dataclass
class Health:
    """How one model fares. `now` is in seconds of `time.monotonic`; `failures` are those in a row.

    closed → open after `limit` failures in a row; open → half-open after `pause` seconds, when one call, the
    probe, may look; half-open → closed if it went well, else open for another pause.
    """

    failures: int = 0
    open_until: float | None = None
    probing: bool = False
    calls: int = 0
    failed: int = 0
    last_error: str = ""
    last_error_at: float | None = None
    first_tokens: deque[float] = field(default_factory=lambda: deque(maxlen=_REMEMBERED))

    def admits(self, now: float) -> Admission:
        """Whether a call may be made now. The probe is one call alone, until it tells how it ended."""
        if self.open_until is None:
            return "free"
        if self.probing or now < self.open_until:
            return "refused"
        self.probing = True
        return "probe"

    def went_well(self) -> None:
        self.calls += 1
        self.failures, self.open_until, self.probing = 0, None, False

    def went_wrong(self, now: float, error: str, admitted: Admission, *, limit: int, pause: float) -> None:
        self.calls += 1
        self.failed += 1
        self.failures += 1
        self.last_error, self.last_error_at = error, time.time()
        if admitted == "probe":
            self.probing = False
        if admitted == "probe" or (self.open_until is None and self.failures >= limit):
            self.open_until = now + pause

    def undecided(self, admitted: Admission) -> None:
        """The call ended without telling anything of the model. If it was the probe, the next call is."""
        if admitted == "probe":
            self.probing = False

    def state(self, now: float) -> State:
        if self.open_until is None:
            return "closed"
        return "open" if now < self.open_until else "half-open"


@dataclass(frozen=True)
class ModelHealth:
    """How a model fares in this process. Times in seconds; `retry_in` is how long it is still left alone.

    `failures` are those in a row, `failed` of `calls` all of them; `first_token_p50` is over the last 100
    calls that gave one, `last_error_at` in seconds since 1970 UTC.
    """

    model: str
    state: State
    failures: int
    retry_in: float
    calls: int
    failed: int
    last_error: str
    last_error_at: float | None
    first_token_p50: float | None


def healths(office: Office) -> list[ModelHealth]:
    """Every model that was asked since this process began."""
    now = time.monotonic()
    return [
        ModelHealth(
            model,
            seen.state(now),
            seen.failures,
            max(0.0, (seen.open_until or now) - now),
            seen.calls,
            seen.failed,
            seen.last_error,
            seen.last_error_at,
            median(seen.first_tokens) if seen.first_tokens else None,
        )
        for model, seen in sorted(office.health.items())
    ]


async def guarded(call: Call, following: Next) -> Events:
    """Refuse a model that is left alone, and note how each call on it ends. Raises CircuitOpen."""
    target, settings = call.asked_target, call.asked_target.settings
    health = call.office.health.get(target.model) or call.office.health.setdefault(target.model, Health())
    admitted = health.admits(time.monotonic())
    if admitted == "refused":
        raise _left_alone(call, health)
    verdict: CoachworkError | bool | None = None
    begun = False
    try:
        async with aclosing(following(call)) as events:
            async for event in events:
                if not begun and isinstance(event, TOKENS):
                    begun = True
                    health.first_tokens.append(time.monotonic() - call.asked_at)
                    verdict = True  # who leaves from here on leaves a model that answers
                elif isinstance(event, End):
                    verdict = True
                yield event
    except _UNWELL as error:
        verdict = None if error.details.get("not_the_model") else error
        raise
    except CoachworkError:  # refused, filtered, too long: it answered, though not as we wished
        verdict = None
        raise
    finally:
        if verdict is True:
            health.went_well()
        elif isinstance(verdict, CoachworkError):
            limit, pause = settings.breaker_failures, settings.breaker_seconds
            health.went_wrong(time.monotonic(), verdict.message, admitted, limit=limit, pause=pause)
        else:
            health.undecided(admitted)


def _left_alone(call: Call, health: Health) -> CircuitOpen:
    settings = call.asked_target.settings
    wait = max(0.0, (health.open_until or 0.0) - time.monotonic())
    when = f"asked again in {wait:.0f} s" if wait else "being asked by one other call to see whether it is well"
    return CircuitOpen(
        f"{call.model!r} failed {health.failures} times in a row and is {when}; last: {health.last_error}",
        model=call.model,
        hint=f"Name a second model in [routes.{call.route.name}], or change breaker_failures = "
        f'{settings.breaker_failures} in [models."{call.model}"].',
    )
