"""Random JSON Schemas with values that fit them, for laws that must hold whatever is asked."""

import json
from typing import Any

from hypothesis import strategies as st

from .damage import numbers, texts

NAMES = ["name", "age", "kind", "note", "total", "tags", "inner", "is_paid", "Größe", "e-mail", "a b"]
WORDS = ["red", "Green", "dark blue", "N/A", "on_hold", "C++", "C", "1", "yes"]
Case = tuple[dict[str, Any], Any]


@st.composite
def leaves(draw: st.DrawFn) -> Case:
    """A type without parts, and a value of it."""
    match draw(st.sampled_from(["string", "integer", "number", "boolean", "enum", "bounded", "date", "null or text"])):
        case "string":
            return {"type": "string"}, draw(texts)
        case "integer":
            return {"type": "integer"}, draw(st.integers(-(10**9), 10**9))
        case "number":
            return {"type": "number"}, draw(numbers)
        case "boolean":
            return {"type": "boolean"}, draw(st.booleans())
        case "enum":
            members = draw(st.lists(st.sampled_from(WORDS), min_size=1, max_size=4, unique=True))
            return {"enum": members}, draw(st.sampled_from(members))
        case "bounded":
            low = draw(st.integers(-50, 50))
            return {"type": "integer", "minimum": low, "maximum": low + 9}, draw(st.integers(low, low + 9))
        case "date":
            return {"type": "string", "format": "date"}, draw(st.dates()).isoformat()
    return {"anyOf": [{"type": "null"}, {"type": "string"}]}, draw(st.none() | texts)


@st.composite
def lists(draw: st.DrawFn, depth: int) -> Case:
    schema, first = draw(cases(depth - 1))
    more = [first] * draw(st.integers(0, 2)) if draw(st.booleans()) else []
    return {"type": "array", "items": schema}, draw(st.sampled_from([[], [first], [first, *more]]))


@st.composite
def objects(draw: st.DrawFn, depth: int = 2) -> Case:
    """An object of up to five fields, some of which may be absent."""
    names = draw(st.lists(st.sampled_from(NAMES), min_size=1, max_size=5, unique=True))
    properties, value, required = {}, {}, []
    for name in names:
        properties[name], given = draw(cases(depth - 1))
        if draw(st.integers(0, 3)):
            required.append(name)
            value[name] = given
        elif draw(st.booleans()):
            value[name] = given
    schema: dict[str, Any] = {"type": "object", "properties": properties, "required": required}
    if draw(st.booleans()):
        schema["additionalProperties"] = False
    return schema, value


@st.composite
def unions(draw: st.DrawFn, depth: int) -> Case:
    """Two objects told apart by a tag."""
    branches = []
    for tag in ("one", "two"):
        schema, value = draw(objects(depth - 1))
        properties = {"tag": {"const": tag}} | schema["properties"]
        branches.append(
            (schema | {"properties": properties, "required": ["tag", *schema["required"]]}, {"tag": tag} | value)
        )
    return {"anyOf": [schema for schema, _ in branches]}, draw(st.sampled_from([value for _, value in branches]))


def cases(depth: int) -> st.SearchStrategy[Case]:
    """Any schema with a value of it."""
    return leaves() if depth <= 0 else leaves() | lists(depth) | objects(depth) | unions(depth)


def texted(schema: Any, value: Any) -> Any:
    """The value with its numbers and booleans as texts, where the schema wants a number or a boolean."""
    if isinstance(value, dict):
        union = next((each for each in schema.get("anyOf", ()) if _tag(each) == value.get("tag")), schema)
        return {name: texted(union["properties"][name], item) for name, item in value.items()}
    if isinstance(value, list):
        return [texted(schema["items"], item) for item in value]
    if isinstance(value, bool | int | float) and schema.get("type") in ("integer", "number", "boolean"):
        return json.dumps(value)
    return value


def recased(schema: Any, value: Any, spelling: Any) -> Any:
    """The value with each member of an enum in other letters."""
    if isinstance(value, dict):
        union = next((each for each in schema.get("anyOf", ()) if _tag(each) == value.get("tag")), schema)
        return {name: recased(union["properties"][name], item, spelling) for name, item in value.items()}
    if isinstance(value, list):
        return [recased(schema["items"], item, spelling) for item in value]
    return spelling(value) if "enum" in schema and isinstance(value, str) else value


def _tag(schema: Any) -> Any:
    return schema.get("properties", {}).get("tag", {}).get("const", object()) if isinstance(schema, dict) else None
