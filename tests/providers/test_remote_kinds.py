"""Embeddings, speech and moderation of remote services, what their models can do, and what is not installed."""

import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from coachwork.errors import ProviderFault, RateLimited, StreamCut
from coachwork.messages import Audio, SpokenWord, Usage
from coachwork.models.price_rows import ROWS
from coachwork.providers.remote import RemoteModels
from coachwork.providers.services import SERVICES, OwnServer, services
from coachwork.providers.wire import Meter

from .small_server import SmallServer, small_server

SOUND = Audio(b"RIFF....WAVE", "audio/x-wav")


@pytest.fixture
def server() -> Iterator[SmallServer]:
    with small_server() as small:
        yield small


@pytest.fixture
async def at(server: SmallServer):
    made = []

    def open_one(name: str, path: str = "/v1", *, streams: bool = True) -> RemoteModels:
        service = services({name: OwnServer(server.url + path, streams=streams)})[name]
        made.append(RemoteModels(name, service, dict.fromkeys(service.keys, "sk-secret-key")))
        return made[-1]

    yield open_one
    for provider in made:
        await provider.close()


# ── Embeddings ──


def openai_rows(*rows: list[float]) -> dict[str, Any]:
    data = [{"object": "embedding", "index": n, "embedding": row} for n, row in enumerate(rows)]
    return {"object": "list", "model": "m", "data": data, "usage": {"prompt_tokens": 4, "total_tokens": 4}}


async def test_vectors_have_length_one_and_the_order_of_their_texts(server: SmallServer, at: Any) -> None:
    answer = openai_rows([3.0, 4.0], [0.0, 2.0])
    answer["data"].reverse()
    server.answers, meter = [answer], Meter()
    vectors = await at("openai").embed("text-embedding-3-small", ["one", "two"], "passage", meter)
    np.testing.assert_allclose(vectors, [[0.6, 0.8], [0.0, 1.0]], atol=1e-6)
    assert vectors.dtype == np.float32
    assert meter.usage == Usage(input_tokens=4)


async def test_many_texts_go_in_as_many_requests_as_the_service_takes(server: SmallServer, at: Any) -> None:
    texts = [f"text {n}" for n in range(SERVICES["mistral"].embed_at_once + 2)]
    first, rest = [[1.0, float(n)] for n in range(len(texts) - 2)], [[1.0, -1.0], [1.0, -2.0]]
    server.answers, meter = [openai_rows(*first), openai_rows(*rest)], Meter()
    vectors = await at("mistral").embed("mistral-embed", texts, "passage", meter)
    assert [len(asked.body["input"]) for asked in server.asked] == [len(texts) - 2, 2]
    assert vectors.shape == (len(texts), 2)
    assert meter.usage.input_tokens == 8


@pytest.mark.parametrize("rows", [[[1.0, 0.0]], [[1.0, 0.0], [1.0]], [[], []]], ids=["too few", "uneven", "empty"])
async def test_an_answer_with_other_vectors_than_asked_is_a_fault(server: SmallServer, at: Any, rows: Any) -> None:
    server.answers = [openai_rows(*rows)]
    with pytest.raises(ProviderFault, match="vectors"):
        await at("openai").embed("text-embedding-3-small", ["one", "two"], "query", Meter())


async def test_an_error_of_embeddings_is_read_like_any_other(server: SmallServer, at: Any) -> None:
    server.answers, server.status = [{"error": {"message": "Slow down", "type": "requests"}}], 429
    with pytest.raises(RateLimited, match="Slow down") as raised:
        await at("openai").embed("text-embedding-3-small", ["one"], "query", Meter())
    assert raised.value.model == "openai:text-embedding-3-small"
    assert len(server.asked) == 1  # nobody below the route asks again


