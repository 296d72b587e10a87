"""What goes over the wire to a remote model, and what of its answer goes back to it."""

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from coachwork.errors import ModelError, Rejected, UnknownModel
from coachwork.messages import (
    MediaPart,
    Message,
    ModelRequest,
    Part,
    TextDelta,
    TextPart,
    ThinkingDelta,
    ThinkingPart,
    ToolCallDelta,
    ToolCallPart,
    ToolResultPart,
    ToolSpec,
)
from coachwork.providers.remote import RemoteModels
from coachwork.providers.services import SERVICES, OwnServer, services
from coachwork.providers.wire import ChatEvent, End, Meter

from .small_server import SmallServer, small_server

CITY = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
WEATHER = ToolSpec("weather", "The weather of a city", CITY)
TIME = ToolSpec("time", "The time in a city", CITY)
ASK = (Message.of("system", "You are kind."), Message.of("user", "Is it warm in Paris?"))

CHAT = {
    "id": "1",
    "object": "chat.completion",
    "created": 1,
    "model": "m",
    "provider": "somebody",
    "choices": [
        {
            "index": 0,
            "finish_reason": "stop",
            "native_finish_reason": "stop",
            "message": {"role": "assistant", "content": "Yes."},
        }
    ],
    "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5},
}
CLAUDE = {
    "id": "m",
    "type": "message",
    "role": "assistant",
    "model": "claude",
    "content": [{"type": "text", "text": "Yes."}],
    "stop_reason": "end_turn",
    "stop_sequence": None,
    "usage": {"input_tokens": 3, "output_tokens": 2, "cache_read_input_tokens": 5, "cache_creation_input_tokens": 7},
}
RESPONSE = {
    "id": "r",
    "object": "response",
    "created_at": 1,
    "model": "gpt-5",
    "status": "completed",
    "output": [
        {
            "type": "message",
            "id": "msg_1",
            "role": "assistant",
            "status": "completed",
            "content": [{"type": "output_text", "text": "Yes.", "annotations": []}],
        }
    ],
    "parallel_tool_calls": True,
    "tool_choice": "auto",
    "tools": [],
    "usage": {
        "input_tokens": 3,
        "input_tokens_details": {"cached_tokens": 0},
        "output_tokens": 2,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": 5,
    },
}
GEMINI = {
    "candidates": [{"content": {"role": "model", "parts": [{"text": "Yes."}]}, "finishReason": "STOP"}],
    "usageMetadata": {"promptTokenCount": 3, "candidatesTokenCount": 2, "totalTokenCount": 5},
}
CHUNK = {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "m"}
WIRES = {  # by the wire of a service: where the SDK looks for it, and a whole answer
    "openai-chat": ("/v1", CHAT),
    "openrouter": ("/v1", CHAT),
    "cohere": ("", None),
    "ollama": ("/v1", CHAT),
    "azure": ("/openai/v1", CHAT),
    "openai-responses": ("/v1", RESPONSE),
    "anthropic": ("", CLAUDE),
    "google": ("", GEMINI),
}


@pytest.fixture
def server() -> Iterator[SmallServer]:
    with small_server() as small:
        yield small


@pytest.fixture
async def at(server: SmallServer):
    """Our provider at the small server."""
    made = []

    def open_one(name: str, *, streams: bool = False, path: str | None = None, **own: Any) -> RemoteModels:
        known = SERVICES.get(name)
        wire = known.wire if known else "openai-chat"
        default, answer = WIRES[wire]
        server.answers = server.answers or [answer]
        address = server.url + (default if path is None else path)
        service = services({name: OwnServer(address, streams=streams, **own)})[name]
        made.append(RemoteModels(name, service, dict.fromkeys(service.keys, "sk-secret-key")))
        return made[-1]

    yield open_one
    for provider in made:
        await provider.close()


async def told(provider: RemoteModels, model: str, request: ModelRequest) -> list[ChatEvent]:
    request = replace(request, max_tokens=request.max_tokens or 4000)
    return [event async for event in provider.stream(model, request, Meter())]


