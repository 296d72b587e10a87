"""Every recorded exchange with a provider, replayed through our provider room, ends as it was recorded.

What it must end as is read from the recording by `recorded_answers.py`, which knows nothing of our code. Run with
`-s` to see how many there are of each provider, and what is left out and why.
"""

import base64
import json
import re
import struct
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import pytest
import pytest_asyncio

from coachwork.errors import (
    CoachworkError,
    ContextTooLong,
    ModelError,
    Overloaded,
    ProviderFault,
    RateLimited,
    Rejected,
    UnknownModel,
)
from coachwork.messages import Audio, SourceFound, TextDelta, ThinkingDelta, ToolCallDelta
from coachwork.providers.remote import RemoteModels
from coachwork.providers.services import OwnServer, services
from coachwork.providers.wire import End, Meter

from .recorded_answers import Said, events, said
from .recorded_requests import asked
from .recordings import CASSETTES, DATA, Exchange, Replay, exchanges, replaying

T = TypeVar("T")

pytestmark = [
    pytest.mark.skipif(not CASSETTES.is_dir(), reason=f"the recorded traffic is not there: {CASSETTES}"),
    pytest.mark.asyncio(loop_scope="module"),
]


@dataclass(frozen=True)
class Row:
    """Which of our services speaks to a recorded provider and path, and where the replay has it."""

    provider: str
    path: str
    kind: str
    service: str
    address: str


ROWS = (
    Row("openai", r"/v1/chat/completions", "chat", "openai-chat", "/openai/v1"),
    Row("openai", r"/v1/responses", "chat", "openai", "/openai/v1"),
    Row("openai", r"/v1/embeddings", "embed", "openai", "/openai/v1"),
    Row("openai", r"/v1/audio/transcriptions", "listen", "openai", "/openai/v1"),
    Row("openai", r"/v1/moderations", "moderate", "openai", "/openai/v1"),
    Row("anthropic", r"/v1/messages", "chat", "anthropic", "/anthropic"),
    Row("gemini", r"/v1(beta|alpha)?/models/[^:]+:(streamG|g)enerateContent", "chat", "google", "/gemini"),
    Row("gemini", r"/v1(beta|alpha)?/models/[^:]+:(batchE|e)mbedContents?", "embed", "google", "/gemini"),
    Row("gemini", r"/v1beta/openai/chat/completions", "chat", "gemini-openai", "/gemini/v1beta/openai"),
    Row("mistral", r"/v1/chat/completions", "chat", "mistral", "/mistral/v1"),
    Row("mistral", r"/v1/chat/completions", "chat", "mistral-native", "/mistral"),
    Row("mistral", r"/v1/embeddings", "embed", "mistral", "/mistral/v1"),
    Row("mistral", r"/v1/audio/transcriptions", "listen", "mistral", "/mistral/v1"),
    Row("mistral", r"/v1/moderations", "moderate", "mistral", "/mistral/v1"),
    Row("groq", r"/openai/v1/chat/completions", "chat", "groq", "/groq/openai/v1"),
    Row("groq", r"/openai/v1/chat/completions", "chat", "groq-native", "/groq"),
    Row("groq", r"/openai/v1/audio/transcriptions", "listen", "groq", "/groq/openai/v1"),
    Row("cohere", r"/v2/chat", "chat", "cohere", "/cohere"),
    Row("cohere", r"/v2/embed", "embed", "cohere", "/cohere"),
    Row("deepseek", r"/chat/completions", "chat", "deepseek", "/deepseek"),
    Row("deepseek", r"/responses", "chat", "deepseek-responses", "/deepseek"),
    Row("ollama", r"/v1/chat/completions", "chat", "ollama", "/ollama/v1"),
    Row("openrouter", r"/api/v1/chat/completions", "chat", "openrouter", "/openrouter/api/v1"),
    Row("openrouter", r"/api/v1/embeddings", "embed", "openrouter", "/openrouter/api/v1"),
    Row("openrouter", r"/api/v1/audio/transcriptions", "listen", "openrouter", "/openrouter/api/v1"),
    Row("openrouter", r"/api/v1/responses", "chat", "openrouter-responses", "/openrouter/api/v1"),
    Row("xai", r"/v1/responses", "chat", "xai", "/xai/v1"),
    Row("xai", r"/v1/chat/completions", "chat", "xai-chat", "/xai/v1"),
)

