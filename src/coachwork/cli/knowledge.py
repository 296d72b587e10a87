"""`coachwork knowledge`: how far an index is, and what may be done with it as a whole. Knows the look; the rest is
`knowledge`'s."""

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer

from coachwork.cli import output
from coachwork.cli.options import JsonOption, ProjectOption, load
from coachwork.errors import InputError

if TYPE_CHECKING:
    from rich.progress import TaskID

    from coachwork.app.project import Project
    from coachwork.knowledge import KnowledgeBase
    from coachwork.knowledge.document import IngestState, KnowledgeStatus
    from coachwork.knowledge.moving import Moved

app = typer.Typer(no_args_is_help=True, help="How far the knowledge bases are; move their index.")


@app.command("status")
def status(project: ProjectOption = None, as_json: JsonOption = False) -> None:
    """What each knowledge base has, and how far its ingest is, whatever process works on it."""
    loaded = load(project)
    found = asyncio.run(_states_and_close(loaded))
    if as_json:
        told = [
            {"name": name, **output.plain(counts), "ingest": output.plain(state)}
            for name, (counts, state) in found.items()
        ]
        output.print_json({"knowledge": told})
        return
    if not found:
        output.err().print("This project has no knowledge base.")
    for name, (counts, state) in found.items():
        failed = f", {counts.failed} could not be read" if counts.failed else ""
        output.out().print(f"{name}: {counts.documents} documents, {counts.passages} passages{failed}", markup=False)
        for line in ingest_in_words(state):
            output.out().print(f"  {line}", markup=False)


def ingest_in_words(state: "IngestState") -> list[str]:
    """`ingest: 120 of 2,000 documents read, 8.3 documents/s, 3 min left`, and a line for each process at work."""
    from coachwork.cli.ingest import progress_in_words

    at = state.progress
    read = f"{at.read} of {at.found} documents read"
    said = [part for part in (read, progress_in_words(at)) if part]
    why = str((state.problem or {}).get("message", ""))
    ways = {
        "none": "not ingested yet",
        "working": f"ingest: {', '.join(said)}",
        "stuck": f"ingest is stuck: {', '.join(said)}; nobody works on it: coachwork ingest goes on from there",
        "stopped": f"the last ingest was stopped: {read}; coachwork ingest goes on from there",
        "failed": f"the last ingest failed: {why}",
        "done": f"the last ingest went through: {at.found} documents looked at, {at.embedded} passages embedded",
    }
    lines = [ways[state.state]]
    if state.state == "stuck" and any(not worker.stuck for worker in state.workers):
        lines = [f"ingest is stuck: {', '.join(said)}; nothing has moved for a minute"]
    for worker in state.workers:
        doing = " ".join(part for part in (worker.phase, worker.current) if part)
        lines.append(f"process {worker.pid} on {worker.host}: {'no sign of life, at ' if worker.stuck else ''}{doing}")
    return lines


async def _states_and_close(project: "Project") -> "dict[str, tuple[KnowledgeStatus, IngestState]]":
    async def told(base: "KnowledgeBase") -> "tuple[KnowledgeStatus, IngestState]":
        return await base.status(), await base.ingestion()

    try:
        return {name: await told(base) for name, base in project.knowledge.items()}
    finally:
        await project.close()


@app.command("move")
def move(
    to: Annotated[str, typer.Option("--to", metavar="URI", help="A folder, s3://… or postgresql://…")],
    project: ProjectOption = None,
    as_json: JsonOption = False,
) -> None:
    """Copy the index of every knowledge base to another place; nothing is embedded again.

    The old place is left as it is. Then set `index` in coachwork.toml (or COACHWORK_INDEX) to the new one.
    """
    from coachwork.app.settings import index_place

    loaded = load(project)
    if not loaded.knowledge:
        raise InputError("this project has no knowledge base, so there is no index to move")
    moved = asyncio.run(_move_and_close(loaded, index_place(to, loaded.folder)))
    if as_json:
        output.print_json({"knowledge": [{"name": name, **output.plain(each)} for name, each in moved.items()]})
        return
    for name, each in moved.items():
        output.out().print(f"{name}: {each.passages} passages of {each.documents} documents copied")
    output.err().print("Now set `index` in coachwork.toml, or COACHWORK_INDEX, to the new place.")


async def _move_and_close(project: "Project", to: str) -> "dict[str, Moved]":
    moved: dict[str, Moved] = {}
    try:
        for name, base in project.knowledge.items():
            with output.progress() as progress:
                task = progress.add_task(f"copying {name}", total=None, state="")

                def show(passages: int, task: "TaskID" = task) -> None:
                    progress.update(task, state=f"{passages} passages")

                moved[name] = await base.move(to, show)
    finally:
        await project.close()
    return moved
