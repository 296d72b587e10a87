"""A prompt file bound to a function's types: checked once, then rendered to requests. Pure: no disk, no model.

Knows which models get which form of it. How one form looks is in `forms.py`.
"""

import dataclasses
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import TypeAdapter

from coachwork.errors import ProjectError, did_you_mean
from coachwork.messages import JsonValue, ModelRequest
from coachwork.prompts.cases import Cases, read_cases
from coachwork.prompts.examples import Embeds, Example
from coachwork.prompts.file import Line, PromptFile
from coachwork.prompts.forms import Form, Source, form_of
from coachwork.prompts.settings import Chosen, fits
from coachwork.prompts.shape import Shape
from coachwork.prompts.shown import Names, names_of, shown
from coachwork.prompts.signature import Signature
from coachwork.prompts.source import Read
from coachwork.prompts.template import Render, compile_template

__all__ = ["Compiled", "RouteModel", "Routes", "Signature", "compile_prompt"]


@dataclass(frozen=True)
class RouteModel:
    """A model of a route, `provider:name`, and whether it thinks by itself before it answers."""

    model: str
    thinks: bool = False


Routes = Mapping[str, Sequence[RouteModel]]


@dataclass(frozen=True)
class Compiled:
    """A prompt ready to be asked. `form` is for every model that has none of its own in `forms`.

    `version` is 12 hex digits of all that shapes it; `texts` are the files it is made of, by path.
    """

    file: PromptFile
    signature: Signature
    version: str
    form: Form
    forms: Mapping[str, Form]
    cases: Cases | None
    texts: Mapping[str, str]
    _label: Render

    @property
    def routes(self) -> list[str]:
        """Every route it may ask: its own, those that follow, and the one that makes vectors of its examples."""
        settings = self.file.settings
        vectors = [
            form.pool.chosen.by
            for form in (self.form, *self.forms.values())
            if form.pool.by_similarity and form.pool.chosen
        ]
        return list(
            dict.fromkeys(filter(None, (settings.route, *settings.alternatives, settings.reask_route, *vectors)))
        )

    @property
    def kept(self) -> dict[str, str]:
        """The texts that make its version: without cases that only judge it."""
        mine = any(form.pool.chosen is not None for form in (self.form, *self.forms.values()))
        return {path: text for path, text in self.texts.items() if mine or not path.endswith(".yaml")}

    @property
    def shape(self) -> Shape | None:
        return self.form.shape

    @property
    def result(self) -> TypeAdapter[Any]:
        return self.signature.result

    def form_for(self, model: str) -> Form:
        return self.forms.get(model, self.form)

    def request(self, arguments: Mapping[str, Any], nearest: Sequence[Example] | None = None) -> ModelRequest:
        """What the models of its route would receive for these arguments.

        `nearest` are the examples of `ranked`. Raises ProjectError without them where the prompt needs them.
        """
        if nearest is None and self._by_similarity() is not None:
            raise ProjectError(
                f"the examples of {self.signature.name!r} are chosen by similarity, which takes a model",
                file=self.file.path,
                line=self.file.line_of("examples"),
                hint="Use `await prompt.requested(…)`.",
            )
        key = self.signature.key(arguments) if any(form.pool for form in (self.form, *self.forms.values())) else ""
        settings, name = self.file.settings, re.sub(r"\W", "_", self.signature.name)[:60]

        def asked(form: Form) -> ModelRequest:
            request = form.request(form.messages(arguments, key, nearest or ()), name)
            return dataclasses.replace(
                request,
                seconds=settings.seconds,
                max_cost_nano=None if settings.max_cost is None else round(settings.max_cost * 1e9),
            )

        made: dict[int, ModelRequest] = {}
        for form in self.forms.values():
            made.setdefault(id(form), asked(form))
        variants = {model: made[id(form)] for model, form in self.forms.items()}
        return dataclasses.replace(asked(self.form), alternatives=tuple(settings.alternatives), variants=variants)

    async def ranked(self, models: Embeds, arguments: Mapping[str, Any]) -> list[Example] | None:
        """The examples by similarity to these arguments, None where that is not how they are chosen."""
        form = self._by_similarity()
        return None if form is None else await form.pool.ranked(models, arguments, self.signature.key(arguments))

    def _by_similarity(self) -> Form | None:
        return next((form for form in (self.form, *self.forms.values()) if form.pool.by_similarity), None)

    def label(self, arguments: Mapping[str, Any]) -> str:
        """What it is doing, in the reader's words; one line."""
        text = self._label({name: shown(value) for name, value in arguments.items()})
        return " ".join(text.split())[:120]

    def arguments(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> dict[str, Any]:
        """A call's arguments by name, validated. Raises InputError naming the field that does not fit."""
        return self.signature.arguments(args, kwargs)

    def recorded(self, arguments: Mapping[str, Any]) -> JsonValue:
        """The arguments as JSON, for the trace."""
        return self.signature.recorded(arguments)


def compile_prompt(read: Read, signature: Signature, routes: Routes) -> Compiled:
    """Check a prompt file against a function and the routes. Raises ProjectError with file, line and fix."""
    file = read.file
    models = _models(file, routes)
    names = names_of(signature.parameters)
    try:
        signature.inputs  # noqa: B018  built here, so that a type that can't be used is told with this file
    except ProjectError as error:
        raise ProjectError(error.message, file=file.path, line=1, hint=error.hint) from None
    cases = None if read.cases is None else read_cases(read.cases, read.cases_path, signature)
    form, forms = _forms(file, signature, names, cases, models)
    label_line = Line(file.settings.label, file.path, file.line_of("label"))
    return Compiled(
        file=file,
        signature=signature,
        version=_version(file, form, cases),
        form=form,
        forms=forms,
        cases=cases,
        texts=read.texts,
        _label=compile_template((label_line,), names),
    )


# ── Routes and their models ────────────────────────────────────────────────────────────────────


def _models(file: PromptFile, routes: Routes) -> list[RouteModel]:
    """Every model the prompt may be answered by, in order. Raises ProjectError for a route that is not there."""
    settings = file.settings
    _check_route(settings.route, "route", file, routes, ("route",))
    if settings.reask_route:
        _check_route(settings.reask_route, "route", file, routes, ("reask_route",))
    for index, name in enumerate(settings.alternatives):
        _check_route(name, "alternative route", file, routes, ("alternatives", index))
    for variant in (settings, *(each.settings for each in file.variants)):
        if isinstance(variant.examples, Chosen) and variant.examples.similar is not None:
            _check_route(variant.examples.by, "route of `by`", file, routes, ("examples", "by"))
    found: dict[str, RouteModel] = {}
    known = {each.model: each for models in routes.values() for each in models}
    for name in (settings.route, *settings.alternatives, *filter(None, [settings.reask_route])):
        for each in routes.get(name, ()) if name in routes else [known.get(name, RouteModel(name))]:
            found.setdefault(each.model, each)
    return list(found.values())


def _check_route(route: str, what: str, file: PromptFile, routes: Routes, place: tuple[str | int, ...]) -> None:
    if route in routes or re.fullmatch(r"[\w.-]+:\S+", route):
        return
    hint = f"{did_you_mean(route, sorted(routes))} Routes are [routes.NAME] in coachwork.toml."
    if place == ("route",) and ("route",) not in file.front.lines:
        raise ProjectError(
            "this prompt names no route, and there is none called 'default'", file=file.path, line=1, hint=hint
        )
    raise file.front.wrong(f"unknown {what} {route!r}", place, hint)


def _forms(
    file: PromptFile, signature: Signature, names: Names, cases: Cases | None, models: Sequence[RouteModel]
) -> tuple[Form, dict[str, Form]]:
    """The form for every other model, and those of the models that differ from it."""
    made: dict[tuple[tuple[int, ...], bool], Form] = {}

    def form(layers: tuple[int, ...], thinks: bool) -> Form:
        thinks = thinks and any(_tuned(file, layers[:end]).reasoning for end in (0, len(layers)))
        if (layers, thinks) not in made:
            made[layers, thinks] = form_of(_source(file, layers), file, signature, names, cases, thinks=thinks)
        return made[layers, thinks]

    other = form((), False)
    for index, variant in enumerate(file.variants):
        if models and not any(fits(variant.pattern, each.model) for each in models):
            names_of_models = ", ".join(each.model for each in models)
            place = variant.place or ("for",)
            raise variant.front.wrong(
                f"no model of this prompt fits {variant.pattern!r}", place, f"Its models are: {names_of_models}."
            )
        form((index,), False)  # checked also where another always stands above it
    forms = {}
    for each in models:
        layers = tuple(index for index, variant in enumerate(file.variants) if fits(variant.pattern, each.model))
        if (own := form(layers, each.thinks)) is not other:
            forms[each.model] = own
    return other, forms


def _tuned(file: PromptFile, layers: Sequence[int]) -> Any:
    settings: Any = file.settings
    for index in layers:
        settings = settings.changed_by(file.variants[index].settings)
    return settings


def _source(file: PromptFile, layers: Sequence[int]) -> Source:
    """Settings and sections for the models that these variants fit: the later wins."""
    path, sections, front, place = file.path, file.sections, file.front, ()
    for index in layers:
        variant = file.variants[index]
        front, place = variant.front, variant.place  # type: ignore[assignment]
        if variant.sections:
            path, sections = variant.front.path, variant.sections
    return Source(path, sections, _tuned(file, layers), front, place)


def _version(file: PromptFile, form: Form, cases: Cases | None) -> str:
    """A fingerprint of all that decides an answer, and of nothing else."""
    settings = file.settings.model_dump(mode="json", exclude={"about", "label", "on"}, exclude_defaults=True)
    parts = {
        "settings": settings,
        "sections": [[section.role, section.text] for section in file.sections],
        "variants": [
            [
                each.pattern,
                each.settings.model_dump(mode="json", exclude={"pattern"}, exclude_unset=True),
                [[section.role, section.text] for section in each.sections],
            ]
            for each in file.variants
        ],
        "schema": None if form.shape is None else form.shape.schema,
        "examples": [[each.key, each.output] for each in form.pool.examples] if form.pool.chosen else [],
        "tools": [[tool.spec.description, tool.spec.schema] for tool in form.tools],
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()[:12]
