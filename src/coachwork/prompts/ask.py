"""Asks a model and reads its answer: request, stream, ladder, one re-ask. Knows a route's events; no providers."""

import dataclasses
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from typing import Any, Protocol

from coachwork.errors import ContentFiltered, ModelError, ModelRefused, OutputRefused, OutputTruncated, StreamCut
from coachwork.messages import (
    Attempt,
    Finished,
    Message,
    ModelEvent,
    ModelRequest,
    Reply,
    Restarted,
    StepRecord,
    TextDelta,
)
from coachwork.prompts.compiled import Compiled
from coachwork.prompts.output import read_output
from coachwork.tracing.scope import current_scope, recorded

_ECHO = 6_000


class Asked(Protocol):
    """What a prompt needs of `models.Models`."""

    def stream(self, route: str, request: ModelRequest) -> AsyncGenerator[ModelEvent, None]:
        """Events of one call; the last is Finished. Raises ModelError."""


async def ask(prompt: Compiled, models: Asked, arguments: Mapping[str, Any]) -> Any:
    """One recorded step: the prompt's answer for these arguments, as its type.

    Raises ModelError where no model answered, OutputTruncated, ModelRefused or OutputRefused where the
    answer is not the asked type. The step's record tells of every call that was paid for.
    """
    settings = prompt.file.settings
    record = StepRecord(
        kind="prompt",
        name=prompt.signature.name,
        label=prompt.label(arguments),
        input=prompt.recorded(arguments),
        route=settings.route,
        prompt_version=prompt.version,
    )

    async def call() -> Any:
        request = prompt.request(arguments)
        for remaining in range(settings.reask, -1, -1):
            reply = await _reply(models, settings.route, request, record, show=settings.show)
            try:
                value, how = _read(prompt, reply)
            except (OutputTruncated, ModelRefused):
                raise
            except OutputRefused as refusal:
                if not remaining:
                    raise
                record.detail = f"asked again: {'; '.join(refusal.reasons)}"[:500]
                request = asked_again(request, reply.text, refusal)
                if settings.show:
                    current_scope().restart_text()
                continue
            record.how = how if remaining == settings.reask else "reasked"
            return value
        raise AssertionError("the last try returns or raises")

    return await recorded(record, prompt.result, call)


async def _reply(models: Asked, route: str, request: ModelRequest, record: StepRecord, *, show: bool) -> Reply:
    """The whole answer of one call, shown as it comes, and added to the record."""
    scope = current_scope()
    reply: Reply | None = None
    try:
        async with aclosing(models.stream(route, request)) as events:
            async for event in events:
                if isinstance(event, Finished):
                    reply = event.reply
                elif show and isinstance(event, TextDelta):
                    scope.text(event.text)
                elif show and isinstance(event, Restarted):
                    scope.restart_text()
    except ModelError as error:
        record.attempts = (*record.attempts, *_attempts(error))
        record.model = record.model or error.model
        raise
    if reply is None:
        raise StreamCut(
            "the answer stopped without its end",
            model=record.model,
            hint="Try again; if it stays, run `coachwork models check`.",
        )
    first = record.model == ""
    record.model = reply.model
    record.usage = record.usage + reply.usage
    record.cost_nano = (
        None if record.cost_nano is None or reply.cost_nano is None else record.cost_nano + reply.cost_nano
    )
    record.cached = reply.cached and (first or record.cached)
    record.attempts = (*record.attempts, *reply.attempts)
    return reply


def _attempts(error: ModelError) -> tuple[Attempt, ...]:
    made = []
    for each in error.details.get("attempts", ()):
        if isinstance(each, Attempt):
            made.append(each)
        elif isinstance(each, Mapping):
            made.append(
                Attempt(
                    str(each.get("model", "")),
                    str(each.get("code", "")),
                    str(each.get("message", "")),
                    float(each.get("seconds") or 0),
                )
            )
    return tuple(made)


def _read(prompt: Compiled, reply: Reply) -> tuple[Any, str]:
    if reply.finish_reason == "content_filter":
        raise ContentFiltered(
            "the provider would not let the model answer",
            model=reply.model,
            hint="Change the prompt, or route it to another provider.",
        )
    if prompt.shape is not None:
        output = read_output(reply.text, prompt.shape, cut=reply.finish_reason == "length")
        return output.value, output.how
    if reply.finish_reason == "length":
        raise OutputTruncated(
            f"the answer was cut at its token limit after {len(reply.text)} characters",
            raw=reply.text,
            reasons=["the answer was cut at its token limit"],
            hint=f"Raise max_tokens in {prompt.file.path} or on the route {prompt.file.settings.route!r}.",
        )
    if not reply.text.strip():
        raise OutputRefused("the answer is empty", raw=reply.text, reasons=["the answer is empty"])
    return reply.text, "text"


def asked_again(request: ModelRequest, answer: str, refusal: OutputRefused) -> ModelRequest:
    """The same question with the refused answer and what exactly is wrong with it."""
    wrong = "\n".join(f"- {reason}" for reason in refusal.reasons[:12])
    again = "Answer the whole question again" + (
        ", with one JSON object and nothing else." if request.schema is not None else "."
    )
    turns = [Message.of("assistant", answer[:_ECHO])] if answer.strip() else []
    turns.append(Message.of("user", f"That answer can't be used:\n{wrong}\n{again}"))
    return dataclasses.replace(request, messages=(*request.messages, *turns))
