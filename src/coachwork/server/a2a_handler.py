"""What A2A may ask of us: a message starts a run, a run is a task. Knows runs and the protocol's verbs; no HTTP.

Needs the SDK (extra `a2a`): load it behind `a2a_endpoint`. Who leaves ends his waiting, never the run.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Any, cast

from a2a.server.context import ServerCallContext
from a2a.server.request_handlers.request_handler import RequestHandler
from a2a.types import a2a_pb2 as wire
from a2a.utils.errors import (
    A2AError,
    ExtendedAgentCardNotConfiguredError,
    InternalError,
    InvalidParamsError,
    PushNotificationNotSupportedError,
    TaskNotCancelableError,
    TaskNotFoundError,
    UnsupportedOperationError,
)

from coachwork.errors import CoachworkError, InputError, NotFound, did_you_mean
from coachwork.messages import ENDED, JsonValue
from coachwork.pipelines.approvals import Answer
from coachwork.pipelines.pipeline import Pipeline
from coachwork.pipelines.runs import RunFilter, Runs
from coachwork.pipelines.views import ApprovalView, RunDetail
from coachwork.server import a2a_contexts as contexts
from coachwork.server import a2a_words as words
from coachwork.server.problems import bug, from_error, log_bug
from coachwork.server.served import Served

PIPELINE = "pipeline"  # of the state of a call: the one that the address names
_YES, _NO = {"yes", "y", "ok", "accept", "accepted", "approve"}, {"no", "n", "reject", "rejected", "deny"}
_STATUSES = {
    wire.TASK_STATE_SUBMITTED: "queued",
    wire.TASK_STATE_WORKING: "running",
    wire.TASK_STATE_INPUT_REQUIRED: "waiting",
    wire.TASK_STATE_COMPLETED: "succeeded",
    wire.TASK_STATE_FAILED: "failed",
    wire.TASK_STATE_CANCELED: "cancelled",
}
Update = wire.Task | wire.TaskStatusUpdateEvent | wire.TaskArtifactUpdateEvent


class Tasks(RequestHandler):
    """The verbs of the protocol over the runs of a project."""

    def __init__(self, here: Served) -> None:
        self._here = here
        self._answers = here.project.settings.server.a2a_answers

    # ── Messages ───────────────────────────────────────────────────────────────────────────────

    async def on_message_send(self, params: wire.SendMessageRequest, context: ServerCallContext) -> wire.Task:
        with _as_said():
            run, context_id = await self._begun(params, context)
            if not params.configuration.return_immediately:
                async for _event in self._until_it_rests(run.id):
                    pass
            return self._task(await self._runs.get(run.id), context_id)

    async def on_message_send_stream(
        self, params: wire.SendMessageRequest, context: ServerCallContext
    ) -> AsyncGenerator[Update, None]:
        with _as_said():
            run, context_id = await self._begun(params, context)
            async for update in self._followed(run, context_id):
                yield update

    async def on_subscribe_to_task(
        self, params: wire.SubscribeToTaskRequest, context: ServerCallContext
    ) -> AsyncGenerator[Update, None]:
        with _as_said(TaskNotFoundError):
            run = await self._runs.get(params.id)
            if run.status in ENDED:
                raise UnsupportedOperationError(f"the task {run.id} has {run.status}: ask for it with GetTask")
            async for update in self._followed(run, await self._context(run.id)):
                yield update

    async def _begun(self, params: wire.SendMessageRequest, context: ServerCallContext) -> tuple[RunDetail, str]:
        """The run that a message starts or goes on with. A message that is sent again finds the same one."""
        message, database = params.message, self._here.project.database
        if not message.message_id:
            raise InputError("the message has no messageId", hint="Give each message an id of its own.")
        if message.task_id:
            return await self._answered(message)
        context_id = message.context_id or contexts.new_context(message.message_id)
        if known := await contexts.accepted(database, context_id, message.message_id):
            return await self._runs.get(known), context_id
        pipeline = self._chosen(params, context)
        before = await contexts.said_before(database, context_id, pipeline.name) if pipeline.kind == "chat" else []
        given = words.input_of(pipeline, message.parts, before)
        key = contexts.key_of(context_id, message.message_id)
        return await self._runs.start(pipeline.name, given, idempotency_key=key), context_id

    def _chosen(self, params: wire.SendMessageRequest, context: ServerCallContext) -> Pipeline[..., Any]:
        """The pipeline that the address or the message names, else the only one, else the only chat."""
        pipelines = self._here.project.pipelines
        if name := context.state.get(PIPELINE) or words.asked_skill(params):
            if name not in pipelines:
                raise NotFound(f"there is no skill {name!r}", hint=did_you_mean(name, list(pipelines)))
            return pipelines[name]
        chats = [each for each in pipelines.values() if each.kind == "chat"]
        for candidates in (list(pipelines.values()), chats):
            if len(candidates) == 1:
                return candidates[0]
        raise InputError(
            "the message names no skill, and there are several",
            hint=f'Say it in the metadata, {{"{words.SKILL}": "{next(iter(pipelines), "")}"}}, or use the card '
            f"of one skill: /a2a/SKILL/.well-known/agent-card.json. There are: {', '.join(pipelines)}.",
        )

    # ── Questions ──────────────────────────────────────────────────────────────────────────────

    async def _answered(self, message: wire.Message) -> tuple[RunDetail, str]:
        """Answer what the task asks, where that may be done over A2A."""
        run = await self._runs.get(message.task_id)
        asked = words.question_of(run)
        if asked is None:
            raise InputError(
                f"the task {run.id} asks nothing, it is {run.status}",
                hint="Start a new task: leave taskId out, and keep the contextId to go on with the conversation.",
            )
        if not self._answers:
            raise InputError(
                f"the task {run.id} waits for a person, who decides where the application runs",
                hint="Ask for the task again later. `[server] a2a_answers = true` lets clients of A2A decide.",
            )
        decision, value, comment = _decision(asked, message)
        await self._runs.answer(asked.id, decision, value, comment, "a2a")
        return await self._runs.get(run.id), await self._context(run.id)

    # ── Tasks ──────────────────────────────────────────────────────────────────────────────────

    async def on_get_task(self, params: wire.GetTaskRequest, context: ServerCallContext) -> wire.Task:
        with _as_said(TaskNotFoundError):
            return self._task(await self._runs.get(params.id), await self._context(params.id))

    async def on_list_tasks(self, params: wire.ListTasksRequest, context: ServerCallContext) -> wire.ListTasksResponse:
        with _as_said():
            if params.context_id:
                raise InputError("tasks can't be listed by context", hint="List them all, or by their status.")
            size = min(params.page_size or 50, 100)
            status = _STATUSES[params.status] if params.status else ""
            page = await self._runs.list(RunFilter(status=status, limit=size, cursor=params.page_token))
            tasks = [await self._listed(each.id, params.include_artifacts) for each in page.items]
            total = sum(page.counts.values()) if not status else page.counts.get(status, 0)
            return wire.ListTasksResponse(
                tasks=tasks, next_page_token=page.next_cursor or "", page_size=size, total_size=total
            )

    async def _listed(self, run_id: str, whole: bool) -> wire.Task:
        task = self._task(await self._runs.get(run_id), await self._context(run_id))
        if not whole:
            del task.artifacts[:]
        return task

    async def on_cancel_task(self, params: wire.CancelTaskRequest, context: ServerCallContext) -> wire.Task:
        with _as_said(TaskNotFoundError):
            if (run := await self._runs.get(params.id)).status in ENDED:
                raise TaskNotCancelableError(f"the task {run.id} has already {run.status}")
            return self._task(await self._runs.cancel(params.id), await self._context(params.id))

    # ── Following ──────────────────────────────────────────────────────────────────────────────

    async def _followed(self, run: RunDetail, context_id: str) -> AsyncIterator[Update]:
        """The task as it stands, then what it does and writes, then its output and its end."""
        yield self._task(run, context_id)
        following = _Following(run.id, context_id)
        async for event in self._until_it_rests(run.id):
            if (update := following.update(event)) is not None:
                yield update
        run = await self._runs.get(run.id)
        if run.status not in ENDED and words.question_of(run) is None:
            return  # the server stops; the client may subscribe again
        if run.status == "succeeded":
            yield following.artifact(words.output_of(run), append=False, last=True)
        yield following.status(words.status_of(run, answers=self._answers))

    async def _until_it_rests(self, run_id: str) -> AsyncIterator[dict[str, Any]]:
        """The events of a run until it ends, waits for a person, or the server stops."""
        stop = asyncio.create_task(self._here.stopping.wait())
        events = self._runs.events(run_id)
        coming: asyncio.Future[tuple[int, dict[str, Any]]] | None = None
        try:
            while True:
                coming = asyncio.ensure_future(anext(events))
                await asyncio.wait({coming, stop}, return_when=asyncio.FIRST_COMPLETED)
                if not coming.done():
                    return
                try:
                    _number, event = coming.result()
                except StopAsyncIteration:
                    return
                yield event
                if event["type"] == "data-run" and event["data"]["status"] == "waiting":
                    run = await self._runs.get(run_id)
                    if run.status in ENDED or words.question_of(run) is not None:
                        return
        finally:
            for each in (coming, stop):
                if each is not None:
                    each.cancel()
            await asyncio.gather(*(each for each in (coming, stop) if each is not None), return_exceptions=True)

    # ── What is not there ──────────────────────────────────────────────────────────────────────

    async def on_create_task_push_notification_config(
        self, params: wire.TaskPushNotificationConfig, context: ServerCallContext
    ) -> wire.TaskPushNotificationConfig:
        raise PushNotificationNotSupportedError

    async def on_get_task_push_notification_config(
        self, params: wire.GetTaskPushNotificationConfigRequest, context: ServerCallContext
    ) -> wire.TaskPushNotificationConfig:
        raise PushNotificationNotSupportedError

    async def on_list_task_push_notification_configs(
        self, params: wire.ListTaskPushNotificationConfigsRequest, context: ServerCallContext
    ) -> wire.ListTaskPushNotificationConfigsResponse:
        raise PushNotificationNotSupportedError

    async def on_delete_task_push_notification_config(
        self, params: wire.DeleteTaskPushNotificationConfigRequest, context: ServerCallContext
    ) -> None:
        raise PushNotificationNotSupportedError

    async def on_get_extended_agent_card(
        self, params: wire.GetExtendedAgentCardRequest, context: ServerCallContext
    ) -> wire.AgentCard:
        raise ExtendedAgentCardNotConfiguredError

    # ── Ours ───────────────────────────────────────────────────────────────────────────────────

    @property
    def _runs(self) -> Runs:
        runtime = self._here.runtime
        if runtime is None:
            raise UnsupportedOperationError("this server starts no runs")
        return runtime.runs

    def _task(self, run: RunDetail, context_id: str) -> wire.Task:
        return words.task_of(run, context_id, answers=self._answers)

    async def _context(self, run_id: str) -> str:
        return await contexts.context_of(self._here.project.database, run_id)


class _Following:
    """The updates of one task. Text that is withdrawn is replaced by what comes next."""

    def __init__(self, run_id: str, context_id: str) -> None:
        self._ids = {"task_id": run_id, "context_id": context_id}
        self._run_id = run_id
        self._label = ""
        self._text = ""  # the id of the text that is being written

    def update(self, event: dict[str, Any]) -> Update | None:
        match event["type"]:
            case "text-delta":
                append, self._text = event["id"] == self._text, event["id"]
                return self.artifact(words.text_artifact(event["delta"]), append=append, last=False)
            case "data-text-restart":
                self._text = ""
            case "data-step" | "data-note" if (label := event["data"].get("label", "")) not in ("", self._label):
                self._label = label
                return self.status(words.working(self._run_id, label))
        return None

    def artifact(self, artifact: wire.Artifact, *, append: bool, last: bool) -> wire.TaskArtifactUpdateEvent:
        return wire.TaskArtifactUpdateEvent(**self._ids, artifact=artifact, append=append, last_chunk=last)

    def status(self, status: wire.TaskStatus) -> wire.TaskStatusUpdateEvent:
        return wire.TaskStatusUpdateEvent(**self._ids, status=status)


def _decision(asked: ApprovalView, message: wire.Message) -> tuple[Answer, JsonValue, str]:
    """An answer: a data part {decision, value, comment}, or a text: yes, no, or the edited value where that is text.

    Raises InputError.
    """
    text, data = words.words_and_data(message.parts)
    if isinstance(data, dict) and data.get("decision") in ("accept", "edit", "reject"):
        return cast(Answer, data["decision"]), data.get("value"), str(data.get("comment", ""))
    said = text.strip()
    if data is None and said.lower() in _YES:
        return "accept", None, ""
    if data is None and said.lower() in _NO:
        return "reject", None, ""
    if data is None and isinstance(asked.schema_, dict) and asked.schema_.get("type") == "string":
        return "edit", text, ""
    raise InputError(
        f"{said or data!r} is no answer to {asked.title!r}",
        hint='Send yes or no, or a data part: {"decision": "edit", "value": …, "comment": "…"}.',
    )


@contextmanager
def _as_said(missing: type[A2AError] = InvalidParamsError) -> Iterator[None]:
    """Errors in the protocol's words; one nobody expected goes to the log, and its number to the client."""
    try:
        yield
    except (A2AError, GeneratorExit):
        raise
    except CoachworkError as error:
        found = from_error(error)
        said = ". ".join(part.rstrip(".") for part in (found.detail, found.hint) if part)
        if isinstance(error, NotFound):
            raise missing(said) from error
        raise (InvalidParamsError if found.status < 500 else InternalError)(said) from error
    except Exception as error:
        raise InternalError(bug(log_bug(error, path="/a2a")).reader) from error
