"""Further broken answers, by kind and in other words than the shared set: each is right, or refused."""

import json
from typing import Any

import pytest
from pydantic import TypeAdapter

from coachwork.errors import OutputRefused
from coachwork.prompts.output import read_output
from coachwork.prompts.shape import Shape

from .broken_outputs import EVERY, REFUSED


@pytest.mark.parametrize(
    ("text", "target", "expected"), EVERY, ids=[f"{i}-{case[0][:40]}" for i, case in enumerate(EVERY)]
)
def test_a_broken_answer_is_right_or_refused(text: str, target: Any, expected: Any) -> None:
    try:
        value = read_output(text, target).value
    except OutputRefused:
        got: Any = REFUSED
    else:
        got = json.loads(TypeAdapter(target).dump_json(value))
    assert got == expected


@pytest.mark.parametrize(
    ("text", "target", "expected"), EVERY, ids=[f"{i}-{case[0][:40]}" for i, case in enumerate(EVERY)]
)
def test_it_is_the_same_where_only_a_schema_is_known(text: str, target: Any, expected: Any) -> None:
    """A type's own validation is only one of the guards: the schema alone may lose a value, never give another."""
    schema = Shape.of(target).schema
    try:
        value = read_output(text, schema).value
    except OutputRefused:
        return
    assert expected != REFUSED
    assert TypeAdapter(target).validate_json(json.dumps(value)) == TypeAdapter(target).validate_json(
        json.dumps(expected)
    )
