"""Few-shot examples as data: fixed, the most similar, or those that stand for all; never the question itself."""

from pathlib import Path

import pytest

from coachwork.errors import ProjectError
from coachwork.messages import ModelRequest
from coachwork.prompts import prompt
from coachwork.prompts.examples import Example, standing_for_all
from coachwork.testing import script

from .prompt_project import BILLING, Desk, Ticket, Triage, write


@prompt
async def triage(ticket: Ticket) -> Triage: ...


CASES = """
cases:
- inputs: {ticket: {subject: Invoice is wrong}}
  expected_output: {team: billing, urgent: false}
- inputs: {ticket: {subject: Invoice was paid twice}}
  expected_output: {team: billing, urgent: true}
- inputs: {ticket: {subject: Shoes are too small}}
  expected_output: {team: returns, urgent: false}
- inputs: {ticket: {subject: The invoice has no VAT number}}
  expected_output: {team: billing, urgent: false}
- name: without an answer
  inputs: {ticket: {subject: Hello}}
"""


def text(examples: str) -> str:
    return f"---\nroute: smart\nexamples: {examples}\n---\nRoute.\n## user\n{{{{ticket.subject}}}}\n"


def shown(request: ModelRequest) -> list[str]:
    """The questions of the examples, in their order; the last is the question itself."""
    return [message.text for message in request.messages if message.role == "user"]


def folder(tmp_path: Path, examples: str, cases: str = CASES) -> Path:
    return write(tmp_path, triage=text(examples), **{"triage.cases.yaml": cases})


async def test_the_most_similar_stand_nearest_to_the_question(tmp_path: Path) -> None:
    desk = Desk(folder(tmp_path, "{similar: 2}")).bind(triage).answers(one=script(BILLING))
    await triage(Ticket(subject="Shoes are too large"))
    [asked] = desk.asked("one")
    questions = shown(asked)
    assert len(questions) == 3
    assert questions[1:] == ["Shoes are too small", "Shoes are too large"]
    assert asked.messages[4].text == '{"team":"returns","urgent":false}'


async def test_what_would_be_sent_can_be_seen_before(tmp_path: Path) -> None:
    Desk(folder(tmp_path, "{similar: 1}")).bind(triage)
    request = await triage.requested(Ticket(subject="Shoes are far too small"))
    assert shown(request) == ["Shoes are too small", "Shoes are far too small"]
    with pytest.raises(ProjectError, match="chosen by similarity") as error:
        triage.render(Ticket(subject="Shoes are far too small"))
    assert "requested" in error.value.hint


@pytest.mark.parametrize("examples", ["{similar: 4}", "{from: cases, k: 4}"])
async def test_the_case_being_judged_is_never_its_own_example(tmp_path: Path, examples: str) -> None:
    Desk(folder(tmp_path, examples)).bind(triage)
    compiled = triage.compiled
    assert compiled.cases is not None
    for case in compiled.cases.cases:
        request = await triage.requested(**case.arguments)
        *others, asked = shown(request)
        assert asked not in others
        assert len(others) == (4 if case.expected is None else 3)


async def test_a_fixed_example_is_left_out_where_it_is_the_question(tmp_path: Path) -> None:
    one = "{input: {ticket: {subject: A}}, output: {team: billing, urgent: true}}"
    other = "{input: {ticket: {subject: B}}, output: {team: returns, urgent: true}}"
    fixed = f"[{one}, {other}]"
    Desk(write(tmp_path, triage=text(fixed))).bind(triage)
    assert shown(triage.render(Ticket(subject="A"))) == ["B", "A"]
    assert shown(triage.render(Ticket(subject="A", body="more"))) == ["A", "B", "A"]


def test_those_that_stand_for_all_cover_every_kind(tmp_path: Path) -> None:
    Desk(folder(tmp_path, "{from: cases, k: 2}")).bind(triage)
    chosen = shown(triage.render(Ticket(subject="Anything")))[:-1]
    assert "Shoes are too small" in chosen  # the only one of its kind
    assert len(chosen) == 2


def test_covering_needs_no_more_than_one_of_equal_examples() -> None:
    equal = [Example(str(n), {"text": "where is my parcel"}, "delivery") for n in range(20)]
    odd = [Example("a", {"text": "brake failed on the hill"}, "safety"), Example("b", {"text": "jobs"}, "general")]
    keys = {each.key for each in standing_for_all([*equal, *odd], 3)}
    assert {"a", "b"} <= keys
    assert len(standing_for_all(equal, 50)) == 20
    assert standing_for_all([], 3) == ()


async def test_the_vectors_of_cases_are_made_once(tmp_path: Path) -> None:
    desk = Desk(folder(tmp_path, "{similar: 1}")).bind(triage)
    asked: list[int] = []
    embed = desk.models.embed

    async def counting(route: str, texts: list[str], *, purpose: str) -> object:
        asked.append(len(texts))
        return await embed(route, texts, purpose=purpose)  # type: ignore[arg-type]

    desk.models.embed = counting  # type: ignore[method-assign, assignment]
    for subject in ("one", "two", "three"):
        await triage.requested(Ticket(subject=subject))
    assert asked == [4, 1, 1, 1]


async def test_an_example_of_a_reasoning_prompt_shows_its_thoughts(tmp_path: Path) -> None:
    one = "{input: {ticket: {subject: A}}, output: {team: billing, urgent: true}, reasoning: Money.}"
    fixed = f"[{one}]\nreasoning: true"
    Desk(write(tmp_path, triage=text(fixed)), thinks=("two:m",)).bind(triage)
    request = triage.render(Ticket(subject="B"))
    assert request.messages[2].text == '{"reasoning":"Money.","answer":{"team":"billing","urgent":true}}'
    assert request.on("two:m").messages[2].text == '{"team":"billing","urgent":true}'


def test_saving_the_cases_changes_the_version_only_where_they_are_examples(tmp_path: Path) -> None:
    place = folder(tmp_path, "{from: cases, k: 2}")
    Desk(place).bind(triage)
    before = triage.version
    write(place, **{"triage.cases.yaml": CASES.replace("too small", "far too small")})
    assert triage.version != before

    write(place, triage=text("[]"))
    plain = triage.version
    write(place, **{"triage.cases.yaml": CASES})
    assert triage.version == plain
