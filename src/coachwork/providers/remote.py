"""Remote models through pydantic-ai's model layer and the official SDKs, imported when first asked.

Knows how our request and events map to theirs; what a service is, is in `services.py`, what their
errors mean in `failures.py`. It neither retries nor waits: that is the route's business.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import AsyncExitStack, aclosing
from typing import TYPE_CHECKING, Any

from coachwork.errors import NotInstalled, ProviderFault
from coachwork.messages import (
    FinishReason,
    MediaPart,
    Message,
    ModelRequest,
    Part,
    TextDelta,
    TextPart,
    ThinkingDelta,
    Usage,
)
from coachwork.providers.services import OwnServer, Service, WireName, services
from coachwork.providers.wire import Abilities, ChatEvent, End, Meter, Provider

if TYPE_CHECKING:
    import httpx2
    from pydantic_ai import messages as theirs
    from pydantic_ai.models import Model, ModelRequestParameters, StreamedResponse
    from pydantic_ai.profiles import ModelProfile

_FINISH: dict[str, FinishReason] = {"stop": "stop", "length": "length", "content_filter": "content_filter"}


class RemoteModels(Provider):
    """The models of one remote service."""

    def __init__(self, name: str, service: Service, environ: Mapping[str, str]) -> None:
        self.name = name
        self.keys = service.keys
        self.billed = service.billed
        self.price_table = service.price_table or name
        self._service = service
        self._environ = environ
        self._models: dict[str, Model[Any]] = {}
        self._client: Any = None
        self._open = AsyncExitStack()
        self._opening = asyncio.Lock()

    def abilities(self, model: str) -> Abilities:
        return Abilities(schema="native", media=self._service.media)

    async def stream(self, model: str, request: ModelRequest, meter: Meter) -> AsyncIterator[ChatEvent]:
        full = f"{self.name}:{model}"
        key = self._key()
        found = await self._model(model)
        from coachwork.providers.failures import translated

        events = _streamed(found, request, meter) if self._service.streams else _whole(found, request, meter)
        spoken = False
        with translated(full, key, self.keys, lambda: spoken):
            async with aclosing(events):
                async for event in events:
                    spoken = True
                    yield event

    async def close(self) -> None:
        await self._open.aclose()
        self._models.clear()
        self._client = None

    def _key(self) -> str:
        return next((self._environ[name] for name in self.keys if self._environ.get(name)), "")

    async def _model(self, name: str) -> "Model[Any]":
        """The SDK's model, made once. The SDK takes a second or two to import: in a thread, beside the loop."""
        if name not in self._models:
            async with self._opening:
                if self._client is None:
                    client, http = await asyncio.to_thread(_client, self.name, self._service, self._key())
                    self._open.push_async_callback(http.aclose)
                    self._client = await self._open.enter_async_context(client)
                self._models[name] = _model(self._service.wire, name, self._client)
        return self._models[name]


def remote_providers(own: Mapping[str, OwnServer], environ: Mapping[str, str]) -> dict[str, Provider]:
    """A provider for every service of the table and of the project."""
    return {name: RemoteModels(name, service, environ) for name, service in services(own).items()}


# ── Opening, one way for each wire ─────────────────────────────────────────────────────────────


def _client(name: str, service: Service, key: str) -> "tuple[Any, httpx2.AsyncClient]":
    """The SDK's client, and the HTTP client that is under it."""
    from coachwork.providers.responses import http_client

    http = http_client()
    given: dict[str, Any] = {"api_key": key or "none-needed", "http_client": http}
    if service.base_url:
        given["base_url"] = service.base_url
    try:
        return _CLIENTS[service.wire](name, given), http
    except ImportError as error:
        extra = _EXTRAS.get(service.wire)
        hint = f'pip install "coachwork[{extra}]"' if extra else "pip install --force-reinstall coachwork"
        raise NotInstalled(
            f"The provider {name!r} needs a package that is not installed: {error}", hint=hint
        ) from error


def _model(wire: WireName, name: str, client: Any) -> "Model[Any]":
    return _MODELS[wire](name, client)


def _openai_client(name: str, given: dict[str, Any]) -> Any:
    from pydantic_ai.providers.openai import OpenAIProvider

    return OpenAIProvider(**given)


