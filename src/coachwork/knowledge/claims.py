"""Which sentences of an answer claim something, and which are courtesy. Knows phrases and markers; judges no truth.

A sentence is courtesy only when all of it is: one with a number, or with words beyond the phrase, is a claim.
"""

import re
from collections.abc import Sequence

from coachwork.knowledge.sentences import Span

MARKER = re.compile(r"\[\^?(\d{1,3}(?:\s*[,;–-]\s*\^?\d{1,3})*)\](?!\()")
_CODE = re.compile(r"`[^`\n]*`")
_NAME = (
    r"(?:\s+(?:there|all|team|everyone|everybody|customer|sir|madam|mrs?\.?|ms\.?|dr\.?|frau|herr"
    r"|und|and|or|&|[A-ZÄÖÜ][\w.'’-]*))"
)
_GREETING = re.compile(
    rf"(?:hello|hi|hey|dear|greetings|good (?:morning|afternoon|evening|day)|hallo|guten (?:tag|morgen|abend)"
    rf"|liebe[rs]?|sehr geehrte[rs]?)(?-i:{_NAME}){{0,5}}\s*[,!.:]?",
    re.IGNORECASE,
)
_CLOSING = re.compile(
    r"(?:(?:with\s+)?(?:kind|best|warm|warmest|kindest|many)\s+(?:regards|wishes|thanks)|best|regards|sincerely"
    r"|yours(?:\s+(?:sincerely|faithfully|truly))?|sincerely yours|cheers|thanks|thank you|all the best|take care"
    r"|(?:mit\s+)?(?:freundlichen|herzlichen|besten|vielen|viele|beste|liebe)\s+(?:grüßen|grüße|grüssen"
    r"|dank))\s*[,!.]?",
    re.IGNORECASE,
)
_COURTESY = re.compile(
    r"(?:"
    r"(?:thank you|thanks|many thanks)(?: (?:so|very) much)?(?: again)?(?: for (?:your|the|getting|reaching"
    r"|writing|contacting"
    r"|asking|letting|bringing|being|taking|waiting|choosing)\b[\w ,'’-]{0,70})?"
    r"|(?:i|we)(?:['’]m| am|['’]re| are)? ?(?:so |very |truly |really )?(?:sorry|apologi[sz]e)\b[\w ,'’-]{0,90}"
    r"|(?:please )?accept (?:our|my)\b[\w ]{0,20} apologies[\w ,'’-]{0,60}"
    r"|(?:i|we)(?: completely| fully)? understand\b[\w ,'’-]{0,80}"
    r"|(?:i|we) hope (?:this|that|you|the above|it)\b[\w ,'’-]{0,60}"
    r"|(?:please )?(?:let (?:me|us) know|feel free|do(?: not|n['’]t) hesitate)\b[\w ,'’-]{0,90}"
    r"|(?:if you (?:have|need)|should you (?:have|need))\b[\w ,'’-]{0,60}(?:please )?(?:let (?:me|us) know"
    r"|feel free|contact us"
    r"|reach out|get in touch|ask|do(?: not|n['’]t) hesitate)\b[\w ,'’-]{0,40}"
    r"|(?:i|we)(?:['’]m| am|['’]re| are) (?:happy|glad|here) to (?:help|assist)\b[\w ,'’-]{0,40}"
    r"|(?:have a|wishing you a) (?:nice|great|good|lovely|wonderful) (?:day|week|weekend|evening)"
    r"|you(?:['’]re| are) welcome|(?:yes|sure|certainly|of course|okay|ok|great question|good question)"
    r"|(?:vielen |herzlichen )?dank(?: für (?:ihre|deine) [\w ]{0,40})?"
    r")\s*[.!]*",
    re.IGNORECASE,
)
_ABSENCE = re.compile(
    r"(?:(?:unfortunately|sorry|i['’]m sorry|i am sorry|we are sorry)[,:]? (?:but )?)?(?:"
    r"(?:i|we) (?:could|can|did|do|was|were|am|are)(?: ?not|n['’]t|not)?(?: unable to| able to)? (?:find|have"
    r"|know|see|locate|answer)\b"
    r"|(?:this|that|the answer|the information|it) (?:is|was)(?: not|n['’]t) (?:in|covered (?:in|by)"
    r"|mentioned in|found in|part of)"
    r" (?:the|our|your|these) (?:provided )?(?:documents?|handbook|passages?|sources?|context|knowledge base"
    r"|materials?)"
    r"|(?:the|our|these) (?:provided |given )?(?:documents?|handbook|passages?|sources?|context"
    r"|knowledge base|materials?)"
    r" (?:do|does)(?: not|n['’]t) (?:say|mention|contain|include|specify|provide|state|address|cover|answer|tell)\b"
    r")[^.!?]*[.!]?",
    re.IGNORECASE,
)
_SILENCE = re.compile(
    r"(?:(?:unfortunately|sorry)[,:]? )?(?:"
    r"(?:the|our|these) (?:provided |given )?(?:documents?|handbook|passages?|sources?|context|manual|knowledge base"
    r"|materials?) (?:(?:has|have|holds?|gives?|contains?|provides?) no (?:answer|information|details?|mention|word)"
    r"|(?:says?|tells?|contains?) nothing)\b"
    r"|(?:dazu|darüber|davon|hierzu|dar[uü]ber) steht (?:leider )?nichts in (?:den|der|dem|unseren|unserem) [\w-]+"
    r"|(?:das|dies|die antwort) steht (?:leider )?nicht (?:in (?:den|der|dem|unseren|unserem)|im) [\w-]+"
    r")[^.!?]*[.!]?",
    re.IGNORECASE,
)
_DENIED = re.compile(r"\bnot\b|n['’]t\b|\bunable\b|\bcannot\b", re.IGNORECASE)
_LEAD_IN = re.compile(
    r"(?:[\w ,'’-]{0,60}\b(?:here|following|follows|below|steps?|summary|answer|questions?|details?|note"
    r"|overview|options?)"
    r"\b[\w ,'’-]{0,30}|[\w'’-]+(?: [\w'’-]+){0,3}):",
    re.IGNORECASE,
)
_TEXTS = (
    r"(?:handbook|manual|policy|policies|documents?|documentation|text|passages?|sources?|excerpts?|context|guidelines?"
    r"|guide|terms|faq|article|page|knowledge base|materials?|rules|handbuch|richtlinien?|dokumente?n?|dokumentation"
    r"|unterlagen|anleitung|quellen?|abschnitt|text|regeln|bedingungen)(?:\s+\d{1,2}(?=[\s,]))?"
)
_THE = r"(?:(?:the|our|your|this|these|der|die|das|dem|den|unserem|unserer|unseren|unsere|unser)\s+)?"
_KIND = r"(?P<kind>(?:(?!\d)[\w-]+\s+){0,3}?)"
_AS_STATED = r"as\s+(?:stated|described|mentioned|noted|outlined|specified|explained)\s+(?:in|by)"
_SAYS = (
    r"(?:also\s+|clearly\s+)?(?:states?|says?|specif(?:y|ies)|mentions?|notes?|explains?|indicates?|confirms?|besag(?:t|en)"
    r"|sag(?:t|en)|schreib(?:t|en))"
)
_OPENINGS = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        rf"(?:according to|laut|gemäß)\s+{_THE}{_KIND}{_TEXTS}(?:\s*,|(?=\s))",
        rf"(?:based on|per|{_AS_STATED})\s+{_THE}{_KIND}{_TEXTS}\s*,",
        rf"(?:according to|based on|{_AS_STATED})(?P<kind>)\s*,",  # what is left of `As stated in [1], …`
        rf"{_THE}{_KIND}{_TEXTS}\s+{_SAYS}(?:\s+that\b|\s*,\s*dass\b|\s*:)",
        r"(?P<kind>)(?:states?|says?)\s+that\b",  # what is left of `[1] states that`
    )
)
_PLAIN_KIND = re.compile(r"(?:provided|given|available|above|following|current|official|cited|relevant|own|of)\b", re.I)
_MARKUP = re.compile(r"^[\s>#*_\-+•]+|[*_\s]+$")


