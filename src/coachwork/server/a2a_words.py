"""Runs and pipelines in the words of A2A: cards, tasks, parts. Knows both vocabularies; reads and starts nothing.

Needs the SDK (extra `a2a`): load it behind `a2a_endpoint`. https://a2a-protocol.org/v1.0.0/specification
"""

import json
from collections.abc import Sequence
from typing import Any

from a2a.types import a2a_pb2 as wire

from coachwork.agents.a2a_json import data_part, plain
from coachwork.app.application import App
from coachwork.errors import InputError
from coachwork.messages import ChatMessage, JsonValue
from coachwork.pipelines.pipeline import Pipeline
from coachwork.pipelines.views import ApprovalView, RunDetail
from coachwork.server.a2a_contexts import answer_text
from coachwork.server.a2a_files import file_fields, file_in, kinds, placed
from coachwork.server.problems import from_stored
from coachwork.server.version import VERSION

SKILL = "skill"  # of the metadata of a message: the pipeline that is meant
VERSIONS = ("1.0", "0.3")
_MODES = ["text/plain", "application/json"]
OUTPUT = "output"  # the artifact: what a run writes, and then what it gave
_STATES = {
    "queued": wire.TASK_STATE_SUBMITTED,
    "running": wire.TASK_STATE_WORKING,
    "waiting": wire.TASK_STATE_WORKING,
    "succeeded": wire.TASK_STATE_COMPLETED,
    "failed": wire.TASK_STATE_FAILED,
    "cancelled": wire.TASK_STATE_CANCELED,
}


# ── Cards ──────────────────────────────────────────────────────────────────────────────────────


def card(app: App, pipelines: Sequence[Pipeline[..., Any]], url: str) -> wire.AgentCard:
    """The card of one pipeline, or of the application with each pipeline as a skill; messages go to `url`."""
    one = pipelines[0] if len(pipelines) == 1 else None
    return wire.AgentCard(
        name=one.title if one else app.title,
        description=(one.about or one.title) if one else (app.about or app.title),
        version=VERSION,
        supported_interfaces=[
            wire.AgentInterface(url=url, protocol_binding="JSONRPC", protocol_version=version) for version in VERSIONS
        ],
        capabilities=wire.AgentCapabilities(streaming=True, push_notifications=False),
        default_input_modes=[*_MODES, *kinds(each.input_schema for each in pipelines)],
        default_output_modes=_MODES,
        skills=[_skill(pipeline) for pipeline in pipelines],
    )


def _skill(pipeline: Pipeline[..., Any]) -> wire.AgentSkill:
    text = _text_field(pipeline) is not None or pipeline.kind == "chat"
    takes = "" if text else f"\nTakes a data part: {json.dumps(pipeline.input_schema, ensure_ascii=False)}"
    words = pipeline.output_schema.get("type") == "string"
    return wire.AgentSkill(
        id=pipeline.name,
        name=pipeline.title,
        description=f"{pipeline.about or pipeline.title}{takes}",
        tags=[pipeline.kind],
        examples=[example for each in pipeline.examples if (example := _example(each.input))],
        input_modes=[*(_MODES if text else _MODES[1:]), *kinds(iter([pipeline.input_schema]))],
        output_modes=["text/plain"] if words else ["application/json"],
    )


def _example(given: JsonValue) -> str:
    return given if isinstance(given, str) else json.dumps(given, ensure_ascii=False)


# ── What comes in ──────────────────────────────────────────────────────────────────────────────


def asked_skill(request: wire.SendMessageRequest) -> str:
    """The pipeline that the metadata name, "" where they name none."""
    for metadata in (request.message.metadata, request.metadata):
        if SKILL in metadata and isinstance(name := metadata[SKILL], str):
            return name
    return ""


def input_of(pipeline: Pipeline[..., Any], parts: Sequence[wire.Part], before: Sequence[ChatMessage]) -> JsonValue:
    """A message as the pipeline's input: a data part is the input itself, a text a question or the only field.

    Files go into the fields that take their kind, beside the text or the data's own fields. `before` is the
    conversation so far. Raises InputError, and the protocol's error for files that no field takes.
    """
    files = [part for part in parts if part.WhichOneof("content") in ("raw", "url")]
    filled = placed(pipeline.input_schema, files)
    text, data = words_and_data([part for part in parts if part not in files], empty=bool(filled))
    if filled and not text.strip() and (data is None or isinstance(data, dict)):
        return {**(data or {}), **filled}
    if data is not None:
        return data
    if filled and (field := _text_field(pipeline)) is None:
        raise InputError(f"{pipeline.name!r} takes no text beside its files", hint="Send a data part with its fields.")
    if filled:
        return {field: text, **filled}
    if pipeline.kind == "chat":
        said = [*before, ChatMessage(role="user", content=text)]
        return {"messages": [turn.model_dump(mode="json") for turn in said]}
    if (field := _text_field(pipeline)) is not None:
        return {field: text}
    try:
        found: JsonValue = json.loads(text)
    except ValueError:
        fields = ", ".join(pipeline.input_schema.get("properties", {}))
        raise InputError(
            f"{pipeline.name!r} takes fields ({fields}), and the message is a text",
            hint="Send a data part with these fields; their schema stands in the card, in the skill's description.",
        ) from None
    return found


