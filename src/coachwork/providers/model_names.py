"""What a remote model can do, by patterns of its name: data, from the providers' lists of models.

Knows names alone; what a service offers at all is in `services.py`. The first row that fits counts.
"""

from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Literal

from coachwork.providers.services import Service
from coachwork.providers.wire import Abilities, Kind

_CHAT: frozenset[Kind] = frozenset({"chat"})
_NOTHING: frozenset[Kind] = frozenset()  # what we don't ask models for: pictures, speech
_KINDS: tuple[tuple[str, frozenset[Kind]], ...] = (
    ("*rerank*", frozenset({"rerank"})),  # before the families of embeddings: bge-reranker-v2-m3
    ("*zerank*", frozenset({"rerank"})),
    ("*ms-marco-*", frozenset({"rerank"})),
    ("*cross-encoder*", frozenset({"rerank"})),
    ("*moderation*", frozenset({"moderate"})),
    ("*whisper*", frozenset({"transcribe"})),
    ("*transcribe*", frozenset({"transcribe"})),
    ("*-asr*", frozenset({"transcribe"})),
    ("voxtral-mini*", frozenset({"transcribe", "chat"})),
    ("*embed*", frozenset({"embed"})),
    ("*minilm*", frozenset({"embed"})),
    ("*bge-*", frozenset({"embed"})),
    ("*gte-*", frozenset({"embed"})),
    ("*e5-*", frozenset({"embed"})),
    ("*tts*", _NOTHING),
    ("dall-e*", _NOTHING),
    ("gpt-image*", _NOTHING),
    ("imagen*", _NOTHING),
    ("veo-*", _NOTHING),
    ("sora*", _NOTHING),
)
_THINKS = (
    *("o1*", "o3*", "o4*", "*gpt-5*", "*gpt-6*", "*gpt-oss*", "*claude-3-7*", "*claude-3.7*"),
    *("*claude-*-4*", "*claude-*-5*", "*claude-fable*", "*claude-mythos*", "*gemini-2.5*", "*gemini-3*", "*gemini-4*"),
    *("*deepseek-reasoner*", "*deepseek-r1*", "*deepseek-v4*", "*deepseek-flash*", "*qwen3*", "*qwq*", "*magistral*"),
    *("*grok-3-mini*", "*grok-4*", "*command-a-reasoning*", "*command-a-plus*", "*kimi-k2-thinking*", "*glm-4*"),
    *("*glm-5*", "*minimax-m*", "*thinking*", "*reasoning*"),
)
_TALKS = (  # names like those above, of models that don't think
    *("*non-reasoning*", "*gpt-5-chat*", "*qwen3-coder*", "*claude-3-5*", "*claude-3.5*", "*claude-3-haiku*"),
    *("*claude-3-opus*", "*claude-3-sonnet*"),
)
# No probabilities: OpenAI's models that think give none.
_UNTOLD = ("o1*", "o3*", "o4*", "gpt-5*", "gpt-6*")
_NO_PICTURES = (
    "gpt-3.5*",
    "o1-mini*",
    "o3-mini*",
    "claude-2*",
    "*codestral*",
    "*ministral-3b*",
    "*deepseek*",
    "command-r*",
    "command-a-0*",
)
_ONLY_SOUND = ("gpt-audio*", "gpt-4o-audio*", "gpt-4o-mini-audio*")
_BY_TOOL = (  # Claude before 4.5 has no decoder that is held to a schema
    *("*claude-2*", "*claude-3*", "*claude-opus-4-0*", "*claude-sonnet-4-0*", "*claude-opus-4-2*"),
    "*claude-sonnet-4-2*",
)
_EMBED_CONTEXT = 8_191


@lru_cache(maxsize=1024)
def can(service: Service, model: str) -> Abilities:
    """The abilities of a service's model."""
    name = model.lower()
    named = next((kinds for pattern, kinds in _KINDS if fnmatchcase(name, pattern)), _CHAT)
    kinds: frozenset[Kind] = frozenset(kind for kind in named if kind in service.kinds)
    context = _context(service.price_table, model)
    if "chat" not in kinds:
        return Abilities(kinds, context=context or (_EMBED_CONTEXT if "embed" in kinds else None))
    schema: Literal["native", "tool", "prompted"] = "tool" if _fits(name, _BY_TOOL) else service.schema
    return Abilities(
        kinds,
        schema=schema,
        tools="native",
        thinking=_fits(name, _THINKS) and not _fits(name, _TALKS),
        probabilities=service.probabilities and not _fits(name, _UNTOLD),
        media=_media(service, name),
        context=context,
    )


def _media(service: Service, name: str) -> tuple[str, ...]:
    if _fits(name, _ONLY_SOUND):
        return ("audio/",)
    if _fits(name, _NO_PICTURES):
        return ()
    return service.media


def _fits(name: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)


@lru_cache(maxsize=4096)
def _context(table: str, model: str) -> int | None:
    """Tokens, as the public price table has them."""
    if not table:
        return None
    from genai_prices.data_snapshot import get_snapshot

    try:
        return get_snapshot().find_provider_model(model, None, table, None)[1].context_window
    except LookupError:
        return None
