"""Texts to vectors with a MiniLM of the sentence-transformers family on ONNX Runtime.

Knows tokens, batches and pooling; not where the files came from. English; a text is read up to 256 tokens.
"""

import asyncio
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from coachwork.errors import ModelUnavailable, NotInstalled
from coachwork.messages import Usage
from coachwork.providers.wire import Meter

if TYPE_CHECKING:
    from coachwork.providers.wire import Vectors

MAX_TOKENS = 256  # what all-MiniLM-L6-v2 was made for; later words of a text do not count
_BATCH = 8  # 831 MB of memory at 32


@dataclass(frozen=True)
class Encoder:
    session: Any
    tokenizer: Any
    inputs: frozenset[str]


_encoders: dict[Path, Encoder] = {}
_loading = threading.Lock()


async def embed(folder: Path, texts: Sequence[str], threads: int, meter: Meter) -> "Vectors":
    """Unit vectors, float32, of shape (len(texts), 384). Runs beside the event loop, a batch at a time."""
    import numpy as np

    encoder = await asyncio.to_thread(_encoder, folder, threads)
    tokens = await asyncio.to_thread(encoder.tokenizer.encode_batch, list(texts))
    counts = [len(encoding.ids) for encoding in tokens]
    meter.usage = Usage(input_tokens=sum(counts))
    order = sorted(range(len(tokens)), key=counts.__getitem__)  # equal lengths together: little padding
    vectors = np.zeros((len(tokens), 384), dtype=np.float32)
    for start in range(0, len(order), _BATCH):
        rows = order[start : start + _BATCH]
        vectors[rows] = await asyncio.to_thread(_encode, encoder, [tokens[row] for row in rows])
    return vectors


def _encode(encoder: Encoder, batch: list[Any]) -> "Vectors":
    """Mean of the token vectors, then length 1."""
    import numpy as np

    width = max(len(encoding.ids) for encoding in batch)
    ids = np.zeros((len(batch), width), dtype=np.int64)
    mask = np.zeros((len(batch), width), dtype=np.int64)
    for row, encoding in enumerate(batch):
        ids[row, : len(encoding.ids)] = encoding.ids
        mask[row, : len(encoding.ids)] = 1
    feed = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
    states = encoder.session.run(None, {name: value for name, value in feed.items() if name in encoder.inputs})[0]
    if states.ndim == 3:
        weights = mask[..., None].astype(np.float32)
        states = (states * weights).sum(axis=1) / np.maximum(weights.sum(axis=1), 1e-9)
    norms = np.linalg.norm(states, axis=1, keepdims=True)
    unit: Vectors = (states / np.maximum(norms, 1e-12)).astype(np.float32)
    return unit


def _encoder(folder: Path, threads: int) -> Encoder:
    with _loading:
        if folder not in _encoders:
            _encoders[folder] = _load(folder, threads)
        return _encoders[folder]


def _load(folder: Path, threads: int) -> Encoder:
    try:
        import onnxruntime
        from tokenizers import Tokenizer
    except ImportError as error:
        raise NotInstalled(
            f"Local embeddings need {error.name!r}, which is not installed.", hint='pip install "coachwork[knowledge]"'
        ) from None
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.enable_cpu_mem_arena = False  # the arena keeps the largest batch's memory for ever
    try:
        session = onnxruntime.InferenceSession(str(folder / "model.onnx"), options, providers=["CPUExecutionProvider"])
        tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    except Exception as error:  # both libraries raise their own kinds; the files were verified, so say which
        raise ModelUnavailable(f"The embedding model in {str(folder)!r} can't be loaded: {error}") from error
    tokenizer.enable_truncation(max_length=MAX_TOKENS)
    tokenizer.no_padding()
    return Encoder(session, tokenizer, frozenset(value.name for value in session.get_inputs()))
