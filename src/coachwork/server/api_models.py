"""Which models answer behind each route, how they fare and what they cost; and a question to one of them.

Knows how the page is told of them; what is true of them is `models`' to say.
"""

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Literal

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict

from coachwork.errors import InputError, NotFound, did_you_mean
from coachwork.models import ModelHealth, ModelInfo, RouteInfo
from coachwork.pipelines.views import Page
from coachwork.providers.wire import Kind
from coachwork.server.served import ProjectHere

router = APIRouter(prefix="/api/models", tags=["models"])

ModelState = Literal["ready", "resting", "trying", "no-key", "not-here", "wrong"]


class Can(BaseModel):
    """What a model can do, as data: it was not tried. `context` in tokens, `media` are prefixes of media types.

    `schema`: its answer is held to a schema by its own decoder (`native`), by a tool, or by asking (`prompted`).
    `tools`: it asks for a tool by its own wire (`native`), or well only under a schema.
    """

    schema_: Literal["native", "tool", "prompted"]
    tools: Literal["native", "schema"]
    thinking: bool
    streams: bool
    media: list[str]
    context: int | None

    model_config = ConfigDict(
        alias_generator=lambda name: name.rstrip("_"), validate_by_name=True, serialize_by_alias=True
    )


class Price(BaseModel):
    """What a model costs now, in 1e-9 US dollars; None where there is no such price, or it is unknown."""

    free: bool
    input_nano_per_million: int | None
    output_nano_per_million: int | None
    minute_nano: int | None
    image_nano: int | None
    search_nano: int | None


class ModelLimits(BaseModel):
    """How much a model is asked; who comes too soon waits. None where nothing is limited."""

    at_once: int | None
    requests_per_minute: int | None
    tokens_per_minute: int | None


class ModelFile(BaseModel):
    """The file of a model on this machine: bytes, and the licence it is under."""

    size: int | None
    licence: str


class Health(BaseModel):
    """How a model fared since this server started. `failures` are those in a row, `failed` of `calls` all of them.

    `first_token_seconds` is the median of its last calls.
    """

    failures: int
    retry_in_seconds: float
    calls: int
    failed: int
    last_error: str
    last_error_at: datetime | None
    first_token_seconds: float | None


class RouteModel(BaseModel):
    """One model of a route. `state` says whether it is asked now, `problem` and `hint` why not and what to do.

    `resting`: it failed so often that it is left alone; `trying`: one call looks whether it is well again.
    """

    model: str
    state: ModelState
    problem: str
    hint: str
    kinds: list[Kind]
    can: Can
    price: Price
    limits: ModelLimits
    file: ModelFile | None
    health: Health | None


class RouteLimits(BaseModel):
    """The limits of one call. Times in seconds; without `hedge_seconds` no second model is asked beside the first."""

    first_token_seconds: float
    total_seconds: float
    max_tokens: int
    retries: int
    hedge_seconds: float | None
    cache: Literal["off", "exact", "semantic"]
    cache_seconds: float


class RouteView(BaseModel):
    """A route: its models in the order they are asked. `answers` names the one that is asked first now, "" for none.

    `declared` is False for a route as shipped.
    """

    name: str
    declared: bool
    answers: str
    models: list[RouteModel]
    limits: RouteLimits


class Question(BaseModel):
    model_config = ConfigDict(extra="forbid")

    model: str


class Outcome(BaseModel):
    """How a model did at one kind of work. `answer` is its text or what came, `problem` why it failed.

    Times in seconds, cost in 1e-9 US dollars, None where the price is unknown or nothing came. `streamed`: it
    was seen to come in pieces, None where that can't be told from so short an answer.
    """

    kind: Kind
    ok: bool
    answer: str
    seconds: float
    first_token_seconds: float | None
    cost_nano: int | None
    problem: str
    hint: str
    streamed: bool | None = None


class Tested(BaseModel):
    model: str
    checks: list[Outcome]


@router.get("")
async def list_routes(project: ProjectHere) -> Page[RouteView]:
    """Every route with its models in order: whether each can be asked, how it fares, its price and its limits."""
    healths = {found.model: found for found in project.models.health()}
    return Page(items=[_route(route, healths) for route in project.models.route_info()])


@router.post("/check")
async def check(question: Question, project: ProjectHere) -> Tested:
    """Ask one model of the routes one tiny real question for each kind of work it does.

    It is asked, booked and paid for like any other call: on a model that costs money, a small part of a cent.
    """
    routes = project.models.route_info()
    known = {model.model: model for route in routes for model in route.models}
    if question.model not in known:
        raise NotFound(
            f"no route names the model {question.model!r}, so it is not asked",
            hint=did_you_mean(question.model, sorted(known)),
        )
    fakes = {route.first for route in routes if route.first.startswith("fake:")}
    if fakes and question.model not in fakes and "chat" in known[question.model].kinds:
        raise InputError(
            f"{question.model!r} would not be asked: {', '.join(fakes)} answers every chat question of this server",
            hint="Unset COACHWORK_FAKE_MODEL to ask real models.",
            reader="A fake model answers every question on this server, so this model can't be tested here.",
        )
    checks = await project.models.check([question.model])
    fields = Outcome.model_fields
    return Tested(
        model=question.model,
        checks=[
            Outcome(**{name: value for name, value in asdict(found).items() if name in fields}) for found in checks
        ],
    )


def _route(route: RouteInfo, healths: dict[str, ModelHealth]) -> RouteView:
    models = [_model(model, healths.get(model.model)) for model in route.models]
    asked = [model.model for model in models if model.state == "ready"]
    answers = route.first if route.first in asked else next(iter(asked), "")
    return RouteView(
        name=route.name,
        declared=route.declared,
        answers=answers,
        models=models,
        limits=RouteLimits.model_validate(route, from_attributes=True),
    )


def _model(info: ModelInfo, health: ModelHealth | None) -> RouteModel:
    return RouteModel(
        model=info.model,
        state=state(info, health),
        problem=info.problem,
        hint=info.hint,
        kinds=list(info.kinds),
        can=Can(
            schema_=info.schema,
            tools=info.tools,
            thinking=info.thinking,
            streams=info.streams,
            media=list(info.media),
            context=info.context,
        ),
        price=Price.model_validate(info, from_attributes=True),
        limits=ModelLimits.model_validate(info, from_attributes=True),
        file=ModelFile(size=info.size, licence=info.licence) if info.size is not None else None,
        health=None if health is None else _health(health),
    )


def state(info: ModelInfo, health: ModelHealth | None) -> ModelState:
    """Whether a model is asked now: what the settings say, then how it fares."""
    if info.why:
        return info.why
    if health is None or health.state == "closed":
        return "ready"
    return "resting" if health.state == "open" else "trying"


def _health(health: ModelHealth) -> Health:
    at = health.last_error_at
    return Health(
        failures=health.failures,
        retry_in_seconds=health.retry_in,
        calls=health.calls,
        failed=health.failed,
        last_error=health.last_error,
        last_error_at=None if at is None else datetime.fromtimestamp(at, UTC),
        first_token_seconds=health.first_token_p50,
    )
