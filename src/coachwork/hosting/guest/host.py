"""What an adapter tells whoever hosts it, and asks of it. Knows threads; does not know where the host is."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable
from typing import Any

Event = dict[str, Any]


class Refused(RuntimeError):
    """The host does not allow a model call: the message says why. It is raised inside the framework's run."""


class Stopped(RuntimeError):
    """Nobody waits for this run any more. Raised in threads, which can't be cancelled."""


class Host:
    """One run's line to its host. Made on the loop that carries `send`; every method may be called in any thread.

    `ask` says whether a model may be asked ("" for yes); `ask_now` says so without waiting, for code that holds the
    loop while it asks.
    """

    def __init__(
        self, send: Callable[[Event], None], ask: Callable[[Event], Awaitable[str]], ask_now: Callable[[Event], str]
    ) -> None:
        self._send = send
        self._ask = ask
        self._ask_now = ask_now
        self._loop = asyncio.get_running_loop()
        self._thread = threading.get_ident()
        self.stopped = False

    # ── Telling ──

    def text(self, text: str) -> None:
        """A piece of the answer, as it is written."""
        if text:
            self._tell("text", text=text)

    def tool(self, id: str, name: str, input: Any) -> None:
        self._tell("tool", id=id, name=name, input=input)

    def tool_end(self, id: str, output: Any = None, error: str = "") -> None:
        self._tell("tool-end", id=id, output=output, error=error)

    def part(self, id: str, name: str) -> None:
        """A part of the thing begins its work: a node, a component, a step."""
        self._tell("part", id=id, name=name)

    def part_end(self, id: str, error: str = "") -> None:
        self._tell("part-end", id=id, error=error)

    def call_end(
        self,
        id: str,
        *,
        usage: dict[str, int] | None = None,
        model: str = "",
        said: int = 0,
        finish: str = "",
        error: str = "",
    ) -> None:
        """A model call is over. `usage` None where the provider did not say; `said` are the answer's bytes."""
        self._tell("call-end", id=id, usage=usage, model=model, said=said, finish=finish, error=error)

    def relay(self, event: Event) -> None:
        """Pass on what another process told."""
        self._send(event)

    # ── Asking ──

    async def call(self, id: str, provider: str, model: str, sent: int, most: int | None) -> None:
        """A model is about to be asked: `sent` bytes, and at most `most` tokens back. Raises Refused."""
        call = self._call(id, provider, model, sent, most)
        if threading.get_ident() == self._thread:
            refusal = await self.asked(call)
        else:  # on a loop of another thread
            refusal = await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(self.asked(call), self._loop))
        if refusal:
            raise Refused(refusal)

    async def asked(self, call: Event) -> str:
        """Why a model may not be asked, "" where it may."""
        return await self._ask(call)

    def call_blocking(self, id: str, provider: str, model: str, sent: int, most: int | None) -> None:
        """The same where nothing can be awaited. Raises Refused."""
        call = self._call(id, provider, model, sent, most)
        if threading.get_ident() == self._thread:
            refusal = self._ask_now(call)
        else:
            refusal = asyncio.run_coroutine_threadsafe(self.asked(call), self._loop).result()
        if refusal:
            raise Refused(refusal)

    def _call(self, id: str, provider: str, model: str, sent: int, most: int | None) -> Event:
        return self._event("call", id=id, provider=provider, model=model, sent=sent, most=most)

    def _tell(self, kind: str, **fields: Any) -> None:
        event = self._event(kind, **fields)
        if threading.get_ident() == self._thread:
            self._send(event)
        else:
            self._loop.call_soon_threadsafe(self._send, event)

    def _event(self, kind: str, **fields: Any) -> Event:
        if self.stopped and threading.get_ident() != self._thread:
            raise Stopped("the run was stopped")
        return {"kind": kind, "at_ns": time.time_ns(), **fields}
