"""Every error Coachwork raises, as one tree. Knows what went wrong; does not know how it is shown.

CoachworkError
├── ProjectError            the project folder is wrong: file, line and the fix
├── InputError              what a person or program sent does not fit
├── TooLarge                … or is too big
├── NotFound                no such run, approval, document, pipeline …
├── Conflict                it was already decided, finished or taken
├── NotAllowed              whoever asks may not do this
├── NotInstalled            an optional part is missing: the line to type
├── PortInUse               another program listens there
├── ModelError              a model call failed
│   ├── MissingKey              no API key in the environment
│   ├── UnknownModel            no such model or provider
│   ├── ModelUnavailable        a local model's file is not there
│   ├── Unreachable             no connection to the provider
│   ├── ModelTimeout            too slow: to the first token, or in all
│   ├── RateLimited             429, with how long to wait
│   ├── Overloaded              503, 529
│   ├── ProviderFault           another 5xx, or an answer that is not the provider's wire
│   ├── Rejected                a 4xx: the request itself is wrong
│   ├── ContextTooLong          more tokens than the model takes
│   ├── ContentFiltered         the provider would not answer
│   ├── StreamCut               the answer stopped before its end
│   ├── CircuitOpen             the model failed so often that it is left alone for a while
│   ├── BudgetExceeded          the worst case of the call does not fit what a budget has left
│   ├── UnknownPrice            a money budget applies and the model has no known price
│   └── RouteExhausted          every model of the route failed
├── OutputRefused           a model's answer that does not prove to be the asked type
│   ├── OutputTruncated         … because it was cut at its token limit
│   └── ModelRefused            … because the model declined
├── DownloadError           a model file could not be had whole
│   └── DiskFull                … because there is no room for it
├── DocumentUnreadable      a document that can't be read: its name and why
├── DeliveryFailed          a webhook was not taken by its receiver
├── InDoubt                 a crash cut a step that may not be repeated: was it done?
├── ToolFailed              a tool of an agent says that it failed
├── AgentStopped            an agent ended without its answer: a limit, a loop, a refusal
├── RunFailed               the user's own code raised
├── DeadlineExceeded        a run was not done in its time
├── OutOfMemory             its code asked for more memory than there is
├── WorkerBlocked           its code held up all the other runs
├── WorkersDied             it took one worker after another with it
├── DatabaseFull            there is no room where the database lies
├── ReplayMismatch          the code no longer fits what the run has recorded
└── RunCancelled            somebody stopped the run
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, ClassVar, Literal


class CoachworkError(Exception):
    """Something Coachwork can explain: what happened, and what to do next.

    `message` is for the engineer (what happened, with which value), `hint` is what to type or
    change next, `reader` is one sentence for a person who never sees code.
    """

    code: ClassVar[str] = "error"
    status: ClassVar[int] = 500
    retryable: ClassVar[bool] = False
    reader_default: ClassVar[str] = "Something went wrong. What you sent is kept."
    from_details: ClassVar[tuple[str, ...]] = ()  # attributes that `details` also holds

    def __init__(
        self, message: str, *, hint: str = "", reader: str = "", details: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.reader = reader or self.reader_default
        self.details: dict[str, Any] = dict(details or {})

    def __str__(self) -> str:
        return f"{self.message}\n  → {self.hint}" if self.hint else self.message

    def to_dict(self) -> dict[str, Any]:
        """The error as JSON: {code, message, hint, reader, retryable, status, details}."""
        return {
            "code": self.code,
            "message": self.message,
            "hint": self.hint,
            "reader": self.reader,
            "retryable": self.retryable,
            "status": self.status,
            "details": self.details,
        }


class ProjectError(CoachworkError):
    """The project folder is wrong: names the file, the line where it is known, and the fix.

    `others` are what else was found wrong at the same time, for `doctor` to name in one go.
    """

    code = "project"
    reader_default = "This application is not set up correctly. Its maker has to look at it."
    from_details = ("file", "line")

    def __init__(self, message: str, *, file: str = "", line: int | None = None, hint: str = "") -> None:
        where = f"{file}:{line}: " if file and line else f"{file}: " if file else ""
        super().__init__(where + message, hint=hint, details={"file": file, "line": line})
        self.file = file
        self.line = line
        self.others: tuple[ProjectError, ...] = ()


class InputError(CoachworkError):
    """What was sent does not fit the declared type. `details["fields"]` lists {path, message, value}."""

    code = "input"
    status = 422
    reader_default = "Some of what you entered does not fit. Please check the marked fields."


class TooLarge(CoachworkError):
    code = "too-large"
    status = 413
    reader_default = "That is too large to send. Please shorten it or attach less."


class NotFound(CoachworkError):
    code = "not-found"
    status = 404
    reader_default = "This can't be found. It may have been removed."


class Conflict(CoachworkError):
    code = "conflict"
    status = 409
    reader_default = "Somebody was faster: this has already been decided."


class NotAllowed(CoachworkError):
    code = "not-allowed"
    status = 403
    reader_default = "You may not do this here."


class NotInstalled(CoachworkError):
    code = "not-installed"
    reader_default = "A part of this application is not installed. Its maker has to look at it."


class PortInUse(CoachworkError):
    code = "port-in-use"


class ModelError(CoachworkError):
    """A model call failed. `model` is `provider:name`."""

    code = "model"
    status = 502
    from_details: ClassVar[tuple[str, ...]] = ("model",)
    reader_default = "The model could not answer. What you sent is kept; please try again."

    def __init__(
        self,
        message: str,
        *,
        model: str = "",
        hint: str = "",
        reader: str = "",
        details: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message, hint=hint, reader=reader, details={"model": model, **(details or {})})
        self.model = model


class MissingKey(ModelError):
    code = "missing-key"
    status = 500


class UnknownModel(ModelError):
    code = "unknown-model"
    status = 500


class ModelUnavailable(ModelError):
    code = "model-unavailable"
    status = 503


class Unreachable(ModelError):
    code = "unreachable"
    status = 503
    retryable = True


class ModelTimeout(ModelError):
    code = "model-timeout"
    status = 504
    retryable = True
    reader_default = "The model did not answer in time. What you sent is kept; please try again."


class RateLimited(ModelError):
    """The provider asks to slow down. `retry_after` is in seconds, None where it does not say."""

    code = "rate-limited"
    status = 503
    retryable = True
    from_details = ("model", "retry_after")

    def __init__(self, message: str, *, model: str = "", hint: str = "", retry_after: float | None = None) -> None:
        super().__init__(message, model=model, hint=hint, details={"retry_after": retry_after})
        self.retry_after = retry_after


class Overloaded(ModelError):
    code = "overloaded"
    status = 503
    retryable = True


class ProviderFault(ModelError):
    code = "provider-fault"
    retryable = True


class Rejected(ModelError):
    code = "rejected"


class ContextTooLong(ModelError):
    code = "context-too-long"
    reader_default = "That is more text than the model can read at once. Please shorten it."


class ContentFiltered(ModelError):
    code = "content-filtered"
    reader_default = "The model's provider would not answer this."


class StreamCut(ModelError):
    code = "stream-cut"
    retryable = True
    reader_default = "The answer stopped in the middle, so it is not shown as complete. Please try again."


class CircuitOpen(ModelError):
    code = "circuit-open"
    status = 503
    retryable = True


class BudgetExceeded(ModelError):
    """A budget has too little left. `details`: scope, name, per, limit_nano, left_nano, needed_nano, resets_at (ms)."""

    code = "budget-exceeded"
    status = 402
    reader_default = "The money set aside for this is used up, so the model was not asked. What you sent is kept."


class UnknownPrice(ModelError):
    code = "unknown-price"
    status = 402
    reader_default = "This application is not set up correctly. Its maker has to look at it."


class RouteExhausted(ModelError):
    """Every model of a route failed. `details["attempts"]` lists {model, code, message} in order."""

    code = "route-exhausted"
    status = 503
    retryable = True


class OutputRefused(CoachworkError):
    """A model's answer could not be proved to be the asked type. `raw` is its text, `reasons` why not."""

    code = "output-refused"
    status = 502
    from_details = ("raw", "reasons")
    reader_default = "The model's answer could not be used, so nothing was made up from it. Please try again."

    def __init__(self, message: str, *, raw: str, reasons: Sequence[str] = (), hint: str = "") -> None:
        super().__init__(message, hint=hint, details={"raw": raw, "reasons": list(reasons)})
        self.raw = raw
        self.reasons = list(reasons)


