"""What the calls below somebody may use together: held before each is sent, booked as it ends. Agents have such purses.

Knows sums, and who waits until another call has ended; does not know who limits what, or why.
"""

import asyncio
import time
from collections.abc import Iterator, Sequence
from contextlib import aclosing, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from coachwork.errors import BudgetExceeded, UnknownPrice
from coachwork.messages import Usage
from coachwork.models.counting import at_most, likely
from coachwork.models.prices import price, worst
from coachwork.models.routes import Target
from coachwork.tracing.branches import here
from coachwork.tracing.scope import Paid, current_scope

if TYPE_CHECKING:
    from coachwork.models.office import Call, Events, Next

PATIENCE_SECONDS = 30.0  # for other calls to end, where the call itself has more time


class Most(NamedTuple):
    """What one attempt may come to: tokens by an estimate of the input, money (1e-9 USD) by the worst case."""

    tokens: int
    nano: int | None


@dataclass(eq=False)
class Purse:
    """What may be used, and what was: None for no limit. `whose` names it in a refusal.

    It begins where it is made in the run's code. What the ledger has of the steps from there on, from before a crash,
    counts at once, whether the code has come to them again or not.
    """

    whose: str
    nano: int | None = None
    tokens: int | None = None
    seconds: float | None = None

    def __post_init__(self) -> None:
        self._line = line = here()
        self._path, self._first = ("", 1) if line is None else (line.path, line.count + 1)
        paid = current_scope().paid()
        self._before = [(at, each) for place, each in paid.items() if (at := self._index(place)) is not None]
        self._nowhere = paid.get("", Paid())  # of steps that a crash cut before they were written
        self._all_before = _sum([*(each for _at, each in self._before), self._nowhere])
        self._now = Paid()
        self._held_tokens = self._held_nano = 0
        self._lost: set[int] = set()
        self._changed: list[asyncio.Future[None]] = []
        self.touched = False
        self.worked = 0.0  # seconds of something else than models, told by who has the purse

    def _index(self, place: str) -> int | None:
        """Which step of this line `place` is, or is below; None for one before the purse or elsewhere."""
        if not place or not place.startswith(self._path):
            return None
        number = place[len(self._path) :].replace("/", ".").partition(".")[0]
        return int(number) if number.isdigit() and int(number) >= self._first else None

    @property
    def used(self) -> Paid:
        """All that counts against the limits by now."""
        return _sum([self._all_before, self._now])

    @property
    def used_so_far(self) -> Paid:
        """What was used up to here in the code: what a replay has not come to yet is left out."""
        line, parts = here(), [each for _at, each in self._before]
        if line is not None and line is self._line:
            parts = [each for at, each in self._before if at <= line.count]
        return _sum([*parts, self._now, *([self._nowhere] if self.touched else [])])

    def nano_left(self) -> int:
        """1e-9 US dollars that are left; 0 without a limit, and once a price was unknown."""
        cost = self.used.cost_nano
        return 0 if self.nano is None or cost is None else self.nano - cost

    def tokens_left(self) -> int | None:
        return None if self.tokens is None else max(0, self.tokens - self.used.tokens)

    def seconds_left(self) -> float | None:
        return None if self.seconds is None else max(0.0, self.seconds - self.used.seconds - self.worked)

    def book(self, tokens: int = 0, cost_nano: int | None = 0, seconds: float = 0.0) -> None:
        self._now = _sum([self._now, Paid(tokens, cost_nano, seconds)])

    def lacks(self, most: Most) -> bool:
        """Is what this could come to more than is left beside the calls under way?"""
        return self._short(most, self._held_tokens, self._held_nano)

    def out_of_reach(self, most: Most) -> bool:
        """Is it more than is left even if those cost nothing?"""
        return self._short(most, 0, 0)

    def _short(self, most: Most, held_tokens: int, held_nano: int) -> bool:
        tokens = self.tokens is not None and self.used.tokens + held_tokens + most.tokens > self.tokens
        return tokens or (self.nano is not None and (most.nano or 0) > 0 and most.nano + held_nano > self.nano_left())  # type: ignore[operator]

    def hold(self, most: Most) -> None:
        self.touched = True
        self._held_tokens += most.tokens
        self._held_nano += most.nano or 0

    def settle(self, most: Most, came_to: Paid) -> None:
        self._held_tokens -= most.tokens
        self._held_nano -= most.nano or 0
        self.book(*came_to)
        waiting, self._changed = self._changed, []
        for each in waiting:
            if not each.done():
                each.set_result(None)

    def lose(self, step: int, most: Most) -> None:
        """A crash cut this step while a model worked for it: nobody knows what that came to, so the worst counts."""
        if step not in self._lost:
            self._lost.add(step)
            self.book(most.tokens, most.nano)

    async def change(self, seconds: float) -> None:
        """Wait until a call under way has ended. Raises TimeoutError."""
        changed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._changed.append(changed)
        async with asyncio.timeout(seconds):
            await changed

    def refusal(self, most: Most, model: str) -> BudgetExceeded:
        left, tokens = self.nano_left(), self.tokens_left()
        if tokens is not None and most.tokens > tokens - self._held_tokens:
            what = f"{self.whose} has {tokens - self._held_tokens} tokens left, and it could use {most.tokens}"
        else:
            what = f"{self.whose} has ${max(left - self._held_nano, 0) / 1e9:.6f} left, and it could cost "
            what += f"${(most.nano or 0) / 1e9:.6f}"
        return BudgetExceeded(
            f"{model!r} was not asked: {what}.",
            model=model,
            hint="Raise `usd` or `tokens` of the agent's limits, or lower max_tokens of the prompt or the route.",
            details={"scope": "agent", "name": self.whose, "left_nano": left, "needed_nano": most.nano or 0},
        )


