"""A model call from the question to its last event. The whole way stands in one list: CHAIN, outermost first.

Each link takes the call and the links after it and gives a stream of events: an async generator, or a plain
function that gives the next link's stream where it has nothing to do. The links are in files by their names.
"""

import asyncio
import random
import time
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import replace
from typing import overload

from coachwork.errors import (
    BudgetExceeded,
    CoachworkError,
    ContentFiltered,
    ModelError,
    ModelTimeout,
    NotInstalled,
    ProviderFault,
    Rejected,
    RouteExhausted,
    StreamCut,
    UnknownPrice,
)
from coachwork.messages import (
    Attempt,
    Finished,
    ModelRequest,
    Reply,
    Restarted,
    TextDelta,
    ThinkingDelta,
    ToolCallDelta,
    Usage,
)
from coachwork.models.alarm import Alarm, Rang
from coachwork.models.breaker import guarded
from coachwork.models.budgets import budgeted
from coachwork.models.cache import cached
from coachwork.models.counting import likely, likely_tokens
from coachwork.models.fallback import Again, GiveUp, after
from coachwork.models.hedge import hedged
from coachwork.models.ledger import CallRecord, book, charged, scope_names
from coachwork.models.office import TOKENS, Call, CallEvent, Events, Link, Next
from coachwork.models.purses import paid_from_purses
from coachwork.models.rates import in_line
from coachwork.models.received import received
from coachwork.models.routes import Target
from coachwork.models.within import within
from coachwork.models.written import Written
from coachwork.providers.wire import End, Meter
from coachwork.tracing.scope import current_scope

# ── The links, in the order of the list at the end ─────────────────────────────────────────────


async def settled(call: Call, following: Next) -> Events:
    """Price the call and book it once, however it ends; make the whole answer of its end."""
    booked, end = False, None
    written = Written()

    def settle(outcome: str) -> None:
        nonlocal booked
        already, booked = booked, True
        if not already:
            _book(call, outcome)

    try:
        async with aclosing(following(call)) as events:
            async for event in events:
                if isinstance(event, End):
                    end = event
                    break
                if isinstance(event, Restarted):
                    call.first_token = None
                    written.clear()
                else:
                    if call.first_token is None and isinstance(event, TOKENS):
                        call.first_token = time.monotonic()
                    written.add(event)
                yield event
        assert end is not None  # `whole` lets nothing else end
        booked = True  # by now the place at the model is free again
        yield Finished(_book(call, "ok", end, written))
    except CoachworkError as error:
        settle(error.code)
        raise
    except Exception:  # a bug of ours or a provider's: booked as what it is, and let through
        settle("error")
        raise
    finally:
        if not booked:
            settle("cancelled")


def checked(call: Call, following: Next) -> Events:
    """Refuse, before anything is sent, what no model can be asked."""
    if call.request is not None:
        _check(call.request)
    return following(call)


async def routed(call: Call, following: Next) -> Events:
    """The route's models in order: ask again, move on silently before the first token, start over after it."""
    call.ahead = list(call.route.targets)
    spoken = False
    while True:
        target, tries = call.ahead.pop(0), 0
        while True:
            call.target, tries, began = target, tries + 1, time.monotonic()
            try:
                async with aclosing(following(call)) as events:
                    async for event in events:
                        spoken = spoken or isinstance(event, TOKENS)
                        yield event
                return
            except (ModelError, NotInstalled) as error:
                failure = error
            call.attempts.append(Attempt(call.model, failure.code, failure.message, time.monotonic() - began))
            move = after(
                failure,
                tries=tries,
                retries=call.route.limits.retries,
                more_models=bool(call.ahead),
                seconds_left=call.seconds_left,
                spoken=spoken,
                luck=random.random(),
            )
            if isinstance(move, GiveUp):
                raise _exhausted(call, failure)
            if not isinstance(move, Again):
                break
            await asyncio.sleep(move.seconds)
        if spoken:
            yield Restarted(f"{call.model} stopped: {failure.message}")
            spoken = False


async def timed(call: Call, following: Next) -> Events:
    """Hold the limits: to the first token, and of the whole call."""
    first = call.route.limits.first_token_seconds if call.kind == "chat" else call.seconds
    call.asked_at, left = time.monotonic(), call.seconds_left
    if left <= 0:
        raise _too_slow(call, None, not_the_model=True)
    alarm, begun = Alarm(), call.kind != "chat"
    alarm.set(min(first, left))
    try:
        async with aclosing(following(call)) as events:
            while (event := await alarm.next_of(events)) is not None:
                if not begun and isinstance(event, TOKENS):
                    begun = True
                    alarm.set(call.seconds_left)
                yield event
    except Rang as rang:
        slow_reader = rang.__cause__ is None
        short = not begun and left < first  # the caller gave less time than a model may take to begin
        raise _too_slow(call, None if begun or short else first, not_the_model=slow_reader or short) from None
    finally:
        alarm.stop()


async def whole(call: Call, following: Next) -> Events:
    """Let only whole answers end: nothing empty, nothing filtered away, nothing without its end."""
    said, end = call.kind != "chat", None
    async with aclosing(following(call)) as events:
        async for event in events:
            said = said or _says_something(event)
            if isinstance(event, End):
                end = event
                break
            yield event
    if end is None:
        raise StreamCut(f"The answer of {call.model!r} stopped before its end.", model=call.model)
    _check_end(call, end, said)
    yield end