@pytest.mark.parametrize(("purpose", "task"), [("query", "RETRIEVAL_QUERY"), ("passage", "RETRIEVAL_DOCUMENT")])
async def test_gemini_is_told_what_vectors_are_for(server: SmallServer, at: Any, purpose: Any, task: str) -> None:
    server.answers, meter = [{"embeddings": [{"values": [3.0, 4.0]}]}], Meter()
    vectors = await at("google", "").embed("gemini-embedding-001", ["one two three"], purpose, meter)
    np.testing.assert_allclose(vectors, [[0.6, 0.8]], atol=1e-6)
    assert task in server.asked[-1].raw.decode()
    assert meter.usage == Usage(input_tokens=4, estimated=True)  # the Gemini API does not count for us


@pytest.mark.parametrize(("purpose", "kind"), [("query", "search_query"), ("passage", "search_document")])
async def test_cohere_is_told_what_vectors_are_for(server: SmallServer, at: Any, purpose: Any, kind: str) -> None:
    pytest.importorskip("cohere", reason="the extra cohere is not installed")
    meta = {"api_version": {"version": "2"}, "billed_units": {"input_tokens": 3}}
    server.answers = [{"id": "1", "texts": ["one"], "embeddings": {"float": [[3.0, 4.0]]}, "meta": meta}]
    meter = Meter()
    vectors = await at("cohere", "").embed("embed-v4.0", ["one"], purpose, meter)
    np.testing.assert_allclose(vectors, [[0.6, 0.8]], atol=1e-6)
    assert server.last["input_type"] == kind
    assert meter.usage == Usage(input_tokens=3)


# ── Speech ──


async def test_whisper_gives_language_length_and_the_times_of_words(server: SmallServer, at: Any) -> None:
    words = [{"word": "Guten", "start": 0.1, "end": 0.4}, {"word": "Tag", "start": 0.5, "end": 0.8}]
    server.answers = [
        {"task": "transcribe", "language": "German", "duration": 1.5, "text": " Guten Tag ", "words": words}
    ]
    meter = Meter()
    transcript = await at("groq", "/openai/v1").transcribe("whisper-large-v3-turbo", SOUND, meter)
    assert (transcript.text, transcript.language, transcript.seconds) == ("Guten Tag", "de", 1.5)
    assert transcript.words == [
        SpokenWord(word="Guten", start=0.1, end=0.4),
        SpokenWord(word="Tag", start=0.5, end=0.8),
    ]
    assert meter.usage == Usage(audio_seconds=1.5)
    sent = server.asked[-1].raw
    assert b'filename="sound.wav"' in sent
    assert b"verbose_json" in sent
    assert b"word" in sent.partition(b"timestamp_granularities")[2]


async def test_a_streamed_transcript_without_its_end_was_cut(server: SmallServer, at: Any) -> None:
    server.answers = [[{"type": "transcript.text.delta", "delta": "Guten"}]]
    with pytest.raises(StreamCut):
        await at("openai").transcribe("gpt-4o-transcribe", SOUND, Meter())


@pytest.mark.parametrize("answer", [{"error": None}, {"text": 3}, []], ids=str)
async def test_what_is_no_transcript_is_a_fault(server: SmallServer, at: Any, answer: Any) -> None:
    server.answers = [answer] if answer != [] else [{"text": None}]
    with pytest.raises(ProviderFault, match="no transcript"):
        await at("openai", streams=False).transcribe("gpt-4o-transcribe", SOUND, Meter())


# ── Moderation ──

OPENAI_JUDGED = {
    "id": "modr-1",
    "model": "omni-moderation-latest",
    "results": [
        {
            "flagged": True,
            "categories": {"violence": True},
            "category_scores": {"violence": 0.9, "illicit/violent": 0.2},
        },
        {"flagged": False, "categories": {"violence": False}, "category_scores": {"violence": 0.001}},
    ],
}
MISTRAL_JUDGED = {  # https://docs.mistral.ai/capabilities/guardrailing/
    "id": "1",
    "model": "mistral-moderation-2411",
    "usage": {"prompt_tokens": 12, "completion_tokens": 0, "total_tokens": 12},
    "results": [
        {"categories": {"pii": False, "health": True}, "category_scores": {"pii": 0.1, "health": 0.8}},
        {"categories": {"pii": False, "health": False}, "category_scores": {"pii": 0.1, "health": 0.2}},
    ],
}


