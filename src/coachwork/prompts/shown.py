"""How a value looks in a prompt, and which names a template may use of it. Knows types and text; no templates.

Every value becomes plain data whose text is made for a reader: passages numbered for citing, a
conversation by turns, a model by its fields. Pictures, PDFs and sounds leave a mark where they stand.
"""

import dataclasses
import re
import secrets
import types
import typing
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, datetime, time
from decimal import Decimal
from enum import Enum
from functools import cached_property
from typing import Any

from pydantic import BaseModel

from coachwork.messages import Conversation, Media, MediaPart, Part, Passage, TextPart

Names = dict[str, Any]  # a JSON schema of what a template may name


class Shelf:
    """The media of one rendering. Each leaves a mark in the text that nobody can foresee, so no text can forge one."""

    def __init__(self) -> None:
        self._nonce = secrets.token_hex(8)
        self._media: list[Media] = []

    @cached_property
    def _mark(self) -> re.Pattern[str]:
        return re.compile(f"\x00{self._nonce}:(\\d+)\x00")

    def mark(self, media: Media) -> str:
        self._media.append(media)
        return f"\x00{self._nonce}:{len(self._media) - 1}\x00"

    def parts(self, text: str) -> tuple[Part, ...]:
        """The text with its media where their marks stand."""
        if not self._media:
            return (TextPart(text),) if text else ()
        made: list[Part] = []
        for index, piece in enumerate(self._mark.split(text)):
            if index % 2:
                media = self._media[int(piece)]
                made.append(MediaPart(media.data, media.media_type))
            elif piece.strip():
                made.append(TextPart(piece.strip()))
        return tuple(made)

    def without(self, text: str) -> tuple[str, tuple[Part, ...]]:
        """The text with words in place of its media, and these: for messages that hold text alone."""
        if not self._media:
            return text, ()
        found = tuple(part for part in self.parts(text) if isinstance(part, MediaPart))
        return self._mark.sub(lambda mark: f"[{self._media[int(mark[1])].what}, attached]", text), found


class Fields(dict[str, Any]):
    """An object: its fields, one a line, where a template shows it whole. Its properties are asked for only by name."""

    source: Any = None
    properties: Collection[str] = ()
    shelf: Shelf | None = None

    def get(self, name: str, default: Any = None) -> Any:
        if name not in self and name in self.properties:
            return shown(getattr(self.source, name), self.shelf)
        return super().get(name, default)

    def __str__(self) -> str:
        return "\n".join(_entry(f"{name}:", value) for name, value in self.items())


class Items(list[Any]):
    """A list: one item a line, where a template shows it whole."""

    def __str__(self) -> str:
        return "\n".join(_entry("-", value) for value in self)


class Passages(Items):
    """Passages by number, as an answer cites them: `[1]` is the first."""

    def __str__(self) -> str:
        return "\n\n".join(f"[{number}] {each.heading}\n{each['text']}" for number, each in enumerate(self, 1))


class Found(Fields):
    """One passage: where it stands, then its text."""

    heading = ""

    def __str__(self) -> str:
        return f"{self.heading}\n{self['text']}"


class Turns(Fields):
    """A conversation by turns. Further lines of a turn are indented, so that none can look like another turn."""

    def __str__(self) -> str:
        names = {"user": "Person", "assistant": "Assistant"}
        return "\n".join(
            f"{names[turn['role']]}: " + "\n  ".join(turn["content"].splitlines()) for turn in self["messages"]
        )


def _entry(lead: str, value: Any) -> str:
    text = _text(value)
    if isinstance(value, dict | list) and lead != "-" and text:
        return f"{lead}\n" + "\n".join(f"  {line}" for line in text.splitlines())
    return f"{lead} " + "\n  ".join(text.splitlines())


def _text(value: Any) -> str:
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