def as_message(events: list[ChatEvent]) -> Message:
    """An answer as the next request has it."""
    end = events[-1]
    assert isinstance(end, End)
    thinking = "".join(event.text for event in events if isinstance(event, ThinkingDelta))
    text = "".join(event.text for event in events if isinstance(event, TextDelta))
    parts: list[Part] = [ThinkingPart(thinking, end.thinking_signature)]
    parts += [TextPart(text)] if text else []
    calls: dict[int, list[str]] = {}
    for event in events:
        if isinstance(event, ToolCallDelta):
            calls.setdefault(event.index, [event.id, event.name, ""])[2] += event.arguments
    return Message("assistant", (*parts, *(ToolCallPart(*call) for call in calls.values())))


# ── Tools ──


async def test_what_tools_gave_goes_back_in_its_place(server: SmallServer, at: Any) -> None:
    history = (
        *ASK,
        Message("assistant", (TextPart("Let me see."), ToolCallPart("c1", "weather", '{"city": "Paris"}'))),
        Message("user", (ToolResultPart("c1", "weather", "no such city", failed=True), TextPart("Try again."))),
    )
    await told(at("lab"), "own", ModelRequest(history, tools=(WEATHER,)))
    _, _, said, result, more = server.last["messages"]
    assert said["content"] == "Let me see."
    assert said["tool_calls"][0]["function"]["name"] == "weather"
    assert json.loads(said["tool_calls"][0]["function"]["arguments"]) == {"city": "Paris"}
    assert (result["role"], result["tool_call_id"]) == ("tool", "c1")
    assert "no such city" in result["content"]
    assert "error" in result["content"]
    assert more == {"role": "user", "content": "Try again."}


@pytest.mark.parametrize(
    ("choice", "wanted"),
    [
        ("auto", "auto"),
        ("none", "none"),
        ("required", "required"),
        ("time", {"type": "function", "function": {"name": "time"}}),
    ],
)
async def test_the_choice_of_a_tool_is_sent(server: SmallServer, at: Any, choice: str, wanted: object) -> None:
    await told(at("lab"), "own", ModelRequest(ASK, tools=(WEATHER, TIME), tool_choice=choice))
    assert server.last["tool_choice"] == wanted
    assert [tool["function"]["name"] for tool in server.last["tools"]] == ["weather", "time"]


async def test_an_unknown_tool_is_refused_before_anything_is_sent(server: SmallServer, at: Any) -> None:
    with pytest.raises(Rejected, match="no tool 'news'") as raised:
        await told(at("lab"), "own", ModelRequest(ASK, tools=(WEATHER,), tool_choice="news"))
    assert (raised.value.model, server.asked) == ("lab:own", [])


async def test_a_schema_beside_tools_ends_in_either(server: SmallServer, at: Any) -> None:
    """Where no decoder is held to the schema, the answer is a tool like the others: its arguments are the text."""
    call = {"id": "c1", "type": "function", "function": {"name": "answer", "arguments": '{"warm": true}'}}
    message = {"role": "assistant", "content": None, "tool_calls": [call]}
    server.answers = [{**CHAT, "choices": [{"index": 0, "finish_reason": "tool_calls", "message": message}]}]
    schema = {"type": "object", "properties": {"warm": {"type": "boolean"}}, "required": ["warm"]}
    request = ModelRequest(ASK, tools=(WEATHER,), schema=schema)
    *events, end = await told(at("deepseek"), "deepseek-chat", request)
    assert events == [TextDelta('{"warm": true}')]
    assert end.finish_reason == "stop"
    call["function"] = {"name": "weather", "arguments": '{"city": "Paris"}'}
    *events, end = await told(at("deepseek"), "deepseek-chat", request)
    assert [event.name for event in events] == ["weather", ""]
    assert end.finish_reason == "tool_call"
    assert [tool["function"]["name"] for tool in server.last["tools"]] == ["weather", "answer"]


# ── Thinking ──

THOUGHT = [
    {"type": "thinking", "thinking": "First, the weather.", "signature": "sig-one"},
    {"type": "text", "text": "I look it up."},
    {"type": "redacted_thinking", "data": "sealed"},
    {"type": "thinking", "thinking": "Then the time.", "signature": "sig-two"},
    {"type": "tool_use", "id": "t1", "name": "weather", "input": {"city": "Paris"}},
]


async def answered(at: Any, server: SmallServer, name: str, model: str, answer: Any) -> Message:
    server.answers = [answer]
    return as_message(await told(at(name), model, ModelRequest(ASK, tools=(WEATHER,))))


