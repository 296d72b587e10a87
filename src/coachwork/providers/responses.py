"""The HTTP client of a remote provider, and the responses of one call: closed with it, whatever its SDK forgets.

Google's SDK leaves a response, and with it the model at work, to the garbage collector when its stream is stopped
or brings an error. Knows HTTP; does not know what is asked.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import httpx2

_SECONDS = 1200.0  # longer than any call: a route's own limits are shorter, and decide
_noted: ContextVar[list[httpx2.Response] | None] = ContextVar("coachwork_responses", default=None)


def http_client() -> httpx2.AsyncClient:
    """A client that notes its responses. Whoever makes it closes it."""
    return httpx2.AsyncClient(
        timeout=httpx2.Timeout(_SECONDS, connect=5.0),
        limits=httpx2.Limits(max_connections=1000, max_keepalive_connections=100),
        event_hooks={"response": [_note]},
    )


@contextmanager
def noted(responses: list[httpx2.Response]) -> Iterator[None]:
    """Put every response that begins in here into `responses`."""
    token = _noted.set(responses)
    try:
        yield
    finally:
        _noted.reset(token)


async def closed(responses: list[httpx2.Response]) -> None:
    """Close them; the connections of those that were not read to their end with them."""
    for response in responses:
        await response.aclose()


async def _note(response: httpx2.Response) -> None:
    responses = _noted.get()
    if responses is not None:
        responses.append(response)