def _openai_chat_client(name: str, given: dict[str, Any]) -> Any:
    from pydantic_ai.models import openai  # noqa: F401  the SDK, imported here and not on the loop
    from pydantic_ai.providers.openai_compatible import OpenAICompatibleProvider

    return OpenAICompatibleProvider(name, **given) if "base_url" in given else _openai_client(name, given)


def _openai_responses_client(name: str, given: dict[str, Any]) -> Any:
    from pydantic_ai.models import openai  # noqa: F401

    return _openai_client(name, given)


def _anthropic_client(name: str, given: dict[str, Any]) -> Any:
    from pydantic_ai.models import anthropic  # noqa: F401
    from pydantic_ai.providers.anthropic import AnthropicProvider

    return AnthropicProvider(**given)


def _google_client(name: str, given: dict[str, Any]) -> Any:
    from pydantic_ai.models import google  # noqa: F401
    from pydantic_ai.providers.google import GoogleProvider

    return GoogleProvider(**given)


def _openai_responses(name: str, client: Any) -> "Model[Any]":
    from pydantic_ai.models.openai import OpenAIResponsesModel

    return OpenAIResponsesModel(name, provider=client)


def _openai_chat(name: str, client: Any) -> "Model[Any]":
    from pydantic_ai.models.openai import OpenAIChatModel

    return OpenAIChatModel(name, provider=client)


def _anthropic(name: str, client: Any) -> "Model[Any]":
    from pydantic_ai.models.anthropic import AnthropicModel

    return AnthropicModel(name, provider=client)


def _google(name: str, client: Any) -> "Model[Any]":
    from pydantic_ai.models.google import GoogleModel

    return GoogleModel(name, provider=client)


_EXTRAS: dict[WireName, str] = {"google": "google"}
_CLIENTS = {
    "openai-responses": _openai_responses_client,
    "openai-chat": _openai_chat_client,
    "anthropic": _anthropic_client,
    "google": _google_client,
}
_MODELS = {
    "openai-responses": _openai_responses,
    "openai-chat": _openai_chat,
    "anthropic": _anthropic,
    "google": _google,
}


# ── Our request in their words, their events in ours ───────────────────────────────────────────


async def _streamed(model: "Model[Any]", request: ModelRequest, meter: Meter) -> AsyncGenerator[ChatEvent, None]:
    from pydantic_ai.direct import model_request_stream

    from coachwork.providers.responses import closed, noted

    responses: list[httpx2.Response] = []
    async with AsyncExitStack() as opened:
        opened.push_async_callback(closed, responses)
        with noted(responses):
            response = await opened.enter_async_context(model_request_stream(model, **_asked(model, request)))
        try:
            async for event in response:
                for delta in deltas(event):
                    yield delta
        finally:
            meter.usage = usage(response)
    if (finish := finish_reason(model.model_id, response)) is not None:
        yield End(finish, meter.usage)


async def _whole(model: "Model[Any]", request: ModelRequest, meter: Meter) -> AsyncGenerator[ChatEvent, None]:
    from pydantic_ai.direct import model_request

    response = await model_request(model, **_asked(model, request))
    meter.usage = usage(response)
    finish = finish_reason(model.model_id, response)
    if finish is None:
        return  # it was cut: nothing of it is shown
    for part in response.parts if finish != "content_filter" else ():
        for delta in part_deltas(part):
            yield delta
    yield End(finish, meter.usage)


def _asked(model: "Model[Any]", request: ModelRequest) -> dict[str, Any]:
    from pydantic_ai.settings import ModelSettings

    settings = ModelSettings(max_retries=0)
    if request.max_tokens is not None:
        settings["max_tokens"] = request.max_tokens
    if request.temperature is not None:
        settings["temperature"] = request.temperature
    if request.top_p is not None:
        settings["top_p"] = request.top_p
    if request.seed is not None:
        settings["seed"] = request.seed
    if request.stop:
        settings["stop_sequences"] = list(request.stop)
    return {
        "messages": their_messages(request.messages),
        "model_settings": settings,
        "model_request_parameters": their_parameters(request, model.profile),
        "instrument": False,
    }


