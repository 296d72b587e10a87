"""`coachwork models`: routes and their models, fetching local ones, asking each a question. Knows what is shown."""

import asyncio
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from coachwork.cli import exits, models_text, output
from coachwork.cli.options import JsonOption, ProjectOption, load, project_folder
from coachwork.errors import InputError, ModelUnavailable, ProjectError

if TYPE_CHECKING:
    from coachwork.models import ModelCheck, ModelInfo, Models, RouteInfo

app = typer.Typer(no_args_is_help=True, help="List models, fetch local ones, check that they answer.")


@app.command("list")
def list_models(project: ProjectOption = None, as_json: JsonOption = False) -> None:
    """List the routes and their models: which answers, why others do not, prices and limits, budgets."""
    found = _models(project)
    routes, budgets = found.route_info(), found.config.budgets
    if as_json:
        output.print_json({"routes": routes, "budgets": budgets, "local": found.local_models()})
        return
    models_text.print_routes(output.out(), routes)
    models_text.print_budgets(output.out(), budgets)


@app.command("pull")
def pull_models(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[MODEL]...", help="Local models, e.g. local:minilm.")
    ] = None,
    needed: Annotated[bool, typer.Option("--needed", help="Everything this project needs and lacks.")] = False,
    project: ProjectOption = None,
    as_json: JsonOption = False,
) -> None:
    """Fetch local models and verify them whole. An interrupted download goes on where it stopped."""
    from coachwork.cli import downloads

    if bool(names) == needed:
        raise InputError("name the models to fetch, or say --needed", hint="coachwork models list shows them.")
    if needed:
        loaded = load(project)
        source, wanted = loaded.models, downloads.needed(loaded)
    else:
        source = _models(project)
        wanted = [source.weights(name) for name in names or []]
    folders = {}
    for weights in wanted:
        output.err().print(downloads.describe(weights))
        folders[weights.model] = downloads.pull(source, weights)
    if as_json:
        output.print_json({"models": [{"model": name, "folder": folder} for name, folder in folders.items()]})
    elif not wanted:
        output.err().print("Everything that is needed is here.")


@app.command("check")
def check_models(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[MODEL]...", help="Only these, e.g. openai:gpt-5-mini.")
    ] = None,
    project: ProjectOption = None,
    as_json: JsonOption = False,
) -> None:
    """Ask each usable model one tiny real question: does it answer, how fast, at what cost, what can it do.

    A model that costs money is paid for its answer: a small part of a cent. Exit code 5 where a model does
    not answer, or a route of the project has none that can be asked.
    """
    loaded = load(project)
    unserved = [] if names else [route for route in loaded.models.route_info() if route.declared and not route.first]

    async def ask() -> "list[ModelCheck]":
        try:
            return await loaded.models.check(names or None)
        finally:
            await loaded.close()

    checks = asyncio.run(ask())
    if not checks:
        raise ModelUnavailable("no model of this project can be asked", hint="coachwork models list says why.")
    known = {model: _info(loaded.models, model) for model in dict.fromkeys(check.model for check in checks)}
    if as_json:
        output.print_json(_told(checks, known, unserved))
    else:
        models_text.print_checks(output.out(), checks, known, unserved)
    if unserved or not all(check.ok for check in checks):
        raise typer.Exit(exits.UNAVAILABLE)


def _told(
    checks: "list[ModelCheck]", known: "dict[str, ModelInfo]", unserved: "list[RouteInfo]"
) -> dict[str, list[dict[str, Any]]]:
    models = []
    for check in checks:
        can = models_text.abilities(known[check.model]) if check.kind == "chat" else {}
        cost = None if check.cost_nano is None else check.cost_nano / 1e9
        models.append({**output.plain(check), "cost_usd": cost, "can": can})
    return {"models": models, "routes_without_model": [{"route": route.name} for route in unserved]}


def _info(models: "Models", model: str) -> "ModelInfo":
    from coachwork.models.overview import model_info

    return model_info(model, models.config, models.providers, os.environ)


def _models(project: Path | None) -> "Models":
    """The models of the project's settings, or as shipped outside of any project; its app.py is not needed."""
    from coachwork.app.project import cache_folder
    from coachwork.app.settings import read_settings
    from coachwork.models import Models, ModelsConfig

    try:
        config = read_settings(project_folder(project)).model_room
    except ProjectError:
        if project is not None or _inside_a_project():
            raise
        config = ModelsConfig()
    return Models(config, database=None, cache_dir=cache_folder(os.environ), environ=os.environ)


def _inside_a_project() -> bool:
    try:
        project_folder(None)
    except ProjectError:
        return False
    return True
