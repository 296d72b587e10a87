"""The remote services as data: which wire they speak, which key they want, where they are. No code decides by name.

A row is all it takes to add one. Servers of a project's own are rows made from `[providers.NAME]`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

WireName = Literal["openai-responses", "openai-chat", "anthropic", "google"]

_PICTURES = ("image/",)
_DOCUMENTS = ("image/", "application/pdf")
_EVERYTHING = ("image/", "application/pdf", "audio/", "video/")


@dataclass(frozen=True)
class Service:
    """A remote service. `keys`: environment variables, the first that is set counts; none where it needs none.

    `base_url` "" is the SDK's own; `price_table` is its name in genai-prices, "" where it is not there.
    `streams` is False for a server that only gives whole answers.
    """

    wire: WireName
    keys: tuple[str, ...] = ()
    base_url: str = ""
    price_table: str = ""
    media: tuple[str, ...] = _PICTURES
    billed: bool = True
    streams: bool = True


@dataclass(frozen=True)
class OwnServer:
    """A server of a project: what `[providers.NAME]` says."""

    base_url: str
    key_env: str = ""
    streams: bool = True


SERVICES: dict[str, Service] = {
    "openai": Service("openai-responses", ("OPENAI_API_KEY",), price_table="openai", media=_DOCUMENTS),
    "openai-chat": Service("openai-chat", ("OPENAI_API_KEY",), price_table="openai"),
    "anthropic": Service("anthropic", ("ANTHROPIC_API_KEY",), price_table="anthropic", media=_DOCUMENTS),
    "google": Service("google", ("GEMINI_API_KEY", "GOOGLE_API_KEY"), price_table="google", media=_EVERYTHING),
    "deepseek": Service("openai-chat", ("DEEPSEEK_API_KEY",), "https://api.deepseek.com/v1", "deepseek"),
    "groq": Service("openai-chat", ("GROQ_API_KEY",), "https://api.groq.com/openai/v1", "groq"),
    "mistral": Service("openai-chat", ("MISTRAL_API_KEY",), "https://api.mistral.ai/v1", "mistral"),
    "openrouter": Service("openai-chat", ("OPENROUTER_API_KEY",), "https://openrouter.ai/api/v1", "openrouter"),
    "xai": Service("openai-chat", ("XAI_API_KEY",), "https://api.x.ai/v1", "x-ai"),
    "ollama": Service("openai-chat", (), "http://127.0.0.1:11434/v1", billed=False),
}


def services(own: Mapping[str, OwnServer]) -> dict[str, Service]:
    """The table with a project's own servers; a known name keeps its wire, at another address."""
    table = dict(SERVICES)
    for name, server in own.items():
        keys = (server.key_env,) if server.key_env else ()
        known = SERVICES.get(name)
        row = replace(known, keys=keys or known.keys) if known else Service("openai-chat", keys)
        table[name] = replace(row, base_url=server.base_url, streams=server.streams)
    return table
