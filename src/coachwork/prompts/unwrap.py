"""Finds the JSON in a model's whole answer: behind thinking, fences and prose. Knows how answers dress; no schema.

What looks like an attempt at JSON and can't be read is reported too, so that nobody takes a piece of it for the whole.
"""

import re
from dataclasses import dataclass

from coachwork.prompts.quoted import Unreadable
from coachwork.prompts.repair import Read, looks_begun, read_mended, read_strict

_THOUGHT = (
    r"<(?P<tag>(?i:think|thinking|thought|reasoning|reflection|scratchpad|analysis|seed:think))>"
    r"|(?P<square>\[THINK\])|(?P<triangle>◁think▷)|(?P<marked><\|begin_of_thought\|>)"
)
_THOUGHT_ENDS = {"square": "[/THINK]", "triangle": "◁/think▷", "marked": "<|end_of_thought|>"}
_STOP = re.compile(rf"{_THOUGHT}|[{{\[]")
_LEAD = re.compile(r"[\ufeff\u200b\u2060\s]*")
_BEGINS_WITH_KEY = re.compile(r"[\"'“][\w -]+[\"'”]\s*:")
_ESCAPED_ONCE = re.compile(r"\A[{\[]\s*(?:\\n\s*)*\\\"")
_LOST_TAIL = re.compile(r"[\s}\]]*,?\s*[\"'“][^\"”\n]{0,80}[\"'”]\s*:|[\s}\]]*,\s*(?:[\"'“{\[]|[A-Za-z_]\w*\s*:)")
_DRAFT = re.compile(
    r"\b(?:draft|example|sample|format|schema|template|shape|structure|e\.g\.|for instance|"
    r"input|original|previous(?:ly)?|thinking|thoughts?|reasoning|"
    r"first (?:try|attempt)|incorrect|wrong|invalid|bad|not)\b[^.!?\n{}\[\]]*(?:\n?\s*(?:```|~~~)\w*\s*)?\Z",
    re.I,
)
_FORMAT = re.compile(
    r"\b(?:format|schema|template|shape|structure)\b[^.!?\n{}\[\]]*(?:\n?\s*(?:```|~~~)\w*\s*)?\Z", re.I
)
_FINAL = re.compile(r"\b(?:final|corrected|revised|definitive)\b[^{}\[\]]{0,80}\Z", re.I)
_CHOICE = re.compile(r"\b(?:or|alternative(?:ly)?|option|either|another|possibly|maybe|perhaps)\b", re.I)
_RETRACTED = re.compile(
    r"\bwait\b|\bscratch that\b|\bdisregard\b|\bcorrection\b|\b(?:that|this|it)(?:'s|’s| is| was) "
    r"(?:wrong|incorrect|not (?:right|correct))\b"
    r"|\b(?:made|is) a mistake\b|\bon second thought\b|(?:^|[.!?\n]\s*)actually\b|\bshould (?:actually|instead)\b",
    re.I,
)
_REFUSAL = re.compile(
    r"\A\W*(?:(?:i[’']?m|i am|we[’']?re) (?:very |really |so )?(?:sorry|afraid|unable|not able)"
    r"|sorry|apologies|my apologies|unfortunately"
    r"|i (?:can ?not|can[’']?t|won[’']?t|will not|must decline|do not feel|don[’']?t feel|apologi[sz]e)|as an ai\b)",
    re.I,
)


@dataclass(frozen=True)
class Candidate:
    """A piece of the answer that is, or tries to be, JSON: read, or with the reason why not."""

    start: int
    end: int
    read: Read | None
    reason: str = ""
    elided: bool = False


def without_thinking(text: str) -> str:
    """The answer after its thinking. A thought that never ends leaves nothing: what follows it is not the answer."""
    text = text[_LEAD.match(text).end() :].rstrip()  # type: ignore[union-attr]  # matches the empty string
    while (opened := _STOP.match(text)) and opened.lastgroup:
        end = _thought_end(text, opened)
        if end < 0:
            return ""
        text = text[end:].lstrip()
    for closer in ("</think>", *_THOUGHT_ENDS.values()):
        at = text.lower().find(closer.lower())
        if at >= 0 and not any(each.start < at < each.end for each in candidates(text)):
            text = text[at + len(closer) :].strip()
    return text


def _thought_end(text: str, opened: re.Match[str]) -> int:
    """Where the thinking that `opened` begins is over, -1 where it never is."""
    closer = f"</{opened['tag']}>" if opened["tag"] else _THOUGHT_ENDS[opened.lastgroup or ""]
    closed = re.compile(re.escape(closer), re.I).search(text, opened.end())
    return closed.end() if closed else -1


def unescaped(text: str) -> str | None:
    """The answer that was written as the inside of a JSON string (`{\\"name\\": …}`); None where it was not."""
    if not _ESCAPED_ONCE.match(text):
        return None
    try:
        return str(read_strict(f'"{text}"').value)
    except Unreadable:
        return None


def candidates(text: str) -> list[Candidate]:
    """Every outermost piece of JSON in `text`, in order."""
    if _BEGINS_WITH_KEY.match(text) and "}" in text:
        return [_without_first_brace(text)]
    found: list[Candidate] = []
    at = 0
    while (stop := _STOP.search(text, at)) is not None:
        if stop.lastgroup:
            end = _thought_end(text, stop)
            at = end if end >= 0 else len(text)
            continue
        candidate = _candidate(text, stop.start())
        if candidate is None:
            at = stop.start() + 1
        else:
            found.append(candidate)
            at = candidate.end
    return found


def _candidate(text: str, start: int) -> Candidate | None:
    for reading in (read_strict, read_mended):
        try:
            read = reading(text, start)
        except Unreadable as error:
            problem = error
        else:
            return Candidate(start, read.end, read)
    if not looks_begun(text, start):
        return None
    return Candidate(start, _matching(text, start), None, problem.reason, problem.elided)


def _without_first_brace(text: str) -> Candidate:
    """An answer that continues a brace its writer believed to be there."""
    try:
        read = read_mended("{" + text)
    except Unreadable as error:
        return Candidate(0, len(text), None, error.reason)
    return Candidate(0, read.end - 1, Read(read.value, read.end - 1, ("missing opener", *read.mended), read.left_open))


def _matching(text: str, start: int) -> int:
    depth = 0
    for bracket in re.compile(r"[{}\[\]]").finditer(text, start):
        depth += 1 if bracket[0] in "{[" else -1
        if depth == 0:
            return bracket.end()
    return len(text)


def is_draft(text: str, before: int, candidate: Candidate) -> bool:
    """Whether the words just before say that this is not the answer: a draft, an example, the format."""
    return candidate.elided or bool(_DRAFT.search(text[before : candidate.start]))


def is_format(text: str, before: int, candidate: Candidate) -> bool:
    """Whether the words just before say that this shows what answers look like."""
    return bool(_FORMAT.search(text[before : candidate.start]))


def is_final(text: str, before: int, candidate: Candidate) -> bool:
    """Whether the words just before say that this, and not what came earlier, is the answer."""
    lead = text[before : candidate.start]
    return bool(_FINAL.search(lead)) and not _CHOICE.search(lead)


def is_retracted(text: str, after: int) -> bool:
    """Whether the words after the last piece take it back."""
    return bool(_RETRACTED.search(text[after:]))


def loses_tail(text: str, after: int) -> bool:
    """Whether what follows a piece looks like more of it."""
    return bool(_LOST_TAIL.match(text, after))


def declines(text: str) -> bool:
    """Whether the answer is a refusal in words."""
    return bool(_REFUSAL.match(text))
