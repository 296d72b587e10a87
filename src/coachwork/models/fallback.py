"""What to do after a model failed: ask it again, ask the next one, or give up. Pure: no clock, no waiting."""

from dataclasses import dataclass
from typing import TypeAlias

from coachwork.errors import (
    BudgetExceeded,
    CircuitOpen,
    CoachworkError,
    ContentFiltered,
    ContextTooLong,
    MissingKey,
    ModelTimeout,
    ModelUnavailable,
    NotInstalled,
    Overloaded,
    ProviderFault,
    RateLimited,
    Rejected,
    StreamCut,
    UnknownModel,
    UnknownPrice,
    Unreachable,
)

_PASSING = (RateLimited, Overloaded, ProviderFault, Unreachable, StreamCut)  # the same question may work in a moment
_THIS_MODEL = (
    *(ModelTimeout, ContextTooLong, ContentFiltered, ModelUnavailable, UnknownModel, MissingKey, NotInstalled),
    *(CircuitOpen, BudgetExceeded, UnknownPrice),  # refused here, before it was sent: another may be well, or cheaper
)
_NOT_THE_REQUEST = {401, 402, 403, 404}  # refused because of the account or the name: another provider may answer
_FIRST_WAIT, _LONGEST_WAIT = 0.5, 8.0
_WAIT_RATHER_THAN_MOVE = 2.0  # a provider that names a longer wait is left for the next model


@dataclass(frozen=True)
class Again:
    """Ask the same model after `seconds`."""

    seconds: float


@dataclass(frozen=True)
class NextModel:
    pass


@dataclass(frozen=True)
class GiveUp:
    pass


Move: TypeAlias = Again | NextModel | GiveUp


def after(
    error: CoachworkError,
    *,
    tries: int,
    retries: int,
    more_models: bool,
    seconds_left: float,
    spoken: bool,
    luck: float,
) -> Move:
    """The next move. `tries` were made on this model, `spoken`: text was shown, `luck` in [0, 1) spreads the waits.

    A wait is what the provider asked for and a little more, else anywhere from nothing to a bound that doubles:
    "full jitter", https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
    """
    if seconds_left <= 0:
        return GiveUp()
    onward: Move = NextModel() if more_models else GiveUp()
    if spoken:  # what was shown is withdrawn once at most for each model
        return onward if isinstance(error, _PASSING + _THIS_MODEL) else GiveUp()
    if isinstance(error, _PASSING) and tries <= retries and not error.details.get("lasting"):
        wait = _wait(error, tries, luck)
        if wait < seconds_left and not (more_models and wait > _WAIT_RATHER_THAN_MOVE):
            return Again(wait)
    if isinstance(error, _PASSING + _THIS_MODEL):
        return onward
    if isinstance(error, Rejected) and error.details.get("status") in _NOT_THE_REQUEST:
        return onward
    return GiveUp()


def _wait(error: CoachworkError, tries: int, luck: float) -> float:
    """Seconds to wait before the next try."""
    asked = error.details.get("retry_after")
    if asked is not None:
        return float(asked) * (1 + 0.1 * luck) if asked < 10 else float(asked) + luck
    return luck * min(_LONGEST_WAIT, _FIRST_WAIT * 2.0 ** (tries - 1))
