"""The knowledge bases, their documents, and the original files. Knows media types; indexing is `knowledge`'s."""

import os
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import Annotated, Any, Literal
from urllib.parse import quote

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel
from starlette.responses import FileResponse, Response

from coachwork.app.project import Project
from coachwork.errors import NotFound, did_you_mean
from coachwork.knowledge import KnowledgeBase
from coachwork.knowledge.document import DocumentInfo
from coachwork.pipelines.views import moment
from coachwork.server.served import ProjectHere, ServedHere

router = APIRouter(prefix="/api/knowledge", tags=["knowledge"])

_MEDIA_TYPES = {
    ".csv": "text/csv; charset=utf-8",
    ".docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    ".htm": "text/html; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".md": "text/markdown; charset=utf-8",
    ".pdf": "application/pdf",
    ".pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    ".txt": "text/plain; charset=utf-8",
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
# A PDF is shown by the browser inside our page; everything else is saved, and could do nothing if it were opened.
_SHOWN = {"content-security-policy": "frame-ancestors 'self'", "x-frame-options": "SAMEORIGIN"}
_SAVED = {"content-security-policy": "default-src 'none'; sandbox; frame-ancestors 'none'"}


class KnowledgeInfo(BaseModel):
    """A knowledge base with its counts; into the folder of a `writable` one documents may be put."""

    name: str
    title: str
    documents: int
    passages: int
    failed: int
    updated_at: datetime | None
    writable: bool


class KnowledgeList(BaseModel):
    items: list[KnowledgeInfo]


class DocumentListed(BaseModel):
    """A document of a knowledge base; `reason` says why a failed one could not be read. `metadata` is what it says of
    itself, by which searches filter."""

    id: str
    title: str
    format: str
    size: int
    status: Literal["indexed", "failed"]
    reason: str
    passages: int
    updated_at: datetime
    metadata: dict[str, Any] = {}


class DocumentList(BaseModel):
    items: list[DocumentListed]


class HeadingPlace(BaseModel):
    start: int
    end: int
    level: int
    title: str


class PagePlace(BaseModel):
    page: int
    start: int
    end: int


class Document(BaseModel):
    """A document's stored text. Offsets of headings and pages count characters of `text`."""

    id: str
    title: str
    format: str
    text: str
    headings: list[HeadingPlace]
    pages: list[PagePlace]
    updated_at: datetime
    file_url: str


class PageShown(BaseModel):
    """A printed page: `image` is a PNG data URL of `width` x `height` pixels.

    Each of `places` is a box on it, [left, top, right, bottom] in pixels: one for each line of the words asked for.
    """

    page: int
    pages: int
    width: int
    height: int
    image: str
    places: list[list[int]]


@router.get("")
async def list_knowledge(project: ProjectHere) -> KnowledgeList:
    """The knowledge bases of the application."""
    return KnowledgeList(items=[await knowledge_info(base) for base in project.knowledge.values()])


@router.get("/{name}/documents")
async def list_documents(name: str, project: ProjectHere) -> DocumentList:
    """The documents of a knowledge base, those that failed with the reason."""
    found = await knowledge_base(project, name).documents()
    return DocumentList(items=[listed(item) for item in found])


@router.get("/{name}/documents/{document_id:path}")
async def get_document(name: str, document_id: str, project: ProjectHere) -> Document:
    """A document's text as it was indexed, in which citations have their place."""
    found = await knowledge_base(project, name).document(document_id)
    return Document(
        id=found.id,
        title=found.title,
        format=found.format,
        text=found.text,
        headings=[HeadingPlace(**asdict(heading)) for heading in found.headings],
        pages=[PagePlace(**asdict(page)) for page in found.pages],
        updated_at=at(found.updated_at),
        file_url=f"/api/knowledge/{quote(name)}/files/{quote(found.id)}",
    )


@router.get("/{name}/pages/{page}/{document_id:path}")
async def get_page(
    name: str,
    page: Annotated[int, Path(ge=1)],
    document_id: str,
    here: ServedHere,
    start: Annotated[int, Query(ge=0)] = 0,
    end: Annotated[int, Query(ge=0)] = 0,
) -> PageShown:
    """A page of a PDF as it is printed, with the places on it of the words at `start`..`end` of the stored text."""
    base = knowledge_base(here.project, name)
    async with here.drawing:
        return PageShown(**asdict(await base.page(document_id, page, start, end)))


@router.get("/{name}/files/{document_id:path}", response_class=FileResponse)
async def get_file(name: str, document_id: str, here: ServedHere) -> Response:
    """The original file, or what is attached to a mail: a PDF to be shown, everything else to be saved."""
    base = knowledge_base(here.project, name)
    path = await base.file(document_id)
    place = PurePosixPath(document_id)
    shown = place.suffix.lower() == ".pdf"
    kind = _MEDIA_TYPES.get(place.suffix.lower(), "application/octet-stream")
    headers = {**(_SHOWN if shown else _SAVED), "cache-control": "private, no-cache"}
    disposition = "inline" if shown else "attachment"
    async with here.drawing:
        inside = await base.attached(document_id)
    if inside is not None:
        headers["content-disposition"] = f"{disposition}; filename*=utf-8''{quote(place.name, safe='')}"
        return Response(inside, media_type=kind, headers=headers)
    return FileResponse(
        path, media_type=kind, filename=path.name, content_disposition_type=disposition, headers=headers
    )


async def knowledge_info(base: KnowledgeBase) -> KnowledgeInfo:
    status = await base.status()
    return KnowledgeInfo(
        name=base.name,
        title=base.title,
        documents=status.documents,
        passages=status.passages,
        failed=status.failed,
        updated_at=moment(status.updated_at),
        writable=writable(base),
    )


def writable(base: KnowledgeBase) -> bool:
    """Whether documents may be put into the folder, which may still have to be made."""
    folder = base.folder
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return os.access(folder, os.W_OK | os.X_OK)


def knowledge_base(project: Project, name: str) -> KnowledgeBase:
    """The knowledge base called `name`. Raises NotFound with the nearest name there is."""
    base = project.knowledge.get(name)
    if base is None:
        raise NotFound(f"there is no knowledge base {name!r}", hint=did_you_mean(name, list(project.knowledge)))
    return base


def listed(found: DocumentInfo) -> DocumentListed:
    return DocumentListed(**asdict(found) | {"updated_at": at(found.updated_at)})


def at(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC)
