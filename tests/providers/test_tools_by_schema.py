"""A model that has no tools of its own gets them: what it is sent, and what becomes of what it writes."""

import json
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from coachwork.errors import ProviderFault, Rejected
from coachwork.messages import (
    Message,
    ModelRequest,
    TextDelta,
    ToolCallDelta,
    ToolCallPart,
    ToolResultPart,
    ToolSpec,
    Usage,
)
from coachwork.models import Models, ModelsConfig
from coachwork.providers.schemas import NoSuchPlace, gathered
from coachwork.providers.tools_by_schema import answering, calls_schema, held
from coachwork.providers.wire import Abilities, ChatEvent, End, Meter
from coachwork.testing import script

BY_SCHEMA = Abilities(schema="native", tools="schema")
WEATHER = ToolSpec(
    "weather", "The weather of a place.",
    {"type": "object", "properties": {"place": {"type": "string"}, "days": {"type": "integer"}}, "required": ["place"]},
)  # fmt: skip
TREE = ToolSpec(
    "plant", "Plant a tree.",
    {
        "type": "object", "properties": {"root": {"$ref": "#/$defs/Node"}}, "required": ["root"],
        "$defs": {
            "Node": {"type": "object", "properties": {"of": {"type": "array", "items": {"$ref": "#/$defs/Node"}}}}
        },
    },
)  # fmt: skip


def asked(*tools: ToolSpec, choice: str = "auto", **more: Any) -> ModelRequest:
    return ModelRequest(
        (Message.of("user", "Weather in Oslo?"),), tools=tools or (WEATHER,), tool_choice=choice, **more
    )


async def answered(answer: Any, request: ModelRequest, *, chunk: int = 3, finish: str = "stop") -> list[ChatEvent]:
    from coachwork.testing.fake import line

    with script(line(answer, finish_reason=finish), chunk=chunk, abilities=BY_SCHEMA) as fake:  # type: ignore[arg-type]
        events = answering(fake, "small", request, Meter())
        async with aclosing(events) as given:  # type: ignore[type-var]
            return [event async for event in given]


def calls(events: list[ChatEvent]) -> list[tuple[str, Any]]:
    return [(event.name, json.loads(event.arguments)) for event in events if isinstance(event, ToolCallDelta)]


def words(events: list[ChatEvent]) -> str:
    return "".join(event.text for event in events if isinstance(event, TextDelta))


async def test_a_call_in_json_becomes_a_call_of_the_tool() -> None:
    events = await answered(
        {"tool_fits": True, "calls": [{"name": "weather", "arguments": {"place": "Oslo", "days": 2}}]}, asked()
    )
    assert calls(events) == [("weather", {"place": "Oslo", "days": 2})]
    assert words(events) == ""
    assert isinstance(events[-1], End)
    assert events[-1].finish_reason == "tool_call"


async def test_several_calls_are_several_in_their_order_each_with_an_id_of_its_own() -> None:
    both = [{"name": "weather", "arguments": {"place": place}} for place in ("Oslo", "Bergen")]
    events = await answered({"calls": both}, asked())
    made = [event for event in events if isinstance(event, ToolCallDelta)]
    assert [(call.index, json.loads(call.arguments)["place"]) for call in made] == [(0, "Oslo"), (1, "Bergen")]
    assert len({call.id for call in made}) == 2


@pytest.mark.parametrize("text", ["Hi!", 'say "no" \\ and\n\tgo', "smile 😀 é", ""])
async def test_an_answer_in_words_streams_on_as_words(text: str) -> None:
    for chunk in (1, 2, 7):
        events = await answered(json.dumps({"tool_fits": False, "answer": text}), asked(), chunk=chunk)
        assert words(events) == text
        assert isinstance(events[-1], End)
        assert events[-1].finish_reason == "stop"
        if len(text) > 5 and chunk == 1:
            assert sum(isinstance(event, TextDelta) for event in events) > 3


@given(st.text(), st.integers(1, 9))
async def test_whatever_the_words_they_come_out_as_they_went_in(text: str, chunk: int) -> None:
    for ascii_only in (True, False):
        try:
            written = json.dumps({"tool_fits": False, "answer": text}, ensure_ascii=ascii_only)
        except UnicodeEncodeError:
            return
        assert words(await answered(written, asked(), chunk=chunk)) == text


async def test_a_model_that_is_only_asked_and_answers_in_plain_words_has_answered() -> None:
    events = await answered("It is sunny in Oslo.", asked())
    assert words(events) == "It is sunny in Oslo."


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ({"tool_fits": True, "calls": [{"name": "wether", "arguments": {}}]}, "there is no tool 'wether'"),
        (
            {"tool_fits": True, "calls": [{"name": "weather", "arguments": {"days": 2}}]},
            "'place' is a required property",
        ),
        ({"tool_fits": True, "calls": [{"name": "weather", "arguments": {"place": 5}}]}, "not of type 'string'"),
        ({"tool_fits": True, "calls": []}, "it names no call"),
        ({"weather": "Oslo"}, "it names no call"),
        ('{"tool_fits": true, "calls": [{"name": "weather"', "it is no JSON object"),
        ({"tool_fits": False, "answer": 5}, "its answer is not text"),
    ],
)
async def test_what_is_neither_a_valid_call_nor_an_answer_is_an_error_with_the_text(answer: Any, why: str) -> None:
    with pytest.raises(ProviderFault, match=why) as fault:
        await answered(answer, asked())
    assert fault.value.details["raw"]


async def test_a_call_that_was_cut_is_not_made() -> None:
    events = await answered(
        '{"tool_fits": true, "calls": [{"name": "weather", "arguments": {"place": "Os', asked(), finish="length"
    )
    assert calls(events) == []
    assert events == [End("length", Usage(events[-1].usage.input_tokens, events[-1].usage.output_tokens))]  # type: ignore[union-attr]


