"""A line that blocks the event loop is named in the log, with the project's file, while it still blocks."""

import asyncio
import importlib.util
import threading

import pytest
import structlog
from structlog.testing import LogCapture

from coachwork.app.watchdog import Watchdog

CODE = """
async def careless(gate):
    return hold(gate)


def hold(gate):
    gate.wait(20)
"""


@pytest.fixture
def captured() -> LogCapture:
    before, capture = structlog.get_config(), LogCapture()
    structlog.configure(processors=[capture])
    yield capture
    structlog.configure(**before)


async def test_the_project_line_that_blocks_is_named_while_it_blocks(tmp_path, captured, until):
    (tmp_path / "app.py").write_text(CODE)
    spec = importlib.util.spec_from_file_location("careless_app", tmp_path / "app.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    watchdog, gate = Watchdog(tmp_path, after=0.2), threading.Event()

    def opened_once_it_is_told() -> None:
        for _ in range(400):
            if captured.entries:
                break
            threading.Event().wait(0.05)
        gate.set()

    threading.Thread(target=opened_once_it_is_told, daemon=True).start()
    watchdog.start()
    await asyncio.create_task(module.careless(gate), name="run run_1")
    await until(lambda: len(captured.entries) > 1)
    watchdog.stop()
    blocked, went_on = captured.entries[:2]
    assert blocked["event"] == "worker.blocked"
    assert (blocked["where"], blocked["task"]) == ("app.py:7 in hold", "run run_1")
    assert went_on["event"] == "worker.went_on"
    assert went_on["seconds"] >= 0.2
