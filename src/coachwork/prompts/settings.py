"""The front matter of a prompt file: what it may say, and how variants for certain models change it. Pure data."""

from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Discriminator, Field, Tag, field_validator, model_validator

from coachwork.messages import Frozen, JsonValue, Thinking
from coachwork.prompts.located import Located, read_model


class ExampleCase(Frozen):
    """A worked example: the function's arguments, the answer to them, and the thoughts before it."""

    input: dict[str, JsonValue]
    output: JsonValue
    reasoning: str = ""


class Chosen(Frozen):
    """Examples taken from cases: `k` that stand for all of them, or the `similar` ones nearest to each question.

    `from` is `cases` for those beside the prompt, or a file below `prompts/`. `by` is the route that
    makes the vectors of `similar`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", validate_by_name=True)

    source: str = Field("cases", alias="from", min_length=1)
    k: int | None = Field(None, ge=1, le=50)
    similar: int | None = Field(None, ge=1, le=50)
    by: str = "embed"

    @model_validator(mode="after")
    def one_way(self) -> "Chosen":
        if (self.k is None) == (self.similar is None):
            raise ValueError("say either `k` or `similar`")
        return self


def _kind_of_examples(value: Any) -> str:
    return "chosen" if isinstance(value, dict | Chosen) else "fixed"


Examples = Annotated[
    Annotated[list[ExampleCase], Tag("fixed")] | Annotated[Chosen, Tag("chosen")], Discriminator(_kind_of_examples)
]


class Tunable(Frozen):
    """What may differ from model to model.

    `output`: `auto` (by the return type), `text`, `json` (also for str), or `prompted`: the shape is only asked
    for in words, for a model that is worse under a schema. `reasoning`: thoughts before the answer from models
    that have no thinking of their own. `tools` are functions beside the prompt's.
    """

    temperature: float | None = Field(default=None, ge=0, le=2)
    top_p: float | None = Field(default=None, gt=0, le=1)
    seed: int | None = None
    stop: list[str] = []
    max_tokens: int | None = Field(default=None, gt=0)
    thinking: Thinking | None = None
    output: Literal["auto", "text", "json", "prompted"] = "auto"
    reasoning: bool = False
    tools: list[str] = []
    examples: Examples = []

    def changed_by(self, other: "Tunable") -> "Tunable":
        """These settings with those that `other` says."""
        return self.model_copy(update={name: getattr(other, name) for name in other.model_fields_set & _TUNABLE})


_TUNABLE = set(Tunable.model_fields)


class Settings(Tunable):
    """The front matter of a prompt file: this, and nothing else.

    `alternatives` are routes that follow where all models of `route` failed. `label` is what a reader sees
    while it works; with `show` they see the answer as well while it is written, its text or its values so far.
    A refused answer is asked again `reask` times, on `reask_route` where one is named. `seconds` and `max_cost`
    (US dollars) bound a whole call. `on` changes settings for models by pattern: of several that fit, the later
    wins.
    """

    about: str = ""
    route: str = "default"
    alternatives: list[str] = []
    label: str = ""
    seconds: float | None = Field(default=None, gt=0)
    max_cost: float | None = Field(default=None, ge=0)
    show: bool = False
    reask: int = Field(default=1, ge=0, le=3)
    reask_route: str = ""
    on: dict[str, Tunable] = {}

    @field_validator("on")
    @classmethod
    def are_patterns(cls, value: dict[str, Tunable]) -> dict[str, Tunable]:
        for pattern in value:
            if ":" not in pattern:
                raise ValueError(f'{pattern!r} is no pattern: write provider:name, as in "anthropic:*"')
        return value


class VariantSettings(Tunable):
    """The front matter of a variant file: `for` says which models get it, and the settings it changes for them."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_by_name=True)

    pattern: str = Field("", alias="for")

    @field_validator("pattern")
    @classmethod
    def is_pattern(cls, value: str) -> str:
        if value and ":" not in value:
            raise ValueError('write provider:name, as in "anthropic:claude-haiku-*"')
        return value


def fits(pattern: str, model: str) -> bool:
    """Whether `provider:name` matches a pattern: `*` stands for anything."""
    return fnmatchcase(model, pattern)


def read_settings(found: Located) -> Settings:
    """Raises ProjectError with file, line and fix."""
    return read_model(Settings, found, _fix)


def read_variant(found: Located) -> VariantSettings:
    """Raises ProjectError with file, line and fix."""
    return read_model(VariantSettings, found, _fix)


def _fix(place: Sequence[str | int]) -> str:
    """How the setting at a place is written; below `on`, that of the pattern's own."""
    key = place[2] if len(place) > 2 and place[0] == "on" else place[0] if place else ""
    return _FIXES.get(str(key), "")


_FIXES = {
    "output": "Use auto (by the return type), text, json or prompted.",
    "show": "Use true or false.",
    "reasoning": "Use true or false.",
    "reask": "Use 0 to 3: how often a refused answer is asked again.",
    "temperature": "Use a number from 0 to 2.",
    "top_p": "Use a number above 0, up to 1.",
    "seed": "Use a whole number.",
    "stop": 'Use a list of texts: stop: ["END"].',
    "max_tokens": "Use a whole number above 0.",
    "seconds": "Use a number above 0.",
    "max_cost": "Use US dollars: max_cost: 0.002",
    "thinking": "Use off, low, medium or high.",
    "tools": "Use a list of names of functions beside the prompt's: tools: [find_order].",
    "alternatives": "Use a list of routes: alternatives: [quick].",
    "examples": "Use a list of examples with `input:` (the function's arguments by name) and `output:`, "
    "or {from: cases, k: 4}, or {similar: 3}.",
    "label": 'Put quotes around text that starts with {{: label: "{{ticket.subject}}"',
    "on": 'Write for example: on: {"anthropic:*": {temperature: 0}}',
    "for": 'Write for example: for: "anthropic:claude-haiku-*"',
}
