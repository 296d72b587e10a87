"""When two questions are the same: one canonical form, and its fingerprint. Pure; media count by their bytes."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from coachwork.messages import MediaPart, Message, ModelRequest, Part, TextPart, ThinkingPart, ToolCallPart
from coachwork.models.office import Call
from coachwork.models.routes import Route


@dataclass(frozen=True)
class Question:
    """`id` names the question with its tenant and route; `family` all of it but what was said, which is `words`."""

    id: str
    family: str
    words: str


def question(
    request: ModelRequest, route: Route, tenant: str, skipped: tuple[str, ...] = (), *, person: str = ""
) -> Question:
    """Equal for requests that every model would see as equal. How long the caller waits makes no difference.

    Only one and the same `person` is given the answer to a merely similar question: another of the team may read
    other documents, and a passage that differs can be a small part of what was said.
    """
    around = {
        "tenant": tenant,
        "route": route.name,
        "models": route.limits.models,
        "skipped": skipped,
        "schema": request.schema,
        "schema_name": request.schema_name,
        "temperature": request.temperature,
        "max_tokens": request.max_tokens,
        "tools": [(tool.name, tool.description, tool.schema) for tool in request.tools],
        "tool_choice": request.tool_choice,
        "thinking": request.thinking,
        "probabilities": request.probabilities,
        "top_p": request.top_p,
        "seed": request.seed,
        "stop": request.stop,
    }
    variants = {model: question(other, route, tenant, person=person) for model, other in request.variants.items()}
    whole = {
        **around,
        "variants": {model: other.id for model, other in variants.items()},
        "messages": [_message(message, words=True) for message in request.messages],
    }
    family = {
        **around,
        "person": person,
        "variants": {model: other.family for model, other in variants.items()},
        "messages": [_message(message, words=message.role == "system") for message in request.messages],
    }
    words = "\n".join(message.text for message in request.messages if message.role != "system")
    return Question(_fingerprint(whole), _fingerprint(family), words)


def value_question(call: Call, tenant: str) -> Question:
    """Of a call that is no chat: equal for what the route's first model would see as equal. Nothing is similar."""
    first = call.route.targets[0]
    whole = {
        "tenant": tenant,
        "route": call.route.name,
        "kind": call.kind,
        "model": [first.model, first.settings.path],
        "texts": list(call.texts),
        "query": call.query,
        "purpose": call.purpose,
        "audio": call.audio and [call.audio.media_type, hashlib.sha256(call.audio.data).hexdigest()],
    }
    id = _fingerprint(whole)
    return Question(id, id, "")


def _message(message: Message, *, words: bool) -> list[Any]:
    return [message.role, *(_part(part) for part in message.parts if words or not isinstance(part, TextPart))]


def _part(part: Part) -> list[Any]:
    match part:
        case TextPart():
            return ["text", part.text]
        case MediaPart():
            return ["media", part.media_type, hashlib.sha256(part.data).hexdigest()]
        case ThinkingPart():
            return ["thinking", part.text, part.signature]
        case ToolCallPart():
            return ["call", part.id, part.name, part.arguments]
    return ["result", part.id, part.name, part.content, part.failed]


def _fingerprint(value: Any) -> str:
    text = json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"), default=_plain)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _plain(value: Any) -> Any:
    """A schema may be any mapping; nothing else that JSON lacks belongs into a request."""
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{value!r} can't be part of a question")
