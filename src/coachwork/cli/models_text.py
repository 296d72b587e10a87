"""Routes, models, checks and budgets as lines for a terminal. Knows words and columns; asks nothing."""

import textwrap
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from coachwork.cli import output

if TYPE_CHECKING:
    from rich.console import Console

    from coachwork.models import ModelCheck, ModelInfo, RouteInfo
    from coachwork.models.config import BudgetConfig

_WIDEST_NAME = 32
_DAY, _HOUR = 86_400, 3_600


# ── Routes ─────────────────────────────────────────────────────────────────────────────────────


def print_routes(console: "Console", routes: "Sequence[RouteInfo]") -> None:
    widest = max((len(model.model) for route in routes for model in route.models), default=0)
    for route in routes:
        console.print(f"{route.name}" + ("" if route.declared else "  (as shipped)"), style="bold")
        for model in route.models:
            _print_model(console, model, model.model == route.first, min(widest, _WIDEST_NAME))
        _lines(console, route_limits(route), 2, style="dim")
    _lines(
        console, "→ is asked first; the others of a route follow where it fails. Prices are for a million tokens.", 0
    )


def _print_model(console: "Console", model: "ModelInfo", first: bool, widest: int) -> None:
    mark, style = ("→", "green") if first else ("·", "") if model.usable else ("✗", "dim")
    console.print(f"  {mark} {model.model:<{widest}}  {price(model)}".rstrip(), style=style)
    facts = [*model_limits(model), *filter(None, (output.size(model.size), model.licence))]
    if facts:
        _lines(console, ", ".join(facts), 6, style="dim")
    if model.place:
        console.print(f"      {model.place}", style="dim")
    if not model.usable:
        _lines(console, model.problem, 6)
        _lines(console, f"→ {model.hint}", 6)


def price(model: "ModelInfo") -> str:
    """What a model costs: a million tokens in and out, a minute of sound, an image; `free`, or `price unknown`."""
    if model.free:
        return "free"
    parts = [
        f"{usd(nano)} {unit}"
        for nano, unit in (
            (model.input_nano_per_million, "in"),
            (model.output_nano_per_million, "out"),
            (model.minute_nano, "a minute"),
            (model.image_nano or None, "an image"),
            (model.search_nano or None, "a search"),
        )
        if nano is not None
    ]
    return ", ".join(parts) or "price unknown"


def model_limits(model: "ModelInfo") -> list[str]:
    limits = ((model.at_once, "at once"), (model.requests_per_minute, "rpm"), (model.tokens_per_minute, "tpm"))
    return [f"{limit:,} {unit}" for limit, unit in limits if limit is not None]


def route_limits(route: "RouteInfo") -> str:
    """The limits of one call on a route."""
    chat = any("chat" in model.kinds for model in route.models)
    parts = [f"first token in {seconds(route.first_token_seconds)}"] if chat else []
    parts.append(f"all in {seconds(route.total_seconds)}")
    parts += [f"{route.max_tokens:,} tokens"] if chat else []
    parts.append(f"{route.retries} retr{'y' if route.retries == 1 else 'ies'}")
    if route.hedge_seconds is not None:
        parts.append(f"hedged after {seconds(route.hedge_seconds)}")
    if route.cache != "off":
        parts.append(f"{route.cache} cache for {seconds(route.cache_seconds)}")
    return "each call: " + ", ".join(parts)


# ── Budgets ────────────────────────────────────────────────────────────────────────────────────


def print_budgets(console: "Console", budgets: "Sequence[BudgetConfig]") -> None:
    """What the settings allow; what is spent of it is on the page, at /models."""
    if not budgets:
        return
    console.print("Budgets", style="bold")
    for budget in budgets:
        whose = budget.name or ("everything" if budget.scope == "installation" else f"each {budget.scope}")
        per = "in all" if budget.per == "total" else f"a {budget.per}"
        of = f" ({budget.scope})" if budget.name else ""
        console.print(f"  {whose}{of}: ${budget.usd:,.2f} {per}, warns at {budget.warn_at:.0%}")


# ── Checks ─────────────────────────────────────────────────────────────────────────────────────


def print_checks(
    console: "Console",
    checks: "Sequence[ModelCheck]",
    known: "Mapping[str, ModelInfo]",
    unserved: "Sequence[RouteInfo]",
) -> None:
    """A table of how each model did; below it what went wrong, and the routes that nobody answers."""
    from rich.table import Table

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for head in ("", "Model", "Work"):
        table.add_column(head, no_wrap=head != "Model", overflow="fold")
    for head in ("Time", "First", "Cost"):
        table.add_column(head, justify="right", no_wrap=True)
    table.add_column("Can", overflow="fold")
    for check in checks:
        first = "" if check.first_token_seconds is None else output.duration(check.first_token_seconds)
        cost = output.money(None if check.cost_nano is None else check.cost_nano / 1e9) if check.ok else ""
        can = _can(known[check.model]) if check.kind == "chat" and check.ok else ""
        mark, style = ("✓", "") if check.ok else ("✗", "red")
        table.add_row(
            mark, check.model, check.kind, output.duration(check.seconds), first, cost, can, style=style or None
        )
    console.print(table)
    for check in checks:
        if check.problem:
            _lines(console, f"✗ {check.model} {check.kind}: {check.problem}", 0)
            if check.hint:
                _lines(console, f"→ {check.hint}", 4)
    for route in unserved:
        _lines(console, f"✗ No model of the route {route.name!r} can be asked: coachwork models list says why.", 0)


def abilities(model: "ModelInfo") -> dict[str, bool | str]:
    """What a chat model can do, as data: it was not tried."""
    return {
        "stream": model.streams,
        "tools": model.tools,
        "schema": model.schema,
        "vision": any(kind.startswith("image/") for kind in model.media),
        "pdf": "application/pdf" in model.media,
        "audio": any(kind.startswith("audio/") for kind in model.media),
        "thinking": model.thinking,
    }


def _can(model: "ModelInfo") -> str:
    """The abilities in a row of words; what is done only in a roundabout way says how."""
    ways = {"schema": {"native": "schema", "tool": "schema by tool", "prompted": "schema by asking"}}
    ways["tools"] = {"native": "tools", "schema": "tools by schema"}
    found = abilities(model)
    return ", ".join(ways[name][str(how)] if name in ways else name for name, how in found.items() if how)


# ── Numbers and lines ──────────────────────────────────────────────────────────────────────────


def usd(nano: int) -> str:
    """Dollars with two digits, or as many more as the amount has."""
    text = f"{nano / 1e9:.9f}".rstrip("0")
    whole, _, part = text.partition(".")
    return f"${int(whole):,}.{part:0<2}"


def seconds(number: float) -> str:
    """A limit as it was set: 8 s, 3 min, 1 day."""
    for size, unit in ((_DAY, "day"), (_HOUR, "h"), (60, "min")):
        if number >= size and number % size == 0:
            count = int(number // size)
            return f"{count} {unit}{'s' if unit == 'day' and count > 1 else ''}"
    return f"{number:g} s"


def _lines(console: "Console", text: str, indent: int, style: str = "") -> None:
    """A text in lines that fit the terminal, all of them indented."""
    before = " " * indent
    for line in textwrap.wrap(
        text, max(console.width, 40), initial_indent=before, subsequent_indent=before, break_long_words=False
    ):
        console.print(line, style=style)
