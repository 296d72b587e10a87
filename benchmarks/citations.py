"""How far the citation check can be trusted: `python benchmarks/citations.py`.

The table of true and false sentences on the example's handbook, and altered copies of source sentences, both from
tests/knowledge. No model, no network; squad-dev's part needs ../shared/data.
"""

import csv
import gzip
import importlib.util
import itertools
import json
import re
import sys
import time
from pathlib import Path
from typing import Any

from coachwork.knowledge.cite import check
from coachwork.messages import Passage

ROOT = Path(__file__).parents[1]
TESTS = ROOT / "tests" / "knowledge"
HANDBOOK = ROOT / "examples" / "support-desk" / "knowledge" / "handbook"
SQUAD = ROOT.parent / "shared" / "data" / "retrieval" / "squad-dev" / "corpus.jsonl.gz"
ALTERED = 2000


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


def supported(claim: str, passages: list[Passage], marker: int) -> bool:
    return check(f"{claim.removesuffix('.')} [{marker}].", passages).sentences[-1].supported


def table() -> None:
    with (TESTS / "handbook_claims.tsv").open() as lines:
        rows = list(csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))
    started = time.perf_counter()
    said = {"yes": 0, "no": 0}
    for row in rows:
        passages = sections(row["document"])
        marker = 1 + [found.title_path[-1] for found in passages].index(row["heading"])
        said[row["verdict"]] += supported(row["claim"], passages, marker)
    for verdict, meaning in (("yes", "true"), ("no", "false")):
        of = sum(row["verdict"] == verdict for row in rows)
        print(f"handbook, {meaning} sentences called supported: {said[verdict]} of {of}")
    print(f"{1000 * (time.perf_counter() - started) / len(rows):.0f} ms a sentence with the sections of its document")


def law(name: str, texts: list[str], made: Any) -> None:
    found = list(itertools.islice(made.alterations(texts, 1), ALTERED))
    wrong = sum(supported(one.sentence, [passage(one.source)], 1) for one in found)
    print(f"{name}, altered sentences called supported: {wrong} of {len(found)}")


def main() -> None:
    spec = importlib.util.spec_from_file_location("alterations", TESTS / "alterations.py")
    assert spec is not None
    assert spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    sys.modules["alterations"] = made  # a frozen dataclass looks its module up
    spec.loader.exec_module(made)
    table()
    law("handbook", [found.text for file in sorted(HANDBOOK.glob("*.md")) for found in sections(file.name)], made)
    if SQUAD.exists():
        with gzip.open(SQUAD, "rt") as lines:
            law("squad-dev", [json.loads(line)["text"] for line in lines], made)


if __name__ == "__main__":
    main()
