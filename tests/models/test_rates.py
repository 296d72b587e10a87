"""Places, requests and tokens by the minute: waiting in line, first come first served, bounded by the deadline."""

import asyncio
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coachwork.errors import ModelTimeout, ProviderFault
from coachwork.messages import Message, ModelRequest, Usage
from coachwork.models import ModelConfig, RouteConfig
from coachwork.models.buckets import MINUTE, Amount, Buckets, Rate, give_back, reserve
from coachwork.testing import Fail, FakeModel, Pause, line, script

HELLO = ModelRequest((Message.of("user", "Hello"),), max_tokens=10)


# ── The arithmetic ──


@given(
    limit=st.integers(1, 500),
    calls=st.lists(st.tuples(st.integers(0, 20_000_000), st.integers(0, 800)), min_size=1, max_size=80),
)
def test_no_window_of_time_holds_more_than_a_bucket_and_its_refill(limit, calls):
    now, buckets, started = 0, Buckets(), []
    for passes, tokens in calls:
        now += passes
        buckets, turn = reserve(buckets, Rate(tokens=limit), Amount(1, tokens), now)
        started.append((max(turn.start(buckets), now), min(tokens, limit)))
    for number, (begin, _tokens) in enumerate(started):
        within = 0
        for end, tokens in started[number:]:
            within += tokens
            assert within * MINUTE <= limit * MINUTE + limit * (end - begin) + limit  # one microsecond of rounding


@given(st.lists(st.tuples(st.integers(0, 5_000_000), st.integers(0, 300)), min_size=2, max_size=60))
def test_who_reserves_first_starts_first(calls):
    now, buckets, last = 0, Buckets(), 0
    for passes, tokens in calls:
        now += passes
        buckets, turn = reserve(buckets, Rate(30, 1000), Amount(1, tokens), now)
        start = max(turn.start(buckets), now)
        assert start >= last
        last = start


def test_a_minutes_worth_goes_at_once_and_the_rest_evenly():
    buckets, starts = Buckets(), []
    for _ in range(63):
        buckets, turn = reserve(buckets, Rate(requests=60), Amount(1), MINUTE)
        starts.append(max(turn.start(buckets), MINUTE) - MINUTE)
    assert starts == [0] * 60 + [1_000_000, 2_000_000, 3_000_000]


def test_what_is_given_back_lets_those_in_line_start_earlier():
    rate = Rate(tokens=60)
    buckets, _ = reserve(Buckets(), rate, Amount(1, 60), MINUTE)
    buckets, waiting = reserve(buckets, rate, Amount(1, 30), MINUTE)
    assert waiting.start(buckets) == MINUTE + 30_000_000
    buckets = give_back(buckets, rate, Amount(0, 20))
    assert waiting.start(buckets) == MINUTE + 10_000_000
    buckets = give_back(buckets, rate, Amount(0, -5))  # another used more than it had reserved
    assert waiting.start(buckets) == MINUTE + 15_000_000


def test_more_than_a_whole_bucket_waits_for_a_full_one_and_not_for_ever():
    _, turn = reserve(Buckets(), Rate(tokens=100), Amount(1, 5_000), MINUTE)
    assert turn.start(Buckets()) <= MINUTE


# ── Through the door, in memory and with a database ──


@pytest.fixture(params=["memory", "database"])
def url(request):
    return None if request.param == "memory" else ""


async def test_the_calls_beyond_the_minutes_requests_wait_evenly_and_in_order(room, url):
    order = []

    async def answer(request: ModelRequest) -> str:
        order.append(request.messages[0].text)
        return "ok"

    limit = ModelConfig(requests_per_minute=600)  # 10 a second once the first 600 are gone
    here = room(FakeModel(answer), models={"one:m": limit}, url=url)
    began = time.monotonic()
    await asyncio.gather(*(here.complete() for _ in range(600)))
    order.clear()
    names = [f"call {number}" for number in range(6)]
    await asyncio.gather(*(here.complete(ModelRequest((Message.of("user", name),))) for name in names))
    assert order == names
    assert time.monotonic() - began > 0.5  # whatever the first 600 took: six more are six tenths of a second


async def test_a_call_that_would_wait_past_its_deadline_moves_on_at_once(room, url):
    fake = script(line("One", times=None))
    here = room(fake, script(line("Two", times=None)), models={"one:m": ModelConfig(requests_per_minute=1)}, url=url)
    replies = [await here.complete(ModelRequest(HELLO.messages, seconds=5)) for _ in range(2)]
    assert [reply.text for reply in replies] == ["One", "Two"]
    assert replies[1].attempts[0].code == "model-timeout"
    assert "limits by the minute" in replies[1].attempts[0].message
    assert replies[1].seconds < 2
    assert {health.model: health.state for health in here.models.health()}["one:m"] == "closed"


async def test_tokens_are_put_right_by_what_was_used(room, url):
    limit = ModelConfig(tokens_per_minute=1_000)
    careful = ModelRequest(HELLO.messages, max_tokens=900, seconds=5)
    frugal = room(script(line("ok", times=None), usage=Usage(5, 5)), models={"one:m": limit}, url=url)
    for _ in range(9):  # each reserves 900 and uses 10
        await frugal.complete(careful)


async def test_tokens_that_were_used_beyond_the_estimate_count(room, url):
    limit = ModelConfig(tokens_per_minute=1_000)
    greedy = script(line("ok", times=None), usage=Usage(5, 3_000))
    here = room(greedy, models={"one:m": limit}, url=url)
    await here.complete(ModelRequest(HELLO.messages, max_tokens=10, seconds=1))
    with pytest.raises(ModelTimeout, match="limits by the minute"):
        await here.complete(ModelRequest(HELLO.messages, max_tokens=10, seconds=0.3))


