"""Equal questions cost once, whoever asks them when; similar ones too, where the route asks for it."""

import asyncio
from contextlib import aclosing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coachwork.errors import ModelTimeout, Overloaded, ProviderFault, StreamCut
from coachwork.messages import (
    Attempt,
    Finished,
    MediaPart,
    Message,
    ModelRequest,
    Restarted,
    Source,
    SourceFound,
    TextDelta,
    TextPart,
    ThinkingDelta,
    ToolCallDelta,
    ToolCallPart,
    ToolSpec,
    Usage,
)
from coachwork.models import ModelConfig, RouteConfig
from coachwork.models.question import question
from coachwork.models.routes import Route
from coachwork.models.written import Answer, Written
from coachwork.providers.wire import Abilities, End
from coachwork.testing import Cut, Fail, FakeModel, Pause, line, script
from coachwork.tracing.scope import DirectScope, entered

HELLO = ModelRequest((Message.of("user", "Hello"),))
PRICED = {"one:m": ModelConfig(input_usd_per_million=1000, output_usd_per_million=0)}


def asking(text: str, **rest) -> ModelRequest:
    return ModelRequest((Message.of("system", "Be kind"), Message.of("user", text)), **rest)


@pytest.fixture(params=["memory", "database"])
def url(request):
    return None if request.param == "memory" else ""


async def test_an_equal_question_is_answered_from_before_at_no_cost_and_says_so(room, url):
    fake = script("Good morning, and welcome to everybody who is reading this line of text")
    here = room(fake, cache="exact", models=PRICED, url=url)
    first = await here.complete()
    events = await here.events()
    again = events[-1].reply
    assert (first.cached, first.cost_nano) == (False, 1_000_000)
    assert (again.cached, again.cost_nano, again.usage) == (True, 0, Usage())
    assert (again.text, again.model) == (first.text, "one:m")
    assert len([event for event in events if isinstance(event, TextDelta)]) > 1  # it streams
    assert len(fake.requests) == 1
    assert [(record.cached, record.cost_nano, record.outcome) for record in here.records] == [
        *((False, 1_000_000, "ok"), (True, 0, "ok"))
    ]
    if url is not None:
        assert [bool(row["cached"]) for row in here.rows()] == [False, True]


async def test_a_route_without_a_cache_asks_every_time(room):
    fake = script(line("Hi", times=2))
    here = room(fake)
    assert [(await here.complete()).cached for _ in range(2)] == [False, False]


async def test_a_hundred_equal_calls_at_once_cost_one(room, url):
    fake = script([Pause(0.05), "One answer"])
    here = room(fake, cache="exact", models=PRICED, url=url)
    replies = await asyncio.gather(*(here.complete() for _ in range(100)))
    assert {reply.text for reply in replies} == {"One answer"}
    assert sum(reply.cost_nano for reply in replies) == 1_000_000
    assert [reply.cached for reply in replies].count(False) == 1
    assert len(fake.requests) == 1
    assert len(here.records) == 100


async def test_everything_of_an_answer_is_given_again(room, url):
    pieces = [
        ThinkingDelta("hm, "),
        ThinkingDelta("yes"),
        ToolCallDelta(0, "call-1", "look", '{"wo'),
        ToolCallDelta(0, arguments='rd": 1}'),
        ToolCallDelta(1, "call-2", "look", "{}"),
        TextDelta("I look it up"),
        SourceFound(Source("handbook", "as it stands", 3, 15)),
    ]

    class Full(FakeModel):
        async def stream(self, model, request, meter):
            self.requests.append(request)
            for piece in pieces:
                yield piece
            yield End("tool_call", Usage(3, 4), (("I", -0.1),), "signed")

    here = room(Full([]), cache="exact", url=url)
    first, again = await here.complete(), await here.complete()
    assert again.cached
    for name in ("text", "thinking", "tool_calls", "sources", "probabilities", "thinking_signature", "finish_reason"):
        assert getattr(again, name) == getattr(first, name), name
    assert first.tool_calls == (ToolCallPart("call-1", "look", '{"word": 1}'), ToolCallPart("call-2", "look", "{}"))
    assert (first.sources[0].quote, first.finish_reason) == ("as it stands", "tool_call")


