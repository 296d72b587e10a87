"""`answer_from`: a question answered from documents, each sentence proved, or plainly not in them."""

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from coachwork.app.checks import check_project
from coachwork.app.project import Project, load_project
from coachwork.cli.results import readable
from coachwork.errors import ProjectError
from coachwork.messages import Answer, Passage
from coachwork.pipelines.answering import NOT_THERE, answer_from
from coachwork.prompts.draft import ChangedMeanwhile, file_now, save

pytestmark = pytest.mark.slow

APP = """
from coachwork import App, KnowledgeBase, answer_from

app = App("Desk")
handbook = KnowledgeBase("handbook")
"""
FAKE = """
import json

from coachwork.messages import ModelRequest
from coachwork.testing import FakeModel


async def answer(request: ModelRequest) -> str:
    asked = request.messages[-1].text
    if "verdicts" in request.messages[0].text:
        told = {"sentence": 1, "quote": "We open the locker", "verdict": "supported" if "help" in asked else "no"}
        return json.dumps({"verdicts": [told]})
    if "broken" in asked:
        return "Staff use a locker [1]."
    if "at night" in asked:
        return "Staff help you into your locker whenever you come [1]."
    if "parking" in asked:
        return "The documents do not answer this."
    if "invented" in asked:
        return "A lost key costs 99 € [1]."
    rules = request.messages[0].text
    return "A lost key costs 25 € [1]." + (" Ask Ann." if "Ask Ann" in rules else "")


fake = FakeModel(answer)
"""
Loaded = Callable[..., Project]


@pytest.fixture
def loaded(tmp_path: Path) -> Iterator[Loaded]:
    """A function: text of app.py and of the documents to the project, its documents indexed."""
    projects: list[Project] = []

    def load(
        app: str = APP,
        document: str = "# Lost key\n\nA lost key costs 25 €. We open the locker.",
        settings: str = "",
    ) -> Project:
        (tmp_path / "knowledge" / "handbook").mkdir(parents=True)
        (tmp_path / "knowledge" / "handbook" / "lockers.md").write_text(document)
        (tmp_path / "coachwork.toml").write_text(settings)
        (tmp_path / "app.py").write_text(app)
        (tmp_path / "fake.py").write_text(FAKE)
        fake = {"COACHWORK_FAKE_MODEL": f"{tmp_path}/fake.py:fake", "COACHWORK_ALLOW_FAKE": "1"}
        projects.append(load_project(tmp_path, {"HOME": str(tmp_path), **fake}))
        asyncio.run(projects[-1].knowledge["handbook"].ingest())
        return projects[-1]

    yield load
    for project in projects:
        asyncio.run(project.close())


def asked(project: Project, question: str, passages: list[Passage] | None = None) -> Answer:
    return asyncio.run(answer_from(project.knowledge["handbook"], question, passages=passages))


def test_an_answer_stands_beside_the_words_that_prove_it(loaded: Loaded) -> None:
    answer = asked(loaded(), "What does a lost key cost?")
    assert (answer.text, answer.found, answer.near_misses) == ("A lost key costs 25 € [1].", True, [])
    assert [citation.quote for citation in answer.citations] == ["A lost key costs 25 €."]


@pytest.mark.slow
@pytest.mark.parametrize("question", ["Is there parking?", "What is invented?"])
def test_where_nothing_is_proved_the_nearest_passages_stand_beside_it(loaded: Loaded, question: str) -> None:
    answer = asked(loaded(), question)
    assert answer.found is False
    assert [passage.document for passage in answer.near_misses] == ["lockers.md"]
    assert [sentence.supported for sentence in answer.sentences] == ["parking" in question]


def test_a_contradicted_answer_says_what_the_document_says_instead(loaded: Loaded) -> None:
    answer = asked(loaded(), "What is invented?")
    told = answer.model_dump(mode="json")
    assert told["sentences"][0]["contradicted_by"]["quote"] == "A lost key costs 25 €."
    assert Answer.model_validate(told).contradicted == answer.sentences
    shown = readable(told)
    assert "Contradicted by the documents\n  ✗ A lost key costs 99 € [1]." in shown
    assert "lockers.md says: “A lost key costs 25 €.”" in shown
    assert "Not borne out" not in shown


def test_a_model_that_looks_at_what_the_words_do_not_prove_is_named_and_so_is_its_failure(loaded: Loaded) -> None:
    project = loaded(settings='[knowledge.handbook]\nfolder = "knowledge/handbook"\ncheck = "default"\n')
    answer = asked(project, "Can I come at night?")
    assert (answer.found, answer.sentences[0].judged_by, answer.check_failed) == (True, "fake:script", "")
    assert [citation.quote for citation in answer.citations] == ["We open the locker"]
    assert "1 sentence judged by model fake:script" in readable(answer.model_dump(mode="json"))

    broken = asked(project, "Is it broken?")
    assert (broken.found, broken.sentences[0].verdict, broken.sentences[0].judged_by) == (False, "unsupported", "")
    assert "by a model of the route 'default' was not made" in readable(broken.model_dump(mode="json"))


def test_a_route_that_a_knowledge_base_names_and_that_is_not_there_is_found_before_the_first_answer(
    loaded: Loaded,
) -> None:
    settings = '[knowledge.handbook]\nfolder = "knowledge/handbook"\ncheck = "defualt"\n'
    project = loaded(settings=settings)
    told = [found for found in check_project(project.folder, {}) if found.id == "knowledge.route"]
    assert [(found.level, found.where) for found in told] == [("error", "[knowledge.handbook]")]
    assert "check = 'defualt'" in told[0].message
    assert "default" in told[0].hint


def test_without_a_passage_no_model_is_asked(loaded: Loaded) -> None:
    answer = asked(loaded(), "What does a lost key cost?", passages=[])
    assert (answer.text, answer.found, answer.near_misses) == (NOT_THERE, False, [])
    assert [sentence.supported for sentence in answer.sentences] == [True]  # it claims nothing


def test_the_prompt_is_the_projects_own_as_soon_as_it_has_the_file(loaded: Loaded) -> None:
    project = loaded()
    prompt = project.prompts["answer_from"]
    shipped = prompt.version
    assert "NEVER" not in prompt.shipped
    own = project.folder / "prompts" / "answer_from.md"
    own.parent.mkdir()
    own.write_text(prompt.shipped.replace("Rules:", "Rules:\n- Ask Ann."))
    assert asked(project, "What does a lost key cost?").text.endswith("Ask Ann.")
    assert prompt.version != shipped


def test_a_draft_of_the_shipped_prompt_is_saved_as_the_projects_own_file(loaded: Loaded) -> None:
    project = loaded()
    prompt = project.prompts["answer_from"]
    before = file_now(project.folder, prompt.file, prompt.shipped)
    assert (before.text, before.locked) == (prompt.shipped, "")
    after = save(
        project.folder, prompt.file, before.text + "Be brief.\n", based_on=before.revision, shipped=before.text
    )
    assert (project.folder / "prompts" / "answer_from.md").read_text() == after.text == prompt.shipped + "Be brief.\n"
    with pytest.raises(ChangedMeanwhile):
        save(project.folder, prompt.file, "x", based_on=before.revision, shipped=prompt.shipped)


def test_a_project_that_does_not_import_it_says_so(loaded: Loaded) -> None:
    project = loaded(APP.replace(", answer_from", ""))
    assert "answer_from" not in project.prompts
    with pytest.raises(ProjectError, match="loaded without `answer_from`"):
        asked(project, "What does a lost key cost?")
