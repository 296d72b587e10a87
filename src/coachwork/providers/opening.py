"""From a service's row to an open client and its models: one way for each SDK, imported when first asked.

Knows the classes of pydantic-ai and of the official SDKs; not what is asked of them, nor what they answer.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING, Any, cast

from coachwork.errors import NotInstalled, UnknownModel
from coachwork.providers.services import Service, WireName

if TYPE_CHECKING:
    from pydantic_ai.models import Model
    from pydantic_ai.profiles import ModelProfile
    from pydantic_ai.providers import Provider

_NO_KEY = "none-needed"  # the SDKs insist on one


@dataclass(frozen=True)
class Address:
    """Where a service is opened, and with which key. `environ` is for services that need more than one key."""

    name: str
    service: Service
    key: str
    environ: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True)
class Opened:
    """An open service: pydantic-ai's provider, and how its connections are given back."""

    provider: "Provider[Any]"
    close: Callable[[], Awaitable[None]]


@dataclass(frozen=True)
class Wire:
    """How a wire is spoken: where the class of its models is, how a client is opened, our extra with its SDK.

    `probabilities` are the settings that ask for them, {} where the wire has none. `budgeted`: where a model
    gets its thinking as tokens of the answer's limit, that number has to be chosen. `cites`: it cites
    documents only when asked. `once`: its client is opened to try once; elsewhere each request says so, which
    with these SDKs would be a new client for each, 0.5 ms and a thread to find out its platform.
    """

    model: str
    open: Callable[[Address], Opened]
    extra: str = ""
    probabilities: Mapping[str, Any] = field(default_factory=dict)
    budgeted: bool = False
    cites: bool = False
    once: bool = False


def opened(address: Address) -> Opened:
    """Open a service. The SDK takes a second or two to import: call it in a thread, beside the loop.

    Raises NotInstalled with the extra to install, UnknownModel where the service has no address yet.
    """
    name, wire = address.name, WIRES[address.service.wire]
    if missing := no_address(name, address.service):
        raise missing
    try:
        _load(wire.model)
        return wire.open(address)
    except ImportError as error:
        hint = f'pip install "coachwork[{wire.extra}]"' if wire.extra else "pip install --force-reinstall coachwork"
        raise NotInstalled(
            f"The provider {name!r} needs a package that is not installed: {error}", hint=hint
        ) from error


def model_of(wire: WireName, name: str, provider: "Provider[Any]") -> "Model[Any]":
    model: Model[Any] = _load(WIRES[wire].model)(name, provider=provider)
    return model


def no_address(name: str, service: Service) -> UnknownModel | None:
    """The error for a service that is somewhere else for everybody, and nobody has said where."""
    if service.base_url or service.wire == "bedrock":
        return None
    return UnknownModel(
        f"The provider {name!r} has no address.",
        hint=f'Add to coachwork.toml: [providers.{name}] base_url = "https://…"',
    )


def _load(place: str) -> Any:
    """What stands at `module:name`: of pydantic-ai, or of ours where the module begins with "coachwork"."""
    module, _, name = place.partition(":")
    return getattr(import_module(module if module.startswith("coachwork.") else f"pydantic_ai.{module}"), name)


# ── One way for each SDK ───────────────────────────────────────────────────────────────────────


def _openai(address: Address) -> Opened:
    from coachwork.providers.openai_client import DirectClient
    from coachwork.providers.responses import http_client

    http, service = http_client(), address.service
    client = DirectClient(api_key=address.key or _NO_KEY, base_url=service.base_url, http_client=http, max_retries=0)
    return Opened(_described(address.name, service, client), http.aclose)


def _described(name: str, service: Service, client: Any) -> "Provider[Any]":
    """The provider of a server on OpenAI's wire, with what is known of its models."""
    from pydantic_ai.profiles import ModelProfile, merge_profile
    from pydantic_ai.providers.openai_compatible import OpenAICompatibleProvider

    known = _load(service.described_by) if service.described_by else None
    if isinstance(known, type):
        provider: Provider[Any] = known(openai_client=client)
        return provider
    more = cast(ModelProfile, dict(service.profile))
    if known is None:
        return OpenAICompatibleProvider(name, openai_client=client, profile=more)
    return OpenAICompatibleProvider(
        name, openai_client=client, profile=lambda model: merge_profile(_family(known(model), model), more)
    )


def _family(profile: "ModelProfile | None", model: str) -> "ModelProfile":
    from pydantic_ai.profiles import merge_profile
    from pydantic_ai.profiles.openai import OpenAIJsonSchemaTransformer, OpenAIModelProfile, openai_model_profile

    on_this_wire = OpenAIModelProfile(json_schema_transformer=OpenAIJsonSchemaTransformer)
    return merge_profile(on_this_wire, openai_model_profile(model), profile)


