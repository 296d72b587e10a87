"""A prompt as it is told over HTTP: its file, form, cases, versions, and what models would receive. Asks no model."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from pydantic import BaseModel

from coachwork.app.project import Project
from coachwork.messages import JsonValue
from coachwork.models import ModelInfo
from coachwork.models.preview import Preview, part_told
from coachwork.pipelines.answers import Compared, Count, last_asked
from coachwork.pipelines.views import moment
from coachwork.prompts import Prompt
from coachwork.prompts.draft import FileNow
from coachwork.prompts.signature import type_name
from coachwork.prompts.tools import ROUNDS
from coachwork.prompts.trial import Try
from coachwork.prompts.versions import Trial, latest


class TrialView(BaseModel):
    """How a version did on its cases. `cost_nano` in 1e-9 US dollars, None where a price is unknown."""

    at: datetime
    passed: int
    tries: int
    repeats: int
    seconds: float
    cost_nano: int | None
    cases: list[dict[str, Any]]


class PromptInfo(BaseModel):
    """A prompt in a list. `problem` says what is wrong with its file while an earlier version serves.

    `last_used` is when a run last asked it.
    """

    name: str
    about: str
    file: str
    route: str
    version: str
    labels: list[str]
    cases: int
    trial: TrialView | None
    last_used: datetime | None
    problem: str


class FileView(BaseModel):
    """The file as it is: what an editor begins with. `locked` says why it can't be saved, "" where it can."""

    text: str
    revision: str
    locked: str


class OtherFile(BaseModel):
    path: str
    text: str


class CaseView(BaseModel):
    name: str
    input: JsonValue
    expected: JsonValue
    checks: list[str]
    line: int


class VersionView(BaseModel):
    version: str
    labels: list[str]
    serves: bool
    first_seen: datetime | None
    trial: TrialView | None


class ModelOfRoute(BaseModel):
    model: str
    problem: str
    hint: str


class PromptDetail(PromptInfo):
    """A prompt whole. `serves_file` is False where a label's version serves instead of the file.

    `settings` are those that the file says; `input_schema` makes the form; `calls_at_most` is how many calls one
    question may take with its re-asks and tools.
    """

    source: FileView
    others: list[OtherFile]
    serves_file: bool
    settings: dict[str, Any]
    variants: list[str]
    tools: list[str]
    examples: int
    inputs: dict[str, str]
    gives: str
    input_schema: dict[str, Any]
    output_schema: dict[str, Any]
    case_list: list[CaseView]
    versions: list[VersionView]
    models: list[ModelOfRoute]
    calls_at_most: int


class CountView(BaseModel):
    """Answers in runs: `how` by the way they were won, `failed` by the code of the error.

    `at_once` is the share, from 0 to 1, that was right as it came; None where none was asked.
    """

    asked: int
    at_once: float | None
    how: dict[str, int]
    failed: dict[str, int]


class AnswersOf(CountView):
    """One model's answers in the time asked for, and in the time of the same length before it."""

    model: str
    before: CountView


class MessageView(BaseModel):
    role: str
    parts: list[dict[str, Any]]


class ModelView(BaseModel):
    """What one model would receive. `worst_nano` is what one call costs at most, None where the price is unknown.

    `refused`: that is over the prompt's own `max_cost`, so it would not be asked.
    """

    model: str
    problem: str
    messages: list[MessageView]
    schema_by: str
    tools: list[str]
    input_tokens: int
    most_input_tokens: int
    max_tokens: int
    worst_nano: int | None
    calls_at_most: int
    refused: bool
    counted: str


class Cost(BaseModel):
    """What something costs at most, in 1e-9 US dollars, None where a price is unknown; and how many calls it takes."""

    calls: int
    worst_nano: int | None


class TryView(BaseModel):
    number: int
    passed: bool
    wrong: list[str]
    output: JsonValue
    model: str
    how: str
    seconds: float
    cost_nano: int | None
    error: str


class CaseResult(BaseModel):
    name: str
    passed: int
    tries: list[TryView]


class Side(BaseModel):
    """One version on all cases; `what` is current or draft."""

    what: str
    version: str
    trial: TrialView
    cases: list[CaseResult]


def info(prompt: Prompt[..., Any], used: int | None) -> PromptInfo:
    return PromptInfo(**_info(prompt, used))