_purses: ContextVar[tuple[Purse, ...]] = ContextVar("coachwork_purses", default=())


def purses_here() -> tuple[Purse, ...]:
    return _purses.get()


@contextmanager
def paying(*purses: Purse) -> Iterator[None]:
    """Every call of a model inside of the block is paid from these too."""
    token = _purses.set((*_purses.get(), *purses))
    try:
        yield
    finally:
        _purses.reset(token)


def paid_from_purses(call: "Call", following: "Next") -> "Events":
    """Hold what one attempt may come to in every purse above it, and book what it came to.

    Waits for calls under way to end, within the call's deadline, where it does not fit beside them. Raises
    BudgetExceeded, and UnknownPrice where money is limited and nobody knows what the model costs.
    """
    purses = purses_here()
    return _paid(call, following, purses) if purses else following(call)


async def _paid(call: "Call", following: "Next", purses: Sequence[Purse]) -> "Events":
    target, asked = call.asked_target, call.asked_request
    into = likely(asked, call.texts, call.audio, call.query)
    answer = 0 if asked is None else asked.max_tokens or 0
    bound = at_most(asked, call.texts, call.audio, query=call.query, model=target.name)
    most = Most(into.input_tokens + answer, worst(target, bound))
    await hold_in(purses, most, target.model, call.seconds_left)
    before, began = len(call.used), time.monotonic()
    try:
        async with aclosing(following(call)) as events:
            async for event in events:
                yield event
    finally:
        came_to = came(call.used[before:], call.started_ns, time.monotonic() - began)
        for purse in purses:
            purse.settle(most, came_to)


async def hold_in(purses: Sequence[Purse], most: Most, model: str, seconds: float) -> None:
    """Hold it in all of them at once, or in none. Raises BudgetExceeded and UnknownPrice."""
    _refuse_beyond(purses, most, model)
    until = time.monotonic() + max(min(seconds, PATIENCE_SECONDS), 0)
    while (short := next((each for each in purses if each.lacks(most)), None)) is not None:
        try:
            await short.change(max(until - time.monotonic(), 0))
        except TimeoutError:
            raise short.refusal(most, model) from None
        _refuse_beyond(purses, most, model)
    for purse in purses:
        purse.hold(most)


def hold_now(purses: Sequence[Purse], most: Most, model: str) -> None:
    """The same for code that can't wait."""
    _refuse_beyond(purses, most, model)
    if (short := next((each for each in purses if each.lacks(most)), None)) is not None:
        raise short.refusal(most, model)
    for purse in purses:
        purse.hold(most)


def _refuse_beyond(purses: Sequence[Purse], most: Most, model: str) -> None:
    scope = current_scope()
    if scope.cut_before and scope.step_seq is not None:
        for purse in purses:
            purse.lose(scope.step_seq, most)
    for purse in purses:
        if purse.nano is not None and (most.nano is None or purse.used.cost_nano is None):
            raise UnknownPrice(
                f"{purse.whose} may spend ${purse.nano / 1e9:g}, and the price of {model!r}, or of a model "
                "that was asked before, is unknown.",
                model=model,
                hint=f'Add to coachwork.toml: [models."{model}"] input_usd_per_million = …, output_usd_per_million = …',
            )
        if purse.out_of_reach(most):
            raise purse.refusal(most, model)


def came(used: Sequence[tuple[Target, Usage]], at_ns: int, seconds: float) -> Paid:
    costs = [price(target, usage, at_ns=at_ns).cost_nano for target, usage in used]
    cost = None if None in costs else sum(each or 0 for each in costs)
    return Paid(sum(usage.input_tokens + usage.output_tokens for _target, usage in used), cost, seconds)


def _sum(parts: Sequence[Paid]) -> Paid:
    costs = [each.cost_nano for each in parts]
    cost = None if None in costs else sum(each or 0 for each in costs)
    return Paid(sum(each.tokens for each in parts), cost, sum(each.seconds for each in parts))
