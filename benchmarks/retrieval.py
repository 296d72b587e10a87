"""Retrieval and groundedness on data that none of us wrote: `nice -n 5 python benchmarks/retrieval.py`.

squad-dev, or the sets that --set names, through the product's own cutting, index, embedding route and search, each
stage apart; WiCE through the citation check. Vectors are kept beside the index in a temporary folder, or in the
folder that --keep names. A set is a folder as BEIR has them: `corpus.jsonl` (or `.gz`), `queries.jsonl`, `qrels.tsv`
(or `qrels/test.tsv`). `sets.py` makes such folders of three public sources.
"""

import argparse
import asyncio
import gzip
import importlib.util
import json
import math
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from coachwork.app.project import cache_folder
from coachwork.knowledge.chosen import Choice
from coachwork.knowledge.chunk import cut
from coachwork.knowledge.cite import Judgement, judge
from coachwork.knowledge.config import KnowledgeConfig
from coachwork.knowledge.document import Parsed, ReadLimits
from coachwork.knowledge.filters import Filter
from coachwork.knowledge.index import PassageIndex, PassageStore, Row, open_store, table_name
from coachwork.knowledge.ingest import digest_of, embedded_text
from coachwork.knowledge.language import Language
from coachwork.knowledge.parse import parse_bytes
from coachwork.knowledge.query import Place, Query, searched
from coachwork.knowledge.search import Found, search_words
from coachwork.messages import Passage
from coachwork.models import Models, ModelsConfig

DATA = Path(__file__).parents[2] / "shared" / "data"
ROUTE = "embed"
QRELS = ("qrels.tsv", "qrels/test.tsv")
DEPTH = 50
EVERYBODY = Filter(readers=None)


def local_models(model: str) -> Models:
    config = ModelsConfig.model_validate({"routes": {ROUTE: {"models": [model]}}})
    return Models(config, database=None, cache_dir=cache_folder(os.environ), environ=os.environ)


async def index_of(folder: Path, keep: str, models: Models, language: Language) -> PassageIndex:
    """The index of a set, filled where it is not there yet. `keep` is where indexes lie."""
    store = open_store(keep)
    probe = await models.embed(ROUTE, ["model"], purpose="passage")
    name = table_name(folder.name, probe.model, probe.dimensions)
    index = await store.open(name, language)
    if index is None:
        index = await _filled(store, name, models, probe.dimensions, _lines(folder / "corpus.jsonl"))
    return index


async def retrieval(folder: Path, keep: str, language: str, model: str) -> None:
    """Ask every question of a set, and say how each stage ranks the documents: each stands where its best passage
    does."""
    judged = _scorer()
    qrels = judged.load_qrels(next(path for path in (folder / name for name in QRELS) if path.exists()))
    queries = [query for query in _lines(folder / "queries.jsonl") if query["_id"] in qrels]
    models = local_models(model)
    index = await index_of(folder, keep, models, "English")
    field = "text" if language == "en" else f"text_{language}"
    runs: dict[str, dict[str, dict[str, float]]] = {"BM25": {}, "dense": {}, "fused": {}}
    seconds = []
    for begin in range(0, len(queries), 64):
        batch = queries[begin : begin + 64]
        made = await models.embed(ROUTE, [query[field] for query in batch], purpose="query")
        place = Place(index, ROUTE, "English", made.counts)
        for query, vector in zip(batch, made.vectors, strict=True):
            asked = Query(query[field], EVERYBODY, Choice(top_k=10))
            found = (outcome := await searched(asked, place, vector, models)).found
            seconds.append(outcome.seconds["find"])
            runs["BM25"][query["_id"]] = _documents([(each.scores.words_rank, each) for each in found])
            runs["dense"][query["_id"]] = _documents([(each.scores.dense_rank, each) for each in found])
            runs["fused"][query["_id"]] = _documents([(each.scores.fused_rank, each) for each in found])
    for stage, run in runs.items():
        at_ten, at_three = judged.score(qrels, run), judged.score(qrels, run, 3)
        three = {name: at_three[name] for name in ("recall@3", "mrr@3")}
        print(f"{folder.name} ({language}, {model}) {stage:5}", at_ten | three)
    seconds.sort()
    p50, p95 = (1000 * seconds[int(len(seconds) * share)] for share in (0.5, 0.95))
    print(f"both searches without the embedding: p50 {p50:.1f} ms, p95 {p95:.1f} ms")
    await models.close()


