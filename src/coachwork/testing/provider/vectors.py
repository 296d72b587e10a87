"""Texts to vectors by their words, so that texts which share words are near. Pure, and the same on every machine."""

import hashlib
import math
import re


def vector(text: str, size: int) -> list[float]:
    """A vector of length 1."""
    found = [1e-6] * size
    for word in re.findall(r"\w+", text.lower()):
        found[int.from_bytes(hashlib.blake2b(word.encode(), digest_size=4).digest(), "big") % size] += 1
    length = math.sqrt(sum(value * value for value in found))
    return [value / length for value in found]