async def test_signed_thinking_goes_back_as_it_came(server: SmallServer, at: Any) -> None:
    said = await answered(at, server, "anthropic", "claude-opus-4-6", {**CLAUDE, "content": THOUGHT})
    assert said.parts[0].text == "First, the weather.Then the time."
    result = Message("user", (ToolResultPart("t1", "weather", "sunny"),))
    await told(at("anthropic"), "claude-opus-4-6", ModelRequest((*ASK, said, result), tools=(WEATHER,)))
    sent = [
        {name: value for name, value in block.items() if name != "cache_control"}
        for block in server.last["messages"][1]["content"]
    ]
    assert sent == THOUGHT


async def test_no_provider_is_sent_the_proof_of_another(server: SmallServer, at: Any) -> None:
    said = await answered(at, server, "anthropic", "claude-opus-4-6", {**CLAUDE, "content": THOUGHT})
    result = Message("user", (ToolResultPart("t1", "weather", "sunny"),))
    server.answers = [RESPONSE]
    await told(at("openai"), "gpt-5", ModelRequest((*ASK, said, result), tools=(WEATHER,)))
    sent = server.asked[-1].raw.decode()
    assert "sig-one" not in sent
    assert "coachwork" not in sent
    assert "First, the weather." in sent  # told as text, as of somebody else


async def test_a_changed_answer_is_sent_without_its_proof(server: SmallServer, at: Any) -> None:
    said = await answered(at, server, "anthropic", "claude-opus-4-6", {**CLAUDE, "content": THOUGHT})
    thinking, *_rest = said.parts
    server.answers = [CLAUDE]
    changed = Message("assistant", (thinking, TextPart("Something else.")))
    await told(at("anthropic"), "claude-opus-4-6", ModelRequest((*ASK, changed, Message.of("user", "And?"))))
    sent = server.asked[-1].raw.decode()
    assert "sig-one" not in sent
    assert "coachwork1" not in sent
    assert "Something else." in sent


async def test_reasoning_items_go_back_with_their_ids(server: SmallServer, at: Any) -> None:
    output = [
        {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "sealed-by-openai"},
        {"type": "function_call", "id": "fc_1", "call_id": "c1", "name": "weather", "arguments": '{"city":"Paris"}'},
    ]
    said = await answered(at, server, "openai", "gpt-5", {**RESPONSE, "output": output})
    server.answers = [RESPONSE]
    result = Message("user", (ToolResultPart("c1", "weather", "sunny"),))
    await told(at("openai"), "gpt-5", ModelRequest((*ASK, said, result), tools=(WEATHER,)))
    _, _, reasoning, call, gave = server.last["input"]
    assert (reasoning["id"], reasoning["encrypted_content"]) == ("rs_1", "sealed-by-openai")
    assert (call["id"], call["call_id"]) == ("fc_1", "c1")
    assert (gave["call_id"], gave["output"]) == ("c1", "sunny")


async def test_geminis_signature_goes_back_on_its_call(server: SmallServer, at: Any) -> None:
    part = {"functionCall": {"name": "weather", "args": {"city": "Paris"}}, "thoughtSignature": "c2VhbGVk"}
    answer = {**GEMINI, "candidates": [{"content": {"role": "model", "parts": [part]}, "finishReason": "STOP"}]}
    said = await answered(at, server, "google", "gemini-3-pro", answer)
    call = said.parts[-1]
    server.answers = [GEMINI]
    result = Message("user", (ToolResultPart(call.id, "weather", "sunny"),))
    await told(at("google"), "gemini-3-pro", ModelRequest((*ASK, said, result), tools=(WEATHER,)))
    (sent,) = server.last["contents"][1]["parts"]
    assert sent["functionCall"]["args"] == {"city": "Paris"}
    assert sent.get("thoughtSignature", sent.get("thought_signature")) == "c2VhbGVk"


