"""`coachwork run --batch`: one run a row; a bad row stops nothing; stopping loses nothing and repeats nothing."""

import json
import signal
from pathlib import Path

import pytest

from .conftest import Coachwork, Spawn

ROWS = """{"subject": "Ada"}
{"subject": "Bob", "urgent": true}
{"subject": "boom"}
{"subjct": "typo"}
{broken
{"subject": "Voice", "recording": "@voice.wav"}
{"subject": "Outside", "recording": "@../secret.wav"}
"""


def test_a_batch_names_bad_rows_and_runs_the_rest(coachwork: Coachwork, project: Path) -> None:
    (project / "rows.jsonl").write_text(ROWS)
    (project / "voice.wav").write_bytes(b"RIFF")
    (project.parent / "secret.wav").write_bytes(b"RIFF")
    result = coachwork("run", "answer", "--batch", "rows.jsonl", "--out", "results.json", "--json")
    assert result.code == 1

    items = result.json["items"]
    states = [item["run"]["status"] if item["run"] else item["error"]["code"] for item in items]
    assert states == ["succeeded", "waiting", "failed", "input", "input", "succeeded", "input"]
    assert items[0]["run"]["output"]["text"] == "Hello Ada, 1"
    assert items[5]["input"]["recording"] == "@voice.wav"
    totals = result.json["totals"]
    assert {state: totals[state] for state in ("rows", "succeeded", "waiting", "failed", "refused")} == {
        "rows": 7,
        "succeeded": 2,
        "waiting": 1,
        "failed": 1,
        "refused": 3,
    }
    assert "row 4 was refused: subject: Field required" in result.err
    assert "row 5 was refused: not JSON" in result.err
    assert "row 7 was refused: @../secret.wav lies outside the folder" in result.err
    assert json.loads((project / "results.json").read_text()) == result.json


def test_the_table_shows_every_row_and_the_totals(coachwork: Coachwork, project: Path) -> None:
    (project / "rows.csv").write_text("subject,number\nAda,6\nBob,\n")
    result = coachwork("run", "answer", "--batch", "rows.csv", "--concurrency", "2")
    assert result.code == 0
    lines = [line.split() for line in result.out.splitlines() if line.strip()]
    assert lines[2][:4] == ["1", "Ada", "succeeded", "normal"]
    assert result.out.splitlines()[-1].startswith("2 rows: 2 succeeded;")


def test_waiting_rows_end_with_4(coachwork: Coachwork, project: Path) -> None:
    (project / "rows.jsonl").write_text('{"subject": "Ada", "urgent": true}\n{"subject": "Bob"}\n')
    result = coachwork("run", "answer", "--batch", "rows.jsonl")
    assert result.code == 4
    assert "1 wait for a person" in result.err


@pytest.mark.slow
def test_ctrl_c_keeps_every_row_and_resume_repeats_none(coachwork: Coachwork, project: Path, spawn: Spawn) -> None:
    (project / "rows.jsonl").write_text("".join(f'{{"number": {number}}}\n' for number in range(6)))
    process = spawn("run", "slow", "--batch", "rows.jsonl", "--concurrency", "2")
    while coachwork("runs", "list", "--json").json["counts"].get("running", 0) < 2:
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    _out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "6 that were accepted are kept" in err
    batch = err.split("--resume ")[1].split()[0]

    (project / "open").touch()
    resumed = coachwork("run", "slow", "--batch", "rows.jsonl", "--resume", batch, "--json")
    assert resumed.code == 0, resumed.err
    assert [item["run"]["output"] for item in resumed.json["items"]] == [1, 2, 3, 4, 5, 6]
    assert coachwork("runs", "list", "--json").json["counts"] == {"succeeded": 6}
    assert sorted((project / "thoughts").read_text().split()) == ["0", "1", "2", "3", "4", "5"]


@pytest.mark.slow
def test_a_killed_batch_goes_on_where_it_was_and_repeats_nothing(
    coachwork: Coachwork, project: Path, spawn: Spawn
) -> None:
    (project / "rows.csv").write_text("number\n" + "".join(f"{number}\n" for number in range(5)))
    process = spawn("run", "slow", "--batch", "rows.csv", "--concurrency", "2")
    while coachwork("runs", "list", "--json").json["counts"].get("running", 0) < 2:
        assert process.poll() is None
    process.kill()
    process.communicate(timeout=60)
    [batch] = coachwork("batch", "list", "--json").json["items"]
    assert (batch["status"], batch["rows"], batch["counts"]["succeeded"]) == ("running", 5, 0)
    assert coachwork("batch", "pause", batch["id"]).out.split()[3] == "paused"

    (project / "open").touch()
    resumed = coachwork("run", "slow", "--batch", "rows.csv", "--resume", batch["id"], "--json")
    assert resumed.code == 0, resumed.err
    assert coachwork("runs", "list", "--json").json["counts"] == {"succeeded": 5}
    assert sorted((project / "thoughts").read_text().split()) == ["0", "1", "2", "3", "4"]

    assert coachwork("batch", "results", batch["id"], "results.csv").code == 0
    assert (project / "results.csv").read_text("utf-8-sig").splitlines()[1].startswith("1,succeeded,")
    other = coachwork("run", "slow", "--batch", "rows.jsonl", "--resume", batch["id"])
    assert "can't be read" in other.err


def test_a_check_names_bad_cells_and_runs_nothing(coachwork: Coachwork, project: Path) -> None:
    (project / "rows.csv").write_text("subject,number\nAda,six\nBob,6\n")
    result = coachwork("batch", "check", "answer", "rows.csv")
    assert result.code == 1
    assert "row 1: number: Input should be a valid integer" in result.err
    assert "2 rows: 1 can be run, 1 can't" in result.out
    assert coachwork("batch", "list", "--json").json["items"] == []
