"""`new`, `serve`, `ingest`, `models`, `doctor` and `--help`, through the front door."""

import json
import signal
import tomllib
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from coachwork.cli import exits

from .conftest import Coachwork, Spawn


def test_help_lists_the_commands_and_the_exit_codes(coachwork: Coachwork) -> None:
    result = coachwork("--help")
    assert result.code == 0
    for name in ("new", "serve", "run", "runs", "approvals", "ingest", "models", "doctor"):
        assert name in result.out
    for meaning in exits.MEANING.values():
        assert meaning in result.out


def test_version(coachwork: Coachwork) -> None:
    assert coachwork("--version").out.startswith("coachwork 0.")


def test_new_makes_a_project_that_loads(coachwork: Coachwork, tmp_path: Path) -> None:
    made = coachwork("new", "harbour-bikes", "--json", cwd=tmp_path)
    assert made.code == 0, made.err
    assert made.json["title"] == "Harbour bikes"
    folder = tmp_path / "harbour-bikes"
    assert {"app.py", "coachwork.toml", ".gitignore", "prompts/answer_from.md", "README.md"} <= set(made.json["files"])
    assert sum(1 for page in (folder / "knowledge").rglob("*.md")) == 3
    assert 'App("Harbour bikes"' in (folder / "app.py").read_text()
    assert "default" in tomllib.loads((folder / "coachwork.toml").read_text())["routes"]
    checked = coachwork("doctor", "--json", cwd=folder)
    assert checked.json["errors"] == 0, checked.out


def test_new_tells_what_comes_next(coachwork: Coachwork, tmp_path: Path) -> None:
    result = coachwork("new", "my app", cwd=tmp_path)
    assert "cd 'my app'" in result.out
    assert "coachwork serve" in result.out


def test_new_touches_nothing_that_is_there(coachwork: Coachwork, tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("keep")
    result = coachwork("new", "full", cwd=tmp_path)
    assert result.code == 2
    assert "not empty" in result.err
    assert [path.name for path in (tmp_path / "full").iterdir()] == ["mine.txt"]


FEED = """

from coachwork import KnowledgeBase


async def feed():
    while not Path(__file__).with_name("open").exists():
        await asyncio.sleep(0.02)
    return
    yield


news = KnowledgeBase("news", source=feed)
"""


@pytest.mark.slow
def test_serve_answers_while_it_still_reads_its_documents_and_stops_at_ctrl_c(
    coachwork: Coachwork, spawn: Spawn, project: Path
) -> None:
    app = project / "app.py"
    app.write_text(app.read_text() + FEED)
    with (project / "coachwork.toml").open("a") as settings:
        settings.write('embed = {models = ["fake:script"]}\n')
    process = spawn("serve", "--port", "0")
    assert process.stderr is not None
    told = ""
    while "is served at" not in told:
        told = process.stderr.readline()
        assert told, "the server ended without saying where it is"
    address = told.split()[-1]
    assert _asked(f"{address}/api/app")["title"] == "Probe"
    assert _asked(f"{address}/api/health")["reading"] == [{"knowledge": "news", "found": 0, "read": 0}]
    assert _asked(f"{address}/api/knowledge/news/ingest")["state"] == "working"

    (project / "open").touch()
    while "news: 0 documents" not in told:
        told = process.stderr.readline()
        assert told, "the server ended without saying what it read"
    assert _asked(f"{address}/api/health")["reading"] == []
    taken = coachwork("serve", "--port", address.rsplit(":", 1)[1])
    assert taken.code == 2
    assert "in use" in taken.err
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode == 0


def _asked(address: str) -> Any:
    with urllib.request.urlopen(address, timeout=10) as answer:
        return json.load(answer)


def test_doctor_explains_a_broken_project(coachwork: Coachwork, project: Path) -> None:
    (project / "prompts" / "say.md").write_text("---\nroute: defualt\n---\n## user\n{{question}}\n")
    result = coachwork("doctor")
    assert result.code == 1
    assert "say.md" in result.out
    assert "Did you mean 'default'?" in result.out

    found = coachwork("doctor", "--json").json
    assert found["errors"] == 1
    app = project / "app.py"
    app.write_text(app.read_text() + "\n\n@prompt\nasync def more(question: str) -> str: ...\n")
    (project / "prompts" / "more.md").write_text("No section asks anything.\n")
    both = coachwork("doctor", "--json").json["findings"]
    assert [finding["where"].rpartition("/")[2] for finding in both] == ["say.md", "more.md"]
    assert {"id", "level", "message", "hint", "where"} == set(found["findings"][0])


def test_doctor_is_content_with_a_whole_project(coachwork: Coachwork) -> None:
    assert coachwork("doctor", "--json").json["errors"] == 0


def test_models_list_says_what_answers_and_why_others_do_not(coachwork: Coachwork, project: Path) -> None:
    (project / "coachwork.toml").write_text(
        '[routes.default]\nmodels = ["openai:gpt-5-mini", "local:qwen2.5-coder-1.5b", "fake:script"]\n'
    )
    result = coachwork("models", "list")
    assert result.code == 0
    assert "OPENAI_API_KEY" in result.out
    assert "coachwork models pull local:qwen2.5-coder-1.5b" in result.out
    assert "1.12 GB" in result.out
    routes = {route["name"]: route for route in coachwork("models", "list", "--json").json["routes"]}
    assert [model["usable"] for model in routes["default"]["models"]] == [False, False, True]


def test_models_check_asks_for_real(coachwork: Coachwork) -> None:
    result = coachwork("models", "check", "fake:script", "--json")
    assert result.code == 0, result.err
    (checked,) = [model for model in result.json["models"] if model["kind"] == "chat"]
    assert checked["ok"]
    assert checked["answer"]


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("models", "pull", "local:minilmm"), 3, "minilm"),
        (("models", "pull"), 2, "--needed"),
        (("models", "check", "opnai:gpt-5"), 3, "Did you mean 'openai'?"),
    ],
)
def test_a_wrong_model_is_named(coachwork: Coachwork, words: tuple[str, ...], code: int, says: str) -> None:
    result = coachwork(*words)
    assert result.code == code
    assert says in result.err


def test_missing_models_are_not_fetched_unasked(coachwork: Coachwork, project: Path) -> None:
    (project / "coachwork.toml").write_text('[routes.default]\nmodels = ["local:qwen2.5-coder-1.5b"]\n')
    without_fake = {"COACHWORK_FAKE_MODEL": "", "COACHWORK_ALLOW_FAKE": ""}
    result = coachwork("serve", "--port", "0", **without_fake)
    assert result.code == 5
    assert "1.12 GB, licence Apache-2.0" in result.err
    assert "coachwork models pull --needed" in result.err


def test_ingest_without_documents_has_nothing_to_do(coachwork: Coachwork) -> None:
    result = coachwork("ingest", "--json")
    assert (result.code, result.json) == (0, {"knowledge": []})
    assert coachwork("ingest", "handbok").code == 2
    assert coachwork("knowledge", "move", "--to", "elsewhere").code == 2
