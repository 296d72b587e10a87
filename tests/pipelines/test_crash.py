"""kill -9 of workers at random instants: the short form of benchmarks/crash.py, on both databases."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.slow
def test_no_run_is_lost_and_no_kept_step_is_made_again(database_url: str) -> None:
    program = [sys.executable, str(ROOT / "benchmarks" / "crash.py"), "--url", database_url]
    environ = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    load = ["--runs", "6", "--steps", "20", "--kills", "2", "--workers", "2", "--served", "1"]
    done = subprocess.run([*program, *load], env=environ, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert "runs lost or wrong:                      0" in done.stdout
    assert "received answers bought again:           0" in done.stdout
