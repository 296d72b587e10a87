"""A peer of ingest_beside.py, in an environment of its own: reads, cuts, embeds and stores a folder as its
documentation shows, with passages about as long as ours.

Knows how each is told to; the embedding is the same for all: our model in ONNX Runtime, 64 texts at a time, eight of
about the same length at once; or vectors that cost nothing. `python ingest_peers.py NAME FOLDER MODEL THREADS`.
"""

import json
import resource
import sys
import time
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

BATCH, AT_ONCE = 64, 8  # as our ingest and our embedding have them
WARM = ["The workshop answers within two days."] * AT_ONCE
Embed = Callable[[Sequence[str]], list[list[float]]]


def given(texts: Sequence[str]) -> list[list[float]]:
    """A vector for each text that only tells it from others: what is left is everything but the embedding."""
    return [np.random.default_rng(zlib.crc32(text.encode())).normal(size=384).tolist() for text in texts]


def onnx(model: Path, threads: int) -> Embed:
    import onnxruntime
    from tokenizers import Tokenizer

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    options.enable_cpu_mem_arena = False
    session = onnxruntime.InferenceSession(str(model / "model.onnx"), options, providers=["CPUExecutionProvider"])
    tokenizer = Tokenizer.from_file(str(model / "tokenizer.json"))
    tokenizer.enable_truncation(max_length=256)
    tokenizer.no_padding()
    inputs = {value.name for value in session.get_inputs()}

    def some(tokens: Sequence[Any]) -> np.ndarray:
        ids = np.zeros((len(tokens), max(len(one.ids) for one in tokens)), dtype=np.int64)
        mask = np.zeros_like(ids)
        for row, one in enumerate(tokens):
            ids[row, : len(one.ids)], mask[row, : len(one.ids)] = one.ids, 1
        feed = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
        states = session.run(None, {name: value for name, value in feed.items() if name in inputs})[0]
        if states.ndim == 3:
            states = (states * mask[..., None]).sum(axis=1) / mask.sum(axis=1, keepdims=True)
        return states / np.linalg.norm(states, axis=1, keepdims=True)

    def embed(texts: Sequence[str]) -> list[list[float]]:
        vectors = np.zeros((len(texts), 384), dtype=np.float32)
        for begin in range(0, len(texts), BATCH):
            tokens = tokenizer.encode_batch(list(texts[begin : begin + BATCH]))
            order = sorted(range(len(tokens)), key=lambda at: len(tokens[at].ids))
            for start in range(0, len(order), AT_ONCE):
                picked = order[start : start + AT_ONCE]
                vectors[[begin + at for at in picked]] = some([tokens[at] for at in picked])
        return vectors.tolist()

    return embed


def chroma(embed: Embed, documents: Path, place: Path) -> Callable[[], int]:
    from langchain_chroma import Chroma
    from langchain_community.document_loaders import DirectoryLoader, TextLoader
    from langchain_core.embeddings import Embeddings
    from langchain_text_splitters import RecursiveCharacterTextSplitter

    class Ours(Embeddings):
        def embed_documents(self, texts: list[str]) -> list[list[float]]:
            return embed(texts)

        def embed_query(self, text: str) -> list[float]:
            return embed([text])[0]

    def ingest() -> int:
        read = DirectoryLoader(str(documents), glob="**/*.md", loader_cls=TextLoader).load()
        pieces = RecursiveCharacterTextSplitter(chunk_size=850, chunk_overlap=100).split_documents(read)
        Chroma.from_documents(pieces, Ours(), persist_directory=str(place))
        return len(pieces)

    return ingest


def llamaindex(embed: Embed, documents: Path, place: Path) -> Callable[[], int]:
    from llama_index.core import SimpleDirectoryReader, VectorStoreIndex
    from llama_index.core.base.embeddings.base import BaseEmbedding
    from llama_index.core.node_parser import SentenceSplitter

    class Ours(BaseEmbedding):
        def _get_text_embedding(self, text: str) -> list[float]:
            return embed([text])[0]

        def _get_text_embeddings(self, texts: list[str]) -> list[list[float]]:
            return embed(texts)

        def _get_query_embedding(self, query: str) -> list[float]:
            return embed([query])[0]

        async def _aget_query_embedding(self, query: str) -> list[float]:
            return embed([query])[0]

    def ingest() -> int:
        read = SimpleDirectoryReader(str(documents)).load_data()
        cut, model = SentenceSplitter(chunk_size=200, chunk_overlap=20), Ours(embed_batch_size=BATCH)
        index = VectorStoreIndex.from_documents(read, embed_model=model, transformations=[cut])
        index.storage_context.persist(str(place))
        return len(index.index_struct.nodes_dict)

    return ingest


def haystack(embed: Embed, documents: Path, place: Path) -> Callable[[], int]:
    from dataclasses import replace

    from haystack import Document, Pipeline, component
    from haystack.components.converters import TextFileToDocument
    from haystack.components.preprocessors import DocumentSplitter
    from haystack.components.writers import DocumentWriter
    from haystack.document_stores.in_memory import InMemoryDocumentStore

    @component
    class Ours:
        @component.output_types(documents=list[Document])
        def run(self, documents: list[Document]) -> dict[str, list[Document]]:
            vectors = embed([document.content or "" for document in documents])
            made = [replace(document, embedding=vector) for document, vector in zip(documents, vectors, strict=True)]
            return {"documents": made}

    store, line = InMemoryDocumentStore(), Pipeline()
    parts = {
        "read": TextFileToDocument(),
        "cut": DocumentSplitter(split_by="word", split_length=130, split_overlap=15),
        "embed": Ours(),
        "write": DocumentWriter(store),
    }
    for name, part in parts.items():
        line.add_component(name, part)
    for left, right in (("read", "cut"), ("cut", "embed"), ("embed", "write")):
        line.connect(f"{left}.documents", f"{right}.documents")

    def ingest() -> int:
        line.run({"read": {"sources": sorted(documents.rglob("*.md"))}})
        store.save_to_disk(str(place))
        return store.count_documents()

    return ingest


def measured(ingest: Callable[[], int]) -> str:
    """Passages, seconds and CPU seconds of this process and those it started, as a line of JSON."""
    before, started = _cpu(), time.perf_counter()
    passages = ingest()
    seconds = time.perf_counter() - started
    return json.dumps({"passages": passages, "seconds": seconds, "cpu": _cpu() - before})


def _cpu() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def main() -> None:
    name, folder, model, threads = sys.argv[1:5]
    embed = onnx(Path(model), int(threads)) if model else given
    embed(WARM)
    make = {"chroma": chroma, "llamaindex": llamaindex, "haystack": haystack}[name]
    print(measured(make(embed, Path(folder) / "documents", Path(folder) / "stored" / name)))


if __name__ == "__main__":
    main()
