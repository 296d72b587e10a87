"""How many tokens an embedding model will see, estimated from the text alone. Knows word pieces roughly; loads no model.

Calibrated on the word pieces of all-MiniLM-L6-v2 (see `benchmarks/retrieval.py --tokens`); a model with a larger
vocabulary sees fewer, so the estimate is on the safe side.
"""

import re

_PIECE = re.compile(r"[A-Za-z]+|[^\W\d_]+|\d+|[^\w\s]|_")
_ONE_EACH = re.compile(r"[\u0e00-\u0eff\u1100-\u11ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff]")


def estimated_tokens(text: str) -> int:
    """Tokens of `text`: a word of up to 7 letters is one, longer and foreign ones are several, each sign is one."""
    total = 0
    for found in _PIECE.finditer(text):
        piece = found.group()
        if piece.isascii():
            if piece.isdigit():
                total += (len(piece) + 2) // 3
            else:
                total += 1 if len(piece) <= 8 else 1 + (len(piece) - 3) // 5
        elif _ONE_EACH.match(piece):
            total += len(piece)
        else:
            total += max(1, (len(piece) + 2) // 3)
    return total
