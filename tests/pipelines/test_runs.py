"""A run from its start to its end, through the front door."""

import asyncio

import pytest
from pydantic import BaseModel, Field, TypeAdapter

from coachwork.errors import CoachworkError, Conflict, InputError, NotFound, RateLimited
from coachwork.pipelines.approvals import approval
from coachwork.pipelines.runs import RunFilter
from coachwork.pipelines.steps import note, step
from coachwork.pipelines.waits import sleep
from coachwork.tracing.scope import current_scope


class Ticket(BaseModel):
    subject: str = Field(max_length=20)
    urgent: bool = False


class Reply(BaseModel):
    text: str


@step
async def shout(text: str) -> str:
    """Making it loud."""
    return text.upper()


@step
async def refuse(text: str) -> str:
    raise RateLimited("too many", model="fake:x", retry_after=3.0)


async def answer(ticket: Ticket) -> Reply:
    note("Thinking about it")
    return Reply(text=await shout(ticket.subject))


async def clumsy(text: str) -> str:
    return {}["missing"]  # type: ignore[index]


async def limited(text: str) -> str:
    try:
        return await refuse(text)
    except RateLimited as error:
        return f"come back in {error.retry_after} s"


async def slow(text: str) -> str:
    await asyncio.sleep(60)
    return text


async def are(runs, expected):
    """Whether each run has this status and place in the line."""
    found = {run_id: await runs.get(run_id) for run_id in expected}
    return {run_id: (run.status, run.position) for run_id, run in found.items()} == expected


async def test_a_run_ends_with_its_typed_output_and_its_steps(start):
    runs = await start(answer)
    run = await runs.wait((await runs.start("answer", {"subject": "hello"})).id, 10)
    assert run.status == "succeeded"
    assert run.output == {"text": "HELLO"}
    assert run.input == {"subject": "hello", "urgent": False}
    assert run.title == "hello"
    [done] = run.steps
    assert (done.kind, done.name, done.label, done.status) == ("step", "shout", "Making it loud", "succeeded")
    assert done.output == "HELLO"
    assert done.seconds is not None


async def test_events_tell_the_whole_story_and_resume_anywhere(start):
    runs = await start(answer)
    run_id = (await runs.start("answer", {"subject": "hello"})).id
    story = [(seq, event) async for seq, event in runs.events(run_id)]
    assert [seq for seq, _event in story] == list(range(1, len(story) + 1))
    kinds = [event["type"] for _seq, event in story]
    assert kinds[0] == "start"
    assert kinds[-2:] == ["data-result", "finish"]
    assert "data-note" in kinds
    assert [e["data"]["status"] for _s, e in story if e["type"] == "data-step"][-1] == "succeeded"
    rest = [(seq, event) async for seq, event in runs.events(run_id, after=3)]
    assert rest == story[3:]


async def test_who_has_seen_the_last_event_is_not_kept_waiting(start):
    runs = await start(answer)
    run_id = (await runs.start("answer", {"subject": "hello"})).id
    last = [seq async for seq, _event in runs.events(run_id)][-1]
    async with asyncio.timeout(10):
        assert [event async for event in runs.events(run_id, after=last)] == []


async def not_a_number(text: str) -> float:
    return float("nan")


async def half_a_character(text: str) -> str:
    return "\ud83d"


@pytest.mark.parametrize("pipeline", [not_a_number, half_a_character])
async def test_what_json_cannot_carry_fails_the_run_and_says_so(start, pipeline):
    runs = await start(pipeline)
    run = await runs.wait((await runs.start(pipeline.__name__, {"text": "x"})).id, 10)
    assert (run.status, run.output) == ("failed", None)
    assert "can't be written as JSON" in run.error["message"]


async def test_the_codes_own_exception_fails_the_run_with_its_name(start):
    runs = await start(clumsy)
    run = await runs.wait((await runs.start("clumsy", {"text": "x"})).id, 10)
    assert run.status == "failed"
    assert run.error is not None
    assert run.error["code"] == "run-failed"
    assert "KeyError: 'missing'" in run.error["message"]
    assert run.error["run_id"] == run.id


async def test_a_typed_error_of_a_step_can_be_caught_with_its_details(start):
    runs = await start(limited)
    run = await runs.wait((await runs.start("limited", {"text": "x"})).id, 10)
    assert run.output == "come back in 3.0 s"
    assert run.steps[0].status == "failed"


@pytest.mark.parametrize(
    ("value", "path"),
    [
        ({"subject": "x" * 21}, ["subject"]),
        ({"subject": "x", "colour": "red"}, ["colour"]),
        ({}, ["subject"]),
        ({"subject": 3}, ["subject"]),
        ([], []),
    ],
)
async def test_input_that_does_not_fit_is_refused_by_field(start, value, path):
    runs = await start(answer)
    with pytest.raises(InputError) as refused:
        await runs.start("answer", value)
    assert refused.value.details["fields"][0]["path"] == path


