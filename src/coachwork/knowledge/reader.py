"""Reads documents in a process of its own, so that a bad file can't crash, hang or fill the server. Knows limits,
no format.

A plain subprocess and not multiprocessing: that would import the user's main module a second time.
"""

import asyncio
import base64
import json
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from coachwork.errors import DocumentUnreadable, NotInstalled
from coachwork.knowledge.chunk import Piece
from coachwork.knowledge.document import Heading, Page, Parsed, ReadLimits

# Isolated from the environment, then given this process's own module path: the same code, whatever the folder.
_START = (
    "import sys, json; sys.path[:] = json.loads(sys.argv[1]); "
    "from coachwork.knowledge.reader_process import main; main()"
)
_STARTUP_SECONDS = 30.0  # imports on a busy machine; counted on a process's first document alone


class DocumentTimeout(DocumentUnreadable):
    """It took too long: perhaps the file, perhaps the machine, so it is worth another try."""


@dataclass(frozen=True)
class Reading:
    """A document that was read, with its passages; `reason` where it is an attachment that could not be."""

    id: str
    parsed: Parsed
    pieces: tuple[Piece, ...] = ()
    reason: str = ""


@dataclass(frozen=True)
class ReadFile:
    """A file as it was read, its own reading first; `sha256` and `size` of the very bytes that were read."""

    readings: list[Reading]
    sha256: str
    size: int


class DocumentReader:
    """One reading process, started when first needed and anew after a crash. Use as `async with`.

    Passages are cut there too, at most `size` tokens each with `overlap` (see `chunk.cut`): a text made to be slow
    to cut costs that process its time limit, and the server nothing.
    """

    def __init__(self, limits: ReadLimits, *, size: int, overlap: int) -> None:
        self._limits = limits
        self._cut = {"size": size, "overlap": overlap}
        self._process: Process | None = None

    async def __aenter__(self) -> "DocumentReader":
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stop()

    async def read(self, document: str, path: Path) -> ReadFile:
        """The document, then what is attached to it. Raises DocumentUnreadable, NotInstalled."""
        answer = await self._answer(document, path, self._cut)
        return ReadFile(_readings(document, answer), answer["sha256"], answer["size"])

    async def page(
        self, document: str, path: Path, number: int, text: str, spans: Sequence[tuple[int, int]]
    ) -> dict[str, Any]:
        """A page as it is printed, with the places of `spans` of its stored `text`: see `pdf_page.page_of`. Raises
        DocumentUnreadable, NotInstalled."""
        asked = {"page": {"number": number, "text": text, "spans": list(spans)}}
        shown: dict[str, Any] = _wanted(document, await self._answer(document, path, asked), "page")
        return shown

    async def original(self, document: str, path: Path) -> bytes:
        """The bytes of a document, also of one that is attached to the mail at `path`. Raises DocumentUnreadable."""
        return base64.b64decode(_wanted(document, await self._answer(document, path, {"original": True}), "original"))

    async def _answer(self, document: str, path: Path, asked: Mapping[str, Any]) -> dict[str, Any]:
        fresh = self._process is None
        process = self._process or await self._start()
        request = {"document": document, "path": str(path), "limits": asdict(self._limits), **asked}
        seconds = self._limits.seconds + (_STARTUP_SECONDS if fresh else 0)
        try:
            async with asyncio.timeout(seconds):
                return await _ask(process, request, _longest(self._limits))
        except TimeoutError:
            await self._stop()
            raise DocumentTimeout(
                document, f"it took more than {self._limits.seconds:g} seconds to read", hint="Split the document."
            ) from None
        except _TooLong:
            await self._stop()
            raise DocumentUnreadable(document, "what was read of it is too long", hint="Split the document.") from None
        except (asyncio.IncompleteReadError, BrokenPipeError, ConnectionResetError):
            await self._stop()
            raise DocumentUnreadable(document, "it crashed the program that reads it") from None
        except asyncio.CancelledError:
            await self._stop()  # an answer that nobody waits for would be taken for the next one
            raise

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


class _TooLong(Exception):
    """The reading process says more than a document within its limits can be."""


def _longest(limits: ReadLimits) -> int:
    """Bytes of an answer: the text at four bytes a character, and as much again for its structure and passages."""
    return 8 * limits.max_text + 1_000_000


async def _ask(process: Process, request: dict[str, Any], longest: int) -> dict[str, Any]:
    assert process.stdin is not None
    assert process.stdout is not None
    body = json.dumps(request).encode()
    process.stdin.write(len(body).to_bytes(4, "big") + body)
    await process.stdin.drain()
    length = int.from_bytes(await process.stdout.readexactly(4), "big")
    if length > longest:
        raise _TooLong
    answer: dict[str, Any] = json.loads(await process.stdout.readexactly(length))
    return answer


def _wanted(document: str, answer: dict[str, Any], wanted: str) -> Any:
    """What was asked of the reading process. Raises what it said instead."""
    if missing := answer.get("missing"):
        raise NotInstalled(
            f"reading {document!r} needs the Python package {missing!r}",
            hint=f'Install it: pip install "coachwork[{"ocr" if missing.startswith("rapidocr") else "knowledge"}]"',
        )
    if wanted not in answer:
        raise DocumentUnreadable(document, answer["reason"], hint=answer.get("hint", ""))
    return answer[wanted]


def _readings(document: str, answer: dict[str, Any]) -> list[Reading]:
    readings = [_reading(found) for found in _wanted(document, answer, "found")]
    if readings[0].reason:
        raise DocumentUnreadable(document, readings[0].reason)
    return readings


def _reading(found: dict[str, Any]) -> Reading:
    if "parsed" not in found:
        return Reading(found["id"], Parsed("", "", ""), reason=found["reason"])
    parsed = found["parsed"]
    pieces = tuple(Piece(start, end, tuple(path), page) for start, end, path, page in found["pieces"])
    return Reading(found["id"], _parsed(parsed), pieces)


def _parsed(found: dict[str, Any]) -> Parsed:
    return Parsed(
        found["title"],
        found["format"],
        found["text"],
        tuple(Heading(**heading) for heading in found["headings"]),
        tuple(Page(**page) for page in found["pages"]),
        found["metadata"],
        None if found["groups"] is None else tuple(found["groups"]),
    )
