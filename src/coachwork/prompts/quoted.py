"""Strings of damaged JSON: where one ends and what its backslashes mean. Knows text; does not know objects or schemas.

Every function answers only where there is one reading. Two readings are an `Unreadable`, never a guess.
"""

import re
from collections.abc import Sequence

OPENERS: dict[str, str] = {'"': '"', "'": "'", "`": "`", "“": '”“"', "”": '”"', "„": '“”"', "‘": "’'", "’": "’'"}
"""Each quote that may open a string, with those that may close it."""

_SIMPLE = {'"': '"', "\\": "\\", "/": "/", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
_QUOTES = "\"'`“”‘’"
_ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|.|\Z)", re.DOTALL)
_WINDOWS_PATH = re.compile(r"(?:[A-Za-z]:|\\\\[\w.-]+)(?:\\[\w.$%()-]*)+")
_INNER_JSON = re.compile(r"[\"'”’`]\s*:\s*[\"'“‘`\[{\dtfnTFN-]|[,{]\s*[\"'“‘`]\w+[\"'”’`]\s*:")
_BEFORE_OPENING = re.compile(r"(?:\A|[\s(\[{<=>:,;/—–-])\Z")
_AFTER_CLOSING = re.compile(r"\A(?:\Z|[\s.,;:!?)\]}>/—–-])")


class Unreadable(Exception):
    """The text has no reading, or more than one. `elided` where the writer himself left something out."""

    def __init__(self, reason: str, *, elided: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.elided = elided


def unescape(raw: str, quote: str) -> tuple[str, bool]:
    """The text between two quotes with its escapes resolved, and whether that took more than JSON's own rules.

    A backslash before something that JSON can't escape is a backslash. Where such a one stands
    beside `\\n` or `\\t`, these may be backslashes too (`C:\\Users\\new`): only a Windows path is clear.
    """
    if "\\" not in raw:
        return raw, any(char < " " for char in raw)
    found = list(_ESCAPE.finditer(raw))
    kinds = {match[1][:1] if len(match[1]) == 5 else match[1] for match in found}
    if "\n" in kinds or "" in kinds:
        raise Unreadable("a backslash ends a line inside a string")
    foreign = {kind for kind in kinds if kind not in _SIMPLE and kind != "u" and kind not in _QUOTES}
    if "u" in kinds and any(match[1] == "u" for match in found):
        foreign.add("u")
    python = quote in "'`" and bool(kinds & {"x", "U", "N", "0"})
    if python or "x" in foreign:
        raise Unreadable("a string has escapes of another language, which could mean two things")
    if foreign and kinds & set("bfnrtu\\") - foreign:
        if _only_in_paths(raw, [match.start() for match in found]):
            return raw, True
        raise Unreadable("some backslashes of a string are escapes and some are not, so it can be read in two ways")
    return _ESCAPE.sub(_resolved, raw), bool(foreign) or bool(kinds & set("'`“”‘’")) or any(char < " " for char in raw)


def _resolved(match: re.Match[str]) -> str:
    kind = match[1]
    if len(kind) == 5:
        return chr(int(kind[1:], 16))
    return _SIMPLE.get(kind) or (kind if kind in _QUOTES else match[0])


def _only_in_paths(raw: str, backslashes: Sequence[int]) -> bool:
    spans = [match.span() for match in _WINDOWS_PATH.finditer(raw)]
    clear = not re.search(r"\\\\|\\\"|\\u[0-9a-fA-F]{4}", raw)
    return clear and all(any(start <= at < end for start, end in spans) for at in backslashes)


def join_surrogates(text: str) -> str:
    """Pairs of \\uD83D\\uDE00 halves as the one character they mean; a lone half is unreadable."""
    if not any("\ud800" <= char <= "\udfff" for char in text):
        return text
    try:
        return text.encode("utf-16", "surrogatepass").decode("utf-16")
    except UnicodeDecodeError:
        raise Unreadable("a string holds half a character") from None


def check_inner(raw: str, positions: Sequence[int], quote: str) -> None:
    """Raise Unreadable unless the unescaped quotes at `positions` of a string are plainly quotation marks of its text.

    They must come in pairs as a writer sets them (`said "no" to`), be apostrophes (`it's`), or one inch mark.
    """
    if _INNER_JSON.search(raw):
        raise Unreadable("a string seems to hold the fields that should follow it")
    marks = [at for at in positions if not (quote in "'’‘" and _is_apostrophe(raw, at))]
    if len(marks) == 1 and re.search(r"\d\Z", raw[: marks[0]]) and _AFTER_CLOSING.match(raw[marks[0] + 1 :]):
        return
    if len(marks) % 2:
        raise Unreadable("a quote inside a string has no partner, so its end is not certain")
    for opening, closing in zip(marks[::2], marks[1::2], strict=True):
        opens = _BEFORE_OPENING.search(raw[:opening]) and not raw[opening + 1 : opening + 2].isspace()
        closes = _AFTER_CLOSING.match(raw[closing + 1 :]) and not raw[closing - 1].isspace()
        if not (opens and closes):
            raise Unreadable("quotes inside a string are not escaped and its end is not certain")


def _is_apostrophe(raw: str, at: int) -> bool:
    return at > 0 and raw[at - 1].isalnum() and raw[at + 1 : at + 2].isalpha()
