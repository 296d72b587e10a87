"""The limits a JSON Schema puts on a value of the right type: lengths, bounds, patterns, formats. Knows no repair."""

import re
from collections.abc import Callable, Mapping
from datetime import date, datetime, time
from decimal import Decimal
from fractions import Fraction
from typing import Any
from uuid import UUID

from coachwork.prompts.formats import ASSERTED
from coachwork.prompts.repair import same


def broken_limit(value: Any, schema: Mapping[str, Any]) -> list[str]:
    """What the schema's limits have against a value of the right type."""
    if isinstance(value, str):
        return _text(value, schema)
    if isinstance(value, int | Decimal) and not isinstance(value, bool):
        return _number(value, schema)
    if isinstance(value, list):
        return _list(value, schema)
    if isinstance(value, dict):
        return _bounds(len(value), schema, "minProperties", "maxProperties", "fields")
    return []


def _bounds(size: int, schema: Mapping[str, Any], low: str, high: str, what: str) -> list[str]:
    if low in schema and size < schema[low]:
        return [f"has {size} {what}, should have at least {schema[low]}"]
    if high in schema and size > schema[high]:
        return [f"has {size} {what}, should have at most {schema[high]}"]
    return []


def _text(value: str, schema: Mapping[str, Any]) -> list[str]:
    found = _bounds(len(value), schema, "minLength", "maxLength", "characters")
    pattern = schema.get("pattern")
    if pattern is not None and _compiled(pattern) is not None and not re.search(pattern, value):
        found.append(f"{value[:60]!r} does not match the pattern {pattern!r}")
    name = schema.get("format", "")
    check, by_letter = _FORMATS.get(name), ASSERTED.get(name)
    if check is not None and not (by_letter is not None and by_letter(value)):
        try:
            check(value)
        except ValueError:
            found.append(f"{value[:60]!r} is not a {schema['format']} ({_SHAPES[schema['format']]})")
    return found


def _compiled(pattern: str) -> re.Pattern[str] | None:
    try:
        return re.compile(pattern)
    except re.error:
        return None  # another dialect: left to the type's own validation


def _number(value: int | Decimal, schema: Mapping[str, Any]) -> list[str]:
    if isinstance(value, Decimal) and (not value.is_finite() or abs(value.adjusted()) > 308):
        return [f"{value} is out of range"]
    found = []
    for name, holds, words in _BOUNDS:
        if name in schema and not holds(value, Decimal(str(schema[name]))):
            found.append(f"{value} should be {words} {schema[name]}")
    if schema.get("multipleOf") and Fraction(value) % Fraction(str(schema["multipleOf"])) != 0:
        found.append(f"{value} should be a multiple of {schema['multipleOf']}")
    return found


_BOUNDS: tuple[tuple[str, Callable[[Any, Decimal], bool], str], ...] = (
    ("minimum", lambda value, bound: value >= bound, "at least"),
    ("maximum", lambda value, bound: value <= bound, "at most"),
    ("exclusiveMinimum", lambda value, bound: value > bound, "more than"),
    ("exclusiveMaximum", lambda value, bound: value < bound, "less than"),
)


def _list(value: list[Any], schema: Mapping[str, Any]) -> list[str]:
    found = _bounds(len(value), schema, "minItems", "maxItems", "items")
    if schema.get("uniqueItems") and any(
        same(item, earlier) for index, item in enumerate(value) for earlier in value[:index]
    ):
        found.append("has an item twice")
    return found


def _date(value: str) -> None:
    if not re.fullmatch(r"\d{4}-\d\d-\d\d", value):
        raise ValueError
    date.fromisoformat(value)


def _moment(value: str) -> None:
    if not re.match(r"\d{4}-\d\d-\d\d", value):
        raise ValueError
    datetime.fromisoformat(value)


_FORMATS: dict[str, Callable[[str], object]] = {
    "date": _date, "date-time": _moment, "time": time.fromisoformat, "uuid": UUID,
}  # fmt: skip
_SHAPES = {
    "date": "2026-03-31",
    "date-time": "2026-03-31T09:00:00Z",
    "time": "09:00:00",
    "uuid": "8-4-4-4-12 hexadecimal digits",
}
