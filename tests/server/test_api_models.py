"""Routes, the models behind them and how they fare, over HTTP; and a question to one of them."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from .lab import Lab, opened
from .over_http import Here


@pytest.fixture
def lab(tmp_path: Path, make_project: Callable[[Path], Path], lab_settings: Callable[[str], str]) -> Iterator[Lab]:
    with opened(tmp_path / "desk", make_project, lab_settings) as lab:
        yield lab


def route(here: Here, name: str = "default") -> dict[str, Any]:
    items = here.http.get("/api/models").raise_for_status().json()["items"]
    return next(item for item in items if item["name"] == name)


def test_a_route_tells_which_model_answers_and_why_the_others_can_not(lab: Lab) -> None:
    found = route(lab)
    big, mini, qwen = found["models"]
    assert (found["answers"], found["declared"]) == ("lab:big", True)
    assert [model["state"] for model in (big, mini, qwen)] == ["ready", "no-key", "not-here"]
    assert "OPENAI_API_KEY" in mini["hint"]
    assert qwen["file"] == {"size": 1_117_320_768, "licence": "Apache-2.0"}
    assert (big["problem"], big["file"], big["health"]) == ("", None, None)


def test_prices_and_limits_are_told_as_they_are_set(lab: Lab) -> None:
    found = route(lab)
    big, mini, qwen = found["models"]
    assert big["price"] == {
        "free": False, "input_nano_per_million": 10**9, "output_nano_per_million": 2 * 10**9,
        "minute_nano": None, "image_nano": None, "search_nano": None,
    }  # fmt: skip
    assert big["limits"] == {"at_once": 4, "requests_per_minute": 600, "tokens_per_minute": None}
    assert mini["price"]["input_nano_per_million"] > 0
    assert qwen["price"]["free"]
    assert {name: found["limits"][name] for name in ("max_tokens", "retries", "cache", "hedge_seconds")} == {
        "max_tokens": 100, "retries": 0, "cache": "exact", "hedge_seconds": None,
    }  # fmt: skip
    assert mini["can"]["context"] is None or mini["can"]["context"] > 0
    assert set(mini["can"]) == {"schema", "tools", "thinking", "streams", "media", "context"}


def test_a_route_that_nobody_answers_says_so(lab: Lab) -> None:
    assert route(lab, "nobody")["answers"] == ""


def test_a_tested_model_tells_its_answer_time_and_cost_and_is_shown_as_answering(lab: Lab) -> None:
    lab.provider.answer("ready")
    found = lab.http.post("/api/models/check", json={"model": "lab:big"}).raise_for_status().json()
    chat = next(check for check in found["checks"] if check["kind"] == "chat")
    assert (chat["ok"], chat["answer"], chat["problem"]) == (True, "ready", "")
    assert chat["cost_nano"] > 0
    assert 0 < chat["first_token_seconds"] <= chat["seconds"]
    assert lab.spend(by="model")["total"]["cost_nano"] == chat["cost_nano"]
    health = route(lab)["models"][0]["health"]
    assert (health["calls"], health["failures"], health["last_error"]) == (1, 0, "")
    assert health["first_token_seconds"] > 0


def test_a_model_that_fails_again_and_again_is_shown_as_left_alone(lab: Lab) -> None:
    lab.provider.inject("529", model="big")
    checks = [lab.http.post("/api/models/check", json={"model": "lab:big"}).json()["checks"] for _ in range(3)]
    assert not any(check["ok"] for checked in checks for check in checked)
    found = route(lab)
    big = found["models"][0]
    assert (big["state"], found["answers"]) == ("resting", "")
    assert big["health"]["failures"] >= 2
    assert 0 < big["health"]["retry_in_seconds"] <= 600
    assert big["health"]["last_error"]
    assert big["health"]["last_error_at"].startswith("20")


def test_only_models_of_the_routes_are_asked(lab: Lab) -> None:
    answer = lab.http.post("/api/models/check", json={"model": "lab:bigg"})
    assert (answer.status_code, answer.json()["hint"]) == (404, "Did you mean 'lab:big'?")
    assert answer.headers["content-type"] == "application/problem+json"
    assert lab.provider.asked == 0
    assert lab.http.post("/api/models/check", json={"model": "lab:big", "prompt": "?"}).status_code == 422


def test_a_model_that_can_not_be_asked_says_why_instead(lab: Lab) -> None:
    [check] = (
        lab.http.post("/api/models/check", json={"model": "openai:gpt-5-nano"}).raise_for_status().json()["checks"]
    )
    assert not check["ok"]
    assert "OPENAI_API_KEY" in check["problem"]
    assert check["cost_nano"] is None


def test_where_a_fake_answers_everything_the_routes_say_so(here: Here) -> None:
    found = route(here)
    assert found["answers"] == "fake:script"
    assert [model["model"] for model in found["models"]] == ["fake:script", "local:qwen2.5-coder-1.5b"]
    assert route(here, "embed")["answers"] != "fake:script"
    assert here.http.post("/api/models/check", json={"model": "fake:script"}).json()["checks"][0]["ok"]
    refused = here.http.post("/api/models/check", json={"model": "local:qwen2.5-coder-1.5b"})
    assert (refused.status_code, refused.json()["hint"]) == (422, "Unset COACHWORK_FAKE_MODEL to ask real models.")
