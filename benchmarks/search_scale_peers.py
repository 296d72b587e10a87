"""A peer of search_scale.py, in an environment of its own: filled and asked as its documentation shows.

Knows how each is asked for the nearest passages under a filter. None but Haystack searches by words too by default.
"""

import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

LONGEST = 60  # seconds for each filter: slow ones are asked less
WARM = 3
ROUNDS = 5
Ask = Callable[[str, list[float], Any], list[int]]


def chroma(data: Any, vectors: np.ndarray, folder: Path) -> Ask:
    from langchain_chroma import Chroma
    from langchain_core.embeddings import FakeEmbeddings

    store = Chroma("scale", FakeEmbeddings(size=384), str(folder), collection_metadata={"hnsw:space": "cosine"})
    for begin in range(0, len(vectors), 1000):
        some = range(begin, min(begin + 1000, len(vectors)))
        store._collection.add(  # add_texts would embed anew: the same vectors for all is the point
            ids=[str(n) for n in some],
            embeddings=vectors[begin : begin + 1000],
            documents=[data["texts"][n] for n in some],
            metadatas=[{name: values[n] for name, values in data["fields"].items()} for n in some],
        )

    def ask(_question: str, vector: list[float], wanted: Any) -> list[int]:
        where = {wanted[0]: wanted[1]} if wanted else None
        return [int(found.id) for found in store.similarity_search_by_vector(vector, k=10, filter=where)]

    return ask


def llamaindex(data: Any, vectors: np.ndarray, _folder: Path) -> Ask:
    from llama_index.core.schema import TextNode
    from llama_index.core.vector_stores import MetadataFilter, MetadataFilters, SimpleVectorStore, VectorStoreQuery

    store = SimpleVectorStore()
    store.add(
        [
            TextNode(
                id_=str(n),
                text=text,
                embedding=vectors[n].tolist(),
                metadata={name: values[n] for name, values in data["fields"].items()},
            )
            for n, text in enumerate(data["texts"])
        ]
    )

    def ask(_question: str, vector: list[float], wanted: Any) -> list[int]:
        filters = MetadataFilters(filters=[MetadataFilter(key=wanted[0], value=wanted[1])]) if wanted else None
        found = store.query(VectorStoreQuery(query_embedding=vector, similarity_top_k=10, filters=filters))
        return [int(id_) for id_ in found.ids or ()]

    return ask


def haystack(data: Any, vectors: np.ndarray, _folder: Path) -> Ask:
    from haystack import Document
    from haystack.components.retrievers.in_memory import InMemoryBM25Retriever, InMemoryEmbeddingRetriever
    from haystack.document_stores.in_memory import InMemoryDocumentStore

    store = InMemoryDocumentStore(embedding_similarity_function="cosine")
    store.write_documents(
        [
            Document(
                id=str(n),
                content=text,
                embedding=vectors[n].tolist(),
                meta={name: values[n] for name, values in data["fields"].items()},
            )
            for n, text in enumerate(data["texts"])
        ]
    )
    words, near = InMemoryBM25Retriever(store, top_k=50), InMemoryEmbeddingRetriever(store, top_k=10)

    def ask(question: str, vector: list[float], wanted: Any) -> list[int]:
        filters = {"field": f"meta.{wanted[0]}", "operator": "==", "value": wanted[1]} if wanted else None
        words.run(query=question, filters=filters)
        return [int(found.id) for found in near.run(query_embedding=vector, filters=filters)["documents"]]

    return ask


def main() -> None:
    name, folder = sys.argv[1], Path(sys.argv[2])
    data, stored = json.loads((folder / "data.json").read_text()), np.load(folder / "vectors.npz")
    vectors, before = stored["passages"], _memory()
    started = time.perf_counter()
    ask = {"chroma": chroma, "llamaindex": llamaindex, "haystack": haystack}[name](data, vectors, folder / name)
    found: dict[str, Any] = {"filled": round(time.perf_counter() - started), "indexed": 0}
    for filter, wanted in data["filters"].items():
        least, median, right, asked = [], [], 0, 0
        began = time.perf_counter()
        for number, question in enumerate(data["questions"]):
            took = []
            while len(took) < ROUNDS and not (took and time.perf_counter() - began > LONGEST):
                at = time.perf_counter()
                near = ask(question, stored["questions"][number].tolist(), wanted)
                took.append(time.perf_counter() - at)
            right, asked = right + len(set(near) & set(data["truth"][filter][number])), asked + 1
            if number >= WARM:
                least.append(min(took))
                median.append(sorted(took)[len(took) // 2])
            if time.perf_counter() - began > LONGEST and len(least) >= 5:
                break
        times = {**milliseconds(median), **milliseconds(least, "least ")}
        found[filter] = {**times, "recall": round(right / 10 / asked, 3)}
    found["memory"] = _memory() - before
    print(json.dumps(found))


def milliseconds(seconds: list[float], prefix: str = "") -> dict[str, float]:
    ordered = sorted(seconds)
    return {f"{prefix}p{share}": round(1000 * ordered[int(len(ordered) * share / 100)], 1) for share in (50, 95)}


def _memory() -> int:
    """MB of this process."""
    rollup = Path(f"/proc/{os.getpid()}/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) for line in rollup if line.startswith("Pss:")) // 1024


if __name__ == "__main__":
    main()
