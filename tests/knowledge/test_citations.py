"""Citations that prove themselves: what is called supported, by which passage, and what never is.

`handbook_claims.tsv` holds sentences on the example's handbook: false ones (another subject, a condition dropped, a
neighbour's number, another product or country) and true ones in other words than the handbook's.
"""

import csv
import gzip
import itertools
import json
import re
from functools import cache
from pathlib import Path

import pytest

from coachwork.knowledge import KnowledgeBase
from coachwork.knowledge.cite import judge
from coachwork.messages import Checked, Passage

from .alterations import Altered, alterations

ROOT = Path(__file__).parents[2]
HANDBOOK = ROOT / "examples" / "support-desk" / "knowledge" / "handbook"
DATA = ROOT.parent / "shared" / "data"
SQUAD = DATA / "retrieval" / "squad-dev" / "corpus.jsonl.gz"
WICE = DATA / "groundedness" / "wice" / "claim_test.jsonl.gz"
BASE = KnowledgeBase("handbook")


@cache
def sections(document: str) -> tuple[Passage, ...]:
    """The sections of a document, as passages with their titles."""
    text = (HANDBOOK / document).read_text()
    title = text.splitlines()[0].removeprefix("# ")
    begins = [found.start() for found in re.finditer(r"(?m)^## ", text)]
    made = []
    for begin, end in itertools.pairwise([*begins, len(text)]):
        heading = text[begin:end].splitlines()[0].removeprefix("## ")
        made.append(
            Passage(
                knowledge="handbook",
                document=document,
                title=title,
                title_path=[title, heading],
                start=begin,
                end=end,
                text=text[begin:end],
            )
        )
    return tuple(made)


def claims(verdict: str) -> list[dict[str, str]]:
    with (Path(__file__).parent / "handbook_claims.tsv").open() as lines:
        rows = csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)
        return [row for row in rows if row["verdict"] == verdict]


def supported(claim: str, passages: tuple[Passage, ...], marker: int | None = None) -> bool:
    cited = f"{claim.removesuffix('.')} [{marker}]." if marker else claim
    return BASE.verify(cited, passages).sentences[0].supported


@pytest.mark.parametrize("row", claims("no"), ids=lambda row: row["claim"][:60])
def test_a_false_sentence_is_never_supported_whatever_it_points_to(row: dict[str, str]) -> None:
    passages = sections(row["document"])
    for marker in (None, *range(1, len(passages) + 1)):
        assert not supported(row["claim"], passages, marker), f"by [{marker}]"


def test_true_sentences_in_other_words_are_mostly_supported() -> None:
    lost = []
    rows = claims("yes")
    for row in rows:
        passages = sections(row["document"])
        marker = 1 + [passage.title_path[-1] for passage in passages].index(row["heading"])
        if not supported(row["claim"], passages, marker):
            lost.append(row["claim"])
    assert len(lost) <= 0.3 * len(rows), lost


def test_the_table_is_large_enough_to_mean_something() -> None:
    assert len(claims("no")) >= 100
    assert len(claims("yes")) >= 90


RULES = ("Return shipping within Germany costs 4.90 euro.", "A new key for a Halt lock costs 14.90 euro.")


def short(text: str) -> Passage:
    return Passage(knowledge="h", document=text[:8], title="", start=7, end=7 + len(text), text=text)


def test_a_sentence_that_points_to_the_wrong_passage_is_supported_by_the_right_one() -> None:
    checked: Checked = BASE.verify("A new key for a Halt lock costs 14.90 euro [1].", [short(rule) for rule in RULES])
    assert checked.text.endswith("[1].")
    [sentence] = checked.sentences
    [citation] = checked.citations
    assert (sentence.supported, sentence.markers, citation.marker) == (True, [2], 2)
    assert citation.quote == RULES[1]


def test_a_wrong_number_is_not_excused_by_another_passage() -> None:
    checked = BASE.verify("A new key for a Halt lock costs 4.90 euro [1].", [short(rule) for rule in RULES])
    assert checked.unsupported


def test_a_marker_that_points_nowhere_is_not_excused() -> None:
    checked = BASE.verify("A new key for a Halt lock costs 14.90 euro [7].", [short(rule) for rule in RULES])
    assert checked.unsupported


def test_two_passages_that_bear_a_sentence_out_leave_it_to_the_one_it_points_to() -> None:
    twice = [short("Opening hours."), short(RULES[1]), short(RULES[1])]
    checked = BASE.verify("A new key for a Halt lock costs 14.90 euro [3].", twice)
    assert checked.sentences[0].markers == [3]


# ── The law ────────────────────────────────────────────────────────────────────────────────────


def verified(made: Altered, form: str) -> bool:
    sentence = form.format(made.sentence.rstrip(".!?"))
    return BASE.verify(sentence, [short(made.source)]).sentences[-1].supported


@pytest.mark.slow
@pytest.mark.parametrize("form", ["{} [1].", "The document says: “{}” [1]."], ids=["told", "quoted"])
@pytest.mark.parametrize("name", ["squad-dev", "handbook"])
def test_no_altered_sentence_is_verified(name: str, form: str) -> None:
    if name == "squad-dev" and not SQUAD.exists():
        pytest.skip(f"the data is not there: {SQUAD}")
    if name == "squad-dev":
        with gzip.open(SQUAD, "rt") as lines:
            passages = [json.loads(line)["text"] for line in lines]
    else:
        passages = [passage.text for file in sorted(HANDBOOK.glob("*.md")) for passage in sections(file.name)]
    wrong = [made for made in itertools.islice(alterations(passages, 20261125), 2000) if verified(made, form)]
    assert not wrong, wrong[:3]


@pytest.mark.slow
def test_and_the_unaltered_sentences_are() -> None:
    """Or the law above would hold for a check that refuses everything."""
    passages = [passage.text for file in sorted(HANDBOOK.glob("*.md")) for passage in sections(file.name)]
    sentences = [
        (sentence, text)
        for text in passages
        for sentence in re.findall(r"(?:(?<=[a-z]{3}[.!?] )|(?<=\n))[A-Z][^.!?\n#|]{35,260}[.!?](?=\s|$)", text)
    ]
    right = sum(
        BASE.verify(f"{sentence[:-1]} [1].", [short(text)]).sentences[0].supported for sentence, text in sentences
    )
    assert len(sentences) > 150
    assert right >= 0.95 * len(sentences)


@pytest.mark.slow
def test_the_score_tells_supported_claims_of_wikipedia_from_the_rest() -> None:
    if not WICE.exists():
        pytest.skip(f"the data is not there: {WICE}")
    with gzip.open(WICE, "rt") as lines:
        rows = [json.loads(line) for line in lines]
    found = [judge(row["claim"], [short("\n".join(row["evidence"]))]) for row in rows]
    true = [one.score for one, row in zip(found, rows, strict=True) if row["label"] == "supported"]
    false = [one.score for one, row in zip(found, rows, strict=True) if row["label"] != "supported"]
    auroc = sum((a > b) + 0.5 * (a == b) for a in true for b in false) / (len(true) * len(false))
    assert auroc >= 0.80
    yes = [row["label"] for one, row in zip(found, rows, strict=True) if one.supported]
    assert yes.count("supported") >= 0.8 * len(yes)
