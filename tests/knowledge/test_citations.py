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
from coachwork.messages import Checked, Passage, Verdict

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


def verdict(claim: str, *texts: str) -> Verdict:
    return BASE.verify(claim, [short(text) for text in texts]).sentences[0].verdict


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
        [sentence] = BASE.verify(f"{row['claim'].removesuffix('.')} [{marker}].", passages).sentences
        assert sentence.verdict != "contradicted", row["claim"]
        if not sentence.supported:
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


OPENINGS = [
    ("According to the handbook, {} [2].", "supported"),
    ("The policy states that {} [2].", "supported"),
    ("As stated in [2], {}.", "supported"),
    ("[2] states that {}.", "supported"),
    ("Based on the provided passages, {} [2].", "supported"),
    ("According to passage 2, {}.", "supported"),
    ("Das Handbuch besagt, dass {} [2].", "supported"),
    ("The lock policy says that {} [2].", "supported"),  # the passage is about a lock
    ("The warranty policy says that {} [2].", "unsupported"),  # and no passage is about warranty
    ("According to the 2024 policy, {} [2].", "unsupported"),
    ("According to Frau Weber, {} [2].", "unsupported"),
    ("The handbook no longer states that {} [2].", "unsupported"),
    ("The handbook does not state that {} [2].", "unsupported"),
]


def test_a_sentence_may_say_that_it_is_from_the_documents_and_no_more_than_that() -> None:
    statement = "a new key for a Halt lock costs 14.90 euro"
    for form, expected in OPENINGS:
        told = verdict(form.format(statement), *RULES)
        assert (told == "supported") == (expected == "supported"), (form, told)
        assert verdict(form.format(statement.replace("14.90", "15.90")), *RULES) != "supported", form
        assert verdict(form.format(statement.replace("costs", "does not cost")), *RULES) != "supported", form


# ── Contradicted ───────────────────────────────────────────────────────────────────────────────


SHOWN = [
    ("A new key costs 25 euro and is ready in a week.", "A new key costs 20 euro [1]."),  # a number
    ("Orders leave the house within 2 working days.", "Orders leave the house within 3 working days [1]."),
    ("The company of our family was founded in 2009.", "The company of our family was founded in 2010 [1]."),
    ("The shop on the harbour opens at 9:00.", "The shop on the harbour opens at 9:30 [1]."),
    ("The battery is stored for 30 days.", "The battery is stored for 31 days [1]."),
    ("The battery is stored for 30 days.", "The battery is stored for 30 hours [1]."),  # a unit
    ("A spare key costs 25 euro by post.", "A spare key costs 25 dollars by post [1]."),
    ("Bikes are rented out from 1 March.", "Bikes are rented out from 1 April [1]."),  # a date
    ("Jonas Tarnbeck founded the company in 2009 in Konstanz.", "Jonas Tarnbeck founded the company in 2009 in Bern."),
    ("The shop on the harbour is called Werft.", "The shop on the harbour is called Hafen [1]."),
    ("Opened tubes may not be sent back.", "Opened tubes may be sent back [1]."),  # a "not" on one side
    ("Vouchers can be paid out in cash.", "Vouchers can no longer be paid out in cash [1]."),
    ("The key of a frame lock is replaceable.", "The key of a frame lock is irreplaceable [1]."),  # an opposite
    ("The shop is always open on public holidays.", "The shop is never open on public holidays [1]."),
    ("The fee for the stand is 40 euro.", "The handbook says “the fee for the stand is 60 euro” [1]."),  # quoted
    ("Die Miete für ein Rad beträgt 18 Euro.", "Die Miete für ein Rad beträgt 15 Euro [1]."),
]


@pytest.mark.parametrize(("text", "claim"), SHOWN, ids=lambda value: value[:40])
def test_a_sentence_is_contradicted_by_the_same_statement_with_another_value(text: str, claim: str) -> None:
    [sentence] = BASE.verify(claim, [short("We like bicycles."), short(f"Be kind. {text}")]).sentences
    place = sentence.contradicted_by
    assert place is not None, "nothing is shown"
    assert (sentence.supported, sentence.verdict, place.marker) == (False, "contradicted", 2)
    assert (place.quote, place.end - place.start) == (text, len(text))
    assert place.start == 7 + len("Be kind. ")  # in the document, not in the passage


