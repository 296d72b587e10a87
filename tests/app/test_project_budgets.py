"""Budgets of a project folder: read, checked, and held, end to end."""

from pathlib import Path

import pytest

from coachwork.app.checks import check_project
from coachwork.app.project import load_project
from coachwork.errors import BudgetExceeded
from coachwork.messages import Message, ModelRequest

TOML = """
[models."fake:script"]
input_usd_per_million = 0
output_usd_per_million = 1000000

[[budgets]]
scope = "app"
name = "{app}"
usd = 101
per = "day"
"""
APP = 'from coachwork import App\n\napp = App("Desk")\n'
FAKE = "from coachwork.testing import FakeModel, line\n\nfake = FakeModel([line('x', times=None)], billed=True)\n"
HELLO = ModelRequest((Message.of("user", "Hello"),), max_tokens=100)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, text in {"coachwork.toml": TOML.format(app="Desk"), "app.py": APP, "fake.py": FAKE}.items():
        (tmp_path / name).write_text(text)
    return tmp_path


def environ(folder: Path) -> dict[str, str]:
    return {"COACHWORK_FAKE_MODEL": f"{folder}/fake.py:fake", "COACHWORK_ALLOW_FAKE": "1"}


async def test_an_apps_budget_holds_from_one_start_to_the_next(folder):
    for _ in range(2):  # a dollar each, and a hundred in the worst case
        project = load_project(folder, environ(folder))
        await project.models.complete("default", HELLO)
        await project.close()
    project = load_project(folder, environ(folder))
    (state,) = await project.models.budgets()
    assert (state.name, state.spent_nano, state.held_nano) == ("Desk", 2_000_000_000, 0)
    with pytest.raises(BudgetExceeded, match=r"the app 'Desk' has \$99\.00 left of \$101\.00 a day"):
        await project.models.complete("default", HELLO)
    await project.close()


def test_a_budget_of_an_app_that_is_another_is_found(folder):
    (folder / "coachwork.toml").write_text(TOML.format(app="Dask"))
    found = {finding.id: finding for finding in check_project(folder, environ(folder))}
    assert "this app is 'Desk'" in found["models.E007"].message
    assert "Did you mean 'Desk'?" in found["models.E007"].hint
