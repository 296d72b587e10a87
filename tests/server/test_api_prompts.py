"""Prompts over HTTP: read, try on models side by side, run a draft's cases against what serves, save it to its file."""

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from coachwork.prompts.compiled import RouteModel
from coachwork.prompts.versions import Versions
from coachwork.testing import Answer, ProviderServer

from .lab import Lab
from .over_http import serving
from .test_bad_requests import problem_of

ROUTE = """
[routes.default]
models = ["lab:big", "lab:small"]
retries = 0
max_tokens = 100
"""
APP = """

from typing import Literal


class Sorted(BaseModel):
    team: Literal["billing", "returns"]


@prompt
async def sort_it(ticket: Ticket) -> Sorted: ...
"""
PROMPT = """---
about: Sorts a ticket.
reask: 0
---
You sort tickets. Billing is the default.

## user
{{ticket.subject}}
"""
CASES = """cases:
  - name: An invoice
    inputs: {ticket: {subject: Wrong invoice}}
    expected_output: {team: billing}
  - name: A parcel
    inputs: {ticket: {subject: Send it back}}
    expected_output: {team: returns}
"""
DRAFT = PROMPT.replace("Billing is the default.", "Parcels are returns.")
TICKET = {"ticket": {"subject": "Send it back"}}


@pytest.fixture
def lab(tmp_path: Path, make_project: Callable[[Path], Path], lab_settings: Callable[[str], str]) -> Iterator[Lab]:
    folder = tmp_path / "desk"
    with ProviderServer() as provider:
        make_project(folder)
        (folder / "coachwork.toml").write_text(ROUTE + lab_settings(provider.url))
        (folder / "app.py").write_text((folder / "app.py").read_text() + APP)
        (folder / "prompts" / "sort_it.md").write_text(PROMPT)
        (folder / "prompts" / "sort_it.cases.yaml").write_text(CASES)
        provider.answer(
            Answer('{"team": "returns"}', when="Parcels are returns.\n", times=None),
            Answer('{"team": "billing"}', when="Billing is the default.", times=None),
        )
        environ = {"HOME": str(folder), "COACHWORK_CACHE": str(folder / "cache")}
        with serving(folder, environ, runs=False) as here:
            yield Lab(here.http, here.project, here.folder, provider)


def read(lab: Lab, name: str = "sort_it") -> dict[str, Any]:
    found: dict[str, Any] = lab.http.get(f"/api/prompts/{name}").raise_for_status().json()
    return found


def save(lab: Lab, text: str, based_on: str) -> Any:
    return lab.http.put("/api/prompts/sort_it", json={"text": text, "based_on": based_on})


def post(lab: Lab, what: str, **body: object) -> Any:
    return lab.http.post(f"/api/prompts/sort_it/{what}", json=body)


def file(lab: Lab) -> Path:
    return lab.folder / "prompts" / "sort_it.md"


# ── reading ────────────────────────────────────────────────────────────────────────────────────


def test_every_prompt_is_listed_with_what_it_is_about(lab: Lab) -> None:
    sort_it, write = lab.http.get("/api/prompts").raise_for_status().json()["items"]
    assert (sort_it["name"], write["name"]) == ("sort_it", "write")
    assert {name: sort_it[name] for name in ("about", "route", "cases", "labels", "problem", "trial", "last_used")} == {
        "about": "Sorts a ticket.", "route": "default", "cases": 2, "labels": [], "problem": "", "trial": None,
        "last_used": None,
    }  # fmt: skip
    assert sort_it["version"] == lab.project.prompts["sort_it"].version


def test_a_prompt_tells_its_file_its_form_its_cases_and_its_models(lab: Lab) -> None:
    found = read(lab)
    assert (found["source"]["text"], found["source"]["locked"], found["serves_file"]) == (PROMPT, "", True)
    assert found["settings"] == {"reask": 0}
    assert set(found["input_schema"]["properties"]) == {"ticket"}
    assert (found["inputs"], found["gives"]) == ({"ticket": "Ticket"}, "Sorted")
    assert [case["name"] for case in found["case_list"]] == ["An invoice", "A parcel"]
    assert found["case_list"][1]["expected"] == {"team": "returns"}
    assert [model["model"] for model in found["models"]] == ["lab:big", "lab:small"]
    assert [(one["version"], one["serves"]) for one in found["versions"]] == [(found["version"], True)]
    assert [other["path"] for other in found["others"]] == ["prompts/sort_it.cases.yaml"]


def test_a_prompt_that_is_not_there_offers_the_nearest(lab: Lab) -> None:
    found = problem_of(lab.http.get("/api/prompts/sort_itt"), 404, "not-found")
    assert found["hint"] == "Did you mean 'sort_it'?"


# ── trying ─────────────────────────────────────────────────────────────────────────────────────


