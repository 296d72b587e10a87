"""`coachwork models list` and `check`: prices, limits and abilities in columns, exit codes for scripts."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from coachwork.testing import ProviderServer

from .conftest import Coachwork

ROUTES = """
[routes.default]
models = ["lab:big", "openai:gpt-5-mini", "local:qwen2.5-coder-1.5b"]
first_token_seconds = 8
retries = 1
cache = "exact"

[routes.embed]
models = ["local:minilm"]
"""
LIMITS = """requests_per_minute = 60
tokens_per_minute = 90000
at_once = 8

[[budgets]]
scope = "installation"
usd = 5
per = "day"

[[budgets]]
scope = "user"
name = "ines"
usd = 0.5
per = "month"
warn_at = 0.5
"""
NO_FAKE = {"COACHWORK_FAKE_MODEL": "", "COACHWORK_ALLOW_FAKE": ""}


@pytest.fixture
def provider(project: Path, lab_settings: Callable[[str], str]) -> Iterator[ProviderServer]:
    with ProviderServer() as running:
        (project / "coachwork.toml").write_text(ROUTES + lab_settings(running.url) + LIMITS)
        yield running


def test_list_shows_prices_limits_and_budgets(coachwork: Coachwork, provider: ProviderServer) -> None:
    result = coachwork("models", "list", **NO_FAKE)
    assert result.code == 0, result.err
    lines = result.out.splitlines()
    assert "  → lab:big                   $1.00 in, $2.00 out" in lines
    assert "      8 at once, 60 rpm, 90,000 tpm" in lines
    assert any(line.startswith("  ✗ openai:gpt-5-mini ") and " in, $" in line for line in lines)
    assert "  ✗ local:qwen2.5-coder-1.5b  free" in lines
    limits = "  each call: first token in 8 s, all in 3 min, 800 tokens, 1 retry, exact cache for 1 day"
    assert limits in lines
    assert lines[lines.index("Budgets") + 1 :] == [
        "  everything: $5.00 a day, warns at 80%",
        "  ines (user): $0.50 a month, warns at 50%",
    ]
    assert provider.asked == 0


def test_list_fits_eighty_columns(coachwork: Coachwork, provider: ProviderServer) -> None:
    result = coachwork("models", "list", COLUMNS="80", **NO_FAKE)
    assert max(len(line) for line in result.out.splitlines()) <= 80
    assert "OPENAI_API_KEY" in result.out


def test_list_tells_scripts_the_same(coachwork: Coachwork, provider: ProviderServer) -> None:
    found = coachwork("models", "list", "--json", **NO_FAKE).json
    default = next(route for route in found["routes"] if route["name"] == "default")
    assert (default["first"], default["cache"], default["first_token_seconds"]) == ("lab:big", "exact", 8)
    big, mini, qwen = default["models"]
    assert (big["input_nano_per_million"], big["output_nano_per_million"]) == (10**9, 2 * 10**9)
    assert (big["at_once"], big["requests_per_minute"], big["tokens_per_minute"]) == (8, 60, 90_000)
    assert (mini["why"], qwen["why"], big["why"]) == ("no-key", "not-here", "")
    assert found["budgets"][1] == {"scope": "user", "name": "ines", "usd": 0.5, "per": "month", "warn_at": 0.5}


def test_check_prints_time_cost_and_abilities_in_columns(coachwork: Coachwork, provider: ProviderServer) -> None:
    provider.answer("ready")
    result = coachwork("models", "check", "lab:big", COLUMNS="80", **NO_FAKE)
    assert result.code == 0, result.err
    head, line, *more = result.out.splitlines()
    assert head.split() == ["Model", "Work", "Time", "First", "Cost", "Can"]
    assert line.split()[:3] == ["✓", "lab:big", "chat"]
    assert "$0.0000" in line
    assert "stream" in line
    assert max(len(line) for line in (head, line, *more)) <= 80


def test_check_tells_scripts_the_same(coachwork: Coachwork, provider: ProviderServer) -> None:
    provider.answer("ready")
    found = coachwork("models", "check", "lab:big", "--json", **NO_FAKE).json
    [checked] = found["models"]
    assert (checked["ok"], checked["answer"], checked["kind"]) == (True, "ready", "chat")
    assert checked["cost_usd"] == checked["cost_nano"] / 1e9 > 0
    assert 0 < checked["first_token_seconds"] <= checked["seconds"]
    assert set(checked["can"]) == {"stream", "tools", "schema", "vision", "pdf", "audio", "thinking"}
    assert checked["can"]["stream"] is True


def test_a_model_that_does_not_answer_ends_with_5_and_says_why(coachwork: Coachwork, provider: ProviderServer) -> None:
    provider.inject("401", model="big")
    result = coachwork("models", "check", "lab:big", **NO_FAKE)
    assert result.code == 5
    assert "✗ lab:big chat: " in result.out
    assert coachwork("models", "check", "lab:big", "--json", **NO_FAKE).code == 5


def test_a_model_without_its_key_can_not_be_had(coachwork: Coachwork, provider: ProviderServer) -> None:
    result = coachwork("models", "check", "openai:gpt-5-mini", **NO_FAKE)
    assert result.code == 5
    assert "export OPENAI_API_KEY=" in result.out


def test_a_route_that_nobody_answers_is_named(coachwork: Coachwork, provider: ProviderServer) -> None:
    provider.answer("ready")
    result = coachwork("models", "check", **NO_FAKE)
    assert result.code == 5
    assert "✓  lab:big" in result.out
    assert "✗ No model of the route 'embed' can be asked" in result.out
    found = coachwork("models", "check", "--json", **NO_FAKE).json
    assert found["routes_without_model"] == [{"route": "embed"}]
