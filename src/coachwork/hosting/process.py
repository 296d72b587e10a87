"""Hosted code in a process of its own, in an environment of its own: started, watched, asked over HTTP on loopback.

Knows processes and the wire, which stands at the top of `guest/server.py`; does not know frameworks.
"""

import asyncio
import json
import os
import secrets
import signal
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from coachwork.errors import ProjectError, RunFailed
from coachwork.hosting.config import HostedConfig
from coachwork.hosting.guest.host import Event, Host
from coachwork.hosting.guest.task import Outcome, Question, Task

if TYPE_CHECKING:
    import httpx2

log = structlog.get_logger(__name__)
_PROGRAM = Path(__file__).parent / "guest_program.py"
_PAUSES = (0.5, 1.0, 2.0, 5.0, 15.0, 30.0)  # seconds before it is started again
_STOP_SECONDS = 5.0
_NOTICED_SECONDS = 10.0
TOKEN = "COACHWORK_HOSTED_TOKEN"


class Process:
    """The process of one `[hosted.NAME]`. It begins with the server, or when it is first needed."""

    def __init__(self, name: str, config: HostedConfig, folder: Path, environ: Mapping[str, str]) -> None:
        self.name = name
        self._config = config
        self._folder = folder
        self._environ = environ
        self._token = secrets.token_urlsafe(32)
        self._child: asyncio.subprocess.Process | None = None
        self._ready: asyncio.Future[str] | None = None
        self._ended = asyncio.Event()
        self._watch: asyncio.Task[None] | None = None

    @property
    def command(self) -> list[str]:
        """The program and its arguments."""
        if self._config.command:
            return list(self._config.command)
        python = self._folder / self._config.python  # an absolute path stays as it is
        return [str(python), str(_PROGRAM), self._config.object]

    @property
    def search_path(self) -> str:
        """Where a program without a folder is looked for."""
        return self._environ.get("PATH", os.defpath)

    # ── Its life ──

    def start(self) -> None:
        """Begin to start it; `run` waits until it is ready. Does nothing where it was begun."""
        if self._watch is None:
            self._ready = asyncio.get_running_loop().create_future()
            self._watch = asyncio.create_task(self._keep(), name=f"coachwork-hosted-{self.name}")

    async def stop(self) -> None:
        """End it: asked first, then forced."""
        if self._watch is None:
            return
        self._watch.cancel()
        with suppress(asyncio.CancelledError):
            await self._watch
        self._watch = self._ready = None

    async def _keep(self) -> None:
        """Start it, and again whenever it ends, with longer pauses while it does not get ready."""
        failures = 0
        try:
            while True:
                ready = await self._begin()
                if self._child is not None:
                    code = await _end_of(self._child)
                    log.error("hosted.ended", name=self.name, code=code)
                failures = 0 if ready else failures + 1
                self._renew(failures)
                await asyncio.sleep(_PAUSES[min(failures, len(_PAUSES) - 1)])
        finally:
            await self._end()

    def _renew(self, failures: int) -> None:
        """Whoever asks from now on waits for the next start; after two that failed in a row they are told so."""
        assert self._ready is not None
        if self._ready.done() and (self._ready.exception() is None or failures < 2):
            self._ready = asyncio.get_running_loop().create_future()
        self._ended.set()

    async def _begin(self) -> bool:
        assert self._ready is not None
        try:
            address = await self._started()
        except (OSError, ProjectError) as error:
            log.error("hosted.not_started", name=self.name, error=str(error))
            await self._end()
            if self._ready.done():
                self._ready = asyncio.get_running_loop().create_future()
            self._ready.set_exception(self._not_started(error))
            self._ready.exception()  # nobody may be waiting for it yet
            return False
        if self._ready.done():
            self._ready = asyncio.get_running_loop().create_future()
        self._ended.clear()
        self._ready.set_result(address)
        log.info("hosted.ready", name=self.name, address=address)
        return True

    async def _started(self) -> str:
        """Start the process and read its address from its first line."""
        self._child = await asyncio.create_subprocess_exec(
            *self.command,
            cwd=self._folder,
            env=self._environment(),
            stdin=asyncio.subprocess.PIPE,  # its end tells the child that we are gone, however we went
            stdout=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
        assert self._child.stdout is not None
        try:
            async with asyncio.timeout(self._config.start_seconds):
                line = await self._child.stdout.readline()
        except TimeoutError:
            seconds = self._config.start_seconds
            raise ProjectError(f"it said nothing in {seconds:g} s", hint="Raise start_seconds.") from None
        try:
            address = json.loads(line)["hosted"]
        except (ValueError, KeyError, TypeError):
            raise ProjectError(
                f"its first line is not its address but {line.decode(errors='replace').strip()[:200]!r}",
                hint="What went wrong is on the server's standard error.",
            ) from None
        return str(address)

    def _environment(self) -> dict[str, str]:
        """Ours without what belongs to Coachwork alone, and with the word by which it knows us."""
        own = {key: value for key, value in self._environ.items() if not key.startswith("COACHWORK_")}
        for name in ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV"):
            own.pop(name, None)  # those of our own environment
        return {**own, TOKEN: self._token}

    async def _end(self) -> None:
        child, self._child = self._child, None
        if child is None or child.returncode is not None:
            return
        for sent in (signal.SIGTERM, signal.SIGKILL):
            with suppress(ProcessLookupError):
                os.killpg(child.pid, sent)
            try:
                async with asyncio.timeout(_STOP_SECONDS):
                    await child.wait()
                    return
            except TimeoutError:
                continue

    def _failure(self, what: str) -> RunFailed:
        return RunFailed(
            f"the process of [hosted.{self.name}] {what}",
            hint="What it wrote is on the server's standard error. It is started again.",
            details={"hosted": self.name},
        )

    def _not_started(self, error: OSError | ProjectError) -> RunFailed:
        why, hint = str(error), "What it wrote is on the server's standard error. It is started again."
        if isinstance(error, FileNotFoundError):
            why = f"there is no {self.command[0]}"
            hint = "Make its environment: python -m venv …, and install there what it hosts."
        said = f"the process of [hosted.{self.name}] did not start: {why}"
        return RunFailed(said, hint=hint, details={"hosted": self.name})

    # ── A stretch of work ──

    async def run(self, task: Task, host: Host) -> Outcome:
        """Let it work on a task; what it tells and asks is passed on. Raises RunFailed."""
        import httpx2

        self.start()
        while True:
            ready = self._ready
            assert ready is not None
            try:
                return await self._work(await asyncio.shield(ready), task, host)
            except httpx2.ConnectError:  # it ended meanwhile, before this was begun: the next one does it
                await self._replaced(ready)
            except httpx2.TransportError as error:
                raise self._failure(f"ended while it worked ({type(error).__name__})") from None

    async def _replaced(self, ready: "asyncio.Future[str]") -> None:
        """Wait until its end was noticed. Raises RunFailed where it lives and yet can't be reached."""
        try:
            async with asyncio.timeout(_NOTICED_SECONDS):
                if self._ready is ready:
                    await self._ended.wait()
        except TimeoutError:
            raise self._failure("runs, but does not answer at the address it told") from None

    async def _work(self, address: str, task: Task, host: Host) -> Outcome:
        import httpx2

        headers = {"authorization": f"Bearer {self._token}"}
        timeout = httpx2.Timeout(10, read=None)
        async with httpx2.AsyncClient(base_url=address, headers=headers, timeout=timeout, trust_env=False) as client:
            asking: set[asyncio.Task[None]] = set()
            try:
                async for event in self._events(client, task):
                    match event["kind"]:
                        case "call":
                            asking.add(asyncio.create_task(_admit(client, task.run_id, event, host)))
                        case "outcome":
                            return _outcome(event)
                        case "failed":
                            raise self._failed(event)
                        case _:
                            host.relay(event)
            finally:
                for admission in asking:
                    admission.cancel()
        raise self._failure("ended while it worked")  # its last line was not an end

    def _failed(self, event: Event) -> RunFailed:
        return RunFailed(
            f"{event['type']}: {event['message']}",
            hint=f"Its traceback is on the server's standard error, from [hosted.{self.name}].",
            details={"type": event["type"], "hosted": self.name},
        )

    async def _events(self, client: "httpx2.AsyncClient", task: Task) -> AsyncIterator[Event]:
        body = {"run_id": task.run_id, "given": task.given, "state": task.state}
        body["answers"] = [asdict(answer) for answer in task.answers]
        async with client.stream("POST", "/runs", json=body) as response:
            if response.status_code != 200:
                said = (await response.aread()).decode(errors="replace")[:200]
                raise self._failure(f"refused the work: {response.status_code} {said}")
            async for line in response.aiter_lines():
                if line:
                    yield json.loads(line)


async def _end_of(child: asyncio.subprocess.Process) -> int:
    """Its exit code, when it ends. What it still writes is let go, so that it never waits for a reader."""
    assert child.stdout is not None

    async def let_go(output: asyncio.StreamReader) -> None:
        while await output.read(65536):
            pass

    reading = asyncio.create_task(let_go(child.stdout))
    try:
        return await child.wait()
    finally:
        reading.cancel()


async def _admit(client: "httpx2.AsyncClient", run_id: str, call: Event, host: Host) -> None:
    """Ask for a model call on behalf of the process, and tell it the answer."""
    refusal = await host.asked(call)
    await client.post(f"/runs/{run_id}/admitted", json={"id": call["id"], "refusal": refusal})


def _outcome(event: Event) -> Outcome:
    questions = tuple(Question(**question) for question in event["questions"])
    return Outcome(event["value"], questions, event["state"])
