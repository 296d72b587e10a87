"""What is told of a step while a run goes on is what is shown of it later."""

import json
from typing import Any

import pytest

from coachwork.pipelines.views import step_told, step_view

_ENDED: dict[str, Any] = {
    **{"seq": 3, "place": "2.price.1", "kind": "prompt", "name": "triage", "label": "Read the ticket", "detail": "x"},
    **{"status": "succeeded", "started_at": 1_764_120_000_123, "finished_at": 1_764_120_001_000},
    **{"route": "small", "model": "fake:echo", "prompt_version": "a1", "how": "native", "cached": True},
    **{"cost_nano": 1_230_000, "input_tokens": 10, "output_tokens": 5, "cached_tokens": 4},
    **{"input": {"ticket": 1}, "output": "done", "error": None, "reasoning": "long", "reused": True},
    **{"attempts": [{"model": "fake:echo", "error": "", "seconds": 0.5}], "within": ["branch:1:price", "step:2:"]},
}
_WORKS = {**_ENDED, "status": "running", "finished_at": None, "cost_nano": None, "attempts": None, "within": None}
_FAILED = {**_ENDED, "status": "failed", "error": {"code": "run-failed", "details": {"number": [1, None]}}}


@pytest.mark.parametrize("values", [_ENDED, _WORKS, _FAILED], ids=["ended", "works", "failed"])
def test_a_step_is_told_as_it_is_shown(values: dict[str, Any]) -> None:
    shown = step_view(values, whole=False).model_dump(mode="json", exclude={"input", "output"})

    assert json.dumps(step_told(values)) == json.dumps(shown)
