"""What `coachwork doctor` says of prompts: a broken prefix, and a label that no version has."""

from pathlib import Path

import pytest

from coachwork.app.checks import check_project, prompt_findings
from coachwork.app.project import load_project
from coachwork.errors import Finding

APP = """
from coachwork import App, prompt

app = App("Probe")


@prompt
async def say(today: str, question: str) -> str: ...


@app.pipeline
async def talk(question: str) -> str:
    return await say("Monday", question)
"""
RULES = "\n".join(f"- Rule {number}: be as kind as you can, and brief." for number in range(12))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "prompts").mkdir()
    (tmp_path / "app.py").write_text(APP)
    (tmp_path / "coachwork.toml").write_text('[routes.default]\nmodels = ["local:qwen2.5-coder-1.5b"]\n')
    return tmp_path


def found(folder: Path, text: str, *, id: str = "prompts.W001") -> list[Finding]:
    (folder / "prompts/say.md").write_text(text)
    return [finding for finding in check_project(folder, {}) if finding.id == id]


def test_a_date_before_the_rules_breaks_the_prefix_and_is_named_with_its_line(folder: Path) -> None:
    [finding] = found(
        folder, f"---\nabout: x\n---\nYou help.\nToday is {{{{today}}}}.\n{RULES}\n## user\n{{{{question}}}}\n"
    )
    assert (finding.level, finding.where) == ("warning", "prompts/say.md:5")
    assert "{{today}} stands before" in finding.message
    assert "## user" in finding.hint


def test_a_variable_before_examples_breaks_the_prefix_too(folder: Path) -> None:
    pairs = "".join(
        f"- {{input: {{today: Monday, question: {'Why now ' * 20}}}, output: Because.}}\n" for _ in range(5)
    )
    text = f"---\nexamples:\n{pairs}---\nToday is {{{{today}}}}.\n## user\n{{{{question}}}}\n"
    [finding] = found(folder, text)
    assert finding.where.startswith("prompts/say.md:")


@pytest.mark.parametrize(
    "text",
    [
        f"{RULES}\nToday is {{{{today}}}}.\n## user\n{{{{question}}}}\n",  # at the end of the instructions
        f"{RULES}\n## user\nToday is {{{{today}}}}.\n{{{{question}}}}\n{RULES}\n",  # with the question
        "Today is {{today}}.\nBe brief.\n## user\n{{question}}\n",  # little is lost
        f"{{{{! {{today}} is no variable here }}}}\n{RULES}\n## user\n{{{{question}}}}\n",
    ],
)
def test_what_keeps_its_prefix_is_not_named(folder: Path, text: str) -> None:
    assert found(folder, text) == []


async def test_a_prompt_that_was_broken_while_it_serves_is_an_error(folder: Path) -> None:
    (folder / "prompts/say.md").write_text("Be kind.\n## user\n{{question}}\n")
    project = load_project(folder, {})
    try:
        assert prompt_findings(project) == []
        (folder / "prompts/say.md").write_text("Be kind.\n## user\n{{qestion}}\n")
        [finding] = prompt_findings(project)
        assert (finding.id, finding.level) == ("prompts.E001", "error")
        assert "prompts/say.md:3: unknown variable {{qestion}}" in finding.message
        assert project.prompts["say"].render("Monday", "Why?").messages[-1].text == "Why?"
    finally:
        await project.close()
