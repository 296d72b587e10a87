"""Times as people write them. Knows units; has no clock."""

import re

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}


def seconds_of(text: str) -> float:
    """The length of a time like `90s`, `30m`, `8h`, `2d`, `1w`, in seconds. Raises ValueError for anything else."""
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([smhdw])\s*", text)
    if match is None:
        raise ValueError(f"{text!r} is not a time: write a number and s, m, h, d or w, for example '2d'")
    return float(match[1]) * _UNITS[match[2]]
