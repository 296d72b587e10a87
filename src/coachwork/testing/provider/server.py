"""A model provider on this machine that fails on request: OpenAI's, Anthropic's, Gemini's and rerankers' wires, a log.

    with ProviderServer() as server:                    # or `async with`, on your own event loop
        client = OpenAI(base_url=server.url + "/v1", api_key="any")
        client.chat.completions.create(model="gpt-5-mini+cut-after-3", ...)

A fault is asked for by the model's name or the API key (`+cut-after-3` behind it), by the header `x-fault`, or by
`inject`; all of them also work from another process, by `POST /_faults` (see `control.py`). So it works through any
gateway. With LiteLLM, for example:

    model_list:
      - model_name: flaky
        litellm_params: {model: openai/gpt-5-mini+cut-after-3, api_base: http://127.0.0.1:8010/v1, api_key: any}
      - model_name: overloaded
        litellm_params: {model: anthropic/claude-haiku-4-5+529, api_base: http://127.0.0.1:8010, api_key: any}
"""

import asyncio
import random
import socket
import threading
import time
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import replace

from coachwork.errors import InputError
from coachwork.server.listening import address_of, listen
from coachwork.testing.provider import control
from coachwork.testing.provider.connection import Connection, Sent
from coachwork.testing.provider.damage import NO_ANSWER, Exchange, Step, refused, steps
from coachwork.testing.provider.faults import Fault, faults, split_name
from coachwork.testing.provider.journal import Asked, masked, shown_body
from coachwork.testing.provider.question import Answer, Script, Written, answered
from coachwork.testing.provider.rules import Rule, Rules
from coachwork.testing.provider.wire import Received, Wire
from coachwork.testing.provider.wires import wire_of

_KEY_HEADERS = ("authorization", "x-api-key", "x-goog-api-key", "api-key")


