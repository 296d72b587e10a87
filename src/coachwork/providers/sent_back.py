"""What has to go back to a provider with its own answer, as one opaque text: signed thinking, ids, the order.

It travels as `End.thinking_signature` and comes back as `ThinkingPart.signature`. Another provider's is never
sent to one: it would refuse the whole conversation. Knows pydantic-ai's parts; does not know what is signed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from coachwork.messages import Part, TextPart, ThinkingPart, ToolCallPart

if TYPE_CHECKING:
    from pydantic_ai import messages as theirs

_MARK = "coachwork1:"
_FIELDS = ("content", "reasoning", "reasoning_content")  # not ids: where on the chat wire thinking was found
_OF_TEXT = ("thought_signature", "phase")  # what of a text's details is to be sent back; citations are not


@dataclass(frozen=True)
class Back:
    """The parts of an answer as the provider gave them, and its name in pydantic-ai."""

    parts: "list[theirs.ModelResponsePart]"
    provider: str


class _Row(BaseModel):
    """What is kept of one part; `size` is the length of its text in characters, `call` the id of a tool call.

    `hidden`: its text is in its details, not in its content.
    """

    model_config = ConfigDict(extra="forbid")

    kind: Literal["thinking", "text", "call"]
    size: int = 0
    hidden: bool = False
    call: str = ""
    id: str | None = None
    signature: str | None = None
    details: dict[str, Any] | None = None

    @property
    def is_signed(self) -> bool:
        if self.kind == "thinking":
            return bool(self.signature or self.details or (self.id and self.id not in _FIELDS))
        return bool(self.details and (self.kind == "call" or "thought_signature" in self.details))


class _Kept(BaseModel):
    model_config = ConfigDict(extra="forbid")

    by: str
    parts: list[_Row]

    def size(self, kind: str) -> int:
        return sum(row.size for row in self.parts if row.kind == kind)


def signed(parts: "Sequence[theirs.ModelResponsePart]", provider: str, output_tool: str) -> str:
    """The opaque text for an answer, "" where nothing of it was signed. The call of `output_tool` is its text."""
    from pydantic_ai import messages as theirs

    rows: list[_Row] = []
    for part in parts:
        if isinstance(part, theirs.ToolCallPart) and part.tool_name == output_tool:
            rows.append(_Row(kind="text", size=len(arguments(part))))
        elif isinstance(part, theirs.ToolCallPart):
            rows.append(_Row(kind="call", call=part.tool_call_id, id=part.id, details=part.provider_details))
        elif isinstance(part, theirs.TextPart):
            details = {name: value for name, value in (part.provider_details or {}).items() if name in _OF_TEXT}
            rows.append(_Row(kind="text", size=len(part.content), id=part.id, details=details or None))
        elif isinstance(part, theirs.ThinkingPart):
            rows.append(
                _Row(
                    kind="thinking",
                    size=len(shown(part)),
                    hidden=not part.content,
                    id=part.id,
                    signature=part.signature,
                    details=part.provider_details,
                )
            )
    if not any(row.is_signed for row in rows):
        return ""
    return _MARK + _Kept(by=provider, parts=rows).model_dump_json(exclude_defaults=True)


def arguments(call: "theirs.ToolCallPart") -> str:
    """The arguments as JSON text, as the model wrote them; `{}` where it wrote nothing."""
    return call.args if isinstance(call.args, str) and call.args else call.args_as_json_str()


def shown(part: "theirs.ThinkingPart") -> str:
    """The thinking that a reader may see: a summary, or where there is none the raw chain of an open model."""
    return part.content or "".join((part.provider_details or {}).get("raw_content") or ())


def is_ours(signature: str) -> bool:
    return signature.startswith(_MARK)


def restored(parts: Sequence[Part]) -> Back | None:
    """The answer as it was given, None where it carries no such text or has been changed since."""
    thinking = [part for part in parts if isinstance(part, ThinkingPart)]
    if len(thinking) != 1 or not is_ours(thinking[0].signature):
        return None
    try:
        kept = _Kept.model_validate_json(thinking[0].signature.removeprefix(_MARK))
    except ValidationError:  # it went through other hands, and is treated as thinking without a proof
        return None
    text = "".join(part.text for part in parts if isinstance(part, TextPart))
    calls = {part.id: part for part in parts if isinstance(part, ToolCallPart)}
    if [row.call for row in kept.parts if row.kind == "call"] != list(calls):
        return None
    if kept.size("text") != len(text) or kept.size("thinking") != len(thinking[0].text):
        return None
    return Back(_rebuilt(kept, thinking[0].text, text, calls), kept.by)


def _rebuilt(kept: _Kept, thinking: str, text: str, calls: dict[str, ToolCallPart]) -> "list[theirs.ModelResponsePart]":
    from pydantic_ai import messages as theirs

    found: list[theirs.ModelResponsePart] = []
    left = {"thinking": thinking, "text": text}
    for row in kept.parts:
        given: Any = {"id": row.id, "provider_name": kept.by, "provider_details": row.details}
        if row.kind == "call":
            call = calls[row.call]
            found.append(theirs.ToolCallPart(call.name, call.arguments, call.id, **given))
            continue
        piece, left[row.kind] = left[row.kind][: row.size], left[row.kind][row.size :]
        if row.kind == "text":
            found.append(theirs.TextPart(piece, **given))
        else:
            piece = "" if row.hidden else piece
            found.append(theirs.ThinkingPart(piece, signature=row.signature, **given))
    return found
