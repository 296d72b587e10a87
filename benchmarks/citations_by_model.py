"""What a model adds to the citation check, and what it breaks: `python benchmarks/citations_by_model.py`.

Asks a local model (or `--model provider:name`) about what the words alone don't prove of the handbook's true and false
sentences, of altered ones, and of WiCE's claims; and says what a model would do that agrees to everything and always
quotes the nearest sentence. WiCE's part needs ../shared/data; its pages are cut to the passages nearest to the claim.
"""

import argparse
import asyncio
import difflib
import gzip
import itertools
import json
import os
import random
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import citations

from coachwork.errors import CoachworkError
from coachwork.knowledge.cite import check, judge_of, judgements
from coachwork.knowledge.opinion import Opinion, Opinions, doubted, reviewed, settled
from coachwork.knowledge.sentences import split_sentences
from coachwork.messages import Attempt, Passage, StepRecord
from coachwork.models import Models, ModelsConfig

CACHE = Path(os.environ.get("COACHWORK_CACHE") or Path.home() / ".cache" / "coachwork")
PASSAGE = 700  # characters of a page that make one passage
NEAREST = 2  # passages of a page that are shown
GULLIBLE = 2000


@dataclass
class Tally:
    """Verdicts of one kind of sentence: of the words alone, as the model gave them, and as they were believed."""

    words: Counter[str] = field(default_factory=Counter)
    said: Counter[str] = field(default_factory=Counter)
    believed: Counter[str] = field(default_factory=Counter)


class Listening:
    """Models whose answers are heard: how long each took, and what was said."""

    def __init__(self, models: Models) -> None:
        self.models, self.seconds, self.text = models, 0.0, ""

    async def complete(self, route: str, request: Any, *, after: Sequence[Attempt] = ()) -> Any:
        reply = await self.models.complete(route, request, after=after)
        self.seconds += reply.seconds
        self.text = reply.text
        return reply

    async def rerank(self, route: str, query: str, texts: Sequence[str], *, after: Sequence[Attempt] = ()) -> Any:
        return await self.models.rerank(route, query, texts, after=after)

    def ranks_by(self, route: str) -> Any:
        return self.models.ranks_by(route)


async def asked(listening: Listening, claims: Sequence[str], passages: Sequence[Passage], tally: Tally) -> None:
    """One answer of these claims, one a line, checked by the words alone and with the model."""
    text = "\n".join(f"{claim.strip().removesuffix('.')}." for claim in claims)
    tally.words.update(sentence.verdict for sentence in check(text, passages).sentences)
    judge = judge_of(passages)
    listening.text = ""
    before = judgements(text, judge)
    judged, failed = await reviewed(listening, "check", text, judge, before, StepRecord("verify", "benchmark"))
    tally.believed.update(
        "supported" if one.supported else "contradicted" if one.contradicted else "unsupported" for _, one in judged
    )
    if failed:
        tally.said["no answer"] += len(doubted(text, before).asked)
    elif listening.text:
        tally.said.update(one["verdict"] for one in json.loads(listening.text)["verdicts"])


def nearest(claim: str, page: str) -> list[Passage]:
    """The passages of a page that hold most of the claim's words, in the order of the page."""
    cut: list[str] = [""]
    for line in page.splitlines():
        if len(cut[-1]) + len(line) > PASSAGE and cut[-1]:
            cut.append("")
        cut[-1] += line + "\n"
    words = set(claim.lower().split())
    best = sorted(range(len(cut)), key=lambda index: -len(words & set(cut[index].lower().split())))[:NEAREST]
    return [citations.passage(cut[index]) for index in sorted(best)]


def sets(each: int, made: Any) -> Iterator[tuple[str, list[str], list[Passage]]]:
    """A name, the sentences of an answer, and its passages: `each` sentences of every kind, the kinds in turns."""
    kinds = [handbook("yes", each), handbook("no", each), altered(each, made)]
    if citations.WICE.exists():
        kinds += [wikipedia(label, each) for label in ("supported", "partially_supported", "not_supported")]
    for turn in itertools.zip_longest(*kinds):
        yield from (one for one in turn if one is not None)


