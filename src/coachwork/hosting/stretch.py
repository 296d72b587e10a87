"""One stretch of hosted work, from an input or answers to a value or questions: what is shown, booked and traced of it.

Knows the run, the books and the trace; does not know frameworks or where they run.
"""

import asyncio
import contextvars
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import structlog

from coachwork.errors import CoachworkError, RunFailed
from coachwork.hosting.guest.host import Event, Host
from coachwork.hosting.guest.task import Outcome, Task
from coachwork.hosting.provider_names import model_name
from coachwork.messages import JsonValue, StepRecord, Usage
from coachwork.models.foreign import ForeignCall
from coachwork.pipelines.run_scope import RunScope
from coachwork.tracing import spans

if TYPE_CHECKING:
    from opentelemetry.trace import Span

Runner = Callable[[Task, Host], Awaitable[Outcome]]
log = structlog.get_logger(__name__)
_SHOWN = 4_000  # characters of a tool's result that a reader is shown


async def play(run: RunScope, record: StepRecord, runner: Runner, task: Task) -> Outcome:
    """Let `runner` work, and keep the books of what it tells. Call it inside the step that is recorded as `record`.

    Raises what the hosted code raised, or the refusal where a model was not allowed to be asked.
    """
    stretch = Stretch(run, record)
    told: asyncio.Queue[Event | None] = asyncio.Queue()
    host = Host(told.put_nowait, stretch.ask, stretch.ask_now)
    work = asyncio.ensure_future(runner(task, host))
    work.add_done_callback(lambda _done: told.put_nowait(None))
    try:
        while (event := await told.get()) is not None:
            stretch.take(event)
        return _outcome(work, stretch.refusal)
    finally:
        host.stopped = True
        if not work.done():
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)
        stretch.close()


def _outcome(work: "asyncio.Future[Outcome]", refusal: CoachworkError | None) -> Outcome:
    if work.cancelled():
        raise RunFailed("the hosted code cancelled itself", hint="Look for a task group or a timeout in it.")
    failure = work.exception()
    if failure is not None and refusal is not None:
        raise refusal from failure
    return work.result()


