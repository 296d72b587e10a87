"""Asking a model through a prompt: what is sent, shown, recorded, asked again and refused."""

from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import pytest
from pydantic import BaseModel

from coachwork.errors import (
    ContentFiltered,
    ModelRefused,
    OutputRefused,
    OutputTruncated,
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
) -> Finished:
    return Finished(Reply(text, reason, "fake:script", Usage(10, 5), cost, 0.1, 0.05, cached, "", attempts))


@dataclass
class Script:
    """Plays one list of events for each call, and keeps what it was asked."""

    plays: list[list[ModelEvent | Exception]]
    asked: list[tuple[str, ModelRequest]] = field(default_factory=list)

    async def stream(self, route: str, request: ModelRequest) -> AsyncGenerator[ModelEvent, None]:
        self.asked.append((route, request))
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
        declared.bind(folder, script, {"smart"})  # type: ignore[attr-defined]
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
    ],
)
async def test_what_asking_again_would_not_help_is_not_asked_again(
    folder: Path, play: Finished, error: type[Exception]
) -> None:
    script = played(folder, [play])
    with entered(Watcher()) as watcher, pytest.raises(error):
        await triage("x")
    assert len(script.asked) == 1
    assert watcher.records[0].cost_nano == 100


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


async def test_outside_a_run_it_is_simply_asked(folder: Path) -> None:
    played(folder, [finished('{"team":"returns","urgent":"no"}')])
    assert await triage(ticket="x") == Triage(team="returns", urgent=False)
