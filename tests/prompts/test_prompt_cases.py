"""Cases beside a prompt: a pydantic-evals dataset, judged without having seen its answers."""

import importlib.util
from pathlib import Path
from typing import Any

import pytest

from coachwork.errors import Overloaded
from coachwork.prompts import prompt
from coachwork.prompts.trial import summed, try_cases
from coachwork.testing import Fail, line, script

from .prompt_project import BILLING, Desk, Ticket, Triage, write


@prompt
async def triage(ticket: Ticket) -> Triage: ...


@prompt
async def answer(ticket: Ticket) -> str: ...


TRIAGE = "---\nroute: smart\nreask: 0\n---\nRoute.\n## user\n{{ticket.subject}}\n"
CASES = """
name: triage
cases:
- name: whole
  inputs: {ticket: {subject: Charged twice}}
  expected_output: {team: billing, urgent: false}
  metadata: {from: inbox}
- name: in part
  inputs: {ticket: {subject: Too small}}
  evaluators:
  - Contains: {value: {team: returns}}
- name: free
  inputs: {ticket: {subject: Hello}}
evaluators:
- IsInstance: Triage
"""


async def tried(desk: Desk, declared: Any = triage, **options: Any) -> list[Any]:
    assert desk is not None
    return await try_cases(declared, declared.compiled.cases.cases, at_once=1, **options)


async def test_each_case_is_asked_and_judged_by_what_it_expects(tmp_path: Path) -> None:
    desk = Desk(write(tmp_path, triage=TRIAGE, **{"triage.cases.yaml": CASES})).bind(triage)
    desk.answers(one=script(line(BILLING, times=None)))
    whole, part, free = await tried(desk)
    assert (whole.passed, whole.wrong, whole.output, whole.model) == (True, (), BILLING, "one:m")
    assert (part.passed, part.wrong) == (False, ("Contains: team is 'billing', expected 'returns'",))
    assert free.passed
    assert [request.messages[-1].text for request in desk.asked("one")] == ["Charged twice", "Too small", "Hello"]


async def test_an_expected_answer_alone_is_compared(tmp_path: Path) -> None:
    cases = "cases:\n- inputs: {ticket: {subject: x}}\n  expected_output: {team: returns, urgent: true}\n"
    desk = Desk(write(tmp_path, triage=TRIAGE, **{"triage.cases.yaml": cases})).bind(triage)
    desk.answers(one=script(BILLING))
    [one] = await tried(desk)
    assert one.case == "Case 1"
    assert not one.passed
    assert one.wrong == ("EqualsExpected: team is 'billing', expected 'returns'; urgent is False, expected True",)


async def test_repeats_count_and_a_model_that_fails_is_a_failed_try(tmp_path: Path) -> None:
    cases = "cases:\n- inputs: {ticket: {subject: x}}\n  expected_output: {team: billing, urgent: false}\n"
    desk = Desk(write(tmp_path, triage=TRIAGE, **{"triage.cases.yaml": cases})).bind(triage)
    desk.answers(one=script(BILLING, Fail(Overloaded("busy")), "no json"), two=script(Fail(Overloaded("busy"))))
    tries = await tried(desk, repeats=3)
    assert [each.passed for each in tries] == [True, False, False]
    assert [each.error for each in tries] == ["", "route-exhausted", "output-refused"]
    assert tries[2].output == "no json"
    trial = summed(triage, tries, 3, at=5)
    assert (trial.passed, trial.tries, trial.version, trial.at) == (1, 3, triage.version, 5)
    [row] = trial.cases
    assert (row["passed"], row["tries"], len(row["wrong"])) == (1, 3, 2)


JUDGES = [
    ("EqualsExpected", "Hello there", True),
    ("EqualsExpected", "Hello", False),
    ("{Equals: Hello there}", "Hello there", True),
    ("{Equals: {value: Hello}}", "Hello there", False),
    ("{Contains: there}", "Hello there", True),
    ("{Contains: {value: THERE}}", "Hello there", False),
    ("{Contains: {value: THERE, case_sensitive: false}}", "Hello there", True),
    ("{IsInstance: str}", "Hello there", True),
    ("{IsInstance: {type_name: int}}", "Hello there", False),
    ("{MaxDuration: 60}", "Hello there", True),
    ("{MaxDuration: {seconds: 0}}", "Hello there", False),
]


def judged(judge: str) -> str:
    return f"cases:\n- inputs: {{ticket: {{subject: x}}}}\n  expected_output: Hello there\n  evaluators: [{judge}]\n"


@pytest.mark.parametrize(("judge", "said", "passes"), JUDGES)
async def test_evaluators_mean_what_they_mean_to_pydantic_evals(
    tmp_path: Path, judge: str, said: str, passes: bool
) -> None:
    text = "---\nroute: smart\n---\nHelp.\n## user\n{{ticket.subject}}\n"
    desk = Desk(write(tmp_path, answer=text, **{"answer.cases.yaml": judged(judge)})).bind(answer)
    desk.answers(one=script(said))
    [one] = await tried(desk, answer)
    assert one.passed is passes


# pydantic-evals pins an older pydantic-ai than ours, so it is in no environment of ours by itself. Where somebody has
# both, these say whether the two still agree; a test that could never run is not counted as a skipped one.
if importlib.util.find_spec("pydantic_evals") is not None:

    def test_pydantic_evals_reads_the_same_file() -> None:
        from pydantic_evals import Dataset

        found = Dataset[dict[str, Any], Any, Any].from_text(CASES)
        assert [case.name for case in found.cases] == ["whole", "in part", "free"]
        assert found.cases[0].expected_output == BILLING

    @pytest.mark.parametrize(("judge", "said", "passes"), JUDGES)
    async def test_pydantic_evals_judges_the_same(judge: str, said: str, passes: bool) -> None:
        from pydantic_evals import Dataset

        async def task(inputs: dict[str, Any]) -> str:
            return said

        dataset = Dataset[dict[str, Any], Any, Any].from_text(judged(judge), default_name="cases")
        [case] = (await dataset.evaluate(task, progress=False)).cases
        assert all(found.value for found in case.assertions.values()) is passes
