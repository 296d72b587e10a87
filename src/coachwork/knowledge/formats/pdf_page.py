"""A page of a PDF as it is printed, with the places of some words on it. Knows pdfium; runs in the reading process.

The stored text is not what pdfium draws: lines are joined, hyphens at their ends are gone, ligatures spelt out. So both
are compared without white space and each stored character is given the drawn one it came from.
"""

import base64
import io
from collections.abc import Sequence
from typing import Any

from coachwork.errors import DocumentUnreadable
from coachwork.knowledge.formats.pdf import BREAK, LIGATURES, refusal
from coachwork.knowledge.formats.text_builder import storable

_SCALE, _MOST_PIXELS = 2.0, 1800  # pixels a point, and along the longer side
_AHEAD = 200  # drawn characters that may be without a stored one in between: a header that was left out
_ALIKE = 6  # characters in a row by which the two are brought together again


def page_of(document: str, data: bytes, number: int, text: str, spans: Sequence[tuple[int, int]]) -> dict[str, Any]:
    """Page `number` (from 1) as a PNG data URL, `width` and `height` in its pixels, and `places`: a box a line.

    `text` is the page's stored text, `spans` are `start`..`end` in it. Boxes are [left, top, right, bottom] in pixels.
    Raises DocumentUnreadable.
    """
    import pypdfium2

    try:
        source = pypdfium2.PdfDocument(data)
    except pypdfium2.PdfiumError as error:
        raise DocumentUnreadable(document, *refusal(str(error))) from None
    with source:
        if not 1 <= number <= len(source):
            raise DocumentUnreadable(document, f"it has {len(source)} pages, and page {number} was asked for")
        try:
            page = source[number - 1]
            scale = min(_SCALE, _MOST_PIXELS / max(*page.get_size(), 1.0))
            bitmap = page.render(scale=scale)
            textpage = page.get_textpage()
        except pypdfium2.PdfiumError as error:
            raise DocumentUnreadable(document, f"page {number} is broken ({error})") from None
        drawn = _drawn(textpage)
        origin = aligned(text, [character for character, _ in drawn])
        to_pixels = bitmap.get_posconv(page).to_bitmap
        places = [
            _box(to_pixels, rect)
            for start, end in spans
            for first, last in _runs([drawn[at][1] for at in origin[start:end] if at is not None])
            for rect in _rects(textpage, first, last)
        ]
        image = io.BytesIO()
        bitmap.to_pil().save(image, "PNG")
    picture = "data:image/png;base64," + base64.b64encode(image.getvalue()).decode()
    return {"image": picture, "width": bitmap.width, "height": bitmap.height, "places": places}


def aligned(stored: str, drawn: Sequence[str]) -> list[int | None]:
    """For each character of `stored` the index in `drawn` it came from; None for white space and what is not there.

    `drawn` has no white space. Where the two part, the nearest place ahead is taken at which they go on alike.
    """
    origin: list[int | None] = [None] * len(stored)
    letters = [at for at, character in enumerate(stored) if not character.isspace()]
    here = 0
    for number, at in enumerate(letters):
        if here < len(drawn) and drawn[here] == stored[at]:
            origin[at] = here
            here += 1
            continue
        wanted = [stored[later] for later in letters[number : number + _ALIKE]]
        for ahead in range(here + 1, min(here + _AHEAD, len(drawn))):
            if list(drawn[ahead : ahead + len(wanted)]) == wanted:
                origin[at], here = ahead, ahead + 1
                break
    return origin


def _drawn(textpage: Any) -> list[tuple[str, int]]:
    """What is drawn, as `pdf.parse` writes it, without white space: each character with pdfium's index of it."""
    from pypdfium2 import raw

    found: list[tuple[str, int]] = []
    for index in range(textpage.count_chars()):
        character = chr(min(raw.FPDFText_GetUnicode(textpage.raw, index), 0x10FFFF))
        plain = storable(character.replace(BREAK, "").translate(LIGATURES))
        found.extend((letter, index) for letter in plain if not letter.isspace())
    return found


def _runs(indexes: Sequence[int]) -> list[tuple[int, int]]:
    """First and last of pdfium's characters that belong together: a gap of a line end or a space is none."""
    runs: list[tuple[int, int]] = []
    for index in indexes:
        if runs and 0 <= index - runs[-1][1] <= 4:
            runs[-1] = (runs[-1][0], index)
        else:
            runs.append((index, index))
    return runs


def _rects(textpage: Any, first: int, last: int) -> list[tuple[float, float, float, float]]:
    """A box for each line of these characters, in points: left, bottom, right, top."""
    return [textpage.get_rect(number) for number in range(textpage.count_rects(first, last - first + 1))]


def _box(to_pixels: Any, rect: tuple[float, float, float, float]) -> list[int]:
    (x1, y1), (x2, y2) = to_pixels(rect[0], rect[1]), to_pixels(rect[2], rect[3])
    return [min(x1, x2), min(y1, y2), max(x1, x2), max(y1, y2)]
