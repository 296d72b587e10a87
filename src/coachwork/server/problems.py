"""Every error as a problem of RFC 9457. Knows shapes and status codes; does not know what went wrong where.

Beside the standard's members: `code` for programs, `reader` for people, `hint` for the engineer,
`retryable`, and where they apply `run_id`, `fields`, `file` and `line` of the project, and `instance` (the number
to look for in the log).
"""

import secrets
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

import structlog
from fastapi import Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel
from pydantic_core import to_json
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from coachwork.errors import CoachworkError, InputError
from coachwork.messages import JsonValue
from coachwork.tracing.log import redact

log = structlog.get_logger(__name__)

MEDIA_TYPE = "application/problem+json"
_TYPES = "https://coachwork.dev/problems/"
_TITLES = {
    "input": "The input does not fit",
    "json": "The body is not JSON",
    "error": "Something went wrong",
    "project": "The project is not set up correctly",
    "cancelled": "The run was stopped",
    "run-failed": "The application's own code failed",
    "missing-key": "An API key is missing",
    "output-refused": "The model's answer could not be used",
    "stream-cut": "The answer stopped in the middle",
}
_READER_CLIENT = "This request can't be answered as it was sent."
_READER_SERVER = "Something went wrong here, not with what you sent. Please try again."


_MOST_OF_A_RESULT = 500  # characters of what one tool gave, in a problem


class FieldProblem(BaseModel):
    """One field that does not fit: the way to it, what is wrong, and the value where it is short enough to show."""

    path: list[str]
    message: str
    value: JsonValue = None


class Problem(BaseModel):
    """What an error looks like over HTTP (application/problem+json), in a run and in its stream.

    `outcome` is what an agent that was stopped had achieved by then, see `Outcome`; long results are cut.
    """

    type: str
    title: str
    status: int
    detail: str
    code: str
    reader: str
    hint: str = ""
    retryable: bool = False
    run_id: str | None = None
    instance: str | None = None
    fields: list[FieldProblem] | None = None
    file: str | None = None
    line: int | None = None
    outcome: dict[str, Any] | None = None

    def plain(self) -> dict[str, Any]:
        """As JSON, without members that do not apply and without anything that looks like a secret."""
        return dict(redact(None, "", self.model_dump(mode="json", exclude_none=True, exclude={"fields"}))) | (
            {} if self.fields is None else {"fields": [redact(None, "", field.model_dump()) for field in self.fields]}
        )


