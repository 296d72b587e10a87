"""Words of a picture of a page. Knows RapidOCR, whose models come in its wheel; reads English letters alone.

Its models know no umlauts and accents and drop them silently, so it is only asked for knowledge bases in English.
"""

from functools import lru_cache
from typing import Any, NamedTuple

_SURE = 0.6  # below it are specks and hands, not print


class Seen(NamedTuple):
    """A stretch of print: its text, and its place in pixels from the top left."""

    text: str
    left: float
    top: float
    bottom: float


def recognised(picture: Any) -> list[Seen]:
    """The print in an RGB array (height, width, 3), in reading order.

    Raises ModuleNotFoundError where RapidOCR is not installed: the reading process tells which package is missing.
    """
    found, _seconds = _engine()(picture)
    boxes = []
    for box, text, score in found or ():
        if float(score) >= _SURE and text.strip():
            heights = [float(point[1]) for point in box]
            boxes.append(Seen(text, float(box[0][0]), min(heights), max(heights)))
    return _in_order(boxes)


def _in_order(boxes: list[Seen]) -> list[Seen]:
    """From the top, and from left to right where they stand in one line: lower edges within half a height."""
    lines: list[list[Seen]] = []
    for box in sorted(boxes, key=lambda box: box.bottom):
        if lines and box.bottom - lines[-1][0].bottom < (box.bottom - box.top) / 2:
            lines[-1].append(box)
        else:
            lines.append([box])
    return [box for line in lines for box in sorted(line, key=lambda box: box.left)]


@lru_cache(maxsize=1)
def _engine() -> Any:
    from rapidocr_onnxruntime import RapidOCR

    return RapidOCR(intra_op_num_threads=1, inter_op_num_threads=1)
