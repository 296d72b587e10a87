"""A pipeline: a typed async function and what its types say. Knows schemas; does not know how runs are kept."""

import inspect
import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, Literal, ParamSpec, TypeVar, get_type_hints

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError, create_model

from coachwork.errors import InputError, ProjectError, RunFailed
from coachwork.messages import Conversation, JsonValue
from coachwork.pipelines.durations import rate_of, seconds_of
from coachwork.pipelines.labels import in_words
from coachwork.tracing.places import inside

if TYPE_CHECKING:
    from coachwork.pipelines.outline import Part

P = ParamSpec("P")
R = TypeVar("R")
_TITLE_FIELDS = ("subject", "title", "question", "name", "text", "body")


@dataclass(frozen=True)
class Example:
    """A filled-in input that the page offers to click."""

    title: str
    input: JsonValue


@dataclass(frozen=True)
class Queue:
    """How runs of a pipeline stand in line, counted over all workers.

    At most `concurrency` are at work at once, at most `starts` begin within `seconds`; None for no limit. Those of a
    higher `priority` go first. A run that has not ended `deadline` seconds after it was accepted is stopped.
    """

    concurrency: int | None = None
    starts: int | None = None
    seconds: float = 60.0
    priority: int = 0
    deadline: float | None = None

    @classmethod
    def written(
        cls,
        function: Callable[..., Any],
        concurrency: int | None,
        rate: str | None,
        priority: int,
        deadline: str | None,
    ) -> "Queue":
        """That of `function`, from a rate like `30/m` and a time like `2h`. Raises ProjectError for what is none."""
        try:
            starts, seconds = (None, 60.0) if rate is None else rate_of(rate)
            until = None if deadline is None else seconds_of(deadline)
            if concurrency is not None and concurrency < 1:
                raise ValueError(f"concurrency={concurrency} would never begin: at least 1")
        except ValueError as error:
            raise ProjectError(
                f"pipeline {function.__name__!r}: {error}",
                file=inspect.getsourcefile(function) or "",
                line=inspect.unwrap(function).__code__.co_firstlineno,
                hint="docs/workers.md has what can be said of a pipeline's line.",
            ) from None
        return cls(concurrency, starts, seconds, priority, until)


class Pipeline(Generic[P, R]):
    """An async function of the project as an application: form, API and durable run come from its signature.

    A single parameter that is a Pydantic model is the input itself; otherwise the input is an
    object with one field a parameter. A pipeline that takes a `Conversation` is shown as a chat.
    """

    def __init__(
        self,
        function: Callable[P, Awaitable[R]],
        *,
        title: str = "",
        about: str = "",
        examples: Sequence[Example] = (),
        knowledge: Sequence[str] = (),
        queue: Queue = Queue(),
    ) -> None:
        self.function = function
        self.queue = queue
        self.name = function.__name__
        self.title = title or in_words(self.name)
        self.about = about or (inspect.getdoc(function) or "").split("\n\n")[0]
        self.examples = list(examples)
        self.knowledge = list(knowledge)
        self._parameters, output = _typed(function)
        self._single = _single_model(self._parameters)
        self._input: TypeAdapter[Any] = TypeAdapter(self._single or _as_model(self.name, self._parameters))
        self._output: TypeAdapter[R] = TypeAdapter(output)
        self.kind: Literal["form", "chat"] = "chat" if self._single is Conversation else "form"
        self.input_schema: dict[str, Any] = closed_schema(self._input.json_schema(mode="validation"))
        self.output_schema: dict[str, Any] = self._output.json_schema(mode="serialization")
        for example in self.examples:
            self._check_example(example)

    async def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Called by another pipeline, it is a part of that one's run."""
        with inside("pipeline", self.name):
            return await self.function(*args, **kwargs)

    def own_parts(self) -> "list[Part] | None":
        """What a run of it will do, where the pipeline tells it itself; None where its code does."""
        return None

    def parse(self, value: JsonValue) -> dict[str, Any]:
        """Keyword arguments for the function. Raises InputError naming every field that does not fit."""
        try:
            parsed = self._input.validate_python(value, extra="forbid")
        except ValidationError as error:
            raise input_error(f"the input of {self.name!r} does not fit", error) from None
        if self._single is not None:
            return {next(iter(self._parameters)): parsed}
        return {name: getattr(parsed, name) for name in self._parameters}

    def normalised(self, value: JsonValue) -> JsonValue:
        """The input as it is kept: checked, with defaults filled in, as plain JSON. Raises InputError."""
        self.parse(value)
        return self._input.dump_python(self._input.validate_python(value, extra="forbid"), mode="json")

    def dump(self, output: R) -> JsonValue:
        """The output as plain JSON.

        Raises pydantic.ValidationError where the function broke its own type, RunFailed for what JSON
        can't carry: NaN, infinity, half a surrogate pair.
        """
        value = self._output.dump_python(self._output.validate_python(output), mode="json")
        try:
            json.dumps(value, allow_nan=False, ensure_ascii=False).encode()
        except ValueError as error:
            raise RunFailed(
                f"what {self.name!r} returned can't be written as JSON: {error}",
                hint="Return None instead of NaN or infinity, and whole characters.",
            ) from None
        return value

    def line_about(self, value: JsonValue) -> str:
        """A short line by which a person recognises this input in a list."""
        if self.kind == "chat" and isinstance(value, dict):
            turns = [turn.get("content", "") for turn in value.get("messages", []) if turn.get("role") == "user"]
            return _one_line(turns[-1] if turns else "")
        return _one_line(_telling_text(value))

    def _check_example(self, example: Example) -> None:
        try:
            self.parse(example.input)
        except InputError as error:
            raise ProjectError(
                f"example {example.title!r} of pipeline {self.name!r} does not fit its input: {error.message}",
                file=inspect.getsourcefile(self.function) or "",
                line=inspect.unwrap(self.function).__code__.co_firstlineno,
                hint="Change the example, or the type.",
            ) from None


