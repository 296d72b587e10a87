"""Answers an equal question, or a similar one where the route asks for it, with what was answered before.

Knows who asks the same thing right now: they share one flight, which runs in a task of its own, so the
answer outlives the one who asked first. What is equal is in `question.py`, where answers stay in `answers.py`.
"""

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from contextlib import aclosing, suppress
from copy import copy
from dataclasses import replace
from typing import TypeAlias

import structlog

from coachwork.errors import CoachworkError, ModelTimeout
from coachwork.messages import Restarted
from coachwork.models.answers import CLAIM_SECONDS
from coachwork.models.office import TOKENS, Call, Events, Next, Value
from coachwork.models.question import Question, question, value_question
from coachwork.models.running import Running
from coachwork.models.written import Answer, Written
from coachwork.providers.wire import End
from coachwork.tracing.scope import current_scope

log = structlog.get_logger(__name__)
EmbedQuestion: TypeAlias = Callable[[str], Awaitable[bytes]]
_LOOK_SECONDS = 0.1  # how often it is looked whether another process has the answer


def cached(call: Call, following: Next) -> Events:
    """Join who asks the same already, or look for an answer, or ask; go straight on where the route has no cache."""
    if call.route.limits.cache == "off" or not _again(call):
        return following(call)
    return _shared(call, following)


def _again(call: Call) -> bool:
    """Whether it may be asked again: the vectors of passages are not, the index keeps them."""
    return call.request is not None or (call.kind != "chat" and call.purpose != "passage")


async def _shared(call: Call, following: Next) -> Events:
    """Read a flight from its beginning. One that fails takes its payer with it; the next in line asks again."""
    if call.request is None:
        asked = value_question(call, tenant())
    else:
        skipped = tuple(attempt.model for attempt in call.attempts)
        asked = question(call.request, call.route, tenant(), skipped, person=current_scope().user)
    flights = call.office.of_loop(Flights)
    shown = False
    while True:
        flight = flights.get(asked.id) or flights.setdefault(asked.id, Flight(call, following, asked, flights))
        flight.readers.append(call)
        try:
            async with aclosing(flight.running.read(call.deadline)) as events:
                async for event in events:
                    shown = shown or isinstance(event, TOKENS)
                    if isinstance(event, End):
                        event = flight.landed(call, event)
                    elif isinstance(event, Value):
                        event = Value(copy(event.value))  # each reader may change his
                    yield event
            return
        except TimeoutError:
            raise ModelTimeout(
                f"The answer that this call shares with an equal one took over {call.seconds:g} s.",
                model=call.model,
                hint=f"Raise total_seconds of [routes.{call.route.name}], or name a faster model.",
            ) from None
        except (CoachworkError, asyncio.CancelledError) as failure:
            if flight.running.failure is not failure or flight.pays(call):
                raise
        finally:
            await flight.leave(call)
        if shown:
            yield Restarted("The call that this one shared its answer with failed.")
            shown = False


def tenant() -> str:
    """Whose answers may be given again to the one who asks now: those of the team, or of the user alone."""
    scope = current_scope()
    whose = f"team {scope.team}" if scope.team else f"user {scope.user}"
    return f"{scope.app} {whose}"


class Flights(dict[str, "Flight"]):
    """What is asked right now, of one event loop, by the question's id."""


class Flight:
    """One answer on its way to everybody who asked for it. The first of its readers pays, and the next if he leaves."""

    def __init__(self, call: Call, following: Next, asked: Question, flights: Flights) -> None:
        self.readers: list[Call] = []
        self._call = replace(call, used=[], attempts=[], ahead=[])
        self._asked = asked
        self._flights = flights
        self._kept = False
        self._paid = False
        self._holder = uuid.uuid4().hex
        self.running = Running(self._fly(following))

    def pays(self, call: Call) -> bool:
        return self.readers[:1] == [call] and not self._paid and not self._kept

    def landed(self, call: Call, end: End) -> End:
        """The end of the answer, for one reader: who does not pay has used nothing."""
        call.answered_by, call.cached = self._call.model, not self.pays(call)
        return replace(end, usage=type(end.usage)()) if call.cached else end

    async def leave(self, call: Call) -> None:
        """One reader less. The last stops the flight; who pays takes along what it used."""
        paying = self.pays(call)
        if len(self.readers) == 1 and not self.running.over:
            self._flights.pop(self._asked.id, None)
            self.running.stop()
            await self.running.gone()
        self.readers.remove(call)
        if paying and self.running.over:
            self._paid = True
            call.used.extend(self._call.used)
            call.attempts.extend(self._call.attempts)

    async def _fly(self, following: Next) -> Events:
        """The answer as it was kept, or else a new one, which is kept."""
        try:
            vector, answer = await self._look()
            if answer is not None:
                self._kept, self._call.answered_by = True, answer.model
                for event in answer.events():
                    yield event
                return
            async with aclosing(self._ask(following, vector)) as events:
                async for event in events:
                    yield event
        finally:
            if self._flights.get(self._asked.id) is self:
                del self._flights[self._asked.id]

    async def _ask(self, following: Next, vector: bytes | None) -> Events:
        written, claim = Written(), asyncio.create_task(self._hold_on())
        try:
            async with aclosing(following(self._call)) as events:
                async for event in events:
                    if isinstance(event, Restarted):
                        written.clear()
                    elif isinstance(event, End):
                        await self._keep(written, event, vector)
                    else:
                        written.add(event)
                    yield event
        finally:
            claim.cancel()
            self._call.office.answers.release(self._asked, self._holder)

    async def _look(self) -> tuple[bytes | None, Answer | None]:
        """The kept answer, if there is one, or the right to ask, before all other processes."""
        call, answers = self._call, self._call.office.answers
        vector = None
        answer = await answers.find(self._asked)
        similar = call.kind == "chat" and call.route.limits.cache == "semantic"
        if answer is None and similar and call.office.embed is not None:
            vector = await self._vector(call.office.embed)
            if vector is not None:
                answer = await answers.similar(self._asked, vector, call.route.limits.cache_similarity)
        while answer is None:
            claimed = await answers.claim(self._asked, self._holder)
            if isinstance(claimed, Answer):
                return vector, claimed
            if claimed:
                return vector, None
            if call.seconds_left <= 0:
                raise TimeoutError
            await asyncio.sleep(_LOOK_SECONDS)
        return vector, answer

    async def _vector(self, embed: EmbedQuestion) -> bytes | None:
        """The question as a vector; without one it is asked as if the cache were exact, and the log says why."""
        try:
            async with asyncio.timeout(max(self._call.seconds_left, 0)):
                return await embed(self._asked.words)
        except CoachworkError as error:
            log.warning("models.cache_not_semantic", route=self._call.route.name, error=error.code, fix=error.hint)
            return None

    async def _keep(self, written: Written, end: End, vector: bytes | None) -> None:
        """Only a whole answer is kept: not one that its limit of tokens cut, and no stand-in's vectors: they would miss
        the index for as long as they are kept.
        """
        call = self._call
        stand_in = call.request is None and call.model != call.route.targets[0].model
        if end.finish_reason not in ("stop", "tool_call") or stand_in:
            return
        answer = Answer.of(written, end, call.model, call.kind)
        await call.office.answers.keep(self._asked, answer, call.route.limits.cache_seconds, vector)

    async def _hold_on(self) -> None:
        """Renew the claim for as long as the answer takes."""
        with suppress(asyncio.CancelledError):
            while True:
                await asyncio.sleep(CLAIM_SECONDS / 3)
                await self._call.office.answers.claim(self._asked, self._holder)