@pytest.mark.parametrize(
    ("name", "model", "effort", "wanted"),
    [
        ("openai", "gpt-5", "high", {"reasoning": {"effort": "high"}}),
        ("openai", "gpt-5", "off", {"reasoning": {"effort": "minimal"}}),
        ("openai-chat", "gpt-5.4", "low", {"reasoning_effort": "low"}),
        ("openai", "gpt-4.1", "high", {"reasoning": None}),
        ("anthropic", "claude-opus-4-6", "low", {"output_config": {"effort": "low"}}),
        ("anthropic", "claude-sonnet-4-5", "low", {"thinking": {"type": "enabled", "budget_tokens": 2048}}),
        ("anthropic", "claude-sonnet-4-5", "off", {"thinking": None}),
        ("xai-chat", "grok-4.3", "high", {"reasoning_effort": "high"}),
        ("openrouter", "anthropic/claude-sonnet-4.5", "medium", {"reasoning": {"effort": "medium"}}),
        ("vllm", "Qwen/Qwen3-8B", "off", {"reasoning_effort": "none"}),
    ],
)
async def test_effort_is_one_word_for_every_wire(
    server: SmallServer, at: Any, name: str, model: str, effort: Any, wanted: dict[str, Any]
) -> None:
    await told(at(name), model, ModelRequest(ASK, thinking=effort, max_tokens=8000))
    for field, value in wanted.items():
        sent = server.last.get(field)
        assert sent | value == sent if isinstance(value, dict) else sent == value


async def test_gemini_is_told_how_much_to_think(server: SmallServer, at: Any) -> None:
    await told(at("google"), "gemini-2.5-flash", ModelRequest(ASK, thinking="low"))
    assert server.last["generationConfig"]["thinkingConfig"]["thinking_budget"] == 2048
    await told(at("google"), "gemini-2.5-flash", ModelRequest(ASK, thinking="off"))
    assert server.last["generationConfig"]["thinkingConfig"]["thinking_budget"] == 0


async def test_a_budget_of_thinking_stays_within_the_answers_limit(server: SmallServer, at: Any) -> None:
    claude = at("anthropic")
    await told(claude, "claude-sonnet-4-5", ModelRequest(ASK, thinking="high", max_tokens=4000, temperature=0.2))
    assert server.last["thinking"]["budget_tokens"] == 2000
    assert server.last["max_tokens"] == 4000
    assert "temperature" not in server.last
    with pytest.raises(Rejected, match="can't think within max_tokens = 800") as raised:
        await told(claude, "claude-sonnet-4-5", ModelRequest(ASK, thinking="low", max_tokens=800))
    assert "2048" in raised.value.hint


# ── Caching, probabilities, media, addresses ──


async def test_the_stable_beginning_is_cached_and_counted(server: SmallServer, at: Any) -> None:
    *_events, end = await told(at("anthropic"), "claude-opus-4-6", ModelRequest(ASK, tools=(WEATHER, TIME)))
    assert "cache_control" in server.last["system"][-1]
    assert ["cache_control" in tool for tool in server.last["tools"]] == [False, True]
    assert "cache_control" not in str(server.last["messages"])
    assert (end.usage.input_tokens, end.usage.cached_tokens, end.usage.cache_write_tokens) == (15, 5, 7)


async def test_a_loop_of_tools_is_cached_to_its_end(server: SmallServer, at: Any) -> None:
    history = (
        *ASK,
        Message("assistant", (ToolCallPart("t1", "weather", "{}"),)),
        Message("user", (ToolResultPart("t1", "weather", "sunny"),)),
    )
    await told(at("anthropic"), "claude-opus-4-6", ModelRequest(history, tools=(WEATHER,)))
    assert "cache_control" in server.last or "cache_control" in str(server.last["messages"][-1])


async def test_probabilities_are_asked_where_they_are_given(server: SmallServer, at: Any) -> None:
    rows = [{"token": token, "logprob": logprob, "bytes": [], "top_logprobs": []} for token, logprob in [("Yes", -0.5)]]
    server.answers = [{**CHAT, "choices": [{**CHAT["choices"][0], "logprobs": {"content": rows, "refusal": None}}]}]
    *_events, end = await told(at("openai-chat"), "gpt-4.1", ModelRequest(ASK, probabilities=True))
    assert server.last["logprobs"] is True
    assert end.probabilities == (("Yes", -0.5),)
    await told(at("openai-chat"), "gpt-5", ModelRequest(ASK, probabilities=True))
    assert "logprobs" not in server.last  # it would refuse the request


