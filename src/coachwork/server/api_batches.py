"""Batches: a table goes up, a run is made of each row, results come down. Knows HTTP; the rules are `pipelines`'."""

from collections.abc import Callable, Coroutine
from typing import Annotated, Any, Literal, get_args

from fastapi import APIRouter, Header, Query, Request, Response, UploadFile
from fastapi.responses import StreamingResponse
from fastapi.routing import APIRoute
from pydantic import Field

from coachwork.errors import InputError, did_you_mean
from coachwork.messages import Frozen
from coachwork.pipelines.batch_results import as_csv, as_head, as_jsonl, as_xlsx, columns_of
from coachwork.pipelines.batch_views import BatchRows, BatchStatus, BatchView, Estimate, RowStatus
from coachwork.pipelines.batches import Table
from coachwork.pipelines.views import Page
from coachwork.server.limits import JsonRoute
from coachwork.server.problems import Refused, problem, shown
from coachwork.server.served import BatchesHere, ProjectHere

_STATUSES = list(get_args(BatchStatus))
_ROW_STATUSES = list(get_args(RowStatus))
_MEDIA_TYPES = {
    "csv": "text/csv; charset=utf-8",
    "jsonl": "application/x-ndjson",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
_FILES: dict[int | str, dict[str, Any]] = {
    200: {"description": "The file.", "content": {kind.partition(";")[0]: {} for kind in _MEDIA_TYPES.values()}}
}


class UploadRoute(APIRoute):
    """A route whose body is a form with a file."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def only_forms(request: Request) -> Response:
            kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
            if kind != "multipart/form-data":
                raise Refused(
                    problem(
                        415,
                        "unsupported-media-type",
                        f"the body is {kind or 'of no named type'!r}, and only a form with a file is taken",
                        hint="Send multipart/form-data with the table as `file`: curl -F file=@tickets.csv …",
                    )
                )
            return await handle(request)

        return only_forms


router = APIRouter(prefix="/api", route_class=JsonRoute, tags=["batches"])
uploads = APIRouter(prefix="/api", route_class=UploadRoute, tags=["batches"])


class Resume(Frozen):
    """How a paused batch goes on: under another cap, or as it was."""

    cap_usd: float | None = Field(default=None, gt=0)


class Retry(Frozen):
    """Which rows to try again: these numbers, or all that failed or were cancelled; or those that a budget refused.

    `cap_usd` is what the batch may cost from now on, in all.
    """

    rows: list[int] | None = Field(default=None, min_length=1, max_length=10_000)
    budget_only: bool = False
    cap_usd: float | None = Field(default=None, gt=0)


@uploads.post("/pipelines/{name}/batches", status_code=202)
async def start_batch(
    name: str,
    file: UploadFile,
    batches: BatchesHere,
    response: Response,
    dry_run: Annotated[bool, Query(description="Only check the table and estimate cost and time.")] = False,
    cap_usd: Annotated[
        float | None, Query(gt=0, description="The most that the batch may cost, held before every call.")
    ] = None,
    at_once: Annotated[int | None, Query(ge=1, le=256, description="Rows that work at the same time.")] = None,
    idempotency_key: Annotated[str | None, Header(min_length=1, max_length=255)] = None,
) -> BatchView | Estimate:
    """Start a run for each row of a .csv, .xlsx or .jsonl file (202); with `dry_run` only check it (200)."""
    table = Table(file.filename or "", await file.read())
    if dry_run:
        response.status_code = 200
        return await batches.check(name, table)
    batch = await batches.start(name, table, cap_usd=cap_usd, at_once=at_once, idempotency_key=idempotency_key)
    response.headers["location"] = f"/api/batches/{batch.id}"
    return batch


@router.get("/pipelines/{name}/batches/template.csv", response_class=Response)
async def template(name: str, batches: BatchesHere) -> Response:
    """An empty table with a column for each field, to be filled in and sent back."""
    headers = {"content-disposition": f'attachment; filename="{name}.csv"'}
    return Response(as_head(batches.head(name)), headers=headers, media_type=_MEDIA_TYPES["csv"])


@router.get("/batches")
async def list_batches(
    batches: BatchesHere,
    pipeline: Annotated[str, Query(description="Only batches of this pipeline.")] = "",
    status: Annotated[str, Query(description="Only these, by commas: running, paused, finished, cancelled.")] = "",
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    cursor: Annotated[str, Query(max_length=200, description="`next_cursor` of the page before.")] = "",
) -> Page[BatchView]:
    """Batches, the newest first, a page at a time."""
    _known(status, _STATUSES, "a batch")
    return await batches.list(pipeline=pipeline, status=status, limit=limit, cursor=cursor)


@router.get("/batches/{batch_id}")
async def get_batch(batch_id: str, batches: BatchesHere) -> BatchView:
    """How a batch stands. To be asked as often as one likes: its cost does not grow with the batch."""
    return await batches.get(batch_id)


@router.get("/batches/{batch_id}/rows")
async def list_rows(
    batch_id: str,
    batches: BatchesHere,
    after: Annotated[int, Query(ge=0, le=2**31 - 1, description="`next_after` of the page before.")] = 0,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    status: Annotated[str, Query(description="Only rows that are: queued, running, waiting, succeeded …")] = "",
) -> BatchRows:
    """Rows in the order of the file, each with what came of it."""
    _known(status, _ROW_STATUSES, "a row")
    found = await batches.rows(batch_id, after=after, limit=limit, status=status)
    items = [row.model_copy(update={"error": shown(row.error)}) for row in found.items]
    return found.model_copy(update={"items": items})


@router.post("/batches/{batch_id}/pause")
async def pause_batch(batch_id: str, batches: BatchesHere) -> BatchView:
    """Start no more rows; those at work are finished. 409 if it is not running."""
    return await batches.pause(batch_id)


@router.post("/batches/{batch_id}/resume")
async def resume_batch(batch_id: str, batches: BatchesHere, body: Resume | None = None) -> BatchView:
    """Go on with a paused batch, under another cap if one is given; rows that the old one refused are tried again.

    409 if it is not paused.
    """
    return await batches.resume(batch_id, body.cap_usd if body else None)


@router.post("/batches/{batch_id}/cancel")
async def cancel_batch(batch_id: str, batches: BatchesHere) -> BatchView:
    """Stop for good: rows in line at once, those at work within moments. 409 if it has ended."""
    return await batches.cancel(batch_id)


@router.post("/batches/{batch_id}/retry")
async def retry_rows(batch_id: str, batches: BatchesHere, body: Retry | None = None) -> BatchView:
    """Run failed and cancelled rows again, the others stay as they are. 409 if there are none."""
    asked = body or Retry()
    return await batches.retry(batch_id, asked.rows, budget_only=asked.budget_only, cap_usd=asked.cap_usd)


@router.get("/batches/{batch_id}/results.{kind}", response_class=Response, responses=_FILES)
async def results(
    batch_id: str, kind: Literal["csv", "jsonl", "xlsx"], batches: BatchesHere, project: ProjectHere
) -> Response:
    """Every row with its input and what came of it so far, as a file."""
    batch = await batches.get(batch_id)
    columns = columns_of(project.pipelines.get(batch.pipeline))
    headers = {"content-disposition": f'attachment; filename="{batch.pipeline}-{batch.id}.{kind}"'}
    pages = batches.results(batch_id)
    if kind == "xlsx":
        return Response(await as_xlsx(pages, columns), headers=headers, media_type=_MEDIA_TYPES[kind])
    lines = as_jsonl(pages) if kind == "jsonl" else as_csv(pages, columns)
    return StreamingResponse(lines, headers=headers, media_type=_MEDIA_TYPES[kind])


def _known(status: str, known: list[str], of: str) -> None:
    for asked in filter(None, status.split(",")):
        if asked not in known:
            raise InputError(f"{asked!r} is no status of {of}", hint=did_you_mean(asked, known))
