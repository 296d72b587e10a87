"""Prompts: read, try on models side by side, run the cases of a draft against what serves, save the draft.

Knows how a program is told of them; what they mean is `prompts`' to say. No path of a request is ever used as one.
"""

import asyncio
import time
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from coachwork.app.project import Project
from coachwork.errors import InputError, NotFound, ProjectError, did_you_mean
from coachwork.messages import JsonValue
from coachwork.models.preview import Preview
from coachwork.pipelines.answers import compared
from coachwork.pipelines.views import Page
from coachwork.prompts import Prompt
from coachwork.prompts.draft import ChangedMeanwhile, file_now, patch, save
from coachwork.prompts.trial import Answer, answered, cases_of, summed, try_cases
from coachwork.server import problems
from coachwork.server.prompt_views import (
    AnswersOf,
    Cost,
    ModelView,
    PromptDetail,
    PromptInfo,
    Side,
    answers_view,
    calls_at_most,
    detail,
    info,
    last_used,
    model_view,
    side,
)
from coachwork.server.served import ProjectHere

router = APIRouter(prefix="/api/prompts", tags=["prompts"])

Text = Annotated[str, Field(max_length=1_000_000)]
_AT_ONCE = 4


class Asking(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Drafted(Asking):
    """`text` is the whole file as a draft, None for the prompt as it serves."""

    text: Text | None = None


class Rendering(Drafted):
    input: dict[str, Any]


class Trying(Rendering):
    models: Annotated[list[str], Field(min_length=1, max_length=8)]


class Cases(Asking):
    """`text` is a draft to compare with what serves, None to run what serves alone."""

    text: Text | None = None
    repeats: int = Field(1, ge=1, le=20)


class Saving(Asking):
    """`based_on` is the `revision` of the file that the draft was made from."""

    text: Text
    based_on: str


class Patching(Asking):
    text: Text


class Rendered(BaseModel):
    version: str
    models: list[ModelView]


class Tried(BaseModel):
    """One model's answer. `how` it was won; seconds; `cost_nano` in 1e-9 US dollars, None where it is unknown.

    Where it failed, `error` says why and `output` is what the model said, if anything.
    """

    model: str
    answered_by: str
    output: JsonValue
    how: str
    mended: list[str]
    seconds: float
    input_tokens: int
    output_tokens: int
    cost_nano: int | None
    cached: bool
    reasoning: str
    error: dict[str, Any] | None


class TriedOn(BaseModel):
    version: str
    results: list[Tried]


class Compared(BaseModel):
    sides: list[Side]


class Answers(BaseModel):
    """How the answers of a prompt were won in the last `days` (of 24 hours), by model."""

    days: int
    items: list[AnswersOf]


@router.get("")
def list_prompts(project: ProjectHere) -> Page[PromptInfo]:
    """Every prompt of the project, with its version, labels, last trial and last use."""
    project.database.flush()
    used = last_used(project)
    return Page(items=[info(prompt, used.get(name)) for name, prompt in sorted(project.prompts.items())])


@router.get("/{name}")
def read_prompt(name: str, project: ProjectHere) -> PromptDetail:
    """A prompt whole: its file, what it says, the form of its input, its cases, its versions and its models."""
    return _detail(project, _find(project, name))


@router.get("/{name}/answers")
async def answers(name: str, project: ProjectHere, days: Annotated[int, Query(ge=1, le=366)] = 30) -> Answers:
    """How the prompt's answers in runs were won, beside the time before: where a model drifts, it shows here."""
    prompt = _find(project, name)
    now = time.time_ns() // 1_000_000
    found = await project.database.read(lambda connection: compared(connection, prompt.name, days, now))
    return Answers(days=days, items=answers_view(found))


@router.post("/{name}/check")
async def check(name: str, draft: Patching, project: ProjectHere) -> dict[str, str]:
    """Whether a draft is sound; gives its version. A broken one is refused with file, line and fix."""
    return {"version": _drafted(project, _find(project, name), draft.text).version}


@router.post("/{name}/render")
async def render(name: str, asked: Rendering, project: ProjectHere) -> Rendered:
    """What each model of the route would receive, its tokens, and what it costs at most. Sends nothing."""
    prompt = _drafted(project, _find(project, name), asked.text)
    previews = await _previews(project, prompt, asked.input)
    return Rendered(version=prompt.version, models=[model_view(prompt, each) for each in previews])


@router.post("/{name}/try")
async def try_on(name: str, asked: Trying, project: ProjectHere) -> TriedOn:
    """Ask several models of the route the same, at the same time. One that fails says so and hides no other."""
    prompt = _drafted(project, _find(project, name), asked.text)
    arguments = prompt.compiled.arguments((), asked.input)
    previews = {each.model: each for each in await _previews(project, prompt, asked.input)}
    for model in asked.models:
        if model not in previews:
            raise InputError(
                f"{model!r} is no model of the route {prompt.route!r}", hint=did_you_mean(model, list(previews))
            )

    async def one(model: str) -> Tried:
        alone = prompt.only_on(model, previews[model].max_tokens)
        answer, _ = await answered(alone, arguments)
        return _tried(model, answer)

    models = list(dict.fromkeys(asked.models))
    return TriedOn(version=prompt.version, results=list(await asyncio.gather(*(one(model) for model in models))))


@router.post("/{name}/cases/cost")
async def cost_of_cases(name: str, asked: Cases, project: ProjectHere) -> Cost:
    """What running the cases costs at most, before a cent is spent."""
    return await _worst(project, _sides(project, _find(project, name), asked), asked.repeats)


@router.post("/{name}/cases")
async def run_cases(name: str, asked: Cases, project: ProjectHere) -> Compared:
    """Run the cases on what serves, and on the draft where there is one. How each did is kept by its version."""
    found = []
    for what, prompt in _sides(project, _find(project, name), asked):
        tries = await try_cases(prompt, _cases(prompt), repeats=asked.repeats, at_once=_AT_ONCE)
        trial = summed(prompt, tries, asked.repeats, time.time_ns() // 1_000_000)
        await asyncio.to_thread(prompt.versions.tried, trial)
        found.append(side(what, trial, tries))
    return Compared(sides=found)


@router.put("/{name}", response_model=PromptDetail)
def save_draft(name: str, draft: Saving, project: ProjectHere) -> PromptDetail | Response:
    """Put a draft in the place of the prompt's file, whole or not at all. It is live with the next call.

    Where the file changed since (409) `current` tells it as it is now; where it is read-only (403) take the patch.
    """
    prompt = _find(project, name)
    drafted = _drafted(project, prompt, draft.text)
    try:
        save(project.folder, prompt.file, draft.text, based_on=draft.based_on, shipped=prompt.shipped)
    except ChangedMeanwhile as error:
        current = {"text": error.now.text, "revision": error.now.revision}
        body = {**problems.from_error(error).plain(), "current": current}
        return JSONResponse(body, error.status, media_type=problems.MEDIA_TYPE)
    # kept also where a label serves, so that the label can be put on it
    prompt.versions.seen(prompt.name, drafted.version, drafted.compiled.kept)
    return _detail(project, prompt)


@router.post("/{name}/patch", response_class=Response)
def as_patch(name: str, draft: Patching, project: ProjectHere) -> Response:
    """What a draft changes, as a patch that `git apply` takes."""
    prompt = _find(project, name)
    now = file_now(project.folder, prompt.file, prompt.shipped)
    headers = {"content-disposition": f'attachment; filename="{prompt.name}.patch"'}
    return Response(patch(prompt.file, now.text, draft.text), media_type="text/x-diff", headers=headers)


def _find(project: Project, name: str) -> Prompt[..., Any]:
    if name not in project.prompts:
        raise NotFound(
            f"there is no prompt {name!r} in {project.app.title!r}", hint=did_you_mean(name, list(project.prompts))
        )
    return project.prompts[name]


def _detail(project: Project, prompt: Prompt[..., Any]) -> PromptDetail:
    prompt.compiled  # noqa: B018  a file that was saved is noticed here, and its version kept
    project.database.flush()
    models = {
        each.model: each
        for route in project.models.route_info()
        for each in route.models
        if route.name in (prompt.route, *prompt.compiled.file.settings.alternatives) or each.model == prompt.route
    }
    used = last_used(project).get(prompt.name)
    return detail(prompt, file_now(project.folder, prompt.file, prompt.shipped), list(models.values()), used)


def _drafted(project: Project, prompt: Prompt[..., Any], text: str | None) -> Prompt[..., Any]:
    """The prompt with a draft's text. Raises InputError that names the line, and the fix."""
    if text is None:
        return prompt
    try:
        return prompt.drafted(project.folder, text)
    except ProjectError as error:
        raise InputError(
            error.message,
            hint=error.hint,
            reader="The draft has a mistake, so it can't be used yet.",
            details={"file": error.file, "line": error.line},
        ) from None


def _sides(project: Project, prompt: Prompt[..., Any], asked: Cases) -> list[tuple[str, Prompt[..., Any]]]:
    draft = [] if asked.text is None else [("draft", _drafted(project, prompt, asked.text))]
    return [("current", prompt), *draft]


def _cases(prompt: Prompt[..., Any]) -> Any:
    try:
        return cases_of(prompt)
    except ProjectError as error:
        raise InputError(error.message, hint=error.hint, reader="This prompt has no cases yet.") from None


async def _previews(project: Project, prompt: Prompt[..., Any], given: dict[str, Any]) -> list[Preview]:
    arguments = prompt.compiled.arguments((), given)
    return project.models.preview(prompt.route, await prompt.requested(**arguments))


async def _worst(project: Project, sides: list[tuple[str, Prompt[..., Any]]], repeats: int) -> Cost:
    """The dearest usable model of the route for every case, and every re-ask that the prompt allows."""
    calls, total = 0, 0
    known = True
    for _, prompt in sides:
        again = calls_at_most(prompt)
        for case in _cases(prompt):
            previews = project.models.preview(prompt.route, await prompt.requested(**case.arguments))
            costs = [each.worst_nano for each in previews if not each.problem]
            known = known and None not in costs
            calls += repeats * again
            total += repeats * again * max((cost or 0 for cost in costs), default=0)
    return Cost(calls=calls, worst_nano=total if known else None)


def _tried(model: str, answer: Answer) -> Tried:
    record = answer.record
    return Tried(
        model=model,
        answered_by=record.model,
        output=answer.output,
        how=record.how,
        mended=list(record.mended),
        seconds=answer.seconds,
        input_tokens=record.usage.input_tokens,
        output_tokens=record.usage.output_tokens,
        cost_nano=record.cost_nano if record.model else None,
        cached=record.cached,
        reasoning=record.reasoning,
        error=None if answer.failure is None else problems.from_error(answer.failure).plain(),
    )
