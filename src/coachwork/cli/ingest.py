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
    from coachwork.knowledge.document import FailedDocument, IngestProgress, IngestReport
    from coachwork.knowledge.planning import IngestPlan


_DOING = {"waiting": "waiting for processes with other settings to index", "beside": "embedding for the next model of"}


def ingest(
    knowledge: Annotated[str | None, typer.Argument(help="Only this knowledge base.")] = None,
    purge: Annotated[
        bool, typer.Option("--purge", help="Take what was deleted off the disk now, not within the next hours.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be done and what its embedding would cost; do nothing.")
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
    if dry_run:
        plans = asyncio.run(_plan_and_close(loaded, names))
        if as_json:
            output.print_json({"knowledge": [{"name": name, **output.plain(plan)} for name, plan in plans.items()]})
            return
        for name, plan in plans.items():
            output.out().print(f"{name}: {planned_in_words(plan)}", markup=False)
        return
    reports = asyncio.run(_ingest_and_close(loaded, names, purge=purge))
    if as_json:
        output.print_json({"knowledge": [{"name": name, **output.plain(report)} for name, report in reports.items()]})
        return
    for name, report in reports.items():
        output.out().print(f"{name}: {report}")


async def _plan_and_close(project: "Project", names: list[str]) -> "dict[str, IngestPlan]":
    try:
        plans = {}
        for name in names:
            with output.progress() as progress:
                task = progress.add_task(f"looking at {name}", total=None, state="")

                def show(at: "IngestProgress", task: "TaskID" = task) -> None:
                    progress.update(task, completed=at.read, total=at.found or None)

                plans[name] = await project.knowledge[name].plan(show)
            name_failures(name, plans[name].failed)
        return plans
    finally:
        await project.close()


def planned_in_words(plan: "IngestPlan") -> str:
    """`12 documents: 3 new, 1 changed; 48 passages (some 6,300 tokens) to embed on local:minilm, free`."""
    counts = [("new", plan.added), ("changed", plan.changed), ("gone", plan.deleted), ("unchanged", plan.unchanged)]
    said = ", ".join(f"{count} {word}" for word, count in counts if count) or "none"
    cost = "price unknown" if plan.cost_usd is None else "free" if not plan.cost_usd else output.money(plan.cost_usd)
    embedding = f"{plan.passages} passages (some {plan.tokens:,} tokens) to embed on {plan.model}, {cost}"
    failed = f"; {len(plan.failed)} can't be read" if plan.failed else ""
    return f"{plan.found} documents: {said}; {embedding if plan.passages else 'nothing to embed'}{failed}"


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
    reports: dict[str, IngestReport] = {}
    for name in names:
        with output.progress() as progress:
            task = progress.add_task(f"reading {name}", total=None, state="")

            def show(at: "IngestProgress", task: "TaskID" = task, name: str = name) -> None:
                doing = _DOING.get(at.phase, at.phase)
                total = at.found or None
                progress.update(
                    task, description=f"{doing} {name}", completed=at.read, total=total, state=progress_in_words(at)
                )

            reports[name] = await project.knowledge[name].ingest(show)
        name_failures(name, reports[name].failed)
    return reports


def progress_in_words(at: "IngestProgress") -> str:
    """`120 passages embedded, 1 failed, 8.3 documents/s, 2 min 5 s left`."""
    said = [f"{at.embedded} passages embedded"] if at.embedded else []
    said += [f"{at.failed} failed"] if at.failed else []
    said += [f"{at.workers} processes"] if at.workers > 1 else []
    said += [f"{at.documents_a_second:.1f} documents/s"] if at.documents_a_second else []
    said += [f"{output.duration(at.seconds_left)} left"] if at.seconds_left else []
    said += [at.current[-60:]] if at.phase == "fetching" else []
    return ", ".join(said)


def name_failures(name: str, failed: "list[FailedDocument]") -> None:
    """Each document that is left out, with its reason, on stderr."""
    for failure in failed:
        output.err().print(f"! {name}: {failure.document} is left out: {failure.reason}", style="yellow", markup=False)
