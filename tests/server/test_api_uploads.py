"""Documents put into a knowledge base over HTTP, and taken out again. The embedding model alone is a fake."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from coachwork.knowledge import KnowledgeConfig
from coachwork.models import Models
from coachwork.models.config import ModelsConfig
from coachwork.testing import FakeModel

from .over_http import Here, serving

KB = "/api/knowledge/handbook"
HOURS = b"# Hours\n\nThe shop in Bremen opens at 9 on weekdays.\n"


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory, make_project: Callable[[Path], Path]) -> Iterator[Here]:
    folder = make_project(tmp_path_factory.mktemp("uploads") / "desk")
    with serving(folder, {"HOME": str(folder), "COACHWORK_CACHE": str(folder / "cache")}, runs=False) as here:
        config = ModelsConfig.model_validate({"routes": {"embed": {"models": ["fake:words"]}}})
        fake = {"fake": FakeModel([], dimensions=64)}
        models = Models(config, database=None, cache_dir=folder / "cache", environ={}, extra_providers=fake)
        here.project.knowledge["handbook"].bind(
            KnowledgeConfig(folder="knowledge/handbook", max_file_mb=0.01),
            project=folder,
            index=str(folder / "index"),
            database=here.project.database,
            models=models,
        )
        yield here


def found(desk: Here, question: str) -> list[str]:
    answer = desk.http.post(f"{KB}/search", json={"query": question})
    assert answer.status_code == 200, answer.text
    return [each["document"] for each in answer.json()["items"]]


def test_a_document_is_put_found_replaced_and_taken_out(desk: Here) -> None:
    made = desk.http.put(f"{KB}/files/2026/hours.md", content=HOURS)
    assert made.status_code == 201, made.text
    assert (made.json()["id"], made.json()["title"], made.json()["status"]) == ("2026/hours.md", "Hours", "indexed")
    assert (desk.folder / "knowledge/handbook/2026/hours.md").read_bytes() == HOURS
    assert found(desk, "When does the shop in Bremen open?") == ["2026/hours.md"]

    careful = desk.http.put(f"{KB}/files/2026/hours.md", content=b"# Other\n\nWords.", headers={"if-none-match": "*"})
    assert (careful.status_code, careful.json()["reader"]) == (409, "There already is a document of this name.")
    replaced = desk.http.put(f"{KB}/files/2026/hours.md", content=b"# Hours\n\nThe shop in Kiel is closed.\n")
    assert replaced.status_code == 200, replaced.text
    assert "Kiel" in desk.http.get(f"{KB}/documents/2026/hours.md").json()["text"]

    assert desk.http.delete(f"{KB}/files/2026/hours.md").status_code == 204
    assert found(desk, "shop in Kiel") == []
    assert not (desk.folder / "knowledge/handbook/2026/hours.md").exists()
    assert desk.http.delete(f"{KB}/files/2026/hours.md").status_code == 404


@pytest.mark.parametrize(
    "name",
    ["../evil.md", "..%2Fevil.md", "%2e%2e/evil.md", "a/%2e%2e/%2e%2e/evil.md", "%2Fetc/evil.md", ".hidden.md"],
)
def test_a_name_that_leads_out_of_the_folder_is_refused(desk: Here, name: str) -> None:
    before = set(desk.folder.rglob("*.md"))
    refused = desk.http.put(f"{KB}/files/{name}", content=HOURS)
    assert refused.status_code in (404, 405, 422), refused.text
    assert desk.http.delete(f"{KB}/files/{name}").status_code in (404, 405)
    assert set(desk.folder.rglob("*.md")) == before


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("setup.exe", b"MZ", "is of a type that is not read"),
        ("broken.pdf", b"%PDF-1.7 no more", "it is no whole PDF file"),
        ("empty.md", b"", "empty"),
        ("long.md", b"# Long\n\n" + b"words " * 4000, "long.md"),
    ],
)
def test_what_is_not_taken_says_why_and_changes_nothing(desk: Here, name: str, content: bytes, reason: str) -> None:
    refused = desk.http.put(f"{KB}/files/{name}", content=content)
    assert refused.status_code == 422, refused.text
    assert reason in refused.json()["detail"]
    assert [path.name for path in (desk.folder / "knowledge/handbook").iterdir() if path.name.startswith(name)] == []


@pytest.mark.slow
def test_the_folder_is_ingested_and_tells_how_far_it_is(desk: Here) -> None:
    for number in range(3):
        (desk.folder / f"knowledge/handbook/rule{number}.md").write_text(f"# Rule {number}\n\nHelmets are lent.\n")
    planned = desk.http.post(f"{KB}/plan")
    assert planned.status_code == 202, planned.text
    deadline = time.monotonic() + 30
    while (plan := desk.http.get(f"{KB}/plan").json())["state"] != "done":
        assert plan["state"] == "working", plan
        assert time.monotonic() < deadline
        time.sleep(0.05)
    new = {change["document"] for change in plan["changes"] if change["what"] == "new"}
    assert {"rule0.md", "rule1.md", "rule2.md"} <= new
    assert (plan["found"], plan["added"], plan["passages"], plan["model"]) == (4, len(new), len(new), "fake:words")
    assert not {"rule0.md"} & set(found(desk, "Are helmets lent?"))

    begun = desk.http.post(f"{KB}/ingest")
    assert begun.status_code == 202
    assert begun.json()["state"] in ("waiting", "working")
    deadline = time.monotonic() + 30
    while (now := desk.http.get(f"{KB}/ingest").json())["state"] != "done":
        assert now["state"] in ("waiting", "working"), now
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert (now["found"], now["read"], now["failed"], now["problem"], now["workers"]) == (4, 4, 0, None, [])
    assert {"rule0.md", "rule1.md", "rule2.md"} <= set(found(desk, "Are helmets lent?"))
    [info] = [each for each in desk.http.get("/api/knowledge").json()["items"] if each["name"] == "handbook"]
    assert (info["documents"], info["writable"]) == (4, True)
    assert desk.http.get("/api/knowledge/nowhere/ingest").status_code == 404


def test_a_page_of_another_site_puts_nothing(desk: Here) -> None:
    foreign = {"origin": "https://evil.example"}
    assert desk.http.put(f"{KB}/files/evil.md", content=HOURS, headers=foreign).json()["code"] == "cross-site"
    assert desk.http.delete(f"{KB}/files/returns.md", headers=foreign).json()["code"] == "cross-site"
    assert (desk.folder / "knowledge/handbook/returns.md").exists()
