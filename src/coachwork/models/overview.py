"""What can be told about the routes without asking a model: usable or why not, prices, sizes, and what is wrong.

Knows settings, keys and files; for a real question to each model there is `check.py`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from coachwork.errors import Finding, MissingKey, ModelUnavailable, UnknownModel
from coachwork.models.config import ModelsConfig
from coachwork.models.prices import known, per_million, suggestion
from coachwork.models.routes import Target, find, why_not
from coachwork.providers.local import LocalModels
from coachwork.providers.wire import Kind, Provider

RESERVED = {"local", "fake"}


@dataclass(frozen=True)
class ModelInfo:
    """One model of a route. Prices in nano-dollars a million tokens, None where unknown; `size` in bytes."""

    model: str
    kinds: tuple[Kind, ...]
    usable: bool
    problem: str
    hint: str
    input_nano_per_million: int | None
    output_nano_per_million: int | None
    context: int | None
    size: int | None = None
    licence: str = ""
    source: str = ""
    place: str = ""


@dataclass(frozen=True)
class RouteInfo:
    """A route, its models in order, and which of them answers first."""

    name: str
    models: tuple[ModelInfo, ...]
    first: str
    declared: bool
    first_token_seconds: float
    total_seconds: float
    max_tokens: int
    retries: int


def route_info(config: ModelsConfig, providers: Mapping[str, Provider], environ: Mapping[str, str]) -> list[RouteInfo]:
    """Every route, with what its models are and whether they can be asked."""
    found = []
    for name, limits in config.all_routes.items():
        models = tuple(_model_info(model, config, providers, environ) for model in limits.models)
        found.append(
            RouteInfo(
                name,
                models,
                next((model.model for model in models if model.usable), ""),
                name in config.routes,
                limits.first_token_seconds,
                limits.total_seconds,
                limits.max_tokens,
                limits.retries,
            )
        )
    return found


def _model_info(
    model: str, config: ModelsConfig, providers: Mapping[str, Provider], environ: Mapping[str, str]
) -> ModelInfo:
    try:
        target = find(model, config, providers)
    except UnknownModel as error:
        return ModelInfo(model, (), False, error.message, error.hint, None, None, None)
    problem = why_not(target, None, environ)
    abilities = target.provider.abilities(target.name)
    into, out = per_million(target)
    info = {
        "model": model,
        "kinds": tuple(sorted(abilities.kinds)),
        "usable": problem is None,
        "problem": problem.message if problem else "",
        "hint": problem.hint if problem else "",
        "input_nano_per_million": into,
        "output_nano_per_million": out,
        "context": abilities.context,
    }
    if isinstance(target.provider, LocalModels):
        weights, place = target.provider.weights(target.name), target.provider.place(target.name)
        info["place"] = str(place) if place else ""
        if weights:
            info |= {"size": weights.size, "licence": weights.licence, "source": weights.source}
    return ModelInfo(**info)  # type: ignore[arg-type]


def findings(config: ModelsConfig, providers: Mapping[str, Provider], environ: Mapping[str, str]) -> list[Finding]:
    """What is wrong, or worth knowing, in the routes: for load-time checks and `coachwork doctor`."""
    found = [
        _finding("models.E004", "error", f"The name of the provider {name!r} is taken.", "Choose another name.", name)
        for name in config.providers
        if name in RESERVED
    ]
    for name, limits in config.all_routes.items():
        where = f"[routes.{name}]"
        usable = 0
        problems: list[Finding] = []
        for model in limits.models:
            try:
                target = find(model, config, providers)
            except UnknownModel as error:
                found.append(_finding("models.E001", "error", error.message, error.hint, where))
                continue
            problem = why_not(target, None, environ)
            usable += problem is None
            if isinstance(problem, MissingKey):
                problems.append(_finding("models.I001", "info", problem.message, problem.hint, where))
            elif isinstance(problem, ModelUnavailable):
                problems.append(_finding("models.W002", "warning", problem.message, problem.hint, where))
            elif problem is not None:
                found.append(_finding("models.E002", "error", problem.message, problem.hint, where))
            found.extend(_price_findings(target, where))
        found.extend(problems)
        if not usable and problems and all(problem.id == "models.I001" for problem in problems):
            message = f"No model of the route {name!r} can be asked: every API key is missing."
            found.append(_finding("models.E003", "error", message, problems[0].hint, where))
    found.extend(_unused_settings(config, providers))
    return list(dict.fromkeys(found))


def _price_findings(target: Target, where: str) -> list[Finding]:
    if not target.provider.billed or known(target):
        return []
    near = suggestion(target)
    line = f'[models."{target.model}"] input_usd_per_million = …, output_usd_per_million = …'
    if near and near.startswith("Did you mean"):
        message = f"{target.model!r} is no model that the price table knows."
        return [_finding("models.W001", "warning", message, f"{near} If the name is right, add: {line}", where)]
    message = f"The price of {target.model!r} is unknown, so its calls show no cost."
    return [_finding("models.W003", "warning", message, f"Add to coachwork.toml: {line}", where)]


def _unused_settings(config: ModelsConfig, providers: Mapping[str, Provider]) -> list[Finding]:
    found = []
    for model in config.models:
        try:
            find(model, config, providers)
        except UnknownModel as error:
            found.append(_finding("models.E001", "error", error.message, error.hint, f'[models."{model}"]'))
    return found


def _finding(id: str, level: Literal["error", "warning", "info"], message: str, hint: str, where: str) -> Finding:
    return Finding(id=id, level=level, message=message, hint=hint, where=where)
