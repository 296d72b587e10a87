"""Texts to vectors by a table: each token has one vector, a text is the mean of its tokens', of length 1.

Knows the table's file (safetensors, https://github.com/huggingface/safetensors) and its tokenizer; not where they came
from. No code of the package that carries them is run. Word order does not count; a text may be of any length.
"""

import asyncio
import json
import math
import struct
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from coachwork.errors import ModelUnavailable, NotInstalled
from coachwork.messages import Usage
from coachwork.providers.wire import Meter, Purpose

if TYPE_CHECKING:
    from coachwork.providers.wire import Vectors

TABLE = "l2_supercat_256.safetensors"
TOKENIZER = "l2_supercat_tokenizer_config.json"
_BATCH = 256  # texts: some 50 MB of vectors of tokens
_BLANK = "▁"  # the token that stands for a text without any


@dataclass(frozen=True)
class Table:
    """The vectors of all tokens, in the file's own float16, and what cuts a text into tokens."""

    vectors: Any
    tokenizer: Any
    blank: int


_tables: dict[Path, Table] = {}
_loading = threading.Lock()


async def embed(folder: Path, texts: Sequence[str], _purpose: Purpose, meter: Meter) -> "Vectors":
    """Unit vectors, float32, of shape (len(texts), 256). Runs beside the event loop, a batch at a time."""
    import numpy as np

    table = await asyncio.to_thread(_table, folder)
    vectors = np.zeros((len(texts), table.vectors.shape[1]), dtype=np.float32)
    tokens = 0
    for first in range(0, len(texts), _BATCH):
        some = texts[first : first + _BATCH]
        vectors[first : first + len(some)], counted = await asyncio.to_thread(_means, table, some)
        tokens += counted
        meter.usage = Usage(input_tokens=tokens)
    return vectors


def _means(table: Table, texts: Sequence[str]) -> "tuple[Vectors, int]":
    """The vector of each text, and how many tokens they have in all."""
    import numpy as np

    encoded = table.tokenizer.encode_batch_fast(list(texts), add_special_tokens=False)
    rows = [encoding.ids or [table.blank] for encoding in encoded]
    lengths = [len(row) for row in rows]
    ids = np.minimum(np.concatenate([np.asarray(row) for row in rows]), len(table.vectors) - 1)
    starts = np.concatenate([[0], np.cumsum(lengths[:-1])]).astype(np.intp)
    sums = np.add.reduceat(table.vectors[ids].astype(np.float32), starts, axis=0)
    norms = np.linalg.norm(sums, axis=1, keepdims=True)
    unit: Vectors = (sums / np.maximum(norms, 1e-12)).astype(np.float32)
    return unit, sum(lengths)


# ── The files ──────────────────────────────────────────────────────────────────────────────────


def _table(folder: Path) -> Table:
    with _loading:
        if folder not in _tables:
            _tables[folder] = _load(folder)
        return _tables[folder]


def _load(folder: Path) -> Table:
    try:
        from tokenizers import Tokenizer
    except ImportError as error:
        raise NotInstalled(
            f"Static embeddings need {error.name!r}, which is not installed.", hint='pip install "coachwork[static]"'
        ) from None
    try:
        vectors = _read_table(folder / TABLE)
        tokenizer = Tokenizer.from_file(str(folder / TOKENIZER))
    except Exception as error:  # tokenizers raises plain Exception; the files were verified, so say which
        raise ModelUnavailable(f"The static vectors in {str(folder)!r} can't be read: {error}") from error
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return Table(vectors, tokenizer, tokenizer.token_to_id(_BLANK) or 0)


def _read_table(file: Path) -> Any:
    """The one float16 matrix of a safetensors file, read where it lies. Raises ValueError where it is another file."""
    import numpy as np

    with file.open("rb") as opened:
        (size,) = struct.unpack("<Q", opened.read(8))
        if size > file.stat().st_size:
            raise ValueError(f"{file.name} is no safetensors file")
        head = json.loads(opened.read(size))
    tensors = [entry for name, entry in head.items() if name != "__metadata__"]
    if len(tensors) != 1 or tensors[0]["dtype"] != "F16" or len(tensors[0]["shape"]) != 2:
        raise ValueError(f"{file.name} holds something else than one table of float16")
    shape, (begin, end) = tuple(tensors[0]["shape"]), tensors[0]["data_offsets"]
    if end - begin != 2 * math.prod(shape):
        raise ValueError(f"{file.name} gives {end - begin} bytes for {shape[0]} vectors of {shape[1]}")
    return np.memmap(file, dtype="<f2", mode="r", offset=8 + size + begin, shape=shape)
