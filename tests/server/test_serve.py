"""The server as a process: ready, asked to stop, killed, started again; and ports it can't have."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx2 as httpx
import pytest

from coachwork.errors import InputError, PortInUse, ProjectError
from coachwork.server.listening import address_of, listen
from coachwork.server.serve import serve

from .over_http import Here, environment, events

PROGRAM = """
import sys
from pathlib import Path
from coachwork.server.serve import serve
serve(Path(sys.argv[1]), port=0, on_ready=lambda address: print(address, flush=True))
print("ended", flush=True)
"""
Start = Callable[[], tuple[subprocess.Popen[str], httpx.Client]]


@pytest.fixture
def desk(tmp_path: Path, make_project: Callable[[Path], Path]) -> Path:
    return make_project(tmp_path / "desk")


@pytest.fixture
def start(desk: Path) -> Iterator[Start]:
    """Start the server of a project as a process and wait until it says where it is."""
    processes: list[subprocess.Popen[str]] = []

    def begin() -> tuple[subprocess.Popen[str], httpx.Client]:
        process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, str(desk)],
            env={**os.environ, **environment(desk)},
            stdout=subprocess.PIPE,
            text=True,
        )
        processes.append(process)
        assert process.stdout is not None
        return process, httpx.Client(base_url=process.stdout.readline().strip(), timeout=30)

    yield begin
    for process in processes:
        process.kill()
        process.communicate()


@pytest.mark.slow
@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_in_order_and_readers_know_there_is_more(start: Start, sent: signal.Signals) -> None:
    process, http = start()
    run_id = http.post("/api/pipelines/held/runs", json={"input": {"gate": "never"}}).json()["id"]
    with http.stream("GET", f"/api/runs/{run_id}/events") as response:
        reading = events(response)
        next(reading)
        process.send_signal(sent)
        rest = list(reading)
    assert (None, "[DONE]") not in rest
    assert process.communicate(timeout=30)[0] == "ended\n"
    assert process.returncode == 0


@pytest.mark.slow
@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGKILL])
def test_a_run_survives_the_end_of_its_server(start: Start, desk: Path, sent: signal.Signals) -> None:
    process, http = start()
    run_id = http.post("/api/pipelines/held/runs", json={"input": {"gate": "later"}}).json()["id"]
    with http.stream("GET", f"/api/runs/{run_id}/events") as response:
        last = next(number for number, part in events(response) if part["type"] == "text-delta")
        process.send_signal(sent)
        process.wait(timeout=30)
    (desk / "later.go").touch()
    _process, http = start()
    with http.stream("GET", f"/api/runs/{run_id}/events", headers={"Last-Event-ID": str(last)}) as response:
        rest = list(events(response))
    assert rest[-2:] == [(rest[-2][0], {"type": "finish"}), (None, "[DONE]")]
    assert http.get(f"/api/runs/{run_id}").json()["output"]["text"] == "through"


def test_a_port_in_use_is_named_with_a_free_one(desk: Path) -> None:
    with listen("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(PortInUse, match=f"port {port} on 127.0.0.1 is in use") as refused:
            serve(desk, port=port)
        offered = int(refused.value.hint.partition("--port ")[2].partition(".")[0])
        with listen("127.0.0.1", offered) as free:
            assert address_of(free) == f"http://127.0.0.1:{offered}"


def test_a_listener_without_reuse_is_seen_too() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(PortInUse):
            listen("127.0.0.1", taken.getsockname()[1])


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.1"])
def test_the_network_is_not_listened_to(desk: Path, host: str) -> None:
    with pytest.raises(InputError, match="login is not built yet"):
        serve(desk, host=host, port=0)


@pytest.mark.parametrize(("host", "address"), [("localhost", "http://127.0.0.1:"), ("127.0.0.1", "http://127.0.0.1:")])
def test_names_of_this_machine_are(host: str, address: str) -> None:
    with listen(host, 0) as listening:
        assert address_of(listening).startswith(address)


def test_an_engine_that_does_not_start_is_the_callers_error(here: Here, desk: Path) -> None:
    with pytest.raises(RuntimeError, match="already started in this process"):
        serve(desk, port=0)
    assert here.http.get("/api/health").status_code == 200


def test_a_port_can_be_asked_for_before_anything_heavy_is_loaded() -> None:
    code = "import sys, coachwork.server.listening; print({'fastapi', 'uvicorn', 'sqlalchemy'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)
    assert done.stdout == "set()\n"


def test_a_project_that_does_not_load_gives_its_port_back(tmp_path: Path) -> None:
    with listen("127.0.0.1", 0) as once:
        port = once.getsockname()[1]
    with pytest.raises(ProjectError):
        serve(tmp_path, port=port)
    listen("127.0.0.1", port).close()
