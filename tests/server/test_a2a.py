"""The pipelines as agents of programs that speak A2A: the protocol's own client, over a real socket."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from a2a.client.card_resolver import A2ACardResolver
from a2a.client.client import Client, ClientConfig
from a2a.client.client_factory import ClientFactory
from a2a.types import a2a_pb2 as wire
from a2a.utils.errors import A2AError
from google.protobuf.json_format import MessageToDict, ParseDict
from google.protobuf.struct_pb2 import Value

from .over_http import Here

VERSIONS = ["1.0", "0.3"]


@asynccontextmanager
async def connected(here: Here, skill: str = "", version: str = "1.0", **config: Any) -> AsyncIterator[Client]:
    """The SDK's client of the agent that the card at this address describes."""
    base = str(here.http.base_url).rstrip("/") + (f"/a2a/{skill}" if skill else "")
    async with httpx.AsyncClient(timeout=30) as http:
        card = await A2ACardResolver(http, base).get_agent_card()
        spoken = [each for each in card.supported_interfaces if each.protocol_version == version]
        del card.supported_interfaces[:]
        card.supported_interfaces.extend(spoken)
        yield ClientFactory(ClientConfig(httpx_client=http, **config)).create(card)


def message(*parts: str | dict[str, Any] | wire.Part, skill: str = "", **more: Any) -> wire.SendMessageRequest:
    said = [p if isinstance(p, wire.Part) else _part(p) for p in parts]
    more.setdefault("message_id", uuid.uuid4().hex)
    asked = wire.SendMessageRequest(message=wire.Message(role=wire.ROLE_USER, parts=said, **more))
    if skill:
        asked.message.metadata.update({"skill": skill})
    return asked


def _part(said: str | dict[str, Any]) -> wire.Part:
    return wire.Part(text=said) if isinstance(said, str) else wire.Part(data=ParseDict(said, Value()))


async def heard(client: Client, asked: wire.SendMessageRequest) -> list[wire.StreamResponse]:
    return [event async for event in client.send_message(asked)]


def texts(parts: Any) -> str:
    return "".join(part.text for part in parts)


async def test_the_card_tells_what_can_be_asked_and_each_pipeline_has_its_own(here: Here) -> None:
    told = here.http.get("/.well-known/agent-card.json").json()
    skills = {skill["id"]: skill for skill in told["skills"]}
    assert (told["name"], skills["answer_ticket"]["name"]) == ("Desk", "Answer a ticket")
    assert skills["answer_ticket"]["inputModes"] == ["text/plain", "application/json"]
    assert told["capabilities"]["streaming"]
    assert told["supportedInterfaces"][0]["url"].endswith("/a2a")
    one = here.http.get("/a2a/ask/.well-known/agent-card.json").json()
    assert (one["name"], [skill["id"] for skill in one["skills"]]) == ("Ask the handbook", ["ask"])
    gone = here.http.get("/a2a/nothing/.well-known/agent-card.json")
    assert (gone.status_code, gone.json()["code"]) == (404, "not-found")


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("streaming", [True, False])
async def test_a_message_is_a_run_and_the_run_a_task(here: Here, version: str, streaming: bool) -> None:
    asked = message({"subject": "hello", "attempts": 2})
    async with connected(here, "answer_ticket", version, streaming=streaming) as client:
        events = await heard(client, asked)
        task = await client.get_task(wire.GetTaskRequest(id=events[0].task.id))
        again = await heard(client, asked)
    assert task.status.state == wire.TASK_STATE_COMPLETED
    assert texts(task.artifacts[0].parts) == "HELLO"
    assert MessageToDict(task.artifacts[0].parts[1].data) == {"text": "HELLO", "score": 1.0}
    kept = here.http.get(f"/api/runs/{task.id}").json()
    assert (kept["pipeline"], kept["status"], kept["input"]["attempts"]) == ("answer_ticket", "succeeded", 2)
    assert again[0].task.id == task.id  # a message that is sent again is no second run
    if streaming:
        said = [texts(event.status_update.status.message.parts) for event in events if event.HasField("status_update")]
        assert said == ["Thinking about it", "Making it loud", ""]
        assert events[-1].status_update.status.state == wire.TASK_STATE_COMPLETED


async def test_what_is_written_comes_as_it_is_written_and_a_second_client_may_follow(here: Here) -> None:
    async with connected(here, "held") as client, connected(here, "held") as other:
        stream = client.send_message(message("a2a_gate"))
        seen = [await anext(stream)]
        while not seen[-1].HasField("artifact_update"):
            seen.append(await anext(stream))
        assert texts(seen[-1].artifact_update.artifact.parts) == "before "
        followed = other.subscribe(wire.SubscribeToTaskRequest(id=seen[0].task.id))
        assert (await anext(followed)).task.status.state == wire.TASK_STATE_WORKING
        here.open_gate("a2a_gate")
        seen += [event async for event in stream]
        rest = [event async for event in followed]
    written = [event.artifact_update for event in seen if event.HasField("artifact_update")]
    assert [(texts(each.artifact.parts), each.append) for each in written[:2]] == [("before ", False), ("after", True)]
    assert (texts(written[-1].artifact.parts), written[-1].last_chunk) == ("through", True)
    assert rest[-1].status_update.status.state == wire.TASK_STATE_COMPLETED


