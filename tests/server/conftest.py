"""A real project behind a real server on a loopback port: every test speaks HTTP like a program would."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx2 as httpx
import pytest
import uvicorn

from coachwork.app.project import load_project
from coachwork.server.application import create_app
from coachwork.server.listening import address_of, listen
from coachwork.server.serve import configured

from .over_http import Here, environment

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
    static = folder / "static"
    (static / "assets").mkdir(parents=True)
    (static / "index.html").write_text("<!doctype html><title>Desk</title>")
    project = load_project(folder, environment(folder))
    listening = listen("127.0.0.1", 0)
    server = uvicorn.Server(configured(create_app(project, static=static)))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    with httpx.Client(base_url=address_of(listening), timeout=30) as http:
        http.get("/api/health").raise_for_status()
        yield Here(http, project, folder)
        server.config.app.state.served.stopping.set()  # type: ignore[union-attr]
    server.should_exit = True
    thread.join()
    project.database.close()