def detail(prompt: Prompt[..., Any], now: FileNow, models: Sequence[ModelInfo], used: int | None) -> PromptDetail:
    compiled = prompt.compiled
    signature = compiled.signature
    trials = latest(prompt.versions.trials(prompt.name))
    settings = compiled.file.settings
    return PromptDetail(
        **_info(prompt, used),
        source=FileView(text=now.text, revision=now.revision, locked=now.locked),
        others=[OtherFile(path=path, text=text) for path, text in compiled.texts.items() if path != prompt.file],
        serves_file=prompt.follows_file,
        settings=settings.model_dump(mode="json", by_alias=True, exclude_defaults=True, exclude={"examples", "about"}),
        variants=[each.pattern for each in compiled.file.variants],
        tools=[tool.spec.name for tool in compiled.form.tools],
        examples=len(compiled.form.pool.examples),
        inputs={name: type_name(kind) for name, kind in signature.parameters.items()},
        gives=type_name(signature.returns),
        input_schema=signature.schema(),
        output_schema=_output_schema(prompt),
        case_list=_cases(prompt),
        versions=[
            VersionView(
                version=each.version,
                labels=list(each.labels),
                serves=each.version == compiled.version,
                first_seen=moment(each.first_seen),
                trial=_trial(trials.get(each.version)),
            )
            for each in prompt.versions.history(prompt.name)
        ],
        models=[ModelOfRoute(model=each.model, problem=each.problem, hint=each.hint) for each in models],
        calls_at_most=calls_at_most(prompt),
    )


def model_view(prompt: Prompt[..., Any], each: Preview) -> ModelView:
    return ModelView(
        model=each.model,
        problem=each.problem,
        messages=[
            MessageView(role=message.role, parts=[part_told(part) for part in message.parts])
            for message in each.request.messages
        ],
        schema_by=each.schema,
        tools=[tool.name for tool in each.request.tools],
        input_tokens=each.input_tokens,
        most_input_tokens=each.most_input_tokens,
        max_tokens=each.max_tokens,
        worst_nano=each.worst_nano,
        calls_at_most=calls_at_most(prompt),
        refused=each.refused,
        counted=each.counted,
    )


def calls_at_most(prompt: Prompt[..., Any]) -> int:
    """How many calls one question may take: its re-asks, and the rounds of its tools."""
    compiled = prompt.compiled
    tools = any(form.tools for form in (compiled.form, *compiled.forms.values()))
    return (compiled.file.settings.reask + 1) * (ROUNDS + 1 if tools else 1)


def side(what: str, trial: Trial, tries: Sequence[Try]) -> Side:
    cases: dict[str, list[Try]] = {}
    for each in tries:
        cases.setdefault(each.case, []).append(each)
    shown = _trial(trial)
    assert shown is not None
    return Side(
        what=what,
        version=trial.version,
        trial=shown,
        cases=[
            CaseResult(name=name, passed=sum(each.passed for each in own), tries=[_try(each) for each in own])
            for name, own in cases.items()
        ],
    )


def answers_view(found: Sequence[Compared]) -> list[AnswersOf]:
    return [AnswersOf(model=each.model, **_count(each.now), before=CountView(**_count(each.before))) for each in found]


def _count(count: Count) -> dict[str, Any]:
    return {"asked": count.asked, "at_once": count.at_once, "how": dict(count.how), "failed": dict(count.failed)}


def last_used(project: Project) -> dict[str, int]:
    """When each prompt was last asked in a run, in milliseconds since 1970 UTC."""
    return project.database.read_now(lambda connection: last_asked(connection, list(project.prompts)))


def _info(prompt: Prompt[..., Any], used: int | None) -> dict[str, Any]:
    broken, compiled = prompt.broken, prompt.compiled
    trial = latest(prompt.versions.trials(prompt.name)).get(compiled.version)
    return {
        "name": prompt.name,
        "about": compiled.file.settings.about,
        "file": prompt.file,
        "route": compiled.file.settings.route,
        "version": compiled.version,
        "labels": [name for name, version in prompt.versions.labels(prompt.name).items() if version == prompt.version],
        "cases": 0 if compiled.cases is None else len(compiled.cases.cases),
        "trial": _trial(trial),
        "last_used": moment(used),
        "problem": "" if broken is None else broken.message,
    }


def _cases(prompt: Prompt[..., Any]) -> list[CaseView]:
    compiled = prompt.compiled
    return [
        CaseView(
            name=case.name,
            input=compiled.signature.as_json(case.arguments),
            expected=None if case.expected is None else compiled.result.dump_python(case.expected, mode="json"),
            checks=[each.name for each in case.evaluators],
            line=case.line,
        )
        for case in (() if compiled.cases is None else compiled.cases.cases)
    ]


def _output_schema(prompt: Prompt[..., Any]) -> Mapping[str, Any]:
    return prompt.compiled.result.json_schema()


def _trial(trial: Trial | None) -> TrialView | None:
    if trial is None:
        return None
    cases: Any = trial.cases
    return TrialView(
        at=moment(trial.at),
        passed=trial.passed,
        tries=trial.tries,
        repeats=trial.repeats,
        seconds=trial.seconds,
        cost_nano=trial.cost_nano,
        cases=cases,
    )


def _try(each: Try) -> TryView:
    return TryView(
        number=each.number,
        passed=each.passed,
        wrong=list(each.wrong),
        output=each.output,
        model=each.model,
        how=each.how,
        seconds=each.seconds,
        cost_nano=each.cost_nano,
        error=each.error,
    )
