"""OpenAI's own client, which sends what it is given and reads what fits at once. Nothing of who asks.

The SDK walks through every request by its types, to rename fields that these two calls do not have: a third of
the CPU of a whole call (`make bench-overhead`). pydantic-ai writes requests as the wire has them already. And
it builds every answer field by field, in case something does not fit; pydantic validates one in a twentieth.
"""

from collections.abc import Mapping
from functools import cached_property
from typing import Any

from openai import AsyncOpenAI, AsyncStream, NotGiven, Omit, not_given
from openai._base_client import make_request_options
from openai.resources.chat import AsyncChat, AsyncCompletions
from openai.resources.responses import AsyncResponses
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from openai.types.responses import Response, ResponseStreamEvent
from pydantic import ValidationError


class DirectClient(AsyncOpenAI):
    """`chat.completions.create` and `responses.create` without the walk; everything else as the SDK has it."""

    @cached_property
    def chat(self) -> AsyncChat:
        return _Chat(self)

    @cached_property
    def responses(self) -> AsyncResponses:
        return _Responses(self)

    def _process_response_data(self, *, data: object, cast_to: Any, response: Any) -> Any:
        """What fits its type is validated; what does not is built as the SDK builds it."""
        if cast_to is ChatCompletionChunk or cast_to is ChatCompletion:
            try:
                return cast_to.model_validate(data)
            except ValidationError:
                pass  # another server's dialect: taken as it is
        return super()._process_response_data(data=data, cast_to=cast_to, response=response)


class _Chat(AsyncChat):
    @cached_property
    def completions(self) -> AsyncCompletions:
        return _Completions(self._client)


class _Completions(AsyncCompletions):
    async def create(self, *, stream: Any = False, **given: Any) -> Any:
        body, options = _split(given)
        return await self._post(
            "/chat/completions",
            body={**body, "stream": stream or False},
            options=options,
            cast_to=ChatCompletion,
            stream=stream or False,
            stream_cls=AsyncStream[ChatCompletionChunk],
        )


class _Responses(AsyncResponses):
    async def create(self, *, stream: Any = False, **given: Any) -> Any:
        body, options = _split(given)
        return await self._post(
            "/responses",
            body={**body, "stream": stream or False},
            options=options,
            cast_to=Response,
            stream=stream or False,
            stream_cls=AsyncStream[ResponseStreamEvent],
        )


def _split(given: Mapping[str, Any]) -> tuple[dict[str, Any], Any]:
    """What goes into the body, and how the request is made."""
    body = dict(given)
    options = make_request_options(
        extra_headers=body.pop("extra_headers", None),
        extra_query=body.pop("extra_query", None),
        extra_body=body.pop("extra_body", None),
        timeout=body.pop("timeout", not_given),
        security={"bearer_auth": True},
    )
    return {name: value for name, value in body.items() if not isinstance(value, Omit | NotGiven)}, options
