"""`coachwork serve`: the page and the API. Knows what comes before it and what to tell; serving is the server's."""

import webbrowser
from typing import TYPE_CHECKING, Annotated

import typer

from coachwork.cli import output
from coachwork.cli.options import ProjectOption, YesOption, load

if TYPE_CHECKING:
    from coachwork.app.project import Project
    from coachwork.server.ingests import Task


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
    """Serve the page and the API. Missing models are fetched first; changed documents are indexed while it serves."""
    loaded = load(project)
    from coachwork.cli.downloads import ensure_models
    from coachwork.server.listening import listen
    from coachwork.server.serve import serve_project
    from coachwork.tracing import log

    settings = loaded.settings
    listening = listen(host or settings.server.host, settings.server.port if port is None else port)
    try:
        ensure_models(loaded, yes=yes)
        log.configure(settings.log.level, json=settings.log.json_lines)

        def ready(address: str) -> None:
            _tell(loaded, address)
            if open_page:
                webbrowser.open(address)

        serve_project(loaded, listening, on_ready=ready, on_ingested=_tell_ingested)
    finally:
        listening.close()


def _tell(project: "Project", address: str) -> None:
    """Where it is, and what can be tried."""
    console = output.err()
    console.print(f"\n{project.app.title} is served at {address}", style="bold")
    for pipeline in project.pipelines.values():
        examples = ", ".join(f"“{example.title}”" for example in pipeline.examples[:3])
        console.print(f"  {pipeline.title}" + (f": try {examples}" if examples else ""))
    for name in project.knowledge:
        console.print(f"  {name}: looking for changed documents; until that is done answers may lack them", style="dim")
    console.print("  Ctrl-C stops it; runs that are not finished go on at the next start.", style="dim")


def _tell_ingested(name: str, task: "Task") -> None:
    """How an ingest ended: what it did, and every document that is left out with its reason."""
    from coachwork.cli.ingest import name_failures

    if task.problem is not None:
        why = f"{task.problem['detail']}\n  {task.problem.get('hint') or ''}".rstrip()
        output.err().print(f"! {name}: its documents were not read: {why}", style="red", markup=False)
    elif task.report is not None:
        output.err().print(f"  {name}: {task.report}", style="dim", markup=False)
        name_failures(name, task.report.failed)
