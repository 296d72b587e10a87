"""A second model beside a silent first one."""

import asyncio

import pytest

from coachwork.errors import Overloaded, ProviderFault, RouteExhausted
from coachwork.messages import Message, ModelRequest, Restarted, TextDelta, Usage
from coachwork.models import ModelConfig
from coachwork.testing import Cut, Fail, FakeModel, Pause, line, script

HELLO = ModelRequest((Message.of("user", "Hello"),))
PRICED = {name: ModelConfig(input_usd_per_million=1000, output_usd_per_million=0) for name in ("one:m", "two:m")}


class Watched(FakeModel):
    """Says whether a stream was left before its end."""

    left = 0

    async def stream(self, model, request, meter):
        try:
            async for event in super().stream(model, request, meter):
                yield event
        except (asyncio.CancelledError, GeneratorExit):
            self.left += 1
            raise


async def test_the_second_answers_where_the_first_keeps_silent_and_both_are_paid(room):
    first = Watched([[Pause(), "too late"]])
    here = room(first, script("From the second"), hedge_seconds=0.03, models=PRICED)
    reply = await here.complete()
    assert (reply.text, reply.model) == ("From the second", "two:m")
    assert [(attempt.model, attempt.code) for attempt in reply.attempts] == [("one:m", "hedged")]
    assert "two:m spoke first" in reply.attempts[0].message
    assert first.left == 1
    assert reply.usage.input_tokens == 1  # the answer's own; the row is of both
    (row,) = here.rows()
    assert (row["outcome"], row["model"], row["input_tokens"], row["cost_nano"]) == ("ok", "two:m", 2, 2_000_000)


async def test_a_first_that_speaks_in_time_is_alone(room):
    second = script("never")
    here = room(script("Quick"), second, hedge_seconds=5)
    assert (await here.complete()).text == "Quick"
    assert second.requests == []


async def test_a_first_that_speaks_before_the_second_wins_and_the_second_is_stopped(room):
    second = Watched([[Pause(), "too late"]])
    here = room(script([Pause(0.1), "Slow but first"]), second, hedge_seconds=0.02)
    reply = await here.complete()
    assert (reply.text, reply.model, reply.attempts[0].model) == ("Slow but first", "one:m", "two:m")
    assert second.left == 1


async def test_a_route_of_one_asks_its_model_twice(room):
    fake = script([Pause(), "never"], "The second time")
    reply = await room(fake, hedge_seconds=0.02).complete()
    assert (reply.text, len(fake.requests)) == ("The second time", 2)


async def test_a_failure_before_its_time_is_retried_not_hedged(room):
    here = room(script(Fail(Overloaded("busy"))), script("From the second"), hedge_seconds=5)
    reply = await here.complete()
    assert [attempt.code for attempt in reply.attempts] == ["overloaded"]


async def test_a_first_that_fails_beside_the_second_is_recorded_and_the_second_awaited(room):
    here = room(script([Pause(0.05), Fail(ProviderFault("500"))]), script([Pause(0.1), "Yes"]), hedge_seconds=0.02)
    reply = await here.complete()
    assert (reply.text, [(a.model, a.code) for a in reply.attempts]) == ("Yes", [("one:m", "provider-fault")])


async def test_a_second_that_fails_leaves_the_first_alone_with_it(room):
    here = room(script([Pause(0.1), "Yes"]), script(Fail(Overloaded("busy"))), hedge_seconds=0.02)
    reply = await here.complete()
    assert (reply.model, [(a.model, a.code) for a in reply.attempts]) == ("one:m", [("two:m", "overloaded")])


async def test_where_both_fail_the_third_is_asked_and_neither_twice(room):
    one, two = script([Pause(0.1), Fail(Overloaded("busy"))]), script(Fail(Overloaded("busy too")))
    here = room(one, two, script("From the third"), hedge_seconds=0.02)
    reply = await here.complete()
    assert (reply.text, sorted(a.model for a in reply.attempts)) == ("From the third", ["one:m", "two:m"])
    assert (len(one.requests), len(two.requests)) == (1, 1)
    other = room(script([Pause(0.1), Fail(Overloaded("x"))]), script(Fail(Overloaded("y"))), hedge_seconds=0.02)
    with pytest.raises(RouteExhausted) as raised:
        await other.complete()
    assert sorted(attempt["model"] for attempt in raised.value.details["attempts"]) == ["one:m", "two:m"]


async def test_a_winner_that_is_cut_starts_over_on_the_one_it_had_overtaken(room):
    here = room(script([Pause(0.05), "Half", Cut()]), script([Pause()], "Whole"), hedge_seconds=0.02)
    events = await here.events()
    assert [type(event) for event in events if isinstance(event, TextDelta | Restarted)] == [
        *(TextDelta, Restarted, TextDelta)
    ]
    assert (events[-1].reply.text, events[-1].reply.model) == ("Whole", "two:m")


async def test_who_leaves_stops_both(room, until):
    one, two = Watched([[Pause()]]), Watched([[Pause()]])
    here = room(one, two, hedge_seconds=0.02, models=PRICED)
    task = asyncio.create_task(here.complete())
    await until(lambda: bool(one.requests and two.requests))
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (one.left, two.left) == (1, 1)
    (row,) = here.rows()
    assert (row["outcome"], row["cost_nano"]) == ("cancelled", 2_000_000)
    assert [task for task in asyncio.all_tasks() if task is not asyncio.current_task()] == []


async def test_a_bug_in_one_of_them_is_let_through(room):
    async def broken(_request: ModelRequest) -> str:
        await asyncio.sleep(0.05)
        raise KeyError("a bug")

    with pytest.raises(KeyError):
        await room(FakeModel(broken), script([Pause()]), hedge_seconds=0.02).complete()


async def test_the_row_counts_what_the_loser_said_it_used(room):
    slow = script([Pause()], usage=Usage(1, 1))
    here = room(slow, script(line("ok"), usage=Usage(7, 3)), hedge_seconds=0.02)
    await here.complete()
    (row,) = here.rows()
    assert (row["input_tokens"], row["output_tokens"]) == (8, 3)
