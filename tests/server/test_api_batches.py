"""Batches over HTTP: a table goes up, a run is made of each row, results come down, whatever happens between."""

import csv
import io
import json
import time
from typing import Any

import httpx2 as httpx
import pytest

from .over_http import Here

TABLE = b"subject,body,attempts\nAda,hello,1\nBob,,many\n,words,\nEve,=1+1,2\n"
BATCH_FIELDS = {
    "id", "pipeline", "pipeline_title", "name", "user", "status", "reason", "rows", "counts", "spent_usd", "cap_usd",
    "at_once", "sha256", "created_at", "finished_at", "seconds",
}  # fmt: skip


def send(here: Here, pipeline: str, data: bytes, name: str = "tickets.csv", **query: Any) -> httpx.Response:
    headers = {"idempotency-key": key} if (key := query.pop("key", None)) else {}
    return here.http.post(
        f"/api/pipelines/{pipeline}/batches", params=query, files={"file": (name, data)}, headers=headers
    )


def reaches(here: Here, batch: str, status: str = "", **counts: int) -> dict[str, Any]:
    """The batch once its counts, and its status, are these."""
    for _ in range(400):
        found: dict[str, Any] = here.http.get(f"/api/batches/{batch}").json()
        same = all(found["counts"][name] == number for name, number in counts.items())
        if same and status in ("", found["status"]):
            return found
        time.sleep(0.05)
    raise AssertionError(f"20 s have passed, and it is {found['status']} with {found['counts']}")


def lines(*values: str, field: str = "subject") -> bytes:
    return "".join(json.dumps({field: value}) + "\n" for value in values).encode()


def test_a_dry_run_names_every_bad_cell_and_starts_nothing(here):
    before = here.http.get("/api/batches").json()["items"]
    answer = send(here, "answer_ticket", TABLE, dry_run=True)
    assert answer.status_code == 200
    found = answer.json()
    assert (found["rows"], found["valid"], found["refused"]) == (4, 2, 2)
    assert found["columns"] == ["subject", "body", "attempts"]
    problems = [(bad["row"], bad["column"], bad["value"]) for bad in found["problems"]]
    assert problems == [(2, "attempts", "many"), (3, "subject", None)]
    assert found["bound_usd"] is None
    assert here.http.get("/api/batches").json()["items"] == before

    here.start("answer_ticket", {"subject": "earlier"})
    known = send(here, "answer_ticket", TABLE, dry_run=True).json()
    assert known["from_runs"] >= 1
    assert known["likely_usd"] == known["highest_usd"] == 0
    assert known["seconds"] >= 0


def test_every_good_row_is_run_and_the_results_are_a_table(here):
    answer = send(here, "answer_ticket", TABLE)
    assert answer.status_code == 202
    started = answer.json()
    assert set(started) == BATCH_FIELDS
    assert answer.headers["location"] == f"/api/batches/{started['id']}"
    done = reaches(here, started["id"], "finished", succeeded=2, refused=2)
    assert done["seconds"] >= 0

    rows = here.http.get(f"/api/batches/{started['id']}/rows").json()
    assert rows["next_after"] is None
    assert [(row["row"], row["status"], row["title"]) for row in rows["items"]] == [
        (1, "succeeded", "Ada"),
        (2, "refused", ""),
        (3, "refused", ""),
        (4, "succeeded", "Eve"),
    ]
    assert rows["items"][0]["output"] == {"text": "ADA", "score": 1.0}
    assert rows["items"][1]["error"]["code"] == "input"
    assert here.http.get(f"/api/runs/{rows['items'][0]['run_id']}").json()["status"] == "succeeded"

    table = here.http.get(f"/api/batches/{started['id']}/results.csv")
    assert "attachment" in table.headers["content-disposition"]
    first, second, _third, last = csv.DictReader(io.StringIO(table.content.decode("utf-8-sig")))
    assert (first["output.text"], first["output.score"]) == ("ADA", "1.0")
    assert "attempts" in second["error"]
    assert last["input.body"] == "'=1+1"  # a text, where a spreadsheet would have computed it

    records = [
        json.loads(line) for line in here.http.get(f"/api/batches/{started['id']}/results.jsonl").text.splitlines()
    ]
    assert [record["row"] for record in records] == [1, 2, 3, 4]
    assert records[3]["input"] == {"subject": "Eve", "body": "=1+1", "attempts": 2}


