"""What a call cost, in integer nano-dollars (1e-9 USD). Knows price tables; does not know calls or budgets.

Text tokens from genai-prices (https://github.com/pydantic/genai-prices), a project's own prices first,
models on this machine free. An unknown price is None, never 0.
"""

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache
from typing import TYPE_CHECKING

from coachwork.errors import did_you_mean
from coachwork.messages import Usage
from coachwork.models.routes import Target

if TYPE_CHECKING:
    from genai_prices.types import ModelInfo

NANO = Decimal(1_000_000_000)


@dataclass(frozen=True)
class Price:
    """`cost_nano` in 1e-9 USD, None where unknown; `version` says which table it came from."""

    cost_nano: int | None
    version: str


def price(target: Target, usage: Usage) -> Price:
    """The price of `usage` on a model: the project's own numbers, else free here, else the public table."""
    settings = target.settings
    if settings.input_usd_per_million is not None or settings.output_usd_per_million is not None:
        into = Decimal(str(settings.input_usd_per_million or 0)) * usage.input_tokens
        out = Decimal(str(settings.output_usd_per_million or 0)) * usage.output_tokens
        usd = (into + out) / 1_000_000
        return Price(nano(usd), "settings")
    if not target.provider.billed:
        return Price(0, target.provider.name)
    return _public_price(target, usage)


def nano(usd: Decimal) -> int:
    return int((usd * NANO).to_integral_value(ROUND_HALF_UP))


def known(target: Target) -> bool:
    """Whether the cost of a call on this model can be told."""
    return price(target, Usage(1, 1)).cost_nano is not None


def per_million(target: Target) -> tuple[int | None, int | None]:
    """The price of a million tokens in and out, in nano-dollars: for lists. Small prompts where there are tiers."""
    thousand = price(target, Usage(input_tokens=1000)).cost_nano, price(target, Usage(output_tokens=1000)).cost_nano
    return tuple(None if cost is None else cost * 1000 for cost in thousand)  # type: ignore[return-value]


def _public_price(target: Target, usage: Usage) -> Price:
    from genai_prices import Usage as Tokens
    from genai_prices import calc_price

    counted = Tokens(
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        cache_read_tokens=usage.cached_tokens or None,
    )
    try:
        found = calc_price(counted, target.name, provider_id=target.provider.price_table or target.provider.name)
    except LookupError:
        return Price(None, "")
    return Price(nano(found.total_price), _table_version())


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
