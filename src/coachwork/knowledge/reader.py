"""Reads documents in a process of its own, so that a bad file can't crash, hang or fill the server. Knows limits,
no format.

A plain subprocess and not multiprocessing: that would import the user's main module a second time.
"""

import asyncio
import json
import sys
from asyncio.subprocess import PIPE, Process
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Any

from coachwork.errors import DocumentUnreadable, NotInstalled
from coachwork.knowledge.document import Heading, Page, Parsed, ReadLimits

# Isolated from the environment, then given this process's own module path: the same code, whatever the folder.
_START = (
    "import sys, json; sys.path[:] = json.loads(sys.argv[1]); "
    "from coachwork.knowledge.reader_process import main; main()"
)
_STARTUP_SECONDS = 30.0  # imports on a busy machine; counted on a process's first document alone


class DocumentTimeout(DocumentUnreadable):
    """It took too long: perhaps the file, perhaps the machine, so it is worth another try."""


class DocumentReader:
    """One reading process, started when first needed and anew after a crash. Use as `async with`."""

    def __init__(self, limits: ReadLimits) -> None:
        self._limits = limits
        self._process: Process | None = None

    async def __aenter__(self) -> "DocumentReader":
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stop()

    async def read(self, document: str, path: Path) -> tuple[Parsed, str]:
        """The parsed document and the SHA-256 of its bytes. Raises DocumentUnreadable, NotInstalled."""
        fresh = self._process is None
        process = self._process or await self._start()
        request = {"document": document, "path": str(path), "limits": asdict(self._limits)}
        seconds = self._limits.seconds + (_STARTUP_SECONDS if fresh else 0)
        try:
            async with asyncio.timeout(seconds):
                answer = await _ask(process, request)
        except TimeoutError:
            await self._stop()
            raise DocumentTimeout(
                document, f"it took more than {self._limits.seconds:g} seconds to read", hint="Split the document."
            ) from None
        except (asyncio.IncompleteReadError, BrokenPipeError, ConnectionResetError):
            await self._stop()
            raise DocumentUnreadable(document, "it crashed the program that reads it") from None
        except asyncio.CancelledError:
            await self._stop()  # an answer that nobody waits for would be taken for the next one
            raise
        return _parsed(document, answer)

    async def _start(self) -> Process:
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-I",
            "-c",
            _START,
            json.dumps(sys.path),
            stdin=PIPE,
            stdout=PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        return self._process

    async def _stop(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        if process.returncode is None:
            process.kill()
        await process.wait()


async def _ask(process: Process, request: dict[str, Any]) -> dict[str, Any]:
    assert process.stdin is not None
    assert process.stdout is not None
    body = json.dumps(request).encode()
    process.stdin.write(len(body).to_bytes(4, "big") + body)
    await process.stdin.drain()
    length = int.from_bytes(await process.stdout.readexactly(4), "big")
    answer: dict[str, Any] = json.loads(await process.stdout.readexactly(length))
    return answer


def _parsed(document: str, answer: dict[str, Any]) -> tuple[Parsed, str]:
    if missing := answer.get("missing"):
        raise NotInstalled(
            f"reading {document!r} needs the Python package {missing!r}",
            hint='Install the knowledge parts: pip install "coachwork[knowledge]"',
        )
    if "parsed" not in answer:
        raise DocumentUnreadable(document, answer["reason"], hint=answer.get("hint", ""))
    found = answer["parsed"]
    parsed = Parsed(
        found["title"],
        found["format"],
        found["text"],
        tuple(Heading(**heading) for heading in found["headings"]),
        tuple(Page(**page) for page in found["pages"]),
    )
    return parsed, answer["sha256"]
