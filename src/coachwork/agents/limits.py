"""How much an agent may use, alone and together with others. Knows sums; asks no model.

A limit holds before the fact: a turn or a call that could go beyond is not begun.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace

from coachwork.agents.outcome import Spent


@dataclass(frozen=True)
class Limits:
    """The most an agent may use; None for no limit of that kind.

    `turns` are calls of a model, re-asks of a refused answer not counted. `tokens` counts input and output: the answer
    is bounded by what is left, the input by an estimate. `usd` bounds models by their worst case, so a model without a
    known price is refused. `seconds` are of models and tools at work. `same_call` is how often one tool may be called
    with the same arguments.
    """

    turns: int | None = 16
    tool_calls: int | None = 32
    tokens: int | None = None
    usd: float | None = None
    seconds: float | None = 600.0
    same_call: int = 2


_UNLIMITED = Limits(turns=None, tool_calls=None, seconds=None)


@dataclass
class Account:
    """What was spent under some limits so far. `whose` names them in the reason."""

    limits: Limits
    whose: str
    spent: Spent = field(default_factory=Spent)
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)  # held over a turn where tokens or money are limited

    def book(
        self, *, turns: int = 0, tool_calls: int = 0, tokens: int = 0, cost_nano: int | None = 0, seconds: float = 0.0
    ) -> None:
        spent = self.spent
        known = None if spent.cost_nano is None or cost_nano is None else spent.cost_nano + cost_nano
        self.spent = Spent(
            turns=spent.turns + turns,
            tool_calls=spent.tool_calls + tool_calls,
            tokens=spent.tokens + tokens,
            cost_nano=known,
            seconds=round(spent.seconds + seconds, 3),
        )

    def against_a_turn(self) -> str:
        """Why no further turn may begin, "" where one may."""
        limits, spent = self.limits, self.spent
        if limits.turns is not None and spent.turns >= limits.turns:
            return f"{self.whose} may ask a model {limits.turns} times, and did"
        if limits.tokens is not None and spent.tokens >= limits.tokens:
            return f"{self.whose} may use {limits.tokens} tokens, and used {spent.tokens}"
        if limits.usd is not None and self.nano_left() <= 0:
            return f"{self.whose} may spend ${limits.usd}, and that is spent"
        return self._against_time()

    def against_a_call(self) -> str:
        """Why no further tool may be called, "" where one may."""
        limits = self.limits
        if limits.tool_calls is not None and self.spent.tool_calls >= limits.tool_calls:
            return f"{self.whose} may call tools {limits.tool_calls} times, and did"
        return self._against_time()

    def nano_left(self) -> int:
        """1e-9 US dollars that are left; 0 once a price was unknown."""
        if self.limits.usd is None or self.spent.cost_nano is None:
            return 0
        return round(self.limits.usd * 1e9) - self.spent.cost_nano

    def seconds_left(self) -> float | None:
        return None if self.limits.seconds is None else max(0.0, self.limits.seconds - self.spent.seconds)

    def tokens_left(self) -> int | None:
        return None if self.limits.tokens is None else max(0, self.limits.tokens - self.spent.tokens)

    def _against_time(self) -> str:
        left = self.seconds_left()
        return f"{self.whose} may work for {self.limits.seconds} s, and did" if left is not None and left <= 0 else ""


class Below(Account):
    """The account of an agent as one below it sees it: it spends from there all but turns and calls."""

    def __init__(self, above: Account) -> None:
        self.limits = replace(above.limits, turns=None, tool_calls=None)
        self.whose, self.lock, self._above = above.whose, above.lock, above

    @property
    def spent(self) -> Spent:
        return self._above.spent

    @spent.setter
    def spent(self, spent: Spent) -> None:
        raise AttributeError("it is booked, never set")

    def book(
        self, *, turns: int = 0, tool_calls: int = 0, tokens: int = 0, cost_nano: int | None = 0, seconds: float = 0.0
    ) -> None:
        self._above.book(tokens=tokens, cost_nano=cost_nano, seconds=seconds)


_shared: ContextVar[tuple[Account, ...]] = ContextVar("coachwork_agent_limits", default=())


@contextmanager
def together(limits: Limits, whose: str = "these agents together") -> Iterator[Account]:
    """Limits over every agent that works inside of the block, beside their own.

    with together(Limits(usd=0.50, turns=40)): …
    """
    account = Account(limits, whose)
    token = _shared.set((*_shared.get(), account))
    try:
        yield account
    finally:
        _shared.reset(token)


@contextmanager
def below(account: Account) -> Iterator[Account]:
    """What agents inside of the block spend counts for `account` too; gives what they spent."""
    inside = Account(_UNLIMITED, "inside")
    token = _shared.set((*_shared.get(), Below(account), inside))
    try:
        yield inside
    finally:
        _shared.reset(token)


def shared_accounts() -> tuple[Account, ...]:
    return _shared.get()
