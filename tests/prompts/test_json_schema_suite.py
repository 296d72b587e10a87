"""The official JSON Schema test suite (draft 2020-12), on what is accepted as a schema. `-s` shows the counts."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from coachwork.errors import OutputRefused, ProjectError
from coachwork.prompts.json_schema import unaccepted
from coachwork.prompts.output import read_output
from coachwork.prompts.repair import same
from coachwork.prompts.shape import Shape

SUITE = Path(__file__).resolve().parents[2].parent / "shared/data/structured/json-schema-test-suite/draft2020-12"

LEFT_OUT = {
    "format 'idn-hostname'", "format 'hostname'", "format 'uri-template'", "format 'uri-reference'",
    "format 'relative-json-pointer'", "format 'iri'", "format 'iri-reference'", "format 'idn-email'", "format 'regex'",
    "$anchor", "$dynamicAnchor", "$dynamicRef", "$id inside a schema", "$ref to another document",
    "$schema of another dialect", "contentSchema",
    "a boolean as the whole schema", "pattern of ECMA 262 that Python reads otherwise",
}  # fmt: skip
"""Why a schema of the suite is refused when it is loaded; a new reason, or one that is gone, fails the test."""


@pytest.fixture(scope="module")
def groups() -> list[tuple[str, Any]]:
    if not SUITE.exists():
        pytest.skip("../shared/data/structured/json-schema-test-suite is not here")
    files = [*sorted(SUITE.glob("*.json")), *sorted((SUITE / "optional/format").glob("*.json"))]
    return [(file.name, group) for file in files for group in json.loads(file.read_text("utf-8"))]


def reason(named: str) -> str:
    """What stands in the way, without its place in the schema."""
    for text in sorted(LEFT_OUT, key=len, reverse=True):
        if named.endswith(text):
            return text
    if "$id (only" in named:
        return "$id inside a schema"
    if "$ref to '#" in named and "'#/" not in named:
        return "$anchor"
    if "$ref to" in named:
        return "$ref to another document"
    if "$schema" in named:
        return "$schema of another dialect"
    return "pattern of ECMA 262 that Python reads otherwise" if "pattern '" in named else named


def test_it_passes_for_every_schema_that_is_accepted(groups: list[tuple[str, Any]]) -> None:
    counts: Counter[str] = Counter()
    left: Counter[str] = Counter()
    wrong = []
    for file, group in groups:
        if isinstance(group["schema"], bool):
            left["a boolean as the whole schema"] += len(group["tests"])
            continue
        try:
            judge = Shape.of(group["schema"]).judge
        except ProjectError:
            left[reason(unaccepted(group["schema"])[0])] += len(group["tests"])
            continue
        assert judge is not None
        for case in group["tests"]:
            if "only an annotation by default" in case["description"]:
                left["formats are asserted here"] += 1  # the suite's default is that they only annotate
                continue
            counts["passed"] += 1
            if (judge.reasons(case["data"]) == []) != case["valid"]:
                wrong.append((file, group["description"], case["description"]))
    print(f"\n{counts['passed']} tests of the suite, {len(wrong)} wrong; left out {sum(left.values())}:")
    print("".join(f"  {count:4} {name}\n" for name, count in left.most_common()))
    assert wrong == []
    assert set(left) == LEFT_OUT | {"formats are asserted here"}
    assert counts["passed"] > 1400


STRICTER = {
    "asked as an object": "a schema with `properties` and no `type` is asked, and read, as an object",
    "none of the fields": "an answer that has none of the named fields and others instead is no answer",
    "ambiguous": "an object that fits two branches, each by leaving a field out, is refused",
}


def test_the_ladder_reads_what_is_valid_as_it_stands_and_never_gives_what_is_not(groups: list[tuple[str, Any]]) -> None:
    """Where the ladder says more than the specification: it may refuse (three documented kinds), leave out unknown
    fields, and read an invalid value in its one valid way; what it gives is valid, always."""
    counts: Counter[str] = Counter()
    for _file, group in groups:
        try:
            shape = Shape.of(group["schema"])
        except ProjectError:
            continue
        for case in group["tests"]:
            text = json.dumps({"answer": case["data"]} if shape.wrapped else case["data"])
            try:
                output = read_output(text, shape)
            except OutputRefused as refusal:
                if case["valid"]:
                    counts[_stricter(refusal.reasons, case["data"])] += 1
                continue
            assert shape.judge is not None
            assert shape.judge.reasons(output.value) == []
            if not case["valid"]:
                assert output.how == "coerced"
                counts["read in its one valid way"] += 1
            elif same(output.value, case["data"]):
                counts["as it stands"] += 1
            else:
                assert output.value.items() <= case["data"].items()
                counts["without unknown fields"] += 1
    print(f"\n{dict(counts)}")
    assert set(counts) <= {
        "as it stands",
        "without unknown fields",
        "read in its one valid way",
        "annotation",
        *STRICTER,
    }
    assert counts["as it stands"] > 700
    assert counts["without unknown fields"] + sum(counts[kind] for kind in STRICTER) < 30


def _stricter(reasons: list[str], data: Any) -> str:
    said = "; ".join(reasons)
    if "should be an object" in said and not isinstance(data, dict):
        return "asked as an object"
    if "has none of the fields" in said:
        return "none of the fields"
    if "fits more than one" in said:
        return "ambiguous"
    return "annotation" if "is not a" in said else said
