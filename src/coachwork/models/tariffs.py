"""What one model charges, flattened to integers so that a call is priced in a microsecond. Pure: no clock, no table.

Knows the kinds of usage and how they lie within each other; where a tariff comes from is in `prices.py`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from decimal import ROUND_HALF_UP, Decimal

from coachwork.messages import Usage

_HOUR_MS = 3_600_000
_PARTS = 18_000_000  # the least that a million tokens and the milliseconds of an hour both divide
_PER_TOKENS, _PER_MS = _PARTS // 1_000_000, _PARTS // _HOUR_MS  # 18 and 5
_NANO = _PARTS * 10**9  # 1e-9 USD in parts of 1e-18 USD


@dataclass(frozen=True, slots=True)
class TokenPrices:
    """Prices a million tokens, in 1e-18 USD, for requests of more than `above` input tokens.

    `cached`, `cache_write`, `input_audio` are of parts of the input, `output_audio` and `thinking` of the
    output; each is the price of the whole where the provider has no other.
    """

    input: int
    output: int
    cached: int
    cache_write: int
    input_audio: int
    output_audio: int
    thinking: int
    above: int = 0


@dataclass(frozen=True, slots=True)
class Tariff:
    """All prices of one model, in 1e-18 USD; `tokens` by rising size of the request, empty where it counts none.

    `hour` of sound counts only for calls whose tokens were not told; `search` is a reranker's unit, beside which tokens
    that have no price are free. None where it has no such price.
    `version` says which table it came from.
    """

    version: str
    tokens: tuple[TokenPrices, ...] = ()
    has_input: bool = True
    has_output: bool = True
    hour: int | None = None
    image: int | None = None
    search: int | None = None
    request: int = 0


def cost(tariff: Tariff, usage: Usage) -> int | None:
    """The cost in 1e-9 USD, halves rounded up; None where the tariff has no price for what was used."""
    into, out = usage.input_tokens, usage.output_tokens
    parts = 0
    if into or out:
        if not tariff.tokens or (into and not tariff.has_input) or (out and not tariff.has_output):
            by_search = tariff.search is not None and usage.searches
            if not by_search and (tariff.hour is None or not usage.audio_seconds):
                return None
        else:
            parts = _tokens(_step(tariff, into), usage) * _PER_TOKENS
    if usage.audio_seconds and not parts:
        if tariff.hour is not None:
            parts = round(usage.audio_seconds * 1000) * tariff.hour * _PER_MS
        elif not (into or out):
            return None
    if usage.images:
        if tariff.image is not None:
            parts += usage.images * tariff.image * _PARTS
        elif not (into or out):
            return None
    if usage.searches:
        if tariff.search is not None:
            parts += usage.searches * tariff.search * _PARTS
        elif not (into or out):
            return None
    return (2 * (parts + tariff.request * _PARTS) + _NANO) // (2 * _NANO)


def most(tariff: Tariff, usage: Usage) -> int | None:
    """The highest cost of a call that uses no more than this, of whatever kind its tokens turn out to be.

    In 1e-9 USD, rounded up; None where the tariff has no price for it.
    """
    into, out = usage.input_tokens, usage.output_tokens
    sound = round(usage.audio_seconds * 1000) * (tariff.hour or 0) * _PER_MS
    counted = bool(tariff.tokens) and (tariff.has_input or not into) and (tariff.has_output or not out)
    by_other = (usage.audio_seconds and tariff.hour is not None) or (usage.searches and tariff.search is not None)
    if (into or out) and not counted and not by_other:
        return None
    highest = 0
    for step in tariff.tokens if counted else ():
        if into > step.above or step is tariff.tokens[0]:
            dearest_in = max(step.input, step.cached, step.cache_write, step.input_audio)
            dearest_out = max(step.output, step.output_audio, step.thinking)
            highest = max(highest, into * dearest_in + out * dearest_out)
    parts = max(highest * _PER_TOKENS, sound) + usage.images * (tariff.image or 0) * _PARTS
    parts += usage.searches * (tariff.search or 0) * _PARTS
    return -(-(parts + tariff.request * _PARTS) // _NANO)


def _step(tariff: Tariff, into: int) -> TokenPrices:
    found = tariff.tokens[0]
    for step in tariff.tokens[1:]:
        if into > step.above:
            found = step
    return found


def _tokens(step: TokenPrices, usage: Usage) -> int:
    """In 1e-24 USD: the whole at its price, and for each part the difference between its price and the whole's."""
    into = usage.input_tokens
    total = 0
    if usage.cached_tokens or usage.cache_write_tokens or usage.input_audio_tokens:
        into = max(into, usage.cached_tokens + usage.cache_write_tokens + usage.input_audio_tokens)
        total += usage.cached_tokens * (step.cached - step.input)
        total += usage.cache_write_tokens * (step.cache_write - step.input)
        total += usage.input_audio_tokens * (step.input_audio - step.input)
    if usage.output_audio_tokens or usage.thinking_tokens:
        total += usage.output_audio_tokens * (step.output_audio - step.output)
        total += usage.thinking_tokens * (step.thinking - step.output)
    return total + into * step.input + usage.output_tokens * step.output


def token_prices(usd: Mapping[str, Decimal | None], above: int = 0) -> TokenPrices:
    """From US dollars a million tokens, by the names of TokenPrices."""
    into, out = usd.get("input") or Decimal(0), usd.get("output") or Decimal(0)
    whole = {"input": into, "output": out, "output_audio": out, "thinking": out}
    known = {field.name: usd.get(field.name) for field in fields(TokenPrices) if field.name != "above"}
    prices = {name: atto(whole.get(name, into) if price is None else price) for name, price in known.items()}
    return TokenPrices(**prices, above=above)


def atto(usd: Decimal) -> int:
    """US dollars in 1e-18: finer than any published price, and a whole number."""
    return int(usd.scaleb(18).to_integral_value(ROUND_HALF_UP))
