"""What there is of an answer while it is still being written: for display, never for use.

Knows how to close what is open; validates nothing. What this gives is not of the asked type: a text may
be half a text, a number half a number, a list short. The whole answer goes through `output.read_output`.
"""

from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from pydantic_core import from_json

from coachwork.messages import JsonValue
from coachwork.prompts import unwrap
from coachwork.prompts.shape import WRAPPER, Shape

R = TypeVar("R")


@dataclass(frozen=True)
class Partial:
    """The answer so far, as JSON; None where nothing has come, or what had come is void. Never a result."""

    value: JsonValue


@dataclass(frozen=True)
class Whole(Generic[R]):
    """The answer as its type: the last thing a stream gives."""

    value: R


def so_far(text: str, shape: Shape | None) -> JsonValue:
    """What can be seen of the value in the beginning of an answer; None where there is nothing yet."""
    if shape is None:
        return text or None
    body = unwrap.without_thinking(text)
    begins = [at for at in (body.find("{"), body.find("[")) if at >= 0]
    if not begins:
        return None
    try:
        value: Any = from_json(body[min(begins) :], allow_partial="trailing-strings")
    except ValueError:
        return None
    if shape.wrapped and isinstance(value, dict):
        return value.get(WRAPPER)
    return value if value != {} else None
