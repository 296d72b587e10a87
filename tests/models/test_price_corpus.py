"""Bills as the providers' price pages say them, each line a count and its published price, against what we charge.

`in` is plain input, `cached` read from the provider's cache, `write` written to it, `audio-in` and `audio-out`
sound, `think` thinking; prices are US dollars a million tokens. `sec` are seconds at dollars a minute, `img`
images at dollars each. The totals are worked out here, by multiplying and adding.
"""

import re
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

import pytest
from genai_prices.data import providers as public
from genai_prices.types import Usage as TheirUsage
from hypothesis import given, settings
from hypothesis import strategies as st

from coachwork.messages import Finished, Message, ModelRequest, Usage
from coachwork.models import ModelConfig, Models, ModelsConfig, RouteConfig
from coachwork.models.prices import price, worst
from coachwork.models.routes import Target, find
from coachwork.models.tariffs import cost
from coachwork.testing import FakeModel, line

NOON = "2026-11-20T12:00"

# openai.com/api/pricing, platform.openai.com/docs/pricing (standard), …/docs/guides/batch
OPENAI = """
openai:gpt-4o                     | 1000 in@2.50, 100 out@10
openai:gpt-4o                     | 600 in@2.50, 400 cached@1.25, 100 out@10
openai:gpt-4o                     | 1 in@2.50, 1 out@10
openai:gpt-4o                     | 127000 in@2.50, 1000 cached@1.25, 16384 out@10
openai:gpt-4o-2024-05-13          | 1000 in@5, 100 out@15
openai:gpt-4o-mini                | 1234 in@0.15, 567 out@0.60
openai:gpt-4o-mini                | 210 in@0.15, 1024 cached@0.075, 567 out@0.60
openai:gpt-4.1                    | 9000 in@2, 1200 out@8
openai:gpt-4.1                    | 900000 in@2, 90000 cached@0.50, 32768 out@8
openai:gpt-4.1-mini               | 4000 in@0.40, 3000 cached@0.10, 250 out@1.60
openai:gpt-4.1-nano               | 7 in@0.10, 3 out@0.40
openai:gpt-4.1-nano               | 7 in@0.10, 1024 cached@0.025, 3 out@0.40
openai:o1                         | 800 in@15, 200 out@60, 1900 think@60
openai:o1                         | 800 in@15, 1024 cached@7.50, 200 out@60, 1900 think@60
openai:o3                         | 800 in@2, 200 out@8, 5000 think@8
openai:o3                         | 800 in@2, 2048 cached@0.50, 200 out@8, 5000 think@8
openai:o3-mini                    | 50 in@1.10, 1024 cached@0.55, 20 out@4.40, 320 think@4.40
openai:o3-pro                     | 50 in@20, 20 out@80, 1320 think@80
openai:o4-mini                    | 50 in@1.10, 1024 cached@0.275, 20 out@4.40, 320 think@4.40
openai:gpt-5                      | 1500 in@1.25, 300 out@10, 900 think@10
openai:gpt-5                      | 1500 in@1.25, 8192 cached@0.125, 300 out@10, 900 think@10
openai:gpt-5-mini                 | 1500 in@0.25, 8192 cached@0.025, 300 out@2, 64 think@2
openai:gpt-5-nano                 | 1501 in@0.05, 3333 cached@0.005, 301 out@0.40
openai:gpt-5-pro                  | 1500 in@15, 300 out@120, 12000 think@120
openai:gpt-5.1                    | 1500 in@1.25, 8192 cached@0.125, 300 out@10
openai:gpt-5.2                    | 1501 in@1.75, 1111 cached@0.175, 301 out@14
openai:gpt-5.4                    | 272000 in@2.50, 1000 out@15
openai:gpt-5.4                    | 272001 in@5, 1000 out@22.50
openai:gpt-5.4                    | 200001 in@5, 100000 cached@0.50, 1000 out@22.50, 500 think@22.50
openai:gpt-3.5-turbo              | 4000 in@0.50, 96 out@1.50
openai:gpt-4-turbo                | 4000 in@10, 96 out@30
openai:gpt-4                      | 4000 in@30, 96 out@60
openai-chat:gpt-4o-mini           | 1234 in@0.15, 567 out@0.60
openai-chat:gpt-audio             | 120 in@2.50, 600 audio-in@32, 80 out@10, 900 audio-out@64
openai-chat:gpt-audio-mini        | 120 in@0.60, 600 audio-in@10, 80 out@2.40, 900 audio-out@20
openai-chat:gpt-4o-audio-preview  | 120 in@2.50, 600 audio-in@40, 80 out@10, 900 audio-out@80
openai-chat:gpt-4o-audio-preview-2025-06-03 | 600 audio-in@40, 80 out@10
openai-chat:gpt-4o-mini-audio-preview       | 120 in@0.15, 600 audio-in@10, 80 out@0.60, 900 audio-out@20
openai:gpt-4o                     | batch, 1000 in@1.25, 100 out@5
openai:gpt-4.1                    | batch, 1000 in@1, 100 out@4
openai:gpt-5-mini                 | batch, 1000 in@0.125, 2048 cached@0.0125, 100 out@1
openai:o3                         | batch, 1000 in@1, 100 out@4, 900 think@4
openai:gpt-5.4                    | batch, 272001 in@2.50, 100 out@11.25
openai:text-embedding-3-small     | 8191 in@0.02
openai:text-embedding-3-small     | 25 in@0.02
openai:text-embedding-3-large     | 8191 in@0.13
openai:text-embedding-ada-002     | 8191 in@0.10
openai:text-embedding-3-small     | batch, 8191 in@0.01
openai:omni-moderation-latest     | 500 in@0
openai:whisper-1                  | 60 sec@0.006
openai:whisper-1                  | 12.5 sec@0.006
openai:whisper-1                  | 3601 sec@0.006
openai:gpt-4o-transcribe          | 90 sec@0.006
openai:gpt-4o-transcribe          | 14 in@2.50, 600 audio-in@6, 150 out@10
openai:gpt-4o-mini-transcribe     | 90 sec@0.003
openai:gpt-4o-mini-transcribe     | 14 in@1.25, 600 audio-in@3, 150 out@5
openai:dall-e-3                   | 3 img@0.04
openai:gpt-image-1                | 50 in@5, 4160 out@40
openai:o1                         | batch, 100 in@7.50, 100 out@30
"""

