"""The most that one call may cost, as whoever asks has said. Knows nothing of budgets, which are over many calls."""

from coachwork.errors import BudgetExceeded, UnknownPrice
from coachwork.models.counting import at_most
from coachwork.models.office import Call, Events, Next
from coachwork.models.prices import price, worst


def within(call: Call, following: Next) -> Events:
    """Refuse an attempt, before it is sent, whose worst case and what the call has used come to more than its limit.

    Raises BudgetExceeded, and UnknownPrice where nobody knows what the model costs: a cheaper model of the
    route may be asked.
    """
    asked = call.asked_request
    if asked is None or asked.max_cost_nano is None:
        return following(call)
    target, limit = call.asked_target, asked.max_cost_nano
    needed = worst(target, at_most(asked, model=target.name))
    spent = [price(used, usage, at_ns=call.started_ns).cost_nano for used, usage in call.used]
    if needed is None or None in spent:
        raise UnknownPrice(
            f"The call may cost {_usd(limit)} at most, and the price of {target.model!r} is unknown.",
            model=target.model,
            hint=f'Add to coachwork.toml: [models."{target.model}"] input_usd_per_million = …, '
            "output_usd_per_million = …",
        )
    already = sum(each or 0 for each in spent)
    if needed + already > limit:
        before = f" after {_usd(already)} for earlier attempts" if already else ""
        raise BudgetExceeded(
            f"{target.model!r} could cost {_usd(needed)}{before}, and this call may cost {_usd(limit)} at most.",
            model=target.model,
            hint="Shorten the input, lower max_tokens, raise max_cost, or add a cheaper model to the route.",
            details={"scope": "call", "limit_nano": limit, "left_nano": limit - already, "needed_nano": needed},
        )
    return following(call)


def _usd(nano: int) -> str:
    return f"${nano / 1e9:.6f}".rstrip("0").rstrip(".")
