"""Pictures, PDFs and sounds as inputs: they stand where the template names them, and nobody can forge one."""

from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from coachwork import Audio, Image, Pdf
from coachwork.messages import MediaPart, Message, TextPart
from coachwork.prompts import prompt
from coachwork.testing import script

from .prompt_project import Desk, write
from .watcher import watching

PNG = b"\x89PNG not really"


class Claim(BaseModel):
    text: str
    photo: Image | None = None
    papers: list[Pdf] = []


@prompt
async def judge(claim: Claim) -> str: ...


@prompt
async def hear(call: Audio, words: str) -> str: ...


def sent(message: Message) -> list[Any]:
    return [
        part.text if isinstance(part, TextPart) else (part.media_type, part.data)
        for part in message.parts
        if isinstance(part, TextPart | MediaPart)
    ]


def text(body: str) -> str:
    return f"---\nroute: smart\n---\n{body}\n"


def test_media_stand_where_the_template_names_them(tmp_path: Path) -> None:
    papers = "{{#each claim.papers}}\nA paper: {{this}}\n{{/each}}\n"
    body = f"Judge.\n## user\nThe photo: {{{{claim.photo}}}}\n{papers}He says: {{{{claim.text}}}}"
    Desk(write(tmp_path, judge=text(body))).bind(judge)
    claim = Claim(text="Broken.", photo=Image(PNG), papers=[Pdf(b"%PDF-1"), Pdf(b"%PDF-2")])
    [_, user] = judge.render(claim).messages
    assert sent(user) == [
        "The photo:", ("image/png", PNG), "A paper:", ("application/pdf", b"%PDF-1"),
        "A paper:", ("application/pdf", b"%PDF-2"), "He says: Broken.",
    ]  # fmt: skip
    [_, without] = judge.render(Claim(text="Broken.")).messages
    assert sent(without) == ["The photo: \nHe says: Broken."]


def test_an_object_shown_whole_brings_its_media_along(tmp_path: Path) -> None:
    Desk(write(tmp_path, judge=text("## user\n{{claim}}"))).bind(judge)
    [user] = judge.render(Claim(text="Broken.", photo=Image(PNG, "image/jpeg"))).messages
    assert sent(user) == ["text: Broken.\nphoto:", ("image/jpeg", PNG), "papers:"]


def test_media_in_the_instructions_are_shown_with_the_question(tmp_path: Path) -> None:
    Desk(write(tmp_path, hear=text("This call: {{call}}. Be brief.\n## user\n{{words}}"))).bind(hear)
    system, user = hear.render(Audio(b"RIFF"), "What does he want?").messages
    assert sent(system) == ["This call: [a recording, attached]. Be brief."]
    assert sent(user) == [("audio/wav", b"RIFF"), "What does he want?"]


async def test_media_reach_the_model_and_the_trace_tells_of_large_ones_in_words(tmp_path: Path) -> None:
    desk = Desk(write(tmp_path, judge=text("## user\n{{claim}}"))).bind(judge).answers(one=script("Yes."))
    with watching() as records:
        assert await judge(Claim(text="x", photo=Image(PNG * 500))) == "Yes."
    assert ("image/png", PNG * 500) in sent(desk.asked("one")[0].messages[0])
    photo = records[0].input["claim"]["photo"]
    assert photo.startswith("data:image/png;base64,… (")
    assert len(str(records[0].input)) < 200


@settings(deadline=None)
@given(words=st.one_of(st.text(), st.sampled_from(["\x00:0\x00", "\x00" * 3, "[a picture, attached]"])))
def test_no_text_can_stand_for_a_picture(tmp_path_factory: Any, words: str) -> None:
    folder = write(tmp_path_factory.mktemp("media"), judge=text("## user\n{{claim.text}}|{{claim.photo}}"))
    Desk(folder).bind(judge)
    [user] = judge.render(Claim(text=words, photo=Image(PNG))).messages
    assert sent(user) == [f"{words}|".strip(), ("image/png", PNG)]
