"""One HTTP/1.1 connection, byte by byte. Knows requests and steps; does not know what is asked or answered."""

import asyncio
import math
import socket
import struct
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Literal
from urllib.parse import parse_qsl, unquote

import httptools

from coachwork.testing.provider.damage import Bytes, Cut, End, Head, Step, Wait
from coachwork.testing.provider.wire import Received

Outcome = Literal["open", "whole", "cut", "client-left"]


@dataclass
class Sent:
    """What went out of one answer so far. `bytes` with headers and framing."""

    status: int = 0
    bytes: int = 0
    pieces: int = 0
    outcome: Outcome = "open"


@dataclass
class _Parsed:
    """A request as the parser brings it, piece by piece."""

    url: bytes = b""
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: list[bytes] = field(default_factory=list)


class Connection(asyncio.Protocol):
    """A client's connection. `handle` answers its requests one after the other and is cancelled when it goes."""

    def __init__(
        self,
        handle: Callable[[Received, "Connection"], Awaitable[None]],
        opened: Callable[["Connection"], bool],
        closed: Callable[["Connection"], None],
    ) -> None:
        self._handle, self._opened, self._closed = handle, opened, closed
        self._waiting: asyncio.Queue[tuple[Received, bool]] = asyncio.Queue()
        self._writable = asyncio.Event()
        self._writable.set()
        self._parser = httptools.HttpRequestParser(self)
        self._parsed = _Parsed()
        self._task: asyncio.Task[None] | None = None
        self.number = 0

    # ── What asyncio tells ──

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        raw = transport.get_extra_info("socket")  # asyncio does it for sockets it made itself alone
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if not self._opened(self):
            self.cut(reset=True)
            return
        self._task = asyncio.get_running_loop().create_task(self._answer())

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:  # an offer of HTTP/2 in clear text may be passed over
            pass
        except httptools.HttpParserError:
            self._transport.write(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
            self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        self._closed(self)
        self._writable.set()
        if self._task is not None:
            self._task.cancel()

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    # ── What the parser tells ──

    def on_message_begin(self) -> None:
        self._parsed = _Parsed()

    def on_url(self, url: bytes) -> None:
        self._parsed.url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self._parsed.headers.append((name.decode("latin-1").lower(), value.decode("latin-1")))

    def on_headers_complete(self) -> None:
        if dict(self._parsed.headers).get("expect", "").lower() == "100-continue":
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, body: bytes) -> None:
        self._parsed.body.append(body)

    def on_message_complete(self) -> None:
        path, _mark, query = self._parsed.url.decode("latin-1").partition("?")
        method = self._parser.get_method().decode()
        body = b"".join(self._parsed.body)
        received = Received(method, unquote(path), dict(parse_qsl(query)), dict(self._parsed.headers), body)
        self._waiting.put_nowait((received, self._parser.should_keep_alive()))

    # ── Answering ──

    async def _answer(self) -> None:
        try:
            while True:
                received, stays = await self._waiting.get()
                await self._handle(received, self)
                if not stays:
                    return
        finally:
            self._transport.close()  # also where a bug ends it: the client is not left to wait

    async def perform(self, steps: Iterable[Step], sent: Sent) -> None:
        """Do what the steps say, and note in `sent` how far it came."""
        chunks = False
        try:
            for step in steps:
                match step:
                    case Head():
                        chunks, sent.status = step.length is None, step.status
                        await self._write(_head(step), sent)
                    case Bytes():
                        data = b"%x\r\n%b\r\n" % (len(step.data), step.data) if chunks else step.data
                        sent.pieces += step.piece
                        await self._write(data, sent)
                    case Wait():
                        await (asyncio.Event().wait() if math.isinf(step.seconds) else asyncio.sleep(step.seconds))
                    case End():
                        sent.outcome = "whole" if step.whole else "cut"
                        await self._write(b"0\r\n\r\n" if chunks else b"", sent)
                        if step.close:
                            self._transport.close()
                    case Cut():
                        sent.outcome = "cut"
                        self.cut(reset=step.reset)
        finally:
            if sent.outcome == "open":
                sent.outcome = "client-left"

    async def _write(self, data: bytes, sent: Sent) -> None:
        self._transport.write(data)
        sent.bytes += len(data)
        await self._writable.wait()
        await asyncio.sleep(0)  # every write on its way before the next, and others get their turn

    def cut(self, *, reset: bool = False) -> None:
        """End the connection now: by a plain close after what was written, or by a reset."""
        if not reset:
            self._transport.close()
            return
        raw = self._transport.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._transport.abort()


def _head(head: Head) -> bytes:
    lines = [f"HTTP/1.1 {head.status} {_phrase(head.status)}"]
    lines += [f"{name}: {value}" for name, value in head.headers]
    lines.append("transfer-encoding: chunked" if head.length is None else f"content-length: {head.length}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def _phrase(status: int) -> str:
    return HTTPStatus(status).phrase if status in HTTPStatus._value2member_map_ else "Overloaded"
