"""A prompt file bound to a function's types: checked once, then rendered to requests. Pure: no disk, no model.

What is stable comes first in a request (instructions, shape of the answer, examples), so that a
provider's prefix cache can hit; what changes with the input comes last.
"""

import hashlib
import inspect
import json
import re
import typing
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, get_type_hints

from pydantic import TypeAdapter, ValidationError

from coachwork.errors import InputError, ProjectError, did_you_mean
from coachwork.messages import Conversation, JsonValue, Message, ModelRequest, Role
from coachwork.prompts.file import Line, PromptFile, Section
from coachwork.prompts.output import to_json
from coachwork.prompts.shape import Shape, described
from coachwork.prompts.shown import Names, names_of, shown
from coachwork.prompts.template import Render, compile_template

_ONE_VARIABLE = re.compile(r"\s*\{\{\s*(\w+)\s*\}\}\s*\Z")
_EXAMPLE_TURN = re.compile(r"###[ \t]+(user|assistant)[ \t]*\Z")


@dataclass(frozen=True)
class Signature:
    """A prompt function's parameters and result, by type."""

    name: str
    parameters: Mapping[str, Any]
    defaults: Mapping[str, Any]
    returns: Any

    @classmethod
    def of(cls, function: Callable[..., Any]) -> "Signature":
        """Read it from the annotations. Raises ProjectError, with the function's place, where one is missing."""
        name = function.__name__

        def wrong(message: str, hint: str) -> ProjectError:
            file, line = inspect.getsourcefile(function) or "", function.__code__.co_firstlineno
            return ProjectError(f"{name}{message}", file=file, line=line, hint=hint)

        try:
            hints = get_type_hints(function, include_extras=True)
        except NameError as error:
            raise wrong(
                f": {error}", "Import or define the type beside the function, at the top of the file."
            ) from None
        signature = inspect.signature(function)
        for parameter in signature.parameters.values():
            if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
                raise wrong(f": a prompt can't take *{parameter.name}", "Name each input and give it a type.")
            if parameter.name not in hints:
                raise wrong(f": the input {parameter.name!r} has no type", f"Write for example {parameter.name}: str.")
        if "return" not in hints:
            raise wrong(" does not say what it gives", "Write -> str for text, or -> YourType for structured output.")
        defaults = {each.name: each.default for each in signature.parameters.values() if each.default is not each.empty}
        return cls(name, {key: hint for key, hint in hints.items() if key != "return"}, defaults, hints["return"])


@dataclass(frozen=True)
class _Turn:
    """A message to be: its role and template, or the input whose turns stand in its place."""

    role: Role
    render: Render | None
    conversation: str = ""