def test_the_model_is_held_to_a_call_or_an_answer_and_told_the_tools() -> None:
    request = held(asked(WEATHER, TREE))
    assert request.tools == ()
    assert [message.role for message in request.messages] == ["system", "user"]
    assert "- weather: The weather of a place. Arguments: {" in request.messages[0].text
    assert request.schema is not None
    fits = Draft202012Validator(request.schema).is_valid
    assert fits({"tool_fits": True, "calls": [{"name": "weather", "arguments": {"place": "x"}}]})
    assert fits({"tool_fits": True, "calls": [{"name": "plant", "arguments": {"root": {"of": [{"of": []}]}}}]})
    assert fits({"tool_fits": False, "answer": "Hi"})
    assert not fits({"tool_fits": True, "calls": []})
    assert not fits({"tool_fits": True, "calls": [{"name": "plant", "arguments": {"root": {"of": [{"of": "x"}]}}}]})
    assert not fits({"tool_fits": True, "calls": [{"name": "weather", "arguments": {"place": "x", "sky": "blue"}}]})
    assert not fits({})


def test_a_required_tool_leaves_no_room_for_words_and_an_unknown_one_is_refused() -> None:
    assert not Draft202012Validator(calls_schema(asked(choice="required"))).is_valid(
        {"tool_fits": False, "answer": "Hi"}
    )
    only = Draft202012Validator(calls_schema(asked(WEATHER, TREE, choice="weather")))
    assert not only.is_valid({"tool_fits": True, "calls": [{"name": "plant", "arguments": {"root": {}}}]})
    with pytest.raises(Rejected, match=r"'wether'") as refused:
        calls_schema(asked(choice="wether"))
    assert "'weather'" in refused.value.hint


async def test_a_model_with_tools_of_its_own_is_asked_in_its_own_way() -> None:
    with script(ToolCallPart("1", "weather", '{"place": "Oslo"}')) as fake:
        events = [event async for event in answering(fake, "large", asked(), Meter())]
        pieces = [event for event in events if isinstance(event, ToolCallDelta)]
        assert (pieces[0].name, "".join(piece.arguments for piece in pieces)) == ("weather", '{"place": "Oslo"}')
        assert fake.requests[0].tools == (WEATHER,)


async def test_probabilities_are_asked_only_of_models_that_give_them() -> None:
    for able in (True, False):
        with script("Hi", abilities=Abilities(probabilities=able)) as fake:
            request = ModelRequest((Message.of("user", "Hi"),), probabilities=True)
            assert [event async for event in answering(fake, "m", request, Meter())]
            assert fake.requests[0].probabilities is able


async def test_no_tool_means_no_tool() -> None:
    with script("Hello.", abilities=BY_SCHEMA) as fake:
        events = answering(fake, "small", asked(choice="none"), Meter())
        assert words([event async for event in events]) == "Hello."
        assert fake.requests[0].tools == ()
        assert fake.requests[0].schema is None


async def test_a_structured_answer_beside_tools_is_the_text_of_its_json() -> None:
    schema = {"type": "object", "properties": {"sky": {"enum": ["blue", "grey"]}}, "required": ["sky"]}
    events = await answered({"tool_fits": False, "answer": {"sky": "blue"}}, asked(schema=schema))
    assert json.loads(words(events)) == {"sky": "blue"}


def test_earlier_calls_and_their_results_are_told_in_words() -> None:
    call = Message("assistant", (ToolCallPart("1", "weather", '{"place":"Oslo"}'),))
    result = Message("user", (ToolResultPart("1", "weather", "Rain."),))
    failed = Message("user", (ToolResultPart("2", "weather", "no such place", failed=True),))
    request = held(ModelRequest((Message.of("user", "Weather?"), call, result, failed), tools=(WEATHER,)))
    assert [message.text for message in request.messages[2:]] == [
        '{"tool_fits":true,"calls":[{"name":"weather","arguments":{"place":"Oslo"}}]}',
        "The tool weather gave:\nRain.\n",
        "The tool weather failed:\nno such place\n",
    ]


async def test_through_a_route_it_is_one_call_with_its_tool_calls(tmp_path: Path) -> None:
    with script(
        {"tool_fits": True, "calls": [{"name": "weather", "arguments": {"place": "Oslo"}}]}, abilities=BY_SCHEMA
    ) as fake:
        models = Models(ModelsConfig(), database=None, cache_dir=tmp_path, environ={}, extra_providers={"fake": fake})
        events = [event async for event in models.stream("fake:small", asked())]
        assert [(event.name, event.arguments) for event in events if isinstance(event, ToolCallDelta)] == [
            ("weather", '{"place": "Oslo"}')
        ]
        await models.close()


def test_a_schema_put_into_another_keeps_its_references() -> None:
    root = {
        "type": "object",
        "properties": {"a/b": {"type": "string"}, "again": {"$ref": "#"}, "same": {"$ref": "#/properties/a~1b"}},
    }
    made = gathered(root, "x_")
    whole = {"type": "object", "properties": {"inner": made}, "$defs": made.pop("$defs")}
    fits = Draft202012Validator(whole).is_valid
    assert fits({"inner": {"again": {"again": {"same": "text"}}}})
    assert not fits({"inner": {"again": {"again": {"same": 5}}}})
    with pytest.raises(NoSuchPlace):
        gathered({"$ref": "#/$defs/none"})
    assert gathered({"const": {"$ref": "#/none"}, "properties": {"$ref": {"type": "string"}}})["const"] == {
        "$ref": "#/none"
    }
