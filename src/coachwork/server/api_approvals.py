"""Reading and answering approvals, and links to do so. Knows HTTP; who may decide, and that the first answer counts,
is not known here.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Literal, get_args

from fastapi import APIRouter, Query
from pydantic import Field

from coachwork.errors import InputError, did_you_mean
from coachwork.messages import Frozen, JsonValue
from coachwork.pipelines.approval_trail import TrailView
from coachwork.pipelines.views import ApprovalStatus, ApprovalView, Page
from coachwork.server.limits import JsonRoute
from coachwork.server.served import RunsHere, RuntimeHere

router = APIRouter(prefix="/api/approvals", route_class=JsonRoute, tags=["approvals"])


class AnswerApproval(Frozen):
    """What a person decides. `value` is the edited value and goes with `edit` only."""

    decision: Literal["accept", "edit", "reject"]
    value: JsonValue = None
    comment: str = Field(default="", max_length=10_000)
    by: str = Field(default="", max_length=200)  # who decides; believed, until there is a login


class MakeLink(Frozen):
    """For whom a link is, and how long it holds: `30m`, `8h`, `2d` …"""

    who: str = Field(default="", max_length=200)
    expires: str = "7d"


class MadeLink(Frozen):
    """Whoever opens `url` decides in the name of `who`. It is shown once and nowhere kept."""

    url: str
    who: str
    expires_at: datetime


@router.get("")
async def list_approvals(
    runs: RunsHere,
    status: Annotated[str, Query(description="Only these, separated by commas; without it, all.")] = "",
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    cursor: Annotated[str, Query(max_length=200, description="`next_cursor` of the page before.")] = "",
) -> Page[ApprovalView]:
    """Approvals, the newest first, a page at a time, with the number of each status over all pages."""
    known = list(get_args(ApprovalStatus))
    for asked in filter(None, status.split(",")):
        if asked not in known:
            raise InputError(f"{asked!r} is no status of an approval", hint=did_you_mean(asked, known))
    return await runs.approvals(status, limit, cursor)


@router.get("/{approval_id}")
async def get_approval(approval_id: str, runs: RunsHere) -> ApprovalView:
    """One approval. That it was shown is noted in its trail."""
    return await runs.shown(approval_id)


@router.get("/{approval_id}/trail")
async def get_trail(approval_id: str, runs: RunsHere) -> Sequence[TrailView]:
    """All that happened to it: opened, shown, reminded, misfit, refused, link, decided."""
    return await runs.trail(approval_id)


@router.post("/{approval_id}/links", status_code=201)
async def make_link(approval_id: str, body: MakeLink, runtime: RuntimeHere) -> MadeLink:
    """A signed link by which somebody decides without a login, once. 403 for who may not, 409 if it is decided."""
    link = await runtime.runs.link(approval_id, body.who, body.expires)
    expires_at = datetime.fromtimestamp(link.expires_at / 1000, UTC)
    return MadeLink(url=runtime.address_of(link), who=link.who, expires_at=expires_at)


@router.post("/{approval_id}/answer")
async def answer_approval(approval_id: str, body: AnswerApproval, runs: RunsHere) -> ApprovalView:
    """Decide. 409 if somebody was faster, 403 for who may not, 422 with fields if the edited value does not fit."""
    if body.decision == "edit" and "value" not in body.model_fields_set:
        field = {"path": ["value"], "message": "Field required", "value": None}
        raise InputError("an edit needs the edited value", details={"fields": [field]})
    return await runs.answer(approval_id, body.decision, body.value, body.comment, body.by)
