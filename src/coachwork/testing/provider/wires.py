"""Which wire a path belongs to. Knows paths by their ends, so that any prefix before them is fine."""

import re
from typing import Any

from coachwork.testing.provider import anthropic, gemini, openai_chat, openai_more, openai_responses, rerank
from coachwork.testing.provider.question import Answer, Question
from coachwork.testing.provider.wire import CREATED, Received, Wire

MODELS = {
    "openai": ("gpt-5", "gpt-5-mini", "gpt-4o-transcribe", "whisper-1", "text-embedding-3-small"),
    "anthropic": ("claude-opus-4-5", "claude-sonnet-4-5", "claude-haiku-4-5"),
    "gemini": ("gemini-2.5-pro", "gemini-2.5-flash", "gemini-embedding-001"),
}


def _read_nothing(_received: Received) -> Question:
    return Question(model="")


def _openai_models(_question: Question, _answer: Answer, _received: Received) -> dict[str, Any]:
    rows = [{"id": name, "object": "model", "created": CREATED, "owned_by": "testing"} for name in MODELS["openai"]]
    return {"object": "list", "data": rows}


def _anthropic_models(_question: Question, _answer: Answer, _received: Received) -> dict[str, Any]:
    names, made = MODELS["anthropic"], "2026-01-01T00:00:00Z"
    rows = [{"type": "model", "id": name, "display_name": name, "created_at": made} for name in names]
    return {"data": rows, "has_more": False, "first_id": names[0], "last_id": names[-1]}


def _gemini_models(_question: Question, _answer: Answer, _received: Received) -> dict[str, Any]:
    does = ["generateContent", "countTokens"]
    rows = [{"name": f"models/{name}", "supportedGenerationMethods": does} for name in MODELS["gemini"]]
    return {"models": rows}


def _list(family: str, like: Wire, plain: Any) -> Wire:
    return Wire(f"{family}-models", family, _read_nothing, plain, None, like.trouble, like.error_event)


_OPENAI_MODELS = _list("openai", openai_chat.WIRE, _openai_models)
_ANTHROPIC_MODELS = _list("anthropic", anthropic.WIRE, _anthropic_models)
_GEMINI_MODELS = _list("gemini", gemini.WIRE, _gemini_models)

PATHS: tuple[tuple[str, str, Wire], ...] = (
    ("POST", "/chat/completions", openai_chat.WIRE),
    ("POST", "/responses", openai_responses.WIRE),
    ("POST", "/embeddings", openai_more.EMBED),
    ("POST", "/audio/transcriptions", openai_more.TRANSCRIBE),
    ("POST", "/moderations", openai_more.MODERATE),
    ("POST", "/v2/rerank", rerank.COHERE),
    ("POST", "/rerank", rerank.PLAIN),
    ("POST", "/messages/count_tokens", anthropic.COUNT),
    ("POST", "/messages", anthropic.WIRE),
    ("POST", "/models/{model}:generateContent", gemini.WIRE),
    ("POST", "/models/{model}:streamGenerateContent", gemini.WIRE),
    ("POST", "/models/{model}:embedContent", gemini.EMBED),
    ("POST", "/models/{model}:batchEmbedContents", gemini.EMBED),
    ("GET", "/v1beta/models", _GEMINI_MODELS),
    ("GET", "/models", _OPENAI_MODELS),
)
_ENDS = [
    (method, re.compile(re.escape(end).replace(r"\{model\}", "[^:]+") + r"\Z"), wire) for method, end, wire in PATHS
]
WIRES = tuple(dict.fromkeys([wire.name for _method, _end, wire in PATHS] + [_ANTHROPIC_MODELS.name]))


def wire_of(received: Received) -> Wire | None:
    """The wire of a request, None where it is none that this server speaks."""
    for method, end, wire in _ENDS:
        if method == received.method and end.search(received.path.rstrip("/")):
            asks_anthropic = "anthropic-version" in received.headers
            return _ANTHROPIC_MODELS if wire is _OPENAI_MODELS and asks_anthropic else wire
    return None
