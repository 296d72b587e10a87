"""A route's name becomes the models that can be asked now, in order. Knows settings and keys; asks nobody.

Resolved at every call, so a key that is set or a file that is fetched counts from then on.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from coachwork.errors import MissingKey, ModelError, UnknownModel, did_you_mean
from coachwork.models.config import ModelConfig, ModelsConfig, RouteConfig
from coachwork.providers.wire import Kind, Provider

_DOES: dict[Kind, str] = {
    "chat": "answer",
    "embed": "make embeddings",
    "transcribe": "listen to recordings",
    "moderate": "judge texts",
    "rerank": "rank passages",
}


@dataclass(frozen=True)
class Target:
    """One model of a route. `model` is `provider:name`, `name` what the provider calls it."""

    model: str
    name: str
    provider: Provider
    settings: ModelConfig


@dataclass(frozen=True)
class Route:
    """What one call may use: the models that can be asked, best first, those that can't and why, and its limits."""

    name: str
    targets: tuple[Target, ...]
    passed_over: tuple[ModelError, ...]
    limits: RouteConfig


def resolve(
    name: str,
    kind: Kind,
    config: ModelsConfig,
    providers: Mapping[str, Provider],
    environ: Mapping[str, str],
    alternatives: Sequence[str] = (),
) -> Route:
    """The route of that name, or a route of one for a literal `provider:name`.

    The models of the routes `alternatives` follow behind its own, within its limits.

    Raises UnknownModel, or, where no model of it can be asked, MissingKey or what else stands in the way.
    """
    limits = limits_of(name, config)
    if alternatives:
        models = [model for each in (name, *alternatives) for model in limits_of(each, config).models]
        limits = limits.model_copy(update={"models": list(dict.fromkeys(models))})
    targets, passed = [], []
    for model in limits.models:
        target = find(model, config, providers)
        problem = why_not(target, kind, environ)
        if problem is None:
            targets.append(target)
        else:
            passed.append(problem)
    if not targets:
        raise _none_left(name, passed)
    return Route(name, tuple(targets), tuple(passed), limits)


def limits_of(name: str, config: ModelsConfig) -> RouteConfig:
    """A route's settings. Raises UnknownModel with the nearest name."""
    routes = config.all_routes
    if name in routes:
        return routes[name]
    if ":" in name:
        return RouteConfig(models=[name])
    raise UnknownModel(
        f"There is no route {name!r}.",
        hint=f'{did_you_mean(name, list(routes))} Or add to coachwork.toml: [routes.{name}] models = ["provider:name"]',
    )


def find(model: str, config: ModelsConfig, providers: Mapping[str, Provider]) -> Target:
    """The provider of a `provider:name`. Raises UnknownModel."""
    provider, colon, name = model.partition(":")
    if not colon or not name:
        raise UnknownModel(
            f"{model!r} is no model.", model=model, hint="A model is written provider:name, as in openai:gpt-5-mini."
        )
    if provider == "fake" and provider not in providers:
        raise UnknownModel(
            f"{model!r} is a fake, and none is installed.",
            model=model,
            hint="The fake model is for tests: Models(..., extra_providers={'fake': FakeModel(...)}).",
        )
    if provider not in providers:
        known = sorted(providers)
        raise UnknownModel(
            f"There is no provider {provider!r} (in {model!r}).",
            model=model,
            hint=f"{did_you_mean(provider, known)} A server that speaks OpenAI's wire is added in coachwork.toml: "
            f'[providers.{provider}] base_url = "http://…/v1"',
        )
    return Target(model, name, providers[provider], config.models.get(model) or ModelConfig())


def why_not(target: Target, kind: Kind | None, environ: Mapping[str, str]) -> ModelError | None:
    """Why a model can't be asked for this kind of work, None where it can."""
    keys = target.provider.keys
    if keys and not any(environ.get(key) for key in keys):
        names = " or ".join(keys)
        return MissingKey(
            f"{target.model!r} needs an API key, and {names} is not set.",
            model=target.model,
            hint=f"Set it: export {keys[0]}=…",
        )
    if problem := target.provider.problem(target.name):
        return problem
    kinds = target.provider.abilities(target.name).kinds
    if kind is not None and kind not in kinds:
        return UnknownModel(
            f"{target.model!r} can't {_DOES[kind]}; "
            f"it can {', '.join(_DOES[can] for can in sorted(kinds)) or 'do nothing that is asked for here'}.",
            model=target.model,
            hint="Name another model in this route.",
        )
    return None


def _none_left(name: str, passed: list[ModelError]) -> ModelError:
    """The one error when nothing of a route can be asked; MissingKey names every variable that would help."""
    if len(passed) == 1:
        return passed[0]
    reasons = "".join(f"\n  {error.message}" for error in passed)
    kind = MissingKey if any(isinstance(error, MissingKey) for error in passed) else type(passed[-1])
    return kind(
        f"No model of the route {name!r} can be asked:{reasons}",
        model=passed[0].model,
        hint=" Or: ".join(dict.fromkeys(error.hint for error in passed if error.hint)),
    )
