"""Asks a model and reads its answer: request, stream, ladder, one re-ask. Knows a route's events; no providers."""

import asyncio
import dataclasses
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeAlias, cast, runtime_checkable

from coachwork.errors import ContentFiltered, ModelError, ModelRefused, OutputRefused, OutputTruncated, StreamCut
from coachwork.messages import (
    Attempt,
    Finished,
    JsonValue,
    Message,
    ModelEvent,
    ModelRequest,
    Reply,
    Restarted,
    StepRecord,
    TextDelta,
)
from coachwork.prompts.compiled import Compiled
from coachwork.prompts.confidence import has_choices, of_choices
from coachwork.prompts.output import read_output
from coachwork.prompts.partial import Partial, Whole, so_far
from coachwork.tracing.scope import current_scope, recorded

_ECHO = 6_000


class Asked(Protocol):
    """What a prompt needs of `models.Models`."""

    def stream(self, route: str, request: ModelRequest) -> AsyncGenerator[ModelEvent, None]:
        """Events of one call; the last is Finished. Raises ModelError."""


class Passing(Protocol):
    """Models that can leave out those whose answer to the same question did not do."""

    def stream(
        self, route: str, request: ModelRequest, *, after: Sequence[Attempt] = ()
    ) -> AsyncGenerator[ModelEvent, None]: ...


@runtime_checkable
class Holding(Protocol):
    """Models that know how an answer is held to a schema: by the model's own decoder, a tool, or only by asking."""

    def held(self, model: str) -> str: ...


Watch: TypeAlias = Callable[[JsonValue], None]


async def ask(prompt: Compiled, models: Asked, arguments: Mapping[str, Any], *, watch: Watch | None = None) -> Any:
    """One recorded step: the prompt's answer for these arguments, as its type.

    `watch` is told what there is of the answer while it is written. Raises ModelError where no model
    answered, OutputTruncated, ModelRefused or OutputRefused where the answer is not the asked type.
    The step's record tells of every call that was paid for.
    """
    record = StepRecord(
        kind="prompt",
        name=prompt.signature.name,
        label=prompt.label(arguments),
        input=prompt.recorded(arguments),
        route=prompt.file.settings.route,
        prompt_version=prompt.version,
    )
    asking = _Asking(prompt, models, record, watch)
    return await recorded(record, prompt.result, lambda: asking.answer(prompt.request(arguments)))


async def streamed(
    prompt: Compiled, models: Asked, arguments: Mapping[str, Any]
) -> AsyncGenerator[Partial | Whole[Any], None]:
    """What there is of the answer, again and again, and at the end the Whole. Closing it stops the model.

    Raises what `ask` raises. A step that is replayed gives its Whole at once.
    """
    seen: asyncio.Queue[Partial | None] = asyncio.Queue()
    task = asyncio.create_task(
        ask(prompt, models, arguments, watch=lambda value: seen.put_nowait(Partial(value))),
        name=f"prompt {prompt.signature.name}",
    )
    task.add_done_callback(lambda _: seen.put_nowait(None))
    try:
        while (partial := await seen.get()) is not None:
            yield partial
        yield Whole(await task)
    finally:
        if not task.done():
            task.cancel()
            await asyncio.wait([task])


