"""Static vectors: a table and a tokenizer made here, through the front door. The real ones are in test_local_models."""

import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tokenizers import Tokenizer, models, pre_tokenizers

from coachwork.errors import ModelUnavailable
from coachwork.models import Models, ModelsConfig
from coachwork.providers.local_static import TABLE, TOKENIZER

WORDS = {"▁": 0, "red": 1, "green": 2, "odd": 3}
VECTORS = np.array([[0, 0, 1], [3, 0, 0], [0, 4, 0]], dtype=np.float16)  # "odd" has none: the table is shorter


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    tokenizer = Tokenizer(models.WordLevel(WORDS, unk_token="▁"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.save(str(tmp_path / TOKENIZER))
    write_table(tmp_path, {"dtype": "F16", "shape": [3, 3], "data_offsets": [0, 18]}, VECTORS.tobytes())
    return tmp_path


def write_table(folder: Path, tensor: dict[str, Any], data: bytes) -> None:
    head = json.dumps({"__metadata__": {"format": "pt"}, "embedding.weight": tensor}).encode()
    (folder / TABLE).write_bytes(struct.pack("<Q", len(head)) + head + data)


def opened(folder: Path) -> Models:
    here = {"local:wordllama": {"path": str(folder)}}
    config = ModelsConfig.model_validate({"routes": {"embed": {"models": list(here)}}, "models": here})
    return Models(config, database=None, cache_dir=folder, environ={})


async def test_a_text_is_the_mean_of_its_words_whatever_their_order(folder: Path) -> None:
    texts = ["red green", "green red", "red red red", "", *["green"] * 300]
    made = await opened(folder).embed("embed", texts, purpose="passage")
    np.testing.assert_allclose(made.vectors[:4], [[0.6, 0.8, 0], [0.6, 0.8, 0], [1, 0, 0], [0, 0, 1]], atol=1e-3)
    np.testing.assert_allclose(made.vectors[4:], [[0, 1, 0]] * 300, atol=1e-3)
    assert (made.usage.input_tokens, made.cost_nano) == (2 + 2 + 3 + 1 + 300, 0)
    assert made.counts < 1  # beside a search by words


async def test_a_word_beyond_the_table_and_no_text_at_all_are_no_trouble(folder: Path) -> None:
    models = opened(folder)
    assert (await models.embed("embed", ["odd"], purpose="query")).vectors.tolist() == [[0, 1, 0]]
    assert (await models.embed("embed", [], purpose="query")).vectors.shape == (0, 3)


@pytest.mark.parametrize(
    ("tensor", "data", "why"),
    [
        ({"dtype": "F32", "shape": [3, 3], "data_offsets": [0, 18]}, VECTORS.tobytes(), "float16"),
        ({"dtype": "F16", "shape": [9, 3], "data_offsets": [0, 18]}, VECTORS.tobytes(), "18 bytes for 9 vectors"),
        ({"dtype": "F16", "shape": [3, 3], "data_offsets": [0, 18]}, b"", "can't be read"),
    ],
    ids=["another number format", "a shape that lies", "cut short"],
)
async def test_a_table_that_is_none_is_named(folder: Path, tensor: dict[str, Any], data: bytes, why: str) -> None:
    write_table(folder, tensor, data)
    with pytest.raises(ModelUnavailable, match=why):
        await opened(folder).embed("embed", ["red"], purpose="query")
    (folder / TABLE).write_bytes(b"\xff" * 40)
    with pytest.raises(ModelUnavailable, match="no safetensors file"):
        await opened(folder).embed("embed", ["red"], purpose="query")
