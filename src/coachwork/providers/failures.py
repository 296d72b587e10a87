"""What a remote provider's failure means in our tree of errors. Knows pydantic-ai's categories; keeps keys out."""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import httpx2
from pydantic import ValidationError
from pydantic_ai import exceptions as theirs

from coachwork.errors import (
    ContentFiltered,
    ContextTooLong,
    ModelError,
    ModelTimeout,
    Overloaded,
    ProviderFault,
    RateLimited,
    Rejected,
    StreamCut,
    UnknownModel,
    Unreachable,
)

_LONGEST = 500
_TOO_LONG = ("context length", "context window", "maximum context", "max context", "prompt too long", "too many tokens")
_MODELS_FAULT = ("tool_use_failed", "json_validate_failed")  # Groq's 400 for what the model wrote, not for the request
_FILTERED = ("content_filter", "content_policy_violation", "safety")


@contextmanager
def translated(model: str, key: str, key_names: Sequence[str], spoken: Callable[[], bool]) -> Iterator[None]:
    """Raise our error in place of the provider's. `spoken()`: whether the answer had begun."""
    try:
        yield
    except theirs.ModelAPIError as error:
        raise _api_error(model, error, key, key_names, spoken()) from None  # their traceback may quote headers
    except theirs.ContentFilterError as error:
        raise ContentFiltered(
            f"The provider of {model!r} withheld its answer: {_tidy(error, key)}", model=model
        ) from None
    except theirs.UserError as error:
        raise _not_for_it(model, error, key) from None
    except (theirs.AgentRunError, ValidationError, json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ProviderFault(
            f"{model!r} sent something that is not its wire: {_tidy(error, key)}", model=model
        ) from None
    except (ArithmeticError, AssertionError, AttributeError, LookupError, TypeError, ValueError) as error:
        if _raised_by(error) == "coachwork":  # a bug, and shown as one
            raise
        raise ProviderFault(
            f"{model!r} sent something that is not its wire ({type(error).__name__}: {_tidy(error, key)})", model=model
        ) from None
    except httpx2.TransportError as error:
        raise _lost(model, error, key, spoken()) from None
    except RuntimeError as error:  # the model layer's word for media that a wire has no place for
        if _raised_by(error) != "pydantic_ai":
            raise
        raise _not_for_it(model, error, key) from None


def _api_error(model: str, error: theirs.ModelAPIError, key: str, key_names: Sequence[str], spoken: bool) -> ModelError:
    status = getattr(error, "status_code", None)
    said = _said(error, key)
    details: dict[str, Any] = {"status": status}
    match error:
        case theirs.ModelContextWindowExceededError():
            return ContextTooLong(f"{model!r}: {said}", model=model, hint="Send less text.", details=details)
        case theirs.ModelQuotaExceededError():
            limited = RateLimited(
                f"The account of {model!r} is used up: {said}", model=model, hint="Check its billing."
            )
            limited.details |= {"status": status, "lasting": True}
            return limited
        case theirs.ModelRateLimitError():
            wait = "" if error.retry_after is None else f" It asks to wait {error.retry_after:g} s."
            limited = RateLimited(
                f"{model!r} is rate limited: {said}{wait}", model=model, retry_after=error.retry_after
            )
            limited.details["status"] = status
            return limited
        case theirs.ModelUnavailableError():
            return Overloaded(f"{model!r} is overloaded: {said}", model=model, details=details)
        case theirs.ModelServerError():
            return ProviderFault(f"{model!r} failed: {said}", model=model, details=details)
        case theirs.ModelTimeoutError() | theirs.ModelRequestTimeout():
            return ModelTimeout(f"{model!r} did not answer in time: {said}", model=model)
        case theirs.ModelConnectionError():
            return _lost(model, error, key, spoken)
        case theirs.ModelAuthenticationError():
            hint = f"Check {' or '.join(key_names)}." if key_names else "The server wants a key: set key_env for it."
            return Rejected(f"{model!r} refused the API key: {said}", model=model, hint=hint, details={"status": 401})
        case theirs.ModelNotFoundError():
            near = getattr(error, "suggested_model_id", None)
            hint = f"Did you mean {near!r}?" if near else "Is the name right, and may your account use it?"
            return UnknownModel(f"There is no model {model!r}: {said}", model=model, hint=hint, details=details)
        case theirs.ModelRequestRejectedError() if any(words in said.lower() for words in _TOO_LONG):
            return ContextTooLong(f"{model!r}: {said}", model=model, hint="Send less text.", details=details)
        case theirs.ModelRequestRejectedError() if "model_not_found" in str(error.provider_error_code):
            return UnknownModel(f"There is no model {model!r}: {said}", model=model, details=details)
        case theirs.ModelRequestRejectedError() if error.provider_error_code in _MODELS_FAULT:
            return ProviderFault(f"{model!r} failed: {said}", model=model, details=details)
        case theirs.ModelRequestRejectedError() if _is_filter(error):
            return ContentFiltered(
                f"The provider of {model!r} would not take this: {said}", model=model, details=details
            )
    if status == 408:
        return ModelTimeout(f"{model!r} did not answer in time: {said}", model=model)
    if status == 413:
        return ContextTooLong(f"{model!r}: {said}", model=model, hint="Send less.", details=details)
    if status is not None and 400 <= status < 500:
        return Rejected(f"{model!r} refused the request: {said}", model=model, details=details)
    return ProviderFault(f"{model!r} failed: {said}", model=model, details=details)


def _lost(model: str, error: Exception, key: str, spoken: bool) -> ModelError:
    if spoken:
        return StreamCut(f"The connection to {model!r} was lost in the middle of its answer.", model=model)
    return Unreachable(
        f"No connection to {model!r}: {_tidy(error, key)}",
        model=model,
        hint="Is the network there, and the base_url right?",
    )


def _not_for_it(model: str, error: Exception, key: str) -> Rejected:
    return Rejected(f"{model!r} can't take this request: {_tidy(error, key)}", model=model, details={"status": 400})


def _raised_by(error: Exception) -> str:
    """The package whose line raised it. The SDKs stumble over answers they don't know; our own lines must not."""
    place = error.__traceback__
    while place is not None and place.tb_next is not None:
        place = place.tb_next
    return "coachwork" if place is None else str(place.tb_frame.f_globals.get("__name__")).partition(".")[0]


def _is_filter(error: theirs.ModelAPIError) -> bool:
    named = f"{error.provider_error_code} {error.provider_error_type}".lower()
    return any(word in named for word in _FILTERED) or "content filtering policy" in _sentence(error.body).lower()


def _said(error: theirs.ModelAPIError, key: str) -> str:
    """The provider's own sentence, from whatever shape its error body has."""
    return _tidy(_sentence(error.body) or error, key)


def _sentence(body: object) -> str:
    if isinstance(body, dict):
        for name in ("message", "error", "detail"):
            if found := _sentence(body.get(name)):
                return found
    if isinstance(body, list) and body:
        return _sentence(body[0])
    return body.strip() if isinstance(body, str) else ""


def _tidy(text: object, key: str) -> str:
    """One line without the key, of bearable length: a body can be a whole HTML page."""
    line = " ".join(str(text).split())
    if len(key) >= 4:
        line = line.replace(key, "•••")
    return line if len(line) <= _LONGEST else line[:_LONGEST] + " …"
