"""Versions of a prompt: what makes a new one, what is kept, which one serves, and what a saved file does."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from coachwork.errors import ProjectError
from coachwork.prompts import prompt
from coachwork.prompts.versions import Versions
from coachwork.store.database import Database
from coachwork.testing import script

from .prompt_project import BILLING, Desk, Ticket, Triage, write


@prompt
async def triage(ticket: Ticket) -> Triage: ...


ONE = "---\nroute: smart\n---\nOne. {{> tone}}\n## user\n{{ticket.subject}}\n"
NOW = Ticket(subject="x")


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = Database(f"sqlite:///{tmp_path}/kept.db")
    opened.migrate()
    yield opened
    opened.close()


@pytest.fixture
def versions(database: Database) -> Versions:
    return Versions(database)


def system() -> str:
    return triage.render(NOW).messages[0].text.split("\n")[0]


def test_every_version_is_kept_whole_and_can_be_asked_again(
    tmp_path: Path, database: Database, versions: Versions
) -> None:
    Desk(write(tmp_path, triage=ONE, _tone="Be brief."), versions=versions).bind(triage)
    first = triage.version
    write(tmp_path, _tone="Be long, and kind.")
    second = triage.version
    database.flush()
    assert first != second
    assert {each.version for each in versions.history("triage")} == {first, second}
    old = triage.at(first[:6])
    assert old.version == first
    assert old.render(NOW).messages[0].text.startswith("One. Be brief.")
    assert system() == "One. Be long, and kind."


async def test_a_label_points_at_the_version_that_serves(
    tmp_path: Path, database: Database, versions: Versions
) -> None:
    desk = Desk(write(tmp_path, triage=ONE, _tone="Be brief."), versions=versions).bind(triage)
    database.flush()
    versions.put_label("triage", "production", triage.version)
    labelled = triage.version
    write(tmp_path, triage=ONE.replace("One.", "Two."))
    assert system() == "Two. Be brief."

    desk.bind(triage, label="production").answers(one=script(BILLING))
    assert triage.version == labelled
    await triage(NOW)
    assert desk.asked("one")[0].messages[0].text.startswith("One. Be brief.")
    write(tmp_path, triage=ONE.replace("One.", "Three."))
    assert system() == "One. Be brief."  # a saved file is not live where a label serves

    desk.bind(triage, label="candidate")
    assert system() == "Three. Be brief."  # no version has that label: the file serves
    database.flush()
    versions.put_label("triage", "production", triage.version)
    assert versions.labels("triage") == {"production": triage.version}


def test_a_version_that_fits_the_code_no_more_is_refused(
    tmp_path: Path, database: Database, versions: Versions
) -> None:
    versions.seen("triage", "abcdef012345", {"prompts/triage.md": "---\nroute: smart\n---\n## user\n{{ticket.gone}}\n"})
    Desk(write(tmp_path, triage=ONE, _tone="x"), versions=versions).bind(triage)
    database.flush()
    with pytest.raises(ProjectError, match=r"version abcdef012345 .* does not fit the code any more.*ticket\.gone"):
        triage.at("abcd")


@pytest.mark.parametrize(
    ("change", "is_new"),
    [
        ({"triage": ONE.replace("One.", "Two.")}, True),
        ({"_tone": "Be kind."}, True),
        ({"triage": ONE.replace("route: smart", "route: smart\ntemperature: 1")}, True),
        ({"triage": ONE.replace("route: smart", 'route: smart\non: {"two:*": {seed: 1}}')}, True),
        ({"triage@two": "Other.\n## user\n{{ticket}}\n"}, True),
        ({"triage": ONE.replace("route: smart", "route: smart\nabout: For people.\nlabel: Sorting")}, False),
        ({"triage.cases.yaml": "cases: [{inputs: {ticket: {subject: x}}}]"}, False),
        ({"another": "Unrelated.\n## user\nx\n"}, False),
    ],
)
def test_a_version_is_new_where_something_shapes_the_answer(
    tmp_path: Path, change: dict[str, str], is_new: bool
) -> None:
    Desk(write(tmp_path, triage=ONE, _tone="Be brief.")).bind(triage)
    before = triage.version
    write(tmp_path, **change)
    assert (triage.version != before) is is_new


# ── while developing ────────────────────────────────────────────────────────────────────────────


def test_a_broken_file_leaves_the_last_good_one_serving_and_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = ONE.replace("{{> tone}}", "\n{{> tone}}")
    Desk(write(tmp_path, triage=text, _tone="Be brief.")).bind(triage)
    assert triage.broken is None
    write(tmp_path, _tone="Be nice.\nBe {{brief.")
    assert system() == "One. "
    problem = triage.broken
    assert problem is not None
    assert (problem.id, problem.level) == ("prompts.E001", "error")
    assert "prompts/_tone.md:2" in problem.message
    assert triage.version in problem.message
    assert capsys.readouterr().out.count("prompt.broken") == 1  # once, not at every call
    system()
    assert "prompt.broken" not in capsys.readouterr().out
    write(tmp_path, _tone="Be well.")
    assert "Be well." in triage.render(NOW).messages[0].text
    assert triage.broken is None


def test_a_variant_that_appears_or_goes_is_noticed(tmp_path: Path) -> None:
    Desk(write(tmp_path, triage=ONE, _tone="Be brief.")).bind(triage)
    write(tmp_path, **{"triage@two": "Other.\n## user\n{{ticket}}\n"})
    assert triage.render(NOW).on("two:m").messages[0].text.startswith("Other.")
    (tmp_path / "prompts/triage@two.md").unlink()
    assert triage.render(NOW).on("two:m").messages[0].text.startswith("One.")


def test_a_file_of_the_same_size_and_time_that_was_moved_into_place_is_noticed(tmp_path: Path) -> None:
    Desk(write(tmp_path, triage=ONE, _tone="Be brief.")).bind(triage)
    place = tmp_path / "prompts/_tone.md"
    status = place.stat()
    other = tmp_path / "other.md"
    other.write_text("Be short.")
    os.utime(other, ns=(status.st_atime_ns, status.st_mtime_ns))
    other.replace(place)  # as editors save
    assert system() == "One. Be short."
