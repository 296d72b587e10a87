"""The recorded traffic: each exchange of `../shared/data/cassettes`, and a server of this test that replays them."""

import base64
import email.parser
import email.policy
import json
import os
import re
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

DATA = Path(os.environ.get("COACHWORK_SHARED_DATA") or Path(__file__).parents[3] / "shared" / "data")
CASSETTES = DATA / "cassettes"


@dataclass(frozen=True)
class Exchange:
    """One request and its answer. `body` is the request's JSON, {} where it is a form; `form` (name, bytes)."""

    id: str
    provider: str
    method: str
    path: str
    body: dict[str, Any]
    form: tuple[tuple[str, bytes], ...]
    status: int
    answer: str

    @property
    def streams(self) -> bool:
        """By the request, as each wire says it."""
        in_form = any(name == "stream" and value.strip() == b"true" for name, value in self.form)
        return bool(self.body.get("stream")) or ":stream" in self.path or in_form

    @property
    def model(self) -> str:
        in_path = re.search(r"/models/([^/:]+):", self.path)
        in_form = next((value.decode() for name, value in self.form if name == "model"), "")
        return in_path[1] if in_path else self.body.get("model") or in_form


def exchanges() -> list[Exchange]:
    """All of them, in the order in which the server plays those of the same request."""
    found = []
    for file in sorted(CASSETTES.glob("*/*.json")):
        cassette = json.loads(file.read_text("utf8"))
        if cassette.get("synthetic"):
            continue
        for number, exchange in enumerate(cassette["exchanges"]):
            name = f"{cassette['provider']}/{file.stem}#{number}"
            found.append(_read(name, cassette["provider"], exchange))
    return found


def _read(name: str, provider: str, exchange: dict[str, Any]) -> Exchange:
    asked, answered = exchange["request"], exchange["response"]
    raw = base64.b64decode(asked["base64"]) if "base64" in asked else asked.get("text", "").encode()
    kind = str(asked["headers"].get("content-type", ""))
    body, form = asked.get("json"), ()
    if "multipart" in kind:
        form = tuple(_fields(raw, kind))
    elif body is None:
        body = json.loads(raw) if raw else {}
    answer = answered.get("text")
    if answer is None:
        answer = base64.b64decode(answered.get("base64", "")).decode("utf8", "replace")
    return Exchange(name, provider, exchange["method"], exchange["path"], body or {}, form, answered["status"], answer)


def _fields(raw: bytes, kind: str) -> Iterator[tuple[str, bytes]]:
    whole = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(
        b"content-type: " + kind.encode() + b"\r\n\r\n" + raw
    )
    for part in whole.iter_parts():
        yield str(part.get_param("name", header="content-disposition")), part.get_payload(decode=True) or b""


class Replay:
    """The server of `replay_server.py`, in a process of its own."""

    def __init__(self, address: str) -> None:
        self.address = address

    def control(self, path: str, body: object) -> None:
        urllib.request.urlopen(f"{self.address}/_replay/{path}", data=json.dumps(body).encode(), timeout=60).read()

    def fault(self, provider: str, **fault: object) -> None:
        self.control("fault", {"provider": provider, **fault})

    def log(self) -> list[dict[str, Any]]:
        played: list[dict[str, Any]] = json.load(urllib.request.urlopen(f"{self.address}/_replay/log", timeout=60))
        return played


@contextmanager
def replaying(*options: str) -> Iterator[Replay]:
    command = [sys.executable, str(DATA / "replay_server.py"), "--port", "0", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            address = re.search(r"http://\S+", process.stdout.readline())
            assert address is not None
            yield Replay(address[0])
        finally:
            process.kill()  # whatever went wrong: the end of `with` waits for it
