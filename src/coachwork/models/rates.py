"""Waits for a place at a model and for its requests and tokens by the minute, first come first served.

Knows who waits in this process; what several processes share is in `rate_store.py`, the arithmetic in `buckets.py`.
"""

import asyncio
import random
import time
import uuid
from collections.abc import AsyncIterator
from concurrent.futures import Future
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import structlog

from coachwork.errors import ModelTimeout
from coachwork.messages import Usage
from coachwork.models.buckets import Amount, Buckets, Rate, Turn, give_back, reserve, reserved
from coachwork.models.counting import likely
from coachwork.models.office import Call, Events, Next
from coachwork.store.database import Database

log = structlog.get_logger(__name__)

_LOOK_SECONDS = 0.1  # how often the first in line looks whether others left something
_NOTHING = Amount()
_SLICE_SECONDS = 2.0  # how long a process may keep what it took for calls to come


@dataclass
class Line:
    """The line in front of one model, of one event loop. Only its head waits for time to pass; the others for the head.

    `wanting` are who wait for a turn from the shared buckets, `visit` is on its way to get it. `spare` was taken
    there for calls to come until `spare_until`; `owed` goes back.
    """

    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    door: asyncio.Lock = field(default_factory=asyncio.Lock)
    left: asyncio.Event = field(default_factory=asyncio.Event)
    places: asyncio.Semaphore | None = None
    wanting: "list[tuple[Amount, asyncio.Future[tuple[Turn, Buckets]]]]" = field(default_factory=list)
    visit: "asyncio.Task[None] | None" = None
    spare: Amount = _NOTHING
    spare_until: float = 0.0
    owed: Amount = _NOTHING
    settling: asyncio.TimerHandle | None = None


class Lines(dict[str, Line]):
    """The lines of one event loop, by model."""

    def __missing__(self, model: str) -> Line:
        return self.setdefault(model, Line())


def in_line(call: Call, following: Next) -> Events:
    """Wait for a place at the model and for its rate; go straight on where it has no limits."""
    settings = call.asked_target.settings
    shared = settings.at_once if call.office.database is not None else None
    own = None if shared else settings.at_once or call.asked_target.provider.abilities(call.asked_target.name).at_once
    rate = Rate(settings.requests_per_minute, settings.tokens_per_minute)
    if shared is None and own is None and rate == Rate():
        return following(call)
    return _waited(call, following, own or shared, rate)


async def _waited(call: Call, following: Next, at_once: int | None, rate: Rate) -> Events:
    line = call.office.of_loop(Lines)[call.asked_target.model]
    async with _place(call, line, at_once), _turn(call, line, rate), aclosing(following(call)) as events:
        async for event in events:
            yield event


# ── Places ─────────────────────────────────────────────────────────────────────────────────────


@asynccontextmanager
async def _place(call: Call, line: Line, at_once: int | None) -> AsyncIterator[None]:
    """One of the places at the model, for the block."""
    database = call.office.database
    if at_once is None:
        yield
    elif database is None or call.asked_target.settings.at_once is None:
        line.places = line.places or asyncio.Semaphore(at_once)
        await _in_time(call, line.places.acquire(), "no place was free")
        try:
            yield
        finally:
            line.places.release()
    else:
        holder = uuid.uuid4().hex
        try:
            await _in_time(call, _shared_place(call, line, database, at_once, holder), "no place was free")
            yield
        finally:
            _leave(line, database, holder)


async def _shared_place(call: Call, line: Line, database: Database, at_once: int, holder: str) -> None:
    """Stand in the line of all processes until fewer than `at_once` are before."""
    from coachwork.models import rate_store

    model, now = call.asked_target.model, _now_ms()
    until = now + round(1000 * max(call.seconds_left, 0)) + 1000  # a dead process keeps its place until then
    before = await database.write(lambda c: rate_store.queue_up(c, model, holder, now_ms=now, until=until))
    if before < at_once:
        return
    async with line.door:
        while before >= at_once:
            line.left.clear()
            before = await database.read(lambda c: rate_store.before(c, model, holder, _now_ms()))
            if before >= at_once:
                await _either(line.left, _LOOK_SECONDS * random.uniform(0.5, 1))