def markers_in(text: str, start: int = 0, end: int | None = None) -> list[int]:
    """The passage numbers that `text[start:end]` refers to, each once, in order: `[1]`, `[2, 3]`, `[1][2]`, `[1-3]`."""
    code = [(found.start(), found.end()) for found in _CODE.finditer(text)]
    numbers: list[int] = []
    for found in MARKER.finditer(text, start, len(text) if end is None else end):
        if any(begin <= found.start() < stop for begin, stop in code):
            continue
        numbers.extend(_expanded(found[1].replace("^", "")))
    return list(dict.fromkeys(numbers))


def _expanded(inner: str) -> list[int]:
    numbers: list[int] = []
    for part in re.split(r"\s*[,;]\s*", inner):
        ends = [int(number) for number in re.split(r"\s*[–-]\s*", part)]
        if len(ends) == 2 and ends[0] < ends[1] <= ends[0] + 20:
            numbers.extend(range(ends[0], ends[1] + 1))
        else:
            numbers.extend(ends)
    return numbers


def without_markers(text: str) -> str:
    """`text` with each marker blanked out, so that offsets stay."""
    return MARKER.sub(lambda found: " " * len(found.group()), text)


def opening(plain: str, span: Span) -> tuple[int, str]:
    """Where a sentence of a text without markers says something of its own, and which text it claims to have it from.

    `According to the returns policy, …` begins behind the comma and is from a `returns` text: who skips the opening
    has to know that there is one. The start of the sentence, and "", where it has no such opening.
    """
    start = span.start + len(plain[span.start : span.end]) - len(plain[span.start : span.end].lstrip(" \t>*_-+•"))
    for pattern in _OPENINGS:
        found = pattern.match(plain, start, span.end)
        if found and re.search(r"\w\W+\w", plain[found.end() : span.end]):
            return found.end(), _PLAIN_KIND.sub("", found["kind"]).strip()
    return span.start, ""


