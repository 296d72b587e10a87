"""Program text: kept as it is, with its definitions as headings. Knows how definitions begin; understands no language.

A definition's level comes from its indentation, so that a method stands below its class.
"""

import re

from coachwork.knowledge.document import Heading, Parsed, ReadLimits
from coachwork.knowledge.formats.plain import decode
from coachwork.knowledge.formats.text_builder import title_of

_NAME = r"(?P<name>[A-Za-z_$][\w$]*)"
_BEFORE = (  # what may stand before the word that defines
    r"(?:(?:public|private|protected|internal|static|final|abstract|override|virtual|async|sealed|inline|export"
    r"|default|declare|pub(?:\([a-z]+\))?|unsafe|const|open|data|suspend|extern|partial)\s+)*"
)
_KINDS = r"(?:class|interface|enum|struct|trait|union|object|module|namespace|protocol|record|mod)"
_NO_TYPE = r"(?!(?:return|else|for|if|while|new|throw|case|goto|delete|await|yield|elif|not|assert|print|raise)\b)"
_DEFINITIONS = tuple(
    re.compile(pattern)
    for pattern in (
        rf"{_BEFORE}def\s+(?:self\.)?{_NAME}",
        rf"{_BEFORE}{_KINDS}\s+{_NAME}(?=\s*(?:[\s({{:<;]|\Z))",
        rf"impl(?:<[^>\n]*>)?\s+(?:[\w:<>]+\s+for\s+)?{_NAME}",
        rf"{_BEFORE}(?:function\*?|fn|fun|func|sub)\s+(?:\([^)\n]*\)\s*)?{_NAME}",
        rf"{_BEFORE}type\s+{_NAME}\s*(?:struct\b|interface\b|[=<])",
        rf"{_BEFORE}(?:let\s+|var\s+)?{_NAME}\s*(?::[^=\n]+)?=\s*(?:async\s*)?(?:function\b|\([^)\n]*\)[^=\n]*=>|\w+\s*=>)",
        r"(?i:create\s+(?:or\s+replace\s+)?(?:table|view|function|procedure|index|trigger)\s+(?:if\s+not\s+exists\s+)?)"
        r"(?P<name>[\w.\"]+)",
        rf"{_NO_TYPE}[A-Za-z_][\w:<>,*&\[\] ]*[ *&](?P<name>[A-Za-z_~][\w:~]*)\s*\([^;{{}}\n]*\)[\w\s,]*\{{?[ \t]*\Z",
    )
)
_CONTROL = frozenset({"if", "for", "while", "switch", "catch", "return", "sizeof", "foreach", "using", "lock", "elif"})
_COMMENT = re.compile(r"[ \t]*(?:#|//|/\*|\*|--|@)")
_MAX_LINE = 400  # a longer line is data or packed code: no definition is looked for in it
_MAX_DEFINITIONS = 20_000


def parse(document: str, data: bytes, limits: ReadLimits) -> Parsed:
    text = decode(document, data)
    return Parsed(title_of(document), "code", text, tuple(_definitions(text)))


def _definitions(text: str) -> list[Heading]:
    """The first line of each definition, with the comments and decorators directly above it."""
    found: list[Heading] = []
    start, above = 0, -1
    for line in text.split("\n"):
        end = start + len(line)
        if name := _defined(line):
            indent = len(line) - len(line.lstrip())
            level = 1 + len(line[:indent].expandtabs(4)) // 2
            found.append(Heading(start if above < 0 else above, end, min(level, 9), name))
            above = -1
        elif _COMMENT.match(line):
            above = start if above < 0 else above
        else:
            above = -1
        if len(found) == _MAX_DEFINITIONS:
            break
        start = end + 1
    return found


def _defined(line: str) -> str:
    """The name that a line defines, "" for other lines."""
    if not line or len(line) > _MAX_LINE:
        return ""
    stripped = line.lstrip()
    matches = (definition.match(stripped) for definition in _DEFINITIONS)
    name = next((match["name"] for match in matches if match is not None), "")
    return "" if name in _CONTROL else name.strip('"')