@pytest.mark.parametrize(
    ("name", "model", "answer", "scores", "tokens"),
    [
        ("openai", "omni-moderation-latest", OPENAI_JUDGED, {"violence": 0.9, "illicit/violent": 0.2}, 0),
        ("mistral", "mistral-moderation-latest", MISTRAL_JUDGED, {"pii": 0.1, "health": 0.8}, 12),
    ],
)
async def test_each_text_is_judged(
    server: SmallServer, at: Any, name: str, model: str, answer: Any, scores: dict[str, float], tokens: int
) -> None:
    server.answers, meter = [answer], Meter()
    first, second = await at(name).moderate(model, ["I will hit you", "hello"], meter)
    assert (first.flagged, second.flagged) == (True, False)
    assert first.scores == scores
    assert meter.usage.input_tokens == tokens
    assert server.last == {"model": model, "input": ["I will hit you", "hello"]}


async def test_a_judgement_too_few_is_a_fault(server: SmallServer, at: Any) -> None:
    server.answers = [OPENAI_JUDGED]
    with pytest.raises(ProviderFault, match="2 judgements for 1"):
        await at("openai").moderate("omni-moderation-latest", ["one"], Meter())


# ── What models can do ──


@pytest.mark.parametrize(
    ("name", "model", "kinds"),
    [
        ("openai", "gpt-5-mini", {"chat"}),
        ("openai", "text-embedding-3-large", {"embed"}),
        ("openai", "whisper-1", {"transcribe"}),
        ("openai", "gpt-4o-mini-transcribe", {"transcribe"}),
        ("openai", "omni-moderation-latest", {"moderate"}),
        ("openai", "gpt-4o-mini-tts", set()),
        ("openai", "gpt-image-1", set()),
        ("google", "gemini-embedding-001", {"embed"}),
        ("google", "gemini-3-pro", {"chat"}),
        ("mistral", "mistral-moderation-latest", {"moderate"}),
        ("cohere", "embed-v4.0", {"embed"}),
        ("cohere", "rerank-v3.5", {"rerank"}),
        ("vllm", "BAAI/bge-reranker-v2-m3", {"rerank"}),
        ("jina", "jina-embeddings-v3", set()),
        ("groq", "whisper-large-v3", {"transcribe"}),
        ("groq", "llama-3.3-70b-versatile", {"chat"}),
        ("ollama", "nomic-embed-text", {"embed"}),
        ("ollama", "all-minilm", {"embed"}),
        ("deepseek", "deepseek-chat", {"chat"}),
        ("anthropic", "claude-opus-4-6", {"chat"}),
        ("anthropic", "text-embedding-of-nobody", set()),
        ("bedrock", "amazon.titan-embed-text-v2:0", {"embed"}),
    ],
)
def test_a_model_does_the_one_kind_its_name_says(name: str, model: str, kinds: set[str]) -> None:
    assert RemoteModels(name, SERVICES[name], {}).abilities(model).kinds == kinds


@pytest.mark.parametrize(
    ("name", "model", "can"),
    [
        ("openai", "gpt-5-mini", {"thinking": True, "probabilities": False, "schema": "native", "vision": True}),
        ("openai", "gpt-4.1", {"thinking": False, "probabilities": True, "schema": "native", "vision": True}),
        ("openai-chat", "gpt-3.5-turbo", {"thinking": False, "probabilities": True, "vision": False}),
        ("anthropic", "claude-3-5-haiku-latest", {"thinking": False, "schema": "tool", "vision": True}),
        ("anthropic", "claude-opus-4-6", {"thinking": True, "probabilities": False, "schema": "native"}),
        ("deepseek", "deepseek-reasoner", {"thinking": True, "schema": "tool", "vision": False}),
        ("xai", "grok-4-1-fast-non-reasoning", {"thinking": False}),
        ("cohere", "command-a-03-2025", {"schema": "tool", "vision": False}),
    ],
)
def test_abilities_are_known_by_name(name: str, model: str, can: dict[str, Any]) -> None:
    known = RemoteModels(name, SERVICES[name], {}).abilities(model)
    seen = {
        "thinking": known.thinking,
        "probabilities": known.probabilities,
        "schema": known.schema,
        "vision": "image/" in known.media,
    }
    assert {ability: seen[ability] for ability in can} == can
    assert known.tools == "native"


