"""A model call from the question to its last event. The whole way stands in one list: CHAIN, outermost first.

Each link is an async generator that takes the call and the links after it. Limits, budgets and caches
are links too: they are added by writing them into the list.
"""

import asyncio
import random
import time
from collections.abc import Sequence
from contextlib import aclosing

from coachwork.errors import (
    CoachworkError,
    ContentFiltered,
    ModelError,
    ModelTimeout,
    NotInstalled,
    ProviderFault,
    Rejected,
    RouteExhausted,
    StreamCut,
)
from coachwork.messages import (
    Attempt,
    Finished,
    FinishReason,
    ModelRequest,
    Reply,
    Restarted,
    TextDelta,
    ThinkingDelta,
    Usage,
)
from coachwork.models.fallback import Again, GiveUp, after
from coachwork.models.ledger import CallRecord, book, scope_names
from coachwork.models.office import Call, Events, Link, Next
from coachwork.models.prices import price
from coachwork.models.routes import Target
from coachwork.providers.wire import End, Meter

# ── The links, in the order of the list at the end ─────────────────────────────────────────────


async def settled(call: Call, following: Next) -> Events:
    """Price the call and book it once, however it ends; make the whole answer of its end."""
    booked = False
    text: list[str] = []
    thinking: list[str] = []

    def settle(outcome: str, finish: FinishReason | None = None) -> int | None:
        nonlocal booked
        already, booked = booked, True
        return None if already else _booked(call, outcome, finish)

    end = None
    try:
        async with aclosing(following(call)) as events:
            async for event in events:
                if isinstance(event, End):
                    end = event
                    break
                if isinstance(event, Restarted):
                    call.first_token = None
                    text.clear()
                    thinking.clear()
                elif isinstance(event, TextDelta | ThinkingDelta):
                    call.first_token = call.first_token or time.monotonic()
                    (text if isinstance(event, TextDelta) else thinking).append(event.text)
                yield event
        assert end is not None  # `whole` lets nothing else end
        cost = settle("ok", end.finish_reason)  # by now the place at the model is free again
        yield Finished(_reply(call, end, cost, "".join(text), "".join(thinking)))
    except CoachworkError as error:
        settle(error.code)
        raise
    except Exception:  # a bug of ours or a provider's: booked as what it is, and let through
        settle("error")
        raise
    finally:
        if not booked:
            settle("cancelled")


async def checked(call: Call, following: Next) -> Events:
    """Refuse, before anything is sent, what no model can be asked."""
    if call.request is not None:
        _check(call.request)
    async with aclosing(following(call)) as events:
        async for event in events:
            yield event


async def routed(call: Call, following: Next) -> Events:
    """The route's models in order: ask again, move on silently before the first token, start over after it."""
    spoken, failure = False, None
    for number, target in enumerate(call.route.targets, 1):
        call.target, tries = target, 0
        while True:
            tries, began = tries + 1, time.monotonic()
            try:
                async with aclosing(following(call)) as events:
                    async for event in events:
                        spoken = spoken or isinstance(event, TextDelta | ThinkingDelta)
                        yield event
                return
            except (ModelError, NotInstalled) as error:
                failure = error
            call.attempts.append(Attempt(target.model, failure.code, failure.message, time.monotonic() - began))
            move = after(
                failure,
                tries=tries,
                retries=call.route.limits.retries,
                more_models=number < len(call.route.targets),
                seconds_left=call.seconds_left,
                spoken=spoken,
                luck=random.random(),
            )
            if isinstance(move, GiveUp):
                raise _exhausted(call, failure)
            if isinstance(move, Again):
                await asyncio.sleep(move.seconds)
                continue
            break
        if spoken:
            yield Restarted(f"{target.model} stopped: {failure.message}")
            spoken = False
    raise AssertionError("a route has at least one model")  # and the last one gives an answer or up


async def in_line(call: Call, following: Next) -> Events:
    """Wait for a place at the model, first come first served."""
    target = _target(call)
    at_once = target.settings.at_once or target.provider.abilities(target.name).at_once
    if at_once is None:
        async with aclosing(following(call)) as events:
            async for event in events:
                yield event
        return
    line = call.office.line(target.model, at_once)
    try:
        async with asyncio.timeout(max(call.seconds_left, 0)):
            await line.acquire()
    except TimeoutError:
        raise _too_slow(call, f"no place was free at {target.model!r} for {call.seconds:g} s") from None
    try:
        async with aclosing(following(call)) as events:
            async for event in events:
                yield event
    finally:
        line.release()


async def timed(call: Call, following: Next) -> Events:
    """Hold the limits: to the first token, and of the whole call."""
    first = call.route.limits.first_token_seconds if call.kind == "chat" else call.seconds
    limit = min(first, call.seconds_left)
    began = time.monotonic()
    async with aclosing(following(call)) as events:
        while True:
            try:
                async with asyncio.timeout(max(began + limit - time.monotonic(), 0)):
                    event = await anext(events, None)
            except TimeoutError:
                heard = call.seconds_left <= 0
                what = f"the whole answer took over {call.seconds:g} s" if heard else f"no first token in {first:g} s"
                raise _too_slow(call, f"{call.model!r} was too slow: {what}") from None
            if event is None:
                return
            if isinstance(event, TextDelta | ThinkingDelta):
                began, limit = time.monotonic(), call.seconds_left
            yield event


