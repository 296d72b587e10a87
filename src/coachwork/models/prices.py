"""What a call cost, in integer nano-dollars (1e-9 USD). Knows price tables; does not know calls or budgets.

A project's own prices first, models on this machine free, then genai-prices
(https://github.com/pydantic/genai-prices), then a small table of ours. An unknown price is None, never 0.
"""

import re
import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from coachwork.errors import did_you_mean
from coachwork.messages import Usage
from coachwork.models.price_rows import BATCH_SHARES, BY_MODEL, VERSION
from coachwork.models.routes import Target
from coachwork.models.tariffs import Tariff, TokenPrices, atto, cost, most, token_prices

if TYPE_CHECKING:
    from genai_prices.types import ModelInfo, ModelPrice, TieredPrices

NANO = Decimal(1_000_000_000)
_MINUTE_NS, _DAY_NS = 60_000_000_000, 86_400_000_000_000

_TOKEN_KEYS = {  # their names for what we count
    "input_mtok": "input",
    "output_mtok": "output",
    "cache_read_mtok": "cached",
    "cache_write_mtok": "cache_write",
    "input_audio_mtok": "input_audio",
    "output_audio_mtok": "output_audio",
    "output_reasoning_mtok": "thinking",
}
_HOUR_KEYS = ("input_audio_hours", "audio_hours")
_REQUEST_KEY = "requests_kcount"


@dataclass(frozen=True)
class Price:
    """`cost_nano` in 1e-9 USD, None where unknown; `version` says which table it came from."""

    cost_nano: int | None
    version: str


def price(target: Target, usage: Usage, *, at_ns: int | None = None, batch: bool = False) -> Price:
    """The price of `usage` on a model, as it was at `at_ns` (nanoseconds since 1970 UTC; None for now).

    `batch`: it was asked through the provider's batch interface, which most sell at half the price.
    """
    tariff = tariff_of(target, at_ns=at_ns, batch=batch)
    if tariff is None:
        return Price(None, "")
    found = cost(tariff, usage)
    return Price(found, "" if found is None else tariff.version)


def worst(target: Target, usage: Usage) -> int | None:
    """The highest price of a call now that uses no more than `usage`; None where the price is unknown."""
    tariff = tariff_of(target)
    return None if tariff is None else most(tariff, usage)


def nano(usd: Decimal) -> int:
    return int((usd * NANO).to_integral_value(ROUND_HALF_UP))


def known(target: Target) -> bool:
    """Whether the cost of a call on this model can be told."""
    return tariff_of(target) is not None


def per_million(target: Target) -> tuple[int | None, int | None]:
    """The price of a million tokens in and out, in nano-dollars: for lists. Small prompts where there are tiers."""
    tariff = tariff_of(target)
    if tariff is None or not tariff.tokens:
        return None, None
    first = tariff.tokens[0]
    into, out = (round(part / 10**9) for part in (first.input, first.output))
    return into if tariff.has_input else None, out if tariff.has_output else None


# ── Which tariff ───────────────────────────────────────────────────────────────────────────────


