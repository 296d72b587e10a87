"""`coachwork prompt`: what models would get before a cent is spent, cases, versions, labels."""

import json
from pathlib import Path
from typing import Any

import pytest

from .conftest import Coachwork

CASES = """
cases:
- name: greeting
  inputs: {question: Hello}
  expected_output: One two three four five.
- name: wish
  inputs: {question: Goodbye}
  expected_output: Six.
"""


@pytest.fixture
def prompts(project: Path) -> Path:
    folder = project / "prompts"
    (folder / "say.cases.yaml").write_text(CASES)
    return folder


def test_render_prints_what_each_model_would_receive_and_its_worst_price(coachwork: Coachwork, project: Path) -> None:
    (project / "coachwork.toml").write_text(
        '[routes.default]\nmodels = ["openai:gpt-5-mini", "anthropic:claude-haiku-4-5"]\nmax_tokens = 100\n'
    )
    (project / "prompts" / "say.md").write_text(
        '---\nmax_cost: 0.0000001\non: {"anthropic:*": {temperature: 0.5}}\n---\n'
        "Be kind.\n## user\nAsked: {{question}}\n"
    )
    real = {"COACHWORK_FAKE_MODEL": ""}
    found = coachwork("prompt", "render", "say", "-i", "question=Why?", "--json", **real)
    assert found.code == 0, found.err
    first, second = found.json["models"]
    assert (first["model"], second["model"]) == ("openai:gpt-5-mini", "anthropic:claude-haiku-4-5")
    assert first["messages"] == [
        {"role": "system", "parts": [{"text": "Be kind."}]},
        {"role": "user", "parts": [{"text": "Asked: Why?"}]},
    ]
    assert (first["tools"], first["schema"], first["usable"]) == ([], None, False)
    assert "OPENAI_API_KEY" in first["problem"]
    assert second["settings"]["temperature"] == 0.5
    assert "temperature" not in first["settings"]
    for each in (first, second):
        assert 0 < each["input_tokens"] < each["input_tokens_at_most"]
        assert "estimated" in each["counted"]
        assert each["output_tokens_at_most"] == 100
        assert each["cost_usd_at_most"] > each["max_cost_usd"]
        assert each["refused"] is True
    read = coachwork("prompt", "render", "say", "-i", "question=Why?", **real)
    assert "── system" in read.out
    assert "Asked: Why?" in read.out
    assert "over max_cost" in read.out


def test_render_takes_its_input_from_a_case_and_says_what_it_needs(coachwork: Coachwork, prompts: Path) -> None:
    assert "Answer this: Goodbye" in coachwork("prompt", "render", "say", "--case", "wish").out
    assert "Answer this: Hello" in coachwork("prompt", "render", "say").out
    assert "Did you mean 'wish'" in coachwork("prompt", "render", "say", "--case", "wihs").err
    (prompts / "say.cases.yaml").unlink()
    needs = coachwork("prompt", "render", "say")
    assert needs.code == 2
    assert "--input question=" in needs.err
    assert "Did you mean 'say'?" in coachwork("prompt", "show", "sy").err


def test_test_runs_the_cases_and_ends_with_1_where_one_fails(coachwork: Coachwork, prompts: Path) -> None:
    found = coachwork("prompt", "test", "say", "-n", "2")
    assert found.code == 1
    assert "✓  greeting  2 of 2" in found.out
    assert "✗  wish      0 of 2" in found.out
    assert "expected 'Six.'" in found.out
    passing = coachwork("prompt", "test", "say", "--case", "greeting", "--json")
    assert passing.code == 0
    assert [(each["case"], each["passed"]) for each in passing.json["results"]] == [("greeting", True)]
    (prompts / "say.cases.yaml").unlink()
    none = coachwork("prompt", "test", "say")
    assert none.code == 3
    assert "prompts/say.cases.yaml" in none.err


