"""What the tests of the server say to it, and how they read its streams."""

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2 as httpx
import uvicorn

from coachwork.app.project import Project, load_project
from coachwork.server.application import create_app
from coachwork.server.listening import address_of, listen
from coachwork.server.serve import configured


@dataclass
class Here:
    """The server under test: a client of its API, its project, and its folder."""

    http: httpx.Client
    project: Project
    folder: Path

    def start(self, pipeline: str, input: object, *, wait: float = 30) -> dict[str, Any]:
        """Start a run and wait for its end (or for a person)."""
        answer = self.http.post(f"/api/pipelines/{pipeline}/runs?wait={wait}", json={"input": input})
        assert answer.status_code in (200, 202), answer.text
        found: dict[str, Any] = answer.json()
        return found

    def open_gate(self, name: str) -> None:
        """Let a `held` run with this name go on."""
        (self.folder / f"{name}.go").touch()


@contextmanager
def serving(folder: Path, environ: Mapping[str, str], *, runs: bool = True) -> Iterator[Here]:
    """Serve the project in the folder on a loopback port, as long as the block lasts.

    A process has one engine of runs: a second server beside the first is opened without, `runs=False`.
    """
    static = folder / "static"
    (static / "assets").mkdir(parents=True)
    (static / "index.html").write_text("<!doctype html><title>Desk</title>")
    project = load_project(folder, environ)
    listening = listen("127.0.0.1", 0)
    config = configured(create_app(project, static=static))
    config.lifespan = "auto" if runs else "off"
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    try:
        with httpx.Client(base_url=address_of(listening), timeout=30) as http:
            http.get("/api/health").raise_for_status()
            yield Here(http, project, folder)
            server.config.app.state.served.stopping.set()  # type: ignore[union-attr]
    finally:
        server.should_exit = True
        thread.join()
        project.database.close()


def events(response: httpx.Response) -> Iterator[tuple[int | None, Any]]:
    """Read server-sent events: number and JSON, or the text itself where it is none ([DONE])."""
    number, data = None, ""
    for line in response.iter_lines():
        name, _, value = line.partition(": ")
        if name == "id":
            number = int(value)
        elif name == "data":
            data = value
        elif not line and data:
            yield number, data if data == "[DONE]" else json.loads(data)
            number, data = None, ""


def environment(folder: Path) -> dict[str, str]:
    """The environment of the test project: its own cache, and the fake model in place of real ones."""
    fake = {"COACHWORK_ALLOW_FAKE": "1", "COACHWORK_FAKE_MODEL": f"{folder}/fake_model.py:fake"}
    return {"HOME": str(folder), "COACHWORK_CACHE": str(folder / "cache"), **fake}
