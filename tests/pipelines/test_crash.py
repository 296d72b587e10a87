"""kill -9 at some instant, a new process, and every run ends right with no kept step repeated."""

import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

PROGRAM = Path(__file__).with_name("crash_program.py")


def begin(tmp_path: Path, what: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, str(PROGRAM), f"sqlite:///{tmp_path}/crash.db", str(tmp_path / "log"), what]
    return subprocess.Popen(command, env={**os.environ, "PYTHONPATH": str(PROGRAM.parents[2] / "src")})


@pytest.mark.slow
@pytest.mark.parametrize("kept_before", [1, 8, 17])
def test_nothing_kept_is_lost_or_repeated(tmp_path: Path, kept_before: int) -> None:
    log = tmp_path / "log"
    log.touch()
    process = begin(tmp_path, "start")
    deadline = time.monotonic() + 60
    while log.read_text().count("kept") < kept_before and time.monotonic() < deadline:
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.wait()
    before = log.read_text()
    assert before.count("kept") >= kept_before
    assert "end" not in before

    resumed = begin(tmp_path, "resume")
    assert resumed.wait(timeout=90) == 0
    after = log.read_text()[len(before) :]

    assert re.findall(r"^end .*$", after, re.M) == ["end succeeded 45"] * 3
    kept = set(re.findall(r"^kept (\w \d)$", before, re.M))
    again = Counter(re.findall(r"^begin (\w \d)$", after, re.M))
    assert not kept & set(again), "a step whose result was kept ran again"
    assert all(count == 1 for count in again.values())
    in_flight = set(re.findall(r"^begin (\w \d)$", before, re.M)) - kept
    assert len(in_flight) <= 3
