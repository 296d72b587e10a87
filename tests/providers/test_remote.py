"""Remote providers against recorded traffic and injected faults, over real HTTP on loopback."""

import json
import os
import re
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from coachwork.errors import (
    ContextTooLong,
    ModelError,
    Overloaded,
    ProviderFault,
    RateLimited,
    Rejected,
    StreamCut,
    UnknownModel,
    Unreachable,
)
from coachwork.messages import Message, ModelRequest, Reply, TextDelta, Usage
from coachwork.models import Models, ModelsConfig, ProviderConfig, RouteConfig

DATA = Path(os.environ.get("COACHWORK_SHARED_DATA") or Path(__file__).parents[3] / "shared" / "data")
SERVICES = ("OPENAI", "ANTHROPIC", "GEMINI", "GROQ", "OPENROUTER")
KEYS = {f"{name}_API_KEY": "sk-very-secret-key" for name in SERVICES}
ADDRESSES = {
    "openai": "/openai/v1",
    "openai-chat": "/openai/v1",
    "anthropic": "/anthropic",
    "google": "/gemini",
    "groq": "/groq/openai/v1",
    "ollama": "/ollama/v1",
    "openrouter": "/openrouter/api/v1",
}

pytestmark = pytest.mark.skipif(
    not (DATA / "replay_server.py").exists(), reason=f"the recorded traffic is not there: {DATA / 'replay_server.py'}"
)


class Replay:
    def __init__(self, address: str) -> None:
        self.address = address

    def control(self, path: str, body: object) -> None:
        urllib.request.urlopen(f"{self.address}/_replay/{path}", data=json.dumps(body).encode(), timeout=60).read()

    def fault(self, provider: str, **fault: object) -> None:
        self.control("fault", {"provider": provider, **fault})


@pytest.fixture(scope="module")
def server():
    command = [sys.executable, str(DATA / "replay_server.py"), "--port", "0", "--strict"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            found = re.search(r"http://\S+", process.stdout.readline())
            yield Replay(found[0])
        finally:
            process.kill()  # whatever went wrong: the end of `with` waits for it


@pytest.fixture
async def replay(server):
    server.control("reset", {})
    return server


@pytest.fixture
async def room(replay):
    opened = []

    def make(*, streams: bool = True, retries: int = 0, **more: ProviderConfig) -> Models:
        providers = {
            name: ProviderConfig(base_url=replay.address + path, streams=streams) for name, path in ADDRESSES.items()
        }
        routes = {
            "pair": RouteConfig(models=["anthropic:claude-3-haiku-20240307", "google:gemini-2.0-flash-exp"], retries=0),
            "patient": RouteConfig(models=["anthropic:claude-3-haiku-20240307"], retries=retries),
        }
        config = ModelsConfig(providers={**providers, **more}, routes=routes)
        opened.append(Models(config, database=None, cache_dir=Path("/nowhere"), environ=KEYS))
        return opened[-1]

    yield make
    for models in opened:
        await models.close()


async def ask(models: Models, model: str, text: str, *, system: str = "", schema: dict | None = None) -> Reply:
    said = ((Message.of("system", system),) if system else ()) + (Message.of("user", text),)
    return await models.complete(model, ModelRequest(said, schema=schema, seconds=20))


JOKE = "Tell me a joke about OpenTelemetry"
FRANCE = "What is the capital of France?"
PERSON = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "age": {"type": "integer"}},
    "required": ["name", "age"],
    "additionalProperties": False,
}
CITY = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "country": {"type": "string"}},
    "required": ["city", "country"],
    "additionalProperties": False,
}
PAYMENT = {
    "type": "object",
    "properties": {"amount": {"anyOf": [{"type": "number"}, {"type": "string"}]}},
    "required": ["amount"],
    "additionalProperties": False,
}


@pytest.mark.parametrize(
    ("model", "text", "starts", "usage", "nano"),
    [
        ("anthropic:claude-3-haiku-20240307", JOKE, "Here's an OpenTelemetry-themed joke", Usage(17, 92), 119_250),
        ("google:gemini-2.0-flash-exp", FRANCE, "The capital of France is Paris.", Usage(13, 8), 4_500),
        ("ollama:gpt-oss:120b", "Count from 1 to 3", "1", None, 0),
    ],
)
async def test_streamed_answers_end_as_recorded(room, model, text, starts, usage, nano):
    models = room()
    pieces = [
        event.text
        async for event in models.stream(model, ModelRequest((Message.of("user", text),)))
        if isinstance(event, TextDelta)
    ]
    reply = await ask(models, model, text)
    assert reply.text == "".join(pieces)
    assert len(pieces) > 1
    assert reply.text.startswith(starts)
    assert reply.finish_reason == "stop"
    assert usage is None or reply.usage == usage
    assert reply.cost_nano == nano


@pytest.mark.parametrize(
    ("model", "text", "answer", "usage"),
    [
        ("anthropic:claude-3-opus-latest", FRANCE, "The capital of France is Paris.", Usage(20, 10)),
        ("google:gemini-1.5-flash", "Hello", "Hello there! How can I help you today?\n", Usage(2, 11)),
        ("google:gemini-3.1-flash-lite", FRANCE, "The capital of France is Paris.", Usage(15, 7)),
        ("openai:gpt-4.1", "Reply exactly: no conversation", "no conversation", None),
        ("openai-chat:gpt-3.5-turbo", "Is Berlin the capital of Germany? Answer with yes or no", "Yes", Usage(19, 1)),
    ],
)
async def test_plain_answers_end_as_recorded(room, model, text, answer, usage):
    reply = await ask(room(streams=False), model, text, system="You are a helpful assistant.")
    assert (reply.text, reply.finish_reason) == (answer, "stop")
    assert usage is None or reply.usage == usage