class Stretch:
    """The books of one stretch."""

    def __init__(self, run: RunScope, record: StepRecord) -> None:
        self.refusal: CoachworkError | None = None
        self._run = run
        self._record = record
        self._step = run.step_seq
        self._models: list[str] = []
        self._cost: int | None = 0
        self._asked = self._tools = 0
        self._calls: dict[str, ForeignCall] = {}
        self._spans: dict[str, Span] = {}
        # Frameworks ask from threads that know nothing of the run, and budgets count by run and user.
        self._context = contextvars.copy_context()

    # ── What is asked ──

    async def ask(self, event: Event) -> str:
        """Admit a model call: "" for yes, else why not."""
        loop = asyncio.get_running_loop()
        return await loop.create_task(self._admit(event), context=self._context.copy())

    def ask_now(self, event: Event) -> str:
        """The same, without waiting."""
        return self._context.copy().run(self._admit_now, event)

    async def _admit(self, event: Event) -> str:
        try:
            call = await self._foreign.begin(self._route, _model(event), sent=event["sent"], most=event["most"])
        except CoachworkError as refusal:
            return self._refused(refusal)
        return self._begun(event, call)

    def _admit_now(self, event: Event) -> str:
        try:
            call = self._foreign.begin_now(self._route, _model(event), sent=event["sent"], most=event["most"])
        except CoachworkError as refusal:
            return self._refused(refusal)
        return self._begun(event, call)

    def _refused(self, refusal: CoachworkError) -> str:
        self.refusal = refusal
        return str(refusal)

    def _begun(self, event: Event, call: ForeignCall) -> str:
        self._asked += 1
        self._calls[event["id"]] = call
        if call.model not in self._models:
            self._models.append(call.model)
        return ""

    # ── What is told ──

    def take(self, event: Event) -> None:
        """One event of the hosted code."""
        match event["kind"]:
            case "text":
                self._text(event["text"], event["at_ns"])
            case "tool":
                self._tool(event)
            case "tool-end":
                self._tool_end(event)
            case "part":
                self._spans[event["id"]] = spans.part(event["name"], operation="task", start_ns=event["at_ns"])
            case "part-end":
                self._end_span(event["id"], event["at_ns"], event["error"])
            case "call-end":
                self._call_end(event)
            case other:
                log.warning("hosting.unknown_event", kind=other)

    def close(self) -> None:
        """Book what never ended, and tell the record what the stretch came to."""
        for call in self._calls.values():
            self._charge(call, usage=None, outcome="cancelled")
        self._calls.clear()
        for span in self._spans.values():
            span.end()
        self._spans.clear()
        self._record.model = ", ".join(self._models)
        self._record.cost_nano = self._cost
        self._record.detail = f"{_count(self._asked, 'model call')}, {_count(self._tools, 'tool call')}"

    def _text(self, text: str, at_ns: int) -> None:
        self._run.text(text)
        if self._calls:
            call = next(reversed(self._calls.values()))
            call.first_token_ns = call.first_token_ns or at_ns
            call.said += len(text.encode("utf-8", "surrogatepass"))

    def _tool(self, event: Event) -> None:
        self._tools += 1
        self._spans[event["id"]] = spans.part(event["name"], operation="execute_tool", start_ns=event["at_ns"])
        told = {"toolName": event["name"], "input": _short(event["input"])}
        within = {"coachwork": {"step": self._step}}
        self._show("tool-input-available", event["id"], **told, providerMetadata=within)
        self._append({"type": "data-note", "data": {"label": f"Using {event['name']}"}})

    def _tool_end(self, event: Event) -> None:
        self._end_span(event["id"], event["at_ns"], event["error"])
        if event["error"]:
            self._show("tool-output-error", event["id"], errorText=_short(event["error"]))
        else:
            self._show("tool-output-available", event["id"], output=_short(event["output"]))

    def _show(self, type: str, id: str, **fields: Any) -> None:
        """A part of the AI SDK's stream: https://ai-sdk.dev/docs/ai-sdk-ui/stream-protocol."""
        self._append({"type": type, "toolCallId": id, "dynamic": True, **fields})

    def _append(self, part: dict[str, Any]) -> None:
        self._run.services.events.append_soon(self._run.run_id, part)

    def _end_span(self, id: str, at_ns: int, error: str) -> None:
        span = self._spans.pop(id, None)
        if span is None:
            return
        if error:
            span.set_attribute("error.type", error.partition(":")[0])
        span.end(at_ns)

    def _call_end(self, event: Event) -> None:
        call = self._calls.pop(event["id"], None)
        if call is None:
            log.warning("hosting.unknown_call", call=event["id"])
            return
        call.said = max(call.said, event["said"])
        used = event["usage"]
        usage = None if used is None else Usage(**used)
        if event["error"] and usage is None and not call.said:
            usage = Usage()  # refused outright: nothing was worked on
        self._charge(call, usage=usage, outcome="model" if event["error"] else "ok", finish=event["finish"])

    def _charge(self, call: ForeignCall, *, usage: Usage | None, outcome: str, finish: str = "") -> None:
        charge = self._foreign.end(call, usage=usage, outcome=outcome, finish=finish)
        self._record.usage = self._record.usage + charge.usage
        known = self._cost is not None and charge.cost_nano is not None
        self._cost = (self._cost or 0) + (charge.cost_nano or 0) if known else None

    @property
    def _foreign(self) -> Any:
        return self._run.services.models.foreign

    @property
    def _route(self) -> str:
        return f"hosted:{self._record.name}"


def _model(event: Event) -> str:
    return model_name(event["provider"], event["model"])


def _short(value: JsonValue) -> JsonValue:
    """A tool's result as it is shown: whole, or the beginning of its text."""
    text = value if isinstance(value, str) else repr(value)
    return value if len(text) <= _SHOWN else text[:_SHOWN] + "…"


def _count(number: int, what: str) -> str:
    return f"{number} {what}" + ("" if number == 1 else "s")
