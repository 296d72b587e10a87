"""What the tests of the server say to it, and how they read its streams."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2 as httpx

from coachwork.app.project import Project


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