# platform.claude.com/docs/en/about-claude/pricing; thinking is output; a batch is half of everything
ANTHROPIC = """
anthropic:claude-opus-4-1         | 2000 in@15, 400 out@75
anthropic:claude-opus-4-1         | 21 in@15, 1800 cached@1.50, 300 write@18.75, 400 out@75
anthropic:claude-opus-4-5         | 21 in@5, 1800 cached@0.50, 300 write@6.25, 400 out@25
anthropic:claude-opus-4-5         | 500000 in@5, 400 out@25
anthropic:claude-sonnet-4-5       | 2000 in@3, 400 out@15
anthropic:claude-sonnet-4-5       | 21 in@3, 188086 write@3.75, 393 out@15
anthropic:claude-sonnet-4-5       | 21 in@3, 188086 cached@0.30, 393 out@15
anthropic:claude-sonnet-4-5       | 2000 in@3, 400 out@15, 8000 think@15
anthropic:claude-sonnet-4-5       | 200000 in@3, 400 out@15
anthropic:claude-sonnet-4-5       | 200001 in@6, 400 out@22.50
anthropic:claude-sonnet-4-5       | 1 in@6, 150000 cached@0.60, 60000 write@7.50, 400 out@22.50
anthropic:claude-sonnet-4-0       | 2000 in@3, 400 out@15
anthropic:claude-3-7-sonnet-latest | 9 in@3, 4096 cached@0.30, 400 out@15, 2000 think@15
anthropic:claude-3-5-sonnet-20241022 | 1601 in@3, 211 out@15
anthropic:claude-haiku-4-5        | 21 in@1, 1800 cached@0.10, 300 write@1.25, 400 out@5
anthropic:claude-3-5-haiku-20241022 | 21 in@0.80, 1800 cached@0.08, 300 write@1, 400 out@4
anthropic:claude-3-haiku-20240307 | 17 in@0.25, 92 out@1.25
anthropic:claude-3-haiku-20240307 | 17 in@0.25, 2048 cached@0.03, 2048 write@0.30, 92 out@1.25
anthropic:claude-3-opus-20240229  | 17 in@15, 92 out@75
anthropic:claude-sonnet-4-5       | batch, 2000 in@1.50, 400 out@7.50
anthropic:claude-haiku-4-5        | batch, 100 in@0.50, 900 cached@0.05, 300 write@0.625, 400 out@2.50
anthropic:claude-opus-4-5         | batch, 2000 in@2.50, 400 out@12.50
anthropic:claude-sonnet-4-0       | batch, 2000 in@1.50, 90 cached@0.15, 400 out@7.50
"""

