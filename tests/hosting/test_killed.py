"""A kill -9 of the server while hosted graphs wait and work: what their own checkpoints keep, and what begins again."""

import os
import signal
from dataclasses import dataclass

import pytest

from coachwork.testing import Answer

from .served import Hosting, eventually

pytestmark = pytest.mark.slow


@dataclass
class Killed:
    """Runs that were under way at the kill, by pipeline; how many requests came before them; processes of its own."""

    runs: dict[str, str]
    asked: int
    children: list[int]


@pytest.fixture(scope="module")
def killed(lab: Hosting) -> Killed:
    """Two graphs wait for a person, two wait for the model of their second node; then the server is killed."""
    provider, before = lab.provider, len(lab.provider.requests)
    provider.answer(Answer("A poem about rain.", when="rain", times=4))
    runs = {name: lab.run(name, {"topic": "rain"})["id"] for name in ("reviewed", "forgetful")}
    provider.inject("hang-before-headers", model="gpt-5-nano")
    runs |= {name: lab.begin(name, {"topic": f"rain, {name}"}) for name in ("kept", "unkept")}
    eventually(lambda: len(provider.requests) == before + 6)
    provider.clear()
    children = [int(lab.run(name, {"text": "pid"})["output"]) for name in ("fragile", "by_command")]
    lab.end(signal.SIGKILL)
    lab.start()
    return Killed(runs, before, children)


def test_an_interrupted_graph_goes_on_from_its_own_checkpoint(lab: Hosting, killed: Killed) -> None:
    run = lab.rest(killed.runs["reviewed"])
    assert run["approvals"][0]["value"] == {"draft": "A poem about rain."}
    run = lab.answer(run, "edit", value={"draft": "A better poem."})
    assert run["status"] == "succeeded", run["error"]
    assert run["output"]["final"] == "A better poem."
    assert len(lab.calls(run["id"], 1)) == 1  # the node before the interrupt did not run again


def test_a_graph_whose_checkpoints_died_says_so(lab: Hosting, killed: Killed) -> None:
    run = lab.answer(lab.rest(killed.runs["forgetful"]))
    assert run["status"] == "failed"
    assert "InMemorySaver" in str(run["error"])
    assert "SqliteSaver or PostgresSaver" in str(run["error"])


@pytest.mark.parametrize(("pipeline", "times"), [("kept", 1), ("unkept", 2)])
def test_a_graph_at_work_goes_on_from_its_last_checkpoint_or_begins_again(
    lab: Hosting, killed: Killed, pipeline: str, times: int
) -> None:
    run = lab.rest(killed.runs[pipeline])
    assert run["status"] == "succeeded", run["error"]
    asked = [one for one in list(lab.provider.requests)[killed.asked :] if f"rain, {pipeline}" in str(one.body)]
    assert [one.model for one in asked].count("gpt-5-mini") == times


def test_no_hosted_process_is_left_behind(killed: Killed) -> None:
    eventually(lambda: not any(alive(pid) for pid in killed.children))


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
