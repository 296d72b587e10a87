"""Asks a model and reads its answer: request, stream, ladder, one re-ask. Knows a route's events; no providers."""

import asyncio
import dataclasses
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeAlias, cast, runtime_checkable

from coachwork.errors import (
    ContentFiltered,
    ModelError,
    ModelRefused,
    OutputRefused,
    OutputTruncated,
    RouteExhausted,
    StreamCut,
)
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
from coachwork.prompts.reasoning import Veil, answer_so_far, taken_apart, text_apart
from coachwork.prompts.tools import ROUNDS, results
from coachwork.tracing.scope import current_scope, recorded
from coachwork.tracing.taint import holds_foreign

_ECHO = 6_000


class Asked(Protocol):
    """What a prompt needs of `models.Models`."""

    def stream(self, route: str, request: ModelRequest) -> AsyncGenerator[ModelEvent, None]:
        """Events of one call; the last is Finished. Raises ModelError."""

    async def embed(self, route: str, texts: Sequence[str], *, purpose: Any) -> Any:
        """Vectors of texts; asked where examples are chosen by similarity."""


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
        tainted=holds_foreign(arguments),
    )
    asking = Asking(prompt, models, record, watch)

    async def call() -> Any:
        return await asking.answer(prompt.request(arguments, await prompt.ranked(models, arguments)))

    return await recorded(record, prompt.result, call)


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
class Asking:
    """The calls of one step, as many as it takes: one, and the re-asks that the prompt allows."""

    prompt: Compiled
    models: Asked
    record: StepRecord
    watch: Watch | None
    refused: list[Attempt] = field(default_factory=list)
    watched: int = 0
    shown: JsonValue = None
    veil: Veil = field(default_factory=Veil)

    async def answer(self, request: ModelRequest) -> Any:
        """The value, how it was won noted in the record. A first re-ask goes to the same model, a second passes it."""
        prompt, settings = self.prompt, self.prompt.file.settings
        if prompt.shape is not None and has_choices(prompt.shape):
            request = everywhere(request, lambda one: dataclasses.replace(one, probabilities=True))
        for tries in range(settings.reask + 1):
            route = settings.route if not tries else settings.reask_route or settings.route
            reply = await self.reply(route, request, after=self.refused if tries > 1 else ())
            request, reply = await self.with_tools(route, request, reply)
            try:
                value, how, notes, self.record.reasoning = read_reply(prompt, reply, self.models)
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
            if (shape := prompt.form_for(reply.model).shape) is not None and reply.probabilities:
                self.record.confidence = of_choices(reply.text, reply.probabilities, shape)
            return value
        raise AssertionError("the last try returns or raises")

    async def with_tools(self, route: str, request: ModelRequest, reply: Reply) -> tuple[ModelRequest, Reply]:
        """The answer once the model asks for no more tools, and the request that it answers."""
        for _round in range(ROUNDS):
            if not reply.tool_calls:
                return request, reply
            turns = await results(self.prompt.form_for(reply.model).tools, reply)
            request = continued(request, turns)
            self.restart()
            reply = await self.reply(route, request, after=())
        if not reply.tool_calls:
            return request, reply
        raise OutputRefused(
            f"the model still asked for tools after {ROUNDS} rounds",
            raw=reply.text,
            reasons=[f"it asked for {reply.tool_calls[0].name!r} again"],
            hint="Say in the prompt when a tool is not needed, or use an agent.",
        )

    def restart(self) -> None:
        self.veil = Veil()
        if self.prompt.file.settings.show and self.prompt.shape is None:
            current_scope().restart_text()
        elif self.prompt.file.settings.show:
            current_scope().partial(None)
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
            if declined := _declined(error):
                raise ModelRefused("the model declined to answer", raw=declined, reasons=[declined]) from error
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
        shows, shape = self.prompt.file.settings.show, self.prompt.shape
        if shows and shape is None:
            current_scope().text(self.veil.shown(fresh) if self.prompt.form.reasons else fresh)
        grows = shows and shape is not None
        if not (grows or self.watch) or len(text) < self.watched + len(text) // 64:
            return  # a long answer is looked at less often: each look reads it from its beginning
        self.watched = len(text)
        value = so_far(text, shape)
        if self.prompt.form.reasons:
            value = answer_so_far(value)
        if value is not None and value != self.shown:
            self.shown = value
            if self.watch is not None:
                self.watch(value)
            if grows:
                current_scope().partial(value)