def words_and_data(parts: Sequence[wire.Part], *, empty: bool = False) -> tuple[str, JsonValue]:
    """The texts of a message together, and its data part, None without one. `empty` ones may be. Raises InputError."""
    texts, data = [], []
    for part in parts:
        kind = part.WhichOneof("content")
        if kind == "text":
            texts.append(part.text)
        elif kind == "data":
            data.append(plain(part.data))
        elif kind is not None:
            raise InputError("a file is no answer", hint="Send a text part or a data part.")
    if len(data) > 1 or (data and any(text.strip() for text in texts)):
        raise InputError("the message has several parts that could be the input", hint="Send one data part, or text.")
    if not empty and not data and not "".join(texts).strip():
        raise InputError("the message is empty", hint="Send a text part or a data part.")
    return "\n".join(texts), data[0] if data else None


def _text_field(pipeline: Pipeline[..., Any]) -> str | None:
    """The field that a text fills: the only one that must be there but for files, where it is a string."""
    schema = pipeline.input_schema
    takes_files = {each.name for each in file_fields(schema)}
    fields = {name: field for name, field in schema.get("properties", {}).items() if name not in takes_files}
    must = [name for name in schema.get("required", ()) if name in fields] or list(fields)
    return must[0] if len(must) == 1 and fields.get(must[0], {}).get("type") == "string" else None


# ── What goes out ──────────────────────────────────────────────────────────────────────────────


def task_of(run: RunDetail, context_id: str, *, answers: bool) -> wire.Task:
    """A run as a task. `answers` says whether the question of an approval may be answered over A2A."""
    artifacts = [output_of(run)] if run.status == "succeeded" else []
    task = wire.Task(id=run.id, context_id=context_id, status=status_of(run, answers=answers), artifacts=artifacts)
    task.metadata.update({SKILL: run.pipeline})
    return task


def status_of(run: RunDetail, *, answers: bool) -> wire.TaskStatus:
    asked = question_of(run)
    state, said = _STATES[run.status], list[wire.Part]()
    if asked is not None:
        state, said = wire.TASK_STATE_INPUT_REQUIRED, _question(asked, answers)
    elif run.error is not None:
        said = [wire.Part(text=from_stored(run.error).reader)]
    stands = status(state, run.id, said)
    stands.timestamp.FromDatetime(run.finished_at or run.started_at or run.created_at)
    return stands


def working(run_id: str, label: str) -> wire.TaskStatus:
    """What a run does now, in its author's words."""
    return status(wire.TASK_STATE_WORKING, run_id, [wire.Part(text=label)])


def status(state: wire.TaskState, run_id: str, said: Sequence[wire.Part]) -> wire.TaskStatus:
    made = wire.TaskStatus(state=state)
    if said:
        made.message.CopyFrom(
            wire.Message(message_id=f"{run_id}-{state}", role=wire.ROLE_AGENT, parts=said, task_id=run_id)
        )
    return made


def question_of(run: RunDetail) -> ApprovalView | None:
    """What a person is asked now, if one is."""
    return next((asked for asked in run.approvals if asked.status == "pending"), None)


def _question(asked: ApprovalView, answers: bool) -> list[wire.Part]:
    if not answers:  # what is to be approved is for the person who may
        return [wire.Part(text=f"{asked.title} A person decides it where the application runs.")]
    shown = {"approval": asked.id, "value": asked.value, "schema": asked.schema_}
    return [wire.Part(text=asked.title), data_part(shown)]


def output_of(run: RunDetail) -> wire.Artifact:
    """The output of a run: its words as text, anything with fields as data too; a picture or recording is a file."""
    if (file := file_in(run.output)) is not None:
        return wire.Artifact(artifact_id=OUTPUT, name=OUTPUT, parts=[file])
    text = answer_text(run.output)
    parts = [wire.Part(text=text)] if text else []
    if not isinstance(run.output, str):
        parts.append(data_part(run.output))
    return wire.Artifact(artifact_id=OUTPUT, name=OUTPUT, parts=parts or [wire.Part(text="")])


def text_artifact(text: str) -> wire.Artifact:
    """A piece of what a run writes, before it has its output."""
    return wire.Artifact(artifact_id=OUTPUT, name=OUTPUT, parts=[wire.Part(text=text)])