class OutputTruncated(OutputRefused):
    code = "output-truncated"


class ModelRefused(OutputRefused):
    code = "model-refused"
    reader_default = "The model declined to answer this."


class DownloadError(CoachworkError):
    code = "download"
    status = 503


class DiskFull(DownloadError):
    code = "disk-full"
    status = 507


class DocumentUnreadable(CoachworkError):
    """A document that can't be read. `document` is its path in the knowledge base, `reason` is why."""

    code = "document-unreadable"
    status = 422
    from_details = ("document", "reason")

    def __init__(self, document: str, reason: str, *, hint: str = "") -> None:
        super().__init__(
            f"{document!r} can't be read: {reason}", hint=hint, details={"document": document, "reason": reason}
        )
        self.document = document
        self.reason = reason


class SourceUnavailable(CoachworkError):
    """A source of documents, or a page of one, that can't be reached. `source` is which, `reason` is why."""

    code = "source-unavailable"
    status = 502
    from_details = ("source", "reason")

    def __init__(self, source: str, reason: str, *, hint: str = "") -> None:
        super().__init__(
            f"{source!r} can't be reached: {reason}", hint=hint, details={"source": source, "reason": reason}
        )
        self.source = source
        self.reason = reason


class DeliveryFailed(CoachworkError):
    code = "delivery-failed"
    status = 502
    retryable = True
    reader_default = "The result could not be delivered. It is kept, and can be sent again."


