"""A server on loopback that answers what it is told and remembers what it was asked: for what goes over the wire."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Asked:
    path: str
    headers: dict[str, str]
    raw: bytes

    @property
    def body(self) -> Any:
        return json.loads(self.raw)


@dataclass
class SmallServer:
    """`answers` are given in turn, the last of them again and again: JSON, or an event stream where it is a list."""

    url: str
    answers: list[Any] = field(default_factory=list)
    status: int = 200
    done: bool = True  # whether an event stream ends with the chat wire's [DONE]
    asked: list[Asked] = field(default_factory=list)

    @property
    def last(self) -> Any:
        return self.asked[-1].body

    def next_answer(self) -> Any:
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


@contextmanager
def small_server() -> Iterator[SmallServer]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.daemon_threads = True
    server.small = SmallServer(f"http://127.0.0.1:{server.server_port}")  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield server.small  # type: ignore[attr-defined]
    server.shutdown()
    server.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        pass

    def do_POST(self) -> None:
        small: SmallServer = self.server.small  # type: ignore[attr-defined]
        raw = self.rfile.read(int(self.headers.get("content-length") or 0))
        small.asked.append(Asked(self.path, {name.lower(): value for name, value in self.headers.items()}, raw))
        answer = small.next_answer()
        streamed = isinstance(answer, list)
        text = "".join(f"data: {json.dumps(event)}\n\n" for event in answer) if streamed else json.dumps(answer)
        body = (text + "data: [DONE]\n\n" if streamed and small.done else text).encode()
        self.send_response(small.status)
        self.send_header("content-type", "text/event-stream" if streamed else "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
