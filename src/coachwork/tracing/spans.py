"""Spans after the OpenTelemetry GenAI conventions (https://opentelemetry.io/docs/specs/semconv/gen-ai/), stored.

Knows names, times and counts; never the user's text. A run is one trace, whose id follows from the
run's id, so that a run which goes on in another process stays in the same trace.
"""

import hashlib
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol

from coachwork.messages import StepRecord, Usage
from coachwork.tracing.scope import current_scope

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
    from opentelemetry.trace import Span, Tracer

    from coachwork.store.database import Database

_provider: "TracerProvider | None" = None
_tracer: "Tracer | None" = None  # made once: the SDK makes a new one each time it is asked


def start(database: "Database") -> None:
    """Record spans into `database` until `stop()`."""
    global _provider, _tracer
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
    from opentelemetry.sdk.trace.id_generator import IdGenerator

    from coachwork.store.row_queue import RowQueue
    from coachwork.store.tables import spans

    rows = RowQueue(database, spans)

    class Recorder(SpanProcessor):
        def on_end(self, span: "ReadableSpan") -> None:
            if (row := _row(span)) is not None:
                rows.add(row)

    class Ids(IdGenerator):
        """Not from `random`, as the SDK's own: an application that seeds it would give ids twice."""

        def generate_span_id(self) -> int:
            return secrets.randbits(64) or 1

        def generate_trace_id(self) -> int:
            return secrets.randbits(128) or 1

    _provider = TracerProvider(id_generator=Ids(), resource=Resource.create({"service.name": "coachwork"}))
    _provider.add_span_processor(Recorder())
    _tracer = None


def stop() -> None:
    global _provider, _tracer
    if _provider is not None:
        _provider.shutdown()
        _provider = _tracer = None


def tracer() -> "Tracer":
    """The tracer of this process; spans go nowhere before `start()`."""
    global _tracer
    from opentelemetry import trace

    if _tracer is None:
        _tracer = (_provider or trace.NoOpTracerProvider()).get_tracer("coachwork")
    return _tracer


@contextmanager
def run(run_id: str, pipeline: str) -> Iterator["Span"]:
    """The span of a run: the root of its trace."""
    from opentelemetry import trace

    parent = trace.SpanContext(
        trace_id=trace_id(run_id),
        span_id=int.from_bytes(hashlib.blake2b(run_id.encode(), digest_size=8).digest(), "big") or 1,
        is_remote=True,
        trace_flags=trace.TraceFlags(trace.TraceFlags.SAMPLED),
    )
    context = trace.set_span_in_context(trace.NonRecordingSpan(parent))
    attributes = {
        "gen_ai.operation.name": "invoke_workflow",
        "gen_ai.workflow.name": pipeline,
        "coachwork.run.id": run_id,
    }
    with tracer().start_as_current_span(f"invoke_workflow {pipeline}", context=context, attributes=attributes) as span:
        yield span


@contextmanager
def step(record: StepRecord, run_id: str) -> Iterator["Span"]:
    """The span of a step. What the record has learnt by the end is added then."""
    attributes = {"coachwork.run.id": run_id, "coachwork.step.kind": record.kind, "coachwork.step.name": record.name}
    with tracer().start_as_current_span(
        f"{record.kind} {record.name}", attributes=attributes, record_exception=False
    ) as span:
        try:
            yield span
        finally:
            if record.prompt_version:
                span.set_attribute("coachwork.prompt.version", record.prompt_version)
            if record.how:
                span.set_attribute("coachwork.output.how", record.how)
            if record.mended:
                span.set_attribute("coachwork.output.mended", tuple(record.mended))
            for place, probability in record.confidence.items():
                span.set_attribute(f"coachwork.output.confidence.{place}", probability)


def part(name: str, *, operation: str, start_ns: int) -> "Span":
    """Begin the span of a part of hosted work, a node or a tool, under the current one. `end()` it with its time."""
    attributes = {"gen_ai.operation.name": operation, "coachwork.run.id": current_scope().run_id}
    if operation == "execute_tool":
        attributes["gen_ai.tool.name"] = name
    return tracer().start_span(f"{operation} {name}", start_time=start_ns, attributes=attributes)


class ModelCall(Protocol):
    """What a span needs to know of a call that has ended; times are nanoseconds since 1970 UTC."""

    @property
    def route(self) -> str: ...
    @property
    def model(self) -> str: ...
    @property
    def provider(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def started_ns(self) -> int: ...
    @property
    def ended_ns(self) -> int: ...
    @property
    def first_token_ns(self) -> int | None: ...
    @property
    def usage(self) -> Usage: ...
    @property
    def cost_nano(self) -> int | None: ...
    @property
    def outcome(self) -> str: ...
    @property
    def finish_reason(self) -> str: ...
    @property
    def cached(self) -> bool: ...


_OPERATIONS = {"chat": "chat", "embed": "embeddings", "transcribe": "transcribe"}


def model_call(call: ModelCall) -> None:
    """Record a model call that has ended, under the span that is current."""
    from opentelemetry.trace import SpanKind, Status, StatusCode

    operation = _OPERATIONS.get(call.kind, call.kind)
    attributes: dict[str, Any] = {
        "gen_ai.operation.name": operation,
        "gen_ai.provider.name": call.provider,
        "gen_ai.request.model": call.model,
        "gen_ai.usage.input_tokens": call.usage.input_tokens,
        "gen_ai.usage.output_tokens": call.usage.output_tokens,
        "coachwork.route": call.route,
        "coachwork.run.id": current_scope().run_id,
    }
    for part, tokens in (
        ("cache_read.input_tokens", call.usage.cached_tokens),
        ("cache_creation.input_tokens", call.usage.cache_write_tokens),
        ("reasoning.output_tokens", call.usage.thinking_tokens),
    ):
        if tokens:
            attributes[f"gen_ai.usage.{part}"] = tokens
    if call.finish_reason:
        attributes["gen_ai.response.finish_reasons"] = [call.finish_reason]
    if call.first_token_ns is not None:
        attributes["gen_ai.response.time_to_first_chunk"] = (call.first_token_ns - call.started_ns) / 1e9
    if call.cost_nano is not None:
        attributes["coachwork.cost.nano_usd"] = call.cost_nano
    if call.cached:
        attributes["coachwork.cached"] = True
    if call.outcome != "ok":
        attributes["error.type"] = call.outcome
    span = tracer().start_span(
        f"{operation} {call.model}", kind=SpanKind.CLIENT, start_time=call.started_ns, attributes=attributes
    )
    span.set_status(Status(StatusCode.OK if call.outcome == "ok" else StatusCode.ERROR))
    span.end(call.ended_ns)


def trace_id(run_id: str) -> int:
    """The 128-bit trace id of a run."""
    return int.from_bytes(hashlib.blake2b(run_id.encode(), digest_size=16).digest(), "big") or 1


def _row(span: "ReadableSpan") -> dict[str, Any] | None:
    context, attributes = span.get_span_context(), dict(span.attributes or {})
    if context is None:
        return None
    return {
        "trace_id": f"{context.trace_id:032x}",
        "span_id": f"{context.span_id:016x}",
        "parent_id": f"{span.parent.span_id:016x}" if span.parent else None,
        "name": span.name,
        "kind": span.kind.name.lower(),
        "start_ns": span.start_time or 0,
        "end_ns": span.end_time or 0,
        "status": span.status.status_code.name.lower(),
        "attributes": {key: list(v) if isinstance(v, tuple) else v for key, v in attributes.items()},
        "run_id": str(attributes.get("coachwork.run.id", "")),
    }
