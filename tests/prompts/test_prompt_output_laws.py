"""Laws of reading what models write: damaged values come back exactly or not at all, cut ones never in part."""

import json
import os
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, TypeAdapter

from coachwork.errors import OutputRefused, OutputTruncated
from coachwork.prompts.output import read_output

from .damage import DRESSES, dressed, habits, numbers, texts, written
from .prompt_shapes import Answer, Code, Config, Drawing, Invoice, Item, Person, Review, Tagged, Tags, Ticket, Tree

laws = settings(deadline=None, max_examples=int(os.environ.get("LAW_EXAMPLES", "150")))
circles = st.fixed_dictionaries({"kind": st.just("circle"), "radius": numbers})
rects = st.fixed_dictionaries({"kind": st.just("rect"), "width": numbers, "height": numbers})
trees = st.recursive(
    st.fixed_dictionaries({"value": texts, "children": st.just([])}),
    lambda inner: st.fixed_dictionaries({"value": texts, "children": st.lists(inner, max_size=3)}),
    max_leaves=6,
)
VALUES: dict[type[BaseModel], st.SearchStrategy[Any]] = {
    Person: st.fixed_dictionaries({"name": texts, "age": st.integers(0, 10**6)}, optional={"email": st.none() | texts}),
    Ticket: st.fixed_dictionaries(
        {
            "category": st.sampled_from(["Refund", "CancelOrder", "TechnicalSupport"]),
            "priority": st.sampled_from(["low", "medium", "high"]),
            "summary": texts,
        }
    ),
    Invoice: st.fixed_dictionaries(
        {
            "items": st.lists(
                st.fixed_dictionaries({"desc": texts, "qty": st.integers(0, 99), "price": numbers}), max_size=3
            ),
            "total": numbers,
            "paid": st.booleans(),
        }
    ),
    Drawing: st.fixed_dictionaries({"shape": circles | rects}),
    Tagged: st.fixed_dictionaries({"shape": circles | rects}),
    Tree: trees,
    Answer: st.fixed_dictionaries({"reasoning": texts, "answer": texts}),
    Tags: st.fixed_dictionaries({"tags": st.lists(texts, max_size=4)}),
    Review: st.fixed_dictionaries({"verdict": st.booleans(), "score": numbers}, optional={"notes": st.none() | texts}),
    Config: st.fixed_dictionaries(
        {"tags": st.lists(texts, max_size=3)},
        optional={
            "a": st.none()
            | st.fixed_dictionaries({}, optional={"b": st.none() | st.fixed_dictionaries({"c": st.integers()})})
        },
    ),
    Code: st.fixed_dictionaries({"language": texts, "code": texts}),
}


@st.composite
def cases(draw: st.DrawFn) -> tuple[type[BaseModel], Any]:
    model = draw(st.sampled_from(list(VALUES)))
    return model, draw(VALUES[model])


def read_or_refusal(text: str, target: Any) -> Any:
    try:
        return read_output(text, target, cut=False).value
    except OutputRefused as refusal:
        return refusal


def exact_or_refused(text: str, model: type[BaseModel], value: Any) -> bool:
    """Whether it was read; fails where it was read as something else."""
    got = read_or_refusal(text, model)
    if isinstance(got, OutputRefused):
        return False
    assert got == model.model_validate(value)
    return True


@laws
@given(cases(), st.sampled_from(DRESSES))
def test_whole_json_is_read_whatever_surrounds_it(case: tuple[type[BaseModel], Any], dress: tuple[str, str]) -> None:
    model, value = case
    assert exact_or_refused(dressed(json.dumps(value, ensure_ascii=False), dress), model, value)


@laws
@given(cases(), habits, st.sampled_from(DRESSES))
def test_a_careless_writers_value_is_read_exactly_or_refused(
    case: tuple[type[BaseModel], Any], how: Any, dress: tuple[str, str]
) -> None:
    model, value = case
    exact_or_refused(dressed(written(value, how), dress), model, value)


plain = st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=12)


