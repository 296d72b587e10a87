"""A project with a fake model and no documents, and the `coachwork` command as a person runs it: a process."""

import json
import logging
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import structlog
from typer.testing import CliRunner

from coachwork.cli.commands import app

APP = """
import asyncio
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from coachwork import App, Audio, approval, note, prompt, step

app = App("Probe")


class Ticket(BaseModel):
    model_config = ConfigDict(extra="forbid")
    subject: str
    urgent: bool = False
    number: int = 0
    recording: Audio | None = None


class Reply(BaseModel):
    category: str
    text: str


@step
async def think(number: int) -> int:
    with Path(__file__).with_name("thoughts").open("a") as file:
        file.write(f"{number}\\n")
    return number + 1


@step
async def gate() -> bool:
    while not Path(__file__).with_name("open").exists():
        await asyncio.sleep(0.02)
    return True


@prompt
async def say(question: str) -> str: ...


@app.pipeline(title="Answer a ticket")
async def answer(ticket: Ticket) -> Reply:
    note("Thinking hard")
    number = await think(ticket.number)
    if ticket.subject == "boom":
        raise ValueError("kaputt")
    reply = Reply(category="normal", text=f"Hello {ticket.subject}, {number}")
    if ticket.urgent:
        decision = await approval("A person should read this", reply, expires="2d")
        return decision.value
    return reply


@app.pipeline
async def slow(number: int) -> int:
    await gate()
    return await think(number)


@app.pipeline
async def talk(question: str) -> str:
    return await say(question)
"""
PROMPT = """---
about: Answers.
show: true
---
## user
Answer this: {{question}}
"""
FAKE = """
from coachwork.testing import line, script

model = script(line("One two three four five.", times=None))
"""


@dataclass(frozen=True)
class Result:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Coachwork = Callable[..., Result]
Spawn = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "probe"
    (folder / "prompts").mkdir(parents=True)
    (folder / "coachwork.toml").write_text(
        '[routes]\ndefault = {models = ["fake:script"]}\ntranscribe = {models = ["fake:script"]}\n'
    )
    (folder / "app.py").write_text(APP)
    (folder / "prompts" / "say.md").write_text(PROMPT)
    (folder / "fake.py").write_text(FAKE)
    return folder


@pytest.fixture
def environ(project: Path, tmp_path: Path) -> dict[str, str]:
    """The environment of the commands: the fake model, an empty cache, no keys, no colours."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("COACHWORK_")}
    kept = {key: value for key, value in kept.items() if not key.endswith("_API_KEY")}
    return {
        **kept,
        "COACHWORK_FAKE_MODEL": f"{project / 'fake.py'}:model",
        "COACHWORK_ALLOW_FAKE": "1",
        "COACHWORK_CACHE": str(tmp_path / "cache"),
        "NO_COLOR": "1",
        "COLUMNS": "140",
    }


@pytest.fixture
def spawn(project: Path, environ: dict[str, str]) -> Iterator[Spawn]:
    """Start a command as a process of its own, to press Ctrl-C or give it a terminal. None outlives the test."""
    # a shell that runs the tests in the background has its children ignore Ctrl-C, so it is put back
    program = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
    started: list[subprocess.Popen[str]] = []
    clocks: list[threading.Timer] = []

    def start(*words: str, stdout: int = subprocess.PIPE) -> "subprocess.Popen[str]":
        command = [sys.executable, "-c", f"{program}; from coachwork.cli import main; main()", *words]
        process = subprocess.Popen(command, cwd=project, env=environ, stdout=stdout, stderr=subprocess.PIPE, text=True)
        started.append(process)
        clock = threading.Timer(120, process.kill)  # a read of its output ends, whatever it does
        clock.daemon = True
        clock.start()
        clocks.append(clock)
        return process

    yield start
    for clock in clocks:
        clock.cancel()
    for process in started:
        process.kill()
        process.communicate(timeout=30)


@pytest.fixture
def coachwork(project: Path, environ: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Coachwork]:
    """Run a command in the project's folder and give how it ended. In this process: it starts ten times faster."""
    for name in set(os.environ) - set(environ):
        monkeypatch.delenv(name)
    path, modules = list(sys.path), set(sys.modules)

    def run(*words: str, cwd: Path | None = None, stdin: str = "", **more: str) -> Result:
        monkeypatch.chdir(cwd or project)
        done = CliRunner().invoke(app, list(words), input=stdin, env={**environ, **more})
        logging.getLogger("dbos").handlers.clear()  # DBOS keeps the stderr it first saw, which is closed now
        return Result(done.exit_code, done.stdout, done.stderr)

    yield run
    structlog.reset_defaults()  # the command's log went to a stream that is closed now
    sys.path[:] = path
    for name in set(sys.modules) - modules:
        if name.startswith("coachwork_"):
            del sys.modules[name]
