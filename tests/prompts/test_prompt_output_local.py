"""A real local model over ten types of rising difficulty: each call a valid value or a typed refusal.

`benchmarks/structured_calls.py` makes 200; here are 20, two a type.
"""

import importlib.util
import os
from pathlib import Path

import pytest

from coachwork.providers.local import LocalModels

pytestmark = [pytest.mark.local_model, pytest.mark.slow]
CACHE = Path(os.environ.get("COACHWORK_CACHE") or Path.home() / ".cache" / "coachwork")
CALLS = Path(__file__).resolve().parents[2] / "benchmarks" / "structured_calls.py"
MODEL = "qwen2.5-coder-0.5b"


async def test_every_structured_call_is_valid_or_a_typed_refusal() -> None:
    if problem := LocalModels(CACHE / "models", {}).problem(MODEL):
        pytest.skip(str(problem))
    spec = importlib.util.spec_from_file_location("structured_calls", CALLS)
    assert spec is not None
    assert spec.loader is not None
    calls = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(calls)
    counts = await calls.measure(f"local:{MODEL}", 20, 1)
    assert counts.total() == 20
    assert set(counts) <= {
        "native",
        "unwrapped",
        "coerced",
        "output-refused",
        "output-truncated",
        "model-refused",
        "model-timeout",
    }
    assert counts["native"] >= 15