async def test_only_whole_answers_are_kept(room, url):
    fake = script(line("One, two, thr", finish_reason="length"), ["Half", Cut()], Fail(ProviderFault("x")), "Whole")
    here = room(fake, cache="exact", url=url)
    assert (await here.complete()).finish_reason == "length"
    for error in (StreamCut, ProviderFault):
        with pytest.raises(error):
            await here.complete()
    assert [((await here.complete()).text, here.records[-1].cached) for _ in range(2)] == [
        *(("Whole", False), ("Whole", True))
    ]


async def test_an_answer_that_started_over_is_kept_as_it_ended(room, url):
    here = room(script(["Half", Cut()]), script("Whole"), cache="exact", url=url)
    assert (await here.complete()).text == "Whole"
    again = await here.complete()
    assert (again.text, again.model, again.cached) == ("Whole", "two:m", True)


async def test_what_is_kept_is_not_kept_for_ever(room, url):
    here = room(script("Old", "New"), cache="exact", cache_seconds=0.1, url=url)
    assert (await here.complete()).text == "Old"
    await asyncio.sleep(0.15)
    assert (await here.complete()).text == "New"


async def test_tenants_do_not_see_each_others_answers(room, url):
    class As(DirectScope):
        def __init__(self, user: str = "", team: str = "") -> None:
            self.user, self.team = user, team

    here = room(script("For Ada", "For Bo", "For the team"), cache="exact", url=url)
    texts = []
    for scope in (As("ada"), As("bo"), As("ada"), As("ada", "red"), As("bo", "red")):
        with entered(scope):
            texts.append((await here.complete()).text)
    assert texts == ["For Ada", "For Bo", "For Ada", "For the team", "For the team"]


async def test_another_process_with_the_same_database_has_the_answer(room, database_url, until):
    asked = script([Pause(0.2), "One answer"])
    one = room(asked, cache="exact", url=database_url)
    two = room(script(), cache="exact", url=database_url)
    first = asyncio.create_task(one.complete())
    await until(lambda: bool(asked.requests))
    replies = await asyncio.gather(first, two.complete())  # the second process waits for the first
    assert [(reply.text, reply.cached) for reply in replies] == [("One answer", False), ("One answer", True)]


async def test_a_process_that_waits_for_another_asks_itself_when_the_other_fails(room, database_url, until):
    asked = script([Pause(0.2), Fail(Overloaded("busy"))])
    one = room(asked, cache="exact", url=database_url)
    two = room(script("Mine"), cache="exact", url=database_url)
    first = asyncio.create_task(one.complete())
    await until(lambda: bool(asked.requests))
    outcomes = await asyncio.gather(first, two.complete(), return_exceptions=True)
    assert isinstance(outcomes[0], Overloaded)
    assert (outcomes[1].text, outcomes[1].cached) == ("Mine", False)


# ── Those who ask together ──


async def test_when_the_first_goes_away_the_others_still_get_the_answer_and_it_is_paid_once(room, url, until):
    fake = script([Pause(0.1), "For all"])
    here = room(fake, cache="exact", models=PRICED, url=url)
    calls = [asyncio.create_task(here.complete()) for _ in range(5)]
    await until(lambda: bool(fake.requests))
    calls[0].cancel()
    replies = await asyncio.gather(*calls, return_exceptions=True)
    assert isinstance(replies[0], asyncio.CancelledError)
    assert [reply.text for reply in replies[1:]] == ["For all"] * 4
    assert [reply.cached for reply in replies[1:]].count(False) == 1
    assert sum(record.cost_nano for record in here.records) == 1_000_000
    assert len(fake.requests) == 1


async def test_when_all_go_away_the_model_is_stopped_and_paid_once(room, url, until):
    stopped = asyncio.Event()

    class Watched(FakeModel):
        async def stream(self, model, request, meter):
            try:
                async for event in super().stream(model, request, meter):
                    yield event
            finally:
                stopped.set()

    fake = Watched([[Pause()], "Later"])
    here = room(fake, cache="exact", models=PRICED, url=url)
    calls = [asyncio.create_task(here.complete()) for _ in range(5)]
    await until(lambda: bool(fake.requests))
    for call in calls:
        call.cancel()
    await asyncio.gather(*calls, return_exceptions=True)
    assert stopped.is_set()
    assert [record.cost_nano for record in here.records].count(1_000_000) == 1
    assert (await here.complete()).text == "Later"


