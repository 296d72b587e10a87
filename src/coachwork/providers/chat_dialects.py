"""The chat wire as others than OpenAI write it, put right where pydantic-ai lets a subclass look at it first.

Mistral leaves out a call's type and gives thinking as a piece of the content; Groq counts a stream in a field of
its own. Knows what differs, and no service by name: whoever writes so is read so.
"""

from collections.abc import AsyncIterator
from typing import Any

from openai.types import CompletionUsage
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from pydantic_ai.models.openai import OpenAIChatModel, OpenAIStreamedResponse


class DialectModel(OpenAIChatModel):
    """A chat model of OpenAI or of anybody who copied its wire."""

    def _validate_completion(self, response: ChatCompletion) -> Any:
        for choice in response.choices or ():
            _put_right(choice.message)
        return super()._validate_completion(response)

    @property
    def _streamed_response_cls(self) -> type[OpenAIStreamedResponse]:
        return _DialectStream


class _DialectStream(OpenAIStreamedResponse):
    async def _validate_response(self) -> AsyncIterator[ChatCompletionChunk]:
        async for chunk in super()._validate_response():
            for choice in chunk.choices or ():
                _put_right(choice.delta)
            if chunk.usage is None and chunk.model_extra:
                _counted(chunk, chunk.model_extra.get("x_groq"))
            yield chunk


def _put_right(message: Any) -> None:
    for call in getattr(message, "tool_calls", None) or ():
        if call.type is None and call.function is not None:
            call.type = "function"
    content = getattr(message, "content", None)
    if isinstance(content, list):
        pieces = [piece for piece in content if isinstance(piece, dict)]
        thought = "".join(_text(piece["thinking"]) for piece in pieces if piece.get("type") == "thinking")
        message.content = "".join(_text(piece) for piece in content) or None
        if thought:
            message.reasoning_content = thought


def _text(piece: Any) -> str:
    """The text in a piece of content, whatever it is wrapped in."""
    if isinstance(piece, str):
        return piece
    if isinstance(piece, list):
        return "".join(map(_text, piece))
    return str(piece.get("text") or "") if piece.get("type") == "text" else ""


def _counted(chunk: ChatCompletionChunk, groqs: Any) -> None:
    if isinstance(groqs, dict) and isinstance(groqs.get("usage"), dict):
        chunk.usage = CompletionUsage.model_validate(groqs["usage"])
