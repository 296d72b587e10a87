"""The tools a prompt offers: typed functions beside it, as a model is told of them, and what they give. Asks nobody.

A function's docstring and types are all that is told. Its arguments are validated before it is called.
"""

import inspect
import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, get_type_hints

from pydantic import TypeAdapter, ValidationError, create_model

from coachwork.errors import CoachworkError, ProjectError, did_you_mean
from coachwork.messages import Message, Part, Reply, TextPart, ThinkingPart, ToolCallPart, ToolResultPart, ToolSpec

Wrong = Callable[[str, str], ProjectError]

ROUNDS = 8  # how often the model may ask for tools within one answer
_LONGEST = 20_000  # characters of a result


@dataclass(frozen=True)
class Tool:
    spec: ToolSpec
    call: Callable[..., Any]
    arguments: TypeAdapter[Any]


def tools_of(names: Sequence[str], around: Mapping[str, Any], wrong: Wrong) -> tuple[Tool, ...]:
    """The functions of these names. `wrong` makes the error for a message and a hint."""
    return tuple(_tool(name, around, wrong) for name in names)


def _tool(name: str, around: Mapping[str, Any], wrong: Wrong) -> Tool:
    function = around.get(name)
    if not inspect.isfunction(function):
        functions = [key for key, value in around.items() if inspect.isfunction(value)]
        raise wrong(f"there is no function {name!r} beside the prompt's", did_you_mean(name, functions))
    plain = inspect.unwrap(function)  # a @step's own function: here it is a part of the prompt's step
    if not (plain.__doc__ or "").strip():
        raise wrong(f"the tool {name!r} has no docstring", "Say in it, for the model, what the tool does and when.")
    arguments, schema = typed_arguments(plain, name, wrong)
    described = inspect.cleandoc(plain.__doc__ or "")
    return Tool(ToolSpec(name, described, schema), plain, arguments)


def typed_arguments(
    function: Callable[..., Any], name: str, wrong: Wrong, *, hidden: Collection[str] = ()
) -> tuple[TypeAdapter[Any], dict[str, Any]]:
    """What reads a function's arguments, and their JSON schema. `hidden` parameters are none of the model's."""
    try:
        hints = get_type_hints(function, include_extras=True)
    except NameError as error:
        raise wrong(f"the tool {name!r}: {error}", "Import or define the type beside the function.") from None
    fields: dict[str, Any] = {}
    for parameter in inspect.signature(function).parameters.values():
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD) or parameter.name not in hints:
            raise wrong(f"the tool {name!r}: {parameter.name!r} has no type", "Give each of its arguments a type.")
        if parameter.name not in hidden:
            default = ... if parameter.default is parameter.empty else parameter.default
            fields[parameter.name] = (hints[parameter.name], default)
    arguments = TypeAdapter[Any](create_model(name, __config__={"extra": "forbid"}, **fields))
    schema = arguments.json_schema()
    schema.pop("title", None)
    return arguments, schema


async def results(tools: Sequence[Tool], reply: Reply) -> tuple[Message, Message]:
    """The turn in which the model asked for tools, and what they gave. A failure is told to the model, not raised."""
    asked: list[Part] = [ThinkingPart(reply.thinking, reply.thinking_signature)] if reply.thinking_signature else []
    asked += [TextPart(reply.text)] if reply.text else []
    gave = [await _result({tool.spec.name: tool for tool in tools}, call) for call in reply.tool_calls]
    return Message("assistant", (*asked, *reply.tool_calls)), Message("user", tuple(gave))


async def _result(tools: Mapping[str, Tool], call: ToolCallPart) -> ToolResultPart:
    def failed(text: str) -> ToolResultPart:
        return ToolResultPart(call.id, call.name, text, failed=True)

    tool = tools.get(call.name)
    if tool is None:
        return failed(f"There is no tool {call.name!r}. {did_you_mean(call.name, list(tools))}")
    try:
        given = tool.arguments.validate_json(call.arguments or "{}")
    except ValidationError as error:
        told = [f"{'.'.join(map(str, each['loc'])) or 'arguments'}: {each['msg']}" for each in error.errors()]
        return failed("The arguments do not fit: " + "; ".join(told))
    try:
        made = tool.call(**{name: getattr(given, name) for name in type(given).model_fields})
        value = await made if inspect.isawaitable(made) else made
    except CoachworkError as error:
        return failed(error.reader)
    text = (
        value
        if isinstance(value, str)
        else json.dumps(TypeAdapter(Any).dump_python(value, mode="json"), ensure_ascii=False)
    )
    return ToolResultPart(call.id, call.name, text[:_LONGEST])
