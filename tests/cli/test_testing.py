"""`coachwork testing provider`, as a process: it tells where it is and what it can do, answers, fails, and stops."""

import json
import signal
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from .conftest import Coachwork, Spawn

ASKED = {"model": "gpt-5-mini", "messages": [{"role": "user", "content": "Hello"}]}


def ask(url: str, model: str = "gpt-5-mini") -> str:
    request = urllib.request.Request(f"{url}/v1/chat/completions", json.dumps({**ASKED, "model": model}).encode())
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)["choices"][0]["message"]["content"]


def test_it_tells_answers_fails_and_stops_at_ctrl_c(coachwork: Coachwork, spawn: Spawn, tmp_path: Path) -> None:
    (tmp_path / "answers.json").write_text('["Scripted"]')
    process = spawn("testing", "provider", "--port", "0", "--answers", str(tmp_path / "answers.json"))
    assert process.stdout is not None
    url = process.stdout.readline().split()[-1]
    assert ask(url) == "Scripted"
    assert ask(url) == "You said: Hello"
    with pytest.raises(urllib.error.HTTPError, match="529"):
        ask(url, "gpt-5-mini+529")

    taken = coachwork("testing", "provider", "--port", url.rsplit(":", 1)[1])
    assert taken.code == 2
    assert "in use" in taken.err

    process.send_signal(signal.SIGINT)
    told = process.stdout.read()  # communicate() would lose what readline() has buffered
    assert process.wait(timeout=30) == 0
    for words in ("cut-after-3", "429-retry-after-1", "/_requests", "base URL of anthropic", "…/chat/completions"):
        assert words in told


def test_its_facts_are_one_json_document(spawn: Spawn) -> None:
    process = spawn("testing", "provider", "--port", "0", "--fault", "empty", "--json")
    assert process.stdout is not None
    text = ""
    for line in process.stdout:
        text += line
        if line.rstrip() == "}":
            break
    facts = json.loads(text)
    assert {"url", "base_urls", "wires", "faults"} == set(facts)
    assert ask(facts["url"]) == ""


def test_what_it_can_not_do_is_named(coachwork: Coachwork, tmp_path: Path) -> None:
    wrong = coachwork("testing", "provider", "--port", "0", "--fault", "cut-aftr")
    assert (wrong.code, "Did you mean 'cut-after'" in wrong.err) == (2, True)
    (tmp_path / "broken.json").write_text("[")
    broken = coachwork("testing", "provider", "--port", "0", "--answers", str(tmp_path / "broken.json"))
    assert (broken.code, "broken.json" in broken.err) == (2, True)
