"""`coachwork run`, `runs` and `approvals`: what a person and a script get."""

import os
import pty
import signal
from pathlib import Path

import pytest

from .conftest import Coachwork, Spawn

pytestmark = pytest.mark.slow


def test_a_run_prints_its_result_and_nothing_else_on_stdout(coachwork: Coachwork) -> None:
    result = coachwork("run", "answer", "--input", "subject=Ada", "--input", "number=6")
    assert (result.code, result.out) == (0, "Hello Ada, 7\n\ncategory: normal\n")
    assert "Thinking hard" in result.err
    assert "succeeded" in result.err


def test_json_is_the_whole_run_and_the_only_thing_on_stdout(coachwork: Coachwork) -> None:
    result = coachwork("run", "answer", "--input", '{"subject": "Ada"}', "--json")
    assert result.json["output"] == {"category": "normal", "text": "Hello Ada, 1"}
    assert result.json["steps"][0]["name"] == "think"


def test_a_run_that_needs_a_person_ends_with_4_and_goes_on_when_answered(coachwork: Coachwork) -> None:
    asked = coachwork("run", "answer", "-i", "subject=Ada", "-i", "urgent=yes", "--json")
    assert (asked.code, asked.json["status"]) == (4, "waiting")
    (approval,) = asked.json["approvals"]
    assert f"coachwork approvals answer {approval['id']} accept" in asked.err

    listed = coachwork("approvals", "list").out
    assert approval["id"] in listed
    assert "(until 20" in listed
    edited = '{"category": "normal", "text": "Good day"}'
    answered = coachwork("approvals", "answer", approval["id"], "edit", "--value", edited, "--json")
    assert (answered.code, answered.json["status"]) == (0, "edited")
    again = coachwork("approvals", "answer", approval["id"], "reject")
    assert again.code == 2
    assert "already edited" in again.err
    assert "Nothing waits" in coachwork("approvals", "list").err


def test_a_failing_pipeline_ends_with_1_and_without_a_traceback(coachwork: Coachwork) -> None:
    result = coachwork("run", "answer", "-i", "subject=boom")
    assert result.code == 1
    assert "Failed: ValueError: kaputt" in result.err
    assert "Traceback" not in result.err
    assert "Traceback" in coachwork("run", "answer", "-i", "subject=boom", COACHWORK_DEBUG="1").err


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("run", "answer", "-i", "subjct=Ada"), 2, "subject: Field required"),
        (("run", "answer", "-i", "subject=a", "-i", "number=many"), 2, "number: Input should be a valid integer"),
        (("run", "anser"), 2, "Did you mean 'answer'?"),
        (("run", "answer", "-i", "{broken"), 2, "not JSON"),
        (("run", "answer", "--resume", "abc"), 2, "belong to --batch"),
        (("run", "answer", "--project", "/nowhere"), 3, "coachwork new"),
        (("runs", "show", "run_none"), 2, "there is no run 'run_none'"),
        (("runs", "list", "--status", "done"), 2, "no status of a run"),
        (("rnu",), 2, "Did you mean"),
        (("approvals", "answer", "x", "edit"), 2, "edit needs --value"),
    ],
)
def test_what_does_not_fit_is_refused_with_words(
    coachwork: Coachwork, words: tuple[str, ...], code: int, says: str
) -> None:
    result = coachwork(*words)
    assert result.code == code
    assert says in result.err
    assert result.out == ""
    assert "Traceback" not in result.err


def test_with_json_an_error_is_json_too(coachwork: Coachwork) -> None:
    result = coachwork("run", "answer", "-i", "number=many", "--json")
    assert result.code == 2
    assert [field["path"] for field in result.json["error"]["details"]["fields"]] == [["subject"], ["number"]]


def test_outside_of_a_project_it_says_how_to_get_one(coachwork: Coachwork, tmp_path: Path) -> None:
    result = coachwork("runs", "list", cwd=tmp_path)
    assert result.code == 3
    assert "coachwork new NAME" in result.err


def test_the_project_is_found_upwards(coachwork: Coachwork, project: Path) -> None:
    (project / "deep" / "down").mkdir(parents=True)
    assert coachwork("run", "answer", "-i", "subject=Ada", cwd=project / "deep" / "down").code == 0


