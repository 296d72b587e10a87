"""The ways a person would read a value that is not of the asked type. Knows types and habits; decides nothing.

Each function offers readings; `coerce` keeps one only if no other fits too. What is read in two ways
by different people (`1,5`, `50%`, `3/4/2026`, `a, b` as a list) is offered as none.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from coachwork.prompts.quoted import Unreadable
from coachwork.prompts.repair import Bare, read_strict

_NUMBER = re.compile(r"[+-]?(?:\d+(?:\.\d+)?|\.\d+)(?:[eE][+-]?\d{1,3})?")
_GROUPED = re.compile(r"[+-]?\d{1,3}(?:,\d{3})+(\.\d+)?")
_SPACED = re.compile(r"[+-]?\d{1,3}([ \u00a0\u2009\u202f'’_])\d{3}(?:\1\d{3})*(?:\.\d+)?")  # never a decimal point
_MONEY = re.compile(r"\A(?:[$€£¥₹]|USD|EUR|GBP|CHF|JPY|US\$)\s?(?=[\d+.-])|(?<=\d)\s?(?:[€£$]|USD|EUR|GBP|CHF|JPY)\Z")
_SIGNED_MONEY = re.compile(r"\A([+-])\s?(US\$|[$€£¥₹])(?=\d)")
_SEVERAL = re.compile(
    r"[,;|\n\t]|\A\s*[-*•\[{]|\s(?:and|or|&)\s|\d\s\d|#\w+\s+#|\A\s*\d+[.)]\s"
)  # may be a list in words
_TRUE = {"true", "yes", "y", "on", "1"}
_FALSE = {"false", "no", "n", "off", "0"}
_NOTHING = {"null", "none", "nil", "undefined", ""}
_NOT_WRAPPERS = {
    "error", "errors", "example", "examples", "schema", "draft", "invalid", "wrong",
    "previous", "old", "input", "expected", "not", "default",
}  # fmt: skip
_TOOL_WORDS = {"name", "type", "id", "function", "tool", "tool_name", "index"}
_TOOL_BODIES = ("arguments", "parameters", "args")
_UNQUOTED_TEXT = re.compile(r"[^\W_][^\W_-]*(?:[ -][^\W_]+){0,4}|[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_PLACEHOLDERS = {
    "string", "str", "text", "value", "int", "integer", "number", "float", "bool", "boolean", "date",
    "any", "object", "array", "list", "dict", "optional", "unknown", "tbd", "todo", "void", "error",
}  # fmt: skip
_SCHEMA_WORDS = {"type", "title", "required", "description", "additionalProperties", "$defs", "$schema", "properties"}
_DATES = (
    "%Y/%m/%d",
    "%Y.%m.%d",
    "%B %d, %Y",
    "%b %d, %Y",
    "%d %B %Y",
    "%d %b %Y",
    "%B %d %Y",
    "%b. %d, %Y",
    "%A, %B %d, %Y",
)


@dataclass(frozen=True)
class Reading:
    """Another value to try. `wraps`: the value was put into a container. `whole`: nothing of it may be left out."""

    value: Any
    wraps: bool = False
    whole: bool = False
    open_of: int | None = None


def names_types(value: Any) -> bool:
    """Whether a value only says what belongs where, as `{"name": string, "age": int}` does."""
    if isinstance(value, dict):
        return bool(value) and all(names_types(item) for item in value.values())
    if isinstance(value, list):
        return bool(value) and all(names_types(item) for item in value)
    return isinstance(value, Bare) and value.casefold() in _PLACEHOLDERS


def key(name: str) -> str:
    """A name without case, spaces, `_` and `-`: what must agree for two names to be the same."""
    return re.sub(r"[\s_\-]", "", name).casefold()


def of(value: Any, schema: Mapping[str, Any], *, root: bool) -> Iterator[Reading]:
    """Every other reading of `value` for `schema` (resolved, without a union at its top)."""
    if isinstance(value, list) and len(value) == 1 and schema.get("type") != "array":
        yield Reading(value[0], whole=True)
    if "enum" in schema or "const" in schema:
        yield from _members(value, schema)
        return
    kind = schema.get("type") or ("object" if "properties" in schema else "array" if "items" in schema else "")
    if kind == "object":
        yield from _objects(value, schema, root)
    elif kind == "array":
        yield from _arrays(value)
    elif kind == "string":
        yield from _texts(value, schema)
    elif kind in ("number", "integer") and isinstance(value, str):
        yield from _numbers(value, kind)
    elif kind == "boolean" and isinstance(value, str) and (word := _trimmed(value).casefold()) in _TRUE | _FALSE:
        yield Reading(word in _TRUE)
    elif kind == "boolean" and isinstance(value, int) and value in (0, 1):
        yield Reading(value == 1)
    elif kind == "null" and isinstance(value, str) and value.strip().casefold() in _NOTHING:
        yield Reading(None)


def _trimmed(text: str) -> str:
    return text.strip().strip("*`\"'“”").strip().rstrip(".").strip()


def _members(value: Any, schema: Mapping[str, Any]) -> Iterator[Reading]:
    """Members of an enum that differ from the value in letters' case, spacing or decoration only."""
    members = [schema["const"]] if "const" in schema else list(schema["enum"])
    if isinstance(value, str):
        text = _trimmed(value)
        if prefixed := re.fullmatch(r"<?([A-Za-z_]\w*)\.(\w+)(?::.*>)?", text):  # Priority.HIGH, as Python prints it
            text = prefixed[2] if key(prefixed[1]) == key(str(schema.get("title", ""))) else text
        wanted = _letters(text)
        texts = [member for member in members if isinstance(member, str) and _letters(member) == wanted]
        if wanted and len(texts) == 1:
            yield Reading(texts[0])
        for member in members:
            if isinstance(member, bool):
                if text.casefold() in (_TRUE if member else _FALSE):
                    yield Reading(member)
            elif isinstance(member, int | float) and _NUMBER.fullmatch(text) and Decimal(text) == Decimal(str(member)):
                yield Reading(member)
    elif isinstance(value, int | Decimal) and not isinstance(value, bool):
        yield from (Reading(member) for member in members if member == str(value))