async def test_a_conversation_goes_on_in_its_context(here: Here) -> None:
    async with connected(here) as client:  # the application's own card: the only chat is meant
        first = (await heard(client, message("Where is it?")))[0].task
        second = (await heard(client, message("And now?", context_id=first.context_id)))[0].task
        task = await client.get_task(wire.GetTaskRequest(id=second.id))
    assert second.context_id == first.context_id
    assert texts(task.artifacts[0].parts) == "And now?"
    said = here.http.get(f"/api/runs/{second.id}").json()["input"]["messages"]
    assert [(turn["role"], turn["content"]) for turn in said] == [
        ("user", "Where is it?"),
        ("assistant", "Where is it?"),
        ("user", "And now?"),
    ]


async def test_a_task_that_needs_a_person_says_so_and_only_a_person_decides(here: Here) -> None:
    async with connected(here, "decide") as client:
        waiting = (await heard(client, message("Send me")))[-1].status_update.status
        task = (await client.list_tasks(wire.ListTasksRequest(status=wire.TASK_STATE_INPUT_REQUIRED))).tasks[0]
        assert waiting.state == task.status.state == wire.TASK_STATE_INPUT_REQUIRED
        assert texts(waiting.message.parts).startswith("Send this? A person decides")
        with pytest.raises(A2AError, match="waits for a person"):
            await heard(client, message("yes", task_id=task.id))
        asked = here.http.get(f"/api/runs/{task.id}").json()["approvals"][0]
        here.http.post(f"/api/approvals/{asked['id']}/answer", json={"decision": "accept"}).raise_for_status()
        async with asyncio.timeout(20):
            while (done := await client.get_task(wire.GetTaskRequest(id=task.id))).status.state < 3:  # noqa: ASYNC110
                await asyncio.sleep(0.05)
    assert texts(done.artifacts[0].parts) == "accepted: Send me"


async def test_a_task_is_cancelled_and_what_is_refused_says_why(here: Here) -> None:
    async with connected(here, "held", streaming=False, polling=True) as client:
        begun = (await heard(client, message("never_opened")))[0].task
        assert (await client.cancel_task(wire.CancelTaskRequest(id=begun.id))).status.state == wire.TASK_STATE_CANCELED
        with pytest.raises(A2AError, match="already cancelled"):
            await client.cancel_task(wire.CancelTaskRequest(id=begun.id))
        with pytest.raises(A2AError, match="no run 'run_none'"):
            await client.get_task(wire.GetTaskRequest(id="run_none"))
    async with connected(here) as client:
        for asked, why in [
            (message({"subjekt": "x"}, skill="answer_ticket"), "subjekt"),
            (message("x", skill="answer_tickets"), "answer_ticket"),
            (message("x" * 200, skill="answer_ticket"), "at most 100"),
            (message(" ", skill="answer_ticket"), "the message is empty"),
        ]:
            with pytest.raises(A2AError, match=why):
                await heard(client, asked)
        failed = (await heard(client, message("x", skill="fails")))[-1].status_update.status
    assert failed.state == wire.TASK_STATE_FAILED
    assert "sk-abcdefgh" not in texts(failed.message.parts)


@pytest.mark.parametrize("version", VERSIONS)
async def test_a_file_goes_into_the_field_that_takes_it_and_a_picture_comes_out_as_a_file(
    here: Here, version: str
) -> None:
    picture = wire.Part(raw=b"\x89PNG", filename="bell.png", media_type="image/png" if version == "0.3" else "")
    async with connected(here, "look", version, streaming=False) as client:
        for parts in ([picture], ["a bell", picture], [{"question": "a bell"}, picture]):
            task = (await heard(client, message(*parts)))[-1].task
            given = here.http.get(f"/api/runs/{task.id}").json()["input"]
            assert given == {"picture": "data:image/png;base64,iVBORw==", "question": "a bell" if parts[1:] else ""}
            assert (task.artifacts[0].parts[0].raw, task.artifacts[0].parts[0].media_type) == (b"\x89PNG", "image/png")
        for part, why in [
            (wire.Part(raw=b"x", media_type="audio/wav"), r"picture \(image/\*\)"),
            (wire.Part(url="http://127.0.0.1/secret.png", media_type="image/png"), "is not fetched"),
        ]:
            with pytest.raises(A2AError, match=why if version == "1.0" else None):
                await heard(client, message(part))
    card = here.http.get("/a2a/look/.well-known/agent-card.json").json()
    assert card["skills"][0]["inputModes"] == ["text/plain", "application/json", "image/*"]
    assert not card["capabilities"].get("pushNotifications", False)