# ai.google.dev/gemini-api/docs/pricing
GOOGLE = """
google:gemini-2.5-pro             | 200000 in@1.25, 1000 out@10
google:gemini-2.5-pro             | 200001 in@2.50, 1000 out@15
google:gemini-2.5-pro             | 1000 in@1.25, 4000 cached@0.125, 300 out@10, 1200 think@10
google:gemini-2.5-pro             | 100001 in@2.50, 100000 cached@0.25, 300 out@15, 1200 think@15
google:gemini-2.5-flash           | 1000 in@0.30, 300 out@2.50
google:gemini-2.5-flash           | 40 in@0.30, 1920 audio-in@1, 300 out@2.50
google:gemini-2.5-flash           | 40 in@0.30, 2048 cached@0.03, 300 out@2.50, 700 think@2.50
google:gemini-2.5-flash-lite      | 1000 in@0.10, 320 audio-in@0.30, 300 out@0.40
google:gemini-2.0-flash           | 1000 in@0.10, 320 audio-in@0.70, 300 out@0.40
google:gemini-2.0-flash           | 1000 in@0.10, 5000 cached@0.025, 300 out@0.40
google:gemini-2.0-flash-lite      | 1001 in@0.075, 301 out@0.30
google:gemini-1.5-pro             | 128000 in@1.25, 300 out@5
google:gemini-1.5-pro             | 128001 in@2.50, 300 out@10
google:gemini-3-pro-preview       | 1000 in@2, 300 out@12, 900 think@12
google:gemini-3-pro-preview       | 200001 in@4, 300 out@18
google:gemini-2.5-pro             | batch, 1000 in@0.625, 300 out@5
google:gemini-2.5-flash           | batch, 1000 in@0.15, 300 out@1.25
google:gemini-embedding-001       | 2048 in@0.15
google:imagen-4.0-generate-001    | 4 img@0.04
"""

# mistral.ai/pricing, groq.com/pricing, cohere.com/pricing, docs.x.ai/docs/models,
# api-docs.deepseek.com/quick_start/pricing
OTHERS = """
mistral:mistral-large-2411        | 1000 in@2, 300 out@6
mistral:mistral-medium-2505       | 1000 in@0.40, 300 out@2
mistral:pixtral-large-latest      | 1000 in@2, 300 out@6
mistral:codestral-latest          | 1001 in@0.30, 301 out@0.90
mistral:mistral-embed             | 8192 in@0.10
groq:llama-3.3-70b-versatile      | 1001 in@0.59, 301 out@0.79
groq:llama-3.1-8b-instant         | 1001 in@0.05, 301 out@0.08
groq:openai/gpt-oss-120b          | 1001 in@0.15, 301 out@0.60
groq:qwen/qwen3-32b               | 1001 in@0.29, 301 out@0.59
groq:whisper-large-v3             | 600 sec@0.00185
groq:whisper-large-v3-turbo       | 3600 sec@0.000666666667
groq:distil-whisper-large-v3-en   | 3600 sec@0.000333333333
cohere:command-a-03-2025          | 1000 in@2.50, 300 out@10
cohere:command-r-08-2024          | 1000 in@0.15, 300 out@0.60
cohere:command-r7b-12-2024        | 1001 in@0.0375, 301 out@0.15
cohere:embed-v4.0                 | 2000 in@0.12
cohere:embed-english-v3.0         | 2000 in@0.10
cohere:embed-multilingual-v3.0    | 2000 in@0.10
xai:grok-4                        | 1000 in@3, 2000 cached@0.75, 300 out@15, 700 think@15
xai:grok-3-mini                   | 1001 in@0.30, 301 out@0.50
xai:grok-4-fast-reasoning         | 1001 in@0.20, 2000 cached@0.05, 301 out@0.50
xai:grok-code-fast-1              | 1001 in@0.20, 2000 cached@0.02, 301 out@1.50
deepseek:deepseek-chat            | at 2025-03-10T12:00, 1000 in@0.27, 300 cached@0.07, 200 out@1.10
deepseek:deepseek-chat            | at 2025-03-10T16:30, 1000 in@0.135, 300 cached@0.035, 200 out@0.55
deepseek:deepseek-chat            | at 2025-03-10T00:29, 1000 in@0.135, 300 cached@0.035, 200 out@0.55
deepseek:deepseek-reasoner        | at 2025-03-10T00:30, 1000 in@0.55, 300 cached@0.14, 200 out@2.19, 4000 think@2.19
openai:o3                         | at 2025-06-09T23:59, 1000 in@10, 200 out@40
openai:o3                         | at 2025-06-10T00:00, 1000 in@2, 200 out@8
local:qwen2.5-coder-1.5b          | 5000 in@0, 800 out@0
ollama:anything                   | 5000 in@0, 800 out@0
"""