def test_a_rendering_tells_what_each_model_would_get_and_its_worst_case_and_sends_nothing(lab: Lab) -> None:
    found = post(lab, "render", input=TICKET, text=DRAFT).raise_for_status().json()
    big, small = found["models"]
    assert "Parcels are returns." in big["messages"][0]["parts"][0]["text"]
    assert big["messages"][-1]["parts"][0]["text"] == "Send it back"
    assert big["worst_nano"] > small["worst_nano"] > 0
    assert (big["max_tokens"], big["calls_at_most"]) == (100, 1)
    assert lab.provider.asked == 0


def test_several_models_answer_side_by_side_with_time_tokens_and_cost(lab: Lab) -> None:
    found = post(lab, "try", input=TICKET, models=["lab:small", "lab:big"]).raise_for_status().json()
    small, big = found["results"]
    assert [(one["model"], one["answered_by"], one["output"]) for one in (small, big)] == [
        ("lab:small", "lab:small", {"team": "billing"}), ("lab:big", "lab:big", {"team": "billing"}),
    ]  # fmt: skip
    assert big["cost_nano"] > small["cost_nano"] > 0
    assert small["seconds"] > 0
    assert small["input_tokens"] > 0
    assert small["how"] in ("native", "strict")
    assert lab.spend(by="model")["total"]["calls"] == 2


def test_a_model_that_fails_says_so_in_words_and_hides_no_other(lab: Lab) -> None:
    lab.provider.inject("529", model="big")
    big, small = post(lab, "try", input=TICKET, models=["lab:big", "lab:small"]).raise_for_status().json()["results"]
    assert big["output"] is None
    assert big["error"]["reader"]
    assert big["answered_by"] in ("", "lab:big")  # no other model stands in for it
    assert (small["error"], small["output"]) == (None, {"team": "billing"})


def test_an_answer_that_is_not_the_type_is_shown_with_the_reason(lab: Lab) -> None:
    text = PROMPT.replace("Billing is the default.", "Shipping.")
    lab.provider.answer(Answer('{"team": "shipping"}', when="Shipping.", times=None))
    [found] = post(lab, "try", input=TICKET, models=["lab:big"], text=text).raise_for_status().json()["results"]
    assert found["error"]["code"] == "output-refused"
    assert found["output"] == '{"team": "shipping"}'
    assert found["cost_nano"] > 0  # it was paid for


def test_only_models_of_the_route_are_tried_and_the_input_has_to_fit(lab: Lab) -> None:
    assert "lab:big" in problem_of(post(lab, "try", input=TICKET, models=["lab:bigg"]), 422, "input")["hint"]
    fields = problem_of(post(lab, "try", input={"ticket": {}}, models=["lab:big"]), 422, "input")["fields"]
    assert fields[0]["path"] == ["ticket", "subject"]
    assert lab.provider.asked == 0


# ── cases ──────────────────────────────────────────────────────────────────────────────────────


def test_the_cases_run_on_the_draft_against_what_serves(lab: Lab) -> None:
    worst = post(lab, "cases/cost", text=DRAFT, repeats=2).raise_for_status().json()
    assert worst["calls"] == 8
    assert lab.provider.asked == 0

    current, draft = post(lab, "cases", text=DRAFT, repeats=2).raise_for_status().json()["sides"]
    assert [(case["name"], case["passed"]) for case in current["cases"]] == [("An invoice", 2), ("A parcel", 0)]
    assert [(case["name"], case["passed"]) for case in draft["cases"]] == [("An invoice", 0), ("A parcel", 2)]
    assert "returns" in current["cases"][1]["tries"][0]["wrong"][0]
    assert current["version"] != draft["version"]
    assert current["trial"]["cost_nano"] + draft["trial"]["cost_nano"] == lab.spend(by="model")["total"]["cost_nano"]
    assert lab.spend(by="model")["total"]["cost_nano"] <= worst["worst_nano"]

    assert read(lab)["trial"]["passed"] == 2
    saved = save(lab, DRAFT, read(lab)["source"]["revision"]).raise_for_status().json()
    assert saved["version"] == draft["version"]
    assert saved["trial"]["passed"] == 2  # how the draft did is known of the version it became


def test_a_prompt_without_cases_says_how_to_write_them(lab: Lab) -> None:
    found = problem_of(lab.http.post("/api/prompts/write/cases", json={}), 422, "input")
    assert "prompts/write.cases.yaml" in found["detail"]


# ── saving ─────────────────────────────────────────────────────────────────────────────────────


def test_a_saved_draft_is_the_file_and_serves_the_next_call(lab: Lab) -> None:
    file(lab).chmod(0o640)
    before = read(lab)
    saved = save(lab, DRAFT, before["source"]["revision"]).raise_for_status().json()
    assert file(lab).read_text() == DRAFT
    assert file(lab).stat().st_mode & 0o777 == 0o640
    assert sorted(path.name for path in file(lab).parent.iterdir()) == ["sort_it.cases.yaml", "sort_it.md", "write.md"]
    assert saved["version"] == lab.project.prompts["sort_it"].version != before["version"]
    assert [one["serves"] for one in saved["versions"]].count(True) == 1
    [now] = post(lab, "try", input=TICKET, models=["lab:big"]).json()["results"]
    assert now["output"] == {"team": "returns"}