def _leave(line: Line, database: Database, holder: str) -> None:
    from coachwork.models import rate_store

    loop = asyncio.get_running_loop()

    def gone(future: "Future[None]") -> None:
        _noted(future)
        if not loop.is_closed():
            loop.call_soon_threadsafe(line.left.set)

    database.write_soon(lambda connection: rate_store.leave(connection, holder)).add_done_callback(gone)


async def _either(event: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        pass  # nobody of this process left: time to look for the others


# ── Rates ──────────────────────────────────────────────────────────────────────────────────────


@asynccontextmanager
async def _turn(call: Call, line: Line, rate: Rate) -> AsyncIterator[None]:
    """Reserve by estimate, wait for the turn; after the block, put right what was really used."""
    if rate == Rate():
        yield
        return
    amount = Amount(1, reserved(rate, _likely_tokens(call)) if rate.tokens is not None else 0)
    before = len(call.used)
    if not _from_spare(line, amount):
        try:
            await _in_time(call, _wait(call, line, rate, amount), "its limits by the minute left no room")
        except BaseException:
            _give_back(call, line, rate, amount, started=False)
            raise
    try:
        yield
    finally:
        if rate.tokens is not None:
            used = sum((usage for _target, usage in call.used[before:]), Usage())
            left = Amount(0, amount.tokens - used.input_tokens - used.output_tokens)
            _give_back(call, line, rate, left, started=True)


async def _wait(call: Call, line: Line, rate: Rate, amount: Amount) -> None:
    turn, buckets = await _reserved(call, line, rate, amount)
    if turn.start(buckets) <= _now_us() and not line.turn.locked():
        return
    hopeless = turn.requests_at if not call.ahead else turn.start(buckets)  # tokens may come back, requests don't
    if hopeless - _now_us() > 1e6 * call.seconds_left:
        raise TimeoutError
    async with line.turn:
        while (left := turn.start(buckets) - _now_us()) > 0:
            await asyncio.sleep(min(left / 1e6, _LOOK_SECONDS))
            buckets = await _looked(call)


def _from_spare(line: Line, amount: Amount) -> bool:
    """Take the turn out of what this process has in hand, if nobody waits."""
    spare = line.spare
    if spare.requests < amount.requests or spare.tokens < amount.tokens:
        return False
    if line.turn.locked() or line.visit is not None or time.monotonic() > line.spare_until:
        return False
    line.spare = Amount(spare.requests - amount.requests, spare.tokens - amount.tokens)
    return True


async def _reserved(call: Call, line: Line, rate: Rate, amount: Amount) -> tuple[Turn, Buckets]:
    office, model = call.office, call.asked_target.model
    if office.database is None:
        with office.lock:
            after, turn = reserve(office.buckets.get(model, Buckets()), rate, amount, _now_us())
            office.buckets[model] = after
        return turn, after
    turn_of: asyncio.Future[tuple[Turn, Buckets]] = asyncio.get_running_loop().create_future()
    line.wanting.append((amount, turn_of))
    if line.visit is None:
        line.visit = asyncio.create_task(_visit(call, line, rate))
    return await turn_of


async def _visit(call: Call, line: Line, rate: Rate) -> None:
    """Get turns from the shared buckets for all who want one, as often as somebody does."""
    from coachwork.models import rate_store

    database, model = call.office.database, call.asked_target.model
    assert database is not None
    try:
        while line.wanting:
            wanting, line.wanting = line.wanting, []
            amounts, back, now = [amount for amount, _ in wanting], _everything_owed(line), _now_us()
            work = partial(rate_store.take, model=model, rate=rate, amounts=amounts, back=back, now=now)
            try:
                buckets, turns, spare = await database.write(work)
            except Exception as error:  # whoever waits for the turn hears of it
                for _, turn_of in wanting:
                    if not turn_of.done():
                        turn_of.set_exception(error)
                continue
            _hand_out(call, line, rate, spare)
            for (_, turn_of), turn in zip(wanting, turns, strict=True):
                if not turn_of.done():
                    turn_of.set_result((turn, buckets))
    finally:
        line.visit = None


def _hand_out(call: Call, line: Line, rate: Rate, spare: Amount) -> None:
    if spare != _NOTHING:
        line.spare = _sum(line.spare, spare)
        line.spare_until = time.monotonic() + _SLICE_SECONDS
        asyncio.get_running_loop().call_later(_SLICE_SECONDS, _spare_is_over, call, line, rate)


async def _looked(call: Call) -> Buckets:
    office, model = call.office, call.asked_target.model
    if office.database is None:
        return office.buckets.get(model, Buckets())
    from coachwork.models import rate_store

    return await office.database.read(lambda connection: rate_store.look(connection, model))


def _give_back(call: Call, line: Line, rate: Rate, amount: Amount, *, started: bool) -> None:
    """Put back what was not used: into the memory of this process, or soon into the row of all.

    What a call that started left is for the next one here; of one that did not, it may be of the future.
    """
    office, model = call.office, call.asked_target.model
    if office.database is None:
        with office.lock:
            office.buckets[model] = give_back(office.buckets.get(model, Buckets()), rate, amount)
        return
    if started and line.spare.tokens + amount.tokens >= 0 and time.monotonic() < line.spare_until:
        line.spare = _sum(line.spare, amount)
    else:
        line.owed = _sum(line.owed, amount)
        _settle_soon(call, line, rate)


def _spare_is_over(call: Call, line: Line, rate: Rate) -> None:
    if time.monotonic() < line.spare_until:
        return
    line.owed, line.spare = _sum(line.owed, line.spare), _NOTHING
    _settle_soon(call, line, rate)


def _settle_soon(call: Call, line: Line, rate: Rate) -> None:
    if line.settling is None:
        line.settling = asyncio.get_running_loop().call_later(_LOOK_SECONDS, _settle, call, line, rate)


def _settle(call: Call, line: Line, rate: Rate) -> None:
    from coachwork.models import rate_store

    line.settling = None
    database, model, back = call.office.database, call.asked_target.model, _everything_owed(line)
    if database is not None and back != _NOTHING:
        database.write_soon(lambda c: rate_store.put_back(c, model, rate, back)).add_done_callback(_noted)


def _everything_owed(line: Line) -> Amount:
    """What goes back with this visit: what is owed, and what was kept too long."""
    owed = line.owed
    if time.monotonic() > line.spare_until:
        owed, line.spare = _sum(owed, line.spare), _NOTHING
    line.owed = _NOTHING
    return owed


def _sum(one: Amount, other: Amount) -> Amount:
    return Amount(one.requests + other.requests, one.tokens + other.tokens)


def _likely_tokens(call: Call) -> int:
    """As providers reckon: the input, and all that the answer may be."""
    asked = call.asked_request
    return likely(asked, call.texts, query=call.query).input_tokens + ((asked.max_tokens or 0) if asked else 0)


# ── Time ───────────────────────────────────────────────────────────────────────────────────────


async def _in_time(call: Call, waiting: Any, why: str) -> None:
    """Wait, but not past the call's deadline. Raises ModelTimeout."""
    try:
        async with asyncio.timeout(max(call.seconds_left, 0)):
            await waiting
    except TimeoutError:
        raise ModelTimeout(
            f"{call.model!r} could not be asked within {call.seconds:g} s: {why}.",
            model=call.model,
            hint=f'Raise at_once, requests_per_minute or tokens_per_minute of [models."{call.model}"], '
            f"total_seconds of [routes.{call.route.name}], or name a second model there.",
            details={"not_the_model": True},
        ) from None


def _noted(future: "Future[Any]") -> None:
    if future.exception() is not None:
        log.error("models.rate_row_lost", error=type(future.exception()).__name__)


def _now_us() -> int:
    return time.time_ns() // 1000


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