@pytest.mark.parametrize(
    ("model", "text", "schema", "value"),
    [
        (
            "anthropic:claude-haiku-4-5-20251001",
            "Generate a person named John who is 30 years old",
            PERSON,
            {"name": "John", "age": 30},
        ),
        ("openai:gpt-5.4-mini", "Return exactly this payment amount: 12.34", PAYMENT, {"amount": 12.34}),
        (
            "groq:openai/gpt-oss-120b",
            "What is the largest city in Mexico?",
            CITY,
            {"city": "Mexico City", "country": "Mexico"},
        ),
    ],
)
async def test_structured_answers_end_as_recorded(room, model, text, schema, value):
    reply = await ask(room(streams=False), model, text, schema=schema)
    assert json.loads(reply.text) == value


async def test_thinking_is_told_apart_from_the_answer(room):
    question = "A farmer has chickens and rabbits, 35 heads and 94 legs. How many of each? Reason step by step."
    reply = await ask(room(streams=False), "anthropic:claude-sonnet-5", question)
    assert reply.thinking.startswith("Setting up two equations")
    assert reply.text.startswith("# Setting Up the Problem")


@pytest.mark.parametrize(
    ("model", "text", "error", "says"),
    [
        ("anthropic:claude-sonet-4-5", "hello", UnknownModel, "claude-sonet-4-5"),
        ("google:gemini-3.6-flahs", "hello", UnknownModel, "is not found for API version"),
        ("google:gemini-2.5-flash", "Hi", RateLimited, "asks to wait 48 s"),
        ("openai:this-model-does-not-exist", "Hello", UnknownModel, "does not exist"),
        ("openai:gpt-4.1-nano", "Hello", Rejected, "refused the API key: Incorrect API key provided"),
        (
            "openai-chat:not-found-TEST_CHAT_MODEL",
            "Answer in up to 3 words: Which ocean contains Bouvet Island?",
            UnknownModel,
            "does not exist",
        ),
        ("ollama:gpt-oss:120b", "Hi", ContextTooLong, "exceeded max context length"),
        ("ollama:gpt-oss:120b", "Hello", Rejected, "Unauthorized"),
        ("openrouter:anthropic/claude-haiku-4.5", "Hello", Rejected, "Missing Authentication header"),
    ],
)
async def test_recorded_errors_become_ours(room, model, text, error, says):
    with pytest.raises(error, match=re.escape(says)) as raised:
        await ask(room(streams=False), model, text)
    assert raised.value.model == model
    assert "status_code" not in raised.value.message


# ── Faults ──


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ({"status": 429, "headers": {"retry-after": "17"}}, RateLimited),
        ({"status": 529, "body": {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}},
         Overloaded),
        ({"status": 503}, Overloaded),
        ({"status": 500}, ProviderFault),
        ({"status": 502, "body": "<html>Bad gateway</html>"}, ProviderFault),
        ({"status": 400, "body": {"type": "error", "error": {"type": "invalid_request_error", "message":
          "prompt is too long: 250000 tokens > 200000 maximum"}}}, ContextTooLong),
        ({"status": 400}, Rejected),
        ({"status": 401}, Rejected),
    ],
    ids=lambda value: value.get("status") if isinstance(value, dict) else value.code,
)  # fmt: skip
async def test_faults_become_our_errors(room, replay, fault, error):
    replay.fault("anthropic", **fault)
    with pytest.raises(error) as raised:
        await ask(room(), "patient", JOKE)
    if error is RateLimited:
        assert raised.value.retry_after == 17


@pytest.mark.parametrize("events", [0, 2, 4, 10])
async def test_a_cut_stream_is_never_an_answer(room, replay, events):
    replay.fault("anthropic", after_events=events)
    with pytest.raises((StreamCut, Unreachable, ProviderFault)):
        await ask(room(), "patient", JOKE)


async def test_after_a_cut_the_next_model_gives_the_whole_answer(room, replay):
    replay.fault("anthropic", after_events=6)
    reply = await ask(room(), "pair", FRANCE)
    assert reply.text == "The capital of France is Paris.\n"
    assert (reply.model, reply.attempts[0].model) == (
        "google:gemini-2.0-flash-exp",
        "anthropic:claude-3-haiku-20240307",
    )


async def test_a_passing_fault_is_asked_again(room, replay):
    replay.fault("anthropic", status=529, times=1)
    reply = await ask(room(retries=1), "patient", JOKE)
    assert [attempt.code for attempt in reply.attempts] == ["overloaded"]
    assert reply.text.startswith("Here's an OpenTelemetry")


async def test_no_connection_is_said_and_where_to(room):
    models = room(lab=ProviderConfig(base_url="http://127.0.0.1:9/v1"))
    with pytest.raises(Unreachable, match="'lab:own'"):
        await models.complete("lab:own", ModelRequest((Message.of("user", "Hello"),), seconds=20))


@pytest.mark.parametrize("model", ["anthropic:claude-3-haiku-20240307", "google:gemini-2.0-flash-exp", "openai:gpt-5"])
async def test_a_key_is_in_no_error(room, replay, model):
    provider = {"google": "gemini"}.get(model.partition(":")[0], model.partition(":")[0])
    replay.fault(provider, status=401, body={"error": {"message": f"wrong key: {KEYS['OPENAI_API_KEY']}"}})
    with pytest.raises(ModelError) as raised:
        await ask(room(), model, "Hello")
    seen = [repr(raised.value), str(raised.value), json.dumps(raised.value.to_dict(), default=str)]
    cause = raised.value
    while cause := cause.__cause__:
        seen.append(repr(cause))
    assert "very-secret" not in "".join(seen)
    assert "•••" in raised.value.message
