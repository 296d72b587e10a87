"""Schedules of a project, in code and in coachwork.toml: a mistake is named when the project loads."""

from pathlib import Path

import pytest

from coachwork.app.project import load_project
from coachwork.errors import ProjectError

APP = """
from coachwork import App

app = App("Reports")


@app.pipeline({options})
async def report(day: str{default}) -> str:
    return day
"""


def project(folder: Path, options: str = "", toml: str = "", default: str = ' = "today"') -> Path:
    (folder / "app.py").write_text(APP.format(options=options, default=default))
    (folder / "coachwork.toml").write_text(toml)
    return folder


async def test_schedules_are_declared_in_code_and_in_the_settings(tmp_path):
    toml = '[schedules.evening]\npipeline = "report"\ncron = "0 18 * * *"\nmissed = "once"\ninput = {day = "friday"}\n'
    loaded = load_project(project(tmp_path, 'schedule="0 7 * * 1-5", timezone="Europe/Berlin"', toml), {})
    assert {
        name: (found.cron, found.timezone, found.missed, found.input) for name, found in loaded.schedules.items()
    } == {
        "report": ("0 7 * * 1-5", "Europe/Berlin", "skip", {}),
        "evening": ("0 18 * * *", "UTC", "once", {"day": "friday"}),
    }
    await loaded.close()


@pytest.mark.parametrize(
    ("options", "toml", "default", "says"),
    [
        ('schedule="0 25 * * *"', "", ' = ""', "'0 25 * * *' is no cron"),
        ('schedule="0 7 * * *", timezone="Mars"', "", ' = ""', "'Mars' is no time zone"),
        ('schedule="0 7 * * *", missed="never"', "", ' = ""', "missed='never'"),
        ('schedule="0 7 * * *"', "", "", "schedule 'report': the input of 'report' does not fit: day"),
        ("", '[schedules.a]\npipeline = "reprot"\ncron = "0 7 * * *"\n', "", "'reprot', which is no pipeline"),
        ("", '[schedules.a]\npipeline = "report"\ncron = "0 7 * * *"\ninput = {dya = "x"}\n', "", "schedule 'a'"),
        (
            'schedule="0 7 * * *"',
            '[schedules.report]\npipeline = "report"\ncron = "@daily"\n',
            ' = ""',
            "two schedules",
        ),
    ],
)
def test_a_mistake_is_named(tmp_path, options, toml, default, says):
    with pytest.raises(ProjectError) as refused:
        load_project(project(tmp_path, options, toml, default), {})
    assert says in refused.value.message
