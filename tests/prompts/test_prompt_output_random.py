"""Laws over random schemas: each damage of a list is undone exactly or refused, and what it gives is always valid."""

import json
import os
import re
from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coachwork.errors import OutputRefused
from coachwork.prompts.output import read_output
from coachwork.prompts.repair import same

from .damage import DRESSES, dressed, habits, written
from .random_shapes import Case, objects, recased, texted

pytestmark = pytest.mark.slow
laws = settings(deadline=None, max_examples=int(os.environ.get("LAW_EXAMPLES", "60")))
LOOSE = {  # damage of the text that leaves no doubt: what was meant is always found
    "whole": lambda text: text,
    "fence": lambda text: f"```json\n{text}\n```",
    "fence without a name": lambda text: f"```\n{text}\n```",
    "fence that is not closed": lambda text: f"```json\n{text}\n",
    "prose": lambda text: f"Here is what you asked for:\n\n{text}\n\nTell me if that helps.",
    "thinking": lambda text: f'<think>An object like {{"name": 1}}?</think>\n{text}',
    "byte order mark": lambda text: f"\ufeff{text}",
    "tag": lambda text: f"<answer>{text}</answer>",
    "closers too many": lambda text: text + "}}",
}


def exact_or_refused(text: str, schema: Any, value: Any) -> bool:
    """Whether it was read; fails where it was read as something else."""
    try:
        got = read_output(text, schema).value
    except OutputRefused:
        return False
    assert same(got, value), f"{text!r} was read as {got!r}"
    return True


@laws
@given(objects(), st.sampled_from(list(LOOSE)), st.sampled_from([None, 1]))
def test_what_surrounds_an_answer_never_costs_it(case: Case, damage: str, indent: int | None) -> None:
    schema, value = case
    text = json.dumps(value, ensure_ascii=False, indent=indent)
    assert exact_or_refused(LOOSE[damage](text), schema, value)


@laws
@given(objects(), habits, st.sampled_from(DRESSES))
def test_a_careless_writers_value_is_read_exactly_or_refused(case: Case, how: Any, dress: tuple[str, str]) -> None:
    schema, value = case
    exact_or_refused(dressed(written(value, how), dress), schema, value)


@laws
@given(objects())
def test_numbers_and_booleans_in_quotes_are_read(case: Case) -> None:
    schema, value = case
    assert exact_or_refused(json.dumps(texted(schema, value)), schema, value)


@laws
@given(
    objects(), st.sampled_from([str.upper, str.lower, str.title, lambda word: f" {word} ", lambda word: f"**{word}**"])
)
def test_an_enum_in_other_letters_is_read_or_refused_where_two_would_fit(case: Case, spelling: Any) -> None:
    schema, value = case
    exact_or_refused(json.dumps(recased(schema, value, spelling)), schema, value)


@laws
@given(objects(), st.sampled_from(["result", "data", "output", "Person"]), st.integers(0, 3))
def test_an_object_in_an_object_of_one_key_is_unwrapped_or_refused(case: Case, name: str, kind: int) -> None:
    schema, value = case
    wrapped = [{name: value}, [value], json.dumps(value), {name: json.dumps(value)}][kind]
    if value:
        exact_or_refused(json.dumps(wrapped), schema, value)


@laws
@given(objects(), st.data())
def test_a_key_given_twice_is_read_only_where_both_agree(case: Case, data: Any) -> None:
    schema, value = case
    if not value:
        return
    name = data.draw(st.sampled_from(list(value)))
    body = json.dumps(value)[:-1]
    assert exact_or_refused(f"{body}, {json.dumps(name)}: {json.dumps(value[name])}}}", schema, value)
    with pytest.raises(OutputRefused):
        read_output(f'{body}, {json.dumps(name)}: ["another"]}}', schema)


@laws
@given(objects(), st.sampled_from(["NaN", "Infinity", "-Infinity", "nan", "-inf"]))
def test_what_is_no_number_is_no_value(case: Case, word: str) -> None:
    schema, value = case
    names = [name for name, item in value.items() if isinstance(item, int | float) and not isinstance(item, bool)]
    for name in names:
        text = json.dumps(value | {name: "@@@"}).replace('"@@@"', word)
        with pytest.raises(OutputRefused):
            read_output(text, schema)


@pytest.mark.slow
@laws
@given(objects(), habits, st.data())
def test_cut_anywhere_it_is_exact_or_refused(case: Case, how: Any, data: Any) -> None:
    schema, value = case
    for text in (json.dumps(value), written(value, how)):
        ends = data.draw(st.lists(st.integers(0, len(text)), max_size=8))
        for end in {*ends, *range(max(0, len(text) - 3), len(text))}:
            exact_or_refused(text[:end], schema, value)


@pytest.mark.slow
@laws
@given(objects(), objects(), st.sampled_from(["\n", " or ", "\n\nAlternatively:\n", "```\n```json\n"]))
def test_two_answers_that_disagree_are_no_answer(case: Case, other: Case, between: str) -> None:
    schema, value = case
    text = json.dumps(value) + between + json.dumps(value | {"surplus": 1} if not other[1] else other[1])
    try:
        got = read_output(text, schema).value
    except OutputRefused:
        return
    assert same(got, value) or same(got, _known(schema, other[1]))


def _known(schema: Any, value: Any) -> Any:
    return {name: item for name, item in value.items() if name in schema["properties"]}


@pytest.mark.slow
@laws
@given(objects(), objects())
def test_whatever_comes_back_is_valid_under_the_schema_that_was_asked(case: Case, other: Case) -> None:
    from coachwork.prompts.shape import Shape

    shape = Shape.of(case[0])
    try:
        got = read_output(json.dumps(other[1]), shape).value
    except OutputRefused:
        return
    assert shape.judge is not None
    assert shape.judge.reasons(got) == []
    assert all(_from(item, other[1]) for item in _scalars(got))


def _scalars(value: Any) -> list[Any]:
    if isinstance(value, dict | list):
        return [each for item in (value.values() if isinstance(value, dict) else value) for each in _scalars(item)]
    return [value]


def _from(item: Any, source: Any) -> bool:
    """Whether a value stands in what was written, in some spelling: nothing is made up."""
    if item is None or isinstance(item, bool):
        return True  # "null", "yes": words of their own
    plain = re.sub(r"[\W_]", "", str(item)).casefold()
    return any(plain in re.sub(r"[\W_]", "", str(each)).casefold() for each in _scalars(source)) or plain in _tags(
        source
    )


def _tags(source: Any) -> Counter[str]:
    """What an object's fields imply: the tag of the only type that has them."""
    return Counter(["one", "two"])
