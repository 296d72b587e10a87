"""A prompt that differs by model: settings by pattern, a file of its own words, thoughts, limits of money."""

from pathlib import Path

import pytest

from coachwork.errors import BudgetExceeded, Overloaded, RouteExhausted
from coachwork.models import ModelConfig
from coachwork.models.config import ModelsConfig, RouteConfig
from coachwork.prompts import prompt
from coachwork.testing import Fail, line, script

from .prompt_project import BILLING, Desk, Ticket, Triage, write
from .watcher import watching


@prompt
async def triage(ticket: Ticket) -> Triage: ...


@prompt
async def answer(ticket: Ticket) -> str: ...


TRIAGE = "---\nroute: smart\n{more}---\nRoute it.\n## user\n{{{{ticket.subject}}}}\n"
NOW = Ticket(subject="Charged twice")


def words(request: object) -> list[tuple[str, str]]:
    return [(message.role, message.text) for message in request.messages]  # type: ignore[attr-defined]


async def test_each_model_of_a_route_gets_its_own_settings_at_the_moment_it_is_asked(tmp_path: Path) -> None:
    two = "{temperature: 0.7, thinking: off, stop: [END], top_p: 0.5, seed: 7}"
    more = f'temperature: 0\nmax_tokens: 50\non:\n  "two:*": {two}\n'
    desk = Desk(write(tmp_path, triage=TRIAGE.format(more=more))).bind(triage)
    desk.answers(one=script(Fail(Overloaded("busy"))), two=script(BILLING))
    assert await triage(NOW) == Triage(**BILLING)
    [first], [second] = desk.asked("one"), desk.asked("two")
    assert (first.temperature, first.thinking, first.stop, first.top_p, first.seed) == (0, None, (), None, None)
    assert (second.temperature, second.thinking, second.stop, second.top_p, second.seed) == (
        0.7,
        "off",
        ("END",),
        0.5,
        7,
    )
    assert first.max_tokens == second.max_tokens == 50
    assert first.messages == second.messages


async def test_a_variant_file_has_other_words_for_the_models_of_its_name(tmp_path: Path) -> None:
    folder = write(
        tmp_path,
        triage=TRIAGE.format(more="temperature: 0\n"),
        **{
            "triage@two.md": "---\nmax_tokens: 9\n---\nSort it, {{> tone}}\n## user\nSubject: {{ticket.subject}}\n",
            "_tone.md": "kindly.",
        },
    )
    desk = Desk(folder).bind(triage).answers(one=script(Fail(Overloaded("busy"))), two=script(BILLING))
    await triage(NOW)
    [first], [second] = desk.asked("one"), desk.asked("two")
    assert words(first)[0][1].startswith("Route it.")
    assert words(second)[0][1].startswith("Sort it, kindly.")
    assert words(second)[1] == ("user", "Subject: Charged twice")
    assert (second.temperature, second.max_tokens) == (0, 9)


async def test_of_several_patterns_the_later_wins_and_a_file_over_all(tmp_path: Path) -> None:
    more = 'on: {"*:m": {temperature: 0.1, seed: 1}, "two:*": {temperature: 0.2}}\n'
    folder = write(
        tmp_path,
        triage=TRIAGE.format(more=more),
        **{"triage@2.md": '---\nfor: "two:m"\ntemperature: 0.3\n---\nOther.\n## user\n{{ticket}}\n'},
    )
    desk = Desk(folder).bind(triage)
    request = triage.render(NOW)
    assert desk.models is not None
    assert [request.on(model).temperature for model in ("one:m", "two:m", "new:m")] == [0.1, 0.3, None]
    assert request.on("two:m").seed == 1


async def test_what_a_refused_answer_is_told_reaches_every_model(tmp_path: Path) -> None:
    desk = Desk(write(tmp_path, triage=TRIAGE.format(more='on: {"two:*": {seed: 1}}\n'))).bind(triage)
    desk.answers(one=script(Fail(Overloaded("busy")), Fail(Overloaded("busy"))), two=script("[]", BILLING))
    assert await triage(NOW) == Triage(**BILLING)
    assert "can't be used" in desk.asked("two")[1].messages[-1].text


async def test_another_route_takes_over_where_all_models_failed(tmp_path: Path) -> None:
    desk = Desk(write(tmp_path, triage=TRIAGE.format(more="alternatives: [quick]\n"))).bind(triage)
    busy = [script(Fail(Overloaded("busy"))) for _ in range(2)]
    desk.answers(one=busy[0], two=busy[1], three=script(BILLING))
    assert await triage(NOW) == Triage(**BILLING)
    assert len(desk.asked("three")) == 1


