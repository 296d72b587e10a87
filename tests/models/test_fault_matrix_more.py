"""What is no chat, against a provider that fails: vectors, transcripts, rankings come whole or as a typed error."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from coachwork.errors import ModelError
from coachwork.messages import Audio
from coachwork.models import ModelConfig, Models, ModelsConfig, ProviderConfig, RouteConfig
from coachwork.models.check import silence
from coachwork.testing import ProviderServer

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.slow]

KEYS = {"OPENAI_API_KEY": "sk-very-secret-key", "GEMINI_API_KEY": "very-secret-key"}
KEYS |= {"CO_API_KEY": "very-secret-key", "JINA_API_KEY": "very-secret-key"}
FAULTS = {
    "hang-up": ("unreachable",),
    "cut-after-0": ("unreachable", "stream-cut"),
    "cut-after-1": ("unreachable", "stream-cut"),
    "end-after-1": ("provider-fault", "stream-cut"),
    "garbage-json": ("provider-fault", "stream-cut"),
    "wrong-shape": ("provider-fault", "stream-cut"),
    "html-200": ("provider-fault", "stream-cut"),
    "html-502": ("provider-fault",),
    "401": ("rejected",),
    "404": ("unknown-model",),
    "429-retry-after-7": ("rate-limited",),
    "quota": ("rate-limited",),
    "500": ("provider-fault",),
    "503": ("overloaded",),
    "context-too-long": ("context-too-long",),
    "hang-before-headers": ("model-timeout",),
    "hang-after-headers": ("model-timeout",),
    "endless-pings": ("model-timeout",),
}
Ask = Callable[[Models, str], Awaitable[object]]


async def embed(models: Models, route: str) -> object:
    made = await models.embed(route, ["a red bike", "tax law"], purpose="passage")
    return made.vectors.shape[0]


async def transcribe(models: Models, route: str) -> object:
    return (await models.transcribe(route, Audio(silence(2.0)))).transcript.text


async def moderate(models: Models, route: str) -> object:
    return [one.flagged for one in (await models.moderate(route, ["tea", "violence"])).moderations]


async def rank(models: Models, route: str) -> object:
    return (await models.rerank(route, "red bike", ["tax law", "a red bike", "bike"])).scores


KINDS: dict[str, tuple[str, str, Ask, object]] = {
    "openai embeds": ("openai:text-embedding-3-small", "openai:second-embedding", embed, 2),
    "gemini embeds": ("google:gemini-embedding-001", "openai:second-embedding", embed, 2),
    "openai listens": ("openai:whisper-1", "openai:whisper-1", transcribe, "This sound is 2 seconds long."),
    "cohere ranks": ("cohere:rerank-v3.5", "jina:second-reranker", rank, [0, 1, 0.5]),
    "jina ranks": ("jina:jina-reranker-v2", "jina:second-reranker", rank, [0, 1, 0.5]),
    "openai judges": ("openai:omni-moderation-latest", "openai:omni-moderation-latest", moderate, [False, True]),
}


@pytest.fixture(scope="module")
def server() -> Iterator[ProviderServer]:
    with ProviderServer() as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def models(server: ProviderServer) -> AsyncIterator[Models]:
    routes = {}
    for kind, (first, second, _ask, _fine) in KINDS.items():
        routes[kind] = RouteConfig(models=[first])
        for written in FAULTS:
            limits = {"retries": 0, "total_seconds": 0.8 if FAULTS[written] == ("model-timeout",) else 30}
            routes[f"{kind} {written} alone"] = RouteConfig(models=[f"{first}+{written}"], **limits)
            routes[f"{kind} {written} pair"] = RouteConfig(models=[f"{first}+{written}", second], **limits)
    asked = {model for route in routes.values() for model in route.models}
    config = ModelsConfig(
        routes=routes,
        models=dict.fromkeys(asked, ModelConfig(breaker_failures=1000)),
        providers={
            "openai": ProviderConfig(base_url=f"{server.url}/v1"),
            "google": ProviderConfig(base_url=server.url),
            "cohere": ProviderConfig(base_url=server.url),
            "jina": ProviderConfig(base_url=f"{server.url}/v1"),
        },
    )
    opened = Models(config, database=None, cache_dir=Path("/nowhere"), environ=KEYS)
    yield opened
    await opened.close()


@pytest.mark.parametrize("kind", KINDS)
async def test_it_answers(models: Models, kind: str):
    _first, _second, ask, fine = KINDS[kind]
    assert await ask(models, kind) == fine


@pytest.mark.parametrize("kind", KINDS)
async def test_every_fault_ends_typed_or_with_the_second_model(models: Models, kind: str):
    _first, _second, ask, fine = KINDS[kind]
    await ask(models, kind)  # the SDK is imported now and not within a limit

    async def one(route: str) -> object:
        try:
            return await ask(models, route)
        except ModelError as error:
            return error.code

    alone = await asyncio.gather(*(one(f"{kind} {written} alone") for written in FAULTS))
    wrong = [
        f"{written}: {got}" for (written, codes), got in zip(FAULTS.items(), alone, strict=True) if got not in codes
    ]
    assert not wrong, "\n".join(wrong)
    falls = [written for written, codes in FAULTS.items() if codes != ("model-timeout",)]  # those use up the whole time
    pair = await asyncio.gather(*(one(f"{kind} {written} pair") for written in falls))
    assert {written: got for written, got in zip(falls, pair, strict=True) if got != fine} == {}
