"""The money one worker may spend without asking, and the calls that wait for some. Knows holds; no SQL, no prices.

A call holds its worst case before it is sent and settles what it cost after; both happen here, in memory.
Only when the worker's leases are used up, or lie idle, is the database asked: for all waiting calls at once.
One desk belongs to one event loop.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass

import structlog

from coachwork.models.budget_store import Answer, LeaseLost, Need, Wish
from coachwork.models.budget_windows import Allowance, Window

log = structlog.get_logger(__name__)

LEASE_SECONDS = 60.0  # a worker that says nothing for so long is taken for dead
_RENEW_SECONDS = LEASE_SECONDS / 3
_TELL_SECONDS = 0.25  # how late the database learns what was spent; how long money may lie idle
_ASK_AGAIN = (0.01, 0.2)  # seconds between questions while calls wait for other workers' money
_LAST_WORDS = 5  # turns: what was under way, what was spent, and some for a database that hesitates
_SPARE_SHARE = 200  # a worker takes at most a 200th of a budget more than its calls need

Turn = Callable[[Sequence[Wish], Sequence[Need]], "Future[dict[Window, Answer]]"]


@dataclass(eq=False)
class Lease:
    """This worker's part of one budget. `amount` is what it may spend, `booked` what the database says of that.

    `told_spent` and `told_held` are how the whole budget stood when last asked. In 1e-9 USD.
    """

    allowance: Allowance
    amount: int = 0
    booked: int = 0
    in_flight: int = 0
    spent: int = 0
    told_spent: int = 0
    told_held: int = 0
    waiting: int = 0
    used_at: float = 0.0
    renewed_at: float = 0.0
    lost: bool = False

    @property
    def free(self) -> int:
        return self.amount - self.in_flight - self.spent

    @property
    def scarce(self) -> bool:
        """Little is left for the other workers: nothing may lie idle here."""
        return (self.allowance.limit - self.told_spent - self.told_held) * 20 < self.allowance.limit

    def out_of_reach(self, nano: int) -> bool:
        """Whether no settlement of anybody's can ever make this fit."""
        return self.told_spent + self.spent + nano > self.allowance.limit


@dataclass(eq=False, slots=True)
class Hold:
    """The worst case of one attempt, held on every budget it counts against."""

    leases: tuple[Lease, ...]
    nano: int


@dataclass(eq=False, slots=True)
class _Waiter:
    leases: tuple[Lease, ...]
    nano: int
    held: "asyncio.Future[Hold]"


class Short(Exception):
    """The hold does not fit the allowance of `lease`: never, or not in the time there was."""

    def __init__(self, lease: Lease) -> None:
        super().__init__(lease.allowance.window)
        self.lease = lease


