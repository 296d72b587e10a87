"""What a request's body may be: how many bytes, and JSON as RFC 8259 has it. Knows no endpoint."""

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request
from fastapi.routing import APIRoute
from pydantic_core import from_json
from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from coachwork.errors import TooLarge
from coachwork.messages import JsonValue
from coachwork.server.problems import Problem, Refused, from_error, problem, respond

_MB = 1_000_000


class BodyLimit:
    """Refuses a body above `max_mb`: at once by its declared length, else as soon as that many bytes came.

    What was read until then is dropped; the rest is never kept, so memory is bounded by the limit.
    """

    def __init__(self, app: ASGIApp, max_mb: float) -> None:
        self.app = app
        self.max_mb = max_mb
        self.max_bytes = int(max_mb * _MB)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        declared = Headers(scope=scope).get("content-length", "")
        if declared.isdecimal() and int(declared) > self.max_bytes:
            await respond(self._too_large(f"{int(declared) / _MB:,.1f} MB"))(scope, receive, send)
            return
        seen = 0

        async def counted() -> Message:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > self.max_bytes:
                raise Refused(self._too_large(f"more than {self.max_mb:g} MB"))
            return message

        await self.app(scope, counted, send)

    def _too_large(self, size: str) -> Problem:
        return from_error(
            TooLarge(
                f"the body has {size}, and at most {self.max_mb:g} MB are taken",
                hint="Send less, or raise `max_body_mb` under [server] in coachwork.toml.",
                reader=f"That is {size}, and at most {self.max_mb:g} MB can be sent. Please shorten it or attach less.",
            )
        )


class JsonRoute(APIRoute):
    """A route whose body, where it takes one, is JSON and nothing else, read by `parse`."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()
        takes_body = self.body_field is not None
        may_be_empty = self.body_field is not None and not self.body_field.field_info.is_required()

        async def strict(request: Request) -> Response:
            if takes_body and not (may_be_empty and _is_empty(request)):
                kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
                if kind != "application/json" and not (kind.startswith("application/") and kind.endswith("+json")):
                    raise Refused(_not_json_type(kind))
            return await handle(JsonRequest(request.scope, request.receive))

        return strict


def _is_empty(request: Request) -> bool:
    """Sent without a body: an empty one of no named type is none."""
    headers = request.headers
    return headers.get("content-length", "0") == "0" and not {"transfer-encoding", "content-type"} & set(headers)


class JsonRequest(Request):
    async def json(self) -> JsonValue:
        return parse(await self.body())


def parse(body: bytes) -> JsonValue:
    """JSON without NaN, infinities, lone surrogates and nesting beyond 200. Raises Refused with the position."""
    try:
        value = from_json(body, allow_inf_nan=False)
    except ValueError as error:
        raise Refused(_not_json(str(error))) from None
    if _has_infinity(value):
        raise Refused(_not_json("a number is too large for JSON's usual 64 bits"))
    return value


def _has_infinity(value: JsonValue) -> bool:
    """`1e999` is JSON but reads as infinity, which nothing behind can keep."""
    left = [value]
    while left:
        item = left.pop()
        if isinstance(item, dict):
            left.extend(item.values())
        elif isinstance(item, list):
            left.extend(item)
        elif isinstance(item, float) and item in (float("inf"), float("-inf")):
            return True
    return False


def _not_json(reason: str) -> Problem:
    return problem(
        400,
        "json",
        f"the body is not JSON: {reason}",
        hint="Send UTF-8 JSON; NaN, Infinity and half surrogate pairs are not JSON.",
    )


def _not_json_type(kind: str) -> Problem:
    return problem(
        415,
        "unsupported-media-type",
        f"the body is {kind!r}, and only JSON is taken" if kind else "the request does not say what its body is",
        hint="Send the header Content-Type: application/json.",
    )