def _letters(text: str) -> str:
    """`TECHNICAL_SUPPORT`, `Technical Support` and `technicalSupport` are one; `C` and `C++`, `1` and `-1` are not."""
    return re.sub(r"(?<=\w)[\s\-](?=\w)|_", "", text.strip()).casefold()


def _objects(value: Any, schema: Mapping[str, Any], root: bool) -> Iterator[Reading]:
    if isinstance(value, str):
        yield from _decoded(value, dict)
    if isinstance(value, dict):
        if len(value) == 1:
            name, inner = next(iter(value.items()))
            named = name in schema.get("properties", {})
            if not named and key(name) not in _NOT_WRAPPERS and isinstance(inner, dict | list | str):
                yield Reading(inner, open_of=id(value))
        bodies = [name for name in _TOOL_BODIES if name in value]
        if len(bodies) == 1 and value.keys() - set(bodies) and value.keys() - set(bodies) <= _TOOL_WORDS:
            yield Reading(value[bodies[0]], open_of=id(value))
        if isinstance(value.get("function"), dict) and value.keys() <= _TOOL_WORDS:
            yield Reading(value["function"], open_of=id(value))
        if "properties" in value and value.keys() <= _SCHEMA_WORDS and len(value) > 1:
            yield Reading(value["properties"], open_of=id(value), whole=True)
    if root and isinstance(value, dict | list) and value:
        properties = schema.get("properties", {})
        required = schema.get("required", [])
        if (
            len(properties) == 1
            and list(properties) == list(required)
            and not (isinstance(value, dict) and required[0] in value)
        ):
            yield Reading({required[0]: value}, wraps=True, whole=True, open_of=id(value))


def _arrays(value: Any) -> Iterator[Reading]:
    if isinstance(value, str):
        yield from _decoded(value, list)
        if value.strip() and not isinstance(value, Bare) and not _SEVERAL.search(value):
            yield Reading([value], wraps=True, whole=True)
    elif isinstance(value, dict):
        if len(value) == 1:
            name, inner = next(iter(value.items()))
            if isinstance(inner, list) and key(name) not in _NOT_WRAPPERS:
                yield Reading(inner, open_of=id(value))
        yield Reading([value], wraps=True, whole=True)
    elif value is not None and not isinstance(value, list):
        yield Reading([value], wraps=True, whole=True)


def _decoded(text: str, kind: type) -> Iterator[Reading]:
    """JSON that was put into a string once more."""
    body = text.strip()
    try:
        read = read_strict(body)
    except Unreadable:
        return
    if read.end == len(body) and isinstance(read.value, kind):
        yield Reading(read.value)


def _texts(value: Any, schema: Mapping[str, Any]) -> Iterator[Reading]:
    if isinstance(value, Bare) and _UNQUOTED_TEXT.fullmatch(value) and value.casefold() not in _PLACEHOLDERS:
        yield Reading(str(value))
    if isinstance(value, int) and not isinstance(value, bool) and "format" not in schema:
        yield Reading(str(value))
    if isinstance(value, Decimal) and "format" not in schema and "e" not in str(value).lower():
        yield Reading(str(value))
    if isinstance(value, str) and schema.get("format") == "date":
        if midnight := re.fullmatch(r"(\d{4}-\d\d-\d\d)[T ]00:00(?::00(?:\.0+)?)?(?:Z|[+-]00:00)?", value.strip()):
            yield Reading(midnight[1])
        for form in _DATES:
            try:
                yield Reading(datetime.strptime(_trimmed(value), form).date().isoformat())
            except ValueError:
                continue
    if isinstance(value, str) and value != value.strip() and "format" in schema:
        yield Reading(value.strip())


def _numbers(value: str, kind: str) -> Iterator[Reading]:
    """A number in quotes. A comma is read only where it can't be a decimal point: before whole groups of three."""
    text = _SIGNED_MONEY.sub(r"\2\1", _trimmed(value).replace("−", "-"))
    text = _MONEY.sub("", text, count=1)
    if kind == "integer" and re.fullmatch(r"[+-]?\d{1,3}(?:\.\d{3})+", text):
        return  # 1.000 is one to some and a thousand to others
    if _NUMBER.fullmatch(text):
        yield Reading(json.loads(text, parse_int=int, parse_float=Decimal) if _is_json(text) else _plain(text))
        return
    if _SPACED.fullmatch(text):
        yield Reading(_plain(re.sub(r"[^\d.+-]", "", text)))
    grouped = _GROUPED.fullmatch(text)
    if grouped and (kind == "integer" or grouped[1] or text.count(",") > 1):
        yield Reading(_plain(text.replace(",", "")))


def _is_json(text: str) -> bool:
    return re.fullmatch(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?", text) is not None


def _plain(text: str) -> int | Decimal:
    number = Decimal(text)
    return int(number) if "." not in text and "e" not in text.lower() else number
