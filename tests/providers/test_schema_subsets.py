"""A schema in what each provider's decoder takes: never stricter than asked, and what is taken out is told in words."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from coachwork.prompts.json_schema import unaccepted
from coachwork.providers.schema_subsets import SUBSETS, narrowed, subset_of, takes
from coachwork.providers.schemas import gathered, parts

SUITE = Path(__file__).resolve().parents[2].parent / "shared/data/structured/json-schema-test-suite/draft2020-12"
PROVIDERS = ["openai", "anthropic", "google", "vllm"]
ORDER = {
    "type": "object",
    "properties": {
        "code": {"type": "string", "minLength": 3, "pattern": "^[A-Z]+$", "description": "The order's code"},
        "lines": {"type": "array", "items": {"type": "integer", "minimum": 1}, "minItems": 2, "uniqueItems": True},
        "at": {"type": "string", "format": "date"},
        "site": {"type": "string", "format": "uri"},
        "more": {"type": "object", "patternProperties": {"^n": {"type": "integer"}}, "additionalProperties": False},
    },
    "required": ["code"],
    "additionalProperties": False,
    "if": {"required": ["at"]},
    "then": {"required": ["site"]},
}


def keywords(schema: Any) -> set[str]:
    if not isinstance(schema, dict):
        return set()
    return set(schema) | {name for _place, body in parts(schema) for name in keywords(body)}


@pytest.mark.parametrize("provider", PROVIDERS)
def test_only_what_the_decoder_takes_is_left(provider: str) -> None:
    assert keywords(narrowed(ORDER, provider)) <= subset_of(provider).keywords


def test_what_is_taken_out_is_told_in_words() -> None:
    properties = narrowed(ORDER, "anthropic")["properties"]
    assert properties["code"]["description"] == "The order's code. at least 3 characters"
    assert properties["code"]["pattern"] == "^[A-Z]+$"
    assert properties["lines"]["description"] == "at least 2 items; each item once"
    assert properties["lines"]["minItems"] == 1
    assert properties["lines"]["items"] == {"type": "integer", "description": "at least 1"}
    assert narrowed(ORDER, "openai")["properties"]["site"]["description"] == "format uri"
    assert "additionalProperties" not in properties["more"]


def test_a_schema_that_holds_itself_is_not_for_every_decoder() -> None:
    tree = {"type": "object", "properties": {"of": {"$ref": "#/$defs/tree"}}, "$defs": {"tree": {"type": "object"}}}
    assert takes(tree, "openai")
    assert not takes(tree, "anthropic")
    assert takes(ORDER, "anthropic")


@settings(deadline=None, max_examples=80)
@given(st.sampled_from(PROVIDERS), st.integers(0, 40), st.sampled_from(["AB", "ABC", "abc", ""]), st.data())
def test_what_fits_the_schema_fits_what_is_left_of_it(provider: str, number: int, code: str, data: Any) -> None:
    value = {"code": code, "lines": [number, number + 1], "more": {"n": number}}
    value = {name: value[name] for name in data.draw(st.sets(st.sampled_from(list(value))))}
    if Draft202012Validator(ORDER).is_valid(value):
        assert Draft202012Validator(narrowed(ORDER, provider)).is_valid(value)


@pytest.mark.parametrize("provider", PROVIDERS)
def test_for_the_official_suite_too_nothing_becomes_stricter(provider: str) -> None:
    if not SUITE.exists():
        pytest.skip("../shared/data/structured/json-schema-test-suite is not here")
    checked = 0
    for file in sorted(SUITE.glob("*.json")):
        for group in json.loads(file.read_text("utf-8")):
            if isinstance(group["schema"], bool) or unaccepted(group["schema"]):
                continue
            left = narrowed(gathered(group["schema"]), provider)
            assert keywords(left) <= SUBSETS.get(provider, SUBSETS[""]).keywords
            for case in group["tests"]:
                if case["valid"]:
                    checked += 1
                    assert Draft202012Validator(left).is_valid(case["data"]), (file.name, group["description"], left)
    assert checked > 400
