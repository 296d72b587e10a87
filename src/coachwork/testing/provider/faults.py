"""The faults, as data: what each is called, what its number means, what it does. Injects nothing (`damage.py`)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from coachwork.errors import InputError, did_you_mean

Takes = Literal["", "pieces", "ms", "seconds"]


@dataclass(frozen=True)
class FaultKind:
    """A way to fail. `takes` is the unit of its number, "" where it has none; `default` is that number left out.

    A piece is a bit of the answer: of its text, its thinking or its tool call's arguments. In a plain answer
    a piece is 40 bytes of the body.
    """

    name: str
    about: str
    takes: Takes = ""
    default: int = 0

    @property
    def example(self) -> str:
        return f"{self.name}-{self.default}" if self.takes else self.name


@dataclass(frozen=True)
class Fault:
    """One fault to inject: a name of the catalogue and its number."""

    name: str
    number: int = 0

    def __str__(self) -> str:
        return f"{self.name}-{self.number}" if CATALOGUE[self.name].takes else self.name


_KINDS = (
    # slow
    FaultKind("slow-headers", "nothing comes for so long, then all is well", "ms", 500),
    FaultKind("slow-first-token", "headers come at once, the first piece after so long", "ms", 500),
    FaultKind("slow-stream", "so long between two pieces", "ms", 100),
    # silent
    FaultKind("hang-before-headers", "takes the request and never says a word"),
    FaultKind("hang-after-headers", "sends the headers and then nothing, for ever"),
    FaultKind("hang-after", "sends so many pieces and then nothing, for ever", "pieces", 3),
    FaultKind("endless-pings", "sends comments (or blanks) for ever, never an answer", "ms", 50),
    FaultKind("endless-text", "the answer goes on for ever", "ms", 5),
    # gone
    FaultKind("refuse", "resets the connection without a byte; as a rule it refuses before the request is read"),
    FaultKind("hang-up", "closes the connection without a byte"),
    FaultKind("cut-after", "closes the connection after so many pieces", "pieces", 3),
    FaultKind("reset-after", "resets the connection (TCP RST) after so many pieces", "pieces", 3),
    FaultKind("end-after", "ends the answer, as HTTP quite correctly, after so many pieces", "pieces", 3),
    FaultKind("end-in-character", "ends the answer inside a character, as HTTP quite correctly"),
    FaultKind("close-after-answer", "answers well, then closes a connection it promised to keep"),
    # said no
    FaultKind("400", "invalid request"),
    FaultKind("401", "wrong API key"),
    FaultKind("403", "not allowed"),
    FaultKind("404", "no such model"),
    FaultKind("408", "request timeout"),
    FaultKind("413", "request too large"),
    FaultKind("429", "rate limited, without a word how long"),
    FaultKind("429-retry-after", "rate limited, Retry-After in seconds", "seconds", 1),
    FaultKind("429-retry-after-ms", "rate limited, retry-after-ms", "ms", 200),
    FaultKind("429-retry-date", "rate limited, Retry-After as an HTTP date", "seconds", 1),
    FaultKind("quota", "429 that no waiting helps: the account is used up"),
    FaultKind("500", "server error"),
    FaultKind("502", "bad gateway"),
    FaultKind("503", "unavailable"),
    FaultKind("529", "overloaded"),
    FaultKind("context-too-long", "more tokens than the model takes"),
    FaultKind("content-filter-error", "the request is refused by the content filter"),
    FaultKind("content-filter", "half an answer, then the content filter's finish reason"),
    FaultKind("error-event", "after so many pieces, an error event inside the 200 stream", "pieces", 1),
    # wrong wire
    FaultKind("html-200", "an HTML page with status 200"),
    FaultKind("html-502", "an HTML error page with status 502"),
    FaultKind("garbage-json", "after so many pieces, something that is not JSON", "pieces", 1),
    FaultKind("wrong-content-type", "the right answer under the wrong content type"),
    FaultKind("wrong-shape", "JSON of status 200 that has nothing of the wire in it"),
    FaultKind("ignores-stream", "a plain answer where a stream was asked, and the reverse"),
    FaultKind("bad-utf8", "a byte that is no UTF-8 in the middle of the text"),
    # wrong answer
    FaultKind("empty", "an answer without any text that says it is complete"),
    FaultKind("blank", "an answer of blanks that says it is complete"),
    FaultKind("length", "half an answer, cut at the token limit, which says so"),
    FaultKind("no-finish", "the whole text, and no word that it is complete"),
    FaultKind("usage-missing", "no token counts"),
    FaultKind("duplicate-events", "every event comes twice (streams)"),
    FaultKind("out-of-order", "the first piece comes before the events that open it (streams)"),
    FaultKind("swapped-pieces", "the first two pieces change places (streams)"),
    # legal, though it breaks careless readers
    FaultKind("half-character", "a character's bytes come in two writes"),
    FaultKind("dribble", "every byte is a write of its own"),
    FaultKind("crlf", "lines end with CR LF, as the format allows (streams)"),
    FaultKind("pings", "comments (or blanks) before every event"),
    FaultKind("no-done", "the last bookkeeping event ([DONE], message_stop) is left out (streams)"),
)
CATALOGUE: dict[str, FaultKind] = {kind.name: kind for kind in _KINDS}
_LONGEST_FIRST = sorted(CATALOGUE, key=len, reverse=True)


def fault(written: str) -> Fault:
    """Read `cut-after-3`. Raises InputError that offers the nearest name."""
    word = written.strip().lower()
    for name in _LONGEST_FIRST:
        if word == name:
            return Fault(name, CATALOGUE[name].default)
        head, dash, number = word.rpartition("-")
        if dash and head == name and CATALOGUE[name].takes and number.isascii() and number.isdigit():
            return Fault(name, int(number))
    raise InputError(f"there is no fault {written!r}", hint=_near(word))


def faults(written: str) -> tuple[Fault, ...]:
    """Read a list, as a header has it: `slow-stream-50, cut-after-3`. Raises InputError."""
    return tuple(fault(word) for word in written.replace("+", ",").split(",") if word.strip())


def split_name(name: str) -> tuple[str, tuple[Fault, ...]]:
    """A model's or a key's own name, and the faults written behind it: `gpt-5-mini+cut-after-3`. Raises InputError."""
    own, plus, written = name.partition("+")
    return own, faults(written) if plus else ()


def number_of(given: Sequence[Fault], name: str) -> int | None:
    """The number of the fault of that name, None where it is not given."""
    return next((fault.number for fault in given if fault.name == name), None)


def _near(word: str) -> str:
    name = word.rstrip("0123456789").rstrip("-") or word
    return f"{did_you_mean(name, list(CATALOGUE))} One that takes a number is written like cut-after-3."
