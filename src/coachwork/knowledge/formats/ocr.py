"""Words of a picture of a page. Knows RapidOCR, whose models (PP-OCRv6) come in its wheel; knows no file.

They read the Latin alphabet with all its accents, Chinese and Japanese. Letters that they do not know come out as
blanks, so a line that is mostly blanks is taken for unread.
"""

from functools import lru_cache
from typing import Any, NamedTuple

_SURE = 0.6  # below it are specks and hands, not print
_UPRIGHT = 0.9  # pages that lie right are read with .95 and more on the whole, those upside down with .6 to .8


class Seen(NamedTuple):
    """A stretch of print: its text, and its place in pixels from the top left."""

    text: str
    left: float
    top: float
    bottom: float


def recognised(picture: Any) -> list[Seen]:
    """The print in an RGB array (height, width, 3), in reading order; of a page that lies upside down, as if turned.

    Raises ModuleNotFoundError where RapidOCR is not installed: the reading process tells which package is missing.
    """
    boxes, score = _read(picture)
    if score < _UPRIGHT:
        turned, other = _read(picture[::-1, ::-1])
        boxes = turned if other > score else boxes
    return _in_order(boxes)


def _read(picture: Any) -> tuple[list[Seen], float]:
    """The stretches that were read for sure, and how sure it is of all that it saw, from 0 to 1 (1 for nothing)."""
    found = _engine()(picture)
    if found.txts is None:
        return [], 1.0
    boxes = []
    for box, text, score in zip(found.boxes, found.txts, found.scores, strict=True):
        if float(score) >= _SURE and 2 * len("".join(text.split())) > len(text):
            heights = [float(point[1]) for point in box]
            boxes.append(Seen(text, float(box[0][0]), min(heights), max(heights)))
    return boxes, sum(map(float, found.scores)) / len(found.scores)


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
    from rapidocr import RapidOCR

    return RapidOCR(
        params={
            "Global.log_level": "error",
            "Rec.rec_batch_num": 1,  # a line at a time: less memory, and fewer blanks lost than beside longer lines
            "Global.use_cls": False,  # it turned 1 of 40 upright lines upside down
            "EngineConfig.onnxruntime.intra_op_num_threads": 1,
            "EngineConfig.onnxruntime.inter_op_num_threads": 1,
        }
    )