def handbook(verdict: str, each: int) -> Iterator[tuple[str, list[str], list[Passage]]]:
    rows = [row for row in citations.rows() if row["verdict"] == verdict]
    rows = random.Random(7).sample(rows, min(each, len(rows)))
    places = {(row["document"], row["heading"]): None for row in rows}
    for document, heading in places:
        passages = [one for one in citations.sections(document) if one.title_path[-1] == heading]
        claims = [row["claim"] for row in rows if (row["document"], row["heading"]) == (document, heading)]
        yield f"handbook, {'true' if verdict == 'yes' else 'false'}", claims, passages


def altered(each: int, made: Any) -> Iterator[tuple[str, list[str], list[Passage]]]:
    texts = [one.text for file in sorted(citations.HANDBOOK.glob("*.md")) for one in citations.sections(file.name)]
    found: dict[str, list[str]] = {}
    for one in itertools.islice(made.alterations(texts, 7), each):
        found.setdefault(one.source, []).append(one.sentence)
    for source, sentences in found.items():
        yield "handbook, altered", sentences, [citations.passage(source)]


def wikipedia(label: str, each: int) -> Iterator[tuple[str, list[str], list[Passage]]]:
    with gzip.open(citations.WICE, "rt") as lines:
        rows = [row for row in map(json.loads, lines) if row["label"] == label]
    for row in random.Random(7).sample(rows, min(each, len(rows))):
        yield f"WiCE, {label}", [row["claim"]], nearest(row["claim"], "\n".join(row["evidence"]))


def gullible(made: Any, texts: list[str], name: str) -> None:
    """How many altered sentences pass where a model says yes to all, and quotes the nearest sentence or everything."""
    passed: Counter[str] = Counter()
    for one in itertools.islice(made.alterations(texts, 20261125), GULLIBLE):
        passages = [citations.passage(one.source)]
        text = f"{one.sentence.rstrip('.!?')} [1]."
        judge = judge_of(passages)
        judged = judgements(text, judge)
        spans = [one.source[span.start : span.end] for span in split_sentences(one.source, wrapped=True)]
        quote = max(spans, key=lambda span: difflib.SequenceMatcher(None, span, one.sentence).ratio())
        for shown in (quote, one.source):
            yes = Opinion(sentence=1, quote=shown, verdict="supported")
            opinions = Opinions(model="yes", of=dict.fromkeys(doubted(text, judged).asked, yes))
            if settled(text, judge, judged, opinions)[-1][1].supported:
                passed[one.kind] += 1
                break
    print(
        f"{name}, altered, a model that agrees to everything: {passed.total()} of {GULLIBLE} supported {dict(passed)}"
    )


async def ask(model: str, each: int, minutes: float, made: Any) -> None:
    config = ModelsConfig.model_validate({"routes": {"check": {"models": [model], "total_seconds": 600}}})
    models = Models(config, database=None, cache_dir=CACHE, environ=os.environ)
    listening, tallies = Listening(models), dict[str, Tally]()
    end = time.monotonic() + 60 * minutes
    try:
        for name, claims, passages in sets(each, made):
            if time.monotonic() > end:
                print(f"stopped after {minutes:g} minutes")
                break
            await asked(listening, claims, passages, tallies.setdefault(name, Tally()))
    finally:
        await models.close()
    count = sum(tally.said.total() for tally in tallies.values())
    print(f"{model}, {listening.seconds / max(count, 1):.1f} s a sentence that was asked about")
    for name, tally in tallies.items():
        print(f"{name}: words {dict(tally.words)}; model said {dict(tally.said)}; with it {dict(tally.believed)}")


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--model", default="local:qwen2.5-coder-1.5b")
    arguments.add_argument("--each", type=int, default=50, help="sentences of each kind")
    arguments.add_argument("--minutes", type=float, default=120, help="ask no further after these")
    arguments.add_argument("--gullible", action="store_true", help="only the model that agrees to everything")
    given = arguments.parse_args()
    made = citations.generator()
    texts = [one.text for file in sorted(citations.HANDBOOK.glob("*.md")) for one in citations.sections(file.name)]
    if given.each < 1:
        raise SystemExit("--each is at least 1")
    gullible(made, texts, "handbook")
    if citations.SQUAD.exists():
        with gzip.open(citations.SQUAD, "rt") as lines:
            gullible(made, [json.loads(line)["text"] for line in lines], "squad-dev")
    if not given.gullible:
        try:
            asyncio.run(ask(given.model, given.each, given.minutes, made))
        except CoachworkError as error:
            raise SystemExit(str(error)) from None


if __name__ == "__main__":
    main()
