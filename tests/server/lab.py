"""A project whose models are paid for: a provider on this machine that fails on request, with limits and budgets."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from coachwork.testing import ProviderServer

from .over_http import Here, serving

ROUTES = """
[routes.default]
models = ["lab:big", "openai:gpt-5-mini", "local:qwen2.5-coder-1.5b"]
retries = 0
max_tokens = 100
cache = "exact"

[routes.nobody]
models = ["openai:gpt-5-nano"]
"""
LIMITS = """requests_per_minute = 600
at_once = 4
breaker_failures = 2
breaker_seconds = 600

[[budgets]]
scope = "installation"
usd = 5
per = "day"
warn_at = 0.5

[[budgets]]
scope = "user"
usd = 0.25
"""


@dataclass
class Lab(Here):
    """The served project, and the provider it asks."""

    provider: ProviderServer

    def spend(self, **query: str) -> dict[str, Any]:
        """What was spent, once everything is written down."""
        self.project.database.flush()
        found: dict[str, Any] = self.http.get("/api/spend", params=query).raise_for_status().json()
        return found


@contextmanager
def opened(folder: Path, make_project: Callable[[Path], Path], lab_settings: Callable[[str], str]) -> Iterator[Lab]:
    with ProviderServer() as provider:
        make_project(folder)
        (folder / "coachwork.toml").write_text(ROUTES + lab_settings(provider.url) + LIMITS)
        environ = {"HOME": str(folder), "COACHWORK_CACHE": str(folder / "cache")}
        with serving(folder, environ, runs=False) as here:
            yield Lab(here.http, here.project, here.folder, provider)