async def _filled(
    store: PassageStore, name: str, models: Models, dimensions: int, corpus: Sequence[dict[str, Any]]
) -> PassageIndex:
    index = await store.create(name, dimensions, "English")
    started = time.perf_counter()
    drafts = [draft for document in corpus for draft in _drafts(document)]
    for begin in range(0, len(drafts), 64):
        batch = drafts[begin : begin + 64]
        made = await models.embed(ROUTE, [embedded for embedded, _ in batch], purpose="passage")
        rows = [replace(row, vector=vector) for (_, row), vector in zip(batch, made.vectors, strict=True)]
        await index.put(rows, {})
    seconds = time.perf_counter() - started
    print(f"{len(corpus)} documents, {len(drafts)} passages embedded and indexed in {seconds:.0f} s")
    await index.settle()
    return index


def _drafts(document: dict[str, Any]) -> list[tuple[str, Row]]:
    """The passages of a document, cut as an ingest cuts them, each with what is embedded of it.

    A document with a `name` (`src/main.rs`) is read as a file of that name would be.
    """
    id_, settings = document["_id"], KnowledgeConfig(folder=".")
    parsed = Parsed(document.get("title", ""), "text", document["text"])
    if document.get("name"):
        parsed = parse_bytes(document["name"], document["text"].encode(), ReadLimits())
    pieces = cut(parsed, size=settings.passage_tokens, overlap=settings.overlap_tokens)
    drafts = []
    for position, piece in enumerate(pieces):
        text = parsed.text[piece.start : piece.end]
        embedded = embedded_text(parsed.title, piece.title_path, text)
        row = Row(
            id=f"{id_}\n{position}",
            document=id_,
            version="1",
            position=position,
            start=piece.start,
            end=piece.end,
            page=None,
            title=parsed.title,
            title_path=piece.title_path,
            text=text,
            words=search_words(embedded),
            digest=digest_of(embedded),
            vector=(),
        )
        drafts.append((embedded, row))
    return drafts


def _lines(path: Path) -> list[dict[str, Any]]:
    """What stands in a file of JSON lines, or in the packed one beside it."""
    with path.open() if path.exists() else gzip.open(path.with_name(f"{path.name}.gz"), "rt") as lines:
        return [json.loads(line) for line in lines]


def _documents(ranked: Sequence[tuple[int | None, Found]]) -> dict[str, float]:
    """Documents by the rank of their best passage; passages that a stage did not find have none."""
    best: dict[str, float] = {}
    for rank, found in ranked:
        if rank is not None:
            best[found.hit.document] = max(best.get(found.hit.document, -math.inf), -float(rank))
    return best


def _scorer() -> Any:
    spec = importlib.util.spec_from_file_location("score", DATA / "retrieval" / "score.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def groundedness(path: Path) -> None:
    """AUROC of the citation check's score, and what its yes is worth, for WiCE's `supported` against the rest."""
    rows = _lines(path)
    started = time.perf_counter()
    judged = []
    for row in rows:
        text = "\n".join(row["evidence"])
        page = Passage(knowledge="wice", document="page", title="", start=0, end=len(text), text=text)
        judged.append((judge(row["claim"], [page]), row["label"] == "supported"))
    true = [found for found, label in judged if label]
    halves = [_auroc(judged[start::2]) for start in (0, 1)]
    yes = [label for found, label in judged if found.supported]
    milliseconds = 1000 * (time.perf_counter() - started) / len(rows)
    print(
        f"WiCE: AUROC {_auroc(judged):.3f} (its halves {halves[0]:.3f} and {halves[1]:.3f});"
        f" said supported {len(yes)} times, right {sum(yes)} times, of {len(true)} that are;"
        f" {milliseconds:.0f} ms a claim with its page"
    )


def _auroc(judged: Sequence[tuple[Judgement, bool]]) -> float:
    true = [found.score for found, label in judged if label]
    false = [found.score for found, label in judged if not label]
    return sum((a > b) + 0.5 * (a == b) for a in true for b in false) / (len(true) * len(false))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--keep", help="keep the index in this folder, or at this postgresql://…, for the next run")
    parser.add_argument("--language", default="en", help="of the questions: en, de, es …")
    parser.add_argument("--embed", default="local:minilm", help="an embedding model, e.g. local:multilingual-e5")
    parser.add_argument("--set", type=Path, action="append", help="a folder to measure instead of squad-dev and WiCE")
    asked = parser.parse_args()
    sets = asked.set or [DATA / "retrieval" / "squad-dev"]
    if not DATA.is_dir():
        sys.exit(f"the data is not there: {DATA}")
    if not asked.set:
        groundedness(DATA / "groundedness" / "wice" / "claim_test.jsonl")
    with tempfile.TemporaryDirectory() as folder:
        for chosen in sets:
            if not any((chosen / name).exists() for name in QRELS):
                print(f"skipped {chosen}: it has no {' or '.join(QRELS)}")
                continue
            asyncio.run(retrieval(chosen, asked.keep or folder, asked.language, asked.embed))


if __name__ == "__main__":
    main()
