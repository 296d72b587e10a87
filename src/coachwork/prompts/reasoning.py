"""Thoughts before the answer, from models that have no thinking of their own, and kept apart from it. Pure.

In structured output they are a first field; in text they stand between two tags. The answer never holds them.
"""

from typing import Any

from pydantic import BaseModel, Field, create_model

from coachwork.errors import OutputRefused
from coachwork.prompts.shape import Shape

OPEN, CLOSE = "<reasoning>", "</reasoning>"
FIELD, ANSWER = "reasoning", "answer"
IN_TEXT = f"First think step by step between {OPEN} and {CLOSE}. After it write the answer, and nothing else."
_ABOUT = "Think step by step here, before the answer"


def reasoned(returns: Any, name: str) -> Shape:
    """The shape of thoughts and an answer of type `returns`."""
    thoughts: Any = (str, Field(description=_ABOUT))
    made: type[BaseModel] = create_model(f"{name}_reasoned", **{FIELD: thoughts, ANSWER: (returns, ...)})
    return Shape.of(made)


def taken_apart(value: Any) -> tuple[Any, str]:
    """The answer, and the thoughts before it."""
    return getattr(value, ANSWER), str(getattr(value, FIELD))


def answer_so_far(value: Any) -> Any:
    """What there is of the answer in what there is of both; None before it begins."""
    if isinstance(value, str):
        return Veil().shown(value) or None
    return value.get(ANSWER) if isinstance(value, dict) and FIELD in value else value


def text_apart(text: str) -> tuple[str, str]:
    """The answer and the thoughts of a text. Raises OutputRefused where the thoughts have no end."""
    before, opened, rest = text.partition(OPEN)
    if not opened or before.strip():
        return text, ""  # it did not think, or the tag is a part of its answer
    thoughts, closed, answer = rest.partition(CLOSE)
    if not closed:
        raise OutputRefused(
            "the answer can't be told from the thoughts before it",
            raw=text,
            reasons=[f"{OPEN} has no {CLOSE} after it"],
            hint="Raise max_tokens, or remove `reasoning` from the prompt.",
        )
    return answer.strip(), thoughts.strip()


class Veil:
    """Lets the text of an answer through as it streams, and holds back the thoughts before it."""

    def __init__(self) -> None:
        self._held: str | None = ""  # None once the answer has begun

    def shown(self, delta: str) -> str:
        """What of the text so far may be shown now and was not yet."""
        if self._held is None:
            return delta
        self._held += delta
        begun = self._held.lstrip()
        if OPEN.startswith(begun[: len(OPEN)]) and CLOSE not in begun:
            return ""
        text = begun.partition(CLOSE)[2].lstrip() if begun.startswith(OPEN) else self._held
        if text or not begun.startswith(OPEN):
            self._held = None
        return text
