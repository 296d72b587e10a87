"""Cases beside a prompt: inputs with what is expected of them, as a pydantic-evals dataset, checked against the types.

Pure: text in. Knows that format's plain evaluators (https://ai.pydantic.dev/evals/); one that asks a model, or is
somebody's own, is refused by name and never passed over.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from coachwork.errors import did_you_mean
from coachwork.messages import JsonValue
from coachwork.prompts.located import Located, read_model, read_yaml
from coachwork.prompts.signature import Signature


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _CaseText(_Section):
    name: str | None = None
    inputs: dict[str, Any]
    expected_output: Any = None
    metadata: Any = None
    evaluators: list[str | dict[str, Any]] = []


class _DatasetText(_Section):
    schema_: str = Field("", alias="$schema")
    name: str | None = None
    cases: list[_CaseText]
    evaluators: list[str | dict[str, Any]] = []
    report_evaluators: list[Any] = []


@dataclass(frozen=True)
class Judged:
    """What an evaluator looks at: the answer and what was expected, as their type and as JSON, and how long it took."""

    output: Any
    as_json: JsonValue
    expected: Any
    expected_json: JsonValue
    seconds: float


@dataclass(frozen=True)
class Evaluator:
    """One check of an answer: its words are "" where it passes, else what is wrong."""

    name: str
    judge: Callable[[Judged], str]


@dataclass(frozen=True)
class Case:
    """An input with what is expected. `expected` is None where nothing is; `reasoning` the thoughts of an example."""

    name: str
    arguments: Mapping[str, Any]
    expected: Any
    evaluators: tuple[Evaluator, ...]
    line: int
    reasoning: str = ""


@dataclass(frozen=True)
class Cases:
    path: str
    cases: tuple[Case, ...]


def read_cases(text: str, path: str, signature: Signature) -> Cases:
    """Read a dataset and hold it against the types. Raises ProjectError with file, line and fix."""
    found = read_yaml(text, path, what="the cases file")
    if not isinstance(found.value, dict):
        raise found.wrong("this is no dataset", (), "Write `cases:` and below it a list, each with `inputs:`.")
    dataset = read_model(_DatasetText, found, _fix)
    common = _evaluators(dataset.evaluators, found, ("evaluators",))
    made, names = [], dict[str, int]()
    for index, each in enumerate(dataset.cases):
        place = ("cases", index)
        name = each.name or f"Case {index + 1}"
        line = found.line(*place)
        if name in names:
            raise found.wrong(
                f"two cases are named {name!r}", (*place, "name"), f"The other is on line {names[name]}; rename one."
            )
        names[name] = line
        arguments = _arguments(each.inputs, signature, found, place, name)
        expected = _expected(each.expected_output, signature, found, place, name)
        own = _evaluators(each.evaluators, found, (*place, "evaluators"))
        judges = (*common, *own) or ((EQUALS_EXPECTED,) if each.expected_output is not None else ())
        reasoning = each.metadata.get("reasoning", "") if isinstance(each.metadata, dict) else ""
        made.append(Case(name, arguments, expected, judges, line, str(reasoning)))
    return Cases(path, tuple(made))


def _fix(place: Sequence[str | int]) -> str:
    return next((_FIXES[str(part)] for part in reversed(place) if str(part) in _FIXES), "")


_FIXES = {
    "cases": "Write a list, each with `inputs:` (the function's arguments by name) and `expected_output:`.",
    "inputs": "Give the function's arguments by name.",
    "evaluators": "Use a list: [EqualsExpected], or with arguments: [{Contains: {value: …}}].",
}


def _arguments(
    inputs: Mapping[str, Any], signature: Signature, found: Located, place: Sequence[str | int], name: str
) -> dict[str, Any]:
    takes = f"{signature.name} takes: {', '.join(signature.parameters) or 'nothing'}."
    for each in inputs:
        if each not in signature.parameters:
            raise found.wrong(f"case {name!r}: {each!r} is no input", (*place, "inputs", each), takes)
    made = {}
    for each in signature.parameters:
        if each not in inputs:
            if each not in signature.defaults:
                raise found.wrong(f"case {name!r}: {each!r} is missing", (*place, "inputs"), takes)
            made[each] = signature.defaults[each]
            continue
        made[each] = _fitting(signature.inputs[each], inputs[each], found, (*place, "inputs", each), f"case {name!r}")
    return made


def _expected(value: Any, signature: Signature, found: Located, place: Sequence[str | int], name: str) -> Any:
    if value is None:
        return None
    return _fitting(signature.result, value, found, (*place, "expected_output"), f"case {name!r}")


def _fitting(adapter: TypeAdapter[Any], value: Any, found: Located, place: Sequence[str | int], what: str) -> Any:
    try:
        return adapter.validate_python(value)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        inner = ".".join(map(str, first["loc"])) or str(place[-1])
        raise found.wrong(
            f"{what} does not fit the types: {inner}: {first['msg']}, is {first['input']!r:.60}",
            (*place, *first["loc"]),
            "Correct it, or remove the case. A part of an answer is expected so: "
            "evaluators: [{Contains: {value: {field: …}}}]",
        ) from None


# ── Evaluators ─────────────────────────────────────────────────────────────────────────────────


def _equals_expected(judged: Judged) -> str:
    if judged.output == judged.expected:
        return ""
    if isinstance(judged.as_json, dict) and isinstance(judged.expected_json, dict):
        return _differing(judged.as_json, judged.expected_json)
    return f"is {_short(judged.as_json)}, expected {_short(judged.expected_json)}"


def _differing(output: Mapping[str, JsonValue], wanted: Mapping[str, JsonValue]) -> str:
    """The fields that are not as wanted."""
    return "; ".join(
        f"{key} is {_short(output.get(key))}, expected {_short(value)}"
        for key, value in wanted.items()
        if key not in output or output[key] != value
    )


EQUALS_EXPECTED = Evaluator(
    "EqualsExpected", lambda judged: "" if judged.expected is None else _equals_expected(judged)
)


def _evaluators(
    specs: Sequence[str | Mapping[str, Any]], found: Located, place: Sequence[str | int]
) -> tuple[Evaluator, ...]:
    return tuple(_evaluator(spec, found, (*place, index)) for index, spec in enumerate(specs))


def _evaluator(spec: str | Mapping[str, Any], found: Located, place: Sequence[str | int]) -> Evaluator:
    """`Name`, `{Name: value}` or `{Name: {argument: value}}`, as pydantic-evals reads them."""
    given: dict[str, Any] = {}
    if isinstance(spec, str):
        name = spec
    elif len(spec) != 1:
        raise found.wrong("an evaluator has one name", place, _FIXES["evaluators"])
    else:
        name, value = next(iter(spec.items()))
        by_name = isinstance(value, dict) and all(isinstance(key, str) for key in value)
        given = value if by_name else {"": value}
    if name not in _KNOWN:
        hint = did_you_mean(name, list(_KNOWN))
        raise found.wrong(f"the evaluator {name!r} is not run here", place, f"{hint} Leave it out of this file.")
    first, takes, make = _KNOWN[name]
    arguments = {(first if key == "" else key): value for key, value in given.items()}
    for key in arguments:
        if key not in (first, *takes, "evaluation_name"):
            raise found.wrong(
                f"{name} has no argument {key!r}", (*place, name, key), did_you_mean(key, [first, *takes])
            )
    if first and first not in arguments:
        raise found.wrong(f"{name} needs `{first}`", place, f"Write for example {{{name}: {{{first}: …}}}}.")
    label = arguments.pop("evaluation_name", None) or name
    try:
        return Evaluator(label, make(**arguments))
    except (TypeError, ValueError) as error:
        raise found.wrong(f"{name}: {error}", place, f"Write for example {{{name}: {{{first}: …}}}}.") from None


def _equals(value: Any) -> Callable[[Judged], str]:
    return lambda judged: (
        "" if value in (judged.output, judged.as_json) else f"is {_short(judged.as_json)}, not {_short(value)}"
    )


def _contains(value: Any, case_sensitive: bool = True, as_strings: bool = False) -> Callable[[Judged], str]:
    def judge(judged: Judged) -> str:
        output = judged.as_json
        if as_strings or (isinstance(value, str) and isinstance(output, str)):
            here, wanted = str(judged.output), str(value)
            if not case_sensitive:
                here, wanted = here.lower(), wanted.lower()
            return "" if wanted in here else f"{_short(output)} does not contain {_short(value)}"
        if isinstance(output, dict) and isinstance(value, dict):
            return _differing(output, value)
        contained = value in output if isinstance(output, list | dict) else False
        return "" if contained else f"{_short(output)} does not contain {_short(value)}"

    return judge


def _is_instance(type_name: str) -> Callable[[Judged], str]:
    def judge(judged: Judged) -> str:
        names = {name for each in type(judged.output).__mro__ for name in (each.__name__, each.__qualname__)}
        return "" if type_name in names else f"is a {type(judged.output).__name__}, not a {type_name}"

    return judge


def _max_duration(seconds: float) -> Callable[[Judged], str]:
    limit = TypeAdapter(timedelta).validate_python(seconds).total_seconds()
    return lambda judged: "" if judged.seconds <= limit else f"took {judged.seconds:.1f} s, at most {limit:g} s"


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:79] + "…"


# The argument that may stand alone, the others, and the judge: the names and meanings of pydantic-evals.
_KNOWN: dict[str, tuple[str, tuple[str, ...], Callable[..., Callable[[Judged], str]]]] = {
    "EqualsExpected": ("", (), lambda: EQUALS_EXPECTED.judge),
    "Equals": ("value", (), _equals),
    "Contains": ("value", ("case_sensitive", "as_strings"), _contains),
    "IsInstance": ("type_name", (), _is_instance),
    "MaxDuration": ("seconds", (), _max_duration),
}
