"""Every fault, streamed and plain, before and after the first token, with and without a second model, on every wire.

No cut or empty answer ends as success. Before the first token a fault is invisible where another model is left;
after it the consumer is told.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import aclosing
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import pytest_asyncio
import sqlalchemy as sa

from coachwork.errors import ModelError
from coachwork.messages import Finished, Message, ModelRequest, Reply, Restarted, TextDelta, ToolSpec
from coachwork.models import CallRecord, ModelConfig, Models, ModelsConfig, ProviderConfig, RouteConfig
from coachwork.store.database import Database
from coachwork.store.tables import calls
from coachwork.testing import ProviderServer
from coachwork.testing.provider.faults import CATALOGUE, faults

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.slow]

WIRES = {  # ours to theirs, and where its SDK looks for it
    "openai-chat": ("openai-chat", "/v1"),
    "openai": ("openai-responses", "/v1"),
    "anthropic": ("anthropic", ""),
    "google": ("gemini", ""),
}
KEYS = {f"{name}_API_KEY": "sk-very-secret-key" for name in ("OPENAI", "ANTHROPIC", "GEMINI")}
ASK = ModelRequest((Message.of("user", "Please say a sentence that has quite a few words in it"),))
FIRST, TOTAL = 0.15, 0.3  # seconds, where deadlines are measured
SAID = "You said: Please say a sentence that has quite a few words in it"
ROOM = {
    "type": "object",
    "properties": {
        "town": {"type": "string", "enum": ["Oslo", "Rome"]},
        "guest": {"type": "string"},
        "nights": {"type": "integer", "minimum": 2},
        "why": {"type": "string"},
    },
    "required": ["town", "guest", "nights", "why"],
    "additionalProperties": False,
}
BOOKED = {"town": "Oslo", "guest": "text", "nights": 2, "why": "text"}


@dataclass(frozen=True)
class Expect:
    """How a call must end: `before` its first token or `after` it with one of these codes, or `fine`, with this text.

    `final` errors are the same with a second model.
    """

    when: str = ""
    codes: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()
    final: bool = False


def before(*codes: str, final: bool = False) -> Expect:
    return Expect("before", codes, final=final)


def after(*codes: str, final: bool = False) -> Expect:
    return Expect("after", codes, final=final)


def fine(*texts: str) -> Expect:
    return Expect(texts=texts or (SAID,))


LOST = ("unreachable", "stream-cut")
CUT = ("stream-cut", "provider-fault")
BUSY = ("overloaded", "provider-fault")

# fault → how it ends streamed, and plain
EITHER_WAY: dict[str, Expect] = {
    "refuse": before("unreachable"),
    "hang-up": before("unreachable"),
    "400": before("rejected", final=True),  # the request itself: another model is not asked
    "401": before("rejected"),
    "403": before("rejected"),
    "404": before("unknown-model"),
    "408": before("model-timeout"),
    "413": before("context-too-long"),
    "429": before("rate-limited"),
    "429-retry-after-7": before("rate-limited"),
    "429-retry-after-ms-7000": before("rate-limited"),
    "429-retry-date-7": before("rate-limited"),
    "quota": before("rate-limited"),
    "500": before("provider-fault"),
    "502": before("provider-fault"),
    "503": before("overloaded"),
    "529": before("overloaded"),
    "context-too-long": before("context-too-long"),
    "content-filter-error": before("content-filtered"),
    "html-200": before(*CUT),
    "html-502": before("provider-fault"),
    "wrong-shape": before(*CUT),
    "empty": before("provider-fault"),
    "error-event-0": before(*BUSY),
    "garbage-json-0": before(*CUT),
    "cut-after-0": before(*LOST),
    "reset-after-0": before(*LOST),
    "end-after-0": before(*CUT),
    "length": fine(SAID[: len(SAID) // 2]),
    "usage-missing": fine(),
    "half-character": fine(f"{SAID} ☂ or none"),
    "dribble": fine(),
    "pings": fine(),
    "close-after-answer": fine(),
    "slow-headers-30": fine(),
    "slow-first-token-30": fine(),
    "slow-stream-2": fine(),
}
STREAMED = EITHER_WAY | {
    "cut-after-3": after("stream-cut"),
    "cut-after-999": after("stream-cut"),  # every word, but not its end
    "reset-after-3": after("stream-cut"),
    "end-after-3": after(*CUT),
    "end-after-999": after(*CUT),
    "end-in-character": after(*CUT),
    "error-event-3": after(*BUSY),
    "garbage-json-3": after(*CUT),
    "bad-utf8": after(*CUT),
    "content-filter": after("content-filtered"),
    "no-finish": after(*CUT),
    "no-finish+no-done": after(*CUT),
    "blank": Expect("either", ("provider-fault",)),
    "crlf": fine(),
    "no-done": fine(),
}
PLAIN = EITHER_WAY | {
    "cut-after-3": before(*LOST),
    "cut-after-999": before(*LOST),
    "reset-after-3": before(*LOST),
    "end-after-3": before(*CUT),
    "end-after-999": before(*CUT),
    "end-in-character": before(*CUT),
    "error-event-3": before(*BUSY),
    "garbage-json-3": before(*CUT),
    "bad-utf8": before(*CUT),
    "content-filter": before("content-filtered"),
    "no-finish": before(*CUT),
    "blank": Expect("either", ("provider-fault",)),
}
HANGING = ("hang-before-headers", "hang-after-headers", "hang-after-0", "endless-pings", "slow-first-token-9000")
STREAMED_SLOW = {
    **dict.fromkeys((*HANGING, "slow-headers-9000"), before("model-timeout")),
    "hang-after-3": after("model-timeout", final=True),
    "endless-text": after("model-timeout", final=True),
    "slow-stream-600": after("model-timeout", final=True),
}
PLAIN_SLOW = {
    **dict.fromkeys((*HANGING, "slow-headers-9000", "hang-after-3", "endless-text"), before("model-timeout")),
    "slow-stream-600": before("model-timeout"),
}
# What an SDK of a wire does otherwise. Each of them is a limit of that SDK; none is a cut answer told as whole.
OTHERWISE: dict[str, dict[str, Expect]] = {
    "openai-chat": {"no-finish": fine()},  # servers that copied this wire leave it out: [DONE] is proof enough
    "anthropic": {"usage-missing": before("provider-fault")},  # its messages always have usage
    "google": {
        "pings": before("provider-fault"),  # it reads no comments
        "endless-pings": before("provider-fault", "model-timeout"),
        "bad-utf8": fine(f"{SAID[: len(SAID) // 2]}\ufffd{SAID[len(SAID) // 2 :]}"),  # it puts U+FFFD there
        "error-event-0": before(*BUSY, "stream-cut"),  # a plain error with status 200: an answer without candidates
    },
}
PLAIN_OTHERWISE: dict[str, dict[str, Expect]] = {
    "openai-chat": OTHERWISE["openai-chat"],  # a whole body is whole
    "anthropic": OTHERWISE["anthropic"],
    "google": {name: OTHERWISE["google"][name] for name in ("bad-utf8", "error-event-0")}
    | {"error-event-3": OTHERWISE["google"]["error-event-0"]},
}
# What a wire can't know: a text is a text. It must end, in an answer or in a typed error.
UNKNOWABLE = ("duplicate-events", "out-of-order", "swapped-pieces", "wrong-content-type", "ignores-stream")


@dataclass
class Told:
    """What the consumer of one call saw."""

    text: str = ""
    restarts: int = 0
    reply: Reply | None = None
    error: ModelError | None = None

    @property
    def spoke(self) -> bool:
        return bool(self.text)

    @property
    def codes(self) -> list[str]:
        if self.reply is not None:
            return [attempt.code for attempt in self.reply.attempts]
        return [self.error.code] if self.error else []


class Room:
    """Models whose providers are the server, and a route for each fault, alone and with a second model."""

    def __init__(self, server: ProviderServer, tmp_path: Path, wire: str, *, streams: bool) -> None:
        self.server, self.wire, self.streams = server, wire, streams
        self.records: list[CallRecord] = []
        self.database = Database(f"sqlite:///{tmp_path / 'matrix.db'}")
        self.database.migrate()
        address = ProviderConfig(base_url=server.url + WIRES[wire][1], streams=streams)
        second = ProviderConfig(base_url=f"{server.url}/v1", streams=streams)
        routes = {"warm": RouteConfig(models=[f"{wire}:first"]), "warm-second": RouteConfig(models=["second:model"])}
        for written in (*STREAMED, *STREAMED_SLOW, *UNKNOWABLE):
            slow = written in STREAMED_SLOW
            limits = {"retries": 0, "first_token_seconds": 0.9 if slow else 20, "total_seconds": 1.8 if slow else 30}
            models = [f"{wire}:first+{written}", "second:model"]
            routes[f"{written} alone"] = RouteConfig(models=models[:1], **limits)
            routes[f"{written} pair"] = RouteConfig(models=models, **limits)
            short = {"retries": 0, "first_token_seconds": FIRST, "total_seconds": TOTAL}
            routes[f"{written} deadline"] = RouteConfig(models=models[:1], **short)
        hang = [f"{wire}:first+hang-before-headers", "second:model+hang-before-headers"]
        routes["two deadlines"] = RouteConfig(models=hang, retries=0, first_token_seconds=0.2, total_seconds=TOTAL)
        routes["patient"] = RouteConfig(models=[f"{wire}:patient"], retries=2)
        asked = {model for route in routes.values() for model in route.models}
        patient = dict.fromkeys(asked, ModelConfig(breaker_failures=1000))  # each failure is its provider's own
        self.models = Models(
            ModelsConfig(routes=routes, models=patient, providers={wire: address, "second": second}),
            database=self.database,
            cache_dir=tmp_path,
            environ=KEYS,
            on_call=self.records.append,
        )

    def expected(self, streamed: dict[str, Expect], plain: dict[str, Expect]) -> dict[str, Expect]:
        """How each fault ends on this wire."""
        general, special = (streamed, OTHERWISE) if self.streams else (plain, PLAIN_OTHERWISE)
        return general | {name: ends for name, ends in special.get(self.wire, {}).items() if name in general}

    async def ask(self, route: str, request: ModelRequest = ASK) -> Told:
        told = Told()
        try:
            async for event in self.models.stream(route, request):
                if isinstance(event, TextDelta):
                    told.text += event.text
                elif isinstance(event, Restarted):
                    told.restarts, told.text = told.restarts + 1, ""
                elif isinstance(event, Finished):
                    told.reply = event.reply
        except ModelError as error:
            told.error = error
        return told

    async def overrun(self, route: str, limit: float, asked: ModelRequest = ASK) -> float:
        """How many seconds after its limit a call ended: the best of a few, for the machine may be busy elsewhere."""
        over = []
        for _try in range(5):
            began = asyncio.get_running_loop().time()
            seen = await self.ask(route, asked)
            over.append(asyncio.get_running_loop().time() - began - limit)
            assert seen.error is not None, route
            assert seen.error.code in ("model-timeout", "route-exhausted"), seen.error
            assert over[-1] > -0.01, f"{route} gave up {-over[-1]:.3f} s early"
            if over[-1] <= 0.05:
                break
        return min(over)

    async def all(self, written: list[str], at_once: int) -> dict[str, Told]:
        turn = asyncio.Semaphore(at_once)

        async def one(route: str) -> Told:
            async with turn:
                return await self.ask(route)

        told: dict[str, Told] = {}
        for closes in (False, True):  # what leaves closed connections in the client's pool comes last, and by itself
            faults = [fault for fault in written if (fault == "close-after-answer") == closes]
            routes = [f"{fault} {kind}" for fault in faults for kind in ("alone", "pair")]
            told |= zip(routes, await asyncio.gather(*map(one, routes)), strict=True)
        await asyncio.sleep(0.2)  # the client hears of the closed ones before anybody asks again
        return told

    def rows(self) -> list[sa.RowMapping]:
        self.database.flush()
        return self.database.read_now(lambda c: [row._mapping for row in c.execute(sa.select(calls))])


@pytest.fixture(scope="module")
def server() -> Iterator[ProviderServer]:
    with ProviderServer() as running:
        yield running


@pytest_asyncio.fixture(
    scope="module",
    loop_scope="module",
    params=[(wire, streams) for wire in WIRES for streams in (True, False)],
    ids=str,
)
async def opened(
    request: pytest.FixtureRequest, server: ProviderServer, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Room]:
    wire, streams = request.param
    here = Room(server, tmp_path_factory.mktemp("matrix"), wire, streams=streams)
    for route in ("warm", "warm-second"):  # the SDKs are imported now and not within a limit
        assert (await here.models.complete(route, ASK)).text == SAID
    yield here
    await here.models.close()
    here.database.close()
    await until(lambda: server.open_connections == 0)
    assert server.open_connections == 0  # none is leaked


@pytest.fixture
def room(opened: Room) -> Room:
    """The room of a wire, with nothing in its books."""
    opened.records.clear()
    opened.server.requests.clear()
    opened.server.clear()
    return opened


def problems(told: dict[str, Told], expected: dict[str, Expect]) -> list[str]:
    """Every call that did not end as it must, in words."""
    found = []
    for route, seen in told.items():
        written, _space, kind = route.rpartition(" ")
        if wrong := _wrong(seen, expected[written], pair=kind == "pair"):
            found.append(f"{route}: {wrong} (saw {seen.text!r}, {seen.restarts} restarts, {seen.codes}, {seen.error})")
    return found


def _wrong(seen: Told, expect: Expect, *, pair: bool) -> str:
    if not expect.codes:
        whole = seen.reply is not None and seen.reply.text in expect.texts and not seen.codes and not seen.restarts
        return "" if whole and seen.text == seen.reply.text else "is no whole answer"
    if pair and not expect.final:
        if seen.reply is None or seen.reply.text != SAID or seen.text != SAID:
            return "did not fall over to the second model"
        if not set(seen.codes) & set(expect.codes) or len(seen.codes) != 1:
            return f"the reason is not one of {expect.codes}"
        if expect.when != "either" and seen.restarts != (expect.when == "after"):
            return "the consumer was told something false"
        return ""
    if seen.error is None:
        return "ended as a success"
    if seen.error.code not in expect.codes:
        return f"is not one of {expect.codes}"
    told = expect.when == "either" or seen.spoke == (expect.when == "after")
    return "" if told else f"failed at another time than {expect.when} the first token"


async def test_every_fault_ends_as_it_must(room: Room):
    expected = room.expected(STREAMED, PLAIN)
    told = await room.all(list(expected), at_once=6)
    wrong = problems(told, expected)
    assert not wrong, "\n".join(wrong)
    await settled(room, told)


@pytest.mark.slow
async def test_every_silence_ends_in_time(room: Room):
    expected = room.expected(STREAMED_SLOW, PLAIN_SLOW)
    told = await room.all(list(expected), at_once=100)
    for _again in range(3):  # a loaded machine may be too slow for a limit: those are asked once more, with less to do
        late = {route.rpartition(" ")[0] for route in told if problems({route: told[route]}, expected)}
        if not late:
            break
        await settled(room, told)
        room.records.clear()
        told = await room.all(sorted(late), at_once=4)
    wrong = problems(told, expected)
    assert not wrong, "\n".join(wrong)
    await settled(room, told)


async def test_what_a_wire_cannot_know_still_ends(room: Room):
    told = await room.all(list(UNKNOWABLE), at_once=6)
    for route, seen in told.items():
        assert seen.error is not None or (seen.reply is not None and seen.reply.text == seen.text != ""), route
    await settled(room, told)


@pytest.mark.slow
async def test_deadlines_hold_within_50_ms(room: Room):
    silent = ["hang-before-headers", "hang-after-headers", "hang-after-0"]
    limits = dict.fromkeys(silent, FIRST)
    if room.streams:
        limits |= {"hang-after-3": TOTAL, "endless-text": TOTAL}
    for written, limit in limits.items():
        assert await room.overrun(f"{written} deadline", limit) <= 0.05, written
    assert await room.overrun("two deadlines", TOTAL) <= 0.05  # one limit over both of its models
    asked = replace(ASK, seconds=0.1)
    assert await room.overrun("hang-before-headers deadline", 0.1, asked) <= 0.05


async def test_a_consumer_that_goes_away_stops_the_model_and_is_booked(room: Room):
    async with aclosing(room.models.stream("endless-text alone", ASK)) as events:
        if room.streams:
            assert isinstance(await anext(events), TextDelta)
        else:
            waiting = asyncio.ensure_future(anext(events))
            await until(lambda: bool(room.server.requests))  # the first call of a process imports an SDK
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting
    (asked,) = room.server.requests
    await until(lambda: asked.outcome != "open")
    assert asked.outcome == "client-left"
    assert [record.outcome for record in room.records] == ["cancelled"]


async def test_the_ledger_says_what_the_provider_counted(room: Room):
    reply = await room.models.complete("half-character alone", ASK)
    (asked,), (record,) = room.server.requests, room.records
    assert (record.usage.input_tokens, record.usage.output_tokens) == (
        asked.usage.input_tokens,
        asked.usage.output_tokens,
    )
    assert reply.usage == record.usage


async def test_a_tool_call_comes_whole_or_not_at_all(room: Room):
    asked = replace(ASK, tools=(ToolSpec("book_room", "Books a room.", ROOM),), tool_choice="required")
    whole = await room.models.complete("warm", asked)
    (call,) = whole.tool_calls
    assert (call.name, json.loads(call.arguments), whole.finish_reason) == ("book_room", BOOKED, "tool_call")
    for written in ("cut-after-3", "reset-after-3", "end-after-3", "end-after-999", "error-event-3"):
        with pytest.raises(ModelError) as raised:
            await room.models.complete(f"{written} alone", asked)
        assert raised.value.code in (*LOST, *BUSY), written
        reply = await room.models.complete(f"{written} pair", asked)
        assert [json.loads(call.arguments) for call in reply.tool_calls] == [BOOKED], written
        assert [attempt.model for attempt in reply.attempts] == [f"{room.wire}:first+{written}"], written


async def test_an_answer_under_a_schema_comes_whole_or_not_at_all(room: Room):
    asked = replace(ASK, schema=ROOM, schema_name="booking")
    assert json.loads((await room.models.complete("warm", asked)).text) == BOOKED
    for written in ("cut-after-3", "end-after-3", "end-after-999", "empty"):
        with pytest.raises(ModelError):
            await room.models.complete(f"{written} alone", asked)
        assert json.loads((await room.models.complete(f"{written} pair", asked)).text) == BOOKED, written


@pytest.mark.parametrize(("written", "seconds"), [("429-retry-after-7", 7), ("429-retry-after-ms-7000", 7)])
async def test_how_long_a_provider_asks_to_wait_is_known(room: Room, written: str, seconds: float):
    seen = await room.ask(f"{written} alone")
    assert seen.error.retry_after == seconds


async def test_a_date_to_come_back_is_a_time_to_wait(room: Room):
    seen = await room.ask("429-retry-date-7 alone")
    assert 4 < seen.error.retry_after <= 7


async def test_a_fault_that_passes_is_tried_again_and_nobody_sees_it(room: Room):
    for passing in ("429-retry-after-ms-10", "hang-up"):
        room.server.inject(passing, model="patient", times=1)
    seen = await room.ask("patient")
    assert (seen.text, seen.restarts) == (SAID, 0)
    assert sorted(seen.codes) == ["rate-limited", "unreachable"]
    await until(lambda: room.server.requests[-1].outcome != "open")
    assert [asked.outcome for asked in room.server.requests] == ["whole", "cut", "whole"]
    assert len(room.records) == 1


async def until(done: Callable[[], bool]) -> None:
    """Wait for what another thread does, two seconds at most."""
    for _moment in range(100):
        if done():
            return
        await asyncio.sleep(0.02)


async def settled(room: Room, told: dict[str, Told]) -> None:
    """A row for each call, with how it ended; and nothing of a call is left on its connection."""
    wanted = sorted("ok" if seen.error is None else seen.error.code for seen in told.values())
    await until(lambda: all(asked.outcome != "open" for asked in room.server.requests))
    assert [asked.faults for asked in room.server.requests if asked.outcome == "open"] == []
    assert sorted(record.outcome for record in room.records) == wanted
    assert sorted(row["outcome"] for row in room.rows()[-len(told) :]) == wanted


async def test_no_fault_is_forgotten():
    written = (*STREAMED, *STREAMED_SLOW, *UNKNOWABLE)
    tried = {one.name for several in written for one in faults(several)}
    assert tried == set(CATALOGUE)