NOT_SHOWN = [
    ("Return shipping within Germany costs 4.90 euro.", "Return shipping within Austria costs 4.90 euro [1]."),  # both?
    ("A city bike costs 18 euro a day in summer.", "A cargo bike costs 39 euro a day in summer [1]."),  # another thing
    ("Used goods are sent back unpaid.", "Unused goods are sent back unpaid [1]."),
    ("On Monday the shop is open until 18:00.", "On Tuesday the shop is open until 18:00 [1]."),
    ("For members the entrance fee is 5 euro.", "The entrance fee is 8 euro [1]."),  # a condition
    ("The entrance fee is 5 euro, but 8 euro on Sundays.", "The entrance fee is 8 euro [1]."),
    ("The entrance fee is 5 euro if you are a member.", "The entrance fee is 8 euro [1]."),
    (
        "The town has 49,870 people within its walls.",
        "The town has about 50,000 people within its walls [1].",
    ),  # rounded
    ("The stock is kept for 14 days after closing.", "The stock is kept for two weeks after closing [1]."),
    ("A parcel to the island weighs 20 kg.", "A parcel to the island weighs 20 kilograms [1]."),
    ("Das Rad von der Insel kostet 1.000 Euro.", "Das Rad von der Insel kostet 1000 Euro [1]."),
    ("The hall holds more than 200 people at night.", "The hall holds more than 100 people at night [1]."),  # implied
    ("Bags in room 5 are kept over night.", "Bags in room 6 are kept over night [1]."),  # a label
    ("Some tubes of glue may be sent back.", "Tubes of glue may not be sent back [1]."),  # of others
    ("Not only bikes are sold in the shop.", "Only bikes are sold in the shop [1]."),
    ("A 20 inch wheel costs 80 euro with its tyre.", "A 24 inch wheel costs 80 euro with its tyre [1]."),
    ("Orders over 50 euro ship free of charge.", "Orders over 100 euro ship free of charge [1]."),
    ("Goods can be returned without a receipt.", "Goods can be returned with a receipt [1]."),
    (
        "The company was founded in 2009 by Tarnbeck. Jonas Tarnbeck likes bikes.",
        "The company was founded in 2009 by Jonas [1].",
    ),
    ("It costs 25 euro a day.", "It costs 20 euro a day [1]."),  # what does?
]


@pytest.mark.parametrize(("text", "claim"), NOT_SHOWN, ids=lambda value: value[:40])
def test_where_both_could_be_true_it_is_only_unsupported(text: str, claim: str) -> None:
    assert verdict(claim, text) != "contradicted"


def test_where_two_passages_disagree_neither_contradicts() -> None:
    old, new = "A lost key costs 20 euro.", "A lost key costs 25 euro."
    assert verdict("A lost key costs 20 euro [2].", old, new) != "contradicted"
    assert verdict("A lost key in a locker costs 20 euro [2].", f"In the old house: {old}", new) == "unsupported"
    assert verdict("A lost key costs 30 euro [2].", old, new) == "contradicted"


# ── The law ────────────────────────────────────────────────────────────────────────────────────


def judged(made: Altered, form: str) -> Verdict:
    sentence = form.format(made.sentence.rstrip(".!?"))
    return BASE.verify(sentence, [short(made.source)]).sentences[-1].verdict


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
    found = [(made, judged(made, form)) for made in itertools.islice(alterations(passages, 20261125), 2000)]
    wrong = [made for made, verdict in found if verdict == "supported"]
    assert not wrong, wrong[:3]
    changed = [verdict for made, verdict in found if made.kind != "name"]
    assert changed.count("contradicted") >= 0.6 * len(changed)


@pytest.mark.slow
def test_and_the_unaltered_sentences_are() -> None:
    """Or the law above would hold for a check that refuses everything."""
    passages = [passage.text for file in sorted(HANDBOOK.glob("*.md")) for passage in sections(file.name)]
    sentences = [
        (sentence, text)
        for text in passages
        for sentence in re.findall(r"(?:(?<=[a-z]{3}[.!?] )|(?<=\n))[A-Z][^.!?\n#|]{35,260}[.!?](?=\s|$)", text)
    ]
    found = [verdict(f"{sentence[:-1]} [1].", text) for sentence, text in sentences]
    assert len(sentences) > 150
    assert found.count("supported") >= 0.95 * len(sentences)
    assert "contradicted" not in found


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
    against = [row["claim"] for one, row in zip(found, rows, strict=True) if one.contradicted]
    assert not against, "WiCE's pages leave claims without support, and contradict none"
