"""Tools for a model that asks for them badly on its own wire: its whole answer is held to a schema instead.

Knows how tools become one schema and how its JSON becomes tool calls again; no provider, no model by name:
`Abilities.tools` says who needs it. Arguments are validated against the tool's schema, never mended here.
That the model says first whether a tool fits was measured (`benchmarks/README.md`): a union without it made
a small model answer in words where it should call.
"""

import dataclasses
import json
import re
import secrets
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import aclosing
from typing import Any

from coachwork.errors import ProviderFault, Rejected, did_you_mean
from coachwork.messages import (
    Message,
    ModelRequest,
    Part,
    TextDelta,
    TextPart,
    ThinkingPart,
    ToolCallDelta,
    ToolCallPart,
    ToolResultPart,
    ToolSpec,
)
from coachwork.providers.schemas import NoSuchPlace, closed, gathered
from coachwork.providers.wire import ChatEvent, End, Meter, Provider

_MOST_CALLS = 16
_ANSWER_BEGINS = re.compile(r'\s*\{\s*"tool_fits"\s*:\s*false\s*,\s*"answer"\s*:\s*"')
_FENCE = re.compile(r"\A\s*```\w*\s*\n(.*?)\n?\s*```\s*\Z", re.DOTALL)


def answering(provider: Provider, model: str, request: ModelRequest, meter: Meter) -> AsyncIterator[ChatEvent]:
    """The provider's answer to `request`: tools by schema where the model needs that, no probabilities it has not."""
    if not request.tools and not request.probabilities:
        return provider.stream(model, request, meter)
    abilities = provider.abilities(model)
    if request.probabilities and not abilities.probabilities:
        request = dataclasses.replace(request, probabilities=False)
    if not request.tools or abilities.tools == "native":
        return provider.stream(model, request, meter)
    if request.tool_choice == "none":
        return provider.stream(model, dataclasses.replace(_told_of_tools(request), tools=()), meter)
    return called(provider.stream(model, held(request), meter), request, f"{provider.name}:{model}")


# ── The request: tools as one schema ───────────────────────────────────────────────────────────


def held(request: ModelRequest) -> ModelRequest:
    """A request whose answer is `{"tool_fits": true, "calls": [{"name": …, "arguments": …}]}`, or false and `answer`.

    `answer` is text, or what `request.schema` asks for. Raises Rejected for a tool choice that names no tool.
    """
    told = _told_of_tools(request)
    instructions = _instructions(request)
    messages = list(told.messages)
    if messages and messages[0].role == "system":
        messages[0] = Message.of("system", f"{messages[0].text}\n\n{instructions}")
    else:
        messages.insert(0, Message.of("system", instructions))
    return dataclasses.replace(
        told, messages=tuple(messages), schema=calls_schema(request), schema_name="next_step", tools=()
    )


def calls_schema(request: ModelRequest) -> dict[str, Any]:
    """The schema of an answer that uses the request's tools, or answers."""
    definitions: dict[str, Any] = {}

    def put_in(schema: Mapping[str, Any], prefix: str) -> Any:
        try:
            made = gathered(schema, prefix)
        except NoSuchPlace as error:
            raise Rejected(
                f"A schema of the request refers to {str(error)!r}, which it does not hold.",
                details={"status": 400},
            ) from None
        definitions.update({name: closed(body) for name, body in made.pop("$defs", {}).items()})
        return closed({key: value for key, value in made.items() if key not in ("$schema", "$id", "title")})

    calls = [
        _object(name={"const": tool.name}, arguments=put_in(tool.schema, f"tool{number}_"))
        for number, tool in enumerate(_offered(request), 1)
    ]
    items = {"type": "array", "items": calls[0] if len(calls) == 1 else {"anyOf": calls}}
    asking = _object(tool_fits={"const": True}, calls=items | {"minItems": 1, "maxItems": _MOST_CALLS})
    if request.tool_choice != "auto":
        made = asking
    else:
        answer = {"type": "string"} if request.schema is None else put_in(request.schema, "answer_")
        made = {"anyOf": [asking, _object(tool_fits={"const": False}, answer=answer)]}
    return made | ({"$defs": definitions} if definitions else {})


def _object(**fields: Any) -> dict[str, Any]:
    return {"type": "object", "properties": fields, "required": list(fields), "additionalProperties": False}


def _offered(request: ModelRequest) -> Sequence[ToolSpec]:
    if request.tool_choice in ("auto", "required"):
        return request.tools
    chosen = [tool for tool in request.tools if tool.name == request.tool_choice]
    if not chosen:
        hint = did_you_mean(request.tool_choice, [tool.name for tool in request.tools])
        raise Rejected(f"There is no tool {request.tool_choice!r}.", hint=hint, details={"status": 400})
    return chosen


def _instructions(request: ModelRequest) -> str:
    tools = "\n".join(
        f"- {tool.name}: {' '.join(tool.description.split())} Arguments: "
        f"{json.dumps(dict(tool.schema), ensure_ascii=False, separators=(',', ':'))}"
        for tool in _offered(request)
    )
    call = (
        '{"tool_fits": true, "calls": [{"name": name, "arguments": {…}}]}, with one entry for each call that is needed.'
    )
    ways = f"If a tool does what is asked: {call}" if request.tool_choice == "auto" else f"Answer with {call}"
    if request.tool_choice == "auto":
        ways += ' If none does, or their results are enough: {"tool_fits": false, "answer": …}.'
    return f"You can use these tools:\n{tools}\nAnswer with one JSON object and nothing else. {ways}"


def _told_of_tools(request: ModelRequest) -> ModelRequest:
    """The conversation with earlier calls and results as text."""
    return dataclasses.replace(request, messages=tuple(_told(message) for message in request.messages))


