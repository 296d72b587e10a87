"""What reading a document gives: frozen data without behaviour. Knows shapes; does not know any format."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeAlias

# Raise it when a parser gives other text for the same file, or `cut` other passages: every document is read anew.
PARSER_VERSION = 4


@dataclass(frozen=True)
class Heading:
    """A heading's line: `start`..`end` in the document's text, `level` from 1, `title` without its markup."""

    start: int
    end: int
    level: int
    title: str


@dataclass(frozen=True)
class Page:
    """A page, sheet or slide, counted from 1: `start`..`end` in the document's text."""

    page: int
    start: int
    end: int


@dataclass(frozen=True)
class Parsed:
    """A document as it is stored: its text, and where its headings and pages stand in it.

    `metadata` is what a search can filter by; `groups` those it names as its readers, None where it names none.
    """

    title: str
    format: str
    text: str
    headings: tuple[Heading, ...] = ()
    pages: tuple[Page, ...] = ()
    metadata: Mapping[str, Any] = field(default_factory=dict)
    groups: tuple[str, ...] | None = None


@dataclass(frozen=True)
class PagePicture:
    """A page as it is printed: a PNG data URL of `width` x `height` pixels, and boxes of words on it.

    Each of `places` is [left, top, right, bottom] in pixels, one a line.
    """

    page: int
    pages: int
    width: int
    height: int
    image: str
    places: list[list[int]]


@dataclass(frozen=True)
class ReadLimits:
    """What reading one document may cost: bytes on disk, pages, seconds, and bytes of memory of the reading process."""

    max_bytes: int = 50_000_000
    max_pages: int = 3000
    seconds: float = 60
    memory_bytes: int = 1_500_000_000
    ocr: bool = False  # are pages without text looked at as pictures?
    max_text: int = 20_000_000  # characters; what a zip bomb or a runaway table would pass


@dataclass(frozen=True)
class SourceFile:
    """A file of the folder: its id (path below the folder, with forward slashes), where it is, and its size in
    bytes."""

    id: str
    path: Path
    size: int
    refusal: str = ""  # why it is not even opened


@dataclass(frozen=True)
class FailedDocument:
    document: str
    reason: str


@dataclass(frozen=True)
class DocumentInfo:
    """A document as listed. `size` in bytes, `updated_at` in epoch milliseconds; `readers` are groups, `*` all."""

    id: str
    title: str
    format: str
    size: int
    status: Literal["indexed", "failed"]
    reason: str
    passages: int
    updated_at: int
    readers: tuple[str, ...] = ()
    metadata: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class DocumentText:
    """A document to be shown: the stored text, into which every passage and citation points."""

    id: str
    title: str
    format: str
    text: str
    headings: tuple[Heading, ...]
    pages: tuple[Page, ...]
    updated_at: int
    readers: tuple[str, ...] = ()
    metadata: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class KnowledgeStatus:
    """Counts of a knowledge base; `updated_at` in epoch milliseconds, None before the first ingest."""

    documents: int
    passages: int
    failed: int
    updated_at: int | None


Phase: TypeAlias = Literal["waiting", "fetching", "reading", "indexing", "beside", "done"]


@dataclass(frozen=True)
class IngestProgress:
    """How far an ingest is. `found` documents to look at, of which `read` are settled; `embedded` passages.

    `unchanged` ones of those did not have to be read. `phase` is `waiting` while others ingest by other settings,
    `fetching` while sources are asked, `beside` while the index of `next_embed` is brought to what serves. `seconds`
    since the start; so many processes as `workers` share the work.
    """

    found: int
    read: int
    embedded: int
    failed: int
    current: str
    seconds: float
    phase: Phase = "reading"
    unchanged: int = 0
    workers: int = 1

    @property
    def documents_a_second(self) -> float | None:
        read = self.read - self.unchanged
        return read / self.seconds if read > 0 and self.seconds >= 1 else None

    @property
    def seconds_left(self) -> float | None:
        """None where nothing can be told yet."""
        speed = self.documents_a_second
        return (self.found - self.read) / speed if speed and self.phase == "reading" else None

    @property
    def done(self) -> int:
        return self.read

    @property
    def total(self) -> int:
        return self.found


State: TypeAlias = Literal["none", "working", "stuck", "done", "failed", "stopped"]
NOTHING_YET = IngestProgress(0, 0, 0, 0, "", 0.0)


@dataclass(frozen=True)
class WorkerState:
    """A process that works on an ingestion: what it does, and how many documents it has; `stuck` without a
    heartbeat."""

    host: str
    pid: int
    phase: str
    current: str
    documents: int
    stuck: bool


@dataclass(frozen=True)
class IngestState:
    """How far the last ingestion of a knowledge base is, whoever works on it. Times in epoch milliseconds.

    `stuck` where nobody works on it, or nothing has moved for a minute; `stopped` before its end, by who began it.
    `problem` is what ended a `failed` one, as `CoachworkError.to_dict` keeps it.
    """

    state: State
    progress: IngestProgress = NOTHING_YET
    started_at: int | None = None
    moved_at: int | None = None
    workers: tuple[WorkerState, ...] = ()
    problem: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class IngestReport:
    """What an ingest did. `embedded` counts passages sent to the model, `reused` those whose vector was there,
    `embedded_beside` those sent to the model of `next_embed`.

    `failed` names every document of the folder that is left out, also those that failed in an earlier ingest.
    """

    found: int = 0
    added: int = 0
    changed: int = 0
    unchanged: int = 0
    deleted: int = 0
    passages: int = 0
    embedded: int = 0
    reused: int = 0
    embedded_beside: int = 0
    seconds: float = 0.0
    failed: list[FailedDocument] = field(default_factory=list)

    def __str__(self) -> str:
        parts = [f"{self.found - len(self.failed)} documents, {self.passages} passages"]
        changes = [("new", self.added), ("changed", self.changed), ("gone", self.deleted)]
        said = ", ".join(f"{count} {word}" for word, count in changes if count)
        parts.append(said or "nothing changed")
        if self.embedded_beside:
            parts.append(f"{self.embedded_beside} passages embedded for the next model")
        if self.failed:
            parts.append(f"{len(self.failed)} could not be read")
        return "; ".join(parts)