def courtesies(text: str, sentences: Sequence[Span]) -> set[int]:
    """The indexes of sentences that claim nothing: greetings, thanks, questions, headings, signatures, "not found"."""
    neutral: set[int] = set()
    closed = False
    for index, span in enumerate(sentences):
        sentence = _MARKUP.sub("", text[span.start : span.end])
        if MARKER.search(sentence):
            closed = False
            continue
        closing = _CLOSING.fullmatch(sentence) is not None
        if closing or (closed and _is_signature(sentence)) or _claims_nothing(text, span, sentence):
            neutral.add(index)
        closed = closing or (closed and index in neutral)
    return neutral


def _claims_nothing(text: str, span: Span, sentence: str) -> bool:
    if text[span.start : span.end].lstrip().startswith("#") or not re.search(r"[^\W\d_]", sentence):
        return not re.search(r"\d", sentence)
    if re.search(r"\d", sentence):
        return False
    if (_ABSENCE.fullmatch(sentence) and _DENIED.search(sentence)) or _SILENCE.fullmatch(sentence):
        return True
    if _COURTESY.fullmatch(sentence):
        return not _hides_a_claim(sentence)
    return (
        sentence.endswith("?")
        or _GREETING.fullmatch(sentence) is not None
        or (_LEAD_IN.fullmatch(sentence) is not None and len(sentence.split()) <= 12)
    )


def _hides_a_claim(sentence: str) -> bool:
    """A courtesy that goes on with a statement: `We are sorry, refunds are never given`."""
    tail = re.split(r",|\bbut\b|\bthat\b(?! you)|\bbecause\b", sentence, maxsplit=1)
    return (
        len(tail) > 1
        and len(tail[1].split()) >= 4
        and not re.search(
            r"\b(?:let (?:me|us) know|hesitate|reach out|get in touch|feel free|contact us|ask)\b",
            tail[1],
            re.IGNORECASE,
        )
    )


def _is_signature(sentence: str) -> bool:
    return len(sentence.split()) <= 6 and not re.search(r"[\d!?;]|\.$", sentence) and sentence[:1].isupper()