def test_results_come_as_an_excel_file_that_can_be_sent_again(here):
    openpyxl = pytest.importorskip("openpyxl")
    assert send(here, "answer_ticket", lines("x"), name="a.txt").json()["code"] == "input"
    batch = send(here, "answer_ticket", lines("=SUM(A1)", "Ada"), name="a.jsonl").json()["id"]
    reaches(here, batch, succeeded=2)
    content = here.http.get(f"/api/batches/{batch}/results.xlsx").content
    head, first, _second = openpyxl.load_workbook(io.BytesIO(content)).active.iter_rows()
    cell = first[[c.value for c in head].index("output.text")]
    assert (cell.value, cell.data_type) == ("=SUM(A1)", "s")


def test_a_paused_batch_starts_nothing_and_a_cancelled_one_stops(here):
    batch = send(here, "held", lines("b1", "b2", "b3", field="gate"), name="a.jsonl", at_once=1).json()["id"]
    reaches(here, batch, running=1, queued=2)
    paused = here.http.post(f"/api/batches/{batch}/pause").json()
    assert (paused["status"], paused["reason"]) == ("paused", "by a person")
    assert here.http.post(f"/api/batches/{batch}/pause").status_code == 409
    here.open_gate("b1")
    assert reaches(here, batch, succeeded=1)["counts"]["queued"] == 2
    partly = here.http.get(f"/api/batches/{batch}/results.jsonl").text.splitlines()
    assert [json.loads(line)["status"] for line in partly] == ["succeeded", "queued", "queued"]

    assert here.http.post(f"/api/batches/{batch}/resume", json={"cap_usd": 5}).json()["cap_usd"] == 5
    reaches(here, batch, running=1, queued=1)
    assert here.http.post(f"/api/batches/{batch}/cancel").json()["status"] == "cancelled"
    reaches(here, batch, succeeded=1, cancelled=2)
    assert here.http.post(f"/api/batches/{batch}/cancel").status_code == 409
    assert here.http.get("/api/batches?status=cancelled").json()["items"][0]["id"] == batch

    for gate in ("b2", "b3"):
        here.open_gate(gate)
    again = here.http.post(f"/api/batches/{batch}/retry", json={"rows": [3]}).json()
    assert again["status"] == "running"
    reaches(here, batch, "finished", succeeded=2, cancelled=1)
    assert here.http.post(f"/api/batches/{batch}/retry", json={"rows": [1]}).status_code == 409
    assert here.http.post(f"/api/batches/{batch}/retry", content=b"rows=2").status_code == 415
    assert here.http.post(f"/api/batches/{batch}/retry").json()["status"] == "running"
    reaches(here, batch, "finished", succeeded=3)


def test_a_template_has_a_column_for_each_field_and_is_taken_back(here):
    answer = here.http.get("/api/pipelines/answer_ticket/batches/template.csv")
    assert answer.content.decode("utf-8-sig") == "subject,body,attempts\r\n"
    assert "attachment" in answer.headers["content-disposition"]
    filled = answer.content + b"Ada,hello,2\r\n"
    assert send(here, "answer_ticket", filled, dry_run=True).json()["valid"] == 1
    assert here.http.get("/api/pipelines/nobody/batches/template.csv").status_code == 404


def test_the_same_key_is_the_same_batch(here):
    first = send(here, "answer_ticket", lines("Ada"), name="a.jsonl", key="k1").json()
    assert send(here, "answer_ticket", lines("Ada"), name="a.jsonl", key="k1").json()["id"] == first["id"]
    assert send(here, "answer_ticket", lines("Bob"), name="a.jsonl", key="k1").status_code == 409


def test_what_is_no_upload_is_refused(here):
    path = "/api/pipelines/answer_ticket/batches"
    assert here.http.post(path, json={"file": "x"}).json()["code"] == "unsupported-media-type"
    assert here.http.post(path, files={"other": ("a.csv", b"x")}).json()["code"] == "input"
    broken = here.http.post(path, content=b"--x\r\nno", headers={"content-type": "multipart/form-data; boundary=y"})
    assert broken.status_code in (400, 422)
    assert broken.headers["content-type"] == "application/problem+json"
    assert send(here, "nobody", TABLE).status_code == 404
    assert send(here, "answer_ticket", b"subject\n,\n", name="a.xlsx").json()["code"] in ("input", "not-installed")
    refused = send(here, "answer_ticket", b"subjct\nAda\n").json()
    assert refused["code"] == "input"
    assert "no row" in refused["detail"]
    assert here.http.get("/api/batches/batch_none").status_code == 404
    assert here.http.get("/api/batches?status=sleeping").status_code == 422
