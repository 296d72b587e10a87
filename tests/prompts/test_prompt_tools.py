"""Tools of a prompt: functions beside it, told to the model by their types, called with what fits."""

import json
from pathlib import Path

import pytest

from coachwork.errors import OutputRefused
from coachwork.messages import ToolCallDelta, ToolResultPart
from coachwork.prompts import prompt
from coachwork.providers.wire import Abilities
from coachwork.testing import line, script

from .prompt_project import Desk, write

asked_for: list[tuple[str, int]] = []


async def find_order(number: str, years: int = 1) -> dict[str, str]:
    """Look an order up by its number."""
    asked_for.append((number, years))
    return {"state": "sent"}


@prompt
async def help_with(question: str) -> str: ...


TEXT = "---\nroute: smart\ntools: [find_order]\n---\nHelp.\n## user\n{{question}}\n"


class Native:
    """Makes the fakes ask for tools on their own wire."""

    @staticmethod
    def on(desk: Desk) -> Desk:
        for fake in desk.fakes.values():
            fake.abilities = lambda model: Abilities(tools="native")  # type: ignore[method-assign, assignment]
        return desk


def call(**arguments: object) -> ToolCallDelta:
    return ToolCallDelta(0, "c1", "find_order", json.dumps(arguments))


def called(*deltas: ToolCallDelta) -> object:
    return line(list(deltas), finish_reason="tool_call")  # type: ignore[arg-type]


async def test_the_model_is_told_of_the_function_and_gets_what_it_gives(tmp_path: Path) -> None:
    desk = Native.on(Desk(write(tmp_path, help_with=TEXT))).bind(help_with)
    desk.answers(one=script(called(call(number="A7")), "It was sent."))  # type: ignore[arg-type]
    Native.on(desk)
    asked_for.clear()
    assert await help_with("Where is A7?") == "It was sent."
    first, second = desk.asked("one")
    [tool] = first.tools
    assert (tool.name, tool.description) == ("find_order", "Look an order up by its number.")
    assert tool.schema["required"] == ["number"]
    assert tool.schema["additionalProperties"] is False
    assert asked_for == [("A7", 1)]
    [result] = second.messages[-1].parts
    assert result == ToolResultPart("c1", "find_order", '{"state": "sent"}')


async def test_arguments_that_do_not_fit_are_told_to_the_model_and_nothing_is_called(tmp_path: Path) -> None:
    desk = Native.on(Desk(write(tmp_path, help_with=TEXT))).bind(help_with)
    desk.answers(one=script(called(call(number="A7", colour="red")), "Sorry."))  # type: ignore[arg-type]
    Native.on(desk)
    asked_for.clear()
    assert await help_with("x") == "Sorry."
    assert asked_for == []
    [result] = desk.asked("one")[1].messages[-1].parts
    assert result.failed
    assert "colour" in result.content


async def test_a_model_that_never_stops_asking_for_tools_is_refused(tmp_path: Path) -> None:
    desk = Native.on(Desk(write(tmp_path, help_with=TEXT))).bind(help_with)
    desk.answers(one=script(*[called(call(number="A7")) for _ in range(9)]))  # type: ignore[arg-type]
    Native.on(desk)
    with pytest.raises(OutputRefused, match="after 8 rounds"):
        await help_with("x")