class InDoubt(CoachworkError):
    """A step was cut by a crash after it had begun, and may not simply be done again."""

    code = "in-doubt"
    status = 409
    reader_default = "It is not known whether this was done before it was interrupted."


class ToolFailed(CoachworkError):
    """`reader` is what the tool said, for the model that called it."""

    code = "tool-failed"
    status = 502
    reader_default = "A tool of the assistant did not work."


class AgentStopped(CoachworkError):
    """`details["outcome"]` is what was achieved so far, as JSON."""

    code = "agent-stopped"
    reader_default = "The assistant stopped before it had an answer."


class RunFailed(CoachworkError):
    """The application's own code raised. `details["type"]` is the exception's class."""

    code = "run-failed"


class DeadlineExceeded(CoachworkError):
    """A run was not done in the time it had. `seconds` is that time, from when it was accepted."""

    code = "deadline-exceeded"
    status = 504
    reader_default = "This took longer than it may, and was stopped."
    from_details = ("run_id", "seconds")

    def __init__(self, run_id: str, seconds: float) -> None:
        super().__init__(
            f"run {run_id} had {seconds:g} s, and they are over",
            hint="Start it with more time, or make its steps shorter.",
            details={"run_id": run_id, "seconds": seconds},
        )
        self.run_id = run_id
        self.seconds = seconds


class OutOfMemory(CoachworkError):
    """A run's code took more memory than there is. `limit_mb` is `[runs] memory_mb`, None for any other limit."""

    code = "out-of-memory"
    status = 507
    reader_default = "This needs more memory than there is. Please try it with less at once."
    from_details = ("limit_mb",)

    def __init__(self, limit_mb: int | None = None) -> None:
        bound = (
            "could have" if limit_mb is None else f"may have: [runs] memory_mb = {limit_mb}, for all its runs together"
        )
        super().__init__(
            f"the code of this run asked for more memory than its process {bound}",
            hint="Work on less at once, let fewer runs work at once ([runs] concurrency), or allow more "
            "([runs] memory_mb).",
            details={"limit_mb": limit_mb},
        )
        self.limit_mb = limit_mb


