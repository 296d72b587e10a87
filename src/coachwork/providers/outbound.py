"""Our request in the words of pydantic-ai's model layer. Pure; knows no service by name, asks nobody."""

from collections.abc import Iterator
from itertools import groupby
from typing import TYPE_CHECKING, Any, Literal

from coachwork.errors import Rejected
from coachwork.messages import (
    MediaPart,
    Message,
    ModelRequest,
    Part,
    TextPart,
    ThinkingPart,
    ToolCallPart,
    ToolResultPart,
)
from coachwork.providers.opening import Wire
from coachwork.providers.schema_subsets import narrowed, takes
from coachwork.providers.sent_back import is_ours, restored

if TYPE_CHECKING:
    from pydantic_ai import messages as theirs
    from pydantic_ai.models import Model, ModelRequestParameters
    from pydantic_ai.profiles import ModelProfile

_KNOWN_AS = {  # other names of media types
    "image/jpg": "image/jpeg",
    "audio/mp3": "audio/mpeg",
    "audio/x-wav": "audio/wav",
    "audio/wave": "audio/wav",
    "audio/x-m4a": "audio/m4a",
    "audio/x-flac": "audio/flac",
}
_DOCUMENTS = ("application/pdf", "text/")
_LEAST_THOUGHT = 1024  # tokens; Anthropic takes no smaller budget


def asked(model: "Model[Any]", full: str, wire: Wire, request: ModelRequest) -> dict[str, Any]:
    """What `pydantic_ai.direct` is called with, beside the model: `full` is our name of it.

    Raises Rejected for what it can't be asked.
    """
    return {
        "messages": their_messages(request.messages, model),
        "model_settings": _settings(model, full, wire, request),
        "model_request_parameters": _parameters(request, full, model.profile),
        "instrument": False,
    }


# ── Messages ───────────────────────────────────────────────────────────────────────────────────


def their_messages(messages: tuple[Message, ...], model: "Model[Any]") -> "list[theirs.ModelMessage]":
    from pydantic_ai import messages as theirs

    found: list[theirs.ModelMessage] = []
    for message in messages:
        if message.role == "assistant":
            found.append(_said(message, model))
        elif message.role == "system":
            found.append(theirs.ModelRequest([theirs.SystemPromptPart(message.text)]))
        else:
            found.append(theirs.ModelRequest(list(_told(message))))
    return found


def _said(message: Message, model: "Model[Any]") -> "theirs.ModelResponse":
    """An answer of a model. What it has signed goes back as it came; thinking without a proof is only text."""
    from pydantic_ai import messages as theirs

    if back := restored(message.parts):
        return theirs.ModelResponse(back.parts, provider_name=back.provider)
    parts: list[theirs.ModelResponsePart] = []
    for part in message.parts:
        if isinstance(part, TextPart):
            parts.append(theirs.TextPart(part.text))
        elif isinstance(part, ToolCallPart):
            parts.append(theirs.ToolCallPart(part.name, part.arguments, part.id))
        elif isinstance(part, ThinkingPart):
            field = model.profile.get("openai_chat_thinking_field")
            parts.append(
                theirs.ThinkingPart(
                    part.text,
                    id=str(field) if field else None,
                    signature=None if is_ours(part.signature) else part.signature or None,
                    provider_name=model.system,
                )
            )
    return theirs.ModelResponse(parts, provider_name=model.system)


def _told(message: Message) -> "Iterator[theirs.ModelRequestPart]":
    """What a person says and what tools gave, in its order."""
    from pydantic_ai import messages as theirs

    for of_tool, parts in groupby(message.parts, lambda part: isinstance(part, ToolResultPart)):
        if not of_tool:
            content = [_shown(part) for part in parts]
            alone = content[0] if len(content) == 1 else None  # text alone goes as text: SDKs walk through lists
            yield theirs.UserPromptPart(alone if isinstance(alone, str) else content)
            continue
        for part in parts:
            assert isinstance(part, ToolResultPart)
            outcome: Any = "failed" if part.failed else "success"
            yield theirs.ToolReturnPart(part.name, part.content, part.id, outcome=outcome)


def _shown(part: Part) -> "theirs.UserContent":

    match part:
        case TextPart():
            return part.text
        case MediaPart():
            return _media(part)
    raise Rejected(f"A message of the user can't hold a {type(part).__name__}.", details={"status": 400})


def _media(part: MediaPart) -> "theirs.BinaryContent":
    from pydantic_ai import messages as theirs

    kind = part.media_type.partition(";")[0].strip().lower()
    media = theirs.BinaryContent(part.data, media_type=_KNOWN_AS.get(kind, kind))
    try:
        _ = media.format
    except ValueError:
        raise Rejected(f"No model can be shown a {part.media_type!r}.", details={"status": 400}) from None
    return media


# ── Settings ───────────────────────────────────────────────────────────────────────────────────