def shown(value: Any, shelf: Shelf | None = None) -> Any:
    """`value` as plain data a template can walk: str, int, float, bool, None, and the classes above.

    Media go on the `shelf`; without one they are told in words.
    """
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, Enum):
        return shown(value.value, shelf)
    if isinstance(value, str):
        return str(value)
    if isinstance(value, Media):
        return shelf.mark(value) if shelf is not None else f"[{value.what}]"
    if isinstance(value, Passage):
        return _passage(value)
    if isinstance(value, BaseModel):
        made = Turns() if isinstance(value, Conversation) else Fields()
        made.update({name: shown(getattr(value, name), shelf) for name in type(value).model_fields})
        made.source, made.properties = value, _public(type(value)).keys() - type(value).model_fields.keys()
        made.shelf = shelf
        return made
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return Fields({each.name: shown(getattr(value, each.name), shelf) for each in dataclasses.fields(value)})
    if isinstance(value, Mapping):
        return Fields({str(name): shown(item, shelf) for name, item in value.items()})
    if isinstance(value, Iterable) and not isinstance(value, bytes):
        items = [shown(item, shelf) for item in value]
        return Passages(items) if items and all(isinstance(item, Found) for item in items) else Items(items)
    return value.isoformat() if isinstance(value, datetime | date | time) else str(value)


def _passage(passage: Passage) -> Found:
    made = Found({name: shown(getattr(passage, name)) for name in Passage.model_fields})
    path = passage.title_path[1:] if passage.title_path[:1] == [passage.title] else passage.title_path
    page = f" (p. {passage.page})" if passage.page is not None else ""
    made.heading = " › ".join([passage.title, *path]) + page
    return made


def _public(model: type[BaseModel]) -> dict[str, Any]:
    """Names of a model that a template may use, with their types: fields, computed fields and properties."""
    found: dict[str, Any] = {name: each.annotation for name, each in model.model_fields.items()}
    for base in reversed(model.__mro__):
        if base is not BaseModel and issubclass(base, BaseModel):
            for name, each in vars(base).items():
                if isinstance(each, property) and not name.startswith("_") and not hasattr(BaseModel, name):
                    found[name] = typing.get_type_hints(each.fget).get("return", Any) if each.fget else Any
    for name, computed in model.model_computed_fields.items():
        found[name] = computed.return_type
    return found


# ── names ──────────────────────────────────────────────────────────────────────────────────────


def names_of(parameters: Mapping[str, Any]) -> Names:
    """What a template of a function with these parameters may name, as a JSON schema."""
    definitions: dict[str, Names] = {}
    properties = {name: _names(kind, definitions) for name, kind in parameters.items()}
    return {"type": "object", "properties": properties, "required": list(properties), "$defs": definitions}


def _names(kind: Any, definitions: dict[str, Names]) -> Names:
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is typing.Annotated:
        return _names(arguments[0], definitions)
    if origin in (typing.Union, types.UnionType):
        branches = [_names(each, definitions) for each in arguments if each is not type(None)]
        return branches[0] if len(branches) == 1 else {"anyOf": branches}
    if origin is typing.Literal or kind in (str, int, float, bool, bytes, Decimal, datetime, date, time):
        return {"type": "string"}
    if isinstance(kind, type) and issubclass(kind, Enum | Media):
        return {"type": "string"}
    members = _members(kind)
    if members is not None:
        name = f"{kind.__module__}.{kind.__qualname__}".replace("/", "_")
        if name not in definitions:
            definitions[name] = {}
            properties = {field: _names(each, definitions) for field, each in members.items()}
            definitions[name] = {"type": "object", "properties": properties, "required": list(properties)}
        return {"$ref": f"#/$defs/{name}"}
    container = origin or kind
    if isinstance(container, type) and issubclass(container, Mapping):
        return {
            "type": "object",
            "additionalProperties": _names(arguments[1], definitions) if len(arguments) == 2 else True,
        }
    if isinstance(container, type) and issubclass(container, Sequence | set | frozenset):
        return {"type": "array", "items": _names(arguments[0], definitions) if arguments else {}}
    return {}


def _members(kind: Any) -> dict[str, Any] | None:
    """The named parts of a class with their types; None for a type that has none of its own."""
    if not isinstance(kind, type):
        return None
    if issubclass(kind, BaseModel):
        return _public(kind)
    if dataclasses.is_dataclass(kind) or typing.is_typeddict(kind):
        return typing.get_type_hints(kind)
    return None


def all_names(names: Names) -> list[str]:
    """Every name that occurs anywhere below, for suggestions."""
    found = dict.fromkeys(names.get("properties", {}))
    for each in names.get("$defs", {}).values():
        found |= dict.fromkeys(each.get("properties", {}))
    return list(found)