KINDS = {
    "in": "input_tokens",
    "cached": "cached_tokens",
    "write": "cache_write_tokens",
    "audio-in": "input_audio_tokens",
    "out": "output_tokens",
    "think": "thinking_tokens",
    "audio-out": "output_audio_tokens",
    "sec": "audio_seconds",
    "img": "images",
}
BILLS = [row for page in (OPENAI, ANTHROPIC, GOOGLE, OTHERS) for row in page.strip().splitlines()]


def read(row: str) -> tuple[str, Usage, int, bool, int]:
    """A bill as the model, what it used, its total in 1e-9 USD, if it is a batch's, and when it was."""
    model, _, rest = (part.strip() for part in row.partition("|"))
    counts = dict.fromkeys(KINDS.values(), 0)
    total, batch, at = Decimal(0), False, NOON
    for part in rest.split(", "):
        if part == "batch":
            batch = True
        elif part.startswith("at "):
            at = part[3:]
        else:
            count, kind, usd = re.fullmatch(r"([\d.]+) ([a-z-]+)@([\d.]+)", part).groups()
            number = Decimal(count)
            counts[KINDS[kind]] = float(number) if kind == "sec" else int(number)
            total += number * Decimal(usd) / {"sec": 60, "img": 1}.get(kind, 1_000_000)
    counts["input_tokens"] += sum(counts[KINDS[kind]] for kind in ("cached", "write", "audio-in"))
    counts["output_tokens"] += sum(counts[KINDS[kind]] for kind in ("think", "audio-out"))
    nano = int((total * 10**9).to_integral_value(ROUND_HALF_UP))
    when = int(datetime.fromisoformat(at).replace(tzinfo=UTC).timestamp()) * 10**9
    return model, Usage(**counts), nano, batch, when


def target(model: str, **settings: float) -> Target:
    config = ModelsConfig(models={model: ModelConfig(**settings)} if settings else {})
    room = Models(config, database=None, cache_dir=Path("/nowhere"), environ={})
    return find(model, config, room.providers)


def test_the_corpus_has_at_least_a_hundred_shapes_and_each_kind_of_usage():
    assert len(set(BILLS)) >= 100
    for kind in (*KINDS, "batch", "at"):
        assert sum(f" {kind}@" in row or f" {kind}, " in row or f"| {kind} " in row for row in BILLS) >= 2, kind


@pytest.mark.parametrize("row", BILLS)
def test_a_call_costs_what_the_page_says(row):
    model, usage, nano, batch, at = read(row)
    assert price(target(model), usage, at_ns=at, batch=batch).cost_nano == nano


@pytest.mark.parametrize("row", [row for row in BILLS if "batch" not in row and "at 20" not in row])
def test_the_worst_case_is_never_less_than_the_bill(row):
    model, usage, nano, _, _ = read(row)
    assert worst(target(model), usage) >= nano


@pytest.mark.parametrize(
    ("settings", "usage", "nano"),
    [
        ({"input_usd_per_million": 3, "output_usd_per_million": 15}, Usage(1000, 200, 100), 3_000_000 + 3_000_000),
        (
            {"input_usd_per_million": 3, "output_usd_per_million": 15, "cached_usd_per_million": 0.3},
            Usage(1000, 200, 100),
            2_700_000 + 30_000 + 3_000_000,
        ),
        (
            {"input_usd_per_million": 3, "output_usd_per_million": 15, "cache_write_usd_per_million": 3.75},
            Usage(1000, 200, 0, 400),
            600 * 3000 + 400 * 3750 + 3_000_000,
        ),
        ({"usd_per_minute": 0.0043}, Usage(audio_seconds=90), 6_450_000),
        ({"usd_per_image": 0.02}, Usage(images=3), 60_000_000),
        ({"usd_per_search": 0.002}, Usage(9_000, searches=2), 4_000_000),
        ({"input_usd_per_million": 3}, Usage(1000), 3_000_000),
        ({"input_usd_per_million": 3}, Usage(1000, 1), None),  # nobody said what the output costs
        ({"usd_per_minute": 0.0043}, Usage(1000, 1), None),
        ({"usd_per_image": 0.02}, Usage(1000, 1), None),
        ({"usd_per_search": 0.002}, Usage(9_000), None),
        ({"input_usd_per_million": 3}, Usage(searches=1), None),
    ],
)
def test_a_projects_own_prices_are_the_whole_truth(settings, usage, nano):
    found = price(target("openai:gpt-4o", **settings), usage)
    assert found.cost_nano == nano
    assert found.version == ("settings" if nano is not None else "")


