"""A page of a PDF as it is printed, with the cited words lit at their place on it."""

import base64
import io
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pypdfium2
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from coachwork.errors import DocumentUnreadable, NotFound
from coachwork.knowledge import KnowledgeBase
from coachwork.knowledge.document import PagePicture
from coachwork.knowledge.formats.pdf_page import aligned

from .hostile import one_page_pdf
from .made_base import Made, made  # noqa: F401

WARRANTY = Path(__file__).parents[2] / "examples/support-desk/knowledge/handbook/warranty-conditions.pdf"
HYPHENATED = one_page_pdf(
    b"BT /F 12 Tf 50 700 Td (Goods may be sent back. The return win-) Tj 0 -14 Td (dow is thirty days) Tj "
    b"0 -40 Td (A bell costs 12 euro.) Tj ET"
)


@pytest.fixture
async def base(made: Made) -> KnowledgeBase:  # noqa: F811
    base = made({"notes.md": "# Notes\n\nNo pages here.\n"})
    (base.folder / "warranty.pdf").write_bytes(WARRANTY.read_bytes())
    (base.folder / "hyphen.pdf").write_bytes(HYPHENATED)
    await base.ingest()
    return base


@pytest.mark.slow
async def test_a_pdf_in_a_mail_is_shown_at_the_words_too(made: Made) -> None:  # noqa: F811
    base = made({})
    inner, mail = EmailMessage(), EmailMessage()
    inner["Subject"], mail["Subject"] = "The terms", "Fwd: the terms"
    inner.add_attachment(HYPHENATED, maintype="application", subtype="pdf", filename="hyphen.pdf")
    mail.add_attachment(inner)
    (base.folder / "in").mkdir()
    (base.folder / "in" / "offer.eml").write_bytes(mail.as_bytes())
    await base.ingest()
    id_ = "in/offer.eml/mail 1.eml/hyphen.pdf"
    [(passage, _weight)] = await base.passages(id_)
    start = passage.start + passage.text.index("A bell")
    picture = await base.page(id_, 1, start, start + len("A bell costs"))
    assert plain(words_under(picture, HYPHENATED)) == "Abellcosts"
    assert await base.attached(id_) == HYPHENATED
    assert await base.attached("in/offer.eml") is None
    (base.folder / "in" / "offer.eml").write_bytes(inner.as_bytes())
    with pytest.raises(DocumentUnreadable, match="not attached"):
        await base.page(id_, 1)


def words_under(picture: PagePicture, pdf: bytes) -> str:
    """What pdfium itself says stands in the boxes, found by place and not by index."""
    with pypdfium2.PdfDocument(pdf) as source:
        page = source[picture.page - 1]
        text = page.get_textpage()
        scale = page.get_width() / picture.width
        height = page.get_height()
        found = [
            text.get_text_bounded(left * scale, height - bottom * scale, right * scale, height - top * scale)
            for left, top, right, bottom in picture.places
        ]
    return " ".join(found)


def plain(text: str) -> str:
    return "".join(text.split()).replace("\x02", "").replace("-", "")  # pdfium's mark for a hyphen at a line's end


@pytest.mark.slow
async def test_every_passage_of_a_pdf_is_lit_where_it_stands(base: KnowledgeBase) -> None:
    passages: list[Any] = [passage for passage, _ in await base.passages("warranty.pdf")]
    assert {passage.page for passage in passages} == {1, 2, 3}
    for page in (1, 2, 3):
        passage = next(each for each in passages if each.page == page)
        document = await base.document("warranty.pdf")
        end = min(passage.end, document.pages[page - 1].end)  # a passage may go on overleaf
        picture = await base.page("warranty.pdf", page, passage.start, end)
        assert (picture.page, picture.pages) == (page, 3)
        assert plain(words_under(picture, WARRANTY.read_bytes())) == plain(document.text[passage.start : end])
        image = Image.open(io.BytesIO(base64.b64decode(picture.image.partition(",")[2])))
        assert (image.width, image.height) == (picture.width, picture.height)
        assert all(0 <= left < right <= picture.width for left, _, right, _ in picture.places)
        assert all(0 <= top < bottom <= picture.height for _, top, _, bottom in picture.places)


async def test_a_word_that_a_line_end_divides_is_lit_on_both_lines(base: KnowledgeBase) -> None:
    text = (await base.document("hyphen.pdf")).text
    assert "window is thirty" in text
    start = text.index("window")
    picture = await base.page("hyphen.pdf", 1, start, start + len("window"))
    first, second = sorted(picture.places, key=lambda box: box[1])
    assert first[0] > second[0]
    assert first[3] <= second[1] + 4
    assert plain(words_under(picture, HYPHENATED)) == "window"


async def test_a_page_without_a_quote_is_shown_plain_and_what_has_none_says_so(base: KnowledgeBase) -> None:
    assert (await base.page("warranty.pdf", 2)).places == []
    with pytest.raises(NotFound, match="has no page 4"):
        await base.page("warranty.pdf", 4)
    with pytest.raises(NotFound, match="has no page 1"):
        await base.page("notes.md", 1)
    (base.folder / "warranty.pdf").write_bytes(b"%PDF-1.7 was overwritten")
    with pytest.raises(DocumentUnreadable, match="it is no whole PDF file"):
        await base.page("warranty.pdf", 1)


@given(st.text("ab c", max_size=60), st.text("xy", max_size=8))
def test_alignment_never_says_a_character_came_from_another(stored: str, extra: str) -> None:
    drawn = [*extra, *(character for character in stored if character != " ")]
    origin = aligned(stored, drawn)
    assert all(drawn[at] == stored[here] for here, at in enumerate(origin) if at is not None)
    assert [at for at in origin if at is not None] == sorted({at for at in origin if at is not None})
    if not extra:
        assert all(at is not None for here, at in enumerate(origin) if stored[here] != " ")
