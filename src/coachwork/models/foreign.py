"""Model calls that another framework makes: held against the budgets before, priced and booked after, as ours are.

Knows models, money and the ledger; does not know frameworks. A call that we do not make we can't bound: where money
is limited, it has to say how long its answer can be, and its model needs a known price.
"""

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass

from coachwork.errors import BudgetExceeded, UnknownModel, UnknownPrice
from coachwork.messages import Usage
from coachwork.models.budget_desk import Hold
from coachwork.models.budget_windows import Window
from coachwork.models.config import ModelsConfig
from coachwork.models.ledger import CallRecord, book, charged, scope_names
from coachwork.models.office import Office
from coachwork.models.prices import worst
from coachwork.models.purses import Most, Purse, hold_in, hold_now, purses_here
from coachwork.models.routes import Target, find
from coachwork.providers.wire import Provider
from coachwork.tracing.scope import Paid, current_scope

_AROUND = 1_200  # tokens that chat formats and tool prompts add to what was counted in bytes, generously
_BYTES_A_TOKEN = 4  # of English, where the provider did not say what it used
_WAIT_SECONDS = 30.0


@dataclass
class ForeignCall:
    """A call under way. `sent` is its size in bytes, `most` the limit of its answer in tokens, None for none."""

    route: str
    model: str
    sent: int
    most: int | None
    target: Target | None
    started_ns: int
    hold: Hold | None = None
    held: Most | None = None
    purses: tuple[Purse, ...] = ()
    first_token_ns: int | None = None
    said: int = 0


@dataclass(frozen=True)
class Charge:
    """What a call came to. `cost_nano` in 1e-9 USD, None where the price is unknown."""

    usage: Usage
    cost_nano: int | None


class Foreign:
    """The books for calls of others. One a process; see `Models.foreign`."""

    def __init__(self, office: Office, config: ModelsConfig, providers: dict[str, Provider]) -> None:
        self._office = office
        self._config = config
        self._providers = providers

    async def begin(self, route: str, model: str, *, sent: int, most: int | None) -> ForeignCall:
        """Admit a call of `provider:name` and hold its worst case. Raises BudgetExceeded, UnknownPrice."""
        call, budgets = self._call(route, model, sent, most), self._office.budgets
        purses = purses_here()
        await hold_in(purses, worst_case := _most(call, purses), model, _WAIT_SECONDS)
        call.purses, call.held = purses, worst_case
        try:
            allowances = [] if budgets is None else await budgets.applying(self._office.app)
            if allowances:
                window = allowances[0].window
                target, usage = _bounded(call, f"the budget of {window.scope} {window.name!r} counts it", window)
                assert budgets is not None
                call.hold = await budgets.hold_most(allowances, target, usage, route=route, seconds=_WAIT_SECONDS)
        except BaseException:
            _pay(call, Paid())
            raise
        return call

    def begin_now(self, route: str, model: str, *, sent: int, most: int | None) -> ForeignCall:
        """The same for code that can't wait. Raises BudgetExceeded wherever a budget counts the call's price."""
        call, budgets = self._call(route, model, sent, most), self._office.budgets
        allowances = [] if budgets is None else budgets.applying_now(self._office.app)
        window = allowances[0].window if allowances else None
        if window and worst(*_bounded(call, f"the budget of {window.scope} {window.name!r} counts it", window)) != 0:
            raise BudgetExceeded(
                f"{model!r} was to be asked by code that holds up the event loop, so its budget can't be asked first.",
                model=model,
                hint="Ask the model by its async call (`ainvoke`, `await`) in async code, or make that function plain.",
            )
        purses = purses_here()
        hold_now(purses, worst_case := _most(call, purses), model)
        call.purses, call.held = purses, worst_case
        return call

    def end(self, call: ForeignCall, *, usage: Usage | None, outcome: str = "ok", finish: str = "") -> Charge:
        """Settle and book a call that is over. `usage` None where the provider did not say: it is estimated."""
        used = _estimated(call) if usage is None else usage
        usage, cost, version = used, None, ""
        if call.target is not None:
            usage, cost, version = charged([(call.target, used)], call.started_ns)
        if call.hold is not None and self._office.budgets is not None:
            self._office.budgets.settle(call.hold, call.hold.nano if cost is None else cost)
            call.hold = None
        seconds = (time.time_ns() - call.started_ns) / 1e9
        _pay(call, Paid(usage.input_tokens + usage.output_tokens, cost, seconds))
        names = scope_names(self._office.app)
        record = CallRecord(
            route=call.route,
            model=call.model,
            provider=call.model.partition(":")[0],
            kind="chat",
            started_ns=call.started_ns,
            ended_ns=time.time_ns(),
            first_token_ns=call.first_token_ns,
            usage=usage,
            cost_nano=cost,
            price_version=version,
            outcome=outcome,
            error_code="" if outcome in ("ok", "cancelled") else outcome,
            finish_reason=finish,
            attempts=1,
            run_id=names.run,
            user=names.user,
            key=names.key,
            team=names.team,
            app=names.app,
            step=current_scope().step_seq,
        )
        book(record, self._office.database, self._office.on_call)
        return Charge(usage, cost)

    def _call(self, route: str, model: str, sent: int, most: int | None) -> ForeignCall:
        try:
            target = find(model, self._config, self._providers)
        except UnknownModel:  # a provider that Coachwork does not have: its price is unknown, which is recorded
            target = None
        return ForeignCall(route, model, sent, most, target, time.time_ns())


def _most(call: ForeignCall, purses: Sequence[Purse]) -> Most:
    """What the call can come to at most, for the agents above it. Raises as `_bounded` where one limits that."""
    tokens = math.ceil(call.sent / _BYTES_A_TOKEN) + (call.most or 0)
    limiting = next((each for each in purses if each.nano is not None or each.tokens is not None), None)
    if limiting is None:
        return Most(tokens, 0)
    target, usage = _bounded(call, f"{limiting.whose} has a limit")
    return Most(tokens, worst(target, usage))


def _pay(call: ForeignCall, came_to: Paid) -> None:
    if call.held is not None:
        for purse in call.purses:
            purse.settle(call.held, came_to)
        call.held = None


def _bounded(call: ForeignCall, why: str, window: Window | None = None) -> tuple[Target, Usage]:
    """The model and the most that the call can use. Raises UnknownPrice and BudgetExceeded where there is no bound."""
    if call.target is None:
        raise UnknownPrice(
            f"The price of {call.model!r} is unknown, and {why}, so it was not asked.",
            model=call.model,
            hint=f"Add the provider and its prices to coachwork.toml:\n[providers.{call.model.partition(':')[0]}]\n"
            f'base_url = "https://…/v1"\n[models."{call.model}"]\ninput_usd_per_million = 1.00\n'
            "output_usd_per_million = 1.00",
        )
    if call.target.provider.billed and call.most is None:
        raise BudgetExceeded(
            f"{call.model!r} was to be asked without a limit of its answer, so what it costs has no bound, and {why}.",
            model=call.model,
            hint="Set max_tokens on the model in the code that is hosted.",
            details={"scope": window.scope, "name": window.name} if window else {"scope": "agent"},
        )
    return call.target, Usage(call.sent + _AROUND, call.most or 0)


def _estimated(call: ForeignCall) -> Usage:
    into, out = (math.ceil(size / _BYTES_A_TOKEN) for size in (call.sent, call.said))
    return Usage(into, out, estimated=True)
