"""JSON Schemas (2020-12) as things that are taken apart and put together: references, closed objects. Pure.

Knows which keywords hold schemas; not what they mean to a value (`prompts.json_schema` does), nor any wire.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import unquote

ONE = ("items", "additionalProperties", "not", "if", "then", "else", "contains", "propertyNames",
       "unevaluatedItems", "unevaluatedProperties")  # fmt: skip
MANY = ("anyOf", "oneOf", "allOf", "prefixItems")
NAMED = ("properties", "patternProperties", "dependentSchemas", "$defs", "definitions")


class NoSuchPlace(ValueError):
    """A reference that leads nowhere in its own schema."""


def parts(schema: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """The schemas that stand directly inside a schema, each with its place: `properties.age`, `anyOf.0`."""
    for name, body in schema.items():
        if name in ONE:
            yield name, body
        elif name in MANY and isinstance(body, list):
            yield from ((f"{name}.{index}", each) for index, each in enumerate(body))
        elif name in NAMED and isinstance(body, Mapping):
            yield from ((f"{name}.{key}", each) for key, each in body.items())


def rebuilt(schema: Mapping[str, Any], change: Callable[[Any], Any]) -> dict[str, Any]:
    """A schema with `change` applied to each schema that stands directly inside it; values are left as they are."""
    made: dict[str, Any] = {}
    for name, body in schema.items():
        if name in ONE:
            made[name] = change(body)
        elif name in MANY and isinstance(body, list):
            made[name] = [change(each) for each in body]
        elif name in NAMED and isinstance(body, Mapping):
            made[name] = {key: change(each) for key, each in body.items()}
        else:
            made[name] = body
    return made


def place(root: Any, ref: str) -> Any:
    """What a reference inside the schema (`#`, `#/$defs/Person`) leads to. Raises NoSuchPlace."""
    if not ref.startswith("#") or (len(ref) > 1 and ref[1] != "/"):
        raise NoSuchPlace(ref)
    found = root
    for part in ref.split("/")[1:]:
        key = unquote(part).replace("~1", "/").replace("~0", "~")
        try:
            found = found[int(key)] if isinstance(found, list) else found[key]
        except (KeyError, IndexError, ValueError, TypeError):
            raise NoSuchPlace(ref) from None
    if not isinstance(found, Mapping | bool):
        raise NoSuchPlace(ref)
    return found


def gathered(schema: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """The schema with every reference leading to `$defs`, whose names are plain words that begin with `prefix`.

    So it can be put inside another schema without its references breaking. Raises NoSuchPlace.
    """
    names: dict[str, str] = {}

    def named(ref: str) -> str:
        if ref not in names:
            wanted = prefix + (re.sub(r"\W+", "_", unquote(ref).rsplit("/", 1)[-1]).strip("_#") or "root")
            number = 1
            while (name := wanted if number == 1 else f"{wanted}_{number}") in names.values():
                number += 1
            names[ref] = name
        return names[ref]

    def moved(node: Any) -> Any:
        if not isinstance(node, Mapping):
            return node
        made = rebuilt({key: body for key, body in node.items() if key not in ("$defs", "definitions")}, moved)
        if isinstance(made.get("$ref"), str):
            place(schema, made["$ref"])
            made["$ref"] = f"#/$defs/{named(made['$ref'])}"
        return made

    made = dict(moved(schema))
    definitions: dict[str, Any] = {}
    while missing := [ref for ref, name in names.items() if name not in definitions]:
        for ref in missing:
            definitions[names[ref]] = moved(place(schema, ref))
    return made | ({"$defs": definitions} if definitions else {})


def closed(schema: Any) -> Any:
    """The schema with objects that name their fields taking no others, unless they say so."""
    if not isinstance(schema, Mapping):
        return schema
    made = rebuilt(schema, closed)
    if "properties" in made and not made.keys() & {"patternProperties", "unevaluatedProperties", "allOf", "$ref"}:
        made.setdefault("additionalProperties", False)
    return made
