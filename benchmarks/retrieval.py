"""Retrieval and groundedness on data that none of us wrote: `nice -n 5 python benchmarks/retrieval.py`.

squad-dev through the product's own index, embedding route and fusion, each stage apart; WiCE through the citation
check. Vectors are kept beside the index in a temporary folder, or in the folder that --keep names.
"""

import argparse
import asyncio
import gzip
import hashlib
import importlib.util
import json
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from coachwork.app.project import cache_folder
from coachwork.knowledge.cite import Judgement, judge
from coachwork.knowledge.filters import Filter
from coachwork.knowledge.index import Hit, PassageIndex, PassageStore, Row, open_store, table_name
from coachwork.knowledge.ingest import embedded_text
from coachwork.knowledge.language import Language
from coachwork.knowledge.search import Ranking, fused, search_words, weight_of_words
from coachwork.messages import Passage
from coachwork.models import Models, ModelsConfig

DATA = Path(__file__).parents[2] / "shared" / "data"
ROUTE = "embed"
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
        index = await _filled(store, name, models, probe.dimensions, _zipped_lines(folder / "corpus.jsonl.gz"))
    return index


async def retrieval(folder: Path, keep: str, language: str, model: str) -> None:
    queries = [json.loads(line) for line in (folder / "queries.jsonl").open()]
    models = local_models(model)
    index = await index_of(folder, keep, models, "English")
    field = "text" if language == "en" else f"text_{language}"
    runs: dict[str, dict[str, dict[str, float]]] = {"BM25": {}, "dense": {}, "fused": {}}
    seconds = []
    for begin in range(0, len(queries), 64):
        batch = queries[begin : begin + 64]
        made = await models.embed(ROUTE, [query[field] for query in batch], purpose="query")
        for query, vector in zip(batch, made.vectors, strict=True):
            started = time.perf_counter()
            words = await index.by_words(search_words(query[field]), DEPTH, EVERYBODY)
            near = await index.by_vector(vector, DEPTH, EVERYBODY)
            seconds.append(time.perf_counter() - started)
            weight = weight_of_words(query[field], "English")
            runs["BM25"][query["_id"]] = _run(words)
            runs["dense"][query["_id"]] = _run(near)
            both = fused([Ranking("words", words, weight), Ranking("dense", near, made.counts)])[:10]
            runs["fused"][query["_id"]] = {found.hit.document: found.scores.fused or 0.0 for found in both}
    judged = _scorer(folder)
    for stage, run in runs.items():
        print(
            f"{folder.name} ({language}, {model}) {stage:6}", judged.score(judged.load_qrels(folder / "qrels.tsv"), run)
        )
    seconds.sort()
    p50, p95 = (1000 * seconds[int(len(seconds) * share)] for share in (0.5, 0.95))
    print(f"both searches without the embedding: p50 {p50:.1f} ms, p95 {p95:.1f} ms")
    await models.close()


async def _filled(
    store: PassageStore, name: str, models: Models, dimensions: int, corpus: Sequence[dict[str, Any]]
) -> PassageIndex:
    index = await store.create(name, dimensions, "English")
    started = time.perf_counter()
    for begin in range(0, len(corpus), 64):
        batch = corpus[begin : begin + 64]
        texts = [embedded_text(passage["title"], (), passage["text"]) for passage in batch]
        made = await models.embed(ROUTE, texts, purpose="passage")
        rows = [_row(passage, text, vector) for passage, text, vector in zip(batch, texts, made.vectors, strict=True)]
        await index.put(rows, {})
    print(f"{len(corpus)} passages embedded and indexed in {time.perf_counter() - started:.0f} s")
    await index.settle()
    return index


def _zipped_lines(path: Path) -> list[dict[str, Any]]:
    with gzip.open(path, "rt") as lines:
        return [json.loads(line) for line in lines]


def _row(passage: dict[str, Any], text: str, vector: Sequence[float]) -> Row:
    digest = hashlib.sha256(text.encode()).hexdigest()
    id_, title, body = passage["_id"], passage["title"], passage["text"]
    return Row(id_, id_, "1", 0, 0, len(body), None, title, (), body, search_words(text), digest, vector)


def _run(hits: Sequence[Hit]) -> dict[str, float]:
    return {hit.document: -float(rank) for rank, hit in enumerate(hits)}


def _scorer(folder: Path) -> Any:
    spec = importlib.util.spec_from_file_location("score", folder.parent / "score.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def groundedness(path: Path) -> None:
    """AUROC of the citation check's score, and what its yes is worth, for WiCE's `supported` against the rest."""
    rows = _zipped_lines(path)
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
    asked = parser.parse_args()
    if not DATA.is_dir():
        sys.exit(f"the data is not there: {DATA}")
    groundedness(DATA / "groundedness" / "wice" / "claim_test.jsonl.gz")
    with tempfile.TemporaryDirectory() as folder:
        keep = asked.keep or folder
        asyncio.run(retrieval(DATA / "retrieval" / "squad-dev", keep, asked.language, asked.embed))


if __name__ == "__main__":
    main()
