"""JSON Schema, draft 2020-12, as Coachwork accepts it: what is refused when it is loaded, and the last word on a value.

Knows the specification; not how a broken value is read (`coerce`), nor what a model is sent (`shape`).
"""

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from coachwork.prompts.formats import ASSERTED, NOT_ASSERTED
from coachwork.providers.schemas import MANY, NAMED, ONE, NoSuchPlace, parts, place

_ASSERTIONS = (
    "type", "enum", "const", "required", "dependentRequired", "minimum", "maximum", "exclusiveMinimum",
    "exclusiveMaximum", "multipleOf", "minLength", "maxLength", "pattern", "format", "minItems", "maxItems",
    "uniqueItems", "minContains", "maxContains", "minProperties", "maxProperties",
)  # fmt: skip
_ANNOTATIONS = (
    "$schema", "$id", "$comment", "title", "description", "default", "examples", "deprecated", "readOnly",
    "writeOnly", "discriminator", "contentMediaType", "contentEncoding",
)  # fmt: skip
ACCEPTED = frozenset((*ONE, *MANY, *NAMED, "$ref", *_ASSERTIONS, *_ANNOTATIONS))
_DIALECTS = re.compile(
    r"https?://json-schema\.org/(?:draft/20(?:20-12|19-09)/schema|draft-0[67]/schema)#?"
)  # the older ones mean the same by what is accepted here


def unaccepted(schema: Mapping[str, Any]) -> list[str]:
    """What of a schema would not be checked or can't be followed, each with its place: `properties.age.$anchor`."""
    found = list(dict.fromkeys(_unaccepted(schema, schema, "")))
    return found or _malformed(schema)


def _unaccepted(node: Any, root: Mapping[str, Any], at: str) -> Iterator[str]:
    if not isinstance(node, Mapping):
        return
    yield from (f"{at}{name}" for name in node if name not in ACCEPTED and not str(name).startswith("x-"))
    if at and "$id" in node:
        yield f"{at}$id (only the whole schema may have one)"
    if "$schema" in node and not _DIALECTS.fullmatch(str(node["$schema"])):
        yield f"{at}$schema {node['$schema']!r}"
    if isinstance(node.get("items"), list):
        yield f"{at}items as a list (prefixItems since 2020)"
    if node.get("format") in NOT_ASSERTED:
        yield f"{at}format {node['format']!r}"
    patterns = [node["pattern"]] if isinstance(node.get("pattern"), str) else []
    patterns += list(node["patternProperties"]) if isinstance(node.get("patternProperties"), Mapping) else []
    yield from (f"{at}pattern {pattern!r}" for pattern in patterns if not _readable(pattern))
    if isinstance(node.get("$ref"), str) and not _leads_somewhere(node, root):
        yield f"{at}$ref to {node['$ref']!r}"
    for name, body in parts(node):
        yield from _unaccepted(body, root, f"{at}{name}.")


def _leads_somewhere(node: Any, root: Mapping[str, Any]) -> bool:
    """Whether a reference ends at a schema inside `root`, and does not lead back to itself."""
    seen: set[str] = set()
    while isinstance(node, Mapping) and isinstance(node.get("$ref"), str):
        if node["$ref"] in seen:
            return False
        seen.add(node["$ref"])
        try:
            node = place(root, node["$ref"])
        except NoSuchPlace:
            return False
    return True


def _readable(pattern: str) -> bool:
    """Whether Python reads the pattern, and as ECMA 262 would: `\\p{…}`, `\\c` and `\\Z` it does not."""
    if re.search(r"(?<!\\)(?:\\\\)*\\[pPcaZz]", pattern):
        return False
    try:
        re.compile(pattern)
    except re.error:
        return False
    return True


def _malformed(schema: Mapping[str, Any]) -> list[str]:
    from jsonschema import Draft202012Validator

    errors = Draft202012Validator(Draft202012Validator.META_SCHEMA).iter_errors(dict(schema))
    return [f"{'.'.join(map(str, error.absolute_path)) or 'the schema'}: {error.message[:120]}" for error in errors][:5]


class Judge:
    """The last word on a value: whether it is valid under the schema, and if not, why."""

    def __init__(self, schema: Mapping[str, Any]) -> None:
        from jsonschema import Draft202012Validator

        self._validator = Draft202012Validator(dict(schema), format_checker=_formats())

    def reasons(self, value: Any) -> list[str]:
        """What the schema has against a JSON value, as lines that name the field; empty where it is valid."""
        errors = sorted(self._validator.iter_errors(value), key=lambda error: [str(part) for part in error.path])
        return [f"{'.'.join(map(str, error.absolute_path)) or 'answer'}: {error.message[:200]}" for error in errors]


@cache
def _formats() -> Any:
    from jsonschema import FormatChecker

    checker = FormatChecker(formats=())
    for name, check in ASSERTED.items():
        checker.checks(name)(lambda value, check=check: not isinstance(value, str) or check(value))
    return checker