class ProviderServer:
    """The server. `answers` are given in order, texts or `Answer`s; whoever finds none is answered by an echo.

    `faults` are for every request (`["slow-stream-50"]`); `seed` decides rules with a probability. `requests`
    holds the newest `keep` requests, `answered` counts whole answers of all. Port 0 takes a free one.
    """

    def __init__(
        self,
        answers: Iterable[Written] = (),
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        faults: Sequence[str] = (),
        seed: int = 0,
        keep: int = 10_000,
    ) -> None:
        self._host, self._port = host, port
        self.script = Script()
        self.script.add(answers)
        self.rules = Rules(random.Random(seed))
        for written in faults:
            self.inject(written)
        self.requests: deque[Asked] = deque(maxlen=keep)
        self.asked = self.answered = self.opened = 0
        self._open: set[Connection] = set()
        self._control: set[Connection] = set()
        self._server: asyncio.Server | None = None
        self._thread: _Thread | None = None
        self._listening: socket.socket | None = None

    # ── Opening and closing ──

    def listen(self) -> socket.socket:
        """Take the port. Raises PortInUse. Clients wait in its queue until the server is started."""
        if self._listening is None:
            self._listening = listen(self._host, self._port)
        return self._listening

    async def start(self) -> None:
        """Serve on this event loop. Raises PortInUse."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._connection, sock=self.listen())

    async def stop(self) -> None:
        """Stop, and let every connection go."""
        if self._server is not None:
            self._server.close()
            for connection in tuple(self._open):
                connection.cut()
            await self._server.wait_closed()
        self._server = self._listening = None

    async def __aenter__(self) -> "ProviderServer":
        await self.start()
        return self

    async def __aexit__(self, *_exception: object) -> None:
        await self.stop()

    def __enter__(self) -> "ProviderServer":
        self.listen()
        self._thread = _Thread(self)
        return self

    def __exit__(self, *_exception: object) -> None:
        assert self._thread is not None
        self._thread.end()

    @property
    def url(self) -> str:
        """The address: what Anthropic's and Google's SDKs take as base_url. OpenAI's takes `url + "/v1"`."""
        if self._listening is None:
            raise InputError("the provider server is not started", hint="Use it as `with ProviderServer() as server:`.")
        return address_of(self._listening)

    # ── Steering ──

    def inject(
        self, fault: str, *, wire: str = "", model: str = "", times: int | None = None, probability: float = 1.0
    ) -> None:
        """Give the next `times` requests this fault (None: all), of a wire and of models that begin so.

        Raises InputError for a fault or wire that is not known.
        """
        self.rules.add(Rule(faults(fault), wire, model, times, probability))

    def clear(self) -> None:
        """Forget the injected faults. Those in names, keys and headers still count."""
        self.rules.clear()

    def answer(self, *answers: Written) -> None:
        """Add to the script."""
        self.script.add(answers)

    @property
    def open_connections(self) -> int:
        """How many clients hold a connection now; those that only steer are not counted."""
        return len(self._open - self._control)

    # ── Serving ──

    def _connection(self) -> Connection:
        return Connection(self._handle, self._opened, self._open.discard)

    def _opened(self, connection: Connection) -> bool:
        """Count a connection, and say whether it is taken at all."""
        self._control &= self._open
        self._open.add(connection)
        self.opened += 1
        connection.number = self.opened
        return not self.rules.refuses()

    async def _handle(self, received: Received, connection: Connection) -> None:
        if received.path.startswith("/_"):
            self._control.add(connection)
            await connection.perform(control.steps(self, received), Sent())
            return
        wire = wire_of(received)
        if wire is None:
            await connection.perform(control.unknown_path(received), Sent())
            return
        self.asked += 1
        sent, began = Sent(), time.monotonic()
        asked = Asked(self.asked, connection.number, wire.name, received.path, sent, body=shown_body(received))
        self.requests.append(asked)
        try:
            await connection.perform(self._steps(wire, received, asked), sent)
        finally:
            asked.seconds = time.monotonic() - began
            self.answered += sent.outcome == "whole" and sent.status == 200

    def _steps(self, wire: Wire, received: Received, asked: Asked) -> Iterable[Step]:
        try:
            exchange = self._exchange(wire, received, asked)
            if wire.events is None or not exchange.question.streams:
                wire.plain(exchange.question, exchange.answer, received)  # what can't be said is refused first
        except InputError as error:
            return refused(wire, str(error))
        except (ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
            return refused(wire, f"This is no request of the wire {wire.name}: {type(error).__name__}: {error}")
        return steps(exchange, time.time())

    def _exchange(self, wire: Wire, received: Received, asked: Asked) -> Exchange:
        key, by_key = split_name(_key(received))
        asked.key = masked(key)
        question = wire.read(received)
        name, by_model = split_name(question.model)
        asked.model, asked.streams = name, question.streams
        given = [*faults(received.headers.get("x-fault", "")), *by_model, *by_key]
        given += self.rules.take(wire.name, name)
        asked.faults = [str(fault) for fault in given]
        question = replace(question, model=name)
        spoilt = any(fault.name in NO_ANSWER for fault in given)  # the script's line is kept for a better time
        answer = answered(question, Answer() if spoilt else self.script.take(question))
        asked.usage = None if spoilt else answer.usage
        return Exchange(wire, received, question, answer, _first_of_each(given))


def _key(received: Received) -> str:
    for name in _KEY_HEADERS:
        if value := received.headers.get(name):
            return value.removeprefix("Bearer ")
    return received.query.get("key", "")


def _first_of_each(given: Iterable[Fault]) -> tuple[Fault, ...]:
    """What the request itself asks for goes before a rule."""
    found: dict[str, Fault] = {}
    for fault in given:
        found.setdefault(fault.name, fault)
    return tuple(found.values())


class _Thread:
    """The server on an event loop and thread of its own, for programs that have none."""

    def __init__(self, server: ProviderServer) -> None:
        self._loop = asyncio.new_event_loop()
        self._server = server
        self._thread = threading.Thread(target=self._loop.run_forever, name="coachwork-testing-provider", daemon=True)
        self._thread.start()
        asyncio.run_coroutine_threadsafe(server.start(), self._loop).result()

    def end(self) -> None:
        asyncio.run_coroutine_threadsafe(self._server.stop(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
