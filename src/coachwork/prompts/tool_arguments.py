"""The arguments of a tool call, read by the same ladder as any structured answer: right, or refused. Pure.

Models break these as they break answers: numbers in quotes, enums in other letters, a fence around. A tool is
never run on arguments that were guessed.
"""

from dataclasses import dataclass
from typing import Any

from coachwork.errors import OutputRefused, ProjectError
from coachwork.messages import ToolCallPart, ToolSpec
from coachwork.prompts.output import How, read_output
from coachwork.prompts.shape import Shape


@dataclass(frozen=True)
class Arguments:
    """A tool's arguments by name, valid under its schema, and how they were won."""

    values: dict[str, Any]
    how: How


def shape_of(tool: ToolSpec) -> Shape:
    """What the tool's arguments must be. Raises ProjectError, naming the tool, where its schema can't be checked."""
    try:
        shape = Shape.of({"type": "object", **tool.schema})
    except ProjectError as error:
        raise ProjectError(f"the tool {tool.name!r}: {error.message}", hint=error.hint) from None
    if shape.wrapped:
        raise ProjectError(
            f"the tool {tool.name!r} does not take an object", hint='Give its schema "type": "object" and properties.'
        )
    return shape


def read_arguments(call: ToolCallPart, shape: Shape, *, cut: bool = False) -> Arguments:
    """The call's arguments. Raises OutputRefused or OutputTruncated with the reasons a model can act on."""
    try:
        output = read_output(call.arguments if call.arguments.strip() else "{}", shape, cut=cut)
    except OutputRefused as refusal:
        raise type(refusal)(
            f"the call of the tool {call.name!r} can't be made: {'; '.join(refusal.reasons)}",
            raw=refusal.raw,
            reasons=refusal.reasons,
            hint="Send the reasons back to the model as the tool's result: it can call again.",
        ) from None
    return Arguments(output.value, output.how)
