"""Reads one JSON value, strictly or with its damage mended. Knows JSON and how models break it; knows no schema.

A mend is made only where the text has one reading: what is mended is named, containers that were
never closed are listed for the caller to prove complete, and everything else is `Unreadable`.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Literal

from coachwork.prompts.quoted import OPENERS, Unreadable, check_inner, join_surrogates, unescape

_DEPTH = 80
_SPACE = re.compile(r"[\s\ufeff\u200b\u2060]*")
_COMMENT = re.compile(r"//[^\n]*|#[^\n]*|/\*.*?\*/", re.DOTALL)
_LEFT_OUT = re.compile(
    r"\.\.\.|…|\b(?:more|rest|remaining|omit\w*|truncat\w*|etc|and so on|others?|"
    r"similar\w*|repeat\w*|continu\w*|same)\b",
    re.I,
)
_END = re.compile(r"\Z|(?<=\n)(?:```|~~~)(?=\s|\Z)|</\w+>\s*\Z")
_IDENTIFIER = re.compile(r"[A-Za-z_$][\w$-]*")
_KEY_AHEAD = re.compile(
    r"(?:([\"'`])(?:(?!\1)[^\\\n]|\\.){0,120}\1|[“”„‘][^“”\"’\n]{0,120}[”“\"’]|[A-Za-z_$][\w$-]*)\s*:"
)
_NUMBER = re.compile(r"[+-]?(?:\d[\d_]*\.?\d*|\.\d+)(?:[eE][+-]?\d+)?(?=[\s,}\]/#]|\Z|```|</)")
_GROUPED = re.compile(r"[+-]?\d{1,3}(?:,\d{3})+(?:\.\d+)?(?=\s*[,}])(?!\s*:)")
_WITH_UNIT = re.compile(r"[+-]?\d[\d.]*[ \u00a0\u202f][^\s,:{}\[\]\"'“”‘’`<>/#]+(?=\s*[,}])")
_BARE = re.compile(r"[^\s,:{}\[\]\"'“”‘’`<>]+(?:[ \t]+[^\s,:{}\[\]\"'“”‘’`<>/#]+)*(?=\s*[,}\]])")
_WORDS: dict[str, bool | None] = {
    "true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False,
    "null": None, "None": None, "NULL": None, "Null": None, "nil": None, "undefined": None,
}  # fmt: skip
_NOT_NUMBERS = {"nan", "infinity", "-infinity", "+infinity", "inf", "-inf", "+inf"}
_CLOSER = {"{": "}", "[": "]"}
Where = Literal["key", "{", "["]


class Bare(str):
    """A word that stood where a value belongs without quotes: an enum's value perhaps, but not free text."""


@dataclass(frozen=True)
class Read:
    """A value and where its text ends. `mended` names what was wrong, `left_open` the ids of its unclosed objects."""

    value: Any
    end: int
    mended: Sequence[str] = ()
    left_open: frozenset[int] = frozenset()


class Contradiction(Unreadable):
    """One key, two values."""


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for key, value in pairs:
        _put(made, key, value)
    return made


def _put(made: dict[str, Any], key: str, value: Any) -> None:
    if key in made and not same(made[key], value):
        raise Contradiction(f"the key {key!r} is given twice with different values")
    made[key] = value


