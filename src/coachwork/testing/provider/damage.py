"""An answer and its faults become steps: what to send, when to wait, how to end. Pure; a connection performs them."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from email.utils import formatdate
from typing import TypeAlias

from coachwork.testing.provider.faults import Fault, number_of
from coachwork.testing.provider.question import Answer, Question
from coachwork.testing.provider.wire import Frame, Received, Trouble, TroubleKind, Wire, compact

_PLAIN_PIECE = 40  # bytes
_FOR_EVER = math.inf
_HALVES_APART = 0.02  # seconds, so that the two arrive as two
_READ_FIRST = 0.05  # seconds: a reset takes from the client's socket what it has not read yet
_BROKEN = "\ue000"  # stands for a byte that is no UTF-8 until the text is bytes
_NO_LENGTH = ("end-after", "end-in-character", "endless-pings", "endless-text", "pings")  # of the body sent
_PING = b": ping\n\n"
_HTML = "<html><head><title>{0}</title></head><body><h1>{0}</h1><hr>nginx</body></html>\n"

_TROUBLES: dict[str, tuple[TroubleKind, int, str]] = {
    "400": ("bad-request", 400, "Invalid request (this fault was asked for)."),
    "401": ("auth", 401, "Incorrect API key provided."),
    "403": ("permission", 403, "Your account may not use this model."),
    "404": ("not-found", 404, "The model does not exist or you do not have access to it."),
    "408": ("timeout", 408, "The request timed out."),
    "413": ("too-large", 413, "The request is too large."),
    "429": ("rate-limit", 429, "Rate limit reached. Please slow down."),
    "429-retry-after": ("rate-limit", 429, "Rate limit reached. Please slow down."),
    "429-retry-after-ms": ("rate-limit", 429, "Rate limit reached. Please slow down."),
    "429-retry-date": ("rate-limit", 429, "Rate limit reached. Please slow down."),
    "quota": ("quota", 429, "You exceeded your current quota, please check your plan and billing details."),
    "500": ("server", 500, "The server had an error while processing your request."),
    "502": ("server", 502, "Bad gateway."),
    "503": ("unavailable", 503, "The service is temporarily unavailable."),
    "529": ("overloaded", 529, "Overloaded"),
}
NO_ANSWER = frozenset(
    {
        *_TROUBLES,
        "context-too-long",
        "content-filter-error",
        "html-200",
        "html-502",
        "wrong-shape",
        "refuse",
        "hang-up",
        "hang-before-headers",
    }
)
_TOO_LONG = {  # each provider says it in its own words, and clients know it by them
    "openai": "This model's maximum context length is 128000 tokens. However, your messages resulted in 130000 tokens.",
    "anthropic": "prompt is too long: 210000 tokens > 200000 maximum",
    "gemini": "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).",
}
_FILTERED = {
    "openai": "The response was filtered due to the prompt triggering the content management policy.",
    "anthropic": "Output blocked by content filtering policy",
    "gemini": "The prompt was blocked.",
}


@dataclass(frozen=True)
class Head:
    """Status and headers. `length` of the body in bytes, None for chunks."""

    status: int
    headers: tuple[tuple[str, str], ...]
    length: int | None = None


@dataclass(frozen=True)
class Bytes:
    data: bytes
    piece: bool = False


@dataclass(frozen=True)
class Wait:
    seconds: float


@dataclass(frozen=True)
class End:
    """The end of the answer as HTTP has it. `whole` where nothing was left out; `close` closes the connection too."""

    whole: bool = True
    close: bool = False


@dataclass(frozen=True)
class Cut:
    """The connection ends, by a reset (TCP RST) or a plain close."""

    reset: bool = False


Step: TypeAlias = Head | Bytes | Wait | End | Cut


@dataclass(frozen=True)
class Exchange:
    """One request on its way to an answer."""

    wire: Wire
    received: Received
    question: Question
    answer: Answer
    faults: tuple[Fault, ...] = ()

    def number(self, name: str) -> int | None:
        return number_of(self.faults, name)

    def has(self, name: str) -> bool:
        return self.number(name) is not None


def steps(exchange: Exchange, now: float) -> Iterator[Step]:
    """Everything that happens on the connection. `now` in seconds since 1970, for the date of a Retry-After."""
    if exchange.has("refuse") or exchange.has("hang-up"):
        yield Cut(reset=exchange.has("refuse"))
        return
    if (wait := exchange.number("slow-headers")) is not None:
        yield Wait(wait / 1000)
    if exchange.has("hang-before-headers"):
        yield Wait(_FOR_EVER)
    streams = exchange.wire.events is not None and exchange.question.streams != exchange.has("ignores-stream")
    instead = _instead(exchange, now, streams=streams)
    if instead is not None:
        yield from instead
        return
    exchange = replace(exchange, answer=edited(exchange.answer, exchange))
    yield from _streamed(exchange) if streams else _plain(exchange)


# ── Instead of an answer ───────────────────────────────────────────────────────────────────────


def _instead(exchange: Exchange, now: float, *, streams: bool) -> list[Step] | None:
    for status in (200, 502):
        if exchange.has(f"html-{status}"):
            title = "502 Bad Gateway" if status == 502 else "Welcome"
            return _body(status, _HTML.format(title), "text/html")
    if exchange.has("wrong-shape"):
        return [_stream_head(), Bytes(b'data: {"ok": true}\n\n'), End()] if streams else _body(200, '{"ok": true}')
    if (trouble := trouble_of(exchange)) is None:
        return None
    status, told = exchange.wire.trouble(trouble)
    if status < 400 and streams:  # a wire that tells this trouble as an answer
        return [_stream_head(), Bytes(exchange.wire.error_event(trouble).text.encode()), End()]
    return _body(status, compact(told), more=_retry_headers(exchange, now))


def trouble_of(exchange: Exchange) -> Trouble | None:
    """The error that the faults ask for instead of an answer."""
    if exchange.has("context-too-long"):
        return Trouble("too-long", 400, _TOO_LONG[exchange.wire.family])
    if exchange.has("content-filter-error"):
        return Trouble("filtered", 400, _FILTERED[exchange.wire.family])
    given = next((_TROUBLES[fault.name] for fault in exchange.faults if fault.name in _TROUBLES), None)
    return Trouble(*given) if given else None


def _retry_headers(exchange: Exchange, now: float) -> tuple[tuple[str, str], ...]:
    if (seconds := exchange.number("429-retry-after")) is not None:
        return (("retry-after", str(seconds)),)
    if (milliseconds := exchange.number("429-retry-after-ms")) is not None:
        return (("retry-after-ms", str(milliseconds)),)
    if (seconds := exchange.number("429-retry-date")) is not None:
        return (("retry-after", formatdate(now + seconds, usegmt=True)),)
    return ()


def _body(status: int, text: str, kind: str = "application/json", more: tuple[tuple[str, str], ...] = ()) -> list[Step]:
    data = text.encode()
    return [Head(status, (("content-type", kind), *more), len(data)), Bytes(data), End()]


def refused(wire: Wire, message: str) -> list[Step]:
    """The steps that tell a client, in its wire's words, that the request can't be answered."""
    status, told = wire.trouble(Trouble("bad-request", 400, message))
    return _body(status, compact(told))


# ── What the answer says ───────────────────────────────────────────────────────────────────────


def edited(answer: Answer, exchange: Exchange) -> Answer:
    """The answer with the faults that lie in what it says."""
    half = answer.text[: max(len(answer.text) // 2, 1)]
    if exchange.has("empty"):
        answer = replace(answer, text="", thinking="", tool_calls=(), finish_reason="stop", probabilities=())
    if exchange.has("blank"):
        answer = replace(answer, text=" \n ", tool_calls=(), finish_reason="stop", probabilities=())
    if exchange.has("length"):
        answer = replace(answer, text=half, finish_reason="length")
    if exchange.has("content-filter"):
        answer = replace(answer, text=half, finish_reason="content_filter")
    if exchange.has("no-finish"):
        answer = replace(answer, finish_reason=None)
    if exchange.has("usage-missing"):
        answer = replace(answer, tells_usage=False)
    if exchange.has("bad-utf8"):
        answer = replace(answer, text=half + _BROKEN + answer.text[len(half) :])
    if exchange.has("half-character") or exchange.has("end-in-character"):
        free = exchange.question.schema is None and not answer.tool_calls
        if free and answer.text.isascii():
            answer = replace(answer, text=f"{answer.text} ☂ or none")
    return answer


def _as_bytes(text: str) -> bytes:
    return text.encode().replace(_BROKEN.encode(), b"\xff")


# ── A plain answer ─────────────────────────────────────────────────────────────────────────────


def _plain(exchange: Exchange) -> Iterator[Step]:
    told = exchange.wire.plain(exchange.question, exchange.answer, exchange.received)
    kind = "text/plain; charset=utf-8" if isinstance(told, str) else "application/json"
    if exchange.has("error-event"):
        told = exchange.wire.trouble(_in_between())[1]
    if exchange.has("wrong-content-type"):
        kind = "text/plain" if kind == "application/json" else "application/octet-stream"
    body = _as_bytes(told if isinstance(told, str) else compact(told))
    if exchange.has("garbage-json"):
        body = body[: len(body) // 2] + b'<<<"'
    unmeasured = any(exchange.has(name) for name in _NO_LENGTH)
    head = Head(200, (("content-type", kind),), None if unmeasured else len(body))
    if (wait := exchange.number("slow-first-token")) is not None:
        yield Wait(wait / 1000)
    parts = [body[start : start + _PLAIN_PIECE] for start in range(0, len(body), _PLAIN_PIECE)]
    if exchange.has("end-in-character") or exchange.has("half-character"):
        parts = [body]  # a character must lie inside a piece
    pieces = [_Part(part, "piece") for part in parts[:-1]] + [_Part(part, "close") for part in parts[-1:]]
    yield from _sent(exchange, head, pieces, ping=b" ", more=b"la la ", streams=False)


# ── A streamed answer ──────────────────────────────────────────────────────────────────────────


def _streamed(exchange: Exchange) -> Iterator[Step]:
    assert exchange.wire.events is not None
    frames = list(exchange.wire.events(exchange.question, exchange.answer))
    parts = [_part(frame, exchange) for frame in _shuffled(frames, exchange)]
    first = next((part.data for part in parts if part.kind == "piece"), _PING)
    head = _stream_head("application/json" if exchange.has("wrong-content-type") else "text/event-stream")
    yield from _sent(exchange, head, parts, ping=_PING, more=first)


def _stream_head(kind: str = "text/event-stream") -> Head:
    return Head(200, (("content-type", f"{kind}; charset=utf-8"), ("cache-control", "no-cache")))


@dataclass(frozen=True)
class _Part:
    """A frame as bytes."""

    data: bytes
    kind: str


def _part(frame: Frame, exchange: Exchange) -> _Part:
    text = frame.text
    if exchange.has("crlf"):
        text = text.replace("\r\n", "\n").replace("\n", "\r\n")
    return _Part(_as_bytes(text), frame.kind)


def _shuffled(frames: list[Frame], exchange: Exchange) -> list[Frame]:
    """The events with the faults that lie in their number and order."""
    at = [number for number, frame in enumerate(frames) if frame.kind == "piece"]
    if exchange.has("swapped-pieces") and len(at) > 1:
        frames[at[0]], frames[at[1]] = frames[at[1]], frames[at[0]]
    if exchange.has("out-of-order") and at:
        frames.insert(0, frames.pop(at[0]))
    if exchange.has("no-done"):
        frames = [frame for frame in frames if frame.kind != "done"]
    if (number := exchange.number("garbage-json")) is not None:
        place = _place(frames, number)
        half = frames[place].text.rstrip()
        frames.insert(place, Frame(half[: len(half) - len(half) // 3] + "\n\n"))
    if (number := exchange.number("error-event")) is not None:
        frames = [*frames[: _place(frames, number)], exchange.wire.error_event(_in_between())]
    if exchange.has("duplicate-events"):
        frames = [frame for frame in frames for _twice in range(2)]
    return frames


def _place(frames: Sequence[Frame], number: int) -> int:
    """Where to put something after so many pieces, or before the end where there are fewer."""
    seen = 0
    for place, frame in enumerate(frames):
        if frame.kind == "close" or (frame.kind == "piece" and seen == number):
            return place
        seen += frame.kind == "piece"
    return len(frames) - 1


def _in_between() -> Trouble:
    return Trouble("overloaded", 529, "Overloaded")


# ── Onto the connection, with the faults that lie there ────────────────────────────────────────


def _sent(
    exchange: Exchange, head: Head, parts: Sequence[_Part], *, ping: bytes, more: bytes, streams: bool = True
) -> Iterator[Step]:
    yield head
    if exchange.has("hang-after-headers"):
        yield Wait(_FOR_EVER)
    if (pause := exchange.number("endless-pings")) is not None:
        yield from _repeated(ping, pause)
    seen = 0
    for part in parts:
        if (ending := _ending(exchange, part, seen)) is not None:
            if ending == Cut(reset=True):
                yield Wait(_READ_FIRST)
            yield ending
            return
        if (pause := exchange.number("endless-text")) is not None and part.kind == "close":
            yield from _repeated(more, pause)
        if part.kind == "piece":
            name = "slow-stream" if seen or not streams else "slow-first-token"
            if (pause := exchange.number(name)) is not None:
                yield Wait(pause / 1000)
            seen += 1
        if exchange.has("pings") and (streams or part is parts[0]):  # blanks are only free before JSON begins
            yield Bytes(ping)
        yield from _written(exchange, part)
        if exchange.has("end-in-character") and _inside_character(part.data):
            yield End(whole=False)
            return
    whole = not any(exchange.has(name) for name in ("error-event", "no-finish", "garbage-json"))
    yield End(whole=whole, close=exchange.has("close-after-answer"))


def _repeated(data: bytes, pause: int) -> Iterator[Step]:
    while True:
        yield Bytes(data)
        yield Wait(pause / 1000)


def _ending(exchange: Exchange, part: _Part, seen: int) -> Step | None:
    """The way in which the answer ends before this part, None where it goes on."""
    endings: dict[str, Step] = {
        "cut-after": Cut(),
        "reset-after": Cut(reset=True),
        "end-after": End(whole=False),
        "hang-after": Wait(_FOR_EVER),
    }
    for name, ending in endings.items():
        number = exchange.number(name)
        if number is not None and (part.kind == "close" or (part.kind == "piece" and seen >= number)):
            return ending
    return None


def _written(exchange: Exchange, part: _Part) -> Iterator[Step]:
    counts = part.kind == "piece"
    if exchange.has("dribble"):
        yield Bytes(part.data[:1], counts)
        yield from (Bytes(part.data[at : at + 1]) for at in range(1, len(part.data)))
        return
    split = _inside_character(part.data)
    if split and exchange.has("end-in-character"):
        yield Bytes(part.data[:split], counts)
    elif split and exchange.has("half-character"):
        yield Bytes(part.data[:split], counts)
        yield Wait(_HALVES_APART)
        yield Bytes(part.data[split:])
    else:
        yield Bytes(part.data, counts)


def _inside_character(data: bytes) -> int:
    """The first place between the bytes of one character, 0 where every character is one byte."""
    return next((at for at, byte in enumerate(data) if 0x80 <= byte < 0xC0), 0)
