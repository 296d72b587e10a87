"""A provider's answer in our events, from pydantic-ai's. Pure; knows no service by name.

What the chat wire calls by other names is a table here: why an answer ended, where probabilities and citations are.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from coachwork.errors import ProviderFault
from coachwork.messages import (
    FinishReason,
    Source,
    SourceFound,
    TextDelta,
    ThinkingDelta,
    ToolCallDelta,
    Usage,
)
from coachwork.providers.beside import Beside
from coachwork.providers.sent_back import arguments, shown, signed
from coachwork.providers.wire import ChatEvent, End

if TYPE_CHECKING:
    from pydantic_ai import messages as theirs
    from pydantic_ai.models import StreamedResponse

_FINISH: dict[str, FinishReason] = {
    "stop": "stop",
    "length": "length",
    "content_filter": "content_filter",
    "tool_call": "tool_call",
}
_SAID: dict[str, FinishReason] = {"complete": "stop"}  # of servers that copied the wire of Responses
# Where the providers' raw citations tell of a source: its name, and the words there. The first that is there counts.
_DOCUMENT = ("url", "document_title", "title", "filename", "file_id", "document_index")
_QUOTE = ("cited_text", "content")
_THOUGHT = ("reasoning_tokens", "thoughts_tokens", "thinking_tokens")


class Answer:
    """One answer as it comes in. A model may give a schema's answer by calling `output_tool`: that is its text."""

    def __init__(self, model: str, output_tool: str) -> None:
        self.beside = Beside()
        self._model = model
        self._output_tool = output_tool
        self._calls: dict[int, int] = {}  # their index of the part to ours of the call
        self._answers: set[int] = set()  # parts that are calls of the output tool
        self._written: set[int] = set()  # parts of which something was shown

    def heard(self, event: "theirs.ModelResponseStreamEvent") -> Iterator[ChatEvent]:
        """What one of their events brings."""
        from pydantic_ai import messages as theirs

        if isinstance(event, theirs.PartStartEvent):
            yield from self._begun(event.index, event.part)
        elif isinstance(event, theirs.PartDeltaEvent):
            yield from self._more(event.index, event.delta)
        elif isinstance(event, theirs.PartEndEvent):
            yield from self._ended(event.index, event.part)

    def whole(self, response: "theirs.ModelResponse") -> Iterator[ChatEvent]:
        """The same for an answer that came at once."""
        for index, part in enumerate(response.parts):
            yield from self._begun(index, part)
            yield from self._ended(index, part)

    def used(self, response: "StreamedResponse | theirs.ModelResponse") -> Usage:
        """What the provider has counted so far."""
        counted = usage(response)
        return replace(counted, thinking_tokens=counted.thinking_tokens or self.beside.thinking_tokens)

    def end(self, response: "StreamedResponse | theirs.ModelResponse", *, whole: bool) -> Iterator[ChatEvent]:
        """The last events; none where it did not say that it ended, which means that it was cut. Raises ProviderFault.

        `whole`: its end was seen on the wire, so an answer that gives no reason for it is not cut.
        """
        finish = self._finish(response, whole)
        if finish is None:
            return
        yield from map(SourceFound, dict.fromkeys(self.beside.sources))
        got: theirs.ModelResponse = response.get() if hasattr(response, "get") else response
        proof = signed(got.parts, got.provider_name or "", self._output_tool)
        declined = str((response.provider_details or {}).get("refusal") or "")
        yield End(finish, self.used(response), probabilities(got), proof, declined)

    # ── Parts ──

    def _begun(self, index: int, part: "theirs.ModelResponsePart") -> Iterator[ChatEvent]:
        from pydantic_ai import messages as theirs

        if isinstance(part, theirs.TextPart) and part.content:
            yield TextDelta(part.content)
        elif isinstance(part, theirs.ThinkingPart) and part.content:
            yield ThinkingDelta(part.content)
        elif isinstance(part, theirs.ToolCallPart):
            text = part.args if isinstance(part.args, str) else ""
            if part.tool_name == self._output_tool:
                self._answers.add(index)
            else:
                self._calls[index] = len(self._calls)
                yield ToolCallDelta(self._calls[index], part.tool_call_id, part.tool_name)
            yield from self._piece(index, text)

    def _more(self, index: int, delta: "theirs.ModelResponsePartDelta") -> Iterator[ChatEvent]:
        from pydantic_ai import messages as theirs

        if isinstance(delta, theirs.TextPartDelta) and delta.content_delta:
            yield TextDelta(delta.content_delta)
        elif isinstance(delta, theirs.ThinkingPartDelta) and delta.content_delta:
            yield ThinkingDelta(delta.content_delta)
        elif isinstance(delta, theirs.ToolCallPartDelta) and isinstance(delta.args_delta, str):
            yield from self._piece(index, delta.args_delta)

    def _ended(self, index: int, part: "theirs.ModelResponsePart") -> Iterator[ChatEvent]:
        from pydantic_ai import messages as theirs

        if isinstance(part, theirs.TextPart):
            yield from map(SourceFound, sources(part))
        elif isinstance(part, theirs.ThinkingPart) and not part.content and (text := shown(part)):
            yield ThinkingDelta(text)
        elif isinstance(part, theirs.ToolCallPart) and index not in self._written:  # it came as an object, or empty
            yield from self._piece(index, arguments(part))

    def _piece(self, index: int, text: str) -> Iterator[ChatEvent]:
        """More of a call's arguments. Calls of tools that the service runs itself are none of the answer."""
        if text and index in self._calls:
            yield ToolCallDelta(self._calls[index], arguments=text)
        elif text and index in self._answers:
            yield TextDelta(text)
        self._written |= {index} if text else set()

    def _finish(self, response: "StreamedResponse | theirs.ModelResponse", whole: bool) -> FinishReason | None:
        details = response.provider_details or {}
        reason = response.finish_reason or _SAID.get(str(details.get("finish_reason")))
        if reason == "error":
            raise ProviderFault(f"{self._model!r} ended its answer with an error.", model=self._model)
        if reason == "stop" and not whole and "finish_reason" not in details:
            return None  # pydantic-ai takes an answer of the chat wire that ends without a word for a whole one
        if reason in (
            "stop",
            "tool_call",
        ):  # some servers say "stop" and ask for a tool; an answer's own tool is a stop
            return "tool_call" if self._calls else "stop"
        return _FINISH.get(reason) if reason else None


