"""The remote services as data: which wire they speak, which key they want, where they are. No code decides by name.

A row is all it takes to add one. Servers of a project's own are rows made from `[providers.NAME]`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from coachwork.providers.wire import Kind

WireName = Literal[
    "openai-responses",
    "openai-chat",
    "openrouter",
    "ollama",
    "azure",
    "azure-responses",
    "anthropic",
    "google",
    "groq",
    "mistral",
    "cohere",
    "bedrock",
]

# How a service's reranker is asked, "jina" being the shape that most servers copied; see `remote_rerank.py`.
RerankName = Literal["jina", "cohere", "tei"]

_PICTURES = ("image/",)
_DOCUMENTS = ("image/", "application/pdf", "text/plain")
_WITH_SOUND = (*_DOCUMENTS, "audio/")
_EVERYTHING = (*_WITH_SOUND, "video/")

# Not every server that copied the wire knows its newer word: Mistral refuses it, others answer without a limit.
_MAX_TOKENS = (("openai_chat_supports_max_completion_tokens", False),)

_CHAT: frozenset[Kind] = frozenset({"chat"})
_EMBED: frozenset[Kind] = frozenset({"chat", "embed"})
_LISTEN: frozenset[Kind] = frozenset({"chat", "embed", "transcribe"})
_ALL: frozenset[Kind] = frozenset({"chat", "embed", "transcribe", "moderate"})
_RERANK: frozenset[Kind] = frozenset({"rerank"})


@dataclass(frozen=True)
class Service:
    """A remote service. `keys`: environment variables, the first that is set counts; none where it needs none.

    `base_url` "" means that a project has to say it; `price_table` is its name in genai-prices, "" where it
    is not there. `described_by` is what in pydantic-ai knows the service's models: a provider's class or a
    family's profile, "" for what all compatible servers share; `profile` is said on top of that. `kinds` is
    what the service offers at all, of which each model does one; `embed_at_once` how many texts it takes in a
    request. `streams` is False for a server that only gives whole answers.
    """

    wire: WireName
    keys: tuple[str, ...] = ()
    base_url: str = ""
    price_table: str = ""
    described_by: str = ""
    profile: tuple[tuple[str, Any], ...] = ()
    media: tuple[str, ...] = _PICTURES
    kinds: frozenset[Kind] = _CHAT
    schema: Literal["native", "tool", "prompted"] = "native"
    probabilities: bool = False
    embed_at_once: int = 512
    api_version: str = ""
    billed: bool = True
    streams: bool = True
    rerank: RerankName = "jina"


@dataclass(frozen=True)
class OwnServer:
    """A server of a project: what `[providers.NAME]` says."""

    base_url: str
    key_env: str = ""
    streams: bool = True
    wire: WireName | None = None
    api_version: str = ""
    rerank: RerankName | None = None


_OPENAI = Service(
    "openai-responses",
    ("OPENAI_API_KEY",),
    "https://api.openai.com/v1",
    "openai",
    "providers.openai:OpenAIProvider",
    media=_DOCUMENTS,
    kinds=_ALL,
    probabilities=True,
)
_OPENROUTER = Service(
    "openrouter",
    ("OPENROUTER_API_KEY",),
    "https://openrouter.ai/api/v1",
    "openrouter",
    "providers.openrouter:OpenRouterProvider",
    media=_WITH_SOUND,
    kinds=_LISTEN | _RERANK,
    probabilities=True,
)
_GROQ = Service(
    "openai-chat",
    ("GROQ_API_KEY",),
    "https://api.groq.com/openai/v1",
    "groq",
    "profiles.groq:groq_model_profile",
    kinds=frozenset({"chat", "transcribe"}),
)
_MISTRAL = Service(
    "openai-chat",
    ("MISTRAL_API_KEY",),
    "https://api.mistral.ai/v1",
    "mistral",
    "profiles.mistral:mistral_model_profile",
    _MAX_TOKENS,
    media=_DOCUMENTS,
    kinds=_ALL,
    embed_at_once=128,
)
_XAI = Service(
    "openai-responses",
    ("XAI_API_KEY",),
    "https://api.x.ai/v1",
    "x-ai",
    "profiles.grok:grok_model_profile",
    kinds=_EMBED,
    probabilities=True,
)
_AZURE = Service(
    "azure",
    ("AZURE_OPENAI_API_KEY",),
    price_table="azure",
    media=_WITH_SOUND,
    kinds=_LISTEN,
    probabilities=True,
)
_OLLAMA = Service(
    "ollama",
    (),
    "http://127.0.0.1:11434/v1",
    described_by="providers.ollama:OllamaProvider",
    kinds=_EMBED,
    billed=False,
)
_OWN = Service("openai-chat", profile=_MAX_TOKENS, kinds=_ALL | _RERANK, probabilities=True, media=_WITH_SOUND)

SERVICES: dict[str, Service] = {
    "openai": _OPENAI,
    "openai-chat": replace(_OPENAI, wire="openai-chat", media=_WITH_SOUND),
    "anthropic": Service(
        "anthropic",
        ("ANTHROPIC_API_KEY",),
        "https://api.anthropic.com",
        "anthropic",
        media=_DOCUMENTS,
    ),
    "google": Service(
        "google",
        ("GEMINI_API_KEY", "GOOGLE_API_KEY"),
        "https://generativelanguage.googleapis.com",
        "google",
        media=_EVERYTHING,
        kinds=_EMBED,
        probabilities=True,
        embed_at_once=100,
    ),
    "azure": _AZURE,
    "azure-responses": replace(_AZURE, wire="azure-responses"),
    "bedrock": Service(
        "bedrock",
        ("AWS_BEARER_TOKEN_BEDROCK", "AWS_ACCESS_KEY_ID", "AWS_PROFILE"),
        price_table="aws",
        media=_DOCUMENTS,
        kinds=_EMBED,
        schema="tool",
        embed_at_once=96,
    ),
    "cohere": Service(
        "cohere",
        ("CO_API_KEY", "COHERE_API_KEY"),
        "https://api.cohere.com",
        "cohere",
        media=_PICTURES,
        kinds=_EMBED | _RERANK,
        schema="tool",
        embed_at_once=96,
        rerank="cohere",
    ),
    "jina": Service("openai-chat", ("JINA_API_KEY",), "https://api.jina.ai/v1", "jina", kinds=_RERANK),
    "voyage": Service("openai-chat", ("VOYAGE_API_KEY",), "https://api.voyageai.com/v1", "voyageai", kinds=_RERANK),
    "deepseek": Service(
        "openai-chat",
        ("DEEPSEEK_API_KEY",),
        "https://api.deepseek.com",
        "deepseek",
        "providers.deepseek:DeepSeekProvider",
        media=(),
        schema="tool",
        probabilities=True,
    ),
    "groq": _GROQ,
    "groq-native": replace(_GROQ, wire="groq", base_url="https://api.groq.com", described_by="", kinds=_CHAT),
    "mistral": _MISTRAL,
    "mistral-native": replace(
        _MISTRAL, wire="mistral", base_url="https://api.mistral.ai", described_by="", kinds=_CHAT
    ),
    "openrouter": _OPENROUTER,
    "openrouter-responses": replace(_OPENROUTER, wire="openai-responses", kinds=_CHAT),
    "xai": _XAI,
    "xai-chat": replace(_XAI, wire="openai-chat"),
    "ollama": _OLLAMA,
    "vllm": Service(
        "openai-chat",
        (),
        "http://127.0.0.1:8000/v1",
        described_by="providers.vllm:VLLMProvider",
        kinds=_LISTEN | _RERANK,
        probabilities=True,
        billed=False,
    ),
    "llamacpp": Service(
        "openai-chat",
        (),
        "http://127.0.0.1:8080/v1",
        profile=_MAX_TOKENS,
        kinds=_EMBED | _RERANK,
        probabilities=True,
        billed=False,
    ),
}


def services(own: Mapping[str, OwnServer]) -> dict[str, Service]:
    """The table with a project's own servers; a known name keeps its wire, at another address."""
    table = dict(SERVICES)
    for name, server in own.items():
        known = SERVICES.get(name, _OWN)
        table[name] = replace(
            known,
            wire=server.wire or known.wire,
            keys=(server.key_env,) if server.key_env else known.keys,
            base_url=server.base_url,
            streams=server.streams,
            api_version=server.api_version,
            rerank=server.rerank or known.rerank,
        )
    return table
