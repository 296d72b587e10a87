"""What a wire of this server is: how it reads a question and writes an answer or a trouble. Pure; opens nothing."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from coachwork.testing.provider.question import Answer, Question

CREATED = 1_767_225_600  # 2026-01-01T00:00:00Z: answers are the same on every day


@dataclass(frozen=True)
class Received:
    """A request as it came. `query` holds the last value of each name; `headers` have lower-case names."""

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(frozen=True)
class Frame:
    """An event of a stream, as it is written.

    `piece` carries a bit of the answer, `open` comes before one, `close` ends or counts the answer, `done`
    says nothing that was not said.
    """

    text: str
    kind: Literal["open", "piece", "close", "done"] = "open"


TroubleKind = Literal[
    "bad-request",
    "auth",
    "permission",
    "not-found",
    "timeout",
    "too-large",
    "rate-limit",
    "quota",
    "server",
    "unavailable",
    "overloaded",
    "too-long",
    "filtered",
]


@dataclass(frozen=True)
class Trouble:
    """What is wrong, to be said in a wire's own words. `status` is the HTTP status to give."""

    kind: TroubleKind
    status: int
    message: str


@dataclass(frozen=True)
class Wire:
    """One endpoint of a provider. `name` is what rules and logs call it; `family` is whose error bodies it has.

    `plain` gives the JSON of a whole answer, `events` those of a stream (None where it has no streams);
    `trouble` gives the status and the JSON of an error, `error_event` the same inside a stream.
    """

    name: str
    family: str
    read: Callable[[Received], Question]
    plain: Callable[[Question, Answer, Received], Any]
    events: Callable[[Question, Answer], Iterator[Frame]] | None
    trouble: Callable[[Trouble], tuple[int, Any]]
    error_event: Callable[[Trouble], Frame]
    plain_type: str = "application/json"


def compact(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def body_of(received: Received) -> dict[str, Any]:
    """The JSON object of a request. Raises ValueError where it is none."""
    value = json.loads(received.body or b"{}")
    if not isinstance(value, dict):
        raise ValueError(f"the body is {type(value).__name__}, not an object")
    return value


def text_of(content: Any) -> str:
    """All text in a message's content, however deep it lies."""
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        return " ".join(text for text in map(text_of, content) if text)
    if isinstance(content, Mapping):
        for name in ("text", "content", "output", "parts", "response", "result"):
            if name in content:
                value = content[name]
                return text_of(value) if isinstance(value, str | list) or "text" in value else compact(value)
    return ""