async def test_an_unknown_pipeline_offers_the_nearest(start):
    runs = await start(answer)
    with pytest.raises(NotFound, match="Did you mean 'answer'"):
        await runs.start("anwser", {})


async def test_the_same_key_gives_the_same_run_and_another_input_is_a_conflict(start):
    runs = await start(answer)
    first = await runs.start("answer", {"subject": "a"}, idempotency_key="k")
    again = await runs.start("answer", {"subject": "a"}, idempotency_key="k")
    assert again.id == first.id
    with pytest.raises(Conflict, match="another input"):
        await runs.start("answer", {"subject": "b"}, idempotency_key="k")


async def test_cancelling_stops_the_work_and_is_final(start, until):
    runs = await start(slow)
    run_id = (await runs.start("slow", {"text": "x"})).id
    await until(lambda: are(runs, {run_id: ("running", None)}))
    run = await runs.cancel(run_id)
    assert run.status == "cancelled"
    assert [e["type"] async for _s, e in runs.events(run_id)][-1] == "abort"
    with pytest.raises(Conflict, match="already cancelled"):
        await runs.cancel(run_id)


async def test_runs_beyond_the_limit_wait_in_line_and_say_where(start, until):
    runs = await start(slow, concurrency=1)
    line = {}
    for number, state in enumerate([("running", None), ("queued", 1), ("queued", 2)]):
        line[(await runs.start("slow", {"text": str(number)})).id] = state
        await until(lambda: are(runs, line))
    first, second, third = line
    await runs.cancel(first)
    await until(lambda: are(runs, {second: ("running", None), third: ("queued", 1)}))
    for run_id in (second, third):
        await runs.cancel(run_id)


async def test_lists_page_filter_search_and_count(start):
    runs = await start(answer)
    for number in range(5):
        await runs.wait((await runs.start("answer", {"subject": f"ticket {number}"})).id, 10)
    first = await runs.list(RunFilter(limit=2))
    assert [run.title for run in first.items] == ["ticket 4", "ticket 3"]
    second = await runs.list(RunFilter(limit=2, cursor=first.next_cursor or ""))
    assert [run.title for run in second.items] == ["ticket 2", "ticket 1"]
    last = await runs.list(RunFilter(limit=2, cursor=second.next_cursor or ""))
    assert ([run.title for run in last.items], last.next_cursor) == (["ticket 0"], None)
    assert first.counts == {"succeeded": 5}
    assert [run.title for run in (await runs.list(RunFilter(q="TICKET 3"))).items] == ["ticket 3"]
    assert (await runs.list(RunFilter(status="failed"))).items == []
    with pytest.raises(InputError, match="Did you mean 'running'"):
        await runs.list(RunFilter(status="runing"))
    for cursor in ("abc", "WzFlNDAsICJ4Il0=", "WzFlOTk5LCAieCJd"):  # not base64 JSON; a time of 1e40; of infinity
        with pytest.raises(InputError, match="no cursor"):
            await runs.list(RunFilter(cursor=cursor))


async def test_feedback_is_kept_and_replaced(start):
    runs = await start(answer)
    run_id = (await runs.start("answer", {"subject": "a"})).id
    await runs.feedback(run_id, True, [], "", "anna")
    await runs.feedback(run_id, False, ["not correct"], "wrong price", "anna")
    rated = (await runs.get(run_id)).feedback
    assert rated is not None
    assert (rated.helpful, rated.reasons, rated.comment) == (False, ["not correct"], "wrong price")


async def ask(ticket: Ticket) -> Reply:
    draft = Reply(text=await shout(ticket.subject))
    decision = await approval("Send this?", draft, expires="2d", context={"Customer": ticket.subject})
    if not decision.accepted:
        return Reply(text=f"kept back: {decision.comment}")
    return decision.value


async def waiting(runs, value):
    run = await runs.wait((await runs.start("ask", value)).id, 10)
    assert run.status == "waiting"
    return run, run.approvals[0]


async def test_an_approval_waits_without_a_place_and_goes_on_with_the_edited_value(start):
    runs = await start(ask, answer, concurrency=1)
    run, asked = await waiting(runs, {"subject": "hello"})
    assert asked.value == {"text": "HELLO"}
    assert asked.context == [{"label": "Customer", "value": "hello"}]
    assert asked.schema_["required"] == ["text"]
    other = await runs.wait((await runs.start("answer", {"subject": "b"})).id, 10)
    assert other.status == "succeeded"
    decided = await runs.answer(asked.id, "edit", {"text": "Hello."}, "too loud", "anna")
    assert (decided.status, decided.decided_by) == ("edited", "anna")
    run = await runs.wait(run.id, 10)
    assert run.output == {"text": "Hello."}
    assert [(s.kind, s.status) for s in run.steps] == [("step", "succeeded"), ("approval", "succeeded")]


