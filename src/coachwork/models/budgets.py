"""Money that calls may cost: the worst case is held before a call is sent, and settled after. Zero overshoot.

Knows which budgets count and what a refusal says; holds are kept by `budget_desk`, rows by `budget_store`.
"""

import asyncio
import time
import uuid
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from coachwork.errors import BudgetExceeded, Finding, UnknownModel, UnknownPrice, did_you_mean
from coachwork.messages import Usage
from coachwork.models import budget_store
from coachwork.models.budget_batches import Caps, capped, caps_at_work
from coachwork.models.budget_desk import LEASE_SECONDS, Desk, Hold, Lease, Short
from coachwork.models.budget_store import Answer, Need, Wish
from coachwork.models.budget_windows import Allowance, Window, allowance, applying, end_of, start_of
from coachwork.models.config import BudgetConfig, ModelsConfig
from coachwork.models.counting import at_most
from coachwork.models.ledger import ScopeNames, scope_names
from coachwork.models.prices import known, price, worst
from coachwork.models.routes import Target, find
from coachwork.providers.wire import Provider
from coachwork.store.database import Database
from coachwork.tracing.scope import current_scope

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from coachwork.models.office import Call, Events, Next

PATIENCE_SECONDS = 30.0  # for other calls to be settled, where the call itself has more time
_REAP_SECONDS = 1.0
_DAY_MS = 86_400_000
_SHOWN = 50  # of each user, key …: so many of them


def budgeted(call: "Call", following: "Next") -> "Events":
    """Hold the worst case of one attempt on every budget it counts against, and settle what it cost.

    Stands after `routed`: `call.target` is the model, and `asked` adds to `call.used` what it used. Two
    attempts at once (a hedge) need a Call each, with a `used` of their own: `Call.beside`. The office holds
    `budgets`, None where there are none, and `app`. Waits for calls in flight to be settled, within the
    call's deadline, where the worst case does not fit. Raises BudgetExceeded, and UnknownPrice.
    """
    budgets = call.office.budgets
    return _budgeted(call, following, budgets) if budgets is not None and budgets.may_count() else following(call)


async def _budgeted(call: "Call", following: "Next", budgets: "Budgets") -> "Events":
    hold = await budgets.hold(call)
    before = len(call.used)
    try:
        async with aclosing(following(call)) as events:
            async for event in events:
                yield event
    finally:
        if hold is not None:
            budgets.settle(hold, _cost(call.used[before:], call.started_ns, hold.nano))


def _cost(used: Sequence[tuple[Target, Any]], at_ns: int, worst_case: int) -> int:
    """What an attempt cost; its worst case where what it used has no price."""
    cost = 0
    for target, usage in used:
        part = price(target, usage, at_ns=at_ns).cost_nano
        if part is None:
            return worst_case
        cost += part
    return cost