@pytest.mark.parametrize(
    ("model", "usage"),
    [
        ("openai:gpt-99-invented", Usage(5, 5)),
        ("openai:gpt-4o", Usage(audio_seconds=3)),
        ("openai:dall-e-3", Usage(5, 5)),
        ("openai:whisper-1", Usage(5, 5)),
        ("openai:text-embedding-3-small", Usage(5, 5)),
    ],
)
def test_what_nobody_says_the_price_of_is_unknown_and_not_free(model, usage):
    assert price(target(model), usage).cost_nano is None


def test_a_row_says_which_table_its_price_came_from():
    versions = {
        model: price(target(model), Usage(1)).version for model in ("openai:gpt-4o", "cohere:embed-english-v3.0")
    }
    assert versions["openai:gpt-4o"].startswith("genai-prices ")
    assert versions["cohere:embed-english-v3.0"].startswith("coachwork ")


# ── Our flattened table is theirs, to the nano-dollar ──

LISTED = [(provider.id, model) for provider in public for model in provider.models]
counts = st.integers(0, 400_000)


@pytest.mark.slow
@settings(max_examples=1500, deadline=None)
@given(
    st.sampled_from(range(len(LISTED))),
    st.datetimes(datetime(2023, 1, 1), datetime(2027, 1, 1)),
    st.booleans(),
    st.tuples(counts, counts, counts, counts, counts, counts, counts),
)
def test_every_model_of_the_public_table_costs_what_the_public_table_says(number, at, batch, given):
    from coachwork.models.prices import _of_listed

    _, info = LISTED[number]
    plain, cached, written, sound, out, thought, spoken = given
    sound = 0 if cached else sound  # they ask for the part of the cache that was sound; nobody tells
    usage = Usage(
        plain + cached + written + sound, out + thought + spoken, cached, written, thought, sound, spoken
    )  # fmt: skip
    theirs = TheirUsage(
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        cache_read_tokens=cached,
        cache_write_tokens=written,
        input_audio_tokens=sound,
        output_audio_tokens=spoken,
        output_reasoning_tokens=thought,
        cache_audio_read_tokens=0,
    )
    when = at.replace(tzinfo=UTC)
    tariff = _of_listed(info, int(when.timestamp()) * 10**9, batch)
    ours = None if tariff is None else cost(tariff, usage)
    if ours is None:
        return
    prices = info.get_prices(when, {"processing": "batch"} if batch else None)
    expected = (prices.calc_price(theirs)["total_price"] * 10**9).to_integral_value(ROUND_HALF_UP)
    assert ours == int(expected)


# ── A streamed call costs the same as the plain one ──


@settings(max_examples=60, deadline=None)
@given(st.text("abc de", min_size=1, max_size=80).filter(str.strip), st.integers(1, 9), counts, counts)
def test_a_streamed_call_costs_what_the_plain_one_costs(answer, chunk, into, out):
    import asyncio

    usage = Usage(into, out, cached_tokens=into // 2, thinking_tokens=out // 3)
    prices = ModelConfig(input_usd_per_million=3, output_usd_per_million=15, cached_usd_per_million=0.3)
    fake = FakeModel([line(answer, times=None)], chunk=chunk, usage=usage, billed=True)
    room = Models(
        ModelsConfig(routes={"smart": RouteConfig(models=["lab:m"])}, models={"lab:m": prices}),
        database=None,
        cache_dir=Path("/nowhere"),
        environ={},
        extra_providers={"lab": fake},
    )
    request = ModelRequest((Message.of("user", "Hello"),))

    async def both() -> tuple[int | None, int | None]:
        plain = await room.complete("smart", request)
        (last,) = [event async for event in room.stream("smart", request) if isinstance(event, Finished)]
        return plain.cost_nano, last.reply.cost_nano

    plain, streamed = asyncio.run(both())
    by_hand = ((into - into // 2) * 3000 + into // 2 * 300 + out * 15_000) if usage != Usage() else 0
    assert plain == streamed == by_hand
