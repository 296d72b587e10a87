"""Holds an answer against the passages it was written from. Knows markers, sentences and spans; what proves what is
decided in `evidence.py`.

The text of the answer stays as it is. Every sentence comes out with its offsets, whether it is supported, and in
`markers` the numbers of the passages that bear it out (or, unsupported, of those it pointed to). The citations
follow the sentences in order, one for each marker of each sentence: walking both lists side by side pairs them.
A marker that points to no passage gives no citation, and its sentence is unsupported. A sentence without markers is
looked up in all passages, and needs clearer evidence. Where the passage that a sentence points to does not bear it out
and exactly one other clearly does, the sentence is supported by that one: models mix up numbers more often than facts.
Its `markers` then differ from those in its text, and who shows it should show these. Courtesy and questions claim
nothing and count as supported. A sentence that no passage bears out and one contradicts (`contradiction.py`) carries
that place, from whatever passage it is.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations

from coachwork.knowledge.alteration import altered
from coachwork.knowledge.claims import courtesies, markers_in, opening, without_markers
from coachwork.knowledge.contradiction import Contradiction, contradiction
from coachwork.knowledge.evidence import Evidence, weigh
from coachwork.knowledge.phrases import leading
from coachwork.knowledge.quotes import find_quote, quotations
from coachwork.knowledge.sentences import Span, split_sentences
from coachwork.knowledge.source import Source, forms_of, source_of
from coachwork.knowledge.wording import same_sense
from coachwork.knowledge.words import Word, is_german, words_of
from coachwork.messages import Checked, Citation, Passage, Sentence

CITED = 0.5  # share from which a cited passage bears a sentence out
UNCITED = 0.6  # and a passage that the answer did not name
MISTAKEN = 0.75  # and a passage that the answer did not name though it named another
_SHOWN = 0.15  # below it a place has too little to do with the sentence to be shown for it


@dataclass(frozen=True)
class Judgement:
    """What the passages say of one sentence: `places` are (number of the passage, span in its text), best first.

    `contradicted` is the place that says otherwise, where one does; `by` the model that said so, "" for none.
    """

    supported: bool
    score: float
    places: tuple[tuple[int, Span], ...]
    why: str = ""
    contradicted: tuple[int, Span] | None = None
    by: str = ""


@dataclass(frozen=True)
class Judge:
    """The passages of one answer, each cut up once."""

    passages: Sequence[Passage]
    german: bool
    sources: tuple[Source, ...]


@dataclass(frozen=True)
class Claim:
    words: tuple[Word, ...]
    quotes: Sequence[str]


def check(text: str, passages: Sequence[Passage]) -> Checked:
    """Check each sentence of `text`; `[n]` in it means `passages[n - 1]`."""
    return told(text, passages, judgements(text, judge_of(passages)))


def judgements(text: str, judge: Judge) -> list[tuple[Span, Judgement]]:
    """Every sentence of an answer with what the passages say of it."""
    plain = without_markers(text)
    spans = split_sentences(text)
    neutral = courtesies(text, spans)
    nothing = Judgement(True, 1.0, ())
    return [
        (
            span,
            nothing
            if index in neutral
            else _judged(claim_of(plain, span, judge), markers_in(text, span.start, span.end), judge),
        )
        for index, span in enumerate(spans)
    ]


def told(text: str, passages: Sequence[Passage], judged: Sequence[tuple[Span, Judgement]]) -> Checked:
    """The answer with its sentences and citations, as they were judged."""
    sentences: list[Sentence] = []
    citations: list[Citation] = []
    for span, judgement in judged:
        cited = [(number, _citation(number, passages[number - 1], place)) for number, place in judgement.places]
        sentences.append(
            Sentence(
                text=text[span.start : span.end],
                start=span.start,
                end=span.end,
                supported=judgement.supported,
                markers=[number for number, _ in cited],
                contradicted_by=_against(judgement, passages),
                judged_by=judgement.by,
            )
        )
        citations.extend(citation for _, citation in cited)
    return Checked(text=text, citations=citations, sentences=sentences)


def _against(judgement: Judgement, passages: Sequence[Passage]) -> Citation | None:
    if judgement.contradicted is None:
        return None
    number, place = judgement.contradicted
    return _citation(number, passages[number - 1], place)


def judge(claim: str, passages: Sequence[Passage], *, cited: bool = True) -> Judgement:
    """Judge one sentence by all of `passages`."""
    asked = list(range(1, len(passages) + 1)) if cited else []
    judge = judge_of(passages)
    return _judged(claim_of(claim, Span(0, len(claim)), judge), asked, judge)


def claim_of(plain: str, span: Span, judge: Judge) -> Claim:
    """A sentence of a text without markers, as it is compared with the passages.

    `According to the returns policy, …` says that it stands there, which is what is looked up: only the rest is
    compared, where the passages are of such a text or speak of it.
    """
    start, kind = opening(plain, span)
    if any(word.kind != "stop" and not _known(word, judge) for word in words_of(kind, german=judge.german)):
        start = span.start
    words = tuple(words_of(plain, start, span.end, german=judge.german))
    return Claim(words, quotations(plain[span.start : span.end]))


def _known(word: Word, judge: Judge) -> bool:
    return any(word.form in source.context or word.form in forms_of(source.units) for source in judge.sources)


def judge_of(passages: Sequence[Passage]) -> Judge:
    german = is_german(" ".join(passage.text for passage in passages))
    sources = tuple(
        source_of(passage.text, (passage.title, *passage.title_path), german=german) for passage in passages
    )
    return Judge(passages, german, sources)


def _judged(claim: Claim, asked: Sequence[int], judge: Judge) -> Judgement:
    """By the passages that it names, by all where it names none; and by all whether one contradicts it."""
    found = _proved(claim, asked, judge)
    if found.supported or (against := _contradicted(claim, asked, judge)) is None:
        return found
    number, other = against
    return replace(found, contradicted=(number, Span(other.unit.start, other.unit.end)), why=other.why)


def _contradicted(claim: Claim, asked: Sequence[int], judge: Judge) -> tuple[int, Contradiction] | None:
    """The place that says otherwise, in the passages that the sentence names rather than in others.

    None where a passage of them all bears the sentence out: then they disagree with one another.
    """
    every = range(1, len(judge.passages) + 1)
    numbers = [*(number for number in every if number in asked), *(number for number in every if number not in asked)]
    sources = [judge.sources[number - 1] for number in numbers]
    quoted = (words_of(quote, german=judge.german) for quote in claim.quotes)
    found = next((one for words in (claim.words, *quoted) if (one := contradiction(words, sources))), None)
    if found is None or any(_by(claim, [number], CITED, judge, cited=True).supported for number in numbers):
        return None
    return numbers[found.index], found


def _proved(claim: Claim, asked: Sequence[int], judge: Judge) -> Judgement:
    """By the passages that it names; by all where it names none, or names the wrong one."""
    every = range(1, len(judge.passages) + 1)
    known = [number for number in asked if number in every]
    if not asked:
        return _by(claim, every, UNCITED, judge, cited=False)
    found = _by(claim, known, CITED, judge, cited=True)
    if len(known) < len(asked):
        return replace(found, supported=False, why=found.why or "it points to a passage that is not there")
    if found.supported:
        return found
    others = [_by(claim, [*known, number], MISTAKEN, judge, cited=True) for number in every if number not in known]
    clear = [other for other in others if other.supported]
    return clear[0] if len(clear) == 1 else found


def _by(claim: Claim, numbers: Sequence[int], enough: float, judge: Judge, *, cited: bool) -> Judgement:
    changed = altered(claim.words, [judge.sources[number - 1] for number in numbers])
    weighed = [(number, _weighed(claim, number, judge)) for number in numbers]
    weighed.sort(key=lambda pair: (pair[1].against != "", -pair[1].near))
    good = [(number, found) for number, found in weighed if not found.against and found.near >= enough]
    if not good and (both := _together(claim.words, [number for number, _ in weighed[:4]], judge, enough)):
        good = [(number, found) for number, found in weighed if number in both]
    supported = bool(good) and not changed and quoted_right(claim.quotes, [number for number, _ in good], judge)
    shown = good if supported else [(number, found) for number, found in weighed if cited and found.near >= _SHOWN]
    if not cited:
        shown = shown[:1] if len(good) < 2 or good[0][1].near >= enough else shown
    why = (
        ""
        if supported
        else changed or next((found.against for _, found in weighed if found.against), "too little of it is there")
    )
    places = [(number, found.span) for number, found in shown if found.span.end > found.span.start]
    order = {number: place for place, number in enumerate(numbers)}
    if cited:
        places.sort(key=lambda place: order[place[0]])
    return Judgement(supported, max((found.score for _, found in weighed), default=0.0), tuple(places), why)


def _weighed(claim: Claim, number: int, judge: Judge) -> Evidence:
    """The evidence of one passage; where it holds the sentence's quotation, that is the place."""
    found = weigh(claim.words, judge.sources[number - 1])
    for quote in claim.quotes:
        if (span := find_quote(judge.passages[number - 1].text, quote)) is not None:
            return Evidence(found.score, found.near, span, found.against)
    return found


