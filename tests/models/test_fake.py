"""The fake model that ships with the product: exact about what it did not expect and what was not used."""

import json
from pathlib import Path

import pytest

from coachwork.messages import Message, ModelRequest
from coachwork.models import Models, ModelsConfig
from coachwork.testing import FakeModel, UnexpectedCall, UnusedLine, line, script


def models(fake: FakeModel) -> Models:
    return Models(ModelsConfig(), database=None, cache_dir=Path("/nowhere"), environ={}, extra_providers={"fake": fake})


async def ask(fake: FakeModel, text: str) -> str:
    reply = await models(fake).complete("fake:script", ModelRequest((Message.of("user", text),)))
    return reply.text


async def test_lines_are_given_in_order_and_those_with_when_to_whom_they_fit():
    fake = script("first", line("about money", when="INVOICE"), "second", line("always", when="thanks", times=None))
    said = [await ask(fake, text) for text in ("a", "thanks", "my invoice", "b", "many thanks")]
    assert said == ["first", "always", "about money", "second", "always"]
    fake.check_used()


async def test_an_unexpected_call_shows_the_question_and_the_script():
    fake = script(line("yes", when="invoice"))
    with pytest.raises(UnexpectedCall) as raised:
        await ask(fake, "Where is my spade?")
    assert "[user] Where is my spade?" in str(raised.value)
    assert "used 0x  when 'invoice': 'yes'" in str(raised.value)


async def test_an_unused_line_is_an_error_that_shows_it():
    with pytest.raises(UnusedLine, match="'never asked for'"), script("used", "never asked for") as fake:
        await ask(fake, "Hello")


async def test_a_dict_is_answered_as_json():
    assert json.loads(await ask(script({"team": "billing"}), "Sort this")) == {"team": "billing"}


async def test_a_function_may_answer():
    async def echo(request: ModelRequest) -> str:
        return request.messages[-1].text.upper()

    assert await ask(FakeModel(echo), "loud") == "LOUD"


async def test_answers_are_labelled_as_fake():
    reply = await models(script("x")).complete("fake:script", ModelRequest((Message.of("user", "x"),)))
    assert reply.model == "fake:script"