async def test_the_first_answer_counts(start):
    runs = await start(ask)
    _run, asked = await waiting(runs, {"subject": "hello"})
    outcomes = await asyncio.gather(
        runs.answer(asked.id, "accept", by="anna"), runs.answer(asked.id, "reject", by="ben"), return_exceptions=True
    )
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["ApprovalView", "Conflict"]


@pytest.mark.parametrize("value", [{"text": 3}, {}, {"text": "x", "more": 1}, None])
async def test_an_edited_value_that_does_not_fit_is_refused_and_the_question_stays(start, value):
    runs = await start(ask)
    _run, asked = await waiting(runs, {"subject": "hello"})
    with pytest.raises(InputError):
        await runs.answer(asked.id, "edit", value)
    with pytest.raises(InputError, match="accept takes the value as it is"):  # or it would be dropped unseen
        await runs.answer(asked.id, "accept", {"text": "another"})
    assert (await runs.approval(asked.id)).status == "pending"


async def test_rejecting_gives_the_comment_to_the_pipeline(start):
    runs = await start(ask)
    run, asked = await waiting(runs, {"subject": "hello"})
    await runs.answer(asked.id, "reject", comment="no")
    assert (await runs.wait(run.id, 10)).output == {"text": "kept back: no"}
    assert [a.id for a in (await runs.approvals("rejected")).items] == [asked.id]
    assert (await runs.approvals("pending")).items == []


async def hurried(text: str) -> str:
    return (await approval("Quick!", text, expires="0.2s")).status


async def test_an_approval_expires(start):
    runs = await start(hurried)
    run_id = (await runs.start("hurried", {"text": "x"})).id
    last = [event async for _seq, event in runs.events(run_id)][-1]
    assert last["type"] == "finish"
    assert (await runs.get(run_id)).output == "expired"


async def test_a_restart_keeps_the_question_and_repeats_no_step(start):
    runs = await start(ask)
    run, asked = await waiting(runs, {"subject": "hello"})
    before = run.steps[0].started_at
    runs = await start(ask)
    assert (await runs.get(run.id)).status == "waiting"
    await runs.answer(asked.id, "accept", by="anna")
    async with asyncio.timeout(15):
        async for _seq, _event in runs.events(run.id):
            pass
    run = await runs.get(run.id)
    assert run.output == {"text": "HELLO"}
    assert run.steps[0].started_at == before


_AMOUNT = TypeAdapter(int | None)


async def by_scope(ticket: Ticket) -> str:
    said = await current_scope().ask_person("Refund?", 40, _AMOUNT, context={"Customer": ticket.subject})
    again = await current_scope().ask_person("Surely?", said.value, _AMOUNT, expires="0.2s")
    return f"{said.status} {said.value} by {said.by} ({said.comment}), then {again.status} {again.value}"


async def test_a_room_below_asks_a_person_through_the_scope(start):
    """The value is held against the type that was named, not against that of the value: None is right here."""
    runs = await start(by_scope)
    run = await runs.wait((await runs.start("by_scope", {"subject": "hello"})).id, 10)
    asked = run.approvals[0]
    assert (asked.value, asked.context) == (40, [{"label": "Customer", "value": "hello"}])
    with pytest.raises(InputError):
        await runs.answer(asked.id, "edit", "a lot")
    await runs.answer(asked.id, "edit", None, "nothing at all", "anna")
    async with asyncio.timeout(30):
        async for _seq, _event in runs.events(run.id):
            pass
    run = await runs.get(run.id)
    assert run.output == "edited None by anna (nothing at all), then expired None"
    assert [(s.seq, s.kind, s.status) for s in run.steps] == [
        (1, "approval", "succeeded"),
        (2, "approval", "succeeded"),
    ]


@step
async def ask_within(text: str) -> str:
    if text == "approval":
        return str((await approval("Within?", text)).value)
    if text == "sleep":
        await sleep("2h")
    return str((await current_scope().ask_person("Within?", text, TypeAdapter(str))).value)


async def asks_within(text: str) -> str:
    return await ask_within(text)


@pytest.mark.parametrize("text", ["person", "approval", "sleep"])
async def test_waiting_inside_a_step_is_refused_with_the_way_out(start, text: str) -> None:
    runs = await start(asks_within)
    run = await runs.wait((await runs.start("asks_within", {"text": text})).id, 10)
    assert run.status == "failed"
    assert "inside step 1" in run.error["message"]
    assert "before the step or after it" in run.error["hint"]
    assert run.approvals == []


async def test_asking_a_person_outside_a_run_is_refused_with_the_way_out():
    with pytest.raises(CoachworkError, match="inside a run only") as refused:
        await current_scope().ask_person("Refund?", 40, _AMOUNT)
    assert "coachwork run" in refused.value.hint
