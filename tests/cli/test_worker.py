"""`coachwork worker`: it works on what was only accepted, and ends in order when it is told to."""

import signal
import time

from .conftest import Coachwork, Spawn


def test_a_worker_works_on_what_others_accepted_and_drains_when_told(coachwork: Coachwork, spawn: Spawn) -> None:
    accepted = coachwork("run", "answer", "-i", "subject=Ada", "-i", "number=6", "--no-wait").out.strip()
    working = spawn("worker")
    give_up = time.monotonic() + 40
    while (run := coachwork("runs", "show", accepted, "--json").json)["status"] != "succeeded":
        assert time.monotonic() < give_up, run["status"]
        time.sleep(0.1)
    assert run["output"] == {"category": "normal", "text": "Hello Ada, 7"}
    working.send_signal(signal.SIGTERM)
    _out, told = working.communicate(timeout=30)
    assert working.returncode == 0
    assert "Working for Probe" in told