# ── What is counted and told beside the text ───────────────────────────────────────────────────


def usage(response: "StreamedResponse | theirs.ModelResponse") -> Usage:
    counted = response.usage
    thought = (counted.details.get(name, 0) for name in _THOUGHT)
    return Usage(
        input_tokens=counted.input_tokens,
        output_tokens=counted.output_tokens,
        cached_tokens=counted.cache_read_tokens,
        cache_write_tokens=counted.cache_write_tokens,
        thinking_tokens=counted.output_reasoning_tokens or max(thought),
        input_audio_tokens=counted.input_audio_tokens,
        output_audio_tokens=counted.output_audio_tokens,
    )


def sources(part: "theirs.TextPart") -> list[Source]:
    """The provider's own citations of a text, each place once, in their order."""
    raw = (part.provider_details or {}).get("citations")
    found = [_source(citation) for citation in raw if isinstance(citation, Mapping)] if isinstance(raw, list) else []
    if not any(source.document for source in found):  # Google's refer to its pages by number
        found = [
            Source(_named(source), " ".join(source.excerpts))
            for citation in part.citations or ()
            for source in citation.sources
        ]
    return list(dict.fromkeys(source for source in found if source.document))


def _source(raw: Mapping[str, Any]) -> Source:
    inner = raw.get("url_citation")
    told = {**raw, **inner} if isinstance(inner, Mapping) else raw
    document = next((str(told[name]) for name in _DOCUMENT if told.get(name) not in (None, "")), "")
    quote = next((str(told[name]) for name in _QUOTE if told.get(name)), "")
    return Source(document, quote, told.get("start_char_index"), told.get("end_char_index"))


def _named(source: "theirs.CitationSource") -> str:
    from pydantic_ai import messages as theirs

    if isinstance(source, theirs.WebCitationSource):
        return source.url
    return source.title or source.document_id or ""


def probabilities(response: "theirs.ModelResponse") -> tuple[tuple[str, float], ...]:
    """(token, natural logarithm of its probability), from the answer's own place or its texts'."""
    from pydantic_ai import messages as theirs

    holders: list[Mapping[str, Any]] = [response.provider_details or {}]
    holders += [part.provider_details or {} for part in response.parts if isinstance(part, theirs.TextPart)]
    found: list[tuple[str, float]] = []
    for holder in holders:
        rows = holder.get("logprobs") or ()
        for row in rows.get("chosen_candidates") or () if isinstance(rows, Mapping) else rows:
            found.append((str(row["token"]), float(row["logprob"] if "logprob" in row else row["log_probability"])))
    return tuple(found)
