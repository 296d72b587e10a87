"""The pieces of an answer put together, and a kept answer taken apart again. Pure; knows events, asks nobody."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from coachwork.messages import (
    FinishReason,
    Source,
    SourceFound,
    TextDelta,
    ThinkingDelta,
    ToolCallDelta,
    ToolCallPart,
    Usage,
)
from coachwork.models.office import CallEvent, Value
from coachwork.providers.wire import End, Kind

_PIECE = 48  # characters of a kept answer that are given at a time


@dataclass
class Written:
    """What has come of an answer so far. `clear` it when the answer starts over."""

    texts: list[str] = field(default_factory=list)
    thoughts: list[str] = field(default_factory=list)
    calls: dict[int, list[str]] = field(default_factory=dict)  # index: id, name, pieces of the arguments
    sources: list[Source] = field(default_factory=list)
    value: Any = None  # of a call that is no chat

    def add(self, event: CallEvent) -> None:
        kind = type(event)
        if kind is TextDelta:
            self.texts.append(event.text)  # type: ignore[union-attr]
        elif kind is ThinkingDelta:
            self.thoughts.append(event.text)  # type: ignore[union-attr]
        elif isinstance(event, ToolCallDelta):
            call = self.calls.setdefault(event.index, ["", ""])
            call[0] = call[0] or event.id
            call[1] = call[1] or event.name
            call.append(event.arguments)
        elif isinstance(event, SourceFound):
            self.sources.append(event.source)
        elif isinstance(event, Value):
            self.value = event.value

    def clear(self) -> None:
        self.texts.clear()
        self.thoughts.clear()
        self.calls.clear()
        self.sources.clear()
        self.value = None

    @property
    def text(self) -> str:
        return "".join(self.texts)

    @property
    def thinking(self) -> str:
        return "".join(self.thoughts)

    @property
    def tool_calls(self) -> tuple[ToolCallPart, ...]:
        return tuple(ToolCallPart(id, name, "".join(pieces)) for _, (id, name, *pieces) in sorted(self.calls.items()))


@dataclass(frozen=True)
class Answer:
    """A whole answer as it is kept, and the model that gave it. `value` is that of a call which is no chat, as JSON."""

    model: str
    text: str
    finish_reason: FinishReason
    thinking: str = ""
    signature: str = ""
    tool_calls: tuple[ToolCallPart, ...] = ()
    sources: tuple[Source, ...] = ()
    probabilities: tuple[tuple[str, float], ...] = ()
    kind: Kind = "chat"
    value: Any = None

    @classmethod
    def of(cls, written: Written, end: End, model: str, kind: Kind = "chat") -> "Answer":
        from coachwork.models.kept_values import packed

        return cls(
            model,
            written.text,
            end.finish_reason,
            written.thinking,
            end.thinking_signature,
            written.tool_calls,
            tuple(written.sources),
            end.probabilities,
            kind,
            None if kind == "chat" else packed(kind, written.value),
        )

    def events(self) -> Iterator[CallEvent]:
        """The answer as a stream, in pieces, as if it were written now. Nothing is used by it."""
        yield from (ThinkingDelta(piece) for piece in _pieces(self.thinking))
        yield from (TextDelta(piece) for piece in _pieces(self.text))
        for index, call in enumerate(self.tool_calls):
            yield ToolCallDelta(index, call.id, call.name, call.arguments)
        yield from map(SourceFound, self.sources)
        if self.value is not None:
            from coachwork.models.kept_values import unpacked

            yield Value(unpacked(self.kind, self.value))
        yield End(self.finish_reason, Usage(), self.probabilities, self.signature)

    def to_json(self) -> dict[str, Any]:
        return {
            **vars(self),
            "tool_calls": [vars(call) for call in self.tool_calls],
            "sources": [vars(source) for source in self.sources],
            "probabilities": list(self.probabilities),
        }

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> "Answer":
        return cls(
            **{
                **value,
                "tool_calls": tuple(ToolCallPart(**call) for call in value["tool_calls"]),
                "sources": tuple(Source(**source) for source in value["sources"]),
                "probabilities": tuple((token, chance) for token, chance in value["probabilities"]),
            }
        )


def _pieces(text: str) -> Iterator[str]:
    return (text[start : start + _PIECE] for start in range(0, len(text), _PIECE))
