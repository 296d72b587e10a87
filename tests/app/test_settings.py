"""coachwork.toml: read once, checked with file, line and the fix."""

from pathlib import Path

import pytest

from coachwork.app.settings import read_settings
from coachwork.errors import ProjectError


def project(folder: Path, toml: str) -> Path:
    (folder / "coachwork.toml").write_text(toml)
    return folder


def test_an_empty_file_is_a_project_with_defaults(tmp_path):
    settings = read_settings(project(tmp_path, ""), {})
    assert settings.server.port == 8000
    assert settings.database == f"sqlite:///{tmp_path}/.coachwork/coachwork.db"
    assert settings.index == str(tmp_path / ".coachwork/index")


def test_the_environment_goes_over_the_file(tmp_path):
    folder = project(tmp_path, "[server]\nport = 9000\n")
    settings = read_settings(folder, {"COACHWORK_SERVER_PORT": "9001", "COACHWORK_DATABASE": "postgresql://h/db"})
    assert (settings.server.port, settings.database) == (9001, "postgresql://h/db")


@pytest.mark.parametrize(
    ("toml", "line", "message", "hint"),
    [
        ("[server]\nprot = 1\n", 2, "unknown setting 'server.prot'", "Did you mean 'port'?"),
        ("[sever]\nport = 1\n", 1, "unknown setting 'sever'", "Did you mean 'server'?"),
        ("\n[server]\nport = 'x'\n", 3, "server.port = 'x'", "Correct or remove"),
        ("[routes.fast]\nmodels = []\n", 2, "routes.fast.models = []", "Correct or remove"),
        ("[routes.fast]\nmodel = ['a:b']\nmodels = ['a:b']", 2, "unknown setting 'routes.fast.model'", "'models'"),
        ("[webhooks.replies]\nurl = 'ftp://x'\n", 2, "webhooks.replies.url = 'ftp://x'", "Correct or remove"),
        ("a = \n", 1, "this is not TOML", "Correct that line"),
    ],
)
def test_a_mistake_is_named_with_its_line_and_the_fix(tmp_path, toml, line, message, hint):
    with pytest.raises(ProjectError) as refused:
        read_settings(project(tmp_path, toml), {})
    assert refused.value.line == line
    assert message in refused.value.message
    assert hint in refused.value.hint


def test_a_folder_without_the_file_says_what_to_type(tmp_path):
    with pytest.raises(ProjectError, match="is no Coachwork project") as refused:
        read_settings(tmp_path, {})
    assert "coachwork new" in refused.value.hint
