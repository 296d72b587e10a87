"""A tool's arguments are read like any answer: mended where there is one way, refused with reasons where not."""

from typing import Any

import pytest

from coachwork.errors import ModelRefused, OutputRefused, OutputTruncated, ProjectError
from coachwork.messages import ToolCallPart, ToolSpec
from coachwork.prompts.tool_arguments import read_arguments, shape_of

REFUND = ToolSpec(
    "refund",
    "Pay money back.",
    {
        "type": "object",
        "properties": {
            "order": {"type": "string"},
            "amount": {"type": "number", "minimum": 0.01},
            "why": {"enum": ["late", "broken"]},
        },
        "required": ["order", "amount"],
        "additionalProperties": False,
    },
)


def read(arguments: str, **more: Any) -> Any:
    return read_arguments(ToolCallPart("1", "refund", arguments), shape_of(REFUND), **more)


@pytest.mark.parametrize(
    ("arguments", "values", "how"),
    [
        ('{"order": "A7", "amount": 5}', {"order": "A7", "amount": 5}, "strict"),
        ('{"order": "A7", "amount": "5.00", "why": "LATE"}', {"order": "A7", "amount": 5.0, "why": "late"}, "coerced"),
        ('```json\n{"order": \'A7\', "amount": 5,}\n```', {"order": "A7", "amount": 5}, "repaired"),
        ('"{\\"order\\": \\"A7\\", \\"amount\\": 5}"', {"order": "A7", "amount": 5}, "unwrapped"),
    ],
)
def test_arguments_with_one_reading_are_read(arguments: str, values: Any, how: str) -> None:
    got = read(arguments)
    assert (got.values, got.how) == (values, how)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ("", "order: is missing"),
        ('{"order": "A7", "amount": "five"}', "amount: should be a number, is 'five'"),
        ('{"order": "A7", "amount": 0}', "amount: 0 should be at least 0.01"),
        ('{"order": "A7", "amount": 5, "iban": "DE1"}', "iban: is not a field of this type"),
        ('{"order": "A7", "amount": 5, "amount": 6}', "the key 'amount' is given twice with different values"),
        ('{"order": "A7", "amount": 5', "the text ends in a number, which may go on"),
        ('{"order": "A7", "amou', "a string is not closed"),
    ],
)
def test_arguments_that_would_be_a_guess_are_refused_with_what_the_model_can_act_on(
    arguments: str, reason: str
) -> None:
    with pytest.raises(OutputRefused, match=r"the call of the tool 'refund' can't be made") as refusal:
        read(arguments)
    assert reason in refusal.value.reasons
    assert not isinstance(refusal.value, ModelRefused)


def test_arguments_that_were_cut_are_never_used_however_whole_they_look() -> None:
    with pytest.raises(OutputTruncated):
        read('{"order": "A7", "amount": 5}', cut=True)


def test_a_tool_without_arguments_may_be_called_without_any() -> None:
    nothing = ToolSpec("now", "The time.", {"type": "object", "properties": {}})
    assert read_arguments(ToolCallPart("1", "now", ""), shape_of(nothing)).values == {}


def test_a_tool_whose_schema_can_not_be_checked_is_refused_by_name() -> None:
    with pytest.raises(ProjectError, match=r"the tool 'x': .*properties\.a\.nullable"):
        shape_of(ToolSpec("x", "", {"properties": {"a": {"nullable": True}}}))
