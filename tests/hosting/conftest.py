"""Two served projects: the examples of examples/hosted, and one whose objects ask, fail, wait and cost."""

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from .served import Hosting, hosting

EXAMPLES = Path(__file__).parents[2] / "examples" / "hosted"
PROJECT = Path(__file__).parent / "project"


def _copied(source: Path, folder: Path) -> Path:
    shutil.copytree(source, folder, ignore=shutil.ignore_patterns("__pycache__", ".coachwork"))
    settings = folder / "coachwork.toml"
    settings.write_text(settings.read_text().replace("../../.venv/bin/python", sys.executable))
    return folder


@pytest.fixture(scope="package")
def examples(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hosting]:
    """examples/hosted, as it is."""
    with hosting(_copied(EXAMPLES, tmp_path_factory.mktemp("examples") / "hosted")) as served:
        yield served


@pytest.fixture(scope="package")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hosting]:
    """The project beside this file."""
    with hosting(_copied(PROJECT, tmp_path_factory.mktemp("lab") / "project")) as served:
        yield served


@pytest.fixture(autouse=True)
def calm(request: pytest.FixtureRequest) -> Iterator[None]:
    """No fault and no answer is left for the next test."""
    yield
    for name in ("examples", "lab"):
        if name in request.fixturenames:
            provider = request.getfixturevalue(name).provider
            provider.clear()
            provider.script.lines.clear()
            provider.script.used.clear()
