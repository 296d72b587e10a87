"""`coachwork graph`: what a pipeline will do, drawn from its code as Mermaid. Knows the look; reading is another's."""

import asyncio
from typing import Annotated

import typer

from coachwork.cli import output
from coachwork.cli.options import JsonOption, ProjectOption, find_pipeline, load


def graph(
    pipeline: Annotated[str, typer.Argument(help="The pipeline's name.")],
    project: ProjectOption = None,
    as_json: JsonOption = False,
) -> None:
    """Draw what a pipeline will do, from its code, as Mermaid. Nothing is run."""
    loaded = load(project)
    from coachwork.pipelines.outline import mermaid, outline

    try:
        found = outline(find_pipeline(loaded, pipeline), loaded.folder)
    finally:
        asyncio.run(loaded.close())
    if as_json:
        output.print_json(found)
    else:
        print(mermaid(found), end="")
