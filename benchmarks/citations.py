"""How far the citation check can be trusted: `python benchmarks/citations.py`.

The table of true and false sentences on the example's handbook, altered copies of source sentences (both from
tests/knowledge), and true sentences retold: moved, shortened by a word, introduced. What may be called contradicted
is told apart: of false sentences as many as can be shown, of true ones none. No model, no network; squad-dev's and
WiCE's part needs ../shared/data.
"""

import csv
import gzip
import importlib.util
import itertools
import json
import random
import re
import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from coachwork.knowledge.cite import check
from coachwork.knowledge.words import words_of
from coachwork.messages import Passage, Verdict

ROOT = Path(__file__).parents[1]
TESTS = ROOT / "tests" / "knowledge"
HANDBOOK = ROOT / "examples" / "support-desk" / "knowledge" / "handbook"
DATA = ROOT.parent / "shared" / "data"
SQUAD = DATA / "retrieval" / "squad-dev" / "corpus.jsonl.gz"
WICE = DATA / "groundedness" / "wice" / "claim_test.jsonl.gz"
ALTERED = 2000
RETOLD = 250  # passages of squad-dev that are retold


def sections(document: str) -> list[Passage]:
    text = (HANDBOOK / document).read_text()
    title = text.splitlines()[0].removeprefix("# ")
    begins = [found.start() for found in re.finditer(r"(?m)^## ", text)]
    return [
        passage(text[begin:end], title, text[begin:end].splitlines()[0].removeprefix("## "))
        for begin, end in itertools.pairwise([*begins, len(text)])
    ]


def passage(text: str, *titles: str) -> Passage:
    return Passage(knowledge="", document="", title="", title_path=list(titles), start=0, end=len(text), text=text)


def verdict(claim: str, passages: Sequence[Passage], marker: int = 1) -> Verdict:
    return check(f"{claim.removesuffix('.')} [{marker}].", passages).sentences[-1].verdict


def said(name: str, found: Counter[Verdict]) -> None:
    told = ", ".join(f"{one} {found[one]}" for one in ("supported", "unsupported", "contradicted"))
    print(f"{name}: {told} of {found.total()}")


def rows() -> list[dict[str, str]]:
    """The table of true and false sentences."""
    with (TESTS / "handbook_claims.tsv").open() as lines:
        return list(csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))


def table() -> None:
    started = time.perf_counter()
    found: dict[str, Counter[Verdict]] = {"yes": Counter(), "no": Counter()}
    told = rows()
    for row in told:
        passages = sections(row["document"])
        marker = 1 + [found.title_path[-1] for found in passages].index(row["heading"])
        found[row["verdict"]][verdict(row["claim"], passages, marker)] += 1
    said("handbook, true sentences", found["yes"])
    said("handbook, false sentences", found["no"])
    print(f"{1000 * (time.perf_counter() - started) / len(told):.0f} ms a sentence with the sections of its document")


def law(name: str, texts: list[str], made: Any) -> None:
    found: dict[str, Counter[Verdict]] = {"number": Counter(), "name": Counter(), "not": Counter()}
    for one in itertools.islice(made.alterations(texts, 1), ALTERED):
        found[one.kind][verdict(one.sentence, [passage(one.source)])] += 1
    for kind, verdicts in found.items():
        said(f"{name}, altered sentences, {kind}", verdicts)
    said(f"{name}, altered sentences, all", sum(found.values(), Counter()))


def retold(name: str, told: Sequence[tuple[str, Sequence[Passage]]]) -> None:
    """True sentences as they stand, introduced, with two clauses exchanged, with one word of content left out."""
    draw = random.Random(3)
    found: Counter[Verdict] = Counter()
    for sentence, passages in told:
        own = 1 + next(index for index, one in enumerate(passages) if sentence in one.text)
        forms = (sentence, f"According to the text, {sentence[0].lower()}{sentence[1:]}", moved(sentence))
        for form in (*forms, shortened(sentence, draw)):
            if form:
                found[verdict(form, passages, own)] += 1
    said(f"{name}, true sentences retold", found)


def elsewhere(name: str, told: Sequence[tuple[str, Sequence[Passage]]]) -> None:
    """True sentences, held against the passages around their own, which speak of like things in like words."""
    found: Counter[Verdict] = Counter()
    for sentence, passages in told:
        found[check(sentence, [one for one in passages if sentence not in one.text]).sentences[-1].verdict] += 1
    said(f"{name}, true sentences without their own passage", found)


def moved(sentence: str) -> str:
    first, comma, rest = sentence.rstrip(".!?").partition(", ")
    return f"{rest[0].upper()}{rest[1:]}, {first[0].lower()}{first[1:]}." if comma and ", " not in rest else ""


def shortened(sentence: str, draw: random.Random) -> str:
    words = [word for word in words_of(sentence) if word.kind == "content" and word.start > 0]
    if not words:
        return ""
    left_out = draw.choice(words)
    return sentence[: left_out.start] + sentence[left_out.end + 1 :]


def wikipedia() -> None:
    with gzip.open(WICE, "rt") as lines:
        rows = [json.loads(line) for line in lines]
    found: dict[str, Counter[Verdict]] = {}
    for row in rows:
        said_of_it = verdict(row["claim"], [passage("\n".join(row["evidence"]))])
        found.setdefault(row["label"], Counter())[said_of_it] += 1
    for label, verdicts in sorted(found.items()):
        said(f"WiCE, {label}", verdicts)


def generator() -> Any:
    """The module that makes alterations: `alterations.py` of the tests."""
    spec = importlib.util.spec_from_file_location("alterations", TESTS / "alterations.py")
    assert spec is not None
    assert spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    sys.modules["alterations"] = made  # a frozen dataclass looks its module up
    spec.loader.exec_module(made)
    return made


def main() -> None:
    made = generator()
    table()
    documents = [sections(file.name) for file in sorted(HANDBOOK.glob("*.md"))]
    law("handbook", [found.text for document in documents for found in document], made)
    cut = made._SENTENCE.findall
    told = [(one, document) for document in documents for found in document for one in cut(found.text)]
    retold("handbook", told)
    elsewhere("handbook", told)
    if SQUAD.exists():
        with gzip.open(SQUAD, "rt") as lines:
            texts = [json.loads(line)["text"] for line in lines]
        law("squad-dev", texts, made)
        places = [random.Random(seed).randrange(2, len(texts) - 2) for seed in range(RETOLD)]
        near = {place: [passage(text) for text in texts[place - 2 : place + 3]] for place in places}
        told = [(one, near[place]) for place in places for one in cut(texts[place])[:2]]
        retold("squad-dev", told)
        elsewhere("squad-dev", told)
    if WICE.exists():
        wikipedia()


if __name__ == "__main__":
    main()
