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

ASKING = """

@app.pipeline
async def asking(number: int) -> str:
    from coachwork import patched

    thought = await think(number)
    # before
    decision = await approval("Go on?", thought)
    # after
    return f"{decision.status} {thought}"
"""
BEFORE = """if await patched("think twice"):
        thought = await think(thought)"""
AFTER = """if await patched("check"):
        return f"{decision.status} {thought} and checked\""""


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
    app, port = project / "app.py", free_port()
    code = app.read_text()
    app.write_text(code + ASKING)
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

    # An approval waits across a kill, an upgrade of the code and a change of worker.
    killed = spawn("worker", "--concurrency", "1")
    asking = asked("pipelines/asking/runs", input={"number": 7})
    until(lambda: asked(f"runs/{asking['id']}")["status"] == "waiting")
    killed.kill()
    app.write_text(code + ASKING.replace("# before", BEFORE).replace("# after", AFTER))
    spawn("worker", "--concurrency", "1")
    [question] = asked(f"runs/{asking['id']}")["approvals"]
    asked(f"approvals/{question['id']}/answer", decision="accept", by="ann")
    ended = until(lambda: (run := asked(f"runs/{asking['id']}"))["finished_at"] and run)
    assert (ended["status"], ended["output"]) == ("succeeded", "accepted 8 and checked"), ended["error"]
    assert (project / "thoughts").read_text().split().count("7") == 1
