"""`coachwork ingest`: documents into the index. Knows the bar and the report; reading is the knowledge room's."""

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer

from coachwork.cli import output
from coachwork.cli.options import JsonOption, ProjectOption, YesOption, load
from coachwork.errors import InputError, did_you_mean

if TYPE_CHECKING:
    from rich.progress import TaskID

    from coachwork.app.project import Project
    from coachwork.knowledge.document import IngestProgress, IngestReport


def ingest(
    knowledge: Annotated[str | None, typer.Argument(help="Only this knowledge base.")] = None,
    purge: Annotated[
        bool, typer.Option("--purge", help="Take what was deleted off the disk now, not within the next hours.")
    ] = False,
    yes: YesOption = False,
    project: ProjectOption = None,
    as_json: JsonOption = False,
) -> None:
    """Index documents that are new or changed; forget those that are gone.

    A document that can't be read is named with its reason and never stops the others; the exit code stays 0.
    """
    loaded = load(project)
    if knowledge is not None and knowledge not in loaded.knowledge:
        raise InputError(
            f"there is no knowledge base {knowledge!r}", hint=did_you_mean(knowledge, list(loaded.knowledge))
        )
    names = [knowledge] if knowledge else list(loaded.knowledge)
    if not names:
        output.err().print("This project has no knowledge base; nothing is to be done.")
    from coachwork.cli.downloads import ensure_models

    ensure_models(loaded, yes=yes, only="embed")
    reports = asyncio.run(_ingest_and_close(loaded, names, purge=purge))
    if as_json:
        output.print_json({"knowledge": [{"name": name, **output.plain(report)} for name, report in reports.items()]})
        return
    for name, report in reports.items():
        output.out().print(f"{name}: {report}")


async def _ingest_and_close(project: "Project", names: list[str], *, purge: bool) -> "dict[str, IngestReport]":
    try:
        reports = await ingest_all(project, names)
        for name in names if purge else ():
            await project.knowledge[name].purge()
        return reports
    finally:
        await project.close()


async def ingest_all(project: "Project", names: list[str]) -> "dict[str, IngestReport]":
    """Bring the named knowledge bases up to date with a progress display; failed documents are named on stderr."""
    console = output.err()
    reports: dict[str, IngestReport] = {}
    for name in names:
        with output.progress() as progress:
            task = progress.add_task(f"reading {name}", total=None, state="")

            def show(at: "IngestProgress", task: "TaskID" = task, name: str = name) -> None:
                counts = [(at.embedded, "passages embedded"), (at.failed, "failed")]
                state = ", ".join(f"{count} {word}" for count, word in counts if count)
                doing = "waiting for another process to index" if at.phase == "waiting" else at.phase
                progress.update(
                    task, description=f"{doing} {name}", completed=at.read, total=at.found or None, state=state
                )

            reports[name] = await project.knowledge[name].ingest(show)
        for failure in reports[name].failed:
            console.print(f"! {name}: {failure.document} is left out: {failure.reason}", style="yellow")
    return reports
