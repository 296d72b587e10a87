"""`coachwork worker`: works on what a server without places accepted, and ends what it is at when told to stop."""

import signal
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2
import pytest

from .conftest import Spawn


def free_port() -> int:
    with socket.socket() as here:
        here.bind(("127.0.0.1", 0))
        return int(here.getsockname()[1])


def until(found: Callable[[], Any], seconds: float = 60) -> Any:
    give_up = time.monotonic() + seconds
    while not (value := found()):
        assert time.monotonic() < give_up, "it did not happen"
        time.sleep(0.05)
    return value


@pytest.mark.slow
def test_a_worker_takes_runs_from_the_line_and_ends_what_it_is_at(spawn: Spawn, project: Path) -> None:
    settings = project / "coachwork.toml"
    settings.write_text(settings.read_text() + "[runs]\nconcurrency = 0\n")
    port = free_port()
    spawn("serve", "--port", str(port))

    def asked(path: str, **given: Any) -> dict[str, Any]:
        url = f"http://127.0.0.1:{port}/api/{path}"
        try:
            answer = httpx2.post(url, json=given) if given else httpx2.get(url)
        except httpx2.TransportError:
            return {}
        return dict(answer.json())

    until(lambda: asked("health"))
    run = asked("pipelines/slow/runs", input={"number": 41})
    assert (run["status"], asked(f"runs/{run['id']}")["position"]) == ("queued", 1)

    worker = spawn("worker", "--concurrency", "1", "--grace", "60")
    until(lambda: asked(f"runs/{run['id']}")["status"] == "running")
    worker.send_signal(signal.SIGTERM)  # in the middle: it takes nothing new, and ends this one
    second = asked("pipelines/slow/runs", input={"number": 1})
    (project / "open").touch()
    assert worker.wait(60) == 0
    ended = asked(f"runs/{run['id']}")
    assert (ended["status"], ended["output"]) == ("succeeded", 42)
    assert asked(f"runs/{second['id']}")["status"] == "queued"