class Refused(HTTPException):
    """A request refused while its body is read, where FastAPI lets only an HTTPException through."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.status, problem.detail)
        self.problem = problem


def problem(
    status: int,
    code: str,
    detail: str,
    *,
    hint: str = "",
    reader: str = "",
    retryable: bool = False,
    run_id: str | None = None,
    instance: str | None = None,
    fields: Sequence[Mapping[str, Any]] | None = None,
) -> Problem:
    """A problem whose type and title follow from its code."""
    return Problem(
        type=_TYPES + code,
        title=_TITLES.get(code) or code.replace("-", " ").capitalize(),
        status=status,
        detail=detail,
        code=code,
        reader=reader or (_READER_SERVER if status >= 500 else _READER_CLIENT),
        hint=hint,
        retryable=retryable,
        run_id=run_id,
        instance=instance,
        fields=None if fields is None else [FieldProblem(**field) for field in fields],
    )


def from_error(error: CoachworkError) -> Problem:
    return from_stored(error.to_dict())


def from_stored(error: Mapping[str, Any]) -> Problem:
    """The problem of an error as `CoachworkError.to_dict` keeps it in a run, a step and an event."""
    details = error.get("details") or {}
    found = problem(
        int(error.get("status", 500)),
        str(error.get("code", "error")),
        str(error.get("message", "")),
        hint=str(error.get("hint", "")),
        reader=str(error.get("reader", "")),
        retryable=bool(error.get("retryable", False)),
        run_id=error.get("run_id") or details.get("run_id"),
        fields=details.get("fields"),
    )
    more = {"file": details.get("file") or None, "line": details.get("line"), "outcome": _cut(details.get("outcome"))}
    return found.model_copy(update=more)


def _cut(outcome: Any) -> Any:
    """What an agent had achieved, without the passages it read and the ends of long results: the steps have them."""
    if not isinstance(outcome, Mapping):
        return None
    uses = [{**use, "result": use["result"][:_MOST_OF_A_RESULT]} for use in outcome["uses"]]
    return {name: value for name, value in outcome.items() if name != "passages"} | {"uses": uses}


def shown(error: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """A stored error as the API shows it."""
    return None if error is None else from_stored(error).plain()


def respond(found: Problem, headers: Mapping[str, str] | None = None) -> Response:
    body = to_json(found.plain(), inf_nan_mode="null")
    return Response(body, found.status, {**(headers or {}), "cache-control": "no-store"}, MEDIA_TYPE)


# ── Handlers: what was raised becomes a response ───────────────────────────────────────────────


async def on_error(request: Request, error: Exception) -> Response:
    """A CoachworkError: its own status, sentence and hint."""
    assert isinstance(error, CoachworkError)
    found = from_error(error)
    if found.status >= 500:
        log.error("request.failed", method=request.method, path=request.url.path, code=found.code, error=error.message)
    wait = error.details.get("retry_after")
    return respond(found, {"retry-after": str(max(1, round(wait)))} if wait else None)


async def on_validation(request: Request, error: Exception) -> Response:
    """A query, header or body that does not fit the endpoint."""
    assert isinstance(error, RequestValidationError)
    fields = [
        {"path": _path(found["loc"]), "message": found["msg"], "value": _short(found.get("input"))}
        for found in error.errors()
    ]
    lines = "; ".join(f"{'.'.join(field['path']) or 'body'}: {field['message']}" for field in fields)
    return respond(from_error(InputError(f"this request does not fit: {lines}", details={"fields": fields})))


async def on_http(request: Request, error: Exception) -> Response:
    """What routing refuses (404, 405), and what was refused while the body was read."""
    assert isinstance(error, HTTPException)
    if isinstance(error, Refused):
        return respond(error.problem, error.headers)
    path, status = request.url.path, HTTPStatus(error.status_code)
    details = {
        404: f"there is nothing at {path!r}",
        405: f"{request.method} is not possible at {path!r}",
    }
    code = status.phrase.lower().replace(" ", "-")
    hint = "The API is described at /api/openapi.json."
    return respond(problem(status, code, details.get(status, str(error.detail)), hint=hint), error.headers)


HANDLERS: dict[int | type[Exception], Any] = {
    CoachworkError: on_error,
    RequestValidationError: on_validation,
    HTTPException: on_http,
}


class CatchBugs:
    """An exception nobody expected: its traceback goes to the log under a number, the number to the caller."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = False

        async def watched(message: Message) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send(message)

        try:
            await self.app(scope, receive, watched)
        except Exception as error:
            if scope["type"] != "http":
                raise
            number = log_bug(error, method=scope["method"], path=scope["path"])
            if started:
                raise  # too late for another status: the server cuts the connection
            await respond(bug(number))(scope, receive, send)


def log_bug(error: Exception, **where: str) -> str:
    """Put an unexpected exception into the log and give the number it stands under."""
    number = secrets.token_hex(6)
    log.error("request.bug", number=number, exc_info=error, **where)
    return number


def bug(number: str) -> Problem:
    return problem(
        500,
        "error",
        f"an unexpected error, number {number} in the server's log",
        hint=f"Look for {number} in the output of `coachwork serve`.",
        reader=f"Something went wrong here, not with what you sent. Its number is {number}.",
        instance=f"urn:coachwork:error:{number}",
    )


def _path(location: Sequence[int | str]) -> list[str]:
    """The way to a field: of the body as it is, of a query or header behind its kind."""
    return [str(part) for part in (location[1:] if location and location[0] == "body" else location)]


def _short(value: Any) -> JsonValue:
    if isinstance(value, str):
        return value if len(value) <= 120 else value[:119] + "…"
    return value if value is None or isinstance(value, bool | int | float) else None
