"""An ingestion that is killed at random moments ends as one that was not: `benchmarks/ingestion_kills.py` does 50."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

KILLS = Path(__file__).resolve().parents[2] / "benchmarks" / "ingestion_kills.py"


def _program() -> ModuleType:
    spec = importlib.util.spec_from_file_location("ingestion_kills", KILLS)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="kill -9 of POSIX")
def test_killed_ingestions_lose_nothing_and_embed_nothing_twice(tmp_path: Path) -> None:
    assert _program().trial(tmp_path, documents=40, kills=2, workers=2, seed=5) == []
