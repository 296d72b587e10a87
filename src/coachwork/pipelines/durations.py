"""Lengths of time as people write them: `30m`, `2d`. Knows units alone."""

import re

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}


def seconds_of(text: str) -> float:
    """The length of a time like `90s`, `30m`, `8h`, `2d`, `1w`, in seconds. Raises ValueError for anything else."""
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([smhdw])\s*", text)
    if match is None:
        raise ValueError(f"{text!r} is not a time: write a number and s, m, h, d or w, for example '2d'")
    return float(match[1]) * _UNITS[match[2]]


def rate_of(text: str) -> tuple[int, float]:
    """A rate like `30/m` or `5/10s`, as (times, seconds). Raises ValueError for anything else."""
    match = re.fullmatch(r"\s*(\d+)\s*/\s*(\d*(?:\.\d+)?\s*[smhdw])\s*", text)
    if match is None or not int(match[1]):
        raise ValueError(f"{text!r} is no rate: write times and a time, for example '30/m' or '5/10s'")
    return int(match[1]), seconds_of(match[2] if match[2][0].isdigit() else f"1{match[2]}")