def same(one: Any, other: Any) -> bool:
    """Whether two JSON values are equal; true is not 1, 1.0 is 1."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(value, other[key]) for key, value in one.items())
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(same(a, b) for a, b in zip(one, other, strict=True))
    return bool(one == other)


def _no_constant(name: str) -> Any:
    raise Unreadable(f"{name} is not a number of JSON")


_STRICT = json.JSONDecoder(object_pairs_hook=_unique, parse_float=Decimal, parse_constant=_no_constant)


def read_strict(text: str, start: int = 0) -> Read:
    """The JSON value at `start`, by the letter of the standard. Fractions come as Decimal, exact as written."""
    try:
        value, end = _STRICT.raw_decode(text, start)
    except (ValueError, RecursionError, ArithmeticError) as error:
        raise Unreadable(f"not JSON: {error}") from None
    return Read(value, end)


def read_mended(text: str, start: int = 0) -> Read:
    """The value at `start` with its damage mended where that has one reading, else Unreadable."""
    reader = _Reader(text, start)
    value = reader.value("[")
    return Read(value, reader.at, tuple(dict.fromkeys(reader.mended)), frozenset(reader.left_open))


def looks_begun(text: str, start: int) -> bool:
    """Whether the bracket at `start` opens something meant as JSON and not a brace of prose."""
    at = _SPACE.match(text, start + 1).end()  # type: ignore[union-attr]  # matches the empty string
    following = text[at : at + 1]
    if text[start] == "{":
        return following in OPENERS or following == "}" or bool(_KEY_AHEAD.match(text, at))
    return following in OPENERS or following in "{[]-" or following.isdigit()


@dataclass
class _Reader:
    text: str
    at: int
    mended: list[str] = field(default_factory=list)
    left_open: set[int] = field(default_factory=set)
    stack: list[str] = field(default_factory=list)
    unclosed: int = 0

    def value(self, where: Where) -> Any:
        char = self.text[self.at : self.at + 1]
        if len(self.stack) > _DEPTH:
            raise Unreadable(f"nested more than {_DEPTH} deep")
        if char == "{":
            return self.object()
        if char == "[":
            return self.array()
        if char in OPENERS and char:
            return self.string(where)
        return self.scalar(where)

    def gap(self, at: int | None = None) -> int:
        """The place after spaces and comments; moves there unless `at` asks about another place."""
        here = self.at if at is None else at
        while True:
            here = _SPACE.match(self.text, here).end()  # type: ignore[union-attr]
            comment = _COMMENT.match(self.text, here)
            if comment is None:
                break
            if _LEFT_OUT.search(comment[0]):
                raise Unreadable("a comment says that something was left out", elided=True)
            if (
                comment.end() == len(self.text)
                and not comment[0].endswith("*/")
                and re.search(r"[\"'{}\[\]]", comment[0])
            ):
                raise Unreadable("a comment runs to the end and may hide a part of the value")
            if at is None:
                self.mended.append("comment")
            here = comment.end()
        if at is None:
            self.at = here
        return here

    def ended(self, at: int) -> bool:
        return _END.match(self.text, at) is not None

    # ── containers ────────────────────────────────────────────────────────────────────────────

    def object(self) -> dict[str, Any]:
        made: dict[str, Any] = {}
        self.stack.append("{")
        self.at += 1
        comma = False
        while not self.closed("}", made, comma):
            if self.text[self.at] == ",":
                raise Unreadable("a field is missing between two commas")
            key = self.key()
            self.gap()
            if self.text[self.at : self.at + 1] != ":":
                raise Unreadable(f"no colon after {key!r}")
            self.at += 1
            self.gap()
            if self.ended(self.at) or self.text[self.at] in ",}]":
                raise Unreadable(f"no value for {key!r}")
            _put(made, key, self.value("{"))
            comma = self.comma(bool(_KEY_AHEAD.match(self.text, self.gap(self.at))))
        return made

    def array(self) -> list[Any]:
        made: list[Any] = []
        self.stack.append("[")
        self.at += 1
        comma = False
        while not self.closed("]", made, comma):
            if self.text[self.at] == ",":
                raise Unreadable("an item is missing between two commas")
            made.append(self.value("["))
            following = self.text[self.gap(self.at) : self.gap(self.at) + 1]
            comma = self.comma(following in OPENERS or following in "{[")
        return made

    def comma(self, more: bool) -> bool:
        """Pass the comma after an item, or see that it is missing where `more` plainly follows."""
        self.gap()
        if self.ended(self.at) or self.text[self.at] in "}]":
            return False
        if self.text[self.at] == ",":
            self.at += 1
            return True
        if not more:
            raise Unreadable(f"{self.text[self.at : self.at + 12]!r} stands where a comma or an end belongs")
        self.mended.append("missing comma")
        return False

    def closed(self, closer: str, made: Any, comma: bool) -> bool:
        """Whether the container ends here: by its closer, by that of an outer one, or because the text does."""
        self.gap()
        if self.ended(self.at):
            if comma or not made:
                raise Unreadable("the text ends inside a list or an object")
            self.leave_open(closer, made)
        elif self.text[self.at] == closer:
            self.at += 1
            if comma:
                self.mended.append("trailing comma")
        elif self.text[self.at] in "}]":
            if comma or not made or not any(_CLOSER[opened] == self.text[self.at] for opened in self.stack[:-1]):
                raise Unreadable(f"{self.text[self.at]!r} closes what was not open")
            if closer == "}":
                self.left_open.add(id(made))
            self.mended.append("missing closer")
        else:
            return False
        self.stack.pop()
        return True

    def leave_open(self, closer: str, made: Any) -> None:
        """Note a container that the end of the text closes. An object's completeness is for the schema to prove.

        A list has no such proof. It stays possible only where its last item was closed in full and one or two
        brackets are missing, which is how a model miscounts them in a tree; the schema must show the tree.
        """
        self.unclosed += 1
        if re.search(r"[\"'{}\[\]]", self.text[self.at :]):
            raise Unreadable("a bracket is missing before text that may belong to the value")
        if closer == "]":
            last = made[-1]
            if not isinstance(last, dict | list) or self.unclosed > 1 or len(self.stack) > 2:
                raise Unreadable("the text ends inside a list, so items may be missing")
        self.left_open.add(id(made))
        self.mended.append("missing closer")

    def key(self) -> str:
        char = self.text[self.at]
        if char in OPENERS:
            return self.string("key")
        found = _IDENTIFIER.match(self.text, self.at) or re.compile(r"\d+(?=\s*:)").match(self.text, self.at)
        if found is None:
            raise Unreadable(f"{self.text[self.at : self.at + 12]!r} is not a key", elided=self.elided())
        self.at = found.end()
        self.mended.append("unquoted key")
        return found[0]

    def elided(self) -> bool:
        return self.text.startswith(("...", "…", "<"), self.at)

    # ── strings ───────────────────────────────────────────────────────────────────────────────

    def string(self, where: Where) -> str:
        opener = self.text[self.at]
        triple = self.text[self.at : self.at + 3]
        if triple == opener * 3 and opener in "\"'" and (end := self.text.find(triple, self.at + 3)) > 0:
            made = self.text[self.at + 3 : end]
            if "\\" in made or self.text.startswith(opener, end + 3):
                raise Unreadable("a triple-quoted string can be read in two ways")
            self.at = end + 3
            self.mended.append("triple quotes")
        else:
            made = self.single(opener, where)
        following = self.gap(self.at)
        if where != "key" and self.text.startswith("+", following):
            self.at = self.gap(following + 1)
            if self.text[self.at : self.at + 1] not in tuple(OPENERS):
                raise Unreadable("something is added to a string")
            self.mended.append("joined strings")
            made += self.string(where)
        return join_surrogates(made)

    def single(self, opener: str, where: Where) -> str:
        closers = OPENERS[opener]
        stop = re.compile(rf"\\.|[{re.escape(closers)}]", re.DOTALL)
        at, inner = self.at + 1, []
        while True:
            found = stop.search(self.text, at)
            if found is None:
                raise Unreadable("a string is not closed")
            if found[0][0] != "\\":
                if self.closes(found.end(), where):
                    break
                inner.append(found.start() - self.at - 1)
            at = found.end()
        raw = self.text[self.at + 1 : found.start()]
        if inner:
            check_inner(raw, inner, opener)
            self.mended.append("unescaped quotes")
        self.at = found.end()
        made, mended = unescape(raw, opener)
        if mended:
            self.mended.append("escapes")
        if opener != '"':
            self.mended.append("quotes")
        return made

    def closes(self, after: int, where: Where) -> bool:
        """Whether a quote that ends at `after` is followed by what must follow a string here."""
        try:
            at = self.gap(after)
        except Unreadable:
            at = after
        following = self.text[at : at + 1]
        if where == "key":
            return following == ":"
        if self.ended(at):
            return True
        if following in "}]":
            return self.outer(at + 1)
        if following == "+":
            return self.text[self.gap(at + 1) : self.gap(at + 1) + 1] in tuple(OPENERS)
        if following == ",":
            return self.goes_on(self.gap(at + 1), where)
        if where == "{":
            return bool(_KEY_AHEAD.match(self.text, at)) and (following in OPENERS or "\n" in self.text[after:at])
        return at > after and (following in OPENERS or following in "{[")

    def goes_on(self, at: int, where: Where) -> bool:
        """Whether after a comma at `at` another field or item follows, or the end of the container."""
        if self.ended(at) or self.text[at] in "}]":
            return True
        if where == "{":
            return bool(_KEY_AHEAD.match(self.text, at))
        begins = self.text[at] in OPENERS or self.text[at] in "{[-" or self.text[at].isdigit()
        word = _IDENTIFIER.match(self.text, at)
        return begins or (word is not None and word[0] in _WORDS)

    def outer(self, at: int) -> bool:
        """Whether what follows a closing bracket fits it: more of the same, or the text around the outermost."""
        at = self.gap(at)
        if len(self.stack) <= 1 or self.ended(at) or self.text[at] in ",}]":
            return True
        if self.stack[-2] == "[":
            return self.text[at] in OPENERS or self.text[at] in "{["
        return bool(_KEY_AHEAD.match(self.text, at))

    # ── numbers and words ─────────────────────────────────────────────────────────────────────

    def scalar(self, where: Where) -> Any:
        grouped = None
        if where == "{":
            grouped = _GROUPED.match(self.text, self.at) or _WITH_UNIT.match(self.text, self.at)
        found = None if grouped else _NUMBER.match(self.text, self.at)
        if found is not None:
            if found.end() == len(self.text):
                raise Unreadable("the text ends in a number, which may go on")
            self.at = found.end()
            return self.number(found[0])
        word = re.compile(r"\w+(?=[\s,}\]/#]|\Z|```|</)").match(self.text, self.at)
        if word is not None and word[0] in _WORDS:
            if word[0] not in ("true", "false", "null"):
                self.mended.append("literal")
            self.at = word.end()
            return _WORDS[word[0]]
        bare = grouped or _BARE.match(self.text, self.at)
        if bare is None or "..." in bare[0] or "…" in bare[0]:
            raise Unreadable(f"{self.text[self.at : self.at + 12]!r} is not a value", elided=self.elided())
        if bare[0].lower() in _NOT_NUMBERS:
            raise Unreadable(f"{bare[0]} is not a number of JSON")
        self.at = bare.end()
        self.mended.append("unquoted value")
        return Bare(bare[0])

    def number(self, literal: str) -> int | Decimal:
        plain = literal.replace("_", "").removeprefix("+")
        if not re.fullmatch(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?", literal):
            self.mended.append("number")
        if len(plain) > 400:
            raise Unreadable("a number of more than 400 digits")
        return int(plain) if re.fullmatch(r"-?\d+", plain) else Decimal(plain)
