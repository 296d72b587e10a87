"""The HTTP of a hosted process: one object, many runs. Knows the wire; does not know what the object is.

POST /runs                  {run_id, given, state, answers} → one JSON event a line, until `outcome` or `failed`
POST /runs/ID/admitted      {id, refusal}: whether the model call of that id may be made
GET  /health                {framework}

Closing the connection of a run cancels it. Every request carries the token of the environment. The first line on
standard output is {"hosted": address}; the end of standard input ends the process.
"""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import importlib
import json
import os
import threading
import traceback
from collections.abc import AsyncGenerator
from typing import Any

from . import adapter_of, run
from .host import Event, Host
from .task import Answer, Task, plain

_MOST = 64 * 1024 * 1024  # bytes of a body
_TOKEN = "COACHWORK_HOSTED_TOKEN"
_CANCELLED: Event = {"kind": "failed", "type": "CancelledError", "message": "the hosted code cancelled itself"}


def main(place: str) -> None:
    """Load `module:object`, say where it is served, and serve until standard input ends."""
    say = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what the code prints belongs beside the log, not into the line that is read
    module, _, name = place.partition(":")
    thing: Any = importlib.import_module(module)
    for part in name.split("."):
        thing = getattr(thing, part)
    if not adapter_of(thing):
        raise SystemExit(f"{place} is a {type(thing).__module__}.{type(thing).__qualname__}, which no adapter hosts")
    threading.Thread(target=_end_with_input, daemon=True).start()
    asyncio.run(Server(thing, os.environ.pop(_TOKEN, "")).serve(lambda address: _announce(say, address)))


def _announce(say: Any, address: str) -> None:
    say.write(json.dumps({"hosted": address}) + "\n")
    say.close()


def _end_with_input() -> None:
    """Whoever started us is gone, however it went."""
    while os.read(0, 4096):
        pass
    os._exit(0)


class Server:
    """Serves one object on a free port of loopback. The object works on a loop and thread of its own.

    So a framework that holds up its loop, or asks for a model call without being able to wait, holds up nobody else.
    """

    def __init__(self, thing: Any, token: str) -> None:
        self._thing = thing
        self._token = token
        self._admissions: dict[tuple[str, str], asyncio.Future[str]] = {}
        self._work = asyncio.new_event_loop()

    async def serve(self, announce: Any) -> None:
        threading.Thread(target=self._work.run_forever, name="hosted", daemon=True).start()
        server = await asyncio.start_server(self._connection, "127.0.0.1", 0, limit=_MOST)
        announce(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
        async with server:
            await server.serve_forever()

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One request, and then its end."""
        try:
            method, path, headers = await _head(reader)
            length = int(headers.get("content-length") or 0)
            if length > _MOST:
                await _answer(writer, 413, {"error": "too large"})
                return
            body = json.loads(await reader.readexactly(length) or b"null")
            if not hmac.compare_digest(headers.get("authorization", "").encode(), f"Bearer {self._token}".encode()):
                await _answer(writer, 401, {"error": "the token is missing or wrong"})
            elif (method, path) == ("GET", "/health"):
                await _answer(writer, 200, {"framework": adapter_of(self._thing)})
            elif (method, path) == ("POST", "/runs"):
                await self._run(reader, writer, body)
            elif method == "POST" and path.startswith("/runs/") and path.endswith("/admitted"):
                self._admitted(path.split("/")[2], body)
                await _answer(writer, 200, {})
            else:
                await _answer(writer, 404, {"error": f"there is no {method} {path}"})
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the client left
        except (ValueError, KeyError, TypeError) as error:
            with contextlib.suppress(ConnectionError):
                await _answer(writer, 400, {"error": f"{type(error).__name__}: {error}"})
        finally:
            writer.close()

    def _admitted(self, run_id: str, body: Any) -> None:
        waiting = self._admissions.get((run_id, body["id"]))
        if waiting is not None and not waiting.done():
            waiting.set_result(body["refusal"])

    async def _run(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, body: Any) -> None:
        task = Task(
            body["run_id"], body["given"], body.get("state"), tuple(Answer(**one) for one in body.get("answers") or ())
        )
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: application/x-ndjson\r\nconnection: close\r\n\r\n")
        left = asyncio.create_task(reader.read(1))  # ends when the client closes the connection
        events = self._events(task)
        coming = asyncio.ensure_future(events.__anext__())
        try:
            while True:
                await asyncio.wait({left, coming}, return_when=asyncio.FIRST_COMPLETED)
                if left.done():
                    return
                try:
                    event = coming.result()
                except StopAsyncIteration:
                    return
                writer.write(json.dumps(plain(event), ensure_ascii=False).encode("utf-8", "surrogatepass") + b"\n")
                await writer.drain()
                coming = asyncio.ensure_future(events.__anext__())
        finally:
            left.cancel()
            coming.cancel()
            await asyncio.gather(left, coming, return_exceptions=True)
            await events.aclose()

    async def _events(self, task: Task) -> AsyncGenerator[Event, None]:
        """What one run tells, its end last."""
        told: asyncio.Queue[Event] = asyncio.Queue()
        host = Host(told.put_nowait, lambda call: self._ask(task.run_id, call, told), _never)
        work = asyncio.run_coroutine_threadsafe(self._ended(task, host), self._work)
        ended = asyncio.wrap_future(work)
        ended.add_done_callback(lambda done: told.put_nowait(_CANCELLED if done.cancelled() else done.result()))
        try:
            while True:
                event = await told.get()
                yield event
                if event["kind"] in ("outcome", "failed"):
                    return
        finally:
            host.stopped = True
            ended.cancel()
            for key in [key for key in self._admissions if key[0] == task.run_id]:
                self._admissions.pop(key).cancel()

    async def _ended(self, task: Task, host: Host) -> Event:
        try:
            outcome = await run(self._thing, task, host)
        except Exception as error:
            traceback.print_exc()
            return {"kind": "failed", "type": type(error).__name__, "message": str(error)}
        questions = [vars(question) for question in outcome.questions]
        return {"kind": "outcome", "value": outcome.value, "questions": questions, "state": outcome.state}

    async def _ask(self, run_id: str, call: Event, told: asyncio.Queue[Event]) -> str:
        """Ask over the run's stream; the answer comes by a request of its own."""
        answer: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._admissions[run_id, call["id"]] = answer
        told.put_nowait(call)
        try:
            return await answer
        finally:
            self._admissions.pop((run_id, call["id"]), None)


def _never(_call: Event) -> str:
    raise AssertionError("hosted code does not run on the loop of its server")


async def _head(reader: asyncio.StreamReader) -> tuple[str, str, dict[str, str]]:
    lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    method, path, _version = lines[0].split(" ", 2)
    pairs = (line.partition(":") for line in lines[1:] if line)
    return method, path, {name.strip().lower(): value.strip() for name, _, value in pairs}


async def _answer(writer: asyncio.StreamWriter, status: int, value: Any) -> None:
    body = json.dumps(value).encode()
    head = f"HTTP/1.1 {status} -\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\nconnection: close"
    writer.write(head.encode() + b"\r\n\r\n" + body)
    await writer.drain()