def closed_schema(schema: JsonValue) -> Any:
    """The JSON schema with every object closed, as we validate: an unknown field is an error."""
    if isinstance(schema, list):
        return [closed_schema(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {key: closed_schema(value) for key, value in schema.items()}
    if "properties" in closed and "additionalProperties" not in closed:
        closed["additionalProperties"] = False
    return closed


def input_error(message: str, error: ValidationError) -> InputError:
    """Pydantic's findings as one InputError: `details["fields"]` lists {path, message, value}."""
    fields = [
        {"path": [str(part) for part in found["loc"]], "message": found["msg"], "value": _shown(found.get("input"))}
        for found in error.errors(include_url=False, include_context=False)
    ]
    lines = "; ".join(f"{'.'.join(field['path']) or 'input'}: {field['message']}" for field in fields)
    return InputError(f"{message}: {lines}", details={"fields": fields})


def _typed(function: Callable[..., Any]) -> tuple[dict[str, inspect.Parameter], Any]:
    source = inspect.getsourcefile(function) or ""
    line = inspect.unwrap(function).__code__.co_firstlineno
    if not inspect.iscoroutinefunction(function):
        raise ProjectError(
            f"pipeline {function.__name__!r} is not async", file=source, line=line, hint="Write `async def`."
        )
    hints = get_type_hints(function, include_extras=True)
    if "return" not in hints:
        raise ProjectError(
            f"pipeline {function.__name__!r} does not say what it returns",
            file=source,
            line=line,
            hint="Write `-> Type:`.",
        )
    parameters = dict(inspect.signature(function).parameters)
    for name, parameter in parameters.items():
        if name not in hints:
            raise ProjectError(
                f"parameter {name!r} of pipeline {function.__name__!r} has no type",
                file=source,
                line=line,
                hint="Give it a type, for example a Pydantic model.",
            )
        parameters[name] = parameter.replace(annotation=hints[name])
    return parameters, hints["return"]


def _single_model(parameters: dict[str, inspect.Parameter]) -> type[BaseModel] | None:
    if len(parameters) != 1:
        return None
    annotation = next(iter(parameters.values())).annotation
    return annotation if inspect.isclass(annotation) and issubclass(annotation, BaseModel) else None


def _as_model(name: str, parameters: dict[str, inspect.Parameter]) -> type[BaseModel]:
    fields: dict[str, Any] = {
        key: (parameter.annotation, ... if parameter.default is inspect.Parameter.empty else parameter.default)
        for key, parameter in parameters.items()
    }
    return create_model(f"{name}_input", __config__=ConfigDict(extra="forbid"), **fields)


def _telling_text(value: JsonValue) -> str:
    if isinstance(value, str):
        return "" if value.startswith("data:") else value
    if not isinstance(value, dict):
        return ""
    for key in (*(key for key in _TITLE_FIELDS if key in value), *value):
        if text := _telling_text(value[key]):
            return text
    return ""


def _one_line(text: str, limit: int = 90) -> str:
    line = " ".join(text.split())
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"


def _shown(value: Any) -> JsonValue:
    """A refused value, short enough to show; nested ones are left out since their parts are named themselves."""
    if value is None or isinstance(value, bool | int | float):
        return value
    return _one_line(value, 120) if isinstance(value, str) else None