def test_where_a_label_serves_a_saved_draft_waits_for_the_label(lab: Lab) -> None:
    prompt, versions = lab.project.prompts["sort_it"], Versions(lab.project.database)
    first = read(lab)["version"]
    versions.put_label("sort_it", "production", first)
    routes = {"default": [RouteModel("lab:big"), RouteModel("lab:small")]}
    prompt.bind(lab.folder, lab.project.models, routes, versions=versions, label="production")
    before = read(lab)
    assert (before["serves_file"], before["labels"]) == (False, ["production"])
    saved = save(lab, DRAFT, before["source"]["revision"]).raise_for_status().json()
    assert saved["version"] == first
    assert saved["source"]["text"] == file(lab).read_text() == DRAFT
    waiting = [one["version"] for one in saved["versions"] if not one["serves"]]
    assert waiting == [post(lab, "check", text=DRAFT).json()["version"]]


def test_line_ends_of_the_file_stay(lab: Lab) -> None:
    file(lab).write_bytes(PROMPT.replace("\n", "\r\n").encode())
    save(lab, DRAFT, read(lab)["source"]["revision"]).raise_for_status()
    assert file(lab).read_bytes() == DRAFT.replace("\n", "\r\n").encode()


def test_a_file_that_changed_meanwhile_is_not_overwritten(lab: Lab) -> None:
    begun = read(lab)["source"]["revision"]
    theirs = PROMPT.replace("You sort", "We sort")
    file(lab).write_text(theirs)
    found = problem_of(save(lab, DRAFT, begun), 409, "changed")
    assert found["current"]["text"] == theirs
    assert file(lab).read_text() == theirs
    save(lab, DRAFT, found["current"]["revision"]).raise_for_status()
    assert file(lab).read_text() == DRAFT


def test_a_broken_draft_is_refused_with_its_line_and_the_fix(lab: Lab) -> None:
    broken = DRAFT.replace("ticket.subject", "ticket.subjct")
    for answer in (
        save(lab, broken, read(lab)["source"]["revision"]),
        post(lab, "check", text=broken),
        post(lab, "try", input=TICKET, models=["lab:big"], text=broken),
        post(lab, "cases", text=broken),
    ):
        found = problem_of(answer, 422, "input")
        assert (found["file"], found["line"]) == ("prompts/sort_it.md", 8)
        assert "subject" in found["hint"]
    assert file(lab).read_text() == PROMPT
    assert lab.provider.asked == 0
    assert post(lab, "check", text=PROMPT).json() == {"version": read(lab)["version"]}


@pytest.mark.parametrize("what", ["file", "folder"])
def test_a_read_only_file_is_not_written_and_the_draft_is_a_patch(lab: Lab, what: str) -> None:
    place = file(lab) if what == "file" else file(lab).parent
    mode = place.stat().st_mode
    place.chmod(mode & ~0o222)
    try:
        assert "read-only" in read(lab)["source"]["locked"]
        found = problem_of(save(lab, DRAFT, read(lab)["source"]["revision"]), 403, "read-only")
        assert "patch" in found["hint"]
    finally:
        place.chmod(mode)
    assert file(lab).read_text() == PROMPT


def test_the_patch_applies(lab: Lab) -> None:
    ends_bare = DRAFT.rstrip("\n")
    found = post(lab, "patch", text=ends_bare).raise_for_status()
    assert found.headers["content-disposition"] == 'attachment; filename="sort_it.patch"'
    subprocess.run(
        ["git", "apply", "-"], cwd=lab.folder, input=found.content, check=True, timeout=60, env={**os.environ}
    )
    assert file(lab).read_text() == ends_bare


def test_nothing_but_a_prompts_own_file_is_ever_written(lab: Lab, tmp_path: Path) -> None:
    before = {path: path.read_bytes() for path in lab.folder.rglob("*.*") if path.suffix in (".md", ".py", ".toml")}
    for name in ("..%2fapp.py", "%2e%2e", "app", "prompts%2fsort_it", "sort_it.md"):
        assert lab.http.put(f"/api/prompts/{name}", json={"text": "x", "based_on": ""}).status_code in (404, 405)
    begun = read(lab)["source"]["revision"]
    assert lab.http.put(
        "/api/prompts/sort_it", json={"text": DRAFT, "based_on": begun, "file": "app.py"}
    ).status_code == 422  # fmt: skip
    outside = tmp_path / "outside.md"
    outside.write_text(PROMPT)
    file(lab).unlink()
    file(lab).symlink_to(outside)
    assert save(lab, DRAFT, begun).status_code >= 400
    assert outside.read_text() == PROMPT
    file(lab).unlink()
    file(lab).write_text(PROMPT)
    assert {path: path.read_bytes() for path in before} == before


def test_a_page_of_another_site_can_not_save(lab: Lab) -> None:
    body = {"text": DRAFT, "based_on": read(lab)["source"]["revision"]}
    answer = lab.http.put("/api/prompts/sort_it", json=body, headers={"Sec-Fetch-Site": "cross-site"})
    assert problem_of(answer, 403, "cross-site")
    assert file(lab).read_text() == PROMPT
