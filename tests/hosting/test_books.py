"""What hosted code costs and how it ends: budgets, failures, cancellation, and processes of their own."""

import pytest

from coachwork.messages import Usage
from coachwork.testing import Answer

from .served import Hosting, chat, eventually

pytestmark = pytest.mark.slow
BOUNDLESS = ["boundless", "boundless_ai", "boundless_agent", "boundless_haystack", "boundless_elsewhere"]


@pytest.mark.parametrize("pipeline", BOUNDLESS)
def test_a_call_without_a_bound_is_refused_before_it_is_sent(lab: Hosting, pipeline: str) -> None:
    before = lab.provider.asked
    run = lab.run(pipeline, chat("hi"))
    assert run["status"] == "failed"
    assert "without a limit of its answer" in run["error"]["detail"]
    assert "max_tokens" in run["error"]["hint"]
    assert lab.provider.asked == before


def test_an_agent_that_is_a_tool_of_another_is_counted_too(lab: Hosting) -> None:
    run = lab.run("asks_helper", chat("ask_helper about rain"))
    assert run["status"] == "succeeded", run["error"]
    assert len(lab.calls(run["id"], 3)) == 3


def test_an_agent_that_is_a_tool_of_another_is_held_to_the_budget_too(lab: Hosting) -> None:
    run = lab.run("asks_helper", chat("ask_boundless about rain"))
    assert run["status"] == "failed"
    assert "without a limit of its answer" in run["error"]["detail"]
    assert len(lab.calls(run["id"], 1)) == 1


def test_an_agent_of_haystack_tells_of_its_tools_and_calls(lab: Hosting) -> None:
    run_id = lab.begin("haystack_agent", chat("use get_weather for sf"))
    events = list(lab.events(run_id))
    run = lab.get(run_id)
    assert run["output"] == "The tool said: It's always sunny in text!", run["error"]
    [called] = [event for event in events if event["type"] == "tool-input-available"]
    assert (called["toolName"], called["input"]) == ("get_weather", {"city": "text"})
    assert "It's always sunny in text!" in str([e for e in events if e["type"] == "tool-output-available"])
    assert [call["estimated"] for call in lab.calls(run_id, 2)] == [0, 0]


def test_a_model_of_unknown_price_is_refused_where_money_is_counted(lab: Hosting) -> None:
    before = lab.provider.asked
    run = lab.run("unknown", chat("hi"))
    assert run["status"] == "failed"
    assert "price" in run["error"]["detail"]
    assert '[models."openai:no-such-model"]' in run["error"]["hint"]
    assert lab.provider.asked == before


def test_code_that_asks_for_ever_ends_where_the_money_does(lab: Hosting) -> None:
    lab.provider.answer(Answer("dear", usage=Usage(10, 200), times=None))
    run = lab.run("spender", {"text": "spend"})
    assert run["status"] == "failed"
    assert "budget" in run["error"]["detail"]
    calls = lab.calls(run["id"], 4)  # 200 tokens at 60 USD a million are 0.012 USD: four fit into 0.05
    assert [call["cost_nano"] for call in calls] == [12_000_000] * 4
    assert round(run["cost_usd"], 6) == 0.048


def test_an_error_of_the_hosted_code_is_the_runs(lab: Hosting) -> None:
    run = lab.run("breaks", {"text": "spoon"})
    assert run["status"] == "failed"
    assert "there is no spoon" in str(run["error"])


@pytest.mark.parametrize("pipeline", ["bounded", "mailer", "careful", "bounded_haystack", "agent_elsewhere"])
def test_a_provider_that_fails_is_booked_and_costs_nothing(lab: Hosting, pipeline: str) -> None:
    lab.provider.inject("400")
    run = lab.run(pipeline, chat("hi"))
    assert run["status"] == "failed"
    [call] = lab.calls(run["id"], 1)
    assert (call["outcome"], call["cost_nano"]) == ("model", 0)


@pytest.mark.parametrize("pipeline", ["bounded", "agent_elsewhere"])
def test_cancelling_a_run_reaches_the_provider_and_what_was_written_is_paid(lab: Hosting, pipeline: str) -> None:
    lab.provider.inject("hang-after-2", times=1)
    run_id = lab.begin(pipeline, chat("tell me a very long story"))
    eventually(lambda: any(event["type"] == "text-delta" for event in lab.events_so_far(run_id)))
    asked = lab.provider.requests[-1]
    assert lab.http is not None
    lab.http.post(f"/api/runs/{run_id}/cancel").raise_for_status()
    assert lab.rest(run_id)["status"] == "cancelled"
    eventually(lambda: asked.seconds is not None)  # the provider saw the connection close
    [call] = lab.calls(run_id, 1)
    assert call["outcome"] == "cancelled"
    assert call["estimated"] == 1
    assert call["cost_nano"] > 0


def test_plain_code_that_hangs_holds_up_neither_the_cancelling_nor_the_server(lab: Hosting) -> None:
    lab.provider.inject("hang-after-2")
    hanging = [lab.begin("bounded_haystack", chat(f"hang {number}")) for number in range(8)]
    for run_id in hanging:
        eventually(lambda run_id=run_id: any(part["type"] == "text-delta" for part in lab.events_so_far(run_id)))
    lab.provider.clear()
    assert lab.run("bounded_haystack", chat("hi"))["output"] == "You said: hi"
    for run_id in hanging:
        assert lab.http is not None
        lab.http.post(f"/api/runs/{run_id}/cancel").raise_for_status()
        assert lab.rest(run_id)["status"] == "cancelled"
        assert [call["outcome"] for call in lab.calls(run_id, 1)] == ["cancelled"]


def test_a_process_that_dies_fails_its_run_and_is_started_again(lab: Hosting) -> None:
    assert lab.run("fragile", {"text": "one"})["output"] == "alive: one"
    run = lab.run("fragile", {"text": "die"})
    assert run["status"] == "failed"
    assert "[hosted.fragile] ended while it worked" in run["error"]["detail"]
    assert lab.run("fragile", {"text": "two"})["output"] == "alive: two"


def test_an_environment_that_is_not_there_is_named(lab: Hosting) -> None:
    run = lab.run("missing", {"text": "one"})
    assert run["status"] == "failed"
    assert "[hosted.missing] did not start" in run["error"]["detail"]
    assert "envs/none/bin/python" in run["error"]["detail"]
    assert "python -m venv" in run["error"]["hint"]


def test_any_program_may_speak_the_protocol(lab: Hosting) -> None:
    run = lab.run("by_command", {"text": "hello"})
    assert run["output"] == "by command: hello"
    [call] = lab.calls(run["id"], 1)
    assert (call["model"], call["input_tokens"], call["output_tokens"]) == ("openai:gpt-5-mini", 7, 3)
    assert call["cost_nano"] > 0


def test_no_secret_is_written_down(lab: Hosting) -> None:
    lab.run("bounded", chat("hi"))
    for file in lab.folder.rglob("*"):
        if file.is_file():
            assert b"sk-hosted-secret" not in file.read_bytes(), file