def test_the_size_of_a_context_comes_from_the_public_table() -> None:
    assert RemoteModels("openai", SERVICES["openai"], {}).abilities("gpt-4.1").context == 1_000_000
    assert RemoteModels("openai", SERVICES["openai"], {}).abilities("gpt-of-nobody").context is None


def test_every_service_can_be_priced_or_costs_nothing() -> None:
    from genai_prices.data_snapshot import get_snapshot

    tables = {provider.id for provider in get_snapshot().providers} | {row.provider for row in ROWS}
    assert {row.price_table for row in SERVICES.values() if row.billed} <= tables
    assert {name for name, row in SERVICES.items() if not row.billed} == {"ollama", "vllm", "llamacpp"}


# ── What is not installed ──

MISSING = """
import asyncio, json, sys
sys.modules[{package!r}] = None
from coachwork.errors import NotInstalled
from coachwork.messages import Message, ModelRequest
from coachwork.providers.remote import RemoteModels
from coachwork.providers.services import SERVICES
from coachwork.providers.wire import Meter

async def ask():
    provider = RemoteModels({name!r}, SERVICES[{name!r}], {{}})
    try:
        async for _event in provider.stream("m", ModelRequest((Message.of("user", "Hello"),)), Meter()):
            pass
    except NotInstalled as error:
        print(json.dumps([error.message, error.hint]))

asyncio.run(ask())
"""


@pytest.mark.parametrize(
    ("name", "package", "extra"),
    [
        ("google", "google.genai", "google"),
        ("groq-native", "groq", "groq"),
        ("mistral-native", "mistralai", "mistral"),
        ("cohere", "cohere", "cohere"),
        ("bedrock", "boto3", "bedrock"),
    ],
)
def test_a_missing_package_is_named_with_the_line_to_type(name: str, package: str, extra: str) -> None:
    code = MISSING.format(name=name, package=package)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    message, hint = json.loads(done.stdout)
    assert repr(name) in message
    assert hint == f'pip install "coachwork[{extra}]"'


# ── Rerankers ──


def ranking(*scores: float) -> dict[str, Any]:
    return {"results": [{"index": index, "relevance_score": score} for index, score in enumerate(scores)]}


async def test_scores_that_are_no_shares_are_made_shares_in_the_same_order(server: SmallServer, at: Any) -> None:
    server.answers = [ranking(-3.5, 900.0, 0.0)]
    scores = await at("llamacpp").rerank("bge-reranker", "q", ["a", "b", "c"], Meter())
    assert scores == [pytest.approx(0.0293, abs=1e-4), 1.0, 0.5]


@pytest.mark.parametrize(
    "answer",
    [
        ranking(0.5),
        {"results": [{"index": 0, "relevance_score": 1}, {"index": 0, "relevance_score": 1}]},
        {"results": [{"index": 0, "relevance_score": "high"}]},
        {"ok": True},
    ],
    ids=["too few", "one twice", "a word", "another shape"],
)
async def test_an_answer_without_one_score_a_text_is_a_fault(server: SmallServer, at: Any, answer: Any) -> None:
    server.answers = [answer]
    with pytest.raises(ProviderFault, match=r"ranking|scores"):
        await at("jina").rerank("jina-reranker-v2", "q", ["a", "b"], Meter())
