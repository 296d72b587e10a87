"""The support desk as the tests see it: its folder, its files, its modules loaded as a user's would be."""

import importlib.util
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

DESK = Path(__file__).parents[2] / "examples" / "support-desk"


def _load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, DESK / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def desk() -> Path:
    return DESK


@pytest.fixture(scope="session")
def app() -> Iterator[ModuleType]:
    before = sys.modules.get("app")
    yield _load("app")
    if before is None:
        sys.modules.pop("app", None)
    else:
        sys.modules["app"] = before


@pytest.fixture(scope="session")
def measure(app: ModuleType) -> ModuleType:
    return _load("measure")


@pytest.fixture(scope="session")
def receiver() -> ModuleType:
    return _load("receiver")


@pytest.fixture(scope="session")
def tickets() -> list[dict[str, Any]]:
    lines = (DESK / "inbox" / "tickets.jsonl").read_text("utf-8").splitlines()
    return [json.loads(line) for line in lines]


@pytest.fixture(scope="session")
def labels() -> dict[str, dict[str, Any]]:
    return yaml.safe_load((DESK / "inbox" / "labels.yaml").read_text("utf-8"))
