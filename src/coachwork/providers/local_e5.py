"""Texts to vectors with multilingual-e5-small, read from its 4-bit file and computed with numpy.

Knows the file's layout, its tokenizer and the layers of a BERT; not where the file came from. No code of the package
that carries the file is run. About 100 languages; a text is read up to 512 tokens.
"""

import asyncio
import struct
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from coachwork.errors import ModelUnavailable, NotInstalled
from coachwork.messages import Usage
from coachwork.providers.wire import Meter, Purpose

if TYPE_CHECKING:
    from coachwork.providers.wire import Vectors

FILE = "e5-small-q4.bin"
_BLOCK = 32  # weights that share a scale: 2 bytes of it, then 16 bytes of two 4-bit weights each
_PREFIX: dict[Purpose, str] = {"passage": "passage: ", "query": "query: "}  # what the model was trained with


@dataclass(frozen=True)
class Encoder:
    """The model in memory: about 170 MB, the layers' weights as float32, the words' embeddings still in 4 bits."""

    tokenizer: Any
    normal: dict[int, str]
    ends: tuple[int, int]
    limit: int
    heads: int
    epsilon: float
    tensors: dict[str, Any]
    layers: int


_encoders: dict[Path, Encoder] = {}
_loading = threading.Lock()


async def embed(folder: Path, texts: Sequence[str], purpose: Purpose, meter: Meter) -> "Vectors":
    """Unit vectors, float32, of shape (len(texts), 384). Runs beside the event loop, a text at a time."""
    import numpy as np

    encoder = await asyncio.to_thread(_encoder, folder / FILE)
    rows = [await asyncio.to_thread(_ids, encoder, _PREFIX[purpose] + text) for text in texts]
    meter.usage = Usage(input_tokens=sum(len(row) for row in rows))
    vectors = np.zeros((len(rows), encoder.tensors["emb.pos"].shape[1]), dtype=np.float32)
    for place, row in enumerate(rows):
        vectors[place] = await asyncio.to_thread(_encode, encoder, row)
    return vectors


def _ids(encoder: Encoder, text: str) -> list[int]:
    """Tokens with the marks of begin and end, cut at the model's limit."""
    plain = text.translate(encoder.normal)
    while "  " in plain:
        plain = plain.replace("  ", " ")
    first, last = encoder.ends
    return [first, *encoder.tokenizer.encode(plain).ids[: encoder.limit - 2], last]


def _encode(encoder: Encoder, ids: Sequence[int]) -> "Vectors":
    """The mean of the last layer's token vectors, of length 1."""
    import numpy as np

    held = encoder.tensors
    states = _unpacked(held["emb.word"][np.asarray(ids)]) + held["emb.pos"][: len(ids)] + held["emb.type"][0]
    states = _normed(states, held["emb.ln.w"], held["emb.ln.b"], encoder.epsilon)
    for number in range(encoder.layers):
        layer = {name: held[f"l{number}.{name}"] for name in _LAYER}
        seen = _attended(states, layer, encoder.heads) @ layer["ao.w"] + layer["ao.b"]
        states = _normed(states + seen, layer["aln.w"], layer["aln.b"], encoder.epsilon)
        wide = _gelu(states @ layer["fi.w"] + layer["fi.b"])
        states = _normed(states + wide @ layer["fo.w"] + layer["fo.b"], layer["oln.w"], layer["oln.b"], encoder.epsilon)
    mean = states.mean(axis=0)
    unit: Vectors = (mean / max(float(np.linalg.norm(mean)), 1e-12)).astype(np.float32)
    return unit


def _attended(states: Any, layer: dict[str, Any], heads: int) -> Any:
    import numpy as np

    length, width = states.shape
    each = width // heads
    query, key, value = (
        (states @ layer[f"{name}.w"] + layer[f"{name}.b"]).reshape(length, heads, each).transpose(1, 0, 2)
        for name in ("q", "k", "v")
    )
    weights = query @ key.transpose(0, 2, 1) / np.float32(each**0.5)
    weights = np.exp(weights - weights.max(axis=-1, keepdims=True))
    weights /= weights.sum(axis=-1, keepdims=True)
    return (weights @ value).transpose(1, 0, 2).reshape(length, width)


def _normed(states: Any, weight: Any, bias: Any, epsilon: float) -> Any:
    import numpy as np

    centred = states - states.mean(axis=-1, keepdims=True)
    spread = np.sqrt((centred * centred).mean(axis=-1, keepdims=True) + np.float32(epsilon))
    return centred / spread * weight + bias


def _gelu(values: Any) -> Any:
    """x times the normal distribution up to x, its error function by Abramowitz and Stegun 7.1.26 (within 2e-7)."""
    import numpy as np

    size = np.abs(values) * np.float32(0.70710678)
    step = 1 / (1 + np.float32(0.3275911) * size)
    series = np.float32(1.061405429) * step - np.float32(1.453152027)
    series = (series * step + np.float32(1.421413741)) * step - np.float32(0.284496736)
    error = 1 - (series * step + np.float32(0.254829592)) * step * np.exp(-size * size)
    return np.float32(0.5) * values * (1 + np.copysign(error, values))


# ── The file ───────────────────────────────────────────────────────────────────────────────────

