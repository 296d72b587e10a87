"""Documents that come and go over HTTP, and ingesting a folder. Knows HTTP; what is taken is `knowledge`'s to say."""

from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Header, Request, Response
from pydantic import BaseModel

from coachwork.errors import Conflict, NotFound
from coachwork.knowledge import KnowledgeBase
from coachwork.server.api_knowledge import DocumentListed, at, knowledge_base, listed, writable
from coachwork.server.ingests import Ingesting
from coachwork.server.served import ProjectHere, ServedHere

router = APIRouter(prefix="/api/knowledge", tags=["knowledge"])
_BYTES: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    }
}


class IngestView(BaseModel):
    """How far an ingest is that was begun here: `found` documents, of which `read` are settled; `embedded` passages.

    It is `waiting` while another process ingests, `stuck` where nothing moved for a minute. `documents_a_second` and
    `seconds_left` are None until they can be told, `problem` is what ended a `failed` one.
    """

    state: Literal["none", "waiting", "working", "stuck", "done", "failed"]
    found: int = 0
    read: int = 0
    embedded: int = 0
    failed: int = 0
    current: str = ""
    started_at: datetime | None = None
    moved_at: datetime | None = None
    documents_a_second: float | None = None
    seconds_left: float | None = None
    problem: dict[str, Any] | None = None


@router.put("/{name}/files/{document_id:path}", openapi_extra=_BYTES, responses={201: {"model": DocumentListed}})
async def put_file(
    name: str,
    document_id: str,
    request: Request,
    response: Response,
    project: ProjectHere,
    if_none_match: Annotated[str, Header(description="`*`: only where there is none of this name (else 409).")] = "",
) -> DocumentListed:
    """Put a document, its bytes as the body, into the folder and index it: 201, or 200 in place of another.

    It is found when this answers. What can't be taken or read is refused with the reason, and nothing has changed.
    """
    base = knowledge_base(project, name)
    _require_writable(base)
    there = _is_there(base, document_id)
    if there and if_none_match.strip() == "*":
        raise Conflict(
            f"there already is a document {document_id!r}",
            hint="Send it without `If-None-Match: *` to put it in place of that one.",
            reader="There already is a document of this name.",
        )
    found = await base.add(document_id, await request.body())
    response.status_code = 200 if there else 201
    return listed(found)


@router.delete("/{name}/files/{document_id:path}", status_code=204)
async def delete_file(name: str, document_id: str, project: ProjectHere) -> None:
    """Take a document out of the folder and, at once, out of every answer."""
    base = knowledge_base(project, name)
    _require_writable(base)
    await base.remove(document_id)


@router.post("/{name}/ingest", status_code=202)
async def start_ingest(name: str, here: ServedHere) -> IngestView:
    """Index what is new or changed in the folder. One that is under way goes on, and no second is begun."""
    return _view(here.ingests.start(knowledge_base(here.project, name)))


@router.get("/{name}/ingest")
async def get_ingest(name: str, here: ServedHere) -> IngestView:
    """How far the ingest is that was begun here last."""
    return _view(here.ingests.of(knowledge_base(here.project, name).name))


def _is_there(base: KnowledgeBase, document: str) -> bool:
    from coachwork.knowledge.uploads import file_of

    try:
        file_of(base.folder, document)
    except NotFound:
        return False
    return True


def _require_writable(base: KnowledgeBase) -> None:
    if not writable(base):
        raise Conflict(
            f"the folder {base.folder} can't be written to",
            hint="Give this process the right to write there, or put documents into it by other means.",
            reader="The documents here can be read but not changed.",
        )


def _view(ingesting: Ingesting | None) -> IngestView:
    if ingesting is None:
        return IngestView(state="none")
    progress = ingesting.progress
    return IngestView(
        state=ingesting.state,
        found=progress.found,
        read=progress.read,
        embedded=progress.embedded,
        failed=progress.failed,
        current=progress.current,
        started_at=at(ingesting.started_ms),
        moved_at=at(ingesting.moved_ms),
        documents_a_second=ingesting.documents_a_second,
        seconds_left=ingesting.seconds_left,
        problem=ingesting.problem,
    )
