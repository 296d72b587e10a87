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


_ALONGSIDE = ("not", "if", "then", "else", "contains", "propertyNames", "unevaluatedItems", "unevaluatedProperties",
              "allOf", "dependentSchemas", "patternProperties")  # fmt: skip


def rebuilt(
    schema: Mapping[str, Any], change: Callable[[Any], Any], alongside: Callable[[Any], Any] | None = None
) -> dict[str, Any]:
    """A schema with `change` applied to each schema that stands directly inside it; values are left as they are.

    `alongside` is applied instead to those that say something more of a value which others describe (`not`, `allOf` …).
    """
    made: dict[str, Any] = {}
    for name, body in schema.items():
        apply = alongside if alongside is not None and name in _ALONGSIDE else change
        if name in ONE:
            made[name] = apply(body)
        elif name in MANY and isinstance(body, list):
            made[name] = [apply(each) for each in body]
        elif name in NAMED and isinstance(body, Mapping):
            made[name] = {key: apply(each) for key, each in body.items()}
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
    """The schema with objects that name their fields taking no others, unless they or what stands beside say so."""
    if not isinstance(schema, Mapping):
        return schema
    branches = "properties" in schema and bool(schema.keys() & {"anyOf", "oneOf"})
    made = rebuilt(schema, (lambda body: body) if branches else closed, lambda body: body)
    if "properties" in made and not made.keys() & OPENING:
        made.setdefault("additionalProperties", False)
    return made


OPENING = frozenset(("patternProperties", "unevaluatedProperties", "allOf", "anyOf", "oneOf", "$ref", "if",
                      "dependentSchemas"))  # fmt: skip


# ── Two schemas for one value ──────────────────────────────────────────────────────────────────

_HIGHEST = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties", "minContains")
_LOWEST = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties", "maxContains")


def merged(one: Any, other: Any) -> Any:
    """One schema for what must fit both. What can't be laid together stays as `allOf` of the rest."""
    if not isinstance(one, Mapping) or not isinstance(other, Mapping):
        return one is not False and other if isinstance(one, bool) else other is not False and one
    made, rest = dict(one), [*one.get("allOf", ())]
    for name, body in other.items():
        if name == "allOf":
            rest += body
        elif name not in made or made[name] == body:
            made[name] = body
        elif name in NAMED:
            made[name] = {
                **made[name],
                **{key: merged(made[name][key], each) if key in made[name] else each for key, each in body.items()},
            }
        elif name == "required":
            made[name] = [*made[name], *(each for each in body if each not in made[name])]
        elif name in ("items", "additionalProperties"):
            made[name] = merged(made[name], body)
        elif name in _HIGHEST or name in _LOWEST:
            made[name] = (max if name in _HIGHEST else min)(made[name], body)
        elif name == "enum":
            made[name] = [each for each in made[name] if each in body]
        elif name == "type":
            made[name] = _both_types(made[name], body)
        elif name not in ("title", "description", "default", "examples", "$comment", "$schema", "$id"):
            rest.append({name: body})
    return made | ({"allOf": rest} if rest else {})


def _both_types(one: Any, other: Any) -> Any:
    left, right = ([each] if isinstance(each, str) else list(each) for each in (one, other))
    both = [each for each in left if each in right or (each == "integer" and "number" in right)]
    both += [each for each in right if each == "integer" and "number" in left and each not in both]
    return both[0] if len(both) == 1 else both or one


def united(schema: Mapping[str, Any]) -> dict[str, Any]:
    """The schema with the parts of its `allOf` laid into it, and what stands beside a union laid into its branches."""
    made: Any = {name: body for name, body in schema.items() if name != "allOf"}
    for part in schema.get("allOf", ()):
        made = merged(made, part)
    if not isinstance(made, Mapping):
        return {} if made else {"not": {}}
    union = next((name for name in ("anyOf", "oneOf") if name in made), None)
    beside = {
        name: body for name, body in made.items() if name not in ("anyOf", "oneOf", "allOf", "$defs", "description")
    }
    if union and beside.keys() - {"title", "default", "discriminator", "examples"}:
        kept = {name: made[name] for name in ("$defs", "description", "title", "default") if name in made}
        rest = made.get("allOf", []) + [{name: made[name]} for name in ("oneOf",) if name in made and name != union]
        return kept | {union: [merged(each, beside) for each in made[union]]} | ({"allOf": rest} if rest else {})
    return dict(made)
