"""What can be told about the routes without asking a model: usable or why not, prices, sizes, and what is wrong.

Knows settings, keys and files; for a real question to each model there is `check.py`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from coachwork.errors import Finding, MissingKey, ModelError, ModelUnavailable, UnknownModel
from coachwork.models.config import ModelsConfig
from coachwork.models.prices import known, per_million, suggestion, tariff_of
from coachwork.models.routes import Target, find, why_not
from coachwork.providers.local import LocalModels
from coachwork.providers.wire import Kind, Provider

RESERVED = {"local", "fake"}
Why = Literal["", "no-key", "not-here", "wrong"]
_ATTO = 10**9  # 1e-18 USD, in which tariffs are, in 1e-9 USD


@dataclass(frozen=True)
class ModelInfo:
    """One model of a route. `why` is why it can't be asked, "" where it can; `problem` and `hint` say it in words.

    Prices are nano-dollars a million tokens, a minute of sound, an image, a search; None where there is none or it
    is unknown, 0 where it is free. `context` in tokens, `size` in bytes. `schema`, `tools`, `thinking`, `media` and
    `streams` are what the model can do, as `Abilities` has it; limits are None where nothing is limited.
    """

    model: str
    kinds: tuple[Kind, ...]
    usable: bool
    why: Why = ""
    problem: str = ""
    hint: str = ""
    free: bool = False
    input_nano_per_million: int | None = None
    output_nano_per_million: int | None = None
    minute_nano: int | None = None
    image_nano: int | None = None
    search_nano: int | None = None
    context: int | None = None
    schema: Literal["native", "tool", "prompted"] = "prompted"
    tools: Literal["native", "schema"] = "schema"
    thinking: bool = False
    media: tuple[str, ...] = ()
    streams: bool = True
    at_once: int | None = None
    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    size: int | None = None
    licence: str = ""
    source: str = ""
    place: str = ""


@dataclass(frozen=True)
class RouteInfo:
    """A route, its models in order, and which of them answers first ("" where none can). Times in seconds.

    `declared` is False for a route as shipped.
    """

    name: str
    models: tuple[ModelInfo, ...]
    first: str
    declared: bool
    first_token_seconds: float
    total_seconds: float
    max_tokens: int
    retries: int
    hedge_seconds: float | None = None
    cache: Literal["off", "exact", "semantic"] = "off"
    cache_seconds: float = 0


def route_info(
    config: ModelsConfig, providers: Mapping[str, Provider], environ: Mapping[str, str], *, faked: str = ""
) -> list[RouteInfo]:
    """Every route, those of the settings first, with what its models are and whether they can be asked.

    `faked` names the fake that answers every chat question in this process: it stands before all others.
    """
    names = dict.fromkeys((*config.routes, *config.all_routes))
    return [_route_info(name, config, providers, environ, faked) for name in names]


def _route_info(
    name: str, config: ModelsConfig, providers: Mapping[str, Provider], environ: Mapping[str, str], faked: str
) -> RouteInfo:
    limits = config.all_routes[name]
    models = tuple(model_info(model, config, providers, environ) for model in limits.models)
    first = next((model.model for model in models if model.usable), "")
    if faked and any("chat" in model.kinds for model in models):
        first = faked
        if faked not in limits.models:
            models = (model_info(faked, config, providers, environ), *models)
    return RouteInfo(
        name,
        models,
        first,
        name in config.routes,
        limits.first_token_seconds,
        limits.total_seconds,
        limits.max_tokens,
        limits.retries,
        limits.hedge_seconds,
        limits.cache,
        limits.cache_seconds,
    )


def model_info(
    model: str, config: ModelsConfig, providers: Mapping[str, Provider], environ: Mapping[str, str]
) -> ModelInfo:
    """One model, `provider:name`, in a route or not."""
    try:
        target = find(model, config, providers)
    except UnknownModel as error:
        return ModelInfo(model, (), False, "wrong", error.message, error.hint)
    problem = why_not(target, None, environ)
    abilities, limits = target.provider.abilities(target.name), target.settings
    info = {
        "model": model,
        "kinds": tuple(sorted(abilities.kinds)),
        "usable": problem is None,
        "why": _why(problem),
        "problem": problem.message if problem else "",
        "hint": problem.hint if problem else "",
        "context": limits.context or abilities.context,
        "schema": abilities.schema,
        "tools": abilities.tools,
        "thinking": abilities.thinking,
        "media": abilities.media,
        "streams": abilities.streams,
        "at_once": limits.at_once or abilities.at_once,
        "requests_per_minute": limits.requests_per_minute,
        "tokens_per_minute": limits.tokens_per_minute,
    }
    if isinstance(target.provider, LocalModels):
        weights, place = target.provider.weights(target.name), target.provider.place(target.name)
        info["place"] = str(place) if place else ""
        if weights:
            info |= {"size": weights.size, "licence": weights.licence, "source": weights.source}
    return ModelInfo(**info, **_prices(target))  # type: ignore[arg-type]


def _why(problem: ModelError | None) -> Why:
    if problem is None:
        return ""
    return (
        "no-key"
        if isinstance(problem, MissingKey)
        else "not-here"
        if isinstance(problem, ModelUnavailable)
        else "wrong"
    )


def _prices(target: Target) -> dict[str, int | bool | None]:
    """The fields of ModelInfo that tell what a model costs now; where its price depends on size, the lowest."""
    tariff = tariff_of(target)
    if tariff is None:
        return {"free": False}
    into, out = per_million(target)
    found = {
        "input_nano_per_million": into,
        "output_nano_per_million": out,
        "minute_nano": None if tariff.hour is None else _nano(tariff.hour / 60),
        "image_nano": None if tariff.image is None else _nano(tariff.image),
        "search_nano": None if tariff.search is None else _nano(tariff.search),
    }
    return {**found, "free": not tariff.request and not any(found.values())}


def _nano(atto: float) -> int:
    return round(atto / _ATTO)


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
