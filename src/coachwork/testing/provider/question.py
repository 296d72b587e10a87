"""What was asked and what is answered, whatever the wire: frozen data, and the rule by which an answer is found.

Knows no JSON of a provider and no socket.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

from coachwork.errors import InputError
from coachwork.messages import FinishReason, ToolCallPart, Usage
from coachwork.testing.provider.instance import instance

_PIECE = 12  # characters of text or JSON in an event, at most


@dataclass(frozen=True)
class Tool:
    name: str
    schema: Mapping[str, Any]


@dataclass(frozen=True)
class Question:
    """A request as a model understands it. `said` is all text of it, `last` what is to be answered.

    `last` is the newest text of the user, or the result of a tool where `after_tool`.
    """

    model: str
    streams: bool = False
    said: str = ""
    last: str = ""
    after_tool: bool = False
    schema: Mapping[str, Any] | None = None
    tools: tuple[Tool, ...] = ()
    tool_choice: str = "auto"
    max_tokens: int | None = None
    thinks: bool = False
    probabilities: bool = False
    wants_usage: bool = True


@dataclass(frozen=True)
class Answer:
    """An answer to give, and in a script the calls it is for: those whose text holds `when`, `times` often.

    `finish_reason` None never says that it is complete; `usage` None is counted from the texts.
    `times` None is for ever.
    """

    text: str = ""
    thinking: str = ""
    tool_calls: tuple[ToolCallPart, ...] = ()
    finish_reason: FinishReason | None = "stop"
    usage: Usage | None = None
    when: str = ""
    times: int | None = 1
    tells_usage: bool = True
    probabilities: tuple[tuple[str, float], ...] = ()

    @property
    def counted(self) -> Usage:
        assert self.usage is not None, "the answer to a question has its usage"
        return self.usage


Written: TypeAlias = str | Answer


@dataclass
class Script:
    """The answers still to give. Who finds none is answered by an echo."""

    lines: list[Answer] = field(default_factory=list)
    used: list[int] = field(default_factory=list)

    def add(self, written: Iterable[Written]) -> None:
        for line in written:
            self.lines.append(line if isinstance(line, Answer) else Answer(line))
            self.used.append(0)

    def take(self, question: Question) -> Answer | None:
        """The line for this question: one that names it before one that only comes next."""
        for named in (True, False):
            for number, line in enumerate(self.lines):
                free = line.times is None or self.used[number] < line.times
                if free and bool(line.when) == named and line.when.lower() in question.said.lower():
                    self.used[number] += 1
                    return line
        return None


def answered(question: Question, line: Answer | None) -> Answer:
    """The whole answer to a question, with its usage: the script's line, else an echo that fits what was asked."""
    answer = line or _echo(question)
    if question.probabilities and not answer.probabilities:
        answer = replace(answer, probabilities=tuple((piece, -0.25) for piece in pieces(answer.text)))
    if answer.tool_calls and answer.finish_reason == "stop":
        answer = replace(answer, finish_reason="tool_call")
    if answer.usage is not None:
        return answer
    return _within(answer, question)


def _echo(question: Question) -> Answer:
    thinking = "Let me think about that." if question.thinks else ""
    if (tool := _wanted_tool(question)) is not None:
        call = ToolCallPart(f"call_{tool.name}", tool.name, json.dumps(instance(tool.schema), ensure_ascii=False))
        return Answer(thinking=thinking, tool_calls=(call,))
    if question.schema is not None:
        return Answer(json.dumps(instance(question.schema), ensure_ascii=False), thinking=thinking)
    said = "The tool said" if question.after_tool else "You said"
    return Answer(f"{said}: {question.last}", thinking=thinking)


def _wanted_tool(question: Question) -> Tool | None:
    """The tool to call: the one that must be, or one that the user's last words name."""
    named = [tool for tool in question.tools if tool.name == question.tool_choice]
    if named:
        return named[0]
    if question.tool_choice == "required" and question.tools:
        return question.tools[0]
    if question.tool_choice == "none" or question.after_tool:
        return None
    return next((tool for tool in question.tools if tool.name in question.last), None)


def _within(answer: Answer, question: Question) -> Answer:
    """The answer with its usage, cut where it is longer than the token limit asked for."""
    thought = tokens(answer.thinking) if answer.thinking else 0
    written = tokens(answer.text + "".join(call.arguments for call in answer.tool_calls))
    limit = question.max_tokens
    if limit is not None and thought + written > limit and not answer.tool_calls:
        room = max(limit - thought, 0)
        answer = replace(answer, text=answer.text[: room * 4], finish_reason="length")
        written = room
    usage = Usage(tokens(question.said), thought + written, thinking_tokens=thought)
    return replace(answer, usage=usage)


def tokens(text: str) -> int:
    """How many tokens this server counts in a text: one for every four characters that were begun, at least one."""
    return max(1, -(-len(text) // 4))


def pieces(text: str) -> list[str]:
    """A text as it streams: word by word, long words in parts."""
    words = re.findall(r"\s*\S+|\s+\Z", text)
    return [word[start : start + _PIECE] for word in words for start in range(0, len(word), _PIECE)]


def read_script(value: object) -> list[Answer]:
    """Answers as JSON has them: a list of texts and of objects {text, thinking, tool_calls, finish_reason, usage,
    when, times}. Raises InputError.
    """
    if not isinstance(value, Sequence) or isinstance(value, str | bytes):
        raise InputError(f"a script is a list of answers, not {type(value).__name__}")
    return [Answer(line) if isinstance(line, str) else _line(line, number) for number, line in enumerate(value)]


def _line(line: object, number: int) -> Answer:
    if not isinstance(line, Mapping):
        raise InputError(f"answer {number} of the script is {type(line).__name__}, not a text or an object")
    try:
        calls = tuple(_tool_call(call, at) for at, call in enumerate(line.get("tool_calls", ())))
        usage = Usage(**line["usage"]) if line.get("usage") else None
        given = {key: value for key, value in line.items() if key not in ("tool_calls", "usage")}
        return Answer(**given, tool_calls=calls, usage=usage)
    except (TypeError, KeyError, AttributeError) as error:
        raise InputError(
            f"answer {number} of the script does not fit: {error}",
            hint="An answer has text, thinking, tool_calls ({name, arguments}), finish_reason, usage, when and times.",
        ) from None


def _tool_call(call: Mapping[str, Any], at: int) -> ToolCallPart:
    arguments = call["arguments"]
    text = arguments if isinstance(arguments, str) else json.dumps(arguments, ensure_ascii=False)
    return ToolCallPart(call.get("id") or f"call_{at}_{call['name']}", call["name"], text)
