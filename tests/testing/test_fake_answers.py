"""What a scripted answer can hold: tool calls, thinking, sources, probabilities, usage, delays, judgements, a price."""

import asyncio
import json
from pathlib import Path

import pytest

from coachwork.messages import (
    Audio,
    Message,
    ModelRequest,
    Source,
    SourceFound,
    SpokenWord,
    TextDelta,
    ThinkingDelta,
    ToolCallDelta,
    ToolResultPart,
    Transcript,
    Usage,
)
from coachwork.models import ModelConfig, Models, ModelsConfig
from coachwork.providers.wire import End, Meter
from coachwork.testing import FakeModel, Pause, UnusedLine, calls, line, script

HELLO = ModelRequest((Message.of("user", "Hello"),))


async def events(fake: FakeModel, request: ModelRequest = HELLO) -> list:
    return [event async for event in fake.stream("script", request, Meter())]


async def test_a_tool_call_streams_its_arguments_in_pieces():
    *pieces, end = await events(script(calls("search", query="refund", top=3), chunk=8))
    assert pieces[0] == ToolCallDelta(0, "call_search", "search", "")
    assert len(pieces) > 2
    assert json.loads("".join(piece.arguments for piece in pieces)) == {"query": "refund", "top": 3}
    assert end.finish_reason == "tool_call"


async def test_several_calls_stand_beside_text_and_thinking_in_their_order():
    answer = [ThinkingDelta("hm"), "I look. ", calls("a", id="1"), calls("b", id="2", x=1)]
    *pieces, end = await events(script(line(answer, thinking_signature="proof")))
    assert pieces[:2] == [ThinkingDelta("hm"), TextDelta("I look. ")]
    assert [(piece.index, piece.id, piece.name) for piece in pieces if getattr(piece, "name", "")] == [
        (0, "1", "a"),
        (1, "2", "b"),
    ]
    assert (end.finish_reason, end.thinking_signature) == ("tool_call", "proof")


async def test_a_line_may_wait_for_what_a_tool_gave():
    fake = script(line("It takes 14 days.", when="fourteen days"), calls("search"))
    assert isinstance((await events(fake))[0], ToolCallDelta)
    result = Message("user", (ToolResultPart("call_search", "search", "Refunds: fourteen days"),))
    assert (await events(fake, ModelRequest((*HELLO.messages, result))))[0] == TextDelta("It takes 14 ")
    fake.check_used()


async def test_sources_probabilities_and_usage_are_given_as_written():
    source = Source("handbook.md", "14 days", 3, 10)
    usage = Usage(100, 20, cached_tokens=80)
    found, _text, end = await events(
        script(line([source, "14 days"], usage=usage, probabilities=[("14", -0.1), (" days", -0.2)]))
    )
    assert found == SourceFound(source)
    assert end == End("stop", usage, (("14", -0.1), (" days", -0.2)))


async def test_a_line_has_its_own_delay():
    fake = script(line(["a", "b"], delay=0.05), "c")
    began = asyncio.get_running_loop().time()
    await events(fake)
    assert asyncio.get_running_loop().time() - began >= 0.09


async def test_what_is_no_piece_of_an_answer_is_named():
    with pytest.raises(TypeError, match="14, which is no piece"):
        await events(script(["about ", 14]))


async def test_a_moderation_flags_the_words_it_was_given():
    fake = script(moderations={"knife": "violence", "spade": "gardening"})
    calm, wild = await fake.moderate("script", ["tea", "A KNIFE!"], Meter())
    assert (calm.flagged, wild.flagged) == (False, True)
    assert wild.scores == {"violence": 1.0, "gardening": 0.0}


async def test_a_transcript_has_the_words_it_was_given():
    spoken = Transcript(text="Hi", language="de", seconds=2.5, words=[SpokenWord(word="Hi", start=0, end=1)])
    meter = Meter()
    assert await script(transcript=spoken).transcribe("script", Audio(b"x"), meter) == spoken
    assert meter.usage == Usage(audio_seconds=2.5)


async def test_a_billed_fake_costs_what_the_settings_say():
    prices = ModelConfig(input_usd_per_million=2, output_usd_per_million=10)
    told = []
    for billed in (True, False):
        fake = script("Good morning", usage=Usage(1000, 100), billed=billed)
        settings = {"fake:script": prices} if billed else {}
        models = Models(
            ModelsConfig(models=settings),
            database=None,
            cache_dir=Path("/nowhere"),
            environ={},
            extra_providers={"fake": fake},
        )
        told.append((await models.complete("fake:script", HELLO)).cost_nano)
    assert told == [3_000_000, 0]


async def test_a_billed_fake_without_a_price_has_an_unknown_cost():
    models = Models(
        ModelsConfig(),
        database=None,
        cache_dir=Path("/nowhere"),
        environ={},
        extra_providers={"fake": script("x", billed=True)},
    )
    assert (await models.complete("fake:script", HELLO)).cost_nano is None


async def test_an_answer_that_is_cancelled_in_its_pause_used_its_line():
    fake = script(["a", Pause()], "never")
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(events(fake), 0.05)
    with pytest.raises(UnusedLine, match="1 of 2"):
        fake.check_used()
