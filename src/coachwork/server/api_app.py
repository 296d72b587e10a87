"""What the application is: its pipelines with their schemas, its knowledge, its OpenAPI. Only lists."""

import asyncio
from typing import Any, Literal

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from coachwork.errors import NotFound, did_you_mean
from coachwork.messages import JsonValue
from coachwork.pipelines.outline import Outline, outline
from coachwork.pipelines.pipeline import Pipeline
from coachwork.server.api_knowledge import KnowledgeInfo, knowledge_info
from coachwork.server.served import ProjectHere, served
from coachwork.server.version import VERSION

router = APIRouter(prefix="/api", tags=["application"])


class ExampleInfo(BaseModel):
    title: str
    input: JsonValue


class PipelineInfo(BaseModel):
    """What a form or a chat is made from."""

    name: str
    title: str
    about: str
    kind: Literal["form", "chat"]
    input_schema: dict[str, Any]
    output_schema: dict[str, Any]
    examples: list[ExampleInfo]
    knowledge: list[str]


class AppInfo(BaseModel):
    title: str
    about: str
    version: str
    pipelines: list[PipelineInfo]
    knowledge: list[KnowledgeInfo]


@router.get("/app")
async def app_info(project: ProjectHere) -> AppInfo:
    """The application: what can be done here, and with which inputs."""
    return AppInfo(
        title=project.app.title,
        about=project.app.about,
        version=VERSION,
        pipelines=[pipeline_info(pipeline) for pipeline in project.pipelines.values()],
        knowledge=[await knowledge_info(base) for base in project.knowledge.values()],
    )


@router.get("/pipelines/{name}/outline")
async def pipeline_outline(name: str, project: ProjectHere) -> Outline:
    """What a pipeline will do, as far as its code says: parts in their order, branches, ways and loops.

    What can't be seen in the code is an `unknown` part with its line, and the outline is then not `whole`.
    """
    found = project.pipelines.get(name)
    if found is None:
        raise NotFound(f"there is no pipeline {name!r}", hint=did_you_mean(name, list(project.pipelines)))
    return await asyncio.to_thread(outline, found, project.folder)


@router.get("/openapi.json", include_in_schema=False)
async def openapi(request: Request) -> JSONResponse:
    """The API as OpenAPI 3.1, each pipeline with its own input and output."""
    from coachwork.server.openapi import describe

    return JSONResponse(describe(request.app, served(request).project))


def pipeline_info(pipeline: Pipeline[..., Any]) -> PipelineInfo:
    return PipelineInfo(
        name=pipeline.name,
        title=pipeline.title,
        about=pipeline.about,
        kind=pipeline.kind,
        input_schema=pipeline.input_schema,
        output_schema=pipeline.output_schema,
        examples=[ExampleInfo(title=example.title, input=example.input) for example in pipeline.examples],
        knowledge=pipeline.knowledge,
    )
