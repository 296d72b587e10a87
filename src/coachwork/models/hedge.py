"""Asks a second model beside a first one that keeps silent; whoever speaks first is listened to.

Knows two attempts of one call. Each goes through the links below by itself, so each finds its own place,
budget and limits; what both used is in the call's one row, and the one not listened to is among its attempts.
"""

import asyncio
import time
from contextlib import aclosing
from dataclasses import dataclass

from coachwork.errors import CoachworkError
from coachwork.messages import Attempt
from coachwork.models.office import Call, Events, Next
from coachwork.models.routes import Target
from coachwork.models.running import Running
from coachwork.providers.wire import End


@dataclass(frozen=True)
class _Runner:
    """One of the two attempts."""

    call: Call
    running: Running
    began: float

    def attempt(self, code: str, message: str) -> Attempt:
        return Attempt(self.call.model, code, message, time.monotonic() - self.began)


def hedged(call: Call, following: Next) -> Events:
    """After `hedge_seconds` without a token, ask the next model too, or the same where there is no other."""
    seconds = call.route.limits.hedge_seconds
    if seconds is None or call.kind != "chat":
        return following(call)
    return _raced(call, following, seconds)


async def _raced(call: Call, following: Next, seconds: float) -> Events:
    runners = [_started(call, following, call.asked_target)]
    try:
        await asyncio.wait([runners[0].running.begun], timeout=seconds)
        if not runners[0].running.begun.done():
            runners.append(_started(call, following, call.ahead[0] if call.ahead else call.asked_target))
        winner = await _first_to_speak(call, runners)
        call.target = winner.call.target
        async with aclosing(winner.running.read()) as events:
            async for event in events:
                if isinstance(event, End):
                    await _over(
                        call, runners, unless=winner
                    )  # what the other used belongs to this call, and is known now
                yield event
    finally:
        await _over(call, runners)


def _started(call: Call, following: Next, target: Target) -> _Runner:
    own = call.beside(target)
    return _Runner(own, Running(following(own)), time.monotonic())


async def _first_to_speak(call: Call, runners: list[_Runner]) -> _Runner:
    """The runner that gave a token, or an end, first; raises the failure of the first where none did."""
    waiting, failed = list(runners), list[_Runner]()
    while waiting:
        await asyncio.wait([runner.running.begun for runner in waiting], return_when=asyncio.FIRST_COMPLETED)
        for runner in [runner for runner in waiting if runner.running.begun.done()]:
            waiting.remove(runner)
            if runner.running.failure is None or runner.running.begun.result():
                _note(call, failed)
                _leave(call, waiting, runner)
                return runner
            failed.append(runner)
            if not isinstance(runner.running.failure, CoachworkError):
                raise runner.running.failure
    _note(call, [runner for runner in failed if runner is not runners[0]])
    assert runners[0].running.failure is not None
    raise runners[0].running.failure


def _leave(call: Call, others: list[_Runner], winner: _Runner) -> None:
    for other in others:
        other.running.stop()
        call.attempts.append(other.attempt("hedged", f"{winner.call.model} spoke first"))
    if winner.call.target in call.ahead:
        call.ahead.remove(winner.call.asked_target)


def _note(call: Call, failed: list[_Runner]) -> None:
    """A model that failed beside the other has had its turn."""
    for runner in failed:
        failure = runner.running.failure
        if isinstance(failure, CoachworkError):
            call.attempts.append(runner.attempt(failure.code, failure.message))
        if runner.call.target in call.ahead:
            call.ahead.remove(runner.call.asked_target)


async def _over(call: Call, runners: list[_Runner], unless: _Runner | None = None) -> None:
    """Nothing of them is left, and what they used is the call's. The one not to be stopped is at its end."""
    for runner in runners:
        if runner is not unless:
            runner.running.stop()
    for runner in runners:
        await runner.running.gone()
        call.used.extend(runner.call.used)
        runner.call.used.clear()
