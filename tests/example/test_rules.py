"""What no model decides: which replies wait for a person, and what never leaves."""

from types import ModuleType
from typing import Any

import pytest

Labels = dict[str, dict[str, Any]]


def _reasons(app: ModuleType, **changed: Any) -> list[str]:
    """The reasons for a proved, supported answer to a harmless ticket, with what is changed."""
    text = "Returning a parcel from Germany is free [1]."
    passage = app.Passage(
        knowledge="handbook", document="r.md", title="Returns", start=0, end=50,
        text="From Germany and Austria, returning a parcel is free with our label.",
    )  # fmt: skip
    given: dict[str, Any] = {
        "subject": "Returning panniers",
        "message": "Does it cost anything?",
        "kind": app.Triage(question="Cost of a return?", situation="only asking", category="returns", language="en"),
        "checked": app.Checked(
            text=text, sentences=[app.Sentence(text=text, start=0, end=len(text), supported=True, markers=[1])]
        ),
        "verdict": app.Verdict(answers=True, supported=True),
        "passages": [passage],
        "in_handbook": True,
    }
    return app.reasons_for_a_person(**{**given, **changed})


def test_a_proved_answer_to_a_harmless_question_may_leave_by_itself(app: ModuleType) -> None:
    assert _reasons(app) == []


def test_every_ticket_that_gives_orders_waits_for_a_person_and_no_other(
    app: ModuleType, tickets: list[dict[str, Any]], labels: Labels
) -> None:
    noticed = {
        ticket["id"]
        for ticket in tickets
        if any("instructions" in reason for reason in _reasons(app, subject=ticket["subject"], message=ticket["body"]))
    }
    assert noticed == {name for name, label in labels.items() if "injection" in label["tags"]}


def test_words_of_danger_make_a_ticket_urgent_whatever_the_model_thinks(
    app: ModuleType, tickets: list[dict[str, Any]], labels: Labels
) -> None:
    noticed = {t["id"] for t in tickets if "it is urgent" in _reasons(app, subject=t["subject"], message=t["body"])}
    assert noticed <= {name for name, label in labels.items() if label["urgency"] == "high"}
    assert {"T-05", "T-31", "T-37", "T-58"} <= noticed


@pytest.mark.parametrize("situation", ["danger, lawyer or deadline"])
def test_what_the_triage_calls_dangerous_waits(app: ModuleType, situation: str) -> None:
    kind = app.Triage(question="?", situation=situation, category="product", language="en")
    assert _reasons(app, kind=kind) == ["it is urgent"]


def test_an_answer_that_is_not_in_the_handbook_waits(app: ModuleType) -> None:
    assert _reasons(app, in_handbook=False) == ["the handbook has no answer"]


def test_an_unsupported_sentence_or_verdict_waits(app: ModuleType) -> None:
    loose = app.Sentence(text="We like you.", start=0, end=12, supported=False)
    checked = app.Checked(text="We like you.", sentences=[loose])
    assert _reasons(app, checked=checked) == ["1 of 1 sentences have no source"]
    assert "check" in _reasons(app, verdict=app.Verdict(answers=True, supported=False))[0]


@pytest.mark.parametrize("text", ["You get 500 € back [1].", "Here are 500 euros [1].", "You get 20 % off [1]."])
def test_a_sum_that_no_source_names_waits(app: ModuleType, text: str) -> None:
    assert "is not in the sources" in _reasons(app, checked=app.Checked(text=text))[0]


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("IBAN DE00 1234 5678 9012 3456 00, please", "IBAN [account number], please"),
        ("IBAN AT00 0000 1111 2222 3333)", "IBAN [account number])"),
        ("card 0000 1111 2222 3333.", "card [card number]."),
        ("Order 70-118204, phone +49 7531 555 0900", "Order 70-118204, phone +49 7531 555 0900"),
        ("frame BR20-2602-0417, battery TB5-2411-0032", "frame BR20-2602-0417, battery TB5-2411-0032"),
    ],
)
def test_account_and_card_numbers_are_taken_out_and_other_numbers_stay(app: ModuleType, text: str, left: str) -> None:
    assert app.without_account_numbers(text) == left


def test_what_is_sent_has_no_source_numbers(app: ModuleType) -> None:
    ticket = app.Ticket(id="T-01", subject="Panniers", body="?", customer_email="jule@mail.example")
    kind = app.Triage(question="?", situation="only asking", category="returns", language="en")
    sent = app.outgoing(ticket, kind, app.Checked(text="It is free [1]. You have 30 days [2]."), "accepted")
    assert sent["text"] == "It is free. You have 30 days."
    assert sent["to"] == "jule@mail.example"
