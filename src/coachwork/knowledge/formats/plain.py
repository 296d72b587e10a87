"""Plain text, and code: bytes to characters. Knows encodings; looks for no structure."""

from coachwork.errors import DocumentUnreadable
from coachwork.knowledge.document import Parsed, ReadLimits
from coachwork.knowledge.formats.text_builder import storable, title_of

_CONTROL = frozenset(range(32)) - {7, 8, 9, 10, 12, 13, 27}


def decode(document: str, data: bytes) -> str:
    """The characters of a text file: UTF-8, UTF-16 with its mark, else Windows Latin. Raises DocumentUnreadable."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        try:
            return storable(data.decode("utf-16"))
        except UnicodeDecodeError as error:
            raise DocumentUnreadable(document, f"it starts like UTF-16 but is not ({error.reason})") from None
    if sum(byte in _CONTROL for byte in data[:4096]) > len(data[:4096]) // 500:
        raise DocumentUnreadable(document, "it holds binary data, not text")
    try:
        return storable(data.decode("utf-8"))
    except UnicodeDecodeError:
        return storable(data.decode("cp1252", errors="replace"))


def parse(document: str, data: bytes, limits: ReadLimits) -> Parsed:
    text = decode(document, data)
    return Parsed(title_of(document), "text", text)