def test_no_wait_returns_the_id_and_the_run_is_there(coachwork: Coachwork) -> None:
    accepted = coachwork("run", "slow", "-i", "number=1", "--no-wait")
    assert accepted.code == 0
    shown = coachwork("runs", "show", accepted.out.strip(), "--json").json
    assert shown["status"] in ("queued", "running")

    same = [coachwork("run", "slow", "-i", "number=2", "--no-wait", "--key", "k", "--user", "ann").out for _ in "ab"]
    assert same[0] == same[1] != accepted.out
    assert coachwork("runs", "show", same[0].strip(), "--json").json["user"] == "ann"

    cancelled = coachwork("runs", "cancel", shown["id"], "--json").json
    assert cancelled["status"] == "cancelled"
    again = coachwork("runs", "cancel", shown["id"])
    assert (again.code, "was already cancelled" in again.err) == (2, True)


def test_runs_are_listed_and_shown(coachwork: Coachwork) -> None:
    made = coachwork("run", "answer", "-i", "subject=Ada", "--json").json
    listed = coachwork("runs", "list", "--find", "ada", "--json").json
    assert [run["id"] for run in listed["items"]] == [made["id"]]
    assert made["id"] in coachwork("runs", "list", "--status", "succeeded").out
    shown = coachwork("runs", "show", made["id"]).out
    assert "  1 ✓ Think" in shown
    assert "Hello Ada, 1" in shown


@pytest.mark.slow
def test_on_a_terminal_text_is_streamed_once(spawn: Spawn) -> None:
    screen, terminal = pty.openpty()
    process = spawn("run", "talk", "--input", "question=What?", stdout=terminal)
    os.close(terminal)
    _out, err = process.communicate(timeout=60)
    shown = os.read(screen, 65536).decode()
    os.close(screen)
    assert process.returncode == 0, err
    assert shown.count("One two three four five.") == 1


@pytest.mark.slow
def test_ctrl_c_keeps_the_run(coachwork: Coachwork, project: Path, spawn: Spawn) -> None:
    (project / "app.py").write_text((project / "app.py").read_text().replace("note(", "await gate(); note("))
    process = spawn("run", "answer", "-i", "subject=Ada", "--json")
    while not (found := coachwork("runs", "list", "--status", "running", "--json").json["items"]):
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    _out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert f"{found[0]['id']} is kept" in err
    assert coachwork("runs", "show", found[0]["id"], "--json").json["status"] == "running"


@pytest.mark.slow
def test_schedules_are_listed(coachwork: Coachwork, project: Path) -> None:
    assert "No schedules" in coachwork("schedules").err
    with (project / "coachwork.toml").open("a") as file:
        file.write('\n[schedules.nightly]\npipeline = "slow"\ncron = "0 3 * * *"\ninput = {number = 1}\n')
    assert coachwork("schedules").out.startswith("nightly  next ")
    assert coachwork("schedules", "--json").json[0]["last_run"] is None


@pytest.mark.slow
def test_a_run_is_forked_with_a_draft_and_compared(coachwork: Coachwork, project: Path) -> None:
    old = coachwork("run", "answer", "--input", "subject=Ada", "--json").json
    (project / "other.md").write_text("---\nabout: Shouts.\n---\n## user\nSHOUT: {{question}}\n")
    kept = coachwork("runs", "fork", old["id"], "--from", "2", "--no-wait").out.strip()
    assert "1 ✓ Think  (" in (shown := coachwork("runs", "show", kept).out)
    assert "taken over" in shown
    watched = coachwork("runs", "follow", old["id"])
    assert (watched.code, watched.out) == (0, "Hello Ada, 1\n\ncategory: normal\n")
    assert "✓ Think" in watched.err
    forked = coachwork("runs", "fork", old["id"], "--from", "2", "--input", "subject=Bob", "--json")
    assert forked.json["output"]["text"] == "Hello Bob, 1"
    assert (project / "thoughts").read_text() == "0\n"  # thought once, for both
    compared = coachwork("runs", "compare", old["id"], forked.json["id"])
    assert compared.out.splitlines() == [
        next(line for line in compared.out.splitlines() if "the same, taken over" in line),
        compared.out.splitlines()[-1],
    ]
    assert "the result is other" in compared.out

    asked = coachwork("run", "talk", "--input", "question=Why?", "--json").json
    draft = coachwork("runs", "fork", asked["id"], "--draft", f"say={project / 'other.md'}", "--json").json
    assert draft["steps"][0]["prompt_version"] != asked["steps"][0]["prompt_version"]
    assert coachwork("runs", "compare", asked["id"], draft["id"], "--json").json["first_difference"] == 0
    assert "not NAME=VERSION" in coachwork("runs", "fork", asked["id"], "--prompt", "say").err
