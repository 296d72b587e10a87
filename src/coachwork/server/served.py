"""What a handler may reach: the project, its runs, and the news that the server stops. Knows no endpoint."""

import asyncio
from dataclasses import dataclass, field
from typing import Annotated, cast

from fastapi import Depends, Request

from coachwork.app.project import Project
from coachwork.app.runtime import Runtime
from coachwork.pipelines.batches import Batches
from coachwork.pipelines.runs import Runs
from coachwork.pipelines.schedules import Schedules
from coachwork.server.ingests import Ingests


@dataclass
class Served:
    """One per application. `runtime` is there between start and stop; `failure` is what kept it from starting."""

    project: Project
    runtime: Runtime | None = None
    failure: BaseException | None = None
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    ingests: Ingests = field(default_factory=Ingests)
    drawing: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(2))  # pages: a process each


def served(request: Request) -> Served:
    return cast(Served, request.app.state.served)


def _project(request: Request) -> Project:
    return served(request).project


def _runtime(request: Request) -> Runtime:
    runtime = served(request).runtime
    if runtime is None:
        raise RuntimeError("the application is not started: its lifespan has to run")
    return runtime


def _runs(request: Request) -> Runs:
    return _runtime(request).runs


def _schedules(request: Request) -> Schedules:
    return _runtime(request).schedules


def _batches(request: Request) -> Batches:
    return _runtime(request).batches


ServedHere = Annotated[Served, Depends(served)]
ProjectHere = Annotated[Project, Depends(_project)]
RunsHere = Annotated[Runs, Depends(_runs)]
SchedulesHere = Annotated[Schedules, Depends(_schedules)]
RuntimeHere = Annotated[Runtime, Depends(_runtime)]
BatchesHere = Annotated[Batches, Depends(_batches)]
