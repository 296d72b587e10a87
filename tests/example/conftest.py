"""The support desk as the tests see it: its folder, its files, its modules loaded as a user's would be."""

import importlib.util
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

DESK = Path(__file__).parents[2] / "examples" / "support-desk"


@contextmanager
def _loaded(name: str) -> Iterator[ModuleType]:
    """A module of the example as a user's program would import it; gone afterwards, for others load the project too."""
    spec = importlib.util.spec_from_file_location(name, DESK / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    before = sys.modules.get(name)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
        yield module
    finally:
        if before is None:
            del sys.modules[name]
        else:
            sys.modules[name] = before


@pytest.fixture(scope="session")
def desk() -> Path:
    return DESK


@pytest.fixture(scope="module")
def app() -> Iterator[ModuleType]:
    with _loaded("app") as module:
        yield module


@pytest.fixture(scope="module")
def measure(app: ModuleType) -> Iterator[ModuleType]:
    with _loaded("measure") as module:
        yield module


@pytest.fixture(scope="module")
def receiver() -> Iterator[ModuleType]:
    with _loaded("receiver") as module:
        yield module


@pytest.fixture(scope="session")
def tickets() -> list[dict[str, Any]]:
    lines = (DESK / "inbox" / "tickets.jsonl").read_text("utf-8").splitlines()
    return [json.loads(line) for line in lines]


@pytest.fixture(scope="session")
def labels() -> dict[str, dict[str, Any]]:
    return yaml.safe_load((DESK / "inbox" / "labels.yaml").read_text("utf-8"))
