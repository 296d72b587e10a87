"""`coachwork serve` as a process with a model provider on this machine, and what the tests say to both."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2 as httpx

import coachwork
from coachwork.pipelines.outline import Outline
from coachwork.testing import ProviderServer

_COMMAND = [sys.executable, "-c", "from coachwork.cli import main; main()", "serve", "--yes", "--port", "0"]
_START_SECONDS = 120


def chat(text: str) -> dict[str, Any]:
    """The input of a conversation with one question."""
    return {"messages": [{"role": "user", "content": text}]}


def eventually(found: Callable[[], Any], seconds: float = 60) -> Any:
    """What `found` gives as soon as it gives something, within so many seconds."""
    until = time.monotonic() + seconds
    while not (value := found()):
        assert time.monotonic() < until, f"{seconds:g} s have passed, and it is still not so"
        time.sleep(0.02)
    return value


@dataclass
class Hosting:
    """A served project. `kill` and `start` end it as a crash does, and begin it again."""

    folder: Path
    provider: ProviderServer
    environ: Mapping[str, str]
    process: subprocess.Popen[bytes] | None = None
    http: httpx.Client | None = None

    # ── Its life ──

    def start(self) -> None:
        told = self.folder / "told.txt"
        with told.open("wb") as file:
            self.process = subprocess.Popen(_COMMAND, cwd=self.folder, env=self.environ, stdout=file, stderr=file)

        def address() -> str:
            text = told.read_text()
            assert self.process is not None
            assert self.process.poll() is None, text
            return text.partition("is served at ")[2].partition("\n")[0].strip() if "Ctrl-C" in text else ""

        self.http = httpx.Client(base_url=eventually(address, _START_SECONDS), timeout=60)

    def end(self, sent: signal.Signals = signal.SIGTERM) -> None:
        assert self.process is not None
        if self.http is not None:  # it was ready
            self.http.close()
        self.process.send_signal(sent)
        self.process.wait(timeout=60)

    # ── What it is asked ──

    def run(self, pipeline: str, input: object, *, wait: float = 50) -> dict[str, Any]:
        """Start a run and wait until it has ended or waits for a person."""
        assert self.http is not None
        answer = self.http.post(f"/api/pipelines/{pipeline}/runs?wait={wait}", json={"input": input})
        assert answer.status_code in (200, 202), answer.text
        return self.get(answer.json()["id"])

    def get(self, run_id: str) -> dict[str, Any]:
        assert self.http is not None
        found: dict[str, Any] = self.http.get(f"/api/runs/{run_id}").raise_for_status().json()
        return found

    def outline(self, pipeline: str) -> Outline:
        """What it says that a run of it will do."""
        assert self.http is not None
        return Outline.model_validate(self.http.get(f"/api/pipelines/{pipeline}/outline").raise_for_status().json())

    def answer(self, run: Mapping[str, Any], decision: str = "accept", **more: Any) -> dict[str, Any]:
        """Answer the question that the run waits with, and wait for its next rest."""
        assert self.http is not None
        asked = [one for one in self.get(run["id"])["approvals"] if one["status"] == "pending"]
        answered = self.http.post(f"/api/approvals/{asked[0]['id']}/answer", json={"decision": decision, **more})
        answered.raise_for_status()
        return self.rest(run["id"])

    def rest(self, run_id: str) -> dict[str, Any]:
        """The run as soon as it rests: ended, or waiting for an answer that nobody gave yet."""

        def resting() -> dict[str, Any] | None:
            run = self.get(run_id)
            waits = run["status"] == "waiting" and any(one["status"] == "pending" for one in run["approvals"])
            return run if run["status"] in ("succeeded", "failed", "cancelled") or waits else None

        found: dict[str, Any] = eventually(resting)
        return found

    def events(self, run_id: str) -> Iterator[dict[str, Any]]:
        """The run's events as they come, until its end."""
        assert self.http is not None
        with self.http.stream("GET", f"/api/runs/{run_id}/events") as response:
            for line in response.iter_lines():
                if line.startswith("data: {"):
                    yield json.loads(line.removeprefix("data: "))

    def events_so_far(self, run_id: str) -> list[dict[str, Any]]:
        """What the run has shown until now."""
        return [json.loads(row["data"]) for row in self.rows("select data from events where run_id = ?", run_id)]

    def begin(self, pipeline: str, input: object) -> str:
        """Start a run and do not wait."""
        assert self.http is not None
        run_id: str = self.http.post(f"/api/pipelines/{pipeline}/runs", json={"input": input}).json()["id"]
        return run_id

    # ── What it wrote down ──

    def rows(self, query: str, *given: object) -> list[dict[str, Any]]:
        with sqlite3.connect(f"file:{self.folder}/.coachwork/coachwork.db?mode=ro", uri=True, timeout=30) as connection:
            connection.row_factory = sqlite3.Row
            return [dict(row) for row in connection.execute(query, given)]

    def calls(self, run_id: str, number: int) -> list[dict[str, Any]]:
        """The model calls of a run in the ledger, as soon as there are so many."""

        def found() -> list[dict[str, Any]]:
            rows = self.rows("select * from calls where run_id = ? order by at", run_id)
            return rows if len(rows) >= number else []

        return list(eventually(found))

    def trace(self, run_id: str) -> dict[str, list[str]]:
        """The names of a run's spans by the name of their parent, once the run's own is there."""

        def root() -> list[dict[str, Any]]:
            rows = self.rows("select * from spans where run_id = ? order by start_ns", run_id)
            return rows if any(row["name"].startswith("invoke_workflow") for row in rows) else []

        rows = eventually(root)
        names = {row["span_id"]: row["name"] for row in rows}
        found: dict[str, list[str]] = {}
        for row in rows:
            found.setdefault(names.get(row["parent_id"], ""), []).append(row["name"])
        return found


@contextmanager
def hosting(folder: Path) -> Iterator[Hosting]:
    """Serve the project in the folder; every framework's SDK finds our provider by its own variables."""
    with ProviderServer() as provider:
        environ = {
            "PATH": os.environ.get("PATH", ""),
            "PYTHONPATH": str(Path(coachwork.__file__).parents[1]),  # the code under test, wherever it is installed
            "HOME": str(folder),
            "COLUMNS": "200",
            "COACHWORK_CACHE": str(folder / "cache"),
            "OPENAI_API_KEY": "sk-hosted-secret",
            "OPENAI_BASE_URL": f"{provider.url}/v1",
            "OPENAI_API_BASE": f"{provider.url}/v1",  # what LiteLLM reads
            "ANTHROPIC_API_KEY": "sk-hosted-secret",
            "ANTHROPIC_BASE_URL": provider.url,
            # Nothing on this machine talks to anybody else.
            "HAYSTACK_TELEMETRY_ENABLED": "False",
            "CREWAI_DISABLE_TELEMETRY": "true",
            "CREWAI_TRACING_ENABLED": "false",
            "LITELLM_LOCAL_MODEL_COST_MAP": "True",
            "LANGSMITH_TRACING": "false",
        }
        served = Hosting(folder, provider, environ)
        try:
            served.start()
            yield served
        finally:
            if served.process is not None and served.process.poll() is None:
                served.end()
