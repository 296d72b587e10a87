"""One value that fits a JSON schema, always the same one. Pure; it refuses rather than give one that does not fit."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from coachwork.errors import InputError

_FORMATS = {
    "date": "2026-01-31",
    "date-time": "2026-01-31T12:00:00Z",
    "time": "12:00:00Z",
    "duration": "P1D",
    "email": "ada@example.com",
    "hostname": "example.com",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "uri": "https://example.com/",
    "url": "https://example.com/",
    "uuid": "00000000-0000-4000-8000-000000000000",
}
_LIKELY = ("text", "a", "A", "1", "12345", "ABC", "abc-1", "A-1", *_FORMATS.values())  # tried where a pattern is asked
_DEEP = 8  # from here on only what must be there is made: a schema may name itself


def instance(schema: Mapping[str, Any]) -> Any:
    """A value that fits. Raises InputError where none was found (patterns, contradictions)."""
    from jsonschema import Draft202012Validator
    from referencing.exceptions import Unresolvable

    plain, problem = _lower(schema), ""
    for spared in ((), ("default", "examples")):  # a default need not fit its own schema
        try:
            value = _made(_without(plain, spared), plain, 0)
            found = next(iter(Draft202012Validator(plain).iter_errors(value)), None)
        except (RecursionError, re.error, TypeError, ValueError, AttributeError, LookupError, Unresolvable) as error:
            problem = f"{type(error).__name__}: {error}"
            continue
        if found is None:
            return value
        problem = f"{'.'.join(str(step) for step in found.absolute_path) or 'the value'}: {found.message}"
    raise InputError(
        f"no value could be made up that fits the schema ({problem})",
        hint="Give the answer in the script, or an `examples` or `default` in the schema.",
    )


def _without(schema: Any, names: Sequence[str]) -> Any:
    if isinstance(schema, list):
        return [_without(item, names) for item in schema]
    if not isinstance(schema, Mapping):
        return schema
    return {
        key: {name: _without(part, names) for name, part in value.items()}  # a property may be called so
        if key == "properties" and isinstance(value, Mapping)
        else _without(value, names)
        for key, value in schema.items()
        if key not in names
    }


def _lower(schema: Any) -> Any:
    """Google's older spelling (`type: "STRING"`, `nullable`) as JSON Schema has it."""
    if isinstance(schema, list):
        return [_lower(item) for item in schema]
    if not isinstance(schema, dict | Mapping):
        return schema
    found = {key: value if key in ("enum", "const", "default") else _lower(value) for key, value in schema.items()}
    if isinstance(found.get("type"), str):
        found["type"] = found["type"].lower()
        if found.pop("nullable", False) is True:
            found["type"] = [found["type"], "null"]
    for name in ("minItems", "maxItems", "minLength", "maxLength"):
        if isinstance(found.get(name), str):  # Google's wire writes int64 as text
            found[name] = int(found[name])
    return found


def _made(schema: Any, root: Any, depth: int) -> Any:
    if not isinstance(schema, Mapping):  # true, or {} in short
        return "text"
    if "$ref" in schema:
        return _made(_inlined(schema, root), root, depth)
    if "const" in schema:
        return schema["const"]
    for name in ("default", "examples", "enum"):
        given = schema.get(name)
        if name == "default" and name in schema:
            return given
        if isinstance(given, Sequence) and not isinstance(given, str) and given:
            return given[0]
    if "allOf" in schema:
        rest = {key: value for key, value in schema.items() if key != "allOf"}
        return _made(_merged([rest, *schema["allOf"]], root), root, depth)
    for name in ("anyOf", "oneOf"):
        if schema.get(name):
            rest = {key: value for key, value in schema.items() if key != name}
            return _made(_merged([rest, _choice(schema[name], root, depth)], root), root, depth)
    return _of_type(schema, root, depth)


def _of_type(schema: Mapping[str, Any], root: Any, depth: int) -> Any:
    match _type(schema, depth):
        case "object":
            return _object(schema, root, depth)
        case "array":
            return _array(schema, root, depth)
        case "integer" | "number" as kind:
            return _number(schema, kind)
        case "boolean":
            return True
        case "null":
            return None
    return _string(schema)