async def test_a_follower_whose_leader_fails_asks_itself(room, url):
    fake = script([Pause(0.05), Fail(Overloaded("busy"))], "Second try")
    here = room(fake, cache="exact", url=url)
    replies = await asyncio.gather(*(here.complete() for _ in range(4)), return_exceptions=True)
    assert isinstance(replies[0], Overloaded)
    assert [reply.text for reply in replies[1:]] == ["Second try"] * 3
    assert [reply.cached for reply in replies[1:]].count(False) == 1
    assert len(fake.requests) == 2


async def test_a_follower_that_was_shown_text_is_told_that_it_starts_over(room, url):
    fake = script(["Half ", Pause(0.05), Cut()], "Whole")
    here = room(fake, cache="exact", url=url)
    leader, follower = await asyncio.gather(here.events(), here.events(), return_exceptions=True)
    assert isinstance(leader, StreamCut)
    assert [event for event in follower if isinstance(event, Restarted)]
    assert follower[-1].reply.text == "Whole"


async def test_a_followers_own_deadline_holds(room, url, until):
    gate = asyncio.Event()

    async def late(_request: ModelRequest) -> str:
        await gate.wait()
        return "Late"

    fake = FakeModel(late)
    here = room(fake, cache="exact", url=url)
    leader = asyncio.create_task(here.complete())
    await until(lambda: bool(fake.requests))
    with pytest.raises(ModelTimeout):
        await here.complete(ModelRequest(HELLO.messages, seconds=0.05))
    assert not leader.done()
    gate.set()
    assert (await leader).text == "Late"


async def test_who_joins_late_sees_it_from_the_beginning(room, url):
    here = room(script(["One, ", Pause(0.05), "two, ", Pause(0.1), "three"]), cache="exact", url=url)
    leader = asyncio.create_task(here.complete())
    await asyncio.sleep(0.1)
    assert (await here.complete()).text == "One, two, three"
    assert (await leader).text == "One, two, three"


async def test_many_who_leave_at_random_leave_a_row_each_and_one_payment(room):
    fake = FakeModel([line("word " * 30, times=None)], chunk=5)
    here = room(fake, cache="exact", models=PRICED)

    async def leave_after(count: int) -> None:
        async with aclosing(here.models.stream("smart", HELLO)) as events:
            async for _event in events:
                if (count := count - 1) <= 0:
                    return

    await asyncio.gather(*(leave_after(n % 40 + 1) for n in range(100)))
    rows = here.rows()
    assert len(rows) == 100
    assert sum(row["cost_nano"] for row in rows) == 1_000_000 * len(fake.requests)
    assert [task for task in asyncio.all_tasks() if task is not asyncio.current_task()] == []


# ── Similar questions ──


class ByWords(FakeModel):
    """Embeds the words of a text, and can be asked nothing else."""

    def abilities(self, model):
        return Abilities(frozenset({"embed"}))


async def test_a_similar_question_is_answered_where_the_route_asks_for_it(room, url):
    fake, embedder = script("Within 30 days", "On the roof"), ByWords([], dimensions=64)
    routes = {"embed": RouteConfig(models=["two:e"])}
    here = room(fake, embedder, cache="semantic", cache_similarity=0.8, routes=routes, url=url)
    here.models.config.routes["smart"].models.remove("two:m")
    first = await here.complete(asking("how long can I return a bike"))
    near = await here.complete(asking("how long can I return a bike please"))
    far = await here.complete(asking("where is the aerial"))
    assert [(reply.text, reply.cached) for reply in (first, near, far)] == [
        *(("Within 30 days", False), ("Within 30 days", True), ("On the roof", False))
    ]
    assert {record.kind for record in here.records} == {"chat", "embed"}


async def test_similar_words_in_another_setting_are_another_question(room, url):
    routes = {"embed": RouteConfig(models=["two:e"])}
    fake = script(line("Fresh", times=None))
    here = room(fake, ByWords([]), cache="semantic", cache_similarity=0.5, routes=routes, url=url)
    here.models.config.routes["smart"].models.remove("two:m")
    await here.complete(asking("hello there"))
    strict = ModelRequest((Message.of("system", "Be strict"), Message.of("user", "hello there you")))
    for other in (strict, asking("hello there you", schema={"type": "object"}), asking("hello", temperature=1.0)):
        assert not (await here.complete(other)).cached
    assert (await here.complete(asking("hello there you"))).cached


