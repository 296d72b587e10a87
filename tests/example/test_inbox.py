"""The inbox is what the documentation says it is: sixty tickets, each with a label that can be checked."""

import base64
import re
import wave
from collections import Counter
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

Tickets = list[dict[str, Any]]
Labels = dict[str, dict[str, Any]]


def test_every_ticket_is_exactly_what_the_pipeline_takes(app: ModuleType, tickets: Tickets, desk: Path) -> None:
    assert len(tickets) == 60
    assert [ticket["id"] for ticket in tickets] == [f"T-{number:02d}" for number in range(1, 61)]
    for ticket in tickets:
        given = dict(ticket)
        if voice := given.get("voice"):
            sound = (desk / "inbox" / voice.removeprefix("@")).read_bytes()
            given["voice"] = f"data:audio/wav;base64,{base64.b64encode(sound).decode()}"
        app.Ticket.model_validate(given)


def test_an_unknown_field_and_an_empty_ticket_are_refused(app: ModuleType) -> None:
    for wrong in ({"subject": "x", "prio": 1}, {"subject": " ", "body": ""}, {"body": "x" * 8001}):
        with pytest.raises(ValueError, match=r"prio|voice message|8000"):
            app.Ticket.model_validate(wrong)


def test_every_ticket_has_a_whole_label(app: ModuleType, tickets: Tickets, labels: Labels, desk: Path) -> None:
    assert list(labels) == [ticket["id"] for ticket in tickets]
    documents = {path.name for path in (desk / "knowledge" / "handbook").iterdir()}
    for name, label in labels.items():
        assert label["category"] in set(app.Category), name
        assert label["urgency"] in set(app.Urgency), name
        assert set(label["documents"]) <= documents, name
        assert bool(label["documents"]) == bool(label["facts"]) == label["answerable"], name
        assert label["answerable"] != ("no_answer" in label["tags"]), name
        for fact in label["facts"]:
            re.compile(fact)


def test_the_inbox_holds_each_kind(labels: Labels) -> None:
    kinds = Counter(tag for label in labels.values() for tag in label["tags"])
    assert kinds == {
        "no_answer": 9, "angry": 8, "personal_data": 8, "pdf": 5, "docx": 4, "short": 3, "injection": 3,
        "contradiction": 2, "german": 2, "long": 2, "voice": 2,
    }  # fmt: skip


@pytest.mark.parametrize("tag", ["injection", "no_answer"])
def test_tickets_that_try_something_or_have_no_answer_need_a_person(labels: Labels, tag: str) -> None:
    assert all(label["needs_person"] for label in labels.values() if tag in label["tags"])


def test_dangerous_tickets_are_urgent(labels: Labels) -> None:
    assert {label["urgency"] for label in labels.values() if label["category"] == "safety"} == {"high"}


def test_facts_stand_in_the_documents_of_their_label(labels: Labels, desk: Path) -> None:
    sources = {path.name: path.read_text("utf-8") for path in (desk / "knowledge" / "handbook").glob("*.md")}
    sources["warranty-conditions.pdf"] = (desk / "tools" / "warranty-conditions.txt").read_text("utf-8")
    sources["workshop-price-list.docx"] = (desk / "tools" / "workshop-price-list.tsv").read_text("utf-8")
    for name, label in labels.items():
        held = " ".join(" ".join(sources[document].split()) for document in label["documents"])
        for fact in label["facts"]:
            assert re.search(fact, held, re.IGNORECASE), f"{name}: {fact!r} is not in {label['documents']}"


def test_recordings_are_short_plain_wav(tickets: Tickets, desk: Path) -> None:
    recordings = [ticket["voice"].removeprefix("@") for ticket in tickets if "voice" in ticket]
    assert len(recordings) == 2
    for name in recordings:
        path = desk / "inbox" / name
        assert path.stat().st_size < 700_000
        with wave.open(str(path)) as sound:
            assert (sound.getnchannels(), sound.getframerate(), sound.getsampwidth()) == (1, 16_000, 2)
            assert 10 < sound.getnframes() / sound.getframerate() < 20
