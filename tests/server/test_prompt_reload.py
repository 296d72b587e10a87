"""A prompt file saved while the server runs is live at the next call; /api/health tells of a broken one."""

from collections.abc import Iterator

import pytest

from .over_http import Here


@pytest.fixture
def prompt_text(here: Here) -> Iterator[str]:
    file = here.folder / "prompts" / "write.md"
    text = file.read_text()
    yield text
    file.write_text(text)


def test_a_saved_prompt_is_live_and_a_broken_one_leaves_the_last_good_one(here: Here, prompt_text: str) -> None:
    file = here.folder / "prompts" / "write.md"
    prompt = here.project.prompts["write"]
    first = prompt.version
    file.write_text(prompt_text + "\nBe quick about it.\n")
    assert here.http.get("/api/health").json()["broken_prompts"] == []
    second = prompt.version
    assert second != first

    file.write_text(prompt_text + "\n{{nobody.knows}}\n")
    assert here.http.get("/api/health").json()["broken_prompts"] == ["write"]
    assert prompt.version == second

    file.write_text(prompt_text)
    assert here.http.get("/api/health").json()["broken_prompts"] == []
    assert prompt.version == first
