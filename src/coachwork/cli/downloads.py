"""Local model files: which a project needs, asking before they are fetched, and the bar. Knows people and terminals.

What is where, and whether its bytes are right, is known below: `Models.missing`, `Models.pull`.
"""

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import typer

from coachwork.cli import exits, output
from coachwork.errors import ModelUnavailable

if TYPE_CHECKING:
    from coachwork.app.project import Project
    from coachwork.models import Models
    from coachwork.providers.catalogue import Weights
    from coachwork.providers.weights import Progress


def needed(
    project: "Project", *, kinds: frozenset[str] = frozenset({"chat", "embed", "transcribe"})
) -> "list[Weights]":
    """The missing files of the models that this project's prompts, documents and recordings are given to."""
    routes = set(_routes(project))
    names = set()
    for route in project.models.route_info():
        first = next((model for model in route.models if model.usable or model.size), None)
        if route.name in routes and first is not None and not first.usable:
            names.add(first.model)
    return [found for found in project.models.missing() if found.model in names and found.kind in kinds]


def _routes(project: "Project") -> Iterator[str]:
    """The routes a project uses, as far as its declarations tell."""
    for prompt in project.prompts.values():
        yield from prompt.compiled.routes
    for name in project.knowledge:
        config = project.settings.knowledge.get(name)
        yield config.embed if config else "embed"
    if any(_takes_sound(pipeline.input_schema) for pipeline in project.pipelines.values()):
        yield "transcribe"


def _takes_sound(schema: Any) -> bool:
    if isinstance(schema, dict):
        return str(schema.get("contentMediaType", "")).startswith("audio/") or any(map(_takes_sound, schema.values()))
    return isinstance(schema, list) and any(map(_takes_sound, schema))


def ensure_models(project: "Project", *, yes: bool, only: str = "") -> None:
    """Fetch what `needed` names, after showing size and licence and asking.

    Raises ModelUnavailable where nobody can be asked, typer.Exit where a person declines.
    """
    missing = needed(project, kinds=frozenset({only})) if only else needed(project)
    if not missing:
        return
    console = output.err()
    console.print("Not on this machine yet:")
    for weights in missing:
        console.print(f"  {describe(weights)}")
    if not yes:
        if not (sys.stdin.isatty() and sys.stderr.isatty()):
            raise ModelUnavailable(
                f"{', '.join(weights.model for weights in missing)}: not on this machine, and nobody can be asked here",
                hint="Fetch them first: coachwork models pull --needed   (or say yes beforehand: --yes)",
            )
        if not typer.confirm(
            f"Fetch {output.size(sum(weights.size for weights in missing))} now?", default=True, err=True
        ):
            console.print("Nothing was fetched. Later: coachwork models pull --needed")
            raise typer.Exit(exits.UNAVAILABLE)
    for weights in missing:
        pull(project.models, weights)


def describe(weights: "Weights") -> str:
    """What a person should know before fetching: name, size, licence, where it is published, what it is."""
    return (
        f"{weights.model}: {output.size(weights.size)}, licence {weights.licence}, {weights.source} ({weights.about})"
    )


def pull(models: "Models", weights: "Weights") -> str:
    """Fetch and verify one model with a progress bar; gives its folder. Raises DownloadError, DiskFull."""
    console = output.err()
    try:
        folder = _with_bar(models, weights) if sys.stderr.isatty() else _with_lines(models, weights)
    except KeyboardInterrupt:
        console.print(f"Stopped. What was fetched of {weights.model} is kept; the same command goes on there.")
        raise
    console.print(f"{weights.model} is here, verified by SHA-256: {folder}", style="dim")
    return folder


def _with_bar(models: "Models", weights: "Weights") -> str:
    with output.download_progress() as display:
        task = display.add_task(weights.model, total=weights.size)

        def show(at: "Progress") -> None:
            display.update(task, completed=at.done, description=_doing(at))

        return str(models.pull(weights.model, show))


def _with_lines(models: "Models", weights: "Weights") -> str:
    """For logs: a line where the phase or the place changes and at every tenth of the bytes."""
    console, said = output.err(), set[tuple[str, str, int]]()

    def show(at: "Progress") -> None:
        tenth = 10 * at.done // max(at.total, 1)
        if (key := (at.phase, at.place, tenth)) not in said:
            said.add(key)
            console.print(f"{_doing(at)}: {10 * tenth} % of {output.size(at.total)}")

    return str(models.pull(weights.model, show))


def _doing(at: "Progress") -> str:
    words = {"waiting": "waiting for another process to fetch", "fetching": "fetching", "verifying": "verifying"}
    place = f" from {at.place}" if at.place and at.phase == "fetching" else ""
    return f"{words[at.phase]} {at.model}{place}"