OWN_WIRES = {"deepseek-responses": "openai-responses"}  # where a service's name does not say it

LEFT_OUT = {  # provider and path of what is no chat, embedding, transcription or moderation on a wire of ours
    r"\w+ .*(/count_tokens|:countTokens|/tokenize|/input_tokens)": "counts tokens; no model is asked",
    r"\w+ .*/rerank": "ranking is no kind of ours",
    r"\w+ .*/(images|videos)/\w+": "makes or changes pictures",
    r"openai /v1/audio/speech": "speaks",
    r"openai /v1/completions": "a text to be completed: the wire before chat, closed to new models",
    r"cohere /v1/chat": "Cohere's first wire, which it has switched off; we speak its second",
    r"ollama /api/(chat|generate)": "Ollama's own wire; we speak the OpenAI wire that it has too",
}


def rows(exchange: Exchange) -> list[Row]:
    if exchange.method != "POST":
        return []
    return [row for row in ROWS if row.provider == exchange.provider and re.fullmatch(row.path, exchange.path)]


def why_left_out(exchange: Exchange) -> str:
    where = f"{exchange.provider} {exchange.path}"
    return next((why for pattern, why in LEFT_OUT.items() if re.fullmatch(pattern, where)), "")


def cases(kind: str) -> list[Any]:
    found = exchanges() if CASSETTES.is_dir() else []
    made = [
        pytest.param(exchange, row, id=f"{row.service}-{exchange.id}")
        for exchange in found
        for row in rows(exchange)
        if row.kind == kind
    ]
    none = pytest.mark.skip(f"nothing of the kind {kind!r} is recorded in shared/data")
    return made or [pytest.param(None, None, marks=none)]


async def test_every_exchange_is_replayed_or_left_out_for_a_reason(capsys: pytest.CaptureFixture[str]) -> None:
    played, left, unexplained = Counter[str](), Counter[str](), []
    for exchange in exchanges():
        if rows(exchange):
            played[exchange.provider] += 1
        elif why := why_left_out(exchange):
            left[f"{exchange.provider} {exchange.path}: {why}"] += 1
        else:
            unexplained.append((exchange.id, exchange.path))
    with capsys.disabled():
        print(f"\nreplayed: {played.total()} exchanges: {', '.join(f'{n} {name}' for name, n in played.items())}")
        print("".join(f"left out: {n} x {what}\n" for what, n in left.items()))
    assert unexplained == []


# ── The room at the replay ──


@pytest.fixture(scope="module")
def replay():
    with replaying() as server:
        yield server


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def room(replay: Replay):
    """Our provider for a row, streaming or not."""
    made: dict[tuple[str, bool], RemoteModels] = {}

    def open_one(row: Row, streams: bool) -> RemoteModels:
        if (row.service, streams) not in made:
            wire = OWN_WIRES.get(row.service)
            own = {row.service: OwnServer(replay.address + row.address, streams=streams, wire=wire)}
            service = services(own)[row.service]
            made[row.service, streams] = RemoteModels(
                row.service, service, dict.fromkeys(service.keys, "sk-secret-key")
            )
        return made[row.service, streams]

    yield open_one
    for provider in made.values():
        await provider.close()


async def served(replay: Replay, exchange: Exchange, ask: Callable[[], Awaitable[T]]) -> T | CoachworkError:
    """What asking gives when this very recording is played: those of the same request take turns."""
    seen = []
    for _turn in range(12):
        try:
            result: T | CoachworkError = await ask()
        except CoachworkError as error:
            result = error
        played = replay.log()[-1]
        if played["recording"] == exchange.id:
            return result
        seen.append((played["recording"], played["match"]))
    raise AssertionError(f"{exchange.id} was not played; these were: {seen}")


# ── Chat ──


async def heard(provider: RemoteModels, exchange: Exchange) -> tuple[Said, End]:
    got, calls, end, meter = Said(), dict[int, list[str]](), None, Meter()
    async for event in provider.stream(exchange.model, asked(exchange.path, exchange.body), meter):
        match event:
            case TextDelta():
                got.text += event.text
            case ThinkingDelta():
                got.thinking += event.text
            case ToolCallDelta():
                assert (event.index in calls) != bool(event.id and event.name)  # its first piece names a call
                calls.setdefault(event.index, [event.name, ""])[1] += event.arguments
            case SourceFound():
                got.quotes.append(event.source.quote)
            case End():
                end = event
    assert end is not None
    assert end.usage == meter.usage
    used = end.usage
    got.calls = [(name, json.loads(arguments)) for name, arguments in calls.values()]
    got.input, got.output, got.thought = used.input_tokens, used.output_tokens, used.thinking_tokens
    got.cached, got.written = used.cached_tokens, used.cache_write_tokens
    got.heard, got.spoken = used.input_audio_tokens, used.output_audio_tokens
    return got, end


