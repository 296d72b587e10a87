"""The shape an answer must have: a Python type or a JSON Schema, as the model sees it and as it is read. Knows no text.

A model is asked for an object. Another type travels as the only field, `answer`, of one.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import Any, Literal

from pydantic import TypeAdapter
from pydantic.errors import PydanticInvalidForJsonSchema, PydanticSchemaGenerationError, PydanticUserError
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from coachwork.errors import ProjectError
from coachwork.prompts import readings
from coachwork.prompts.json_schema import Judge, unaccepted
from coachwork.providers.schemas import OPENING, gathered, merged, rebuilt, united

WRAPPER = "answer"


class _Schema(GenerateJsonSchema):
    """A decimal is asked for as a number and read from its digits, so nothing is rounded on the way."""

    def decimal_schema(self, schema: core_schema.DecimalSchema) -> JsonSchemaValue:
        made: JsonSchemaValue = {"type": "number", "format": "decimal"}
        for name, keyword in (
            ("ge", "minimum"),
            ("le", "maximum"),
            ("gt", "exclusiveMinimum"),
            ("lt", "exclusiveMaximum"),
        ):
            if isinstance(schema.get(name), int | float | Decimal):
                made[keyword] = float(schema[name])  # type: ignore[literal-required]
        return made


@dataclass(frozen=True)
class Shape:
    """`schema` is what an answer is read against. `adapter` validates last; where a bare schema was given, `judge`."""

    schema: Mapping[str, Any]
    adapter: TypeAdapter[Any] | None
    wrapped: bool
    judge: Judge | None = None

    @classmethod
    def of(cls, target: Any) -> "Shape":
        """The shape of a type, a TypeAdapter or a JSON Schema. Raises ProjectError where it has none."""
        if isinstance(target, Shape):
            return target
        if isinstance(target, Mapping):
            if missing := unaccepted(target):
                raise ProjectError(
                    f"this JSON Schema uses what is not checked: {', '.join(missing)}",
                    hint="Leave it out, or use a Pydantic type.",
                )
            return cls._wrapped(gathered(target), None, Judge(target))
        try:
            adapter = target if isinstance(target, TypeAdapter) else TypeAdapter(target)
            schema = adapter.json_schema(schema_generator=_Schema, mode="validation")
        except (PydanticInvalidForJsonSchema, PydanticSchemaGenerationError, PydanticUserError) as error:
            raise ProjectError(
                f"a model can't be asked for {target!r}: {str(error).splitlines()[0]}",
                hint="Return a Pydantic model, a dataclass, a TypedDict, a list, a Literal or a plain type.",
            ) from None
        return cls._wrapped(schema, adapter)

    @classmethod
    def _wrapped(
        cls, schema: Mapping[str, Any], adapter: TypeAdapter[Any] | None, judge: Judge | None = None
    ) -> "Shape":
        root = _followed(schema, schema)
        if root.get("type") == "object" or "properties" in root:
            return cls(schema, adapter, wrapped=False, judge=judge)
        inner = {key: value for key, value in schema.items() if key not in ("$defs", "definitions", "$schema", "$id")}
        outer = {"type": "object", "properties": {WRAPPER: inner}, "required": [WRAPPER], "additionalProperties": False}
        return cls(
            outer | {key: schema[key] for key in ("$defs", "definitions") if key in schema}, adapter, True, judge
        )

    @cached_property
    def keys(self) -> frozenset[str]:
        """The names of all its fields, as names are compared."""
        found: set[str] = set()

        def walk(node: Any) -> None:
            for name, body in node.items() if isinstance(node, Mapping) else ():
                if name == "properties" and isinstance(body, Mapping):
                    found.update(readings.key(each) for each in body)
                for inner in body if isinstance(body, list) else (body,):
                    walk(inner)

        walk(self.schema)
        return frozenset(found)

    def for_model(self) -> dict[str, Any]:
        """The schema as a model gets it: closed objects, references only where a type holds itself, no titles."""
        return for_model(self.schema)


def _followed(schema: Mapping[str, Any], root: Mapping[str, Any]) -> Mapping[str, Any]:
    for _ in range(16):
        ref = schema.get("$ref")
        if not isinstance(ref, str):
            return schema
        schema = root
        for part in ref.removeprefix("#").split("/")[1:]:
            schema = schema[part]
        if not isinstance(schema, Mapping):
            return {}
    return schema


_NOT_SHOWN = frozenset(("title", "default", "discriminator", "examples", "definitions", "$schema", "$id", "$comment"))


def for_model(schema: Mapping[str, Any]) -> dict[str, Any]:
    """`schema` with its references laid out where they end, extra fields forbidden, and display words left out."""
    definitions = {**schema.get("definitions", {}), **schema.get("$defs", {})}
    recursive = {name for name in definitions if name in _reached(definitions[name], definitions)}

    def name_of(ref: str) -> str:
        return ref.rsplit("/", 1)[-1]

    def followed(node: Any) -> Any:
        """`node` with its references laid out, where they end, and nothing else changed."""
        if not isinstance(node, Mapping):
            return node
        if isinstance(node.get("$ref"), str) and (name := name_of(node["$ref"])) not in recursive:
            rest = {key: value for key, value in node.items() if key != "$ref"}
            return followed(merged(rest, definitions.get(name, {})))
        return rebuilt(node, followed)

    def laid_out(node: Any) -> Any:
        node = followed(node) if isinstance(node, Mapping) and "$ref" in node else node
        if not isinstance(node, Mapping):
            return node
        node = {key: value for key, value in united(node).items() if key not in _NOT_SHOWN}
        if node.get("format") == "decimal":
            del node["format"]
        if "oneOf" in node and "anyOf" not in node:
            node["anyOf"] = node.pop("oneOf")
        made = rebuilt(node, laid_out, followed)
        if "properties" in made and not made.keys() & OPENING:
            made.setdefault("additionalProperties", False)
        return made

    made = laid_out({key: value for key, value in schema.items() if key not in ("$defs", "definitions")})
    if set(made) == {"$ref"}:  # a root that holds itself stays readable where references at the root are not
        made = laid_out(definitions[name_of(made["$ref"])])
    if recursive:
        made["$defs"] = {name: laid_out(definitions[name]) for name in sorted(recursive)}
    return dict(made)


def _reached(node: Any, definitions: Mapping[str, Any], seen: frozenset[str] = frozenset()) -> frozenset[str]:
    """Names of the definitions that `node` leads to."""
    if isinstance(node, list):
        for item in node:
            seen |= _reached(item, definitions, seen)
    elif isinstance(node, Mapping):
        ref = node.get("$ref")
        if isinstance(ref, str) and (name := ref.rsplit("/", 1)[-1]) not in seen and name in definitions:
            seen = _reached(definitions[name], definitions, seen | {name})
        for value in node.values():
            seen |= _reached(value, definitions, seen)
    return seen


def described(schema: Mapping[str, Any]) -> str:
    """The fields of an answer in words, for a model that is held to the schema but not shown it."""
    laid = for_model(schema)
    lines: list[str] = []

    def add(properties: Mapping[str, Any], depth: int) -> None:
        for name, body in properties.items():
            about = body.get("description", "")
            lines.append(f"{'  ' * depth}- {name}: {_words(body)}{'. ' + ' '.join(about.split()) if about else ''}")
            inner = body.get("items", body) if isinstance(body.get("items", body), Mapping) else body
            for branch in [inner, *inner.get("anyOf", [])]:
                if branch.get("properties") and depth < 3:
                    add(branch["properties"], depth + 1)

    add(laid.get("properties", {}), 0)
    return "Answer with one JSON object and nothing else. Its fields:\n" + "\n".join(lines)


_KINDS: dict[str, str] = {
    "string": "text", "number": "a number", "integer": "a whole number",
    "boolean": "true or false", "null": "null", "object": "an object",
}  # fmt: skip


def _words(body: Mapping[str, Any]) -> str:
    if "const" in body:
        return json.dumps(body["const"], ensure_ascii=False)
    if "enum" in body:
        return "one of " + ", ".join(json.dumps(each, ensure_ascii=False) for each in body["enum"])
    if "anyOf" in body:
        return " or ".join(dict.fromkeys(_words(each) for each in body["anyOf"]))
    if body.get("type") == "array":
        items = body.get("items")
        return f"a list of {_words(items)}" if isinstance(items, Mapping) and items else "a list"
    if "$ref" in body:
        return f"an object like {body['$ref'].rsplit('/', 1)[-1]}"
    shape: dict[str, str] = {"date": "a date (YYYY-MM-DD)", "date-time": "a date and time (ISO 8601)"}
    return shape.get(body.get("format", ""), _KINDS.get(str(body.get("type", "")), "any value"))


OutputMode = Literal["text", "json"]