def _azure(address: Address) -> Opened:
    """An address that ends in /openai/v1 needs no `api_version`, any other does."""
    from pydantic_ai.providers.azure import AzureProvider

    from coachwork.providers.responses import http_client

    http, service = http_client(), address.service
    provider = AzureProvider(
        azure_endpoint=service.base_url,
        api_version=service.api_version or None,
        api_key=address.key or _NO_KEY,
        http_client=http,
    )
    provider.client.max_retries = 0
    return Opened(provider, http.aclose)


def _anthropic(address: Address) -> Opened:
    from pydantic_ai.providers.anthropic import AnthropicProvider

    from coachwork.providers.responses import http_client

    http = http_client()
    provider = AnthropicProvider(api_key=address.key or _NO_KEY, base_url=address.service.base_url, http_client=http)
    provider.client.max_retries = 0
    return Opened(provider, http.aclose)


def _google(address: Address) -> Opened:
    from pydantic_ai.providers.google import GoogleProvider

    from coachwork.providers.responses import http_client

    http = http_client()
    provider = GoogleProvider(api_key=address.key or _NO_KEY, base_url=address.service.base_url, http_client=http)
    return Opened(provider, http.aclose)


def _mistral(address: Address) -> Opened:
    from pydantic_ai.providers.mistral import MistralProvider

    from coachwork.providers.responses import http_client

    http = http_client()
    provider = MistralProvider(api_key=address.key or _NO_KEY, base_url=address.service.base_url, http_client=http)
    return Opened(provider, http.aclose)


def _groq(address: Address) -> Opened:
    from groq import AsyncGroq
    from pydantic_ai.providers.groq import GroqProvider

    client = AsyncGroq(api_key=address.key or _NO_KEY, base_url=address.service.base_url, max_retries=0)
    return Opened(GroqProvider(groq_client=client), client.close)


def _cohere(address: Address) -> Opened:
    import httpx
    from pydantic_ai.providers.cohere import CohereProvider

    from coachwork.providers.cohere_wire import CitingClient

    http = httpx.AsyncClient(timeout=httpx.Timeout(600, connect=5))
    client = CitingClient(address.key or _NO_KEY, base_url=address.service.base_url, httpx_client=http)
    return Opened(CohereProvider(cohere_client=client), http.aclose)


def _bedrock(address: Address) -> Opened:
    from pydantic_ai.providers.bedrock import BedrockProvider

    environ = address.environ
    given: dict[str, Any] = {
        "base_url": address.service.base_url or None,
        "region_name": environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION") or None,
        "api_key": environ.get("AWS_BEARER_TOKEN_BEDROCK") or None,
        "aws_access_key_id": environ.get("AWS_ACCESS_KEY_ID") or None,
        "aws_secret_access_key": environ.get("AWS_SECRET_ACCESS_KEY") or None,
        "aws_session_token": environ.get("AWS_SESSION_TOKEN") or None,
        "profile_name": environ.get("AWS_PROFILE") or None,
    }
    provider = BedrockProvider(**given)

    async def close() -> None:
        provider.client.close()

    return Opened(provider, close)


_LOGPROBS = {"openai_logprobs": True}

WIRES: dict[WireName, Wire] = {
    "openai-responses": Wire("models.openai:OpenAIResponsesModel", _openai, probabilities=_LOGPROBS, once=True),
    "openai-chat": Wire("coachwork.providers.chat_dialects:DialectModel", _openai, probabilities=_LOGPROBS, once=True),
    "openrouter": Wire("models.openrouter:OpenRouterModel", _openai, probabilities=_LOGPROBS, once=True),
    "ollama": Wire("models.ollama:OllamaModel", _openai, once=True),
    "azure": Wire("models.openai:OpenAIChatModel", _azure, probabilities=_LOGPROBS, once=True),
    "azure-responses": Wire("models.openai:OpenAIResponsesModel", _azure, probabilities=_LOGPROBS, once=True),
    "anthropic": Wire("models.anthropic:AnthropicModel", _anthropic, budgeted=True, cites=True, once=True),
    "google": Wire("models.google:GoogleModel", _google, "google", {"google_logprobs": True}),
    "groq": Wire("models.groq:GroqModel", _groq, "groq", once=True),
    "mistral": Wire("models.mistral:MistralModel", _mistral, "mistral"),
    "cohere": Wire("coachwork.providers.cohere_wire:SeeingModel", _cohere, "cohere"),
    "bedrock": Wire("models.bedrock:BedrockConverseModel", _bedrock, "bedrock", cites=True),
}