async def whole(call: Call, following: Next) -> Events:
    """Let only whole answers end: nothing empty, nothing filtered away, nothing without its end."""
    said, end = call.kind != "chat", None
    async with aclosing(following(call)) as events:
        async for event in events:
            said = said or (isinstance(event, TextDelta) and not event.text.isspace())
            if isinstance(event, End):
                end = event
                break
            yield event
    if end is None:
        raise StreamCut(f"The answer of {call.model!r} stopped before its end.", model=call.model)
    _check_end(call, end, said)
    yield end


async def asked(call: Call, _following: Next) -> Events:
    """Ask the provider. What it used is noted even when it fails or is stopped."""
    target, meter = _target(call), Meter()
    events = call.send(target, meter)
    try:
        async for event in events:
            if isinstance(event, End):
                meter.usage = event.usage
            yield event
    finally:
        close = getattr(events, "aclose", None)
        if close is not None:
            await close()
        call.used.append((target, meter.usage))


CHAIN: tuple[Link, ...] = (
    settled,  # price → ledger row → span: once, however the call ends
    checked,  # validate the request
    routed,  # retry, fall back, start over
    in_line,  # places at the model
    timed,  # first token, whole answer
    whole,  # nothing empty, nothing cut
    asked,  # the provider
)


def through(links: Sequence[Link]) -> Next:
    """The links as one function, the first outermost."""

    def end(_call: Call) -> Events:
        raise AssertionError("the last link answers by itself")

    following: Next = end
    for link in reversed(links):
        following = _linked(link, following)
    return following


def _linked(link: Link, following: Next) -> Next:
    return lambda call: link(call, following)


# ── What the links need ────────────────────────────────────────────────────────────────────────


def _target(call: Call) -> Target:
    assert call.target is not None
    return call.target


def _check(request: ModelRequest) -> None:
    problem = ""
    if not request.messages:
        problem = "it has no messages"
    elif not any(message.role == "user" for message in request.messages):
        problem = "it has no message of the user"
    elif not any(part for message in request.messages for part in message.parts if _has_content(part)):
        problem = "its messages are empty"
    elif request.max_tokens is not None and request.max_tokens < 1:
        problem = f"max_tokens is {request.max_tokens}"
    if problem:
        raise Rejected(f"The request can't be sent: {problem}.", details={"status": 400})


def _has_content(part: object) -> bool:
    return bool(getattr(part, "data", b"") or getattr(part, "text", "") or getattr(part, "id", ""))


def _check_end(call: Call, end: End, said: bool) -> None:
    if end.finish_reason == "content_filter":
        raise ContentFiltered(f"The provider of {call.model!r} withheld its answer (content filter).", model=call.model)
    if said:
        return
    if end.finish_reason == "length":
        raise ProviderFault(
            f"{call.model!r} used all its {end.usage.output_tokens} tokens without an answer.",
            model=call.model,
            hint="Raise max_tokens of the prompt or the route: thinking counts too.",
            details={"lasting": True},
        )
    raise ProviderFault(f"{call.model!r} gave an empty answer.", model=call.model)


def _too_slow(call: Call, what: str) -> ModelTimeout:
    return ModelTimeout(
        what[0].upper() + what[1:] + ".",
        model=call.model,
        hint=f"Raise first_token_seconds or total_seconds of [routes.{call.route.name}], or name a faster model.",
    )


def _exhausted(call: Call, last: CoachworkError) -> CoachworkError:
    """The error of a route: its only model's own, or one that lists every attempt."""
    attempts = [{"model": a.model, "code": a.code, "message": a.message, "seconds": a.seconds} for a in call.attempts]
    if len({attempt.model for attempt in call.attempts}) == 1:
        last.details["attempts"] = attempts
        return last
    tried = "".join(f"\n  {attempt.model}: {attempt.message}" for attempt in call.attempts)
    error = RouteExhausted(
        f"Every model of the route {call.route.name!r} failed:{tried}",
        model=call.model,
        hint=last.hint,
        reader=last.reader,
        details={"attempts": attempts},
    )
    error.__cause__ = last
    return error


def _booked(call: Call, outcome: str, finish: FinishReason | None) -> int | None:
    """Write the call down and give its cost: the sum over all attempts, None where one price is unknown."""
    usage, version = Usage(), ""
    cost: int | None = 0
    for target, used in call.used:
        if used == Usage():  # refused before it cost anything
            continue
        part = price(target, used)
        usage, version = usage + used, part.version or version
        cost = None if cost is None or part.cost_nano is None else cost + part.cost_nano
    run_id, user = scope_names()
    ended_ns = time.time_ns()
    first = None if call.first_token is None else call.started_ns + round((call.first_token - call.started) * 1e9)
    record = CallRecord(
        route=call.route.name,
        model=call.model,
        provider=call.model.partition(":")[0],
        kind=call.kind,
        started_ns=call.started_ns,
        ended_ns=ended_ns,
        first_token_ns=first,
        usage=usage,
        cost_nano=cost,
        price_version=version,
        outcome=outcome,
        error_code="" if outcome in ("ok", "cancelled") else outcome,
        finish_reason=finish or "",
        attempts=len(call.attempts) + (outcome == "ok"),
        run_id=run_id,
        user=user,
    )
    book(record, call.office.database, call.office.on_call)
    return cost


def _reply(call: Call, end: End, cost: int | None, text: str, thinking: str) -> Reply:
    return Reply(
        text=text,
        finish_reason=end.finish_reason,
        model=call.model,
        usage=end.usage,
        cost_nano=cost,
        seconds=time.monotonic() - call.started,
        first_token_seconds=None if call.first_token is None else call.first_token - call.started,
        thinking=thinking,
        attempts=tuple(call.attempts),
    )