def _settings(model: "Model[Any]", full: str, wire: Wire, request: ModelRequest) -> Any:
    settings: dict[str, Any] = {"cache": _cache(request)} | ({} if wire.once else {"max_retries": 0})
    if request.max_tokens is not None:
        settings["max_tokens"] = request.max_tokens
    if request.temperature is not None:
        settings["temperature"] = request.temperature
    if request.tools and request.tool_choice != "auto":
        settings["tool_choice"] = _tool_choice(request, full)
    if request.thinking is not None:
        settings["thinking"] = False if request.thinking == "off" else request.thinking
        if wire.budgeted and request.thinking != "off" and model.profile.get("supports_thinking", False):
            settings |= _thinking_budget(model, full, request.thinking, request.max_tokens)
            settings.pop("temperature", None)  # a model of this wire that thinks takes no temperature
    if request.probabilities:
        settings |= wire.probabilities
    if wire.cites and _has_documents(request) and request.schema is None and _may_answer(request):
        settings["citations"] = True
    return settings


def _cache(request: ModelRequest) -> bool | dict[str, bool]:
    """What of the prompt a provider should keep: its stable beginning, and the whole of it in a loop of tools.

    A conversation that nobody continues is written for nothing: 1.25 times the price, and never read.
    """
    loop = any(isinstance(part, ToolResultPart) for message in request.messages for part in message.parts)
    return True if loop else {"messages": False}


def _tool_choice(request: ModelRequest, full: str) -> Any:
    if request.tool_choice in ("none", "required"):
        return request.tool_choice
    names = [tool.name for tool in request.tools]
    if request.tool_choice not in names:
        raise Rejected(
            f"There is no tool {request.tool_choice!r} to choose.",
            model=full,
            hint=f"tool_choice is auto, none, required or one of {', '.join(names)}.",
            details={"status": 400},
        )
    return [request.tool_choice]


def _thinking_budget(
    model: "Model[Any]", full: str, effort: Literal["low", "medium", "high"], max_tokens: int | None
) -> dict[str, Any]:
    """How an Anthropic model is told how much to think, and to show it.

    Newer models take the effort as a word (`adaptive`). Older ones take a number of tokens which counts
    within `max_tokens`: half of that, where it is less than the word's own.
    """
    from pydantic_ai.profiles.anthropic import ANTHROPIC_THINKING_BUDGET_MAP

    if model.profile.get("anthropic_supports_adaptive_thinking", False):
        return {"anthropic_thinking": {"type": "adaptive", "display": "summarized"}}
    budget = ANTHROPIC_THINKING_BUDGET_MAP[effort]
    if max_tokens is not None:
        budget = min(budget, max_tokens // 2)
    if budget < _LEAST_THOUGHT:
        raise Rejected(
            f"{full!r} can't think within max_tokens = {max_tokens}.",
            model=full,
            hint=f"Set max_tokens to {2 * _LEAST_THOUGHT} or more, or turn thinking off.",
            details={"status": 400},
        )
    return {"anthropic_thinking": {"type": "enabled", "budget_tokens": budget}}


def _has_documents(request: ModelRequest) -> bool:
    media = (part for message in request.messages for part in message.parts if isinstance(part, MediaPart))
    return any(part.media_type.startswith(_DOCUMENTS) for part in media)


def _may_answer(request: ModelRequest) -> bool:
    return not request.tools or request.tool_choice in ("auto", "none")


# ── Tools and schemas ──────────────────────────────────────────────────────────────────────────


def _parameters(request: ModelRequest, full: str, profile: "ModelProfile") -> "ModelRequestParameters":
    """The tools, and how the answer is held to the schema: the model's own decoder, else a tool it must call."""
    from pydantic_ai.models import ModelRequestParameters
    from pydantic_ai.output import OutputObjectDefinition
    from pydantic_ai.profiles import DEFAULT_PROMPTED_OUTPUT_TEMPLATE
    from pydantic_ai.tools import ToolDefinition

    tools = [
        ToolDefinition(name=tool.name, description=tool.description, parameters_json_schema=dict(tool.schema))
        for tool in request.tools
    ]
    if request.schema is None:
        return ModelRequestParameters(function_tools=tools)
    schema, name = dict(request.schema), request.schema_name
    if _is_native(request, profile) and takes(schema, full.partition(":")[0]):
        wanted = OutputObjectDefinition(narrowed(schema, full.partition(":")[0]), name=name)
        return ModelRequestParameters(function_tools=tools, output_mode="native", output_object=wanted)
    if profile.get("supports_tools", True):
        if name in (tool.name for tool in tools):
            raise Rejected(
                f"The tool {name!r} has the name of the answer's schema.", model=full, details={"status": 400}
            )
        tool = ToolDefinition(
            name=name, parameters_json_schema=schema, description="Give the answer by calling this.", kind="output"
        )
        return ModelRequestParameters(
            function_tools=tools, output_mode="tool", output_tools=[tool], allow_text_output=False
        )
    return ModelRequestParameters(
        output_mode="prompted",
        output_object=OutputObjectDefinition(schema, name=name),
        prompted_output_template=profile.get("prompted_output_template", DEFAULT_PROMPTED_OUTPUT_TEMPLATE),
    )


def _is_native(request: ModelRequest, profile: "ModelProfile") -> bool:
    """Whether the model's own decoder takes the schema. Gemini before 3 takes none beside tools."""
    beside_tools = bool(profile.get("google_supports_tool_combination", True))
    return profile.get("supports_json_schema_output", False) and (beside_tools or not request.tools)
