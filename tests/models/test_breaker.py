"""A model that fails again and again is left alone, then looked at with one call."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coachwork.errors import CircuitOpen, ContextTooLong, ModelTimeout, Overloaded, RouteExhausted
from coachwork.messages import Message, ModelRequest
from coachwork.models import ModelConfig
from coachwork.models.breaker import Health
from coachwork.testing import Fail, FakeModel, Pause, line, script

HELLO = ModelRequest((Message.of("user", "Hello"),))
TOUCHY = {"one:m": ModelConfig(breaker_failures=2, breaker_seconds=0.15)}
PATIENT = {"one:m": ModelConfig(breaker_failures=2, breaker_seconds=600)}  # is left alone until the test has ended
BUSY = line(Fail(Overloaded("busy")), times=2)


def state(room):
    (health,) = room.models.health()
    return health.state


async def fails(room, error=Overloaded):
    with pytest.raises(error):
        await room.complete()


async def test_after_enough_failures_the_model_is_left_alone_and_says_so(room):
    fake = script(BUSY, "Well again")
    here = room(fake, models=PATIENT)
    await fails(here)
    await fails(here)
    with pytest.raises(CircuitOpen, match=r"failed 2 times in a row.*last: busy") as raised:
        await here.complete()
    assert "breaker_failures = 2" in raised.value.hint
    assert len(fake.requests) == 2
    (health,) = here.models.health()
    assert (health.model, health.state, health.failures, health.last_error) == ("one:m", "open", 2, "busy")
    assert 0 < health.retry_in <= 600
    assert here.outcomes[-1] == "circuit-open"


async def test_the_next_model_answers_for_one_that_is_left_alone(room):
    here = room(script(BUSY), script(line("From the second", times=None)), models=PATIENT)
    replies = [await here.complete() for _ in range(3)]
    assert [reply.attempts[0].code for reply in replies] == ["overloaded", "overloaded", "circuit-open"]
    assert {reply.text for reply in replies} == {"From the second"}


async def test_one_call_looks_whether_it_is_well_and_closes_the_circuit(room, until):
    gate = asyncio.Event()

    async def answer(request: ModelRequest):
        if len(fake.requests) <= 2:
            return Fail(Overloaded("busy"))
        await gate.wait()
        return "Well again"

    fake = FakeModel(answer)
    here = room(fake, models=TOUCHY)
    await fails(here)
    await fails(here)
    await until(lambda: state(here) == "half-open")
    probe = asyncio.create_task(here.complete())
    await until(lambda: len(fake.requests) == 3)
    await fails(here, CircuitOpen)  # one probe at a time
    gate.set()
    assert (await probe).text == "Well again"
    assert (await here.complete()).text == "Well again"
    (health,) = here.models.health()
    assert (health.state, health.failures, health.calls, health.failed) == ("closed", 0, 4, 2)
    assert health.first_token_p50 is not None


async def test_a_probe_that_fails_opens_the_circuit_again(room, until):
    slower = {"one:m": ModelConfig(breaker_failures=2, breaker_seconds=1)}
    here = room(script(line(Fail(Overloaded("busy")), times=3), "never"), models=slower)
    await fails(here)
    await fails(here)
    await until(lambda: state(here) == "half-open")
    await fails(here)
    await fails(here, CircuitOpen)


async def test_a_probe_whose_caller_leaves_lets_the_next_one_look(room, until):
    fake = script(BUSY, [Pause()], "Well again")
    here = room(fake, models=TOUCHY)
    await fails(here)
    await fails(here)
    await until(lambda: state(here) == "half-open")
    probe = asyncio.create_task(here.complete())
    await until(lambda: len(fake.requests) == 3)
    probe.cancel()
    with pytest.raises(asyncio.CancelledError):
        await probe
    assert (await here.complete()).text == "Well again"


async def test_what_is_not_the_models_fault_does_not_count(room):
    impatient = ModelRequest(HELLO.messages, seconds=0.02)
    here = room(
        script(line(Fail(ContextTooLong("too long")), times=3), line([Pause()], times=3), "Fine"), models=TOUCHY
    )
    for _ in range(3):
        await fails(here, ContextTooLong)
    for _ in range(3):
        with pytest.raises(ModelTimeout):
            await here.complete(impatient)  # it gave the model less time than its route does
    assert (await here.complete()).text == "Fine"


async def test_when_every_model_is_left_alone_the_error_lists_them(room):
    models = dict.fromkeys(("one:m", "two:m"), PATIENT["one:m"])
    here = room(script(BUSY), script(BUSY), models=models)
    await fails(here, RouteExhausted)
    await fails(here, RouteExhausted)
    with pytest.raises(RouteExhausted) as raised:
        await here.complete()
    assert [attempt["code"] for attempt in raised.value.details["attempts"]] == ["circuit-open", "circuit-open"]


@given(
    limit=st.integers(1, 5),
    steps=st.lists(st.tuples(st.sampled_from(["ask", "well", "wrong", "gone"]), st.floats(0, 20)), max_size=60),
)
def test_a_circuit_admits_one_probe_at_a_time_and_opens_at_its_limit(limit, steps):
    health, now, admitted = Health(), 0.0, []
    for step, passes in steps:
        now += passes
        if step == "ask":
            before = health.state(now)
            ticket = health.admits(now)
            assert (ticket == "free") == (before == "closed")
            assert not (before == "open" and ticket != "refused")
            if ticket != "refused":
                admitted.append(ticket)
        elif admitted:
            ticket = admitted.pop()
            if step == "well":
                health.went_well()
                assert health.state(now) == "closed"
            elif step == "wrong":
                health.went_wrong(now, "x", ticket, limit=limit, pause=10)
                assert health.state(now) != "closed" or health.failures < limit
            else:
                health.undecided(ticket)
        assert admitted.count("probe") <= 1