def _told(message: Message) -> Message:
    if not any(isinstance(part, ToolCallPart | ToolResultPart) for part in message.parts):
        return message
    calls = [part for part in message.parts if isinstance(part, ToolCallPart)]
    parts: list[Part] = [part for part in message.parts if not isinstance(part, ToolCallPart | ThinkingPart)]
    told: list[Part] = [_result(part) if isinstance(part, ToolResultPart) else part for part in parts]
    if calls:
        written = ",".join(f'{{"name":{json.dumps(call.name)},"arguments":{call.arguments or "{}"}}}' for call in calls)
        told.append(TextPart(f'{{"tool_fits":true,"calls":[{written}]}}'))
    return Message(message.role, tuple(told))


def _result(part: ToolResultPart) -> TextPart:
    return TextPart(f"The tool {part.name} {'failed' if part.failed else 'gave'}:\n{part.content}\n")


# ── The answer: its JSON as events ─────────────────────────────────────────────────────────────


async def called(events: AsyncIterator[ChatEvent], request: ModelRequest, model: str) -> AsyncIterator[ChatEvent]:
    """The events of an answer to `held(request)` as those of a model that has tools of its own.

    An answer in words streams on. Raises ProviderFault where the JSON is neither a valid call nor an answer.
    """
    text, words = "", _Words(request.schema is None and request.tool_choice == "auto")
    async with aclosing(events) as given:  # type: ignore[type-var]
        async for event in given:
            if isinstance(event, TextDelta):
                text += event.text
                if fresh := words.more(text):
                    yield TextDelta(fresh)
            elif not isinstance(event, End):
                yield event
            elif event.finish_reason == "stop":
                for made in _ended(text, words.shown, request, model):
                    yield made
                calls = _reads_as_calls(text)
                yield dataclasses.replace(event, finish_reason="tool_call" if calls else "stop")
            else:  # cut or filtered: what was shown in words stands with that reason, a call is not made
                yield event


def _ended(text: str, shown: int, request: ModelRequest, model: str) -> list[ChatEvent]:
    """What an answer that ended by itself still has to say: the rest of its words, or its calls."""
    value = _json(text)
    if not isinstance(value, dict):
        if request.tool_choice == "auto" and request.schema is None and "{" not in text:
            return [TextDelta(text)]  # a model that is only asked for JSON, and answered in words
        raise _no_call(model, text, "it is no JSON object")
    if isinstance(value.get("calls"), list) and value["calls"]:
        return _calls(value["calls"], request, model, text)
    if "answer" not in value or request.tool_choice != "auto":
        raise _no_call(model, text, "it names no call")
    answer = value["answer"]
    if request.schema is None and not isinstance(answer, str):
        raise _no_call(model, text, "its answer is not text")
    written = answer if request.schema is None else json.dumps(answer, ensure_ascii=False)
    return [TextDelta(written[shown:])] if written[shown:] else []


def _calls(calls: list[Any], request: ModelRequest, model: str, text: str) -> list[ChatEvent]:
    from jsonschema import Draft202012Validator

    tools = {tool.name: tool for tool in _offered(request)}
    made: list[ChatEvent] = []
    for index, call in enumerate(calls):
        name = call.get("name") if isinstance(call, dict) else None
        if not isinstance(name, str) or name not in tools:
            raise _no_call(model, text, f"there is no tool {name!r}")
        arguments = call.get("arguments", {})
        wrong = next(iter(Draft202012Validator(dict(tools[name].schema)).iter_errors(arguments)), None)
        if wrong is not None:
            raise _no_call(model, text, f"the arguments of {name!r} do not fit: {wrong.json_path}: {wrong.message}")
        written = json.dumps(arguments, ensure_ascii=False)
        made.append(ToolCallDelta(index, f"call_{secrets.token_hex(8)}", name, written))
    return made


def _reads_as_calls(text: str) -> bool:
    value = _json(text)
    return isinstance(value, dict) and bool(value.get("calls"))


def _json(text: str) -> Any:
    """The JSON that is the whole text, or the whole of its one fence; None where there is none."""
    fenced = _FENCE.match(text)
    try:
        return json.loads(fenced[1] if fenced else text)
    except ValueError:
        return None


def _no_call(model: str, text: str, why: str) -> ProviderFault:
    return ProviderFault(
        f"{model!r} gave neither a call of a tool nor an answer: {why}.",
        model=model,
        hint="Use a model that has tools of its own or takes a schema, or give it fewer tools.",
        details={"lasting": True, "raw": text[:4000]},
    )


class _Words:
    """The text of `{"answer": "…"}` while it is still being written. `shown` counts its characters so far."""

    def __init__(self, wanted: bool) -> None:
        self.shown = 0
        self._wanted = wanted
        self._at = -1

    def more(self, text: str) -> str:
        """What is new of the answer in `text`, the whole of what has come."""
        if self._at < 0 and self._wanted and (begun := _ANSWER_BEGINS.match(text)):
            self._at = begun.end()
        if self._at < 0:
            return ""
        end = _certain(text, self._at)
        fresh = str(json.loads(f'"{text[self._at : end]}"', strict=False))
        self._at, self.shown = end, self.shown + len(fresh)
        return fresh


def _certain(text: str, at: int) -> int:
    """The place up to which the inside of a JSON string can be read: its end, or an escape that has only begun."""
    while at < len(text) and text[at] != '"':
        length = 1
        if text[at] == "\\":
            length = 6 if text[at + 1 : at + 2] == "u" else 2
            if length == 6 and text[at + 2 : at + 4].lower() in ("d8", "d9", "da", "db"):
                length = 12  # half a character: wait for the other half
        if at + length > len(text):
            break
        at += length
    return at
