"""What of a JSON Schema the decoders of hosted models can be held to. Data, and the function that keeps to it.

Knows keywords; what is taken out is told to the model in words and validated when the answer is read. Sources:
https://platform.openai.com/docs/guides/structured-outputs#supported-schemas,
https://docs.claude.com/en/docs/build-with-claude/structured-outputs#json-schema-limitations,
https://ai.google.dev/gemini-api/docs/structured-output#json_schema_support
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from coachwork.providers.schemas import rebuilt, united

_SHAPE = ("type", "properties", "required", "additionalProperties", "items", "enum", "const", "anyOf", "$ref", "$defs",
          "description", "title")  # fmt: skip
_BOUNDS = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf")
_EVERY_FORMAT = ("date-time", "time", "date", "duration", "email", "ipv4", "ipv6", "uuid")


@dataclass(frozen=True)
class Subset:
    """What a decoder takes. `recursive`: a schema that holds itself; `most` caps a number, as `{"minItems": 1}`."""

    keywords: frozenset[str]
    formats: frozenset[str] = frozenset(_EVERY_FORMAT)
    recursive: bool = True
    most: Mapping[str, int] | None = None


SUBSETS: dict[str, Subset] = {
    "openai": Subset(frozenset((*_SHAPE, *_BOUNDS, "pattern", "format", "minItems", "maxItems"))),
    "anthropic": Subset(
        frozenset((*_SHAPE, "pattern", "format", "minItems")),
        formats=frozenset((*_EVERY_FORMAT, "uri")),
        recursive=False,
        most={"minItems": 1},
    ),
    "google": Subset(
        frozenset((*_SHAPE, "minimum", "maximum", "format", "prefixItems", "minItems", "maxItems")),
        formats=frozenset(("date-time", "date", "time")),
    ),
    "": Subset(
        frozenset(
            (*_SHAPE, *_BOUNDS, "pattern", "format", "prefixItems", "minItems", "maxItems", "minLength", "maxLength")
        )
    ),
}
"""By provider; "" for every other, whose servers run one of a few known grammars."""
_LIKE = {
    "openai-chat": "openai",
    "azure": "openai",
    "azure-responses": "openai",
    "openrouter": "openai",
    "bedrock": "anthropic",
}

_WORDS = {
    "minLength": "at least {} characters", "maxLength": "at most {} characters", "minimum": "at least {}",
    "maximum": "at most {}", "exclusiveMinimum": "more than {}", "exclusiveMaximum": "less than {}",
    "multipleOf": "a multiple of {}", "minItems": "at least {} items", "maxItems": "at most {} items",
    "minProperties": "at least {} fields", "maxProperties": "at most {} fields", "pattern": "matching {}",
    "format": "format {}",
}  # fmt: skip
_UNTOLD = frozenset(("$schema", "$id", "$comment", "default", "examples", "deprecated", "readOnly", "writeOnly",
                     "discriminator", "contentMediaType", "contentEncoding", "definitions"))  # fmt: skip


def subset_of(provider: str) -> Subset:
    return SUBSETS.get(_LIKE.get(provider, provider), SUBSETS[""])


def takes(schema: Mapping[str, Any], provider: str) -> bool:
    """Whether the provider's decoder can be held to the schema at all, once it is narrowed."""
    return subset_of(provider).recursive or '"$ref"' not in json.dumps(schema, default=dict)


def narrowed(schema: Mapping[str, Any], provider: str) -> dict[str, Any]:
    """The schema in what the provider's decoder takes: never stricter than it was, the rest told in descriptions."""
    subset = subset_of(provider)
    made = _narrowed(schema, subset)
    assert isinstance(made, dict)
    return made


def _narrowed(node: Any, subset: Subset) -> Any:
    if not isinstance(node, Mapping):
        return node if node is not True else {}
    node = united(node)
    if "oneOf" in node and "anyOf" not in node:
        node["anyOf"] = node.pop("oneOf")
    kept: dict[str, Any] = {}
    told: list[str] = []
    for name, body in node.items():
        cap = (subset.most or {}).get(name)
        if name not in subset.keywords or (name == "format" and body not in subset.formats):
            told += [] if name in _UNTOLD else [_words(name, body)]
        elif cap is not None and body > cap:
            kept[name] = cap
            told.append(_words(name, body))
        else:
            kept[name] = body
    if "additionalProperties" in kept and node.keys() & {"patternProperties", "allOf"}:
        del kept["additionalProperties"]  # which fields it speaks of is no longer said
    if "items" in kept and "prefixItems" in node.keys() - kept.keys():
        rest = [] if kept["items"] is False else [kept["items"]]
        kept["items"] = {"anyOf": [*node["prefixItems"], *rest]}
    if told:
        kept["description"] = ". ".join([*([kept["description"]] if kept.get("description") else []), "; ".join(told)])
    return rebuilt(kept, lambda each: _narrowed(each, subset))


def _words(name: str, body: Any) -> str:
    if name in _WORDS and not isinstance(body, Mapping | list):
        return _WORDS[name].format(body)
    return "each item once" if name == "uniqueItems" and body else f"{name}: {json.dumps(body, default=dict)[:300]}"