def _together(words: Sequence[Word], numbers: Sequence[int], judge: Judge, enough: float) -> set[int]:
    """Two passages that bear the sentence out with one another, where neither does alone.

    Both have to speak of what the sentence begins with, or two true rules would prove a false third.
    """
    subject = [word.form for word in leading(words)]
    about = [
        number
        for number in numbers
        if all(same_sense(form, forms_of(judge.sources[number - 1].units)) for form in subject)
    ]
    for first, second in combinations(about, 2):
        one, other = judge.sources[first - 1], judge.sources[second - 1]
        found = weigh(words, Source((*one.units, *other.units), one.context & other.context))
        if not found.against and found.near >= enough:
            return {first, second}
    return set()


def quoted_right(quotes: Sequence[str], numbers: Sequence[int], judge: Judge) -> bool:
    """Does every quotation stand word for word in one of these passages?"""
    return all(any(find_quote(judge.passages[number - 1].text, quote) for number in numbers) for quote in quotes)


def _citation(number: int, passage: Passage, place: Span) -> Citation:
    return Citation(
        marker=number,
        knowledge=passage.knowledge,
        document=passage.document,
        title=passage.title,
        title_path=passage.title_path,
        page=passage.page,
        start=passage.start + place.start,
        end=passage.start + place.end,
        quote=passage.text[place.start : place.end],
    )
