"""The API's description: FastAPI's own, with one path a pipeline that carries the pipeline's types. Pure."""

from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from coachwork.app.project import Project
from coachwork.pipelines.pipeline import Pipeline
from coachwork.server.problems import MEDIA_TYPE, Problem

Schema = dict[str, Any]
_REF = "#/components/schemas/"
PROBLEM: dict[int | str, dict[str, Any]] = {
    "default": {
        "description": "A problem (RFC 9457): `code` for programs, `reader` for people, `hint` for the engineer.",
        "content": {MEDIA_TYPE: {"schema": {"$ref": _REF + "Problem"}}},
    }
}


def describe(app: FastAPI, project: Project) -> Schema:
    """OpenAPI 3.1 of the application as it is loaded."""
    found: Schema = get_openapi(
        title=project.app.title,
        version=app.version,
        description=project.app.about,
        routes=app.routes,
    )
    components: Schema = found["components"]["schemas"]
    problem = Problem.model_json_schema(ref_template=_REF + "{model}")
    components.update(problem.pop("$defs"))
    components["Problem"] = problem
    for view in ("RunDetail", "StepView"):
        components[view]["properties"]["error"] = _nullable({"$ref": _REF + "Problem"})
    for pipeline in project.pipelines.values():
        found["paths"][f"/api/pipelines/{pipeline.name}/runs"] = {"post": _start(pipeline, components)}
    return found


def hoist(schema: Mapping[str, Any], owner: str, components: Schema) -> Schema:
    """Move a schema's `$defs` among the components and point its references there.

    A name that another schema already has gets the owner's name before it.
    """
    definitions: Schema = schema.get("$defs", {})
    names = {name: _free_name(name, body, owner, components) for name, body in definitions.items()}
    for name, body in definitions.items():
        components[names[name]] = _pointed(body, names)
    pointed: Schema = _pointed({key: value for key, value in schema.items() if key != "$defs"}, names)
    return pointed


def _free_name(name: str, body: Schema, owner: str, components: Schema) -> str:
    if name not in components or components[name] == _pointed(body, {key: key for key in components}):
        return name
    return f"{owner}.{name}"


def _pointed(node: Any, names: Mapping[str, str]) -> Any:
    """A copy whose local references point to components; keys that only look like one are left alone."""
    if isinstance(node, list):
        return [_pointed(item, names) for item in node]
    if not isinstance(node, dict):
        return node
    copied = {key: _pointed(value, names) for key, value in node.items()}
    reference = node.get("$ref")
    if isinstance(reference, str) and reference.startswith("#/$defs/"):
        name = reference.removeprefix("#/$defs/")
        copied["$ref"] = _REF + names.get(name, name)
    return copied


def _start(pipeline: Pipeline[..., Any], components: Schema) -> Schema:
    name = pipeline.name
    components[f"{name}.Input"] = hoist(pipeline.input_schema, name, components)
    components[f"{name}.Output"] = hoist(pipeline.output_schema, name, components)
    components[f"{name}.Run"] = {
        "allOf": [
            {"$ref": _REF + "RunDetail"},
            {
                "type": "object",
                "properties": {
                    "input": {"$ref": f"{_REF}{name}.Input"},
                    "output": _nullable({"$ref": f"{_REF}{name}.Output"}),
                },
            },
        ]
    }
    run = {"application/json": {"schema": {"$ref": f"{_REF}{name}.Run"}}}
    stream = {"text/event-stream": {"schema": {"type": "string", "description": "AI SDK UI message stream v1"}}}
    sent = {
        "type": "object",
        "properties": {"input": {"$ref": f"{_REF}{name}.Input"}, **_STANDING},
        "required": ["input"],
        "additionalProperties": False,
    }
    examples = {
        f"example{number}": {"summary": example.title, "value": {"input": example.input}}
        for number, example in enumerate(pipeline.examples, start=1)
    }
    return {
        "tags": ["runs"],
        "operationId": f"start_{name}",
        "summary": pipeline.title,
        "description": pipeline.about,
        "parameters": [
            _parameter("query", "wait", {"type": "number", "minimum": 0, "maximum": 60, "default": 0},
                       "Seconds to wait for the end before answering."),
            _parameter("header", "Idempotency-Key", {"type": "string", "minLength": 1, "maxLength": 255},
                       "The same key gives the same run again, however often it is sent."),
        ],
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": sent, **({"examples": examples} if examples else {})}},
        },
        "responses": {
            "200": {"description": "The run has ended within `wait`, or its stream was asked for by `Accept`.",
                    "content": {**run, **stream}},
            "202": {"description": "The run is accepted and goes on. `Location` names it.", "content": run},
            **PROBLEM,
        },
    }  # fmt: skip


_STANDING: Schema = {
    "priority": {"type": "integer", "minimum": -1000, "maximum": 1000, "description": "The higher is begun first."},
    "deadline": {"type": "string", "maxLength": 20, "description": "It is stopped if it has not ended in this time.",
                 "examples": ["90s", "2h"]},
}  # fmt: skip


def _parameter(place: str, name: str, schema: Schema, description: str) -> Schema:
    return {"in": place, "name": name, "required": False, "schema": schema, "description": description}


def _nullable(schema: Schema) -> Schema:
    return {"anyOf": [schema, {"type": "null"}]}