def tariff_of(target: Target, *, at_ns: int | None = None, batch: bool = False) -> Tariff | None:
    """What a model charges at a time; None where nobody says. Costs about a microsecond."""
    own = target.settings
    if (
        own.input_usd_per_million is not None
        or own.output_usd_per_million is not None
        or own.usd_per_minute is not None
        or own.usd_per_image is not None
        or own.usd_per_search is not None
    ):
        return _of_settings(
            own.input_usd_per_million,
            own.output_usd_per_million,
            own.cached_usd_per_million,
            own.cache_write_usd_per_million,
            own.usd_per_minute,
            own.usd_per_image,
            own.usd_per_search,
        )
    if not target.provider.billed:
        return _free(target.provider.name)
    table = target.provider.price_table or target.provider.name
    now = time.time_ns() if at_ns is None else at_ns
    grain = _MINUTE_NS if _changes_within_a_day(table, target.name) else _DAY_NS
    return _of_tables(table, target.name, now // grain * grain, batch)


@lru_cache(maxsize=1024)
def _of_settings(
    into: float | None,
    out: float | None,
    cached: float | None,
    cache_write: float | None,
    minute: float | None,
    image: float | None,
    search: float | None,
) -> Tariff:
    """A project's own prices. What is cached costs what the input costs, where they don't say more."""
    prices = {"input": into, "output": out, "cached": cached, "cache_write": cache_write}
    tokens = token_prices({name: None if usd is None else _decimal(usd) for name, usd in prices.items()})
    return Tariff(
        "settings",
        () if into is None and out is None else (tokens,),
        into is not None,
        out is not None,
        hour=None if minute is None else atto(_decimal(minute) * 60),
        image=None if image is None else atto(_decimal(image)),
        search=None if search is None else atto(_decimal(search)),
    )


def _decimal(usd: float) -> Decimal:
    """A price from the settings, as it was written."""
    return Decimal(str(usd))


@lru_cache(maxsize=64)
def _free(name: str) -> Tariff:
    return Tariff(name, (token_prices({}),), hour=0, image=0, search=0)


@lru_cache(maxsize=4096)
def _of_tables(table: str, model: str, at_ns: int, batch: bool) -> Tariff | None:
    info = _listed(table, model)
    found = None if info is None else _of_listed(info, at_ns, batch)
    found = _with_row(found, table, model)
    if found is None or not batch or (info is not None and _batch_price(info, at_ns)):
        return found
    share = BATCH_SHARES.get(table)
    return None if share is None else _at_share(found, Decimal(share[0]))


def _with_row(found: Tariff | None, table: str, model: str) -> Tariff | None:
    """Our own row: all of it where the public table does not know the model, else only what it lacks."""
    row = BY_MODEL.get((table, re.sub(r"-20\d\d-\d\d-\d\d$", "", model)))
    if row is None:
        return found
    hour = atto(Decimal(row.minute) * 60) if row.minute else None
    if found is None:
        tokens = (token_prices({"input": Decimal(row.input)}),) if row.input else ()
        image = atto(Decimal(row.image)) if row.image else None
        search = atto(Decimal(row.search)) if row.search else None
        return Tariff(VERSION, tokens, has_output=False, hour=hour, image=image, search=search)
    more = replace(found, version=f"{found.version}, {VERSION}")
    if hour is not None and found.hour is None:
        return replace(more, hour=hour)
    if row.input_audio and all(step.input_audio == step.input for step in found.tokens):
        into, out = atto(Decimal(row.input_audio)), atto(Decimal(row.output_audio))
        return replace(more, tokens=tuple(replace(s, input_audio=into, output_audio=out) for s in found.tokens))
    return found


def _at_share(tariff: Tariff, share: Decimal) -> Tariff:
    def part(price: int) -> int:
        return int((price * share).to_integral_value(ROUND_HALF_UP))

    tokens = tuple(
        TokenPrices(**{name: part(getattr(step, name)) for name in _TOKEN_KEYS.values()}, above=step.above)
        for step in tariff.tokens
    )
    hour = None if tariff.hour is None else part(tariff.hour)
    image = None if tariff.image is None else part(tariff.image)
    return replace(tariff, tokens=tokens, hour=hour, image=image)


# ── The public table ───────────────────────────────────────────────────────────────────────────


@lru_cache(maxsize=4096)
def _listed(table: str, model: str) -> "ModelInfo | None":
    from genai_prices.data_snapshot import get_snapshot

    try:
        return get_snapshot().find_provider_model(model, None, table, None)[1]
    except LookupError:
        return None


@lru_cache(maxsize=4096)
def _changes_within_a_day(table: str, model: str) -> bool:
    from genai_prices.types import TimeOfDateConstraint

    info = _listed(table, model)
    steps: list[Any] = [] if info is None or not isinstance(info.prices, list) else list(info.prices)
    steps += (info.price_variants or []) if info is not None else []
    return any(isinstance(step.constraint, TimeOfDateConstraint) for step in steps)


def _batch_price(info: "ModelInfo", at_ns: int) -> bool:
    at = datetime.fromtimestamp(at_ns / 1e9, UTC)
    return any(
        variant.when == {"processing": "batch"} and (variant.constraint is None or variant.constraint.active(at))
        for variant in info.price_variants or ()
    )


def _of_listed(info: "ModelInfo", at_ns: int, batch: bool) -> Tariff | None:
    """Their prices at that time as a tariff; None where they have none for anything we count."""
    context = {"processing": "batch"} if batch else None
    prices = info.get_prices(datetime.fromtimestamp(at_ns / 1e9, UTC), context)
    listed = {key: getattr(prices, key) for key in (*_TOKEN_KEYS, *_HOUR_KEYS, _REQUEST_KEY)}
    hour = next((listed[key] for key in _HOUR_KEYS if listed[key] is not None), None)
    tokens = _token_steps(prices)
    request = listed[_REQUEST_KEY] or Decimal(0)
    if not tokens and hour is None and not request:
        return None
    return Tariff(
        _table_version(),
        tokens,
        listed["input_mtok"] is not None,
        listed["output_mtok"] is not None,
        hour=None if hour is None else atto(hour),
        request=atto(request / 1000),
    )


def _token_steps(prices: "ModelPrice") -> tuple[TokenPrices, ...]:
    """One row of prices for each size of request at which any of them changes."""
    listed: dict[str, Decimal | TieredPrices] = {
        name: value for key, name in _TOKEN_KEYS.items() if (value := getattr(prices, key)) is not None
    }
    if not listed:
        return ()
    tiers = (tier.start for value in listed.values() if not isinstance(value, Decimal) for tier in value.tiers)
    return tuple(
        token_prices({name: _at_size(value, above) for name, value in listed.items()}, above)
        for above in sorted({0, *tiers})
    )


def _at_size(value: "Decimal | TieredPrices", above: int) -> Decimal:
    """The price for requests just over `above` tokens."""
    if isinstance(value, Decimal):
        return value
    return next((tier.price for tier in reversed(value.tiers) if above >= tier.start), value.base)


@lru_cache(maxsize=1)
def _table_version() -> str:
    from importlib.metadata import version

    return f"genai-prices {version('genai-prices')}"


def suggestion(target: Target) -> str | None:
    """A sentence with the nearest model name where the public table does not know this one, None where it does."""
    models = _public_models(target.provider.price_table or target.provider.name)
    if not models or any(info.is_match(target.name) for info in models):
        return None
    return did_you_mean(target.name, [info.id for info in models]) if models else None


@lru_cache(maxsize=32)
def _public_models(provider: str) -> tuple["ModelInfo", ...]:
    from genai_prices.data import providers

    return tuple(model for entry in providers if entry.id == provider for model in entry.models)
