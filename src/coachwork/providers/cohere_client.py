"""Cohere's client with an ear for its citations and its tokens of thinking. Knows its second chat wire alone."""

from collections.abc import AsyncIterator
from typing import Any

from cohere import AsyncClientV2

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
