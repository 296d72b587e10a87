"""Two processes that share the tests' files, as `make check` and CI have them: a run ends, whatever a test does."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

FILE = """
import os, pytest

@pytest.mark.parametrize("number", range(3))
def test_it(number):
    if __file__.endswith("test_{killer}.py") and number == {number}:
        os._exit(70)
"""


@pytest.mark.slow
@pytest.mark.parametrize(("killer", "number"), [(2, 1), (4, 2)])
def test_where_a_test_ends_its_process_it_has_failed_and_all_others_are_run(
    tmp_path: Path, killer: int, number: int
) -> None:
    shutil.copy(Path(__file__).with_name("conftest.py"), tmp_path)
    for name in (1, 2, 3, 4):
        (tmp_path / f"test_{name}.py").write_text(FILE.format(killer=killer, number=number))
    options = ["-n2", "--dist=loadfile", "--no-loadscope-reorder", "--max-worker-restart=2", "--rootdir=.", "-q"]
    ended = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "xdist.plugin", *options, "."],
        cwd=tmp_path,
        env={"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
        timeout=90,
    )
    assert f"crashed while running 'test_{killer}.py::test_it[{number}]'" in ended.stdout
    assert "1 failed, 11 passed" in ended.stdout
