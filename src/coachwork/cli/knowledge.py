"""`coachwork knowledge`: what may be done with an index as a whole. Knows the look; the rest is `knowledge`'s."""

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer

from coachwork.cli import output
from coachwork.cli.options import JsonOption, ProjectOption, load
from coachwork.errors import InputError

if TYPE_CHECKING:
    from rich.progress import TaskID

    from coachwork.app.project import Project
    from coachwork.knowledge.moving import Moved

app = typer.Typer(no_args_is_help=True, help="Move the index of the knowledge bases.")


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