async def test_texts_that_are_embedded_or_ranked_count_before_they_are_sent(room):
    limit, patient = ModelConfig(tokens_per_minute=1_000), {"patient": RouteConfig(models=["one:m"])}
    here = room(FakeModel(()), models={"one:m": limit}, url=None, routes=patient, total_seconds=0.3)
    await here.models.embed("patient", ["word " * 800], purpose="passage")
    with pytest.raises(ModelTimeout, match="limits by the minute"):
        await here.models.rerank("smart", "which word?", ["word " * 400])


async def test_a_waiting_call_starts_when_another_gives_its_tokens_back(room, url, until):
    limit = ModelConfig(tokens_per_minute=1_000)
    gate = asyncio.Event()

    async def answer(request: ModelRequest) -> str:
        if request.messages[0].text == "slow":
            await gate.wait()
        return "ok"

    fake = FakeModel(answer, usage=Usage(5, 5))
    here = room(fake, models={"one:m": limit}, url=url)
    slow = asyncio.create_task(here.complete(ModelRequest((Message.of("user", "slow"),), max_tokens=900, seconds=20)))
    await until(lambda: bool(fake.requests))
    waiting = asyncio.create_task(here.complete(ModelRequest(HELLO.messages, max_tokens=900, seconds=20)))
    await asyncio.sleep(0.1)
    assert not waiting.done()
    gate.set()
    assert (await slow).text == "ok"
    assert (await asyncio.wait_for(waiting, 10)).seconds < 10  # alone it would have been 48 s


async def test_never_more_at_once_than_places(room, url):
    working = most = 0

    async def answer(_request: ModelRequest) -> str:
        nonlocal working, most
        working += 1
        most = max(most, working)
        await asyncio.sleep(0.01)
        working -= 1
        return "done"

    here = room(FakeModel(answer), models={"one:m": ModelConfig(at_once=3)}, url=url)
    replies = await asyncio.gather(*(here.complete() for _ in range(20)))
    assert (len(replies), most) == (20, 3)


async def test_no_place_within_the_deadline_is_said_and_is_not_the_models_fault(room, url, until):
    fake = script([Pause()], "Second")
    here = room(fake, models={"one:m": ModelConfig(at_once=1, breaker_failures=1)}, url=url)
    first = asyncio.create_task(here.complete())
    await until(lambda: bool(fake.requests))
    with pytest.raises(ModelTimeout, match="no place was free"):
        await here.complete(ModelRequest(HELLO.messages, seconds=0.1))
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    assert (await here.complete()).text == "Second"


async def test_a_place_and_a_turn_are_free_again_after_failure(room, url):
    limits = ModelConfig(at_once=1, tokens_per_minute=1_000)
    failing = [line(Fail(ProviderFault("x")), times=5), "Fine"]
    here = room(script(*failing), models={"one:m": limits}, url=url, total_seconds=5)
    for _ in range(5):
        with pytest.raises(ProviderFault):
            await here.complete(ModelRequest(HELLO.messages, max_tokens=900))
    here.models._office.health.clear()
    assert (await here.complete(ModelRequest(HELLO.messages, max_tokens=900))).text == "Fine"


# ── Several processes ──


@pytest.mark.slow
async def test_two_processes_share_places_and_requests(room, database_url):
    working = most = 0

    async def answer(_request: ModelRequest) -> str:
        nonlocal working, most
        working += 1
        most = max(most, working)
        await asyncio.sleep(0.02)
        working -= 1
        return "done"

    models = {"one:m": ModelConfig(at_once=2, requests_per_minute=20)}
    rooms = [room(FakeModel(answer), models=models, url=database_url) for _ in range(2)]
    calls = [here.complete(ModelRequest(HELLO.messages, seconds=4.0)) for _ in range(15) for here in rooms]
    outcomes = await asyncio.gather(*calls, return_exceptions=True)
    served = [outcome for outcome in outcomes if not isinstance(outcome, BaseException)]
    assert most <= 2
    assert 18 <= len(served) <= 22  # 20 and what four seconds refill; a slice may lie unused with the other
    assert {type(outcome) for outcome in outcomes if isinstance(outcome, BaseException)} == {ModelTimeout}


@pytest.mark.slow
async def test_places_of_a_process_that_died_are_free_after_their_deadline(room, database_url):
    models = {"one:m": ModelConfig(at_once=1)}
    dead = room(script([Pause()]), models=models, url=database_url)
    left = asyncio.create_task(dead.complete(ModelRequest(HELLO.messages, seconds=0.2)))
    await asyncio.sleep(0.1)
    left.cancel()
    dead.database.close()  # it never gets to say that its place is free
    with pytest.raises(asyncio.CancelledError):
        await left
    alive = room(script("Mine"), models=models, url=database_url)
    assert (await alive.complete(ModelRequest(HELLO.messages, seconds=10))).text == "Mine"


async def test_in_calm_times_few_calls_ask_the_database(room):
    here = room(script(line("ok", times=None)), models={"one:m": ModelConfig(requests_per_minute=100_000)})
    asked = []
    write = here.database.write
    here.database.write = lambda work: asked.append(work) or write(work)
    for _ in range(100):
        await here.complete()
    assert 1 <= len(asked) <= 10
