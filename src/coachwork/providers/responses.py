"""The HTTP client of a remote provider, and the responses of one call: closed with it, whatever its SDK forgets.

Google's SDK leaves a response, and with it the model at work, to the garbage collector when its stream is stopped
or brings an error; OpenAI's does not tell whether a stream came to its `[DONE]`. Knows HTTP, not what is asked.
"""

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import httpx2

_SECONDS = 1200.0  # longer than any call: a route's own limits are shorter, and decide
_DONE = b"data: [DONE]"
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


def came_to_done(responses: list[httpx2.Response]) -> bool:
    """Whether the last of them ended with the `[DONE]` of the chat wire."""
    stream = responses[-1].stream if responses else None
    return isinstance(stream, _Watched) and stream.tail.rstrip().endswith(_DONE)


class _Watched(httpx2.AsyncByteStream):
    """A body that remembers its last bytes."""

    def __init__(self, body: httpx2.AsyncByteStream) -> None:
        self._body = body
        self.tail = b""

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for piece in self._body:
            self.tail = (self.tail + piece)[-32:]
            yield piece

    async def aclose(self) -> None:
        await self._body.aclose()


async def _note(response: httpx2.Response) -> None:
    responses = _noted.get()
    if responses is not None:
        assert isinstance(response.stream, httpx2.AsyncByteStream)
        response.stream = _Watched(response.stream)
        responses.append(response)