def their_messages(messages: tuple[Message, ...]) -> "list[theirs.ModelMessage]":
    from pydantic_ai import messages as theirs

    found: list[theirs.ModelMessage] = []
    for message in messages:
        if message.role == "assistant":
            found.append(theirs.ModelResponse([theirs.TextPart(message.text)]))
        elif message.role == "system":
            found.append(theirs.ModelRequest([theirs.SystemPromptPart(message.text)]))
        else:
            found.append(theirs.ModelRequest([theirs.UserPromptPart([_their_part(part) for part in message.parts])]))
    return found


def _their_part(part: Part) -> "theirs.UserContent":
    from pydantic_ai import messages as theirs

    match part:
        case TextPart():
            return part.text
        case MediaPart():
            return theirs.BinaryContent(part.data, media_type=part.media_type)
    raise NotImplementedError(part)


def their_parameters(request: ModelRequest, profile: "ModelProfile") -> "ModelRequestParameters":
    """How the answer is held to the schema: the model's own decoder, else a tool it must call, else the prompt."""
    from pydantic_ai.models import ModelRequestParameters
    from pydantic_ai.output import OutputObjectDefinition
    from pydantic_ai.profiles import DEFAULT_PROMPTED_OUTPUT_TEMPLATE
    from pydantic_ai.tools import ToolDefinition

    if request.schema is None:
        return ModelRequestParameters()
    schema, name = dict(request.schema), request.schema_name
    if profile.get("supports_json_schema_output", False):
        wanted = OutputObjectDefinition(schema, name=name)
        return ModelRequestParameters(output_mode="native", output_object=wanted)
    if profile.get("supports_tools", True):
        tool = ToolDefinition(
            name=name, parameters_json_schema=schema, description="Give the answer by calling this.", kind="output"
        )
        return ModelRequestParameters(output_mode="tool", output_tools=[tool], allow_text_output=False)
    return ModelRequestParameters(
        output_mode="prompted",
        output_object=OutputObjectDefinition(schema, name=name),
        prompted_output_template=profile.get("prompted_output_template", DEFAULT_PROMPTED_OUTPUT_TEMPLATE),
    )


def deltas(event: "theirs.ModelResponseStreamEvent") -> list[TextDelta | ThinkingDelta]:
    """The text that one of their events brings. The arguments of the output tool are the answer's text."""
    from pydantic_ai import messages as theirs

    if isinstance(event, theirs.PartStartEvent):
        return part_deltas(event.part)
    if not isinstance(event, theirs.PartDeltaEvent):
        return []
    delta = event.delta
    if isinstance(delta, theirs.TextPartDelta):
        return [TextDelta(delta.content_delta)] if delta.content_delta else []
    if isinstance(delta, theirs.ThinkingPartDelta):
        return [ThinkingDelta(delta.content_delta)] if delta.content_delta else []
    if isinstance(delta, theirs.ToolCallPartDelta) and isinstance(delta.args_delta, str):
        return [TextDelta(delta.args_delta)] if delta.args_delta else []
    return []


def part_deltas(part: "theirs.ModelResponsePart") -> list[TextDelta | ThinkingDelta]:
    from pydantic_ai import messages as theirs

    if isinstance(part, theirs.TextPart):
        return [TextDelta(part.content)] if part.content else []
    if isinstance(part, theirs.ThinkingPart):
        return [ThinkingDelta(part.content)] if part.content else []
    if isinstance(part, theirs.ToolCallPart):
        return [TextDelta(part.args if isinstance(part.args, str) else part.args_as_json_str())] if part.args else []
    return []


def usage(response: "StreamedResponse | theirs.ModelResponse") -> Usage:
    """What the provider has counted so far."""
    counted = response.usage
    return Usage(
        input_tokens=counted.input_tokens,
        output_tokens=counted.output_tokens,
        cached_tokens=counted.cache_read_tokens,
        thinking_tokens=counted.details.get("reasoning_tokens", 0) or counted.details.get("thoughts_tokens", 0),
    )


def finish_reason(model: str, response: "StreamedResponse | theirs.ModelResponse") -> FinishReason | None:
    """Why the answer ended; None where it did not say, which means that it was cut. Calling the tool is a stop."""
    reason = response.finish_reason
    if reason == "error":
        raise ProviderFault(f"{model!r} ended its answer with an error.", model=model)
    if reason == "tool_call":
        return "stop"
    if reason == "stop" and "finish_reason" not in (response.provider_details or {}):
        return None  # pydantic-ai takes an answer of the chat wire that ends without a word for a whole one
    return _FINISH.get(reason) if reason else None
