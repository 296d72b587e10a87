"""What hosted code asks a person: interrupts, tools that need approval; yes, no, and changed."""

from typing import Any

import pytest

from coachwork.messages import ToolCallPart
from coachwork.testing import Answer

from .served import Hosting, chat

pytestmark = pytest.mark.slow
TOOL = {"graph_mailer": "send_mail", "mailer": "send_mail", "careful": "send_letter", "agent_elsewhere": "send_letter"}
DONE = {"send_mail": "sent to", "send_letter": "posted to"}


def wants(lab: Hosting, pipeline: str) -> None:
    """The model will call the tool that needs a person, then say what it was told."""
    call = ToolCallPart("call-1", TOOL[pipeline], '{"to": "Ann"}')
    lab.provider.answer(Answer(tool_calls=(call,), when="write to Ann"))


def arguments(pipeline: str, to: str) -> dict[str, Any]:
    """The question's value with another receiver."""
    if pipeline == "graph_mailer":
        return {"action_requests": [{"name": "send_mail", "args": {"to": to}}]}
    return {"tool": TOOL[pipeline], "arguments": {"to": to}}


@pytest.mark.parametrize("pipeline", TOOL)
def test_a_tool_waits_for_a_person_and_goes_on(lab: Hosting, pipeline: str) -> None:
    wants(lab, pipeline)
    run = lab.run(pipeline, chat("write to Ann"))
    assert run["status"] == "waiting", run["error"]
    assert run["approvals"][0]["title"] == f"Allow {TOOL[pipeline]}?"
    before = lab.provider.asked
    run = lab.answer(run)
    assert run["status"] == "succeeded", run["error"]
    assert run["output"] == f"The tool said: {DONE[TOOL[pipeline]]} Ann"
    assert lab.provider.asked == before + 1  # what was asked before the question was not asked again
    assert [step["kind"] for step in run["steps"]] == ["step", "approval", "step"]


@pytest.mark.parametrize("pipeline", TOOL)
def test_a_tool_that_a_person_rejects_is_not_used(lab: Hosting, pipeline: str) -> None:
    wants(lab, pipeline)
    run = lab.run(pipeline, chat("write to Ann"))
    run = lab.answer(run, "reject", comment="Ann is away")
    assert run["status"] == "succeeded", run["error"]
    assert "Ann is away" in run["output"]
    assert DONE[TOOL[pipeline]] not in run["output"]


@pytest.mark.parametrize("pipeline", ["graph_mailer", "mailer"])
def test_a_person_may_change_the_arguments(lab: Hosting, pipeline: str) -> None:
    wants(lab, pipeline)
    run = lab.run(pipeline, chat("write to Ann"))
    run = lab.answer(run, "edit", value=arguments(pipeline, "Bob"))
    assert run["status"] == "succeeded", run["error"]
    assert run["output"].endswith("sent to Bob")


def test_where_arguments_cannot_be_changed_the_model_is_told_to_ask_again(lab: Hosting) -> None:
    wants(lab, "careful")
    run = lab.run("careful", chat("write to Ann"))
    run = lab.answer(run, "edit", value=arguments("careful", "Bob"))
    assert "changed the arguments" in run["output"]
    assert '{"to": "Bob"}' in run["output"]
