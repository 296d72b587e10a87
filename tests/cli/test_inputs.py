"""What a person types as input becomes JSON by the pipeline's types, and nothing is guessed."""

import json
from enum import StrEnum
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, TypeAdapter

from coachwork.cli.inputs import parse_input
from coachwork.errors import InputError
from coachwork.messages import Audio
from coachwork.pipelines.typed_text import from_pairs


class Mood(StrEnum):
    calm = "calm"
    angry = "angry"


class Customer(BaseModel):
    name: str
    age: int | None = None


class Ticket(BaseModel):
    subject: str
    urgent: bool = False
    score: float = 0.0
    number: int = 0
    mood: Mood = Mood.calm
    tags: list[str] = []
    customer: Customer | None = None
    recording: Audio | None = None


SCHEMA: dict[str, Any] = TypeAdapter(Ticket).json_schema()


def parsed(*given: str, folder: Path = Path(), stdin: str = "") -> Any:
    return parse_input(given, SCHEMA, stdin=lambda: stdin, folder=folder)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("subject=Hello", {"subject": "Hello"}),
        ("subject=007", {"subject": "007"}),  # a text stays a text
        ("subject=true", {"subject": "true"}),
        ("subject=a=b", {"subject": "a=b"}),
        ("subject=", {"subject": ""}),
        ("number=7", {"number": 7}),
        ("number=seven", {"number": "seven"}),  # left for the pipeline's own check to name
        ("score=0.5", {"score": 0.5}),
        ("urgent=true", {"urgent": True}),
        ("urgent=yes", {"urgent": True}),
        ("mood=angry", {"mood": "angry"}),
        ('tags=["a","b"]', {"tags": ["a", "b"]}),
        ("customer.name=Ada", {"customer": {"name": "Ada"}}),
        ("customer.age=36", {"customer": {"age": 36}}),
        ('customer={"name": "Ada"}', {"customer": {"name": "Ada"}}),
        ("unknown=1", {"unknown": "1"}),
        ('{"subject": "x", "number": 3}', {"subject": "x", "number": 3}),
    ],
)
def test_one_value(text: str, expected: Any) -> None:
    assert parsed(text) == expected


def test_several_values_make_one_object() -> None:
    assert parsed("subject=Hi", "customer.name=Ada", "customer.age=36") == {
        "subject": "Hi",
        "customer": {"name": "Ada", "age": 36},
    }


def test_stdin_and_files_are_read(tmp_path: Path) -> None:
    (tmp_path / "ticket.json").write_text('{"subject": "from a file"}')
    (tmp_path / "long.txt").write_text("a long\nstory")
    (tmp_path / "voice.wav").write_bytes(b"RIFF")

    assert parsed("-", stdin='{"subject": "piped"}') == {"subject": "piped"}
    assert parsed("@ticket.json", folder=tmp_path) == {"subject": "from a file"}
    assert parsed("subject=@long.txt", folder=tmp_path) == {"subject": "a long\nstory"}
    recording = parsed("recording=@voice.wav", folder=tmp_path)["recording"]
    assert TypeAdapter(Audio).validate_python(recording) == Audio(b"RIFF", "audio/wav")


@pytest.mark.parametrize(
    ("texts", "says"),
    [
        (("hello",), "neither JSON"),
        (("{broken",), "not JSON"),
        (("@missing.json",), "can't be read"),
        (("subject=a", "subject=b"), "given twice"),
        (("customer=Ada", "customer.name=Ada"), "one lies in the other"),
        (("subject=@missing.txt",), "can't be read"),
    ],
)
def test_what_cannot_be_read_is_said(texts: tuple[str, ...], says: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=says):
        parsed(*texts, folder=tmp_path)


@given(st.text().filter(lambda text: not text.startswith("@")))
def test_a_text_field_keeps_every_text(text: str) -> None:
    assert from_pairs([("subject", text)], SCHEMA, attach=Path) == {"subject": text}


@given(st.integers() | st.floats(allow_nan=False, allow_infinity=False))
def test_a_number_field_reads_what_json_writes(number: float) -> None:
    assert from_pairs([("score", json.dumps(number))], SCHEMA, attach=Path) == {"score": number}
