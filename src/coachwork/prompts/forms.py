"""A prompt as one kind of model gets it: its settings, its turns, the shape of its answer. Pure: no disk, no model.

What is stable comes first (instructions, shape of the answer, examples), so that a provider's prefix cache
can hit; what changes with the input comes last.
"""

import re
import typing
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from coachwork.errors import ProjectError
from coachwork.messages import Conversation, JsonValue, Message, ModelRequest, Part, Role
from coachwork.prompts import reasoning
from coachwork.prompts.cases import Cases
from coachwork.prompts.examples import Example, Pool, check_reasoning, pool_of
from coachwork.prompts.file import Line, PromptFile, Section
from coachwork.prompts.located import Located
from coachwork.prompts.output import to_json
from coachwork.prompts.settings import Tunable
from coachwork.prompts.shape import Shape, described
from coachwork.prompts.shown import Names, Shelf, shown
from coachwork.prompts.signature import Signature, type_name
from coachwork.prompts.template import Render, compile_template
from coachwork.prompts.tools import Tool, tools_of

_ONE_VARIABLE = re.compile(r"\s*\{\{\s*(\w+)\s*\}\}\s*\Z")
_EXAMPLE_TURN = re.compile(r"###[ \t]+(user|assistant)[ \t]*\Z")


@dataclass(frozen=True)
class Turn:
    """A message to be: its role and template, or the input whose turns stand in its place."""

    role: Role
    render: Render | None
    conversation: str = ""


@dataclass(frozen=True)
class Source:
    """Where a form comes from: sections, settings, and where these stand in a file."""

    path: str
    sections: tuple[Section, ...]
    settings: Tunable
    front: Located
    place: tuple[str, ...] = ()

    def line_of(self, key: str) -> int:
        return self.front.line(*self.place, key)

    def wrong(self, message: str, key: str, hint: str) -> ProjectError:
        return ProjectError(message, file=self.front.path, line=self.line_of(key), hint=hint)


@dataclass(frozen=True)
class Form:
    """A prompt ready to be rendered for some models. `shape` is None for free text; `reasons`: thoughts come first."""

    settings: Tunable
    signature: Signature
    shape: Shape | None
    reasons: bool
    tools: tuple[Tool, ...]
    pool: Pool
    before: tuple[Turn, ...]  # instructions and written examples
    after: tuple[Turn, ...]  # the question
    asks: Render  # the last `## user` section, by which an example is shown

    def messages(self, arguments: Mapping[str, Any], key: str, nearest: Sequence[Example]) -> tuple[Message, ...]:
        """What a model of this form is told for these arguments."""
        shelf = Shelf()
        context = {name: shown(value, shelf) for name, value in arguments.items()}
        made: list[Message] = []
        moved: tuple[Part, ...] = ()  # media where a message holds text alone: shown with the question
        for turn in self.before:
            moved += _add(made, turn, context, arguments, shelf)
        for example in self.pool.shown(key, nearest):
            made += self.example(example)
        for turn in self.after:
            moved += _add(made, turn, context, arguments, shelf)
        if moved:
            last = max(index for index, message in enumerate(made) if message.role == "user")
            made[last] = Message("user", (*moved, *made[last].parts))
        return tuple(made)

    def request(self, messages: tuple[Message, ...], name: str) -> ModelRequest:
        settings = self.settings
        sent = self.shape is not None and settings.output != "prompted"
        return ModelRequest(
            messages=messages,
            schema=self._schema if sent else None,
            schema_name=name,
            temperature=settings.temperature,
            top_p=settings.top_p,
            seed=settings.seed,
            stop=tuple(settings.stop),
            max_tokens=settings.max_tokens,
            thinking=settings.thinking,
            tools=tuple(tool.spec for tool in self.tools),
        )

    @cached_property
    def _schema(self) -> Mapping[str, Any]:
        assert self.shape is not None
        return self.shape.for_model()

    def example(self, example: Example) -> tuple[Message, Message]:
        shelf = Shelf()
        text = self.asks({name: shown(value, shelf) for name, value in example.arguments.items()}).strip()
        answer = written_answer(example.output, self.shape, example.reasoning if self.reasons else "")
        return Message("user", shelf.parts(text)), Message.of("assistant", answer)


def _add(
    made: list[Message], turn: Turn, context: Mapping[str, Any], arguments: Mapping[str, Any], shelf: Shelf
) -> tuple[Part, ...]:
    """Add the messages of a turn. Gives the media that a message of its role can't hold."""
    if turn.render is None:
        made += [Message.of(said.role, said.content) for said in arguments[turn.conversation].messages]
        return ()
    text = turn.render(context).strip()
    if turn.role == "user":
        if parts := shelf.parts(text):
            made.append(Message("user", parts))
        return ()
    text, moved = shelf.without(text)
    if text:
        made.append(Message.of(turn.role, text))
    return moved


