"""What a model would be sent, how much that is and what it costs at most: before anything is sent. Asks nobody."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

from coachwork.messages import JsonValue, MediaPart, ModelRequest, Part, TextPart, ToolCallPart, ToolResultPart
from coachwork.models.counting import at_most, likely
from coachwork.models.prices import worst
from coachwork.models.routes import Target, why_not
from coachwork.providers.tools_by_schema import held


@dataclass(frozen=True)
class Preview:
    """One model of a route. `problem` is why it can't be asked, "" where it can.

    `request` is what its provider is given. `schema` is how its answer is held to the request's schema, "" without
    one. `input_tokens` is an estimate by `counted`, `most_input_tokens` a bound; `worst_nano` is in 1e-9 US
    dollars for the bound and the whole `max_tokens`, None where the price is unknown.
    """

    model: str
    problem: str
    request: ModelRequest
    schema: Literal["", "native", "tool", "prompted"]
    input_tokens: int
    most_input_tokens: int
    max_tokens: int
    worst_nano: int | None
    counted: str = "estimated from the length: 4 characters a token of English, 3 bytes of other scripts"

    @property
    def refused(self) -> bool:
        """Whether it would not be asked, because its worst case is over the request's own limit of money."""
        limit = self.request.max_cost_nano
        return limit is not None and (self.worst_nano is None or self.worst_nano > limit)


def part_told(part: Part) -> dict[str, JsonValue]:
    """A part of a message as it is shown to a reader: media by kind and size."""
    match part:
        case TextPart():
            return {"text": part.text}
        case MediaPart():
            return {"media_type": part.media_type, "bytes": len(part.data)}
        case ToolCallPart():
            return {"tool": part.name, "arguments": part.arguments}
        case ToolResultPart():
            return {"tool": part.name, "gave": part.content}
    return {"thinking": part.text}


def previewed(target: Target, request: ModelRequest, environ: Mapping[str, str]) -> Preview:
    """What one model would be sent for a request that is already its own."""
    abilities = target.provider.abilities(target.name)
    if request.tools and abilities.tools == "schema" and request.tool_choice != "none":
        request = held(request)
    most = at_most(request, model=target.name)
    problem = why_not(target, "chat", environ)
    return Preview(
        model=target.model,
        problem="" if problem is None else problem.message,
        request=replace(request, variants={}),
        schema="" if request.schema is None else abilities.schema,
        input_tokens=likely(request).input_tokens,
        most_input_tokens=most.input_tokens,
        max_tokens=request.max_tokens or 0,
        worst_nano=worst(target, most),
    )
