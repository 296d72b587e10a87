"""Cohere's second chat wire, with what pydantic-ai's model of it leaves out: citations, tokens of thinking, pictures.

Knows that wire alone. How a message is written has no public place to add to: the recorded traffic is its test.
"""

from collections.abc import AsyncIterator
from typing import Any

from cohere import AsyncClientV2, Content, ImageUrl, ImageUrlContent, TextContent, UserChatMessageV2
from pydantic_ai import messages as theirs
from pydantic_ai.models.cohere import CohereModel

from coachwork.errors import Rejected
from coachwork.messages import Source
from coachwork.providers.beside import Beside, present


class CitingClient(AsyncClientV2):
    async def chat(self, **asked: Any) -> Any:
        beside = present()
        response = await super().chat(**asked)
        for citation in response.message.citations or ():
            _cited(beside, citation)
        _thought(beside, response.usage)
        return response

    def chat_stream(self, **asked: Any) -> AsyncIterator[Any]:
        return self._heard(super().chat_stream(**asked), present())

    async def _heard(self, events: AsyncIterator[Any], beside: Beside) -> AsyncIterator[Any]:
        async for event in events:
            delta = getattr(event, "delta", None)
            if event.type == "citation-start" and delta is not None and delta.message is not None:
                _cited(beside, delta.message.citations)
            elif event.type == "message-end" and delta is not None:
                _thought(beside, delta.usage)
            yield event


def _cited(beside: Beside, citation: Any) -> None:
    """A place for each source. The words are the answer's own: Cohere does not tell the source's."""
    for source in (citation and citation.sources) or ():
        where = source.model_dump()
        kept = where.get("document") or where.get("tool_output") or {}
        name = kept.get("url") or kept.get("title") or where.get("id") or ""
        beside.sources.append(Source(str(name), citation.text or ""))


def _thought(beside: Beside, usage: Any) -> None:
    tokens = usage.tokens.model_dump() if usage is not None and usage.tokens is not None else {}
    beside.thinking_tokens = int(tokens.get("reasoning_tokens") or 0)


class SeeingModel(CohereModel):
    """A model of Cohere that may be shown pictures."""

    _unsupported_file_inputs = frozenset({"document", "audio", "video"})

    @staticmethod
    def _map_user_prompt(part: theirs.UserPromptPart) -> UserChatMessageV2:
        pictured = not isinstance(part.content, str) and any(map(_is_picture, part.content))
        if not pictured:
            return CohereModel._map_user_prompt(part)
        content: list[Content] = []
        for piece in part.content:
            if isinstance(piece, theirs.BinaryContent) and piece.is_image:
                content.append(ImageUrlContent(image_url=ImageUrl(url=piece.data_uri)))
            elif isinstance(piece, str):
                content.append(TextContent(text=piece))
            else:
                raise Rejected("Cohere is shown text and pictures, nothing else.", details={"status": 400})
        return UserChatMessageV2(role="user", content=content)


def _is_picture(piece: object) -> bool:
    return isinstance(piece, theirs.BinaryContent) and piece.is_image
