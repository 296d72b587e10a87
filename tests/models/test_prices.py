"""What calls cost, to the nano-dollar."""

from pathlib import Path

import pytest

from coachwork.messages import Usage
from coachwork.models import ModelConfig, Models, ModelsConfig, ProviderConfig
from coachwork.models.prices import price
from coachwork.models.routes import find


def target(model: str, **settings: float):
    config = ModelsConfig(
        models={model: ModelConfig(**settings)} if settings else {},
        providers={"lab": ProviderConfig(base_url="http://127.0.0.1:1/v1")},
    )
    room = Models(config, database=None, cache_dir=Path("/nowhere"), environ={})
    return find(model, config, room.providers)


@pytest.mark.parametrize(
    ("model", "usage", "nano"),
    [
        # openai.com/api/pricing: gpt-4o $2.50 in, $1.25 cached, $10 out a million
        ("openai:gpt-4o", Usage(1_000_000), 2_500_000_000),
        ("openai:gpt-4o", Usage(0, 1_000_000), 10_000_000_000),
        ("openai:gpt-4o", Usage(1000, 100, cached_tokens=400), 1500 * 1000 + 500 * 1000 + 1_000_000),
        ("openai-chat:gpt-4o", Usage(1000, 100), 3_500_000),
        # platform.claude.com/docs/en/about-claude/pricing: claude-3-haiku $0.25 in, $1.25 out a million
        ("anthropic:claude-3-haiku-20240307", Usage(17, 92), 4250 + 115_000),
        # ai.google.dev/gemini-api/docs/pricing: gemini-2.0-flash $0.10 in, $0.40 out a million
        ("google:gemini-2.0-flash", Usage(13, 8), 1300 + 3200),
        ("local:qwen2.5-coder-1.5b", Usage(5000, 800), 0),
        ("ollama:anything", Usage(5000, 800), 0),
        ("lab:anything", Usage(5000, 800), None),
        ("openai:gpt-99-invented", Usage(5000, 800), None),
    ],
)
def test_a_call_costs(model, usage, nano):
    assert price(target(model), usage).cost_nano == nano


def test_a_projects_own_price_counts_first():
    own = target("lab:anything", input_usd_per_million=0.15, output_usd_per_million=0.6)
    found = price(own, Usage(7, 3))
    assert (found.cost_nano, found.version) == (7 * 150 + 3 * 600, "settings")


def test_the_price_says_which_table_it_came_from():
    assert price(target("openai:gpt-4o"), Usage(1)).version.startswith("genai-prices ")
