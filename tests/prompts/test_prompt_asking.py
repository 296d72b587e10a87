"""Asking a model through a prompt: what is sent, shown, recorded, asked again and refused."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

import pytest
from pydantic import BaseModel

from coachwork.errors import (
    ContentFiltered,
    ModelRefused,
    OutputRefused,
    OutputTruncated,
    ProjectError,
    RouteExhausted,
    StreamCut,
)
from coachwork.messages import (
    Attempt,
    Finished,
    FinishReason,
    JsonValue,
    ModelEvent,
    ModelRequest,
    Reply,
    Restarted,
    StepRecord,
    TextDelta,
    ThinkingDelta,
    Usage,
)
from coachwork.prompts import prompt
from coachwork.prompts.partial import Partial, Whole
from coachwork.tracing.scope import entered


class Triage(BaseModel):
    team: Literal["billing", "returns"]
    urgent: bool


@prompt
async def triage(ticket: str) -> Triage: ...


@prompt
async def greet(name: str) -> str: ...


def finished(
    text: str,
    reason: FinishReason = "stop",
    *,
    cost: int | None = 100,
    cached: bool = False,
    attempts: tuple[Attempt, ...] = (),
    probabilities: tuple[tuple[str, float], ...] = (),
) -> Finished:
    reply = Reply(text, reason, "fake:script", Usage(10, 5), cost, 0.1, 0.05, cached, "", attempts)
    return Finished(replace(reply, probabilities=probabilities))


@dataclass
class Script:
    """Plays one list of events for each call, and keeps what it was asked."""

    plays: list[list[ModelEvent | Exception]]
    asked: list[tuple[str, ModelRequest]] = field(default_factory=list)
    passed: list[list[str]] = field(default_factory=list)

    async def stream(
        self, route: str, request: ModelRequest, *, after: Sequence[Attempt] = ()
    ) -> AsyncGenerator[ModelEvent, None]:
        self.asked.append((route, request))
        self.passed.append([attempt.model for attempt in after])
        for event in self.plays.pop(0):
            if isinstance(event, Exception):
                raise event
            yield event


@dataclass
class Watcher:
    """A scope that keeps what it is told."""

    run_id: str = "run"
    user: str = ""
    pipeline: str = "p"
    records: list[StepRecord] = field(default_factory=list)
    results: list[JsonValue] = field(default_factory=list)
    seen: list[str] = field(default_factory=list)

    async def step(self, record: StepRecord, call: Callable[[], Awaitable[JsonValue]]) -> JsonValue:
        self.records.append(record)
        self.results.append(await call())
        return self.results[-1]

    def text(self, delta: str) -> None:
        self.seen.append(delta)

    def restart_text(self) -> None:
        self.seen.append("⟲")

    def partial(self, value: JsonValue) -> None:
        self.seen.append(repr(value))

    def note(self, label: str) -> None:
        self.seen.append(label)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "prompts").mkdir()
    (tmp_path / "prompts/triage.md").write_text(
        '---\nroute: smart\nlabel: "Reading {{ticket}}"\n---\nRoute.\n## user\n{{ticket}}\n'
    )
    (tmp_path / "prompts/greet.md").write_text(
        "---\nroute: smart\nshow: true\nmax_tokens: 50\n---\n## user\nGreet {{name}}.\n"
    )
    return tmp_path


def played(folder: Path, *plays: list[ModelEvent | Exception]) -> Script:
    script = Script(list(plays))
    for declared in (triage, greet):
        declared.bind(folder, script, {"smart": ()})  # type: ignore[attr-defined]
    return script


async def test_a_typed_answer_is_one_recorded_step(folder: Path) -> None:
    script = played(folder, [ThinkingDelta("hm"), TextDelta('{"team":'), finished('{"team":"billing","urgent":true}')])
    with entered(Watcher()) as watcher:
        result = await triage("Charged  twice")
    assert result == Triage(team="billing", urgent=True)
    assert [route for route, _ in script.asked] == ["smart"]
    [record] = watcher.records
    assert (record.kind, record.name, record.label, record.input) == (
        "prompt",
        "triage",
        "Reading Charged twice",
        {"ticket": "Charged  twice"},
    )
    assert (record.model, record.route, record.how, record.cost_nano) == ("fake:script", "smart", "strict", 100)
    assert record.prompt_version == triage.version
    assert watcher.results == [{"team": "billing", "urgent": True}]
    assert watcher.seen == []


async def test_text_is_shown_as_it_is_written_and_taken_back_on_a_restart(folder: Path) -> None:
    played(folder, [TextDelta("Go"), Restarted("cut"), TextDelta("Hello "), TextDelta("Ann."), finished("Hello Ann.")])
    with entered(Watcher()) as watcher:
        assert await greet("Ann") == "Hello Ann."
    assert watcher.seen == ["Go", "⟲", "Hello ", "Ann."]
    assert watcher.records[0].how == "text"


async def test_values_are_shown_as_they_grow_where_the_prompt_shows_and_its_answer_is_typed(folder: Path) -> None:
    file = folder / "prompts/triage.md"
    file.write_text(file.read_text().replace("route: smart", "route: smart\nshow: true"))
    written = '{"team":"returns","urgent":true}'
    played(
        folder,
        [
            TextDelta('{"team":"bill'),
            Restarted("cut"),
            TextDelta(written[:10]),
            TextDelta(written[10:]),
            finished(written),
        ],
    )
    with entered(Watcher()) as watcher:
        assert await triage("x") == Triage(team="returns", urgent=True)
    assert watcher.seen == ["{'team': 'bill'}", "None", "{'team': 'r'}", "{'team': 'returns', 'urgent': True}"]


async def test_a_refused_answer_is_asked_again_once_with_its_errors(folder: Path) -> None:
    script = played(
        folder, [finished('{"team":"sales"}', cached=True)], [finished('```\n{"team":"billing","urgent":false}\n```')]
    )
    with entered(Watcher()) as watcher:
        assert await triage("x") == Triage(team="billing", urgent=False)
    [record] = watcher.records
    assert (record.how, record.cost_nano, record.usage, record.cached) == ("reasked", 200, Usage(20, 10), False)
    again = script.asked[1][1].messages
    assert [message.role for message in again] == ["system", "user", "assistant", "user"]
    assert again[-1].text == (
        "That answer can't be used:\n- team: should be one of 'billing', 'returns', is 'sales'\n- urgent: is missing\n"
        "Answer the whole question again, with one JSON object and nothing else."
    )


async def test_a_second_refusal_is_an_error_with_the_raw_text_and_what_was_paid(folder: Path) -> None:
    played(folder, [finished("[]")], [finished('{"team":"sales","urgent":true}', cost=None)])
    with entered(Watcher()) as watcher, pytest.raises(OutputRefused) as refusal:
        await triage("x")
    assert refusal.value.raw == '{"team":"sales","urgent":true}'
    assert watcher.records[0].cost_nano is None
    assert watcher.records[0].usage == Usage(20, 10)


@pytest.mark.parametrize(
    ("play", "error"),
    [
        (finished('{"team":"billing","urgent":true}', "length"), OutputTruncated),
        (finished("I'm sorry, but I can't help with that."), ModelRefused),
        (finished("", "content_filter"), ContentFiltered),
        (ContentFiltered("it declined: No.", model="m", details={"declined": "No."}), ModelRefused),
    ],
)
async def test_what_asking_again_would_not_help_is_not_asked_again(
    folder: Path, play: Finished | Exception, error: type[Exception]
) -> None:
    script = played(folder, [play])
    with entered(Watcher()) as watcher, pytest.raises(error):
        await triage("x")
    assert len(script.asked) == 1
    assert watcher.records[0].cost_nano == (100 if isinstance(play, Finished) else 0)


async def test_cut_or_empty_text_is_never_presented_as_an_answer(folder: Path) -> None:
    played(folder, [finished("Hello An", "length")])
    with pytest.raises(OutputTruncated, match="token limit"):
        await greet("Ann")
    played(folder, [finished(" ")], [finished("Hello.")])
    with entered(Watcher()) as watcher:
        assert await greet("Ann") == "Hello."
    assert watcher.seen == ["⟲"]


async def test_failed_attempts_are_recorded_whether_a_model_answered_or_not(folder: Path) -> None:
    tried = Attempt("a:b", "overloaded", "529", 0.2)
    played(folder, [finished('{"team":"billing","urgent":true}', attempts=(tried,))])
    with entered(Watcher()) as watcher:
        await triage("x")
    assert watcher.records[0].attempts == (tried,)

    details = {"attempts": [{"model": "a:b", "code": "overloaded", "message": "529", "seconds": 0.2}]}
    played(folder, [RouteExhausted("every model failed", details=details)])
    with entered(Watcher()) as watcher, pytest.raises(RouteExhausted):
        await triage("x")
    assert watcher.records[0].attempts == (tried,)


async def test_a_stream_without_an_end_is_an_error(folder: Path) -> None:
    played(folder, [TextDelta('{"team":"billing","urgent":true}')])
    with pytest.raises(StreamCut):
        await triage("x")


@dataclass
class NativeScript(Script):
    """A script whose model has a decoder that is held to the schema."""

    def held(self, model: str) -> str:
        return "native"


@pytest.mark.parametrize(
    ("text", "how"),
    [
        ('{"team":"billing","urgent":true}', "native"),
        ('```\n{"team":"billing","urgent":true}\n```', "unwrapped"),
        ('{"team":"billing","urgent":true,}', "repaired"),
        ('{"team":"BILLING","urgent":true}', "coerced"),
    ],
)
async def test_the_record_says_how_the_value_was_won(folder: Path, text: str, how: str) -> None:
    triage.bind(folder, NativeScript([[finished(text)]]), {"smart": ()})  # type: ignore[attr-defined]
    with entered(Watcher()) as watcher:
        await triage("x")
    [record] = watcher.records
    assert record.how == how
    assert record.mended == (("trailing comma",) if how == "repaired" else ())


async def test_a_stronger_route_is_asked_again_and_a_third_time_the_models_that_failed_are_passed_over(
    folder: Path,
) -> None:
    (folder / "prompts/triage.md").write_text(
        "---\nroute: smart\nreask: 2\nreask_route: wise\n---\n## user\n{{ticket}}\n"
    )
    script = Script([[finished("[]")], [finished("{}")], [finished('{"team":"billing","urgent":true}')]])
    triage.bind(folder, script, {"smart": (), "wise": ()})  # type: ignore[attr-defined]
    with entered(Watcher()) as watcher:
        assert await triage("x") == Triage(team="billing", urgent=True)
    assert [route for route, _ in script.asked] == ["smart", "wise", "wise"]
    assert script.passed == [[], [], ["fake:script", "fake:script"]]
    assert watcher.records[0].how == "reasked"


def test_a_route_to_ask_again_that_does_not_exist_is_refused_with_its_line(folder: Path) -> None:
    (folder / "prompts/triage.md").write_text("---\nroute: smart\nreask_route: wize\n---\n## user\n{{ticket}}\n")
    with pytest.raises(ProjectError, match=r"triage\.md:3: unknown route 'wize'") as wrong:
        triage.bind(folder, Script([]), {"smart": (), "wise": ()})  # type: ignore[attr-defined]
    assert "'wise'" in wrong.value.hint


async def test_partial_values_come_while_it_is_written_and_the_whole_last(folder: Path) -> None:
    text = '{"team":"billing","urgent":true}'
    played(folder, [*(TextDelta(text[at : at + 4]) for at in range(0, len(text), 4)), finished(text)])
    updates = [update async for update in triage.stream("x")]  # type: ignore[attr-defined]
    assert updates[-1] == Whole(Triage(team="billing", urgent=True))
    partials = [update.value for update in updates[:-1]]
    assert all(isinstance(update, Partial) for update in updates[:-1])
    assert partials[:2] == [{"team": "bil"}, {"team": "billing"}]
    assert partials[-1] == {"team": "billing", "urgent": True}


async def test_what_was_shown_in_part_is_void_when_the_answer_starts_over_or_is_refused(folder: Path) -> None:
    played(
        folder,
        [TextDelta('{"team":"re'), Restarted("cut"), TextDelta('{"team":"sales"}'), finished('{"team":"sales"}')],
        [TextDelta('{"team":"billing"'), finished('{"team":"billing","urgent":true}')],
    )
    updates = [update async for update in triage.stream("x")]  # type: ignore[attr-defined]
    assert updates == [
        Partial({"team": "re"}), Partial(None), Partial({"team": "sales"}), Partial(None),
        Partial({"team": "billing"}), Whole(Triage(team="billing", urgent=True)),
    ]  # fmt: skip


async def test_a_part_is_never_the_result(folder: Path) -> None:
    whole = '{"team":"billing","urgent":true}'
    played(folder, [TextDelta(whole), finished(whole, "length")])
    updates = triage.stream("x")  # type: ignore[attr-defined]
    assert await anext(updates) == Partial({"team": "billing", "urgent": True})
    with pytest.raises(OutputTruncated):
        await anext(updates)


async def test_who_stops_watching_stops_the_model(folder: Path) -> None:
    stopped = asyncio.Event()

    class Endless(Script):
        async def stream(self, route: str, request: ModelRequest, **_: object) -> AsyncGenerator[ModelEvent, None]:
            try:
                yield TextDelta('{"team":"billing"')
                await asyncio.Event().wait()
            finally:
                stopped.set()

    triage.bind(folder, Endless([]), {"smart": ()})  # type: ignore[attr-defined]
    async with aclosing(triage.stream("x")) as updates:  # type: ignore[attr-defined]
        assert await anext(updates) == Partial({"team": "billing"})
    assert stopped.is_set()


async def test_the_record_tells_how_sure_the_model_was_of_each_choice(folder: Path) -> None:
    tokens = (
        ('{"', 0.0),
        ("team", 0.0),
        ('":"', -0.1),
        ("bill", -0.2),
        ("ing", -0.1),
        ('","urgent":', 0.0),
        ("true}", -1.0),
    )
    text = "".join(token for token, _ in tokens)
    script = played(folder, [finished(text, probabilities=tokens)])
    with entered(Watcher()) as watcher:
        await triage("x")
    assert watcher.records[0].confidence == {"team": 0.7408, "urgent": 0.3679}
    assert script.asked[0][1].probabilities
    script = played(folder, [finished(f"```\n{text}\n```", probabilities=tokens)])
    with entered(Watcher()) as watcher:
        await triage("x")
    assert watcher.records[0].confidence == {}


async def test_text_is_not_asked_for_probabilities(folder: Path) -> None:
    script = played(folder, [finished("Hello.")])
    await greet("Ann")
    assert not script.asked[0][1].probabilities


async def test_outside_a_run_it_is_simply_asked(folder: Path) -> None:
    played(folder, [finished('{"team":"returns","urgent":"no"}')])
    assert await triage(ticket="x") == Triage(team="returns", urgent=False)