@laws
@given(
    st.fixed_dictionaries({"name": plain, "age": st.integers(0, 150), "email": st.none() | plain}),
    habits,
    st.sampled_from(DRESSES),
)
def test_a_careless_writers_plain_value_is_read(value: Any, how: Any, dress: tuple[str, str]) -> None:
    assert exact_or_refused(dressed(written(value, how), dress), Person, value)


@pytest.mark.slow
@laws
@given(cases().filter(lambda case: case[0] is not Tree), habits, st.data())
def test_text_that_stops_anywhere_is_never_read_in_part(case: tuple[type[BaseModel], Any], how: Any, data: Any) -> None:
    model, value = case
    for text in (json.dumps(value), written(value, how)):
        for end in data.draw(st.lists(st.integers(0, len(text) - 1), max_size=12)) + list(
            range(len(text) - 4, len(text))
        ):
            exact_or_refused(text[:end], model, value)


@laws
@given(cases(), st.data())
def test_what_the_model_was_stopped_at_is_refused_even_where_it_looks_whole(
    case: tuple[type[BaseModel], Any], data: Any
) -> None:
    model, value = case
    text = json.dumps(value)
    with pytest.raises(OutputTruncated):
        read_output(text[: data.draw(st.integers(0, len(text)))], model, cut=True)


@laws
@given(VALUES[Person], VALUES[Person], st.sampled_from(["\n", " or ", "\n\nAlternatively:\n", "```\n```json\n", " "]))
def test_two_answers_are_one_only_where_they_agree(one: Any, other: Any, between: str) -> None:
    text = json.dumps(one) + between + json.dumps(other)
    agree = Person.model_validate(one) == Person.model_validate(other)
    assert exact_or_refused(text, Person, one) == agree


@laws
@given(VALUES[Person], st.sampled_from(["person", "result", "data", "Answer"]), st.integers(0, 3))
def test_wrapping_is_undone(value: Any, name: str, kind: int) -> None:
    wrapped = [{name: value}, [value], json.dumps(value), {name: json.dumps(value)}][kind]
    assert exact_or_refused(json.dumps(wrapped), Person, value)


@laws
@given(
    st.sampled_from(["Refund", "CancelOrder", "TechnicalSupport"]),
    st.sampled_from(
        [
            str.upper,
            str.lower,
            str.title,
            lambda s: f"**{s}**",
            lambda s: f"{s}.",
            lambda s: "".join(f" {c}" if c.isupper() else c for c in s),
        ]
    ),
)
def test_an_enum_is_read_in_other_letters(member: str, spelling: Any) -> None:
    value = {"category": member, "priority": "low", "summary": "x"}
    assert exact_or_refused(json.dumps(value | {"category": spelling(member)}), Ticket, value)


@laws
@given(st.dictionaries(st.sampled_from(["name", "age", "email", "x"]), st.none() | texts | numbers | st.booleans()))
def test_no_field_is_ever_made_up(value: Any) -> None:
    got = read_or_refusal(json.dumps(value), Person)
    if isinstance(got, OutputRefused):
        return
    assert got.name == str(value["name"])
    assert float(got.age) == float(value["age"])
    assert got.email == (None if value.get("email") is None else str(value["email"]))


@laws
@given(st.text(max_size=60), st.sampled_from([Person, Tags, Invoice, Tree, Drawing, list[Item], int]))
def test_any_text_gives_a_value_or_a_typed_refusal(text: str, target: Any) -> None:
    got = read_or_refusal(text, target)
    if isinstance(got, OutputRefused):
        assert got.raw == text
        assert got.reasons
    else:
        assert TypeAdapter(target).validate_python(got) == got


@pytest.mark.slow
@laws
@given(
    st.lists(
        st.sampled_from(
            [
                '{"',
                "name",
                '"',
                ":",
                "{",
                "}",
                "[",
                "]",
                ",",
                "30",
                " ",
                "\\",
                "age",
                "'",
                "\n",
                "//",
                "`",
                "“",
                "true",
                "...",
            ]
        ),
        max_size=30,
    )
)
def test_any_debris_of_json_gives_a_value_or_a_typed_refusal(pieces: list[str]) -> None:
    text = "".join(pieces)
    for model in (Person, Tags, Tree):
        got = read_or_refusal(text, model)
        assert got.reasons if isinstance(got, OutputRefused) else isinstance(got, model)