@dataclass
class _Asking:
    """The calls of one step, as many as it takes: one, and the re-asks that the prompt allows."""

    prompt: Compiled
    models: Asked
    record: StepRecord
    watch: Watch | None
    refused: list[Attempt] = field(default_factory=list)
    watched: int = 0
    shown: JsonValue = None

    async def answer(self, request: ModelRequest) -> Any:
        """The value, how it was won noted in the record. A first re-ask goes to the same model, a second passes it."""
        prompt, settings = self.prompt, self.prompt.file.settings
        if prompt.shape is not None and has_choices(prompt.shape):
            request = _everywhere(request, lambda one: dataclasses.replace(one, probabilities=True))
        for tries in range(settings.reask + 1):
            route = settings.route if not tries else settings.reask_route or settings.route
            reply = await self.reply(route, request, after=self.refused if tries > 1 else ())
            try:
                value, how, notes = _read(prompt, reply, self.models)
            except (OutputTruncated, ModelRefused):
                raise
            except OutputRefused as refusal:
                why = "; ".join(refusal.reasons)
                self.refused.append(Attempt(reply.model, refusal.code, why[:500], reply.seconds))
                self.record.detail = f"asked again: {why}"[:500]
                if tries == settings.reask:
                    raise
                request = asked_again(request, reply.text, refusal)
                self.restart()
                continue
            self.record.how = "reasked" if tries else how
            self.record.mended = tuple(notes)
            if prompt.shape is not None and reply.probabilities:
                self.record.confidence = of_choices(reply.text, reply.probabilities, prompt.shape)
            return value
        raise AssertionError("the last try returns or raises")

    def restart(self) -> None:
        if self.prompt.file.settings.show:
            current_scope().restart_text()
        self.watched, self.shown = 0, None
        if self.watch is not None:
            self.watch(None)

    async def reply(self, route: str, request: ModelRequest, *, after: Sequence[Attempt]) -> Reply:
        """The whole answer of one call, shown as it comes, and added to the record."""
        reply: Reply | None = None
        text = ""
        stream = (
            cast(Passing, self.models).stream(route, request, after=after)
            if after
            else self.models.stream(route, request)
        )
        try:
            async with aclosing(stream) as events:
                async for event in events:
                    if isinstance(event, Finished):
                        reply = event.reply
                    elif isinstance(event, TextDelta):
                        text += event.text
                        self.show(event.text, text)
                    elif isinstance(event, Restarted):
                        text = ""
                        self.restart()
        except ModelError as error:
            self.record.attempts = (*self.record.attempts, *_attempts(error))
            self.record.model = self.record.model or error.model
            raise
        if reply is None:
            raise StreamCut(
                "the answer stopped without its end",
                model=self.record.model,
                hint="Try again; if it stays, run `coachwork models check`.",
            )
        _add(self.record, reply)
        return reply

    def show(self, fresh: str, text: str) -> None:
        if self.prompt.file.settings.show:
            current_scope().text(fresh)
        if self.watch is None or len(text) < self.watched + len(text) // 64:
            return  # a long answer is looked at less often: each look reads it from its beginning
        self.watched = len(text)
        if (value := so_far(text, self.prompt.shape)) is not None and value != self.shown:
            self.shown = value
            self.watch(value)


def _add(record: StepRecord, reply: Reply) -> None:
    """What one call cost and went through, added to what its step knows."""
    first = record.model == ""
    record.model = reply.model
    record.usage = record.usage + reply.usage
    record.cost_nano = (
        None if record.cost_nano is None or reply.cost_nano is None else record.cost_nano + reply.cost_nano
    )
    record.cached = reply.cached and (first or record.cached)
    record.attempts = (*record.attempts, *reply.attempts)


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


def _read(prompt: Compiled, reply: Reply, models: Asked) -> tuple[Any, str, Sequence[str]]:
    """The value, how it was won, and what was mended. `native` is strict from a decoder that was held to the schema."""
    if reply.finish_reason == "content_filter":
        raise ContentFiltered(
            "the provider would not let the model answer",
            model=reply.model,
            hint="Change the prompt, or route it to another provider.",
        )
    if prompt.shape is not None:
        output = read_output(reply.text, prompt.shape, cut=reply.finish_reason == "length")
        held = models.held(reply.model) if isinstance(models, Holding) else ""
        how = "native" if output.how == "strict" and held == "native" else output.how
        return output.value, how, output.notes
    if reply.finish_reason == "length":
        raise OutputTruncated(
            f"the answer was cut at its token limit after {len(reply.text)} characters",
            raw=reply.text,
            reasons=["the answer was cut at its token limit"],
            hint=f"Raise max_tokens in {prompt.file.path} or on the route {prompt.file.settings.route!r}.",
        )
    if not reply.text.strip():
        raise OutputRefused("the answer is empty", raw=reply.text, reasons=["the answer is empty"])
    return reply.text, "text", ()


def asked_again(request: ModelRequest, answer: str, refusal: OutputRefused) -> ModelRequest:
    """The same question with the refused answer and what exactly is wrong with it."""
    wrong = "\n".join(f"- {reason}" for reason in refusal.reasons[:12])
    again = "Answer the whole question again" + (
        ", with one JSON object and nothing else." if request.schema is not None else "."
    )
    turns = [Message.of("assistant", answer[:_ECHO])] if answer.strip() else []
    turns.append(Message.of("user", f"That answer can't be used:\n{wrong}\n{again}"))
    return _everywhere(request, lambda one: dataclasses.replace(one, messages=(*one.messages, *turns)))


def _everywhere(request: ModelRequest, change: Callable[[ModelRequest], ModelRequest]) -> ModelRequest:
    """The request changed, and so what it is for each model that is asked otherwise."""
    variants = {model: change(other) for model, other in request.variants.items()}
    return dataclasses.replace(change(request), variants=variants)