async def asked(call: Call, _following: Next) -> Events:
    """Ask the provider. What it used is noted even when it fails or is stopped; counted by us if it did not say."""
    target, meter = call.asked_target, Meter()
    texts: list[str] = []
    ended = failed = False
    events = call.send(target, meter)
    try:
        async for event in events:
            if isinstance(event, TextDelta | ThinkingDelta):
                texts.append(event.text)
            elif isinstance(event, End):
                meter.usage, ended = event.usage, True
            elif isinstance(event, ToolCallDelta):
                texts.append(event.arguments)
            yield event
    except Exception:
        failed = True
        raise
    finally:
        try:
            close = getattr(events, "aclose", None)
            if close is not None:
                await close()
        finally:
            known = ended or (failed and not texts)  # what was refused outright was not worked on
            call.used.append((target, meter.usage if known else _estimated(call, target, meter.usage, texts)))


CHAIN: tuple[Link, ...] = (
    received,  # a step that a crash cut had the answer already
    settled,  # price → ledger row → span: once, however the call ends
    checked,  # validate the request
    cached,  # answered before, or being answered right now
    routed,  # retry, fall back, start over
    hedged,  # a second model beside a silent first one
    guarded,  # leave a failing model alone
    within,  # the most that this call may cost
    paid_from_purses,  # the same for all that an agent asks, and what is below it
    budgeted,  # hold the worst case, settle what it cost
    in_line,  # places, requests and tokens by the minute
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
    if end.declined:
        raise ContentFiltered(
            f"{call.model!r} declined to answer: {end.declined}", model=call.model, details={"declined": end.declined}
        )
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


def _says_something(event: CallEvent) -> bool:
    """Whether this alone makes an answer: text that is not blank, or a tool that is asked for."""
    if isinstance(event, TextDelta):
        return not (event.text.isspace() or not event.text)
    return isinstance(event, ToolCallDelta)


def _estimated(call: Call, target: Target, told: Usage, texts: list[str]) -> Usage:
    """What an answer that was stopped used: what the provider told by then, and our own count where that is more."""
    if told.output_tokens and not target.provider.billed:
        return told  # a model on this machine keeps its meter current
    into = likely(call.asked_request, call.texts, call.audio, call.query)
    return replace(
        told,
        input_tokens=told.input_tokens or into.input_tokens,
        output_tokens=max(told.output_tokens, likely_tokens("".join(texts))),
        audio_seconds=told.audio_seconds or into.audio_seconds,
        searches=told.searches or into.searches,
        estimated=True,
    )


def _too_slow(call: Call, first: float | None, *, not_the_model: bool) -> ModelTimeout:
    """`first` is the limit of the first token, None where it was that of the whole call."""
    limit = call.deadline - call.started
    whole = {"whole_seconds": limit, "bound_by": call.bound_by}
    what = f"the whole answer took over {limit:g} s" if first is None else f"no first token in {first:g} s"
    return ModelTimeout(
        f"{call.model!r} was too slow: {what}.",
        model=call.model,
        hint=f"Raise first_token_seconds or total_seconds of [routes.{call.route.name}], or name a faster model.",
        details={"not_the_model": not_the_model} | (whole if first is None else {}),
    )


_TOLD_ON = ("whole_seconds", "bound_by")  # of the last attempt, by the error of the route
_UNPAID = {BudgetExceeded.code, UnknownPrice.code}


def _exhausted(call: Call, last: CoachworkError) -> CoachworkError:
    """The error of a route: its only model's own, or one that lists every attempt."""
    attempts = [{"model": a.model, "code": a.code, "message": a.message, "seconds": a.seconds} for a in call.attempts]
    unpaid = isinstance(last, BudgetExceeded | UnknownPrice)
    if len({a.model for a in call.attempts}) == 1 or (unpaid and all(a.code in _UNPAID for a in call.attempts)):
        last.details["attempts"] = attempts
        return last
    tried = "".join(f"\n  {attempt.model}: {attempt.message}" for attempt in call.attempts)
    error = RouteExhausted(
        f"Every model of the route {call.route.name!r} failed:{tried}",
        model=call.model,
        hint=last.hint,
        reader=last.reader,
        details={"attempts": attempts} | {k: v for k, v in last.details.items() if k in _TOLD_ON},
    )
    error.__cause__ = last
    return error


@overload
def _book(call: Call, outcome: str) -> None: ...
@overload
def _book(call: Call, outcome: str, end: End, written: Written) -> Reply: ...
def _book(call: Call, outcome: str, end: End | None = None, written: Written | None = None) -> Reply | None:
    """Write the call down, in one transaction with what it received; give the whole answer where there is one.

    It costs the sum over all attempts, None where one price is unknown.
    """
    usage, cost, version = charged(call.used, call.started_ns)
    reply = None if end is None or written is None else _reply(call, end, cost, written)
    names = scope_names(call.office.app)
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
        finish_reason="" if end is None else end.finish_reason,
        attempts=len(call.attempts) + (outcome == "ok"),
        run_id=names.run,
        user=names.user,
        key=names.key,
        team=names.team,
        app=names.app,
        step=current_scope().step_seq,
        cached=call.cached,
        fallbacks=tuple(call.attempts),
    )
    beside = None if reply is None or call.keep is None else call.keep(reply)
    book(record, call.office.database, call.office.on_call, beside)
    return reply


def _reply(call: Call, end: End, cost: int | None, written: Written) -> Reply:
    return Reply(
        text=written.text,
        finish_reason=end.finish_reason,
        model=call.model,
        usage=end.usage,
        cost_nano=cost,
        seconds=time.monotonic() - call.started,
        first_token_seconds=None if call.first_token is None else call.first_token - call.started,
        cached=call.cached,
        thinking=written.thinking,
        attempts=tuple(call.attempts),
        tool_calls=written.tool_calls,
        sources=tuple(written.sources),
        probabilities=end.probabilities,
        thinking_signature=end.thinking_signature,
    )
