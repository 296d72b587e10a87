"""The hello-world of every framework behind `coachwork serve`: answer, stream, cost and trace."""

import re

import pytest

from .served import Hosting, chat

pytestmark = pytest.mark.slow
HI = "hello, how are you today?"  # more pieces than a busy machine puts together
SF = "use get_weather for sf"
# pipeline, input, what the provider's echo makes of it, model calls, model, names in the trace
HELLO = [
    ("langgraph", chat("hi!"), "hello world", 0, "", ["task mock_llm"]),
    (
        "langchain_agent",
        chat(SF),
        "The tool said: It's always sunny in text!",
        2,
        "openai:gpt-5-mini",
        ["execute_tool get_weather", "task tools"],
    ),
    ("langchain_chain", {"topic": "cats"}, "You said: Tell me a joke about cats", 1, "openai:gpt-5-mini", []),
    ("pydantic_ai", chat(HI), f"You said: {HI}", 1, "anthropic:claude-haiku-4-5", []),
    ("openai_agents", chat(HI), f"You said: {HI}", 1, "openai:gpt-", ["task Assistant"]),
    (
        "haystack",
        {"question": "Who lives in Paris?", "query": "Paris"},
        "My name is Jean and I live in Paris.",
        1,
        "openai:gpt-5-mini",
        ["task retriever", "task prompt_builder", "task llm"],
    ),
    ("elsewhere", chat(HI), f"You said: {HI}", 1, "openai:gpt-", ["task Assistant"]),
]


@pytest.mark.parametrize(("pipeline", "given", "says", "calls", "model", "parts"), HELLO, ids=[row[0] for row in HELLO])
def test_hello_world_has_an_answer_a_stream_a_bill_and_a_trace(
    examples: Hosting, pipeline: str, given: object, says: str, calls: int, model: str, parts: list[str]
) -> None:
    before = len(examples.provider.requests)
    run_id = examples.begin(pipeline, given)
    events = list(examples.events(run_id))
    run = examples.get(run_id)
    assert run["status"] == "succeeded", run["error"]
    assert says in run["output"]
    # It was written for the reader as well. (Into how many events is a matter of time.)
    text = "".join(event["delta"] for event in events if event["type"] == "text-delta")
    assert text == run["output"] if calls else text in ("", run["output"])
    # Every call that the provider saw is in the ledger with what it used, and has a price.
    asked = list(examples.provider.requests)[before:]
    booked = examples.calls(run_id, calls) if calls else []
    assert len(booked) == len(asked) == calls
    for call, sent in zip(booked, asked, strict=True):
        assert call["model"].startswith(model)
        assert call["outcome"] == "ok"
        assert call["cost_nano"] > 0
        assert call["route"] == f"hosted:{pipeline}"
        assert sent.usage is not None
        told = (sent.usage.input_tokens, sent.usage.output_tokens)
        # LangChain does not ask for the usage of a stream where OPENAI_BASE_URL is set; then it is estimated.
        assert call["estimated"] == pipeline.startswith("langchain")
        assert call["estimated"] or (call["input_tokens"], call["output_tokens"]) == told
    assert round(run["cost_usd"] * 1e9) == sum(call["cost_nano"] for call in booked)
    # The trace: the run, its step, and under it every call and every part.
    trace = examples.trace(run_id)
    under = trace[f"step {pipeline}"]
    assert sum(name.startswith("chat ") for name in under) == calls
    assert set(parts) <= set(under)


def test_a_tool_of_an_agent_is_shown_with_its_arguments_and_its_result(examples: Hosting) -> None:
    events = list(examples.events(examples.begin("langchain_agent", chat(SF))))
    called = next(event for event in events if event["type"] == "tool-input-available")
    result = next(event for event in events if event["type"] == "tool-output-available")
    assert (called["toolName"], called["input"]) == ("get_weather", {"city": "text"})
    assert called["providerMetadata"] == {"coachwork": {"step": 1}}  # where the page draws it
    assert {"type": "data-note", "data": {"label": "Using get_weather"}} in events
    assert (result["toolCallId"], result["output"]) == (called["toolCallId"], "It's always sunny in text!")


def test_an_interrupt_is_an_approval(examples: Hosting) -> None:
    run = examples.run("langgraph_asks", chat("hi!"))
    assert run["status"] == "waiting"
    assert run["approvals"][0]["title"] == "Do you approve this action?"
    assert examples.answer(run)["output"] == "done"
    run = examples.run("langgraph_asks", chat("hi!"))
    assert examples.answer(run, "reject")["output"] == "not done"


def test_a_workflow_gets_what_a_person_writes(examples: Hosting) -> None:
    run = examples.run("llamaindex", {"name": "Ann"})
    assert run["approvals"][0]["title"] == "How shall Ann be greeted?"
    assert examples.answer(run, "edit", value="Good morning")["output"] == "Good morning!"
    assert set(examples.trace(run["id"])["step llamaindex"]) == {"task ask", "task greet"}


def test_the_examples_are_what_the_documentation_says() -> None:
    """Nothing of Coachwork is in the files that are hosted."""
    from .conftest import EXAMPLES

    for file in EXAMPLES.glob("*_hello.py"):
        assert not re.search(r"\bcoachwork\b", file.read_text().split('"""', 2)[2]), file