async def test_a_refusal_on_its_own_field_is_told_apart_from_an_answer(server: SmallServer, at: Any) -> None:
    message = {"role": "assistant", "content": None, "refusal": "I can't help with that."}
    server.answers = [{**CHAT, "choices": [{**CHAT["choices"][0], "message": message}]}]
    [end] = await told(at("openai-chat"), "gpt-4.1", ModelRequest(ASK))
    assert (end.finish_reason, end.declined) == ("content_filter", "I can't help with that.")


async def test_documents_are_cited_where_a_wire_cites(server: SmallServer, at: Any) -> None:
    asked = Message("user", (MediaPart(b"Paris is warm.", "text/plain"), TextPart("Is it?")))
    await told(at("anthropic"), "claude-opus-4-6", ModelRequest((asked,), max_tokens=800))
    document, _question = server.last["messages"][0]["content"]
    assert document["citations"] == {"enabled": True}


@pytest.mark.parametrize(
    ("name", "model", "kind"),
    [
        ("anthropic", "claude-opus-4-6", "audio/mp3"),
        ("openai", "gpt-5", "video/mp4"),
        ("lab", "own", "video/mp4"),
        ("lab", "own", "image/heic"),
        ("google", "gemini-3-pro", "application/x-unheard-of"),
    ],
)
async def test_media_that_a_wire_can_not_carry_is_the_requests_fault(
    server: SmallServer, at: Any, name: str, model: str, kind: str
) -> None:
    with pytest.raises(Rejected) as raised:
        await told(at(name), model, ModelRequest((Message("user", (MediaPart(b"..", kind), TextPart("?"))),)))
    assert raised.value.details["status"] == 400
    assert server.asked == []


async def test_azure_is_asked_at_a_deployment_or_by_its_newer_address(server: SmallServer, at: Any) -> None:
    await told(at("azure", path="", api_version="2024-10-21"), "my-deployment", ModelRequest(ASK))
    assert server.asked[-1].path == "/openai/deployments/my-deployment/chat/completions?api-version=2024-10-21"
    assert server.asked[-1].headers["api-key"] == "sk-secret-key"
    await told(at("azure", path="/openai/v1"), "my-deployment", ModelRequest(ASK))
    assert server.asked[-1].path == "/openai/v1/chat/completions"
    assert server.last["model"] == "my-deployment"


async def test_a_service_without_an_address_says_what_to_write() -> None:
    azure = RemoteModels("azure", SERVICES["azure"], {"AZURE_OPENAI_API_KEY": "sk-secret-key"})
    problem = azure.problem("my-deployment")
    assert isinstance(problem, UnknownModel)
    assert "[providers.azure] base_url" in problem.hint


async def test_a_server_may_speak_another_wire(server: SmallServer, at: Any) -> None:
    server.answers = [CLAUDE]
    *_events, end = await told(at("proxy", path="", wire="anthropic"), "claude-opus-4-6", ModelRequest(ASK))
    assert server.asked[-1].path.startswith("/v1/messages")
    assert end.finish_reason == "stop"


async def test_cohere_is_shown_pictures(server: SmallServer, at: Any) -> None:
    pytest.importorskip("cohere", reason="the extra cohere is not installed")
    message = {"role": "assistant", "content": [{"type": "text", "text": "Red."}]}
    usage = {"tokens": {"input_tokens": 3, "output_tokens": 2}}
    server.answers = [{"id": "1", "message": message, "finish_reason": "COMPLETE", "usage": usage}]
    picture = Message("user", (TextPart("Which colour?"), MediaPart(b"png", "image/png")))
    first, end = await told(at("cohere"), "command-a-vision-07-2025", ModelRequest((picture,)))
    assert (first, end.finish_reason) == (TextDelta("Red."), "stop")
    words, shown = server.last["messages"][0]["content"]
    assert words == {"type": "text", "text": "Which colour?"}
    assert shown["image_url"]["url"] == "data:image/png;base64,cG5n"


# ── Dialects of the chat wire ──


