"""Options that many commands share, and the project they speak of. Knows folders; loads a project only when asked."""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from coachwork.cli.output import debugging
from coachwork.errors import InputError, did_you_mean

if TYPE_CHECKING:
    from coachwork.app.project import Project
    from coachwork.app.runtime import Runtime
    from coachwork.pipelines.pipeline import Pipeline
    from coachwork.pipelines.runs import Runs


def _remember(context: typer.Context, value: bool) -> bool:
    """Let errors know that stdout must be JSON."""
    context.find_root().obj = {"json": value}
    return value


ProjectOption = Annotated[
    Path | None,
    typer.Option(
        "--project",
        "-C",
        metavar="DIR",
        help="The project's folder. Default: the nearest one upwards with coachwork.toml.",
    ),
]
JsonOption = Annotated[
    bool,
    typer.Option("--json", callback=_remember, help="Print the result as JSON on stdout, everything else on stderr."),
]
YesOption = Annotated[bool, typer.Option("--yes", "-y", help="Download what is missing without asking.")]


def project_folder(given: Path | None = None) -> Path:
    """The project's folder: the given one, or the nearest upwards with coachwork.toml. Raises ProjectError."""
    from coachwork.app.project import find_project

    return find_project(Path.cwd()) if given is None else given.resolve()


def load(given: Path | None = None) -> "Project":
    """The project, loaded and checked; its log says only what is wrong. Raises ProjectError."""
    from coachwork.app.project import load_project
    from coachwork.tracing import log

    log.configure("debug")
    if not debugging():  # what goes wrong is said by the command itself
        import structlog

        structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    return load_project(project_folder(given))


@asynccontextmanager
async def at_work(
    project: "Project", *, adopt: bool = False, feed: bool = False, concurrency: int | None = None
) -> AsyncIterator["Runtime"]:
    """The project at work, for as long as the block lasts; afterwards the project is closed."""
    from coachwork.app.runtime import Runtime

    try:
        async with Runtime(project, adopt=adopt, feed=feed, concurrency=concurrency) as runtime:
            yield runtime
    finally:
        await project.close()


@asynccontextmanager
async def working(project: "Project", *, adopt: bool = False, concurrency: int | None = None) -> AsyncIterator["Runs"]:
    """The project's runs, for as long as the block lasts; afterwards the project is closed."""
    async with at_work(project, adopt=adopt, concurrency=concurrency) as runtime:
        yield runtime.runs


def find_pipeline(project: "Project", name: str) -> "Pipeline[..., object]":
    """A pipeline of the project by name. Raises InputError that offers the nearest."""
    pipelines = project.pipelines
    if name not in pipelines:
        raise InputError(
            f"there is no pipeline {name!r} in {project.app.title!r}", hint=did_you_mean(name, list(pipelines))
        )
    return pipelines[name]
