"""A real project behind a real server on a loopback port: every test speaks HTTP like a program would."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from .over_http import Here, environment, serving

PROJECT = Path(__file__).parent / "project"


@pytest.fixture(scope="session")
def make_project() -> Callable[[Path], Path]:
    """Write the test project into a folder."""

    def make(folder: Path) -> Path:
        for source in PROJECT.rglob("*"):
            if source.is_file() and "__pycache__" not in source.parts:
                target = folder / source.relative_to(PROJECT)
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(source.read_bytes())
        return folder

    return make


@pytest.fixture(scope="package")
def here(tmp_path_factory: pytest.TempPathFactory, make_project: Callable[[Path], Path]) -> Iterator[Here]:
    folder = make_project(tmp_path_factory.mktemp("server") / "desk")
    with serving(folder, environment(folder)) as served:
        yield served