async def test_mistral_thinks_in_its_content_and_leaves_a_calls_type_out(server: SmallServer, at: Any) -> None:
    thought = {"type": "thinking", "thinking": [{"type": "text", "text": "Hm."}]}
    call = {"id": "D681PevKs", "index": 0, "function": {"name": "weather", "arguments": '{"city": "Paris"}'}}
    message = {"role": "assistant", "content": [thought, {"type": "text", "text": "I look."}], "tool_calls": [call]}
    server.answers = [{**CHAT, "choices": [{"index": 0, "finish_reason": "tool_calls", "message": message}]}]
    *events, end = await told(at("mistral"), "magistral-small-latest", ModelRequest(ASK, tools=(WEATHER,)))
    assert events[:2] == [ThinkingDelta("Hm."), TextDelta("I look.")]
    assert [(event.name, event.arguments) for event in events[2:]] == [("weather", ""), ("", '{"city": "Paris"}')]
    assert end.finish_reason == "tool_call"
    assert "max_completion_tokens" not in server.last  # which Mistral refuses


async def test_mistral_streams_its_thinking_in_its_content(server: SmallServer, at: Any) -> None:
    thought = [{"type": "thinking", "thinking": [{"type": "text", "text": "Hm."}]}]
    deltas = [{"content": thought}, {"content": "Yes."}]
    chunks = [{**CHUNK, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]} for delta in deltas]
    last = {**CHUNK, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}], "usage": CHAT["usage"]}
    server.answers = [[*chunks, last]]
    *events, end = await told(at("mistral", streams=True), "magistral-small-latest", ModelRequest(ASK))
    assert events == [ThinkingDelta("Hm."), TextDelta("Yes.")]
    assert end.usage.input_tokens == 3


async def test_groq_counts_a_stream_in_a_field_of_its_own(server: SmallServer, at: Any) -> None:
    choice = {"index": 0, "delta": {"content": "Yes."}, "finish_reason": "stop"}
    server.answers = [[{**CHUNK, "choices": [choice], "x_groq": {"id": "1", "usage": CHAT["usage"]}}]]
    *_events, end = await told(at("groq", streams=True), "llama-3.3-70b-versatile", ModelRequest(ASK))
    assert (end.usage.input_tokens, end.usage.output_tokens) == (3, 2)


async def test_what_a_service_runs_itself_is_none_of_the_answer(server: SmallServer, at: Any) -> None:
    """The code it wrote for its own interpreter came as text once."""
    code = {"type": "code_interpreter_call", "id": "ci_1", "container_id": "c", "code": "", "status": "in_progress"}
    text = RESPONSE["output"][0]
    part = {"type": "output_text", "text": "", "annotations": []}
    at_0, at_1 = {"output_index": 0, "item_id": "ci_1"}, {"output_index": 1, "item_id": "msg_1", "content_index": 0}
    typed = "response.code_interpreter_call_code"
    told_in_order = [
        {"type": "response.created", "response": {**RESPONSE, "status": "in_progress", "output": []}},
        {"type": "response.output_item.added", "output_index": 0, "item": code},
        {"type": f"{typed}.delta", **at_0, "delta": "print(1)"},
        {"type": f"{typed}.done", **at_0, "code": "print(1)"},
        {"type": "response.output_item.done", "output_index": 0, "item": {**code, "code": "print(1)", "outputs": []}},
        {"type": "response.output_item.added", "output_index": 1, "item": {**text, "content": []}},
        {"type": "response.content_part.added", **at_1, "part": part},
        {"type": "response.output_text.delta", **at_1, "delta": "Yes."},
        {"type": "response.output_item.done", "output_index": 1, "item": text},
        {"type": "response.completed", "response": RESPONSE},
    ]
    server.answers = [[{"sequence_number": n, **event} for n, event in enumerate(told_in_order)]]
    *events, end = await told(at("openai", streams=True), "gpt-5", ModelRequest(ASK))
    assert events == [TextDelta("Yes.")]
    assert end.finish_reason == "stop"


# ── The end of a stream ──

UNREASONED = [{**CHUNK, "choices": [{"index": 0, "delta": {"content": "Yes."}, "finish_reason": None}]}]


async def test_a_stream_that_came_to_its_done_is_whole(server: SmallServer, at: Any) -> None:
    server.answers = [UNREASONED]
    *_events, end = await told(at("lab", streams=True), "own", ModelRequest(ASK))
    assert isinstance(end, End)
    assert end.finish_reason == "stop"


async def test_a_stream_without_reason_or_done_was_cut(server: SmallServer, at: Any) -> None:
    server.answers, server.done = [UNREASONED], False
    try:
        events = await told(at("lab", streams=True), "own", ModelRequest(ASK))
    except ModelError:
        return
    assert not any(isinstance(event, End) for event in events)