def _type(schema: Mapping[str, Any], depth: int) -> str:
    kind = schema.get("type")
    if isinstance(kind, list):
        if depth >= _DEEP and "null" in kind:
            return "null"
        return str(next((one for one in kind if one != "null"), "null"))
    if kind is None:
        return "object" if "properties" in schema else "array" if "items" in schema else "string"
    return str(kind)


def _choice(options: Sequence[Any], root: Any, depth: int) -> Any:
    """The first that is not null; deep down, null where it is offered, else the last."""
    nulls = [option for option in options if isinstance(option, Mapping) and option.get("type") == "null"]
    others = [option for option in options if option not in nulls]
    if depth >= _DEEP:
        return nulls[0] if nulls else others[-1]
    return others[0] if others else nulls[0]


def _merged(schemas: Sequence[Any], root: Any) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for schema in schemas:
        if not isinstance(schema, Mapping):
            continue
        if "$ref" in schema:
            schema = _inlined(schema, root)
        for key, value in schema.items():
            if key == "properties":
                found[key] = {**found.get(key, {}), **value}
            elif key == "required":
                found[key] = [*found.get(key, []), *value]
            else:
                found[key] = value
    return found


def _inlined(schema: Mapping[str, Any], root: Any) -> dict[str, Any]:
    """The schema with what its `$ref` names in place of it."""
    return {**_resolved(schema["$ref"], root), **{key: value for key, value in schema.items() if key != "$ref"}}


def _resolved(reference: str, root: Any) -> Mapping[str, Any]:
    place: Any = root
    for step in reference.removeprefix("#").strip("/").split("/"):
        if not step:
            continue
        step = step.replace("~1", "/").replace("~0", "~")
        if not isinstance(place, Mapping) or step not in place:
            raise InputError(f"the schema refers to {reference!r}, which is not in it")
        place = place[step]
    return place if isinstance(place, Mapping) else {}


def _object(schema: Mapping[str, Any], root: Any, depth: int) -> dict[str, Any]:
    required = set(schema.get("required", ()))
    found = {
        name: _made(part, root, depth + 1)
        for name, part in schema.get("properties", {}).items()
        if depth < _DEEP or name in required
    }
    for name in required - found.keys():
        found[name] = _made(schema.get("additionalProperties", True), root, depth + 1)
    return found


def _array(schema: Mapping[str, Any], root: Any, depth: int) -> list[Any]:
    firsts = [_made(part, root, depth + 1) for part in schema.get("prefixItems", ())]
    fewest = schema.get("minItems", 0 if depth >= _DEEP else 1)
    count = min(max(fewest - len(firsts), 0), schema.get("maxItems", fewest))
    if "items" not in schema and firsts:
        return firsts
    item = schema.get("items", True)
    return [*firsts, *(_distinct(_made(item, root, depth + 1), n, item) for n in range(count))]


def _distinct(value: Any, number: int, schema: Any) -> Any:
    """The n-th of a list: other members of an enum, other numbers and texts, so that `uniqueItems` can be met."""
    if isinstance(schema, Mapping) and schema.get("enum"):
        return schema["enum"][number % len(schema["enum"])]
    if number and isinstance(value, int | float) and not isinstance(value, bool):
        return value + number
    if number and isinstance(value, str) and isinstance(schema, Mapping) and not {"format", "pattern"} & schema.keys():
        return f"{value}{number}"
    return value


def _number(schema: Mapping[str, Any], kind: str) -> float:
    low = schema.get("minimum", schema.get("exclusiveMinimum"))
    high = schema.get("maximum", schema.get("exclusiveMaximum"))
    step = schema.get("multipleOf", 1)
    value = 1 if low is None else low
    if high is not None and value > high:
        value = high
    if "multipleOf" in schema:
        value = -(-value // step) * step
    strict = step if kind == "integer" or "multipleOf" in schema else min(step, 0.5)
    if "exclusiveMinimum" in schema and value <= schema["exclusiveMinimum"]:
        value += strict
    if "exclusiveMaximum" in schema and value >= schema["exclusiveMaximum"]:
        value -= strict
    return int(-(-value // 1)) if kind == "integer" else value


def _string(schema: Mapping[str, Any]) -> str:
    if "pattern" in schema:
        return next((text for text in _LIKELY if re.search(schema["pattern"], text)), "text")
    text = _FORMATS.get(schema.get("format", ""), "text")
    fewest, most = schema.get("minLength", 0), schema.get("maxLength", len(text))
    return text.ljust(fewest, "x")[: max(most, fewest)]
