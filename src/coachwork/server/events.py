"""A run's events as server-sent events, in the AI SDK's UI message stream. Knows the wire; not what a run does.

Closing the connection ends the reading, never the run: every event has a number, and the next
connection says after which one to go on.
"""

import asyncio
import json
from collections.abc import AsyncGenerator, Mapping
from typing import Any

from pydantic_core import PydanticSerializationError, to_json
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from coachwork.pipelines.runs import Runs
from coachwork.pipelines.views import RunView
from coachwork.server.problems import bug, from_stored, log_bug, shown

Event = Mapping[str, Any]
HEADERS = {
    "content-type": "text/event-stream; charset=utf-8",
    "x-vercel-ai-ui-message-stream": "v1",
    "cache-control": "no-cache, no-transform",
    "x-accel-buffering": "no",
}
HEARTBEAT_SECONDS = 15.0
_RECONNECT = b"retry: 1000\n\n"
_HEARTBEAT = b": still here\n\n"
_DONE = b"data: [DONE]\n\n"


class EventStream(Response):
    """Sends events as they come. Ends when they end, when the client leaves, or when the server stops.

    Only the first of these sends `[DONE]`: a reader without it knows that there is more to ask for.
    """

    def __init__(
        self,
        events: AsyncGenerator[tuple[int, Event], None],
        *,
        stopping: asyncio.Event,
        headers: Mapping[str, str] | None = None,
        heartbeat_seconds: float = HEARTBEAT_SECONDS,
    ) -> None:
        self.status_code = 200
        self.background = None
        self.init_headers({**HEADERS, **(headers or {})})
        del self.headers["content-length"]
        self._events = events
        self._stopping = stopping
        self._heartbeat_seconds = heartbeat_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        await _send(send, _RECONNECT)
        leave = {asyncio.create_task(_gone(receive)), asyncio.create_task(self._stopping.wait())}
        coming = asyncio.create_task(anext(self._events))
        try:
            while True:
                done, _ = await asyncio.wait(
                    {coming, *leave}, timeout=self._heartbeat_seconds, return_when=asyncio.FIRST_COMPLETED
                )
                if done & leave:
                    break
                if not done:
                    await _send(send, _HEARTBEAT)
                    continue
                try:
                    await _send(send, encode(*coming.result()))
                except StopAsyncIteration:
                    await _send(send, _DONE)
                    break
                coming = asyncio.create_task(anext(self._events))
        except Exception as error:  # the status is sent: all that is left is to say it in the stream
            await _send(send, _broken(error, scope["path"]))
        finally:
            for task in (coming, *leave):
                task.cancel()
            await asyncio.gather(coming, *leave, return_exceptions=True)
            await self._events.aclose()
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def events_of(runs: Runs, run: RunView, after: int) -> AsyncGenerator[tuple[int, Event], None]:
    """The run's events above `after`, with problems as the API shows them."""
    async for seq, event in runs.events(run.id, after):
        yield seq, _as_shown(event)


def encode(seq: int, event: Event) -> bytes:
    """One event on the wire: its number, then its JSON on one line."""
    return b"id: %d\ndata: %b\n\n" % (seq, _json(event))


def _as_shown(event: Event) -> Event:
    data = event.get("data")
    if event["type"] == "data-problem":
        return {**event, "data": from_stored(event["data"]).plain()}
    if event["type"] == "data-step" and isinstance(data, dict) and data.get("error"):
        return {**event, "data": {**data, "error": shown(data["error"])}}
    return event


def _json(value: Any) -> bytes:
    try:
        return to_json(value, inf_nan_mode="null")
    except PydanticSerializationError:  # half a surrogate pair, which UTF-8 can't carry but an escape can
        return json.dumps(value).encode()


def _broken(error: Exception, path: str) -> bytes:
    found = bug(log_bug(error, path=path))
    parts = {"type": "data-problem", "data": found.plain()}, {"type": "error", "errorText": found.reader}
    return b"".join(b"data: %b\n\n" % _json(part) for part in parts)


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _send(send: Send, chunk: bytes) -> None:
    await send({"type": "http.response.body", "body": chunk, "more_body": True})