async def silent_reply(models: Asked, record: StepRecord, route: str, request: ModelRequest) -> Reply:
    """The whole answer of a call that nobody watches, noted in the record. Raises ModelError."""
    async with aclosing(models.stream(route, request)) as events:
        replies = [event.reply async for event in events if isinstance(event, Finished)]
    if not replies:
        raise StreamCut("the answer stopped without its end", model=record.model, hint="Try again.")
    _add(record, replies[0])
    return replies[0]


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


def _declined(error: ModelError) -> str:
    """What the model said instead of an answer, on a field of its wire or, on a route, as the last model did."""
    last = error.__cause__ if isinstance(error, RouteExhausted) else error
    return str(last.details.get("declined", "")) if isinstance(last, ContentFiltered) else ""


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


def read_reply(prompt: Compiled, reply: Reply, models: Asked) -> tuple[Any, str, Sequence[str], str]:
    """The value, how it was won, what was mended, and the thoughts before it.

    `native` is strict from a decoder that was held to the schema.
    """
    form = prompt.form_for(reply.model)
    if reply.finish_reason == "content_filter":
        raise ContentFiltered(
            "the provider would not let the model answer",
            model=reply.model,
            hint="Change the prompt, or route it to another provider.",
        )
    if form.shape is not None:
        output = read_output(reply.text, form.shape, cut=reply.finish_reason == "length")
        held = models.held(reply.model) if isinstance(models, Holding) else ""
        how = "native" if output.how == "strict" and held == "native" else output.how
        value, thoughts = taken_apart(output.value) if form.reasons else (output.value, reply.thinking)
        return value, how, output.notes, thoughts
    if reply.finish_reason == "length":
        raise OutputTruncated(
            f"the answer was cut at its token limit after {len(reply.text)} characters",
            raw=reply.text,
            reasons=["the answer was cut at its token limit"],
            hint=f"Raise max_tokens in {prompt.file.path} or on the route {prompt.file.settings.route!r}.",
        )
    text, thoughts = text_apart(reply.text) if form.reasons else (reply.text, reply.thinking)
    if not text.strip():
        raise OutputRefused("the answer is empty", raw=reply.text, reasons=["the answer is empty"])
    return text, "text", (), thoughts


def asked_again(request: ModelRequest, answer: str, refusal: OutputRefused) -> ModelRequest:
    """The same question with the refused answer and what exactly is wrong with it."""
    return continued(request, refused_with(answer, refusal, structured=request.schema is not None))


def refused_with(answer: str, refusal: OutputRefused, *, structured: bool) -> list[Message]:
    """The turns by which a model is told that its answer can't be used, and why."""
    wrong = "\n".join(f"- {reason}" for reason in refusal.reasons[:12])
    again = "Answer the whole question again" + (", with one JSON object and nothing else." if structured else ".")
    turns = [Message.of("assistant", answer[:_ECHO])] if answer.strip() else []
    return [*turns, Message.of("user", f"That answer can't be used:\n{wrong}\n{again}")]


def continued(request: ModelRequest, turns: Sequence[Message]) -> ModelRequest:
    return everywhere(request, lambda one: dataclasses.replace(one, messages=(*one.messages, *turns)))


def everywhere(request: ModelRequest, change: Callable[[ModelRequest], ModelRequest]) -> ModelRequest:
    """The request changed, and so what it is for each model that is asked otherwise."""
    variants = {model: change(other) for model, other in request.variants.items()}
    return dataclasses.replace(change(request), variants=variants)
