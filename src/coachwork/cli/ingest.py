"""`coachwork ingest`: documents into the index. Knows the bar and the report; reading is the knowledge room's."""

import asyncio
import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from coachwork.cli import output
from coachwork.cli.options import JsonOption, ProjectOption, YesOption, load
from coachwork.errors import InputError, did_you_mean

if TYPE_CHECKING:
    from coachwork.app.project import Project


def ingest(
    knowledge: Annotated[str | None, typer.Argument(help="Only this knowledge base.")] = None,
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
    reports = asyncio.run(ingest_all(loaded, names))
    if as_json:
        output.print_json({"knowledge": [{"name": name, **output.plain(report)} for name, report in reports.items()]})
        return
    for name, report in reports.items():
        output.out().print(f"{name}: {summary(report)}")


async def ingest_all(project: "Project", names: list[str]) -> dict[str, Any]:
    """Bring the named knowledge bases up to date with a progress display; failed documents are named on stderr."""
    console = output.err()
    reports: dict[str, Any] = {}
    with output.progress() as progress:
        for name in names:
            task = progress.add_task(f"reading {name}", total=None, state="")

            def show(at: Any, task: Any = task, name: str = name) -> None:
                failed = f"{at.failed} failed" if at.failed else ""
                progress.update(task, description=f"{at.phase} {name}", completed=at.done, total=at.total, state=failed)

            started = time.monotonic()
            reports[name] = await project.knowledge[name].ingest(show)
            progress.remove_task(task)
            for failure in reports[name].failed:
                console.print(f"! {name}: {failure.document} was left out: {failure.reason}", style="yellow")
            console.print(f"{name} is up to date ({output.duration(time.monotonic() - started)})", style="dim")
    return reports


def summary(report: Any) -> str:
    """A report of an ingest in one line."""
    return str(report)
