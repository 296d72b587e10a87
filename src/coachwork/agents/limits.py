"""How much an agent may use, alone and together with others. Knows sums; asks no model.

A limit holds before the fact: a turn or a call that could go beyond is not begun.
"""

import asyncio
import math
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace

from coachwork.agents.outcome import Spent
from coachwork.errors import ProjectError


@dataclass(frozen=True)
class Limits:
    """The most an agent may use; None for no limit of that kind.

    `turns` are calls of a model, re-asks of a refused answer not counted. `tokens` counts input and output: the answer
    is bounded by what is left, the input by an estimate. `usd` bounds models by their worst case, so a model without a
    known price is refused. `seconds` are of models and tools at work. `same_call` is how often one tool may be called
    with the same arguments. Raises ProjectError for what is no number from 0 on.
    """

    turns: int | None = 16
    tool_calls: int | None = 32
    tokens: int | None = None
    usd: float | None = None
    seconds: float | None = 600.0
    same_call: int = 2

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if value is not None and not (value >= 0 and math.isfinite(value)):
                raise ProjectError(
                    f"Limits({name}={value!r}) can't be meant",
                    hint=f"Give a number from 0 on{'' if name == 'same_call' else ', or None for no limit'}.",
                )


_UNLIMITED = Limits(turns=None, tool_calls=None, seconds=None)


class Account:
    """What was spent under some limits so far. `whose` names them in the reason.

    Turns and calls are counted here, as the code comes to them; money, tokens and the time of models by its purse, from
    which every call of a model below is paid.
    """

    def __init__(self, limits: Limits, whose: str) -> None:
        self.limits = limits
        self.whose = whose
        nano = None if limits.usd is None else round(limits.usd * 1e9)
        from coachwork.models.purses import Purse  # here and below: an application's own names load no models

        self.purse = Purse(whose, nano, limits.tokens, limits.seconds)
        self.counted = Spent()  # `seconds` are those of tools
        self.lock = asyncio.Lock()  # held over a turn where tokens or money are limited

    @property
    def spent(self) -> Spent:
        """What was spent up to here in the code."""
        counted, paid = self.counted, self.purse.used_so_far
        return counted.model_copy(
            update={
                "tokens": paid.tokens,
                "cost_nano": paid.cost_nano,
                "seconds": round(counted.seconds + paid.seconds, 3),
            }
        )

    def book(self, *, turns: int = 0, tool_calls: int = 0, seconds: float = 0.0) -> None:
        counted = self.counted
        self.counted = Spent(
            turns=counted.turns + turns,
            tool_calls=counted.tool_calls + tool_calls,
            seconds=round(counted.seconds + seconds, 3),
        )
        self.purse.worked += seconds

    def against_another_turn(self) -> str:
        """Why there are turns enough, "" where one more may begin."""
        limits = self.limits
        if limits.turns is not None and self.counted.turns >= limits.turns:
            return f"{self.whose} may ask a model {limits.turns} times, and did"
        return ""

    def against_another_call(self) -> str:
        """Why tools were called often enough, "" where one more may be."""
        limits = self.limits
        if limits.tool_calls is not None and self.counted.tool_calls >= limits.tool_calls:
            return f"{self.whose} may call tools {limits.tool_calls} times, and did"
        return ""

    def against_spending(self) -> str:
        """Why no model may be asked, "" where one may."""
        limits = self.limits
        if limits.tokens is not None and self.tokens_left() == 0:
            return f"{self.whose} may use {limits.tokens} tokens, and used {self.purse.used.tokens}"
        if limits.usd is not None and self.nano_left() <= 0:
            return f"{self.whose} may spend ${limits.usd}, and that is spent"
        return self.against_time()

    def against_time(self) -> str:
        """Why no more work may begin, "" where it may."""
        left = self.seconds_left()
        return f"{self.whose} may work for {self.limits.seconds} s, and did" if left is not None and left <= 0 else ""

    def nano_left(self) -> int:
        """1e-9 US dollars that are left; 0 once a price was unknown."""
        return self.purse.nano_left()

    def seconds_left(self) -> float | None:
        return self.purse.seconds_left()

    def tokens_left(self) -> int | None:
        return self.purse.tokens_left()


class Below(Account):
    """The account of an agent as one below it sees it: it spends from there all but turns and calls."""

    def __init__(self, above: Account) -> None:
        self.limits = replace(above.limits, turns=None, tool_calls=None)
        self.whose, self.lock, self.purse, self._above = above.whose, above.lock, above.purse, above
        self.counted = Spent()

    def book(self, *, turns: int = 0, tool_calls: int = 0, seconds: float = 0.0) -> None:
        self._above.book(seconds=seconds)


_shared: ContextVar[tuple[Account, ...]] = ContextVar("coachwork_agent_limits", default=())


@contextmanager
def together(limits: Limits, whose: str = "these agents together") -> Iterator[Account]:
    """Limits over every agent that works inside of the block, beside their own.

    with together(Limits(usd=0.50, turns=40)): …
    """
    from coachwork.models.purses import paying

    account = Account(limits, whose)
    token = _shared.set((*_shared.get(), account))
    try:
        with paying(account.purse):
            yield account
    finally:
        _shared.reset(token)


@contextmanager
def below(account: Account) -> Iterator[Account]:
    """What agents and models inside of the block spend counts for `account` too; gives what they spent."""
    from coachwork.models.purses import paying

    inside = Account(_UNLIMITED, "inside")
    token = _shared.set((*_shared.get(), Below(account), inside))
    try:
        with paying(account.purse, inside.purse):
            yield inside
    finally:
        _shared.reset(token)


def shared_accounts() -> tuple[Account, ...]:
    return _shared.get()
