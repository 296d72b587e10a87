"""The log: structured, on standard error, without secrets."""

import json

import pytest
import structlog

from coachwork.tracing import log as room


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("api_key", "abc"),
        ("OPENAI_API_KEY", "abc"),
        ("authorization", "Basic abc"),
        ("webhook_secret", "abc"),
        ("note", "failed with sk-abcdefgh12345678"),
        ("note", "Bearer abcdefgh12345678"),
        ("note", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
        ("url", "postgresql://anna:hunter22@db/coachwork"),
        ("headers", {"Authorization": "abc", "nested": {"token": "abc"}}),
        ("tried", ["sk-abcdefgh12345678"]),
    ],
)
def test_a_secret_is_taken_out_by_its_name_or_its_shape(name, value):
    shown = json.dumps(room.redact(None, "info", {name: value}))
    assert "[secret]" in shown
    assert not any(secret in shown for secret in ("abc", "hunter22", "whsec_MfKQ"))


def test_what_is_no_secret_stays():
    event = {"event": "run.succeeded", "run_id": "run_1", "seconds": 3, "input_tokens": 5}
    assert room.redact(None, "info", dict(event)) == event


def test_a_line_of_json_an_event(capsys):
    try:
        room.configure("info", json=True)
        structlog.get_logger("x").info("run.succeeded", run_id="run_1", api_key="abc")
        structlog.get_logger("x").debug("prompt.text", text="private words")
    finally:
        structlog.reset_defaults()
    [line] = capsys.readouterr().err.splitlines()
    said = json.loads(line)
    assert (said["event"], said["run_id"], said["level"], said["api_key"]) == (
        "run.succeeded",
        "run_1",
        "info",
        "[secret]",
    )