async def test_without_an_embedding_the_question_is_simply_asked(room):
    here = room(script("One", "Two"), cache="semantic", routes={"embed": RouteConfig(models=["nobody:e"])})
    assert (await here.complete(asking("a b c"))).text == "One"
    assert (await here.complete(asking("a b c"))).cached  # an equal one still is
    assert (await here.complete(asking("a b c d"))).text == "Two"


# ── What is equal ──

ROUTE = Route("smart", (), (), RouteConfig(models=["one:m"]))
TOOL = ToolSpec("look", "Looks", {"type": "object"})
DIFFERENT = [
    asking("Hello!"),
    asking("Hello", temperature=0.0),
    asking("Hello", max_tokens=5),
    asking("Hello", schema={"type": "object"}),
    asking("Hello", tools=(TOOL,)),
    asking("Hello", tools=(TOOL,), tool_choice="none"),
    asking("Hello", thinking="low"),
    asking("Hello", probabilities=True),
    ModelRequest((Message.of("user", "Be kind"), Message.of("user", "Hello"))),
    ModelRequest((Message("user", (TextPart("Hel"), TextPart("lo"))),)),
    ModelRequest((Message("user", (TextPart("Hello"), MediaPart(b"\x89PNG one", "image/png"))),)),
    ModelRequest((Message("user", (TextPart("Hello"), MediaPart(b"\x89PNG two", "image/png"))),)),
    ModelRequest((Message("user", (TextPart("Hello"), MediaPart(b"\x89PNG two", "image/jpeg"))),)),
]


def test_whatever_a_model_would_see_makes_another_question():
    ids = {question(request, ROUTE, "").id for request in (HELLO, asking("Hello"), *DIFFERENT)}
    assert len(ids) == len(DIFFERENT) + 2
    here, there = question(HELLO, ROUTE, "ada").id, question(HELLO, ROUTE, "bo").id
    other_models = Route("smart", (), (), RouteConfig(models=["two:m"]))
    assert len({here, there, question(HELLO, other_models, "ada").id, question(HELLO, ROUTE, "ada", ("x:y",)).id}) == 4


def test_the_order_of_keys_and_the_callers_patience_do_not():
    one = asking("Hello", schema={"type": "object", "title": "T"}, seconds=5)
    two = asking("Hello", schema={"title": "T", "type": "object"}, seconds=9)
    assert question(one, ROUTE, "") == question(two, ROUTE, "")


@given(
    text=st.text(max_size=300),
    thinking=st.text(max_size=100),
    calls=st.lists(st.tuples(st.text(max_size=5), st.text(max_size=5), st.text(max_size=20)), max_size=3),
)
def test_an_answer_taken_apart_and_put_together_is_the_same(text, thinking, calls):
    answer = Answer(
        "one:m", text, "stop", thinking, "sig", tuple(ToolCallPart(*call) for call in calls), (Source("d", "q", 1, 2),)
    )
    written, end = Written(), None
    for event in Answer.from_json(answer.to_json()).events():
        if isinstance(event, End):
            end = event
        else:
            written.add(event)
    assert Answer.of(written, end, "one:m") == answer


# ── Asking again, a stronger model ──


async def test_an_answer_that_did_not_do_is_asked_again_of_the_next_model(room):
    weak, strong = script("not json"), script('{"a": 1}')
    here = room(weak, strong, cache="exact")
    first = await here.complete()
    refused = Attempt(first.model, "output-refused", "no JSON in it", first.seconds)
    again = await here.models.complete("smart", HELLO, after=[refused])
    assert (again.text, again.model, again.attempts) == ('{"a": 1}', "two:m", (refused,))
    assert here.records[-1].fallbacks == (refused,)


async def test_where_the_route_has_no_other_the_same_model_is_asked(room):
    here = room(script("one", "two"))
    refused = Attempt("one:m", "output-refused", "no", 0.1)
    events = [event async for event in here.models.stream("smart", HELLO, after=[refused])]
    assert isinstance(events[-1], Finished)
    assert (events[-1].reply.text, events[-1].reply.attempts) == ("one", (refused,))