@pytest.mark.parametrize(("exchange", "row"), cases("chat"))
async def test_a_chat_ends_as_recorded(exchange: Exchange, row: Row, replay: Replay, room: Any) -> None:
    provider = room(row, exchange.streams)
    result = await served(replay, exchange, lambda: heard(provider, exchange))
    if exchange.status >= 400:
        assert_error(result, exchange)
        return
    if exchange.streams and any("error" in event for event in events(exchange.answer)):
        assert isinstance(result, ModelError), result  # it broke off in its midst, and said so
        return
    assert not isinstance(result, CoachworkError), result
    (got, end), wanted = result, said(exchange.path, exchange.answer, streamed=exchange.streams)
    signatures, wanted.signatures = wanted.signatures, []
    for told in (got, wanted):  # a place is told once, and most services only say where, not what
        told.quotes = list(dict.fromkeys(filter(None, told.quotes)))
    assert got == wanted
    assert end.finish_reason == ("tool_call" if wanted.calls else end.finish_reason)
    assert all(signature in end.thinking_signature for signature in signatures)


def assert_error(result: object, exchange: Exchange) -> None:
    assert isinstance(result, ModelError), result
    assert type(result) is error_of(exchange.status, exchange.answer)
    assert result.model.endswith(f":{exchange.model}")
    assert "sk-secret-key" not in json.dumps(result.to_dict(), default=str)


TOO_LONG = ("too many tokens", "context length", "context_length", "context window", "prompt too long", "is too long")


def error_of(status: int, body: str) -> type[ModelError]:
    """What a status means, and what a 400 is about."""
    words = body.lower()
    if status == 400 and any(too_long in words for too_long in TOO_LONG):
        return ContextTooLong
    if status == 404 or "model_not_found" in words:
        return UnknownModel
    if "tool_use_failed" in words:  # Groq's word for what its model wrote: the request was right
        return ProviderFault
    by_status = {429: RateLimited, 503: Overloaded, 529: Overloaded}
    return by_status.get(status, ProviderFault if status >= 500 else Rejected)


# ── Embeddings ──


def vectors_of(answer: str) -> tuple[Any, int | None]:
    """The vectors, each of length 1, and the tokens that were counted."""
    body = json.loads(answer)
    if "data" in body:
        raw = [row["embedding"] for row in sorted(body["data"], key=lambda row: row["index"])]
        found = [floats(row) if isinstance(row, str) else row for row in raw]
        tokens = (body.get("usage") or {}).get("prompt_tokens")
    elif isinstance(body["embeddings"], dict):
        found, tokens = body["embeddings"]["float"], body["meta"]["billed_units"]["input_tokens"]
    else:
        found, tokens = [row["values"] for row in body["embeddings"]], None
    made = np.asarray(found, dtype=np.float64)
    return made / np.linalg.norm(made, axis=1, keepdims=True), tokens


def floats(packed: str) -> list[float]:
    raw = base64.b64decode(packed)
    return list(struct.unpack(f"<{len(raw) // 4}f", raw))


def texts_of(body: dict[str, Any]) -> list[str]:
    if "requests" in body:
        return ["".join(part.get("text", "") for part in one["content"]["parts"]) for one in body["requests"]]
    given = body.get("input") or body.get("texts") or []
    return [given] if isinstance(given, str) else given


@pytest.mark.parametrize(("exchange", "row"), cases("embed"))
async def test_embeddings_end_as_recorded(exchange: Exchange, row: Row, replay: Replay, room: Any) -> None:
    provider, meter = room(row, True), Meter()
    purpose = "passage" if "document" in json.dumps(exchange.body).lower() else "query"
    result = await served(
        replay, exchange, lambda: provider.embed(exchange.model, texts_of(exchange.body), purpose, meter)
    )
    if exchange.status >= 400:
        assert_error(result, exchange)
        return
    assert not isinstance(result, CoachworkError), result
    vectors, tokens = vectors_of(exchange.answer)
    assert result.dtype == np.float32
    np.testing.assert_allclose(result, vectors, atol=1e-6)
    assert tokens is None or meter.usage.input_tokens % tokens == 0  # a recording that took turns counts again
    assert meter.usage.estimated == (tokens is None)