def test_answers_tells_how_they_were_won_in_runs(coachwork: Coachwork, prompts: Path) -> None:
    assert "No run asked it in the last 60 days" in coachwork("prompt", "answers", "say").out
    for _ in range(2):
        assert coachwork("run", "talk", "-i", "question=Hello").code == 0
    [model] = coachwork("prompt", "answers", "say", "--days", "7", "--json").json["models"]
    assert (model["asked"], model["at_once"], model["how"], model["failed"]) == (2, 1.0, {"text": 2}, {})
    assert model["before"]["at_once"] is None
    assert "text 2" in coachwork("prompt", "answers", "say").out


def test_history_and_diff_tell_versions_their_labels_and_their_results(coachwork: Coachwork, prompts: Path) -> None:
    coachwork("prompt", "test", "say")
    assert "is now version" in coachwork("prompt", "label", "say", "production").out
    text = (prompts / "say.md").read_text()
    (prompts / "say.md").write_text(text.replace("Answer this", "Please answer"))
    coachwork("prompt", "test", "say")
    new, old = coachwork("prompt", "history", "say", "--json").json["versions"]
    assert (new["current"], new["labels"], old["current"], old["labels"]) == (True, [], False, ["production"])
    assert (new["trial"]["passed"], new["trial"]["tries"]) == (1, 2)
    assert old["first_seen"] <= new["first_seen"]

    compared = coachwork("prompt", "diff", "say", "production", "--json").json
    change = compared["changes"]["prompts/say.md"]
    assert "-Answer this: {{question}}" in change
    assert "+Please answer: {{question}}" in change
    by_name: dict[str, Any] = {row["name"]: row for row in compared["cases"]}
    assert by_name["greeting"]["before"]["passed"] == by_name["greeting"]["after"]["passed"] == 1
    assert compared == coachwork("prompt", "diff", "say", "--json").json  # the one before, without being named
    assert "1 of 2 passed" in coachwork("prompt", "diff", "say").out

    kept = coachwork("prompt", "render", "say", "--version", "production", "--case", "wish")
    assert "Answer this: Goodbye" in kept.out


def test_a_label_lets_its_version_serve_and_an_unknown_one_is_refused_at_load(
    coachwork: Coachwork, project: Path, prompts: Path
) -> None:
    coachwork("prompt", "label", "say", "production")
    (prompts / "say.md").write_text((prompts / "say.md").read_text().replace("Answer this", "Please answer"))
    settings = project / "coachwork.toml"
    plain = settings.read_text()
    settings.write_text(plain + '\n[prompts]\nlabel = "production"\n')
    assert "Answer this" in coachwork("prompt", "render", "say").out
    settings.write_text(plain + '\n[prompts]\nlabel = "produktion"\n')
    refused = coachwork("prompt", "show", "say")
    assert refused.code == 3
    line = settings.read_text().splitlines().index('label = "produktion"') + 1
    assert f"coachwork.toml:{line}: no version of any prompt has the label 'produktion'" in refused.err
    assert "Did you mean 'production'?" in refused.err
    settings.write_text(plain)
    assert coachwork("prompt", "label", "say", "ab12").code == 2  # looks like a version


def test_show_tells_what_a_prompt_is_made_of(coachwork: Coachwork, prompts: Path) -> None:
    (prompts / "say.md").write_text("---\nabout: Answers.\nthinking: low\n---\n{{> tone}}\n## user\n{{question}}\n")
    (prompts / "_tone.md").write_text("Be kind.")
    told = coachwork("prompt", "show", "say")
    assert told.code == 0
    assert "(question: str) → str" in told.out
    assert "thinking: low" in told.out
    found = json.loads(coachwork("prompt", "show", "say", "--json").out)
    assert set(found["files"]) == {"prompts/say.md", "prompts/_tone.md", "prompts/say.cases.yaml"}
    assert (found["partials"], found["cases"], found["about"]) == (["tone"], 2, "Answers.")
