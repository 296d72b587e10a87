"""A prompt function's types, and values held against them. Knows types; no files and no templates."""

import inspect
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, get_type_hints

from pydantic import BaseModel, TypeAdapter, ValidationError, create_model

from coachwork.errors import InputError, ProjectError
from coachwork.messages import JsonValue
from coachwork.tracing.secrets import without_known_in

_LONGEST_URL = 2_000  # characters of a data URL that are kept in a trace


@dataclass(frozen=True)
class Signature:
    """A prompt function's parameters and result, by type. `around` are the names beside it, for its tools."""

    name: str
    parameters: Mapping[str, Any]
    defaults: Mapping[str, Any]
    returns: Any
    around: Mapping[str, Any]

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
        parameters = {key: hint for key, hint in hints.items() if key != "return"}
        return cls(name, parameters, defaults, hints["return"], getattr(function, "__globals__", {}))

    @cached_property
    def inputs(self) -> Mapping[str, TypeAdapter[Any]]:
        """An adapter for each parameter. Raises ProjectError for a type that can't be used."""
        return {name: self._adapter(name, kind) for name, kind in self.parameters.items()}

    @cached_property
    def result(self) -> TypeAdapter[Any]:
        return TypeAdapter(self.returns)

    def schema(self) -> dict[str, Any]:
        """The parameters as one JSON schema of an object."""
        fields: dict[str, Any] = {name: (kind, self.defaults.get(name, ...)) for name, kind in self.parameters.items()}
        made: type[BaseModel] = create_model(self.name, **fields)
        return made.model_json_schema()

    def arguments(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> dict[str, Any]:
        """A call's arguments by name, validated. Raises InputError naming the field that does not fit."""
        names = list(self.parameters)
        given = dict(zip(names, args, strict=False)) | dict(kwargs)
        unknown = [name for name in kwargs if name not in names]
        missing = [name for name in names if name not in given and name not in self.defaults]
        if len(args) > len(names) or unknown or missing:
            wrong = (
                f"no input {unknown[0]!r}"
                if unknown
                else f"{missing[0]!r} is missing"
                if missing
                else f"{len(args)} inputs instead of {len(names)}"
            )
            raise InputError(f"{self.name}: {wrong}", hint=f"It takes: {', '.join(names) or 'nothing'}.")
        made = dict(self.defaults) | given
        return {name: self._input(name, made[name]) for name in names}

    def recorded(self, arguments: Mapping[str, Any]) -> JsonValue:
        """The arguments as JSON, for the trace: without known secrets, a picture by its kind and size."""
        return {name: _short(value) for name, value in without_known_in(self.as_json(arguments)).items()}

    def as_json(self, arguments: Mapping[str, Any]) -> dict[str, JsonValue]:
        return {name: self.inputs[name].dump_python(value, mode="json") for name, value in arguments.items()}

    def key(self, arguments: Mapping[str, Any]) -> str:
        """One text for equal arguments: what tells that an example is the very question."""
        return json.dumps(self.as_json(dict(self.defaults) | dict(arguments)), sort_keys=True, default=str)

    def _input(self, name: str, value: Any) -> Any:
        try:
            return self.inputs[name].validate_python(value)
        except ValidationError as error:
            fields = [
                {"path": [name, *each["loc"]], "message": each["msg"], "value": str(each["input"])[:200]}
                for each in error.errors()
            ]
            raise InputError(
                f"{self.name}: the input {name!r} does not fit: {fields[0]['message']}",
                hint=f"Give it a {type_name(self.parameters[name])}.",
                details={"fields": fields},
            ) from None

    def _adapter(self, name: str, kind: Any) -> TypeAdapter[Any]:
        try:
            return TypeAdapter(kind)
        except Exception as error:  # pydantic's own errors and whatever a user's type raises while it is built
            raise ProjectError(
                f"the input {name!r} of {self.name} has a type that can't be used: {error}",
                hint="Use a Pydantic model.",
            ) from None


def type_name(kind: Any) -> str:
    """A type as it is written."""
    return str(getattr(kind, "__name__", "") if isinstance(kind, type) else kind)


def _short(value: JsonValue) -> JsonValue:
    if isinstance(value, str):
        if value.startswith("data:") and len(value) > _LONGEST_URL:
            return f"{value.partition(',')[0]},… ({len(value)} characters)"
        return value
    if isinstance(value, dict):
        return {name: _short(item) for name, item in value.items()}
    return [_short(item) for item in value] if isinstance(value, list) else value
