"""`coachwork serve`: the page and the API. Knows what comes before it and what to tell; serving is the server's."""

import asyncio
import webbrowser
from typing import TYPE_CHECKING, Annotated

import typer

from coachwork.cli import output
from coachwork.cli.options import ProjectOption, YesOption, load

if TYPE_CHECKING:
    from coachwork.app.project import Project


def serve(
    host: Annotated[
        str | None, typer.Option(help="The address to listen on. Default: coachwork.toml, else 127.0.0.1.")
    ] = None,
    port: Annotated[
        int | None, typer.Option(help="The port. Default: coachwork.toml, else 8000.", min=0, max=65535)
    ] = None,
    open_page: Annotated[bool, typer.Option("--open", help="Open the page in the browser.")] = False,
    yes: YesOption = False,
    project: ProjectOption = None,
) -> None:
    """Serve the page and the API. Models that are missing are fetched and changed documents indexed first."""
    loaded = load(project)
    from coachwork.server.listening import listen
    from coachwork.server.serve import serve_project
    from coachwork.tracing import log

    settings = loaded.settings
    listening = listen(host or settings.server.host, settings.server.port if port is None else port)
    try:
        prepare(loaded, yes=yes)
        log.configure(settings.log.level, json=settings.log.json_lines)

        def ready(address: str) -> None:
            _tell(loaded, address)
            if open_page:
                webbrowser.open(address)

        serve_project(loaded, listening, on_ready=ready)
    finally:
        listening.close()


def prepare(project: "Project", *, yes: bool) -> None:
    """Fetch the local models that the project needs, and index what changed."""
    from coachwork.cli.downloads import ensure_models
    from coachwork.cli.ingest import ingest_all

    ensure_models(project, yes=yes)
    if project.knowledge:
        for name, report in asyncio.run(ingest_all(project, list(project.knowledge))).items():
            output.err().print(f"{name}: {report}", style="dim")


def _tell(project: "Project", address: str) -> None:
    """Where it is, and what can be tried."""
    console = output.err()
    console.print(f"\n{project.app.title} is served at {address}", style="bold")
    for pipeline in project.pipelines.values():
        examples = ", ".join(f"“{example.title}”" for example in pipeline.examples[:3])
        console.print(f"  {pipeline.title}" + (f": try {examples}" if examples else ""))
    console.print("  Ctrl-C stops it; runs that are not finished go on at the next start.", style="dim")
