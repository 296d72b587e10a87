"""How sure a model was of each choice it wrote, from the probabilities of its tokens. Pure.

Knows JSON text and schemas; does not know whether the choice is right. Only an answer that is JSON as it stands
has places that can be trusted, so a mended one has no figures.
"""

import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from coachwork.prompts.shape import WRAPPER, Shape
from coachwork.providers.schemas import NoSuchPlace, place, united

_SPACE = re.compile(r"[ \t\n\r]*")
_WORD = re.compile(r"-?\d[\d.eE+-]*|true|false|null")
Path = tuple[str | int, ...]


def of_choices(text: str, probabilities: Sequence[tuple[str, float]], shape: Shape) -> dict[str, float]:
    """The probability, from 0 to 1, of what was written for each enum or boolean of the shape, by its place.

    It is the product of the probabilities of the tokens that spell the value, as the provider gives them.
    Empty where the tokens do not spell the text, or the text is not JSON.
    """
    written = "".join(token for token, _ in probabilities)
    begin = written.find(text)
    if not text or begin < 0:
        return {}
    ends, at = [], -begin
    for token, logarithm in probabilities:
        ends.append((at, at + len(token), logarithm))
        at += len(token)
    found: dict[str, float] = {}
    for path, start, end in _values(text):
        if _is_choice(path, shape):
            total = sum(logarithm for first, last, logarithm in ends if first < end and last > start)
            name = ".".join(map(str, path[1:] if shape.wrapped and path[:1] == (WRAPPER,) else path)) or WRAPPER
            found[name] = round(math.exp(min(total, 0.0)), 4)
    return found


def _values(text: str) -> list[tuple[Path, int, int]]:
    """The place in the text of each text, number and word of a JSON value; none where it is not JSON."""
    try:
        json.loads(text)
        return list(_walk(text, _SPACE.match(text).end(), ()))[:-1]  # type: ignore[union-attr]
    except (ValueError, RecursionError):
        return []


def _walk(text: str, at: int, path: Path) -> Iterator[tuple[Path, int, int]]:
    """The values from `at` on; the last thing given is where they end: ((), -1, end)."""
    if text[at] not in "{[":
        if text[at] == '"':
            end = json.decoder.scanstring(text, at + 1)[1]  # type: ignore[attr-defined]
            yield path, at + 1, end - 1
        else:
            end = _WORD.match(text, at).end()  # type: ignore[union-attr]  # json.loads has read it
            yield path, at, end
        yield (), -1, end
        return
    named, index = text[at] == "{", 0
    at = _after(text, at + 1)
    while text[at] not in "}]":
        step: str | int = index
        if named:
            step, at = json.decoder.scanstring(text, at + 1)  # type: ignore[attr-defined]
            at = _after(text, _after(text, at) + 1)
        for found in _walk(text, at, (*path, step)):
            if found[1] >= 0:
                yield found
            else:
                at = _after(text, found[2])
        if text[at] == ",":
            at = _after(text, at + 1)
        index += 1
    yield (), -1, at + 1


def _after(text: str, at: int) -> int:
    return _SPACE.match(text, at).end()  # type: ignore[union-attr]  # matches the empty string


def _is_choice(path: Path, shape: Shape) -> bool:
    """Whether the schema offers a few values at this place."""
    return any(_offers(schema) for schema in _at(shape.schema, path, shape.schema))


def _offers(schema: Mapping[str, Any]) -> bool:
    return len(schema.get("enum", ())) > 1 or schema.get("type") == "boolean"


def _at(schema: Any, path: Path, root: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    if not isinstance(schema, Mapping):
        return
    if isinstance(schema.get("$ref"), str):
        try:
            yield from _at(place(root, schema["$ref"]), path, root)
        except NoSuchPlace:
            return
        return
    schema = united(schema)
    for branch in (*schema.get("anyOf", ()), *schema.get("oneOf", ())):
        yield from _at(branch, path, root)
    if not path:
        yield schema
    elif isinstance(path[0], int):
        first = schema.get("prefixItems", [])
        yield from _at(first[path[0]] if path[0] < len(first) else schema.get("items"), path[1:], root)
    else:
        yield from _at(schema.get("properties", {}).get(path[0], schema.get("additionalProperties")), path[1:], root)


def has_choices(shape: Shape) -> bool:
    """Whether there is anything to be sure of: an enum or a boolean anywhere in the shape."""

    def walk(node: Any) -> bool:
        if isinstance(node, Mapping):
            return _offers(node) or any(walk(each) for each in node.values())
        return isinstance(node, list) and any(walk(each) for each in node)

    return walk(shape.schema)
