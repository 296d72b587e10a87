"""What an ingest makes of a document: its recipe, its version, and passages that are to be embedded. Pure: reads no
file and no database.

`ingest_worker.py` does the work.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from coachwork.knowledge.access import readers_by_rule
from coachwork.knowledge.catalog import Entry
from coachwork.knowledge.chunk import Piece
from coachwork.knowledge.config import KnowledgeConfig
from coachwork.knowledge.document import PARSER_VERSION, Parsed, ReadLimits, SourceFile
from coachwork.knowledge.index import Row
from coachwork.knowledge.reader import Reading
from coachwork.knowledge.search import search_words

_TITLE_CHARACTERS = 200  # of the titles that are embedded with a passage, so that they don't crowd it out


def limits_of(config: KnowledgeConfig) -> ReadLimits:
    return ReadLimits(
        max_bytes=int(config.max_file_mb * 1_000_000),
        max_pages=config.max_pages,
        seconds=config.parse_seconds,
        memory_bytes=config.parse_memory_mb * 1_000_000,
        ocr=config.ocr,
    )


def recipe_of(config: KnowledgeConfig, model: str, document: str) -> str:
    """What besides a document's bytes decides its rows: another recipe means reading it anew."""
    ruled = readers_by_rule(config.access, document)
    readers = "" if ruled is None else f"|{json.dumps(ruled)}"
    ocr = "|ocr" if config.ocr else ""
    return f"{PARSER_VERSION}|{model}|{config.passage_tokens}|{config.overlap_tokens}|{config.language}{readers}{ocr}"


def embedded_text(title: str, title_path: Sequence[str], text: str) -> str:
    """What the embedding model sees of a passage: the titles above it, then its words."""
    titles = [title, *(part for part in title_path if part != title)]
    return f"{' › '.join(titles)[:_TITLE_CHARACTERS]}\n{text}"


def version_of(sha256: str, recipe: str) -> str:
    """Names a document's bytes together with how they were read, cut and embedded."""
    return hashlib.sha256(f"{sha256}|{recipe}".encode()).hexdigest()[:24]


def is_settled(file: SourceFile, entry: Entry | None, versions: Mapping[str, int], sha256: str, recipe: str) -> bool:
    """Does the last ingest's result still hold for this file, in the catalog and in the index?"""
    if entry is None or entry.recipe != recipe or entry.sha256 != sha256 or entry.retry:
        return entry is not None and bool(file.refusal) and entry.reason == file.refusal and not versions
    if entry.status == "failed":
        return not versions
    return dict(versions) == {version_of(sha256, recipe): entry.passages}


def drafted(reading: Reading) -> list[tuple[str, str]]:
    """What a document's passages are embedded as, each with its digest."""
    parsed = reading.parsed
    texts = [
        embedded_text(parsed.title, piece.title_path, parsed.text[piece.start : piece.end]) for piece in reading.pieces
    ]
    return [(digest_of(text), text) for text in texts]


def row_text(row: Row) -> str:
    """What a passage was embedded as."""
    return embedded_text(row.title, row.title_path, row.text)


def digest_of(embedded: str) -> str:
    return hashlib.sha256(embedded.encode()).hexdigest()


@dataclass(frozen=True)
class Draft:
    """A passage of a document of `file` that has no vector yet, unless it was found in the index."""

    file: str
    row: Row
    embedded: str
    known: bool


def draft(
    file: str,
    document: str,
    version: str,
    position: int,
    parsed: Parsed,
    piece: Piece,
    vectors: Mapping[str, Sequence[float]],
    readers: tuple[str, ...],
) -> Draft:
    text = parsed.text[piece.start : piece.end]
    embedded = embedded_text(parsed.title, piece.title_path, text)
    digest = digest_of(embedded)
    row = Row(
        id=f"{document}\n{version}\n{position}",
        document=document,
        version=version,
        position=position,
        start=piece.start,
        end=piece.end,
        page=piece.page,
        title=parsed.title,
        title_path=piece.title_path,
        text=text,
        words=search_words(embedded),
        digest=digest,
        vector=vectors.get(digest, ()),
        readers=readers,
        metadata=parsed.metadata,
    )
    return Draft(file, row, embedded, known=digest in vectors)
