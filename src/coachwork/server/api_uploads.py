"""Documents that come and go over HTTP, and ingesting a folder. Knows HTTP; what is taken is `knowledge`'s to say."""

from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Header, Request, Response
from pydantic import BaseModel

from coachwork.errors import Conflict, NotFound
from coachwork.knowledge import KnowledgeBase
from coachwork.pipelines.views import moment
from coachwork.server.api_knowledge import DocumentListed, knowledge_base, listed, writable
from coachwork.server.ingests import Seen, Task
from coachwork.server.problems import shown
from coachwork.server.served import ProjectHere, ServedHere

router = APIRouter(prefix="/api/knowledge", tags=["knowledge"])
_CHANGES = 200  # documents that a dry run names
_BYTES: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    }
}


class IngestWorker(BaseModel):
    """A process that works on an ingest: what it does, how many documents it has; `stuck` without a sign of life."""

    host: str
    pid: int
    phase: str
    current: str
    documents: int
    stuck: bool


class IngestView(BaseModel):
    """How far the last ingest is, whatever process works on it: `found` documents, of which `read` are settled;
    `embedded` passages.

    It is `waiting` while others ingest by other settings, `stuck` where nobody works on it any more or nothing moved
    for a minute, `stopped` before its end. `documents_a_second` and `seconds_left` are None until they can be told,
    `problem` is what ended a `failed` one.
    """

    state: Literal["none", "waiting", "working", "stuck", "done", "failed", "stopped"]
    phase: str = ""
    found: int = 0
    read: int = 0
    embedded: int = 0
    failed: int = 0
    current: str = ""
    started_at: datetime | None = None
    moved_at: datetime | None = None
    documents_a_second: float | None = None
    seconds_left: float | None = None
    workers: list[IngestWorker] = []
    problem: dict[str, Any] | None = None


class Change(BaseModel):
    """A document that an ingest would take up, read anew or forget."""

    document: str
    what: Literal["new", "changed", "gone"]


class Unreadable(BaseModel):
    document: str
    reason: str


class PlanView(BaseModel):
    """What an ingest would do now. `passages` would be sent to `model`, estimated as `tokens`, `reused` would not;
    `cost_usd` is the most they cost, None where the model's price is unknown. `changes` names the first documents."""

    state: Literal["none", "working", "done", "failed"]
    read: int = 0
    model: str = ""
    found: int = 0
    added: int = 0
    changed: int = 0
    unchanged: int = 0
    deleted: int = 0
    passages: int = 0
    reused: int = 0
    tokens: int = 0
    cost_usd: float | None = None
    changes: list[Change] = []
    failed: list[Unreadable] = []
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
    """Index what is new or changed in the folder. One that is under way elsewhere is shared, and no second is begun."""
    base = knowledge_base(here.project, name)
    here.ingests.start(base)
    return _view(await here.ingests.of(base))


@router.get("/{name}/ingest")
async def get_ingest(name: str, here: ServedHere) -> IngestView:
    """How far the last ingest is, whatever process works on it."""
    return _view(await here.ingests.of(knowledge_base(here.project, name)))


@router.post("/{name}/plan", status_code=202)
async def start_plan(name: str, here: ServedHere) -> PlanView:
    """Find out what an ingest would do and cost. Documents are read; nothing is embedded, indexed or forgotten."""
    return _planned(here.ingests.plan(knowledge_base(here.project, name)))


@router.get("/{name}/plan")
async def get_plan(name: str, here: ServedHere) -> PlanView:
    """How far the dry run is that was begun here last, and what it found."""
    return _planned(here.ingests.planned(knowledge_base(here.project, name).name))


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


def _view(seen: Seen) -> IngestView:
    state, progress = seen.state, seen.state.progress
    speed, left = progress.documents_a_second, progress.seconds_left
    return IngestView(
        state="waiting" if seen.waiting else state.state,
        phase=progress.phase,
        found=progress.found,
        read=progress.read,
        embedded=progress.embedded,
        failed=progress.failed,
        current=progress.current,
        started_at=moment(state.started_at),
        moved_at=moment(state.moved_at),
        documents_a_second=None if speed is None else round(speed, 2),
        seconds_left=None if left is None else round(left, 1),
        workers=[IngestWorker(**asdict(worker)) for worker in state.workers],
        problem=seen.problem or shown(state.problem),
    )


def _planned(task: Task | None) -> PlanView:
    if task is None:
        return PlanView(state="none")
    if task.plan is not None:
        plan = asdict(task.plan)
        return PlanView(**plan | {"state": "done", "read": plan["found"], "changes": plan["changes"][:_CHANGES]})
    state: Literal["working", "failed"] = "failed" if task.problem else "working"
    return PlanView(state=state, found=task.progress.found, read=task.progress.read, problem=task.problem)