# ── Speech and moderation ──


@pytest.mark.parametrize(("exchange", "row"), cases("listen"))
async def test_a_transcript_ends_as_recorded(exchange: Exchange, row: Row, replay: Replay, room: Any) -> None:
    provider, meter = room(row, exchange.streams), Meter()
    sound = Audio(next(value for name, value in exchange.form if name == "file"), "audio/wav")
    result = await served(replay, exchange, lambda: provider.transcribe(exchange.model, sound, meter))
    if exchange.status >= 400:
        assert_error(result, exchange)
        return
    assert not isinstance(result, CoachworkError), result
    wanted = events(exchange.answer)[-1] if exchange.streams else json.loads(exchange.answer)
    assert result.text == wanted["text"].strip()
    assert [word.word for word in result.words] == [word["word"] for word in wanted.get("words") or ()]
    used = wanted.get("usage") or {}
    details = used.get("input_token_details") or used.get("prompt_tokens_details") or {}
    assert meter.usage.input_tokens == used.get("input_tokens", used.get("prompt_tokens", 0))
    assert meter.usage.output_tokens == used.get("output_tokens", used.get("completion_tokens", 0))
    assert meter.usage.input_audio_tokens == details.get("audio_tokens", 0)
    assert result.seconds == wanted.get("duration", used.get("seconds", used.get("prompt_audio_seconds", 0)))


@pytest.mark.parametrize(("exchange", "row"), cases("moderate"))
async def test_a_moderation_ends_as_recorded(exchange: Exchange, row: Row, replay: Replay, room: Any) -> None:
    provider = room(row, True)
    result = await served(replay, exchange, lambda: provider.moderate(exchange.model, texts_of(exchange.body), Meter()))
    if exchange.status >= 400:
        assert_error(result, exchange)
        return
    assert not isinstance(result, CoachworkError), result
    wanted = json.loads(exchange.answer)["results"]
    assert [made.scores for made in result] == [row["category_scores"] for row in wanted]
    assert [made.flagged for made in result] == [row.get("flagged", any(row["categories"].values())) for row in wanted]


# ── Errors as the providers document them ──

FAULTS = json.loads((DATA / "faults.json").read_text()) if (DATA / "faults.json").exists() else {}
DOCUMENTED = {
    "anthropic_overloaded": ("anthropic", Overloaded, None),
    "anthropic_rate_limit": ("anthropic", RateLimited, 1.0),
    "openai_rate_limit": ("openai-chat", RateLimited, 0.2),
    "openai_quota": ("openai-chat", RateLimited, None),
    "openai_500": ("openai-chat", ProviderFault, None),
    "gemini_unavailable": ("google", Overloaded, None),
    "any_html_502": ("openai-chat", ProviderFault, None),
}
ANSWERS = {  # a recording that would be played, were there no fault
    "anthropic": "anthropic/test-async-anthropic-message-streaming-with-events-with-content-210cd9#0",
    "openai-chat": "openai/test-task-io-serialization-with-langchain-c3193c#0",
    "google": "gemini/test-google-model-stream-2b8fc8#0",
}


async def test_every_documented_fault_is_tried() -> None:
    assert set(FAULTS) - {"note", "any_cut_stream"} == set(DOCUMENTED)  # a cut stream: test_remote.py


@pytest.mark.parametrize("name", DOCUMENTED)
async def test_a_documented_fault_becomes_our_error(name: str, replay: Replay, room: Any) -> None:
    service, kind, wait = DOCUMENTED[name]
    exchange = next(exchange for exchange in exchanges() if exchange.id == ANSWERS[service])
    row = next(row for row in rows(exchange) if row.service == service)
    replay.control("fault", {**FAULTS[name], "times": 1})
    with pytest.raises(kind) as raised:
        await heard(room(row, exchange.streams), exchange)
    assert type(raised.value) is kind
    assert getattr(raised.value, "retry_after", None) == wait
    assert raised.value.details.get("lasting", False) == (name == "openai_quota")
    assert "<html>" not in raised.value.reader