class Budgets:
    """The budgets of a project, for the calls of one process. Without a database they last as long as the process."""

    def __init__(self, budgets: Sequence[BudgetConfig], database: Database | None) -> None:
        self._budgets = tuple(budgets)
        self._database = database
        self._desks: WeakKeyDictionary[asyncio.AbstractEventLoop, Desk] = WeakKeyDictionary()
        self._applying: dict[ScopeNames, tuple[int, list[Allowance]]] = {}
        self._reaped_at = 0.0
        self._caps = None if database is None else Caps(database)

    async def hold(self, call: "Call") -> Hold | None:
        """Hold the worst case of the call on its model; None where it counts against nothing, or is free."""
        allowances = await self.applying(call.office.app)
        if not allowances:
            return None
        target = call.asked_target
        most = at_most(call.asked_request, call.texts, call.audio, query=call.query, model=target.name)
        return await self.hold_most(allowances, target, most, route=call.route.name, seconds=call.seconds_left)

    async def hold_most(
        self, allowances: Sequence[Allowance], target: Target, most: Usage, *, route: str, seconds: float
    ) -> Hold | None:
        """Hold the price of using at most `most`; waits up to `seconds` for it, 0 for not at all."""
        nano = worst(target, most)
        if nano is None:
            raise unknown_price(target, allowances[0])
        if nano == 0:
            return None
        desk = self._desk()
        hold = desk.hold(allowances, nano)
        if hold is not None:
            return hold
        try:
            return await desk.wait(allowances, nano, max(min(seconds, PATIENCE_SECONDS), 0))
        except Short as short:
            raise exceeded(short.lease, nano, target, route) from None

    def may_count(self) -> bool:
        """Whether a call now can count against anything: without budgets in the settings, that of a batch's run can."""
        return bool(self._budgets) or bool(current_scope().run_id)

    async def applying(self, app: str) -> list[Allowance]:
        """What a call now, of the application `app`, counts against."""
        names = scope_names(app)
        cap = await self._caps.of(names.run) if self._caps is not None and names.run else None
        return self._of(names) if cap is None else capped(self._of(names._replace(batch=cap.batch)), cap)

    def applying_now(self, app: str) -> list[Allowance]:
        """The same for code that can't wait."""
        names = scope_names(app)
        cap = self._caps.of_now(names.run) if self._caps is not None and names.run else None
        return self._of(names) if cap is None else capped(self._of(names._replace(batch=cap.batch)), cap)

    def settle(self, hold: Hold, cost: int) -> None:
        self._desk().settle(hold, cost)

    async def close(self) -> None:
        """Give back what this event loop leased and did not spend."""
        desk = self._desks.pop(asyncio.get_running_loop(), None)
        if desk is not None:
            await desk.close()

    async def state(self) -> "list[BudgetState]":
        """Every budget in its present window; one that is of each is followed by those who have spent of it."""
        if self._database is None:
            return [_state(budget, _window(budget, budget.name), 0, 0) for budget in self._budgets]
        return await self._database.write(self._state)

    def _state(self, connection: "Connection") -> "list[BudgetState]":
        budget_store.reap(connection, time.time_ns() // 1_000_000)
        own = {(budget.scope, budget.name, budget.per) for budget in self._budgets}
        found = []
        each = next((budget for budget in self._budgets if budget.scope == "batch" and not budget.name), None)
        for cap in caps_at_work(connection, _SHOWN):
            window = Window("batch", cap.batch, "total", 0)
            [terms] = capped([] if each is None or each.per != "total" else [allowance(each, window)], cap)
            found.append(_stands(terms, *budget_store.standing(connection, [window]).get(window, (0, 0))))
            own.add(("batch", cap.batch, "total"))
        for budget in self._budgets:
            windows = [_window(budget, budget.name)]
            if not budget.name and budget.scope != "installation":
                per, starts_at = windows[0].per, windows[0].starts_at
                names = budget_store.names_of(connection, budget.scope, per, starts_at, _SHOWN)
                windows += [_window(budget, name) for name in names if (budget.scope, name, per) not in own]
            standing = budget_store.standing(connection, windows)
            found += [_state(budget, window, *standing.get(window, (0, 0))) for window in windows]
        return found

    def _of(self, names: ScopeNames) -> list[Allowance]:
        """What these names count against now; worked out once a day and name."""
        now = time.time_ns() // 1_000_000
        kept = self._applying.get(names)
        if kept is not None and now < kept[0]:
            return kept[1]
        if len(self._applying) > 1000:  # runs come and go
            self._applying.clear()
        found = applying(self._budgets, names, now)
        self._applying[names] = (now - now % _DAY_MS + _DAY_MS, found)
        return found

    def _desk(self) -> Desk:
        loop = asyncio.get_running_loop()
        desk = self._desks.get(loop)
        if desk is None:
            holder, database = uuid.uuid4().hex, self._database

            def turn(wishes: Sequence[Wish], needs: Sequence[Need]) -> "Future[dict[Window, Answer]]":
                assert database is not None
                return database.write_soon(lambda connection: self._turn(connection, holder, wishes, needs))

            desk = self._desks[loop] = Desk(turn if database is not None else None, loop)
        return desk

    def _turn(
        self, connection: "Connection", holder: str, wishes: Sequence[Wish], needs: Sequence[Need]
    ) -> dict[Window, Answer]:
        """In the writer's thread."""
        now = time.time()
        if needs and now - self._reaped_at > _REAP_SECONDS:
            self._reaped_at = now
            budget_store.reap(connection, int(now * 1000))
        expires_at = int((now + LEASE_SECONDS) * 1000)
        return budget_store.turn(connection, holder, wishes, needs, now_ms=int(now * 1000), expires_at=expires_at)


# ── What is told ───────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class BudgetState:
    """How one budget stands, in 1e-9 USD; times in milliseconds since 1970 UTC, None for never.

    `held` is reserved: for calls in flight, and for workers to spend without asking. `name` "" is the
    budget of each, as it stands for somebody who has not spent anything.
    """

    scope: str
    name: str
    per: str
    limit_nano: int
    spent_nano: int
    held_nano: int
    left_nano: int
    warn_at_nano: int
    starts_at: int
    resets_at: int | None


def _window(budget: BudgetConfig, name: str) -> Window:
    return Window(budget.scope, name, budget.per, start_of(budget.per, time.time_ns() // 1_000_000))


def _state(budget: BudgetConfig, window: Window, spent: int, held: int) -> BudgetState:
    return _stands(allowance(budget, window), spent, held)


def _stands(terms: Allowance, spent: int, held: int) -> BudgetState:
    window = terms.window
    left = max(terms.limit - spent - held, 0)
    return BudgetState(
        window.scope,
        window.name,
        window.per,
        terms.limit,
        spent,
        held,
        left,
        terms.warn_at,
        window.starts_at,
        end_of(window.per, window.starts_at),
    )


_WHOSE = {"installation": "the whole installation", "key": "the API key"}
_PER = {"day": "a day", "week": "a week", "month": "a month", "total": "in all"}


def exceeded(lease: Lease, needed: int, target: Target, route: str) -> BudgetExceeded:
    """The refusal: whose budget, what is left of it, what the call can cost, and when it begins anew."""
    terms = lease.allowance
    window = terms.window
    left = max(terms.limit - lease.told_spent - lease.told_held - lease.spent, 0)
    whose = " ".join(filter(None, [_WHOSE.get(window.scope, f"the {window.scope}"), window.name and repr(window.name)]))
    when = "" if terms.resets_at is None else time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(terms.resets_at / 1000))
    return BudgetExceeded(
        f"The budget of {whose} has {_usd(left)} left of {_usd(terms.limit)} {_PER[window.per]}; "
        f"this call of {target.model!r} can cost up to {_usd(needed)}.",
        model=target.model,
        hint=(f"It begins anew on {when}. " if when else "") + _raised(window) + f" max_tokens of [routes.{route}].",
        details={
            "scope": window.scope,
            "name": window.name,
            "per": window.per,
            "limit_nano": terms.limit,
            "left_nano": left,
            "needed_nano": needed,
            "resets_at": terms.resets_at,
        },
    )


def _raised(window: Window) -> str:
    if window.scope == "batch":
        return f"Raise the cap: `coachwork batch resume {window.name} --cap USD`, or lower"
    name = f', name "{window.name}"' if window.name else ""
    return f'Or raise `usd` of [[budgets]] scope "{window.scope}"{name} in coachwork.toml, or lower'


def unknown_price(target: Target, terms: Allowance) -> UnknownPrice:
    return UnknownPrice(
        f"The price of {target.model!r} is unknown, and the budget of {terms.window.scope} "
        f"{terms.window.name!r} counts it, so it was not asked.",
        model=target.model,
        hint=f"Add to coachwork.toml, with its prices in US dollars:\n{price_lines(target)}",
    )


def price_lines(target: Target) -> str:
    """What to add to coachwork.toml for a model whose price nobody knows."""
    kinds = target.provider.abilities(target.name).kinds
    lines = {
        "input_usd_per_million": kinds & {"chat", "embed", "moderate"},
        "output_usd_per_million": kinds & {"chat"},
        "usd_per_minute": kinds == {"transcribe"},
        "usd_per_search": kinds == {"rerank"},
    }
    return "\n".join([f'[models."{target.model}"]', *(f"{name} = 1.00" for name, wanted in lines.items() if wanted)])


def _usd(nano: int) -> str:
    text = f"{nano / 1e9:.6f}".rstrip("0")
    whole, _, part = text.partition(".")
    return f"${whole}.{part:0<2}"


# ── What is wrong in the settings ──────────────────────────────────────────────────────────────


def budget_findings(config: ModelsConfig, app: str, providers: Mapping[str, Provider]) -> list[Finding]:
    """Budgets that can't be meant, and models that no budget lets through because their price is unknown."""
    found: list[Finding] = []
    seen: set[tuple[str, str, str]] = set()
    for budget in config.budgets:
        where = f'[[budgets]] scope = "{budget.scope}"' + (f', name = "{budget.name}"' if budget.name else "")
        key = (budget.scope, budget.name, budget.per)
        if key in seen:
            message = f"There are two budgets of {budget.scope} {budget.name!r} {_PER[budget.per]}."
            found.append(Finding("models.E005", "error", message, "Remove one of them.", where))
        seen.add(key)
        if budget.name and budget.scope in ("run", "batch", "installation"):
            message = f"A budget of scope {budget.scope!r} has no name, and this one is named {budget.name!r}."
            found.append(Finding("models.E006", "error", message, "Remove `name`.", where))
        if budget.scope == "app" and app and budget.name not in ("", app):
            message = f"The budget of the app {budget.name!r} counts nothing: this app is {app!r}."
            found.append(Finding("models.E007", "error", message, did_you_mean(budget.name, [app]), where))
        if budget.scope == "run" and budget.per != "total":
            message = f"A run's budget {_PER[budget.per]} begins anew while the run goes on."
            found.append(Finding("models.W005", "warning", message, 'Write per = "total".', where))
        if budget.usd == 0:
            message = "A budget of 0 refuses every call that costs anything."
            found.append(
                Finding("models.W006", "warning", message, "Raise `usd`, or leave it if that is meant.", where)
            )
    return found + _unpriced(config, providers)


def _unpriced(config: ModelsConfig, providers: Mapping[str, Provider]) -> list[Finding]:
    if not config.budgets:
        return []
    found = []
    for name, route in config.all_routes.items():
        for model in route.models:
            try:
                target = find(model, config, providers)
            except UnknownModel:
                continue  # said elsewhere
            if target.provider.billed and not known(target):
                message = f"{model!r} has no known price, so every call of it that a budget counts is refused."
                hint = f"Add to coachwork.toml, with its prices in US dollars:\n{price_lines(target)}"
                found.append(Finding("models.W007", "warning", message, hint, f"[routes.{name}]"))
    return found