async def test_prompted_output_is_asked_for_in_words_alone_and_read_all_the_same(tmp_path: Path) -> None:
    desk = Desk(write(tmp_path, triage=TRIAGE.format(more="output: prompted\n"))).bind(triage)
    desk.answers(one=script("Here it is: " + '{"team": "billing", "urgent": false}'))
    assert await triage(NOW) == Triage(**BILLING)
    [asked] = desk.asked("one")
    assert asked.schema is None
    assert "one JSON object" in asked.messages[0].text


# ── money ───────────────────────────────────────────────────────────────────────────────────────


async def test_a_call_whose_worst_case_costs_too_much_is_refused_before_it_is_sent(tmp_path: Path) -> None:
    desk = Desk(write(tmp_path, triage=TRIAGE.format(more="max_cost: 0.001\nmax_tokens: 100\nreask: 0\n"))).bind(triage)
    dear = ModelConfig(input_usd_per_million=1, output_usd_per_million=20)  # 0.002 $ for the answer alone
    cheap = ModelConfig(input_usd_per_million=0.1, output_usd_per_million=1)
    routes = {"smart": RouteConfig(models=["one:m", "two:m"], retries=0)}
    desk.models.config = ModelsConfig(routes=routes, models={"one:m": dear, "two:m": cheap})
    desk.answers(one=script(BILLING), two=script(BILLING))
    assert await triage(NOW) == Triage(**BILLING)
    assert (len(desk.asked("one")), len(desk.asked("two"))) == (0, 1)

    desk.models.config = ModelsConfig(routes=routes, models={"one:m": dear, "two:m": dear})
    with pytest.raises((BudgetExceeded, RouteExhausted)) as refused:
        await triage(NOW)
    assert (len(desk.asked("one")), len(desk.asked("two"))) == (0, 1)
    assert "$0.001" in str(refused.value)


# ── thoughts ────────────────────────────────────────────────────────────────────────────────────


async def test_thoughts_come_first_and_never_reach_the_answer(tmp_path: Path) -> None:
    desk = Desk(write(tmp_path, triage=TRIAGE.format(more="reasoning: true\n"))).bind(triage)
    desk.answers(one=script({"reasoning": "Money, so billing.", "answer": BILLING}))
    with watching() as records:
        assert await triage(NOW) == Triage(**BILLING)
    [asked] = desk.asked("one")
    assert list(asked.schema["properties"]) == ["reasoning", "answer"]
    assert asked.schema["required"] == ["reasoning", "answer"]
    [record] = records
    assert record.reasoning == "Money, so billing."


async def test_a_model_that_thinks_by_itself_is_not_asked_to(tmp_path: Path) -> None:
    desk = Desk(write(tmp_path, triage=TRIAGE.format(more="reasoning: true\n")), thinks=("two:m",)).bind(triage)
    desk.answers(one=script(Fail(Overloaded("busy"))), two=script(BILLING))
    assert await triage(NOW) == Triage(**BILLING)
    [asked] = desk.asked("two")
    assert list(asked.schema["properties"]) == ["team", "urgent"]


TEXT = "---\nroute: smart\nreasoning: true\nshow: true\nreask: {reask}\n---\nHelp.\n## user\n{{{{ticket.subject}}}}\n"


@pytest.mark.parametrize("chunk", [1, 3, 12, 500])
async def test_thoughts_before_a_text_are_not_shown_while_it_streams(tmp_path: Path, chunk: int) -> None:
    desk = Desk(write(tmp_path, answer=TEXT.format(reask=0))).bind(answer)
    said = "<reasoning>They were charged < twice.</reasoning>\n\nWe pay it <b>back</b>."
    desk.answers(one=script(line(said), chunk=chunk))
    with watching() as records:
        assert await answer(NOW) == "We pay it <b>back</b>."
    assert "".join(records.shown) == "We pay it <b>back</b>."
    assert records[0].reasoning == "They were charged < twice."


async def test_a_text_without_thoughts_is_shown_whole_and_one_without_their_end_is_refused(tmp_path: Path) -> None:
    desk = Desk(write(tmp_path, answer=TEXT.format(reask=1))).bind(answer)
    desk.answers(one=script("<b>Plain</b> words."))
    with watching() as records:
        assert await answer(NOW) == "<b>Plain</b> words."
    assert "".join(records.shown) == "<b>Plain</b> words."
    desk.answers(one=script("<reasoning>and on and on", "<reasoning>x</reasoning>Yes."))
    assert await answer(NOW) == "Yes."
    assert "has no </reasoning>" in desk.asked("one")[1].messages[-1].text