class Desk:
    """Holds and settles for the calls of one event loop. `turn` asks the database, None where there is none."""

    def __init__(self, turn: Turn | None, loop: asyncio.AbstractEventLoop) -> None:
        self._ask = turn
        self._loop = loop
        self._leases: dict[Window, Lease] = {}
        self._waiters: list[_Waiter] = []
        self._asking = False
        self._again = False
        self._pause = _ASK_AGAIN[0]
        self._timer: asyncio.TimerHandle | None = None
        self._warned: set[Window] = set()
        self._heard: asyncio.Future[None] | None = None

    # ── Before and after an attempt ──

    def hold(self, allowances: Sequence[Allowance], nano: int) -> Hold | None:
        """Hold the amount on all of them at once; None where one has not enough here, or others wait for it."""
        leases = tuple(self._lease(allowance) for allowance in allowances)
        for lease in leases:
            if lease.waiting or lease.amount - lease.in_flight - lease.spent < nano:
                return None
        return self._held(leases, nano)

    async def wait(self, allowances: Sequence[Allowance], nano: int, seconds: float) -> Hold:
        """Hold as soon as it fits, first come first served. Raises Short where it never will, or not in that time."""
        leases = tuple(self._lease(allowance) for allowance in allowances)
        for lease in leases:
            if lease.out_of_reach(nano):
                raise Short(lease)
        waiter = _Waiter(leases, nano, self._loop.create_future())
        self._waiters.append(waiter)
        for lease in leases:
            lease.waiting += 1
        self._turn()
        hold = None
        try:
            async with asyncio.timeout(seconds):
                hold = await waiter.held
                return hold
        except TimeoutError:
            raise Short(max(waiter.leases, key=lambda lease: nano - lease.free)) from None
        finally:
            self._leave(waiter)
            if hold is None and waiter.held.done() and not waiter.held.cancelled() and not waiter.held.exception():
                self.settle(waiter.held.result(), 0)  # given in the same moment as it gave up

    def settle(self, hold: Hold, cost: int) -> None:
        """What the attempt cost; the rest of its hold is free again at once."""
        now = self._loop.time()
        pressing = False
        for lease in hold.leases:
            lease.in_flight -= hold.nano
            lease.spent += cost
            lease.used_at = now
            pressing = pressing or lease.waiting > 0 or (lease.scarce and self._ask is not None)
        if not pressing:
            self._tick_later(_TELL_SECONDS)
            return
        self._serve()
        self._turn()

    async def close(self) -> None:
        """Tell what was spent and give back what is free. Holds in flight stay held; a database that fails is left."""
        for _ in range(_LAST_WORDS):
            self._turn(closing=True)
            if not self._asking:
                break
            self._heard = self._loop.create_future()
            await self._heard
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    # ── Within ──

    def _lease(self, allowance: Allowance) -> Lease:
        lease = self._leases.get(allowance.window)
        if lease is None or lease.lost:
            amount = allowance.limit if self._ask is None else 0  # alone, all of it is ours
            lease = self._leases[allowance.window] = Lease(allowance, amount)
        elif lease.allowance.limit != allowance.limit:  # a batch's cap was changed
            lease.allowance = allowance
        return lease

    def _held(self, leases: tuple[Lease, ...], nano: int) -> Hold:
        for lease in leases:
            lease.in_flight += nano
        return Hold(leases, nano)

    def _leave(self, waiter: _Waiter) -> None:
        if waiter in self._waiters:
            self._waiters.remove(waiter)
            for lease in waiter.leases:
                lease.waiting -= 1

    def _serve(self) -> None:
        """Give what is free to those who wait: in their order for each budget, past those who wait for another one."""
        short: set[Lease] = set()
        left = []
        for waiter in self._waiters:
            lacking = [lease for lease in waiter.leases if lease in short or lease.free < waiter.nano]
            beyond = next((lease for lease in lacking if lease.out_of_reach(waiter.nano)), None)
            if waiter.held.done():
                pass  # it gave up, and leaves by itself
            elif beyond is not None:
                waiter.held.set_exception(Short(beyond))
            elif not lacking:
                waiter.held.set_result(self._held(waiter.leases, waiter.nano))
            else:
                short.update(lacking)
                left.append(waiter)
                continue
            for lease in waiter.leases:
                lease.waiting -= 1
        self._waiters = left

    def _tick_later(self, seconds: float) -> None:
        if self._timer is None:
            self._timer = self._loop.call_later(seconds, self._tick)
        elif self._timer.when() > self._loop.time() + seconds:
            self._timer.cancel()
            self._timer = self._loop.call_later(seconds, self._tick)

    def _tick(self) -> None:
        self._timer = None
        self._turn(idle=True)

    def _turn(self, *, idle: bool = False, closing: bool = False) -> None:
        """Ask the database for everybody who waits, and tell it what is news. One question at a time."""
        if self._ask is None:
            self._serve()
            self._warn_alone()
            return
        if self._asking:
            self._again = True
            return
        now = self._loop.time()
        wishes, asked = [], []
        for lease in list(self._leases.values()):
            wish = self._wish(lease, now, idle or closing, closing)
            if wish is not None:
                wishes.append(wish)
                asked.append(lease)
        if not wishes:
            self._after()
            return
        self._asking = True
        needs = [Need(tuple(lease.allowance.window for lease in w.leases), w.nano) for w in self._waiters]
        answer = self._ask(wishes, needs)
        answer.add_done_callback(lambda done: self._call_back(done, wishes, asked))

    def _wish(self, lease: Lease, now: float, idle: bool, closing: bool) -> Wish | None:
        """What to tell and ask of one budget, None where there is nothing. What is told is no longer free here."""
        if lease.lost:
            self._leases.pop(lease.allowance.window, None)
            return None
        lies_idle = closing or (idle and now - lease.used_at >= _TELL_SECONDS)
        back = max(lease.free, 0) if lease.waiting or lies_idle or lease.scarce else 0
        renew = lease.booked > 0 and now - lease.renewed_at > _RENEW_SECONDS
        if not (lease.waiting or renew or (back > 0 and lease.booked) or (lease.spent and (idle or lease.scarce))):
            if not (lease.booked or lease.spent or lease.in_flight or lease.waiting) and lies_idle:
                del self._leases[lease.allowance.window]
            return None
        spare = lease.allowance.limit // _SPARE_SHARE if lease.waiting else 0
        wish = Wish(lease.allowance, lease.booked, lease.spent, back, spare)
        lease.amount -= wish.spent + wish.back
        lease.spent = 0
        return wish

    def _call_back(self, done: "Future[dict[Window, Answer]]", wishes: list[Wish], asked: list[Lease]) -> None:
        """In the writer's thread."""
        try:
            self._loop.call_soon_threadsafe(self._answered, done, wishes, asked)
        except RuntimeError:  # the loop is closed: nobody waits any more
            log.debug("models.budget_answer_after_end")

    def _answered(self, done: "Future[dict[Window, Answer]]", wishes: list[Wish], asked: list[Lease]) -> None:
        self._asking = False
        failure = done.exception()
        now = self._loop.time()
        if failure is not None:
            self._undo(failure, wishes, asked)
        else:
            for lease in asked:
                answer = done.result()[lease.allowance.window]
                lease.amount = lease.booked = answer.leased
                lease.renewed_at = now
                lease.told_spent, lease.told_held = answer.spent, answer.held
                if answer.granted:
                    self._pause = _ASK_AGAIN[0]
                    lease.used_at = now
                if answer.warn:
                    warn(lease.allowance, answer.spent)
        self._serve()
        self._after()
        if self._heard is not None and not self._heard.done():
            self._heard.set_result(None)

    def _undo(self, failure: BaseException, wishes: list[Wish], asked: list[Lease]) -> None:
        """Nothing of the question was done: take back what it told.

        A lease that ran out is forgotten: it was paid in full. Where the database failed, so do those who wait.
        """
        for wish, lease in zip(wishes, asked, strict=True):
            lease.amount += wish.spent + wish.back
            lease.spent += wish.spent
            if isinstance(failure, LeaseLost) and failure.window == lease.allowance.window:
                self._replace(lease)
        if isinstance(failure, LeaseLost):
            self._again = True
            return
        log.error("models.budget_not_written", error=type(failure).__name__, waiting=len(self._waiters))
        for waiter in self._waiters:
            if not waiter.held.done():
                waiter.held.set_exception(failure)

    def _replace(self, lost: Lease) -> None:
        log.warning("models.budget_lease_lost", **lost.allowance.window._asdict(), amount_nano=lost.amount)
        lost.lost = True
        fresh = self._lease(lost.allowance)
        for waiter in self._waiters:
            waiter.leases = tuple(fresh if lease is lost else lease for lease in waiter.leases)
        fresh.waiting, lost.waiting = lost.waiting, 0

    def _after(self) -> None:
        """What comes next: another question at once, after a pause while calls wait, or the news later."""
        if self._again:
            self._again = False
            if self._waiters or any(
                lease.scarce and (lease.spent or lease.free > 0) for lease in self._leases.values()
            ):
                self._tick_later(0)
                return
        if self._waiters:
            self._tick_later(self._pause)
            self._pause = min(self._pause * 1.5, _ASK_AGAIN[1])
        elif self._leases:
            self._tick_later(_TELL_SECONDS)

    def _warn_alone(self) -> None:
        for lease in self._leases.values():
            if lease.spent >= lease.allowance.warn_at and lease.allowance.window not in self._warned:
                self._warned.add(lease.allowance.window)
                warn(lease.allowance, lease.spent)


def warn(allowance: Allowance, spent: int) -> None:
    """Say once that a soft limit is passed."""
    window = allowance.window
    log.warning(
        "models.budget_nearly_spent",
        scope=window.scope,
        name=window.name,
        per=window.per,
        spent_usd=spent / 1e9,
        limit_usd=allowance.limit / 1e9,
        resets_at=time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(allowance.resets_at / 1000))
        if allowance.resets_at
        else None,
    )
