"""What an adapter is given and what it gives back: plain data that can cross a process. Knows no framework."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Answer:
    """What a person said to a question. `status` is accepted, edited, rejected or expired; `value` the edited one."""

    id: str
    status: str
    value: Any = None
    comment: str = ""

    @property
    def yes(self) -> bool:
        return self.status in ("accepted", "edited")


@dataclass(frozen=True)
class Question:
    """What a person is asked before it goes on."""

    id: str
    title: str
    value: Any


@dataclass(frozen=True)
class Task:
    """One stretch of a run. `given` is the input as JSON; `state` and `answers` continue after questions.

    `options` are passed to the framework's own call; they are there in process only.
    """

    run_id: str
    given: Any
    state: Any = None
    answers: tuple[Answer, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def turns(self) -> list[dict[str, str]]:
        """The input as turns of a conversation: its own, or one of the user with all that was given."""
        if isinstance(self.given, dict) and isinstance(self.given.get("messages"), list):
            return [{"role": turn["role"], "content": turn["content"]} for turn in self.given["messages"]]
        return [{"role": "user", "content": self.text}]

    @property
    def text(self) -> str:
        """The input as one text: its only field, else its JSON."""
        given = self.given
        if isinstance(given, dict) and len(given) == 1:
            given = next(iter(given.values()))
        return given if isinstance(given, str) else json.dumps(given, ensure_ascii=False)


@dataclass(frozen=True)
class Outcome:
    """The end of a stretch: a value, or questions with the state from which to go on."""

    value: Any = None
    questions: tuple[Question, ...] = ()
    state: Any = None


def plain(value: Any) -> Any:
    """A value of any framework as JSON. What can't be is told by its text."""
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, Mapping):
        return {str(key): plain(part) for key, part in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(part) for part in value]
    for name in ("model_dump", "to_dict", "toDict"):
        method = getattr(value, name, None)
        if callable(method) and not isinstance(value, type):
            return plain(method())
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {part.name: plain(getattr(value, part.name)) for part in dataclasses.fields(value)}
    return str(value)


def size(value: Any) -> int:
    """Bytes of a value as JSON: no fewer than the tokens it can be."""
    return len(json.dumps(plain(value), ensure_ascii=False).encode("utf-8", "surrogatepass"))