@dataclass(frozen=True)
class Compiled:
    """A prompt ready to be asked. `shape` is None for free text, `version` 12 hex digits of all that shapes it."""

    file: PromptFile
    signature: Signature
    shape: Shape | None
    version: str
    result: TypeAdapter[Any]
    inputs: Mapping[str, TypeAdapter[Any]]
    _turns: tuple[_Turn, ...]
    _label: Render

    def request(self, arguments: Mapping[str, Any]) -> ModelRequest:
        """What a model would receive for these arguments."""
        context = {name: shown(value) for name, value in arguments.items()}
        messages: list[Message] = []
        for turn in self._turns:
            if turn.render is None:
                messages += [Message.of(said.role, said.content) for said in arguments[turn.conversation].messages]
                continue
            text = turn.render(context).strip()
            if text:
                messages.append(Message.of(turn.role, text))
        settings = self.file.settings
        return ModelRequest(
            messages=tuple(messages),
            schema=None if self.shape is None else self.shape.for_model(),
            schema_name=re.sub(r"\W", "_", self.signature.name)[:60],
            temperature=settings.temperature,
            max_tokens=settings.max_tokens,
            seconds=settings.seconds,
        )

    def label(self, arguments: Mapping[str, Any]) -> str:
        """What it is doing, in the reader's words; one line."""
        text = self._label({name: shown(value) for name, value in arguments.items()})
        return " ".join(text.split())[:120]

    def arguments(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> dict[str, Any]:
        """A call's arguments by name, validated. Raises InputError naming the field that does not fit."""
        names = list(self.signature.parameters)
        given = dict(zip(names, args, strict=False)) | dict(kwargs)
        unknown = [name for name in kwargs if name not in names]
        missing = [name for name in names if name not in given and name not in self.signature.defaults]
        if len(args) > len(names) or unknown or missing:
            wrong = (
                f"no input {unknown[0]!r}"
                if unknown
                else f"{missing[0]!r} is missing"
                if missing
                else f"{len(args)} inputs instead of {len(names)}"
            )
            raise InputError(f"{self.signature.name}: {wrong}", hint=f"It takes: {', '.join(names) or 'nothing'}.")
        made = dict(self.signature.defaults) | given
        return {name: self._input(name, made[name]) for name in names}

    def _input(self, name: str, value: Any) -> Any:
        try:
            return self.inputs[name].validate_python(value)
        except ValidationError as error:
            fields = [
                {"path": [name, *each["loc"]], "message": each["msg"], "value": str(each["input"])[:200]}
                for each in error.errors()
            ]
            raise InputError(
                f"{self.signature.name}: the input {name!r} does not fit: {fields[0]['message']}",
                hint=f"Give it a {self.signature.parameters[name]!r}.",
                details={"fields": fields},
            ) from None

    def recorded(self, arguments: Mapping[str, Any]) -> JsonValue:
        """The arguments as JSON, for the trace."""
        return {name: self.inputs[name].dump_python(value, mode="json") for name, value in arguments.items()}


def compile_prompt(file: PromptFile, signature: Signature, routes: Collection[str]) -> Compiled:
    """Check a prompt file against a function and the routes. Raises ProjectError with file, line and fix."""
    _check_route(file, routes)
    shape = _shape(file, signature)
    names = names_of(signature.parameters)
    inputs = {name: _adapter(file, name, kind) for name, kind in signature.parameters.items()}
    turns = _turns(file, signature, names, shape, inputs)
    label_line = Line(file.settings.label, file.path, file.line_of("label"))
    return Compiled(
        file=file,
        signature=signature,
        shape=shape,
        version=_version(file, shape),
        result=TypeAdapter(str if shape is None else signature.returns),
        inputs=inputs,
        _turns=turns,
        _label=compile_template((label_line,), names),
    )


def _check_route(file: PromptFile, routes: Collection[str]) -> None:
    route, again = file.settings.route, file.settings.reask_route
    if again and again not in routes and not re.fullmatch(r"[\w.-]+:\S+", again):
        hint = f"{did_you_mean(again, sorted(routes))} Routes are [routes.NAME] in coachwork.toml."
        raise ProjectError(f"unknown route {again!r}", file=file.path, line=file.line_of("reask_route"), hint=hint)
    if route in routes or re.fullmatch(r"[\w.-]+:\S+", route):
        return
    hint = f"{did_you_mean(route, sorted(routes))} Routes are [routes.NAME] in coachwork.toml."
    if "route" not in file.key_lines:
        raise ProjectError(
            "this prompt names no route, and there is none called 'default'", file=file.path, line=1, hint=hint
        )
    raise ProjectError(f"unknown route {route!r}", file=file.path, line=file.line_of("route"), hint=hint)


def _shape(file: PromptFile, signature: Signature) -> Shape | None:
    settings, is_text = file.settings, signature.returns is str
    if settings.output == "text" and not is_text:
        raise ProjectError(
            f"`output: text` does not fit: {signature.name} gives {signature.returns!r}",
            file=file.path,
            line=file.line_of("output"),
            hint="Remove the line, or let the function give str.",
        )
    if is_text and settings.output != "json":
        return None
    if settings.show:
        raise ProjectError(
            "`show` streams text to the reader, and this prompt gives structured output",
            file=file.path,
            line=file.line_of("show"),
            hint="Remove `show`, or let the function give str.",
        )
    try:
        return Shape.of(signature.returns)
    except ProjectError as error:
        raise ProjectError(f"{signature.name}: {error.message}", file=file.path, line=1, hint=error.hint) from None


def _adapter(file: PromptFile, name: str, kind: Any) -> TypeAdapter[Any]:
    try:
        return TypeAdapter(kind)
    except Exception as error:  # pydantic's own errors and whatever a user's type raises while it is built
        raise ProjectError(
            f"the input {name!r} has a type that can't be used: {error}",
            file=file.path,
            line=1,
            hint="Use a Pydantic model.",
        ) from None


# ── messages ───────────────────────────────────────────────────────────────────────────────────


def _turns(
    file: PromptFile, signature: Signature, names: Names, shape: Shape | None, inputs: Mapping[str, TypeAdapter[Any]]
) -> tuple[_Turn, ...]:
    system = [section for section in file.sections if section.role == "system"]
    rest = [section for section in file.sections if section.role in ("user", "assistant")]
    if not any(section.role == "user" for section in rest):
        raise ProjectError(
            "this prompt has no `## user` section, so nothing would be asked",
            file=file.path,
            line=file.sections[-1].lines[-1].number,
            hint="Add one that shows the input: ## user, and below it for example "
            + (f"{{{{{next(iter(signature.parameters))}}}}}." if signature.parameters else "the question."),
        )
    instructions = [compile_template(section.lines, names) for section in system]
    if shape is not None:
        instructions.append(_fixed(described(shape.schema)))
    turns = [_Turn("system", _together(instructions))] if instructions else []
    for section in file.sections:
        if section.role == "example":
            turns += _written_example(section, names)
    users = [section for section in rest if section.role == "user"]
    turns += _given_examples(file, signature, shape, inputs, compile_template(users[-1].lines, names))
    for section in rest:
        variable = _ONE_VARIABLE.fullmatch(section.text)
        if section.role == "user" and variable and _is_conversation(signature.parameters.get(variable[1])):
            turns.append(_Turn("user", None, variable[1]))
        else:
            turns.append(
                _Turn("user" if section.role == "user" else "assistant", compile_template(section.lines, names))
            )
    return tuple(turns)


def _is_conversation(kind: Any) -> bool:
    kind = typing.get_args(kind)[0] if typing.get_origin(kind) is typing.Annotated else kind
    return isinstance(kind, type) and issubclass(kind, Conversation)


def _together(renders: list[Render]) -> Render:
    return lambda context: "\n\n".join(text for render in renders if (text := render(context).strip()))


def _fixed(text: str) -> Render:
    return lambda context: text


def _written_example(section: Section, names: Names) -> list[_Turn]:
    """An `## example` with `### user` and `### assistant` as turns of its own, without them as instructions."""
    parts: list[tuple[Role, list[Line]]] = []
    for line in section.lines:
        if turn := _EXAMPLE_TURN.match(line.text):
            parts.append(("user" if turn[1] == "user" else "assistant", []))
        elif parts:
            parts[-1][1].append(line)
        elif line.text.strip():
            break
    if not parts:
        render = compile_template(section.lines, names)
        return [_Turn("system", lambda context: f"Example:\n{render(context).strip()}")]
    if [role for role, _ in parts] != ["user", "assistant"] * (len(parts) // 2):
        raise ProjectError(
            "an example is not pairs of question and answer",
            file=section.lines[0].file,
            line=section.lines[0].number,
            hint="Write `### user` and below it the question, then `### assistant` and the answer.",
        )
    return [_Turn(role, compile_template(lines or section.lines[:1], names)) for role, lines in parts]


def _given_examples(
    file: PromptFile, signature: Signature, shape: Shape | None, inputs: Mapping[str, TypeAdapter[Any]], ask: Render
) -> list[_Turn]:
    """The examples of the front matter, as the questions and answers they would have been."""
    made: list[_Turn] = []
    line = file.line_of("examples")
    for number, example in enumerate(file.settings.examples, 1):
        wrong = [name for name in example.input if name not in inputs] + [
            name for name in inputs if name not in example.input and name not in signature.defaults
        ]
        if wrong:
            raise ProjectError(
                f"example {number}: {wrong[0]!r} is {'missing' if wrong[0] in inputs else 'no input'}",
                file=file.path,
                line=line,
                hint=f"{signature.name} takes: {', '.join(inputs)}.",
            )
        try:
            context = {name: shown(inputs[name].validate_python(value)) for name, value in example.input.items()}
            answer = example.output if shape is None else _answer(shape, signature, example.output)
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(map(str, first["loc"])) or "the value"
            raise ProjectError(
                f"example {number} does not fit the types: {place}: {first['msg']}",
                file=file.path,
                line=line,
                hint="Correct it, or remove it.",
            ) from None
        made += [_Turn("user", _fixed(ask(context))), _Turn("assistant", _fixed(str(answer)))]
    return made


def _answer(shape: Shape, signature: Signature, output: JsonValue) -> str:
    adapter = TypeAdapter[Any](signature.returns)
    value = adapter.dump_python(adapter.validate_python(output), mode="json", by_alias=True)
    return to_json({"answer": value} if shape.wrapped else value)


def _version(file: PromptFile, shape: Shape | None) -> str:
    parts = {
        "settings": file.settings.model_dump(mode="json", exclude={"about", "label"}),
        "sections": [[section.role, section.text] for section in file.sections],
        "schema": None if shape is None else shape.schema,
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()[:12]