_MATRICES = ("q.w", "k.w", "v.w", "ao.w", "fi.w", "fo.w")
_LAYER = (*_MATRICES, "q.b", "k.b", "v.b", "ao.b", "fi.b", "fo.b", "aln.w", "aln.b", "oln.w", "oln.b")


def _unpacked(blocks: Any) -> Any:
    """4-bit rows (…, blocks, 18 bytes) as float32 (…, blocks · 32)."""
    import numpy as np

    scales = blocks[..., :2].copy().view(np.float16).astype(np.float32)
    nibbles = blocks[..., 2:]
    both = np.concatenate([nibbles & 15, nibbles >> 4], axis=-1).astype(np.float32) - 8
    return (both * scales).reshape(*blocks.shape[:-2], -1)


def _encoder(file: Path) -> Encoder:
    with _loading:
        if file not in _encoders:
            try:
                _encoders[file] = _load(file)
            except (ValueError, KeyError, IndexError, struct.error) as error:
                raise ModelUnavailable(f"The embedding model in {str(file)!r} can't be read: {error}") from error
        return _encoders[file]


def _load(file: Path) -> Encoder:
    import numpy as np

    raw: Any = np.memmap(file, dtype=np.uint8, mode="r")
    if bytes(raw[:4]) != b"E5S1":
        raise ValueError("it does not begin with E5S1")
    width, layers, heads, inner, words, positions, types = struct.unpack_from("<7i", raw, 8)
    epsilon = struct.unpack_from("<f", raw, 36)[0]
    tokenizer, normal, ends, at = _read_tokenizer(raw, 44)
    shapes = {"emb.word": (words, width), "emb.pos": (positions, width), "emb.type": (types, width)}
    shapes |= {f"l{n}.{name}": (width, width) for n in range(layers) for name in _MATRICES[:4]}
    shapes |= {f"l{n}.fi.w": (inner, width) for n in range(layers)} | {
        f"l{n}.fo.w": (width, inner) for n in range(layers)
    }
    tensors = _read_tensors(raw, at, shapes)
    return Encoder(tokenizer, normal, ends, positions, heads, epsilon, tensors, layers)


def _read_tensors(raw: Any, at: int, shapes: dict[str, tuple[int, int]]) -> dict[str, Any]:
    """The tensors by name. Those of a layer are turned (in, out) and unpacked; the words' stay packed."""
    import numpy as np

    (count,) = struct.unpack_from("<i", raw, at)
    at += 4
    tensors = {}
    for _ in range(count):
        (length,) = struct.unpack_from("<H", raw, at)
        name = bytes(raw[at + 2 : at + 2 + length]).decode()
        at += 2 + length
        _kind, size, offset, _bytes = struct.unpack_from("<BIQQ", raw, at)
        at += 21
        if name == "emb.word" or name.partition(".")[2] in _MATRICES:
            rows, columns = shapes[name]
            packed = rows * (columns // _BLOCK) * 18
            blocks = raw[offset : offset + packed].reshape(rows, columns // _BLOCK, 18)
            tensors[name] = blocks if name == "emb.word" else np.ascontiguousarray(_unpacked(blocks).T)
        else:
            flat = np.frombuffer(raw[offset : offset + 4 * size].tobytes(), dtype=np.float32)
            tensors[name] = flat.reshape(shapes[name]) if name in shapes else flat
    return tensors


def _read_tokenizer(raw: Any, at: int) -> tuple[Any, dict[int, str], tuple[int, int], int]:
    """The tokenizer, its table of characters to replace, the marks of begin and end, and where the file goes on."""
    import numpy as np

    pieces, begin, end, pad, unknown, size = struct.unpack_from("<5iQ", raw, at)
    at += 28
    offsets = np.frombuffer(raw[at : at + 4 * (pieces + 1)].tobytes(), dtype=np.uint32).tolist()
    at += 4 * (pieces + 1)
    scores = np.frombuffer(raw[at : at + 4 * pieces].tobytes(), dtype=np.float32).tolist()
    at += 4 * pieces
    blob = bytes(raw[at : at + size])
    at += size
    # The marks get names that no text contains, so that a text that says "<s>" can't end itself.
    vocabulary = [
        (f"\0{n}" if n in (begin, end, pad, unknown) else blob[start:stop].decode("utf-8", "replace"), scores[n])
        for n, (start, stop) in enumerate(pairwise(offsets))
    ]
    count, _size = struct.unpack_from("<iI", raw, at)
    at += 8
    normal = {}
    for _ in range(count):
        character, others = struct.unpack_from("<IB", raw, at)
        normal[character] = "".join(map(chr, struct.unpack_from(f"<{others}I", raw, at + 5)))
        at += 5 + 4 * others
    return _tokenizer(vocabulary, unknown), normal, (begin, end), at


def _tokenizer(vocabulary: list[tuple[str, float]], unknown: int) -> Any:
    try:
        from tokenizers import Tokenizer, models, pre_tokenizers
    except ImportError as error:
        raise NotInstalled(
            f"Local embeddings need {error.name!r}, which is not installed.", hint='pip install "coachwork[knowledge]"'
        ) from None
    tokenizer = Tokenizer(models.Unigram(vocabulary, unk_id=unknown))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="always", split=True)
    return tokenizer