class WorkerBlocked(CoachworkError):
    """A run held up all the others of its process for `seconds`, by code that never awaited. `where` is the line."""

    code = "worker-blocked"
    reader_default = "This held up everything else, and was stopped. Its maker has to look at it."
    from_details = ("run_id", "where", "seconds")

    def __init__(self, run_id: str, where: str, seconds: float) -> None:
        super().__init__(
            f"run {run_id} held up its worker for {seconds:.0f} s, at {where}",
            hint="Await there, or move what takes long out of the event loop: `await asyncio.to_thread(f, …)`. "
            "[runs] blocked_seconds says how long it may take.",
            details={"run_id": run_id, "where": where, "seconds": seconds},
        )
        self.run_id = run_id
        self.where = where
        self.seconds = seconds


class WorkersDied(CoachworkError):
    """A run took one worker after another with it. `deaths` is how many, `steps` how many steps had ended."""

    code = "workers-died"
    reader_default = "This stopped the program that works on it, again and again. Its maker has to look at it."
    from_details = ("run_id", "deaths", "steps")

    def __init__(self, run_id: str, deaths: int, steps: int) -> None:
        super().__init__(
            f"{deaths} workers died while they worked on run {run_id}, after {steps} ended steps",
            hint="See what the next step does: it may run out of memory, or crash a library. What has ended is kept: "
            f"coachwork runs fork {run_id} --from {steps + 1}",
            details={"run_id": run_id, "deaths": deaths, "steps": steps},
        )
        self.run_id = run_id
        self.deaths = deaths
        self.steps = steps


class DatabaseFull(CoachworkError):
    """The disk of the database is full: nothing was written, and what it had accepted before is kept."""

    code = "database-full"
    status = 507
    retryable = True
    reader_default = "There is no room left to keep this. Nothing was begun; please try again later."

    def __init__(self, why: str = "") -> None:
        super().__init__(
            f"the database could not be written: {why}",
            hint="Make room on the disk where the database lies. What was accepted before goes on by itself then.",
        )


class ReplayMismatch(CoachworkError):
    """A run in flight met changed code. `details`: step, recorded, called, line."""

    code = "replay-mismatch"
    reader_default = "This application was changed while this was under way. Its maker has to look at it."


class RunCancelled(CoachworkError):
    code = "cancelled"
    status = 409
    reader_default = "This was stopped."


@dataclass(frozen=True)
class Finding:
    """One result of a check: a stable id, how bad, what, the fix, and where. Django's system checks are the model."""

    id: str
    level: Literal["error", "warning", "info"]
    message: str
    hint: str = ""
    where: str = ""


def did_you_mean(name: str, known: Sequence[str]) -> str:
    """A sentence that offers the nearest known name, or lists them where none is near."""
    near = get_close_matches(name, known, n=1, cutoff=0.6)
    if near:
        return f"Did you mean {near[0]!r}?"
    return f"Known: {', '.join(sorted(known)) or 'none'}."


def from_dict(value: Mapping[str, Any]) -> CoachworkError:
    """The error that `to_dict` described, of the same class. An unknown code gives a plain CoachworkError."""
    kind = _by_code(CoachworkError).get(str(value.get("code")), CoachworkError)
    error = kind.__new__(kind)
    CoachworkError.__init__(
        error,
        str(value.get("message", "")),
        hint=str(value.get("hint", "")),
        reader=str(value.get("reader", "")),
        details=value.get("details") or {},
    )
    for name in kind.from_details:
        setattr(error, name, error.details.get(name))
    return error


def _by_code(kind: type[CoachworkError]) -> dict[str, type[CoachworkError]]:
    found = {kind.code: kind}
    for below in kind.__subclasses__():
        found.update(_by_code(below))
    return found
