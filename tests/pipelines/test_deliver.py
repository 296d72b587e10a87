"""Webhooks out: signed so that a stranger's library accepts them, tried again, and never silently dropped."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest
from standardwebhooks.webhooks import Webhook

from coachwork.pipelines import deliver as room
from coachwork.pipelines.deliver import WebhookConfig, deliver

SECRET = "whsec_" + "c2VjcmV0LXNlY3JldC1zZWNyZXQtMDEyMw=="


@dataclass
class Receiver:
    """A small HTTP/1.1 receiver that answers with the given statuses in order, the last one for ever."""

    statuses: list[int]
    seen: list[tuple[dict[str, str], str]] = field(default_factory=list)
    url: str = ""

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        headers = {k.lower(): v.strip() for k, _, v in (line.partition(":") for line in head.split("\r\n")[1:] if line)}
        body = (await reader.readexactly(int(headers["content-length"]))).decode()
        status = self.statuses[min(len(self.seen), len(self.statuses) - 1)]
        self.seen.append((headers, body))
        writer.write(f"HTTP/1.1 {status} x\r\ncontent-length: 0\r\nconnection: close\r\n\r\n".encode())
        await writer.drain()
        writer.close()


@asynccontextmanager
async def receiving(*statuses: int) -> AsyncIterator[Receiver]:
    receiver = Receiver(list(statuses))
    server = await asyncio.start_server(receiver.handle, "127.0.0.1", 0)
    receiver.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook"
    async with server:
        yield receiver


async def send(text: str) -> int:
    return (await deliver("replies", {"text": text})).tries


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "_PAUSES", (0.01, 0.01, 0.01, 0.01))


async def run_with(start: Callable[..., object], receiver: Receiver):
    runs = await start(
        send,
        webhooks={"replies": WebhookConfig(url=receiver.url)},
        COACHWORK_WEBHOOK_REPLIES_SECRET=SECRET,
    )
    return await runs.wait((await runs.start("send", {"text": "Grüße"})).id, 20)


async def test_a_delivery_verifies_and_names_its_run(start):
    async with receiving(204) as receiver:
        run = await run_with(start, receiver)
    assert run.output == 1
    [(headers, body)] = receiver.seen
    checked = Webhook(SECRET).verify(body, headers)
    assert checked["type"] == "send.replies"
    assert checked["data"] == {"run_id": run.id, "text": "Grüße"}
    assert headers["webhook-id"] == f"{run.id}-1"
    assert json.loads(body) == checked


async def test_a_passing_failure_is_tried_again_under_the_same_id(start, quick):
    async with receiving(500, 429, 200) as receiver:
        run = await run_with(start, receiver)
    assert run.output == 3
    assert len({headers["webhook-id"] for headers, _body in receiver.seen}) == 1
    assert run.steps[0].detail == "answered 200 at try 3"


async def test_a_refusal_is_final_and_said(start, quick):
    async with receiving(403) as receiver:
        run = await run_with(start, receiver)
    assert run.status == "failed"
    assert "it answered 403" in run.error["message"]
    assert len(receiver.seen) == 1


async def test_no_receiver_is_a_failure_with_all_tries(start, quick):
    async with receiving(200) as receiver:
        pass
    run = await run_with(start, receiver)
    assert run.error["code"] == "delivery-failed"
    assert run.error["details"]["tries"] == 5
    assert SECRET not in json.dumps(run.model_dump(mode="json"))


async def test_a_missing_secret_says_which_variable(start):
    runs = await start(send, webhooks={"replies": WebhookConfig(url="http://127.0.0.1:9/")})
    run = await runs.wait((await runs.start("send", {"text": "x"})).id, 20)
    assert "COACHWORK_WEBHOOK_REPLIES_SECRET is not set" in run.error["message"]


async def test_an_unknown_receiver_offers_the_nearest(start):
    runs = await start(send, webhooks={"reply": WebhookConfig(url="http://127.0.0.1:9/")})
    run = await runs.wait((await runs.start("send", {"text": "x"})).id, 20)
    assert "Did you mean 'reply'" in run.error["hint"]
