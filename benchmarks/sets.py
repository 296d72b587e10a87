"""Folders for `retrieval.py --set` of public sources, which lie outside of this repository.

`python benchmarks/sets.py SOURCE TARGET`: SOURCE is a folder that holds the files of one of them.
  SciFact: `corpus_train.csv` and `claims_validation.csv` of the data set `allenai/scifact`; the validation claims are
    the test questions of BEIR's SciFact, and `claims_train.csv` makes its training questions in TARGET-train.
  Claude's documentation and a code base in Rust: `anthropics/anthropic-cookbook` on GitHub, `anthropic_docs.json` and
    `docs_evaluation_dataset.json`, or `codebase_chunks.json` and `evaluation_set.jsonl`.
"""

import ast
import csv
import gzip
import json
import re
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

_LITERAL = re.compile(r"'((?:[^'\\]|\\.)*)'|\"((?:[^\"\\]|\\.)*)\"")


def written(
    target: Path, corpus: Iterable[Mapping[str, str]], questions: Mapping[str, str], right: Mapping[str, set[str]]
) -> None:
    """A set: documents, questions by id, and the documents that answer each."""
    target.mkdir(parents=True, exist_ok=True)
    with gzip.open(target / "corpus.jsonl.gz", "wt") as lines:
        lines.writelines(json.dumps(document) + "\n" for document in corpus)
    with (target / "queries.jsonl").open("w") as lines:
        lines.writelines(json.dumps({"_id": id_, "text": text}) + "\n" for id_, text in questions.items())
    with (target / "qrels.tsv").open("w") as lines:
        lines.write("query-id\tcorpus-id\tscore\n")
        lines.writelines(f"{id_}\t{document}\t1\n" for id_, found in right.items() for document in sorted(found))
    print(f"{target}: {len(questions)} questions")


def scifact(source: Path, target: Path) -> None:
    corpus = [
        {"_id": row["doc_id"], "title": row["title"], "text": _abstract(row["abstract"])}
        for row in _rows(source / "corpus_train.csv")
    ]
    for name, folder in (("validation", target), ("train", target.with_name(f"{target.name}-train"))):
        questions: dict[str, str] = {}
        right: dict[str, set[str]] = {}
        for row in _rows(source / f"claims_{name}.csv"):
            questions[row["id"]] = row["claim"]
            right.setdefault(row["id"], set()).update(row["cited_doc_ids"].strip("[]").split())
        written(folder, corpus, questions, right)


def _rows(path: Path) -> list[dict[str, str]]:
    csv.field_size_limit(10**8)
    with path.open() as lines:
        return list(csv.DictReader(lines))


def _abstract(literals: str) -> str:
    """The sentences of an abstract, which the data set prints as NumPy prints a list of strings."""
    sentences = [one or other for one, other in _LITERAL.findall(literals)]
    plain = [re.sub(r"\\(['\"])", r"\1", sentence).replace("\\n", "\n").strip() for sentence in sentences]
    return " ".join(plain)


def documentation(source: Path, target: Path) -> None:
    chunks: list[dict[str, str]] = json.loads((source / "anthropic_docs.json").read_text())
    asked: list[dict[str, Any]] = json.loads((source / "docs_evaluation_dataset.json").read_text())
    corpus = [{"_id": one["chunk_link"], "title": one["chunk_heading"], "text": one["text"]} for one in chunks]
    questions = {one["id"]: one["question"] for one in asked}
    written(target, corpus, questions, {one["id"]: set(one["correct_chunks"]) for one in asked})


def code_base(source: Path, target: Path) -> None:
    files: list[dict[str, Any]] = json.loads((source / "codebase_chunks.json").read_text())
    asked = [json.loads(line) for line in (source / "evaluation_set.jsonl").read_text().splitlines()]
    corpus = [
        {"_id": f"{file['original_uuid']}#{chunk['original_index']}", "title": "", "text": chunk["content"]}
        for file in files
        for chunk in file["chunks"]
    ]
    right: dict[str, set[str]] = {}
    for number, one in enumerate(asked):
        golden = one["golden_chunk_uuids"]
        pairs = ast.literal_eval(golden) if isinstance(golden, str) else golden
        right[str(number)] = {f"{uuid}#{index}" for uuid, index in pairs}
    written(target, corpus, {str(number): one["query"] for number, one in enumerate(asked)}, right)


SOURCES = {
    "corpus_train.csv": scifact,
    "anthropic_docs.json": documentation,
    "codebase_chunks.json": code_base,
}


def main() -> None:
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    source, target = map(Path, sys.argv[1:])
    known = [make for name, make in SOURCES.items() if (source / name).exists()]
    if len(known) != 1:
        sys.exit(f"{source} has to hold one of {', '.join(SOURCES)}: it holds {len(known)} of them")
    known[0](source, target)


if __name__ == "__main__":
    main()
