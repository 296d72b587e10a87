"""The example application served for real, with its receiver, and a real Chromium. Only the model is a fake."""

import base64
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

ROOT = Path(__file__).parents[2]
CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome") or shutil.which("chromium-browser")
COACHWORK = (sys.executable, "-c", "from coachwork.cli import main; main()")
BUDGET = """
[[budgets]]
scope = "installation"
usd = 5
per = "day"
"""
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@dataclass
class Desk:
    """A served project: `start()`, `kill()`, `url`, and the address of its receiver. `fake` answers for all models."""

    folder: Path
    fake: bool = True
    port: int = field(default_factory=free_port)
    receiver_port: int = field(default_factory=free_port)
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def receiver(self) -> str:
        return f"http://127.0.0.1:{self.receiver_port}"

    @property
    def environ(self) -> dict[str, str]:
        keys = ("ANTHROPIC_API_KEY", "OPENAI_API_KEY", "GEMINI_API_KEY", "GOOGLE_API_KEY")
        fake = {
            "COACHWORK_ALLOW_FAKE": "1",
            "COACHWORK_FAKE_MODEL": f"{Path(__file__).with_name('fake_desk.py')}:fake",
        }
        return {
            **{name: value for name, value in os.environ.items() if name not in keys},
            "PYTHONPATH": str(ROOT / "src"),
            **(fake if self.fake else {}),
            "COACHWORK_SERVER_PORT": str(self.port),
        }

    def run(self, *arguments: str) -> None:
        command = [*COACHWORK, *arguments, "--project", str(self.folder)]
        subprocess.run(command, env=self.environ, check=True, timeout=180, cwd=self.folder)

    def start(self) -> None:
        """Serve, and return once it answers."""
        command = [*COACHWORK, "serve", "--yes", "--project", str(self.folder)]
        log = (self.folder / "serve.log").open("ab")
        self.processes.append(
            subprocess.Popen(command, env=self.environ, cwd=self.folder, stdout=log, stderr=subprocess.STDOUT)
        )
        self.until(f"{self.url}/api/health")

    def start_receiver(self) -> None:
        command = [sys.executable, "receiver.py", "--port", str(self.receiver_port)]
        command += ["--secret-file", ".coachwork/replies.secret"]
        self.processes.append(subprocess.Popen(command, env=self.environ, cwd=self.folder))
        self.until(f"{self.receiver}/deliveries.json")

    def kill(self) -> None:
        """kill -9 the server, as a power cut would."""
        process = self.processes.pop()
        process.send_signal(signal.SIGKILL)
        process.wait(30)

    def until(self, url: str, seconds: float = 90) -> None:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            try:
                with urllib.request.urlopen(url, timeout=2):
                    return
            except (urllib.error.URLError, OSError):
                if any(process.poll() is not None for process in self.processes):
                    break
                time.sleep(0.1)
        log = self.folder / "serve.log"
        raise AssertionError(f"{url} does not answer:\n{log.read_text()[-3000:] if log.exists() else ''}")

    def stop(self) -> None:
        for process in self.processes:
            process.terminate()
        for process in self.processes:
            process.wait(timeout=30)


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    folder = tmp_path_factory.mktemp("desk") / "support-desk"
    shutil.copytree(ROOT / "examples" / "support-desk", folder, ignore=shutil.ignore_patterns(".coachwork"))
    served = Desk(folder)
    settings = folder / "coachwork.toml"
    settings.write_text(settings.read_text().replace(":8021/", f":{served.receiver_port}/") + BUDGET)
    (folder / ".coachwork").mkdir()
    secret = folder / ".coachwork" / "replies.secret"
    secret.write_text("whsec_" + base64.b64encode(secrets.token_bytes(24)).decode())
    served.run("models", "pull", "local:minilm")
    served.run("ingest")
    served.start_receiver()
    served.start()
    yield served
    served.stop()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Of a module, not of the session: while Playwright is open, no other test can run an event loop."""
    if CHROMIUM is None:
        pytest.skip("needs Chromium: apt-get install chromium")
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield opened
        opened.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page that fails its test on a script error, a refused resource or a request to another host."""
    context = browser.new_context(viewport={"width": 1280, "height": 860}, reduced_motion="reduce")
    opened = context.new_page()
    complaints: list[str] = []
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    opened.on(
        "console",
        lambda said: complaints.append(said.text) if said.type == "error" and "Content Security" in said.text else None,
    )
    opened.on("request", lambda asked: None if _ours(asked.url) else complaints.append(f"request to {asked.url}"))
    yield opened
    context.close()
    assert complaints == []


def _ours(url: str) -> bool:
    return url.startswith(("http://127.0.0.1:", "data:", "blob:", "about:"))
