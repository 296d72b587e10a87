"""`coachwork models`: routes and their models, fetching local ones, asking each a question. Knows the look of it."""

import asyncio
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from coachwork.cli import exits, output
from coachwork.cli.options import JsonOption, ProjectOption, load, project_folder
from coachwork.errors import InputError, ModelUnavailable, ProjectError

if TYPE_CHECKING:
    from coachwork.models import ModelCheck, ModelInfo, Models

app = typer.Typer(no_args_is_help=True, help="List models, fetch local ones, check that they answer.")


@app.command("list")
def list_models(project: ProjectOption = None, as_json: JsonOption = False) -> None:
    """List the routes and their models: which answers, why others do not, price, size and licence."""
    found = _models(project)
    routes = found.route_info()
    if as_json:
        output.print_json({"routes": routes, "local": found.local_models()})
        return
    console = output.out()
    for route in routes:
        console.print(f"{route.name}" + ("" if route.declared else "  (as shipped)"), style="bold")
        for model in route.models:
            mark, style = ("→", "green") if model.model == route.first else ("·", "") if model.usable else ("✗", "dim")
            facts = ", ".join(fact for fact in (_price(model), *_file(model)) if fact)
            console.print(f"  {mark} {model.model}" + (f"  ({facts})" if facts else ""), style=style)
            if not model.usable:
                console.print(f"      {model.problem}")
                console.print(f"      → {model.hint}")
    console.print("→ is asked first; the others of a route follow where it fails.", style="dim")


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
    """Ask each usable model one tiny real question: does it answer, how fast, at what cost."""
    loaded = load(project)

    async def ask() -> "list[ModelCheck]":
        try:
            return await loaded.models.check(names or None)
        finally:
            await loaded.close()

    checks = asyncio.run(ask())
    if not checks:
        raise ModelUnavailable("no model of this project can be asked", hint="coachwork models list says why.")
    if as_json:
        output.print_json({"models": [{**output.plain(check), "cost_usd": _usd(check)} for check in checks]})
    for check in [] if as_json else checks:
        first = f", first word after {output.duration(check.first_token_seconds)}" if check.first_token_seconds else ""
        told = f"{output.duration(check.seconds)}{first}, {output.money(_usd(check))}"
        output.out().print(f"{'✓' if check.ok else '✗'} {check.model} {check.kind}  ({told})  {check.answer}")
        if check.problem:
            output.out().print(f"    {check.problem}" + (f"\n    → {check.hint}" if check.hint else ""))
    if not all(check.ok for check in checks):
        raise typer.Exit(exits.UNAVAILABLE)


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


def _price(model: "ModelInfo") -> str:
    if model.model.startswith("local:"):
        return "free"
    if model.input_nano_per_million is None or model.output_nano_per_million is None:
        return "price unknown"
    return (
        f"${model.input_nano_per_million / 1e9:g} in, ${model.output_nano_per_million / 1e9:g} out per million tokens"
    )


def _file(model: "ModelInfo") -> list[str]:
    return [output.size(model.size), model.licence, model.place]


def _usd(check: "ModelCheck") -> float | None:
    return None if check.cost_nano is None else check.cost_nano / 1e9