def written_answer(output: JsonValue, shape: Shape | None, thoughts: str) -> str:
    """An example's answer as a model would have written it."""
    if shape is None:
        return f"{reasoning.OPEN}{thoughts}{reasoning.CLOSE}\n{output}" if thoughts else str(output)
    if thoughts:
        return to_json({reasoning.FIELD: thoughts, reasoning.ANSWER: output})
    return to_json({"answer": output} if shape.wrapped else output)


# ── From a file ────────────────────────────────────────────────────────────────────────────────


def form_of(
    source: Source, file: PromptFile, signature: Signature, names: Names, cases: Cases | None, *, thinks: bool
) -> Form:
    """Check sections and settings against a function. `thinks`: the model does so by itself. Raises ProjectError."""
    settings = source.settings
    reasons = settings.reasoning and not thinks
    shape = _shape(source, signature, reasons=reasons)
    pool = pool_of(settings, source.front, source.place, file, signature, cases)
    if settings.reasoning:
        check_reasoning(pool, source.front, source.place)
    tools = tools_of(settings.tools, signature.around, lambda message, hint: source.wrong(message, "tools", hint))
    rest = [section for section in source.sections if section.role in ("user", "assistant")]
    users = [section for section in rest if section.role == "user"]
    if not users:
        raise ProjectError(
            "this prompt has no `## user` section, so nothing would be asked",
            file=source.path,
            line=source.sections[-1].lines[-1].number,
            hint="Add one that shows the input: ## user, and below it for example "
            + (f"{{{{{next(iter(signature.parameters))}}}}}." if signature.parameters else "the question."),
        )
    return Form(
        settings=settings,
        signature=signature,
        shape=shape,
        reasons=reasons,
        tools=tools,
        pool=pool,
        before=_instructions(source, names, shape, reasons=reasons),
        after=tuple(_question(section, signature, names) for section in rest),
        asks=compile_template(users[-1].lines, names),
    )


def _shape(source: Source, signature: Signature, *, reasons: bool) -> Shape | None:
    output, is_text = source.settings.output, signature.returns is str
    if output == "text" and not is_text:
        raise source.wrong(
            f"`output: text` does not fit: {signature.name} gives {type_name(signature.returns)}",
            "output",
            "Remove the line, or let the function give str.",
        )
    if is_text and output != "json":
        return None
    try:
        return reasoning.reasoned(signature.returns, signature.name) if reasons else Shape.of(signature.returns)
    except ProjectError as error:
        raise ProjectError(f"{signature.name}: {error.message}", file=source.path, line=1, hint=error.hint) from None


def _instructions(source: Source, names: Names, shape: Shape | None, *, reasons: bool) -> tuple[Turn, ...]:
    """The system message and the written examples."""
    renders = [compile_template(section.lines, names) for section in source.sections if section.role == "system"]
    if shape is not None:
        renders.append(_fixed(described(shape.schema)))
    elif reasons:
        renders.append(_fixed(reasoning.IN_TEXT))
    turns = [Turn("system", _together(renders))] if renders else []
    for section in source.sections:
        if section.role == "example":
            turns += _written_example(section, names)
    return tuple(turns)


def _question(section: Section, signature: Signature, names: Names) -> Turn:
    variable = _ONE_VARIABLE.fullmatch(section.text)
    if section.role == "user" and variable and _is_conversation(signature.parameters.get(variable[1])):
        return Turn("user", None, variable[1])
    return Turn("user" if section.role == "user" else "assistant", compile_template(section.lines, names))


def _is_conversation(kind: Any) -> bool:
    kind = typing.get_args(kind)[0] if typing.get_origin(kind) is typing.Annotated else kind
    return isinstance(kind, type) and issubclass(kind, Conversation)


def _together(renders: Sequence[Render]) -> Render:
    return lambda context: "\n\n".join(text for render in renders if (text := render(context).strip()))


def _fixed(text: str) -> Render:
    return lambda context: text


def _written_example(section: Section, names: Names) -> list[Turn]:
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
        return [Turn("system", lambda context: f"Example:\n{render(context).strip()}")]
    if [role for role, _ in parts] != ["user", "assistant"] * (len(parts) // 2):
        raise ProjectError(
            "an example is not pairs of question and answer",
            file=section.lines[0].file,
            line=section.lines[0].number,
            hint="Write `### user` and below it the question, then `### assistant` and the answer.",
        )
    return [Turn(role, compile_template(lines or section.lines[:1], names)) for role, lines in parts]
