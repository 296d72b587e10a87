"""Who is taken for dead, by looks at what each wrote, whatever the clocks of the machines say."""

import time
from types import SimpleNamespace

import pytest

from coachwork.pipelines.silence import Silence, Voice, is_dead, looked

NOW = 1_800_000_000.0


def row(sign: float, **others: object) -> SimpleNamespace:
    """A worker of another machine that said `sign` seconds after NOW, by its own clock, that it lives."""
    given = {"id": "w", "host": "elsewhere", "pid": 1, "stopped_at": None, "heartbeat_at": round((NOW + sign) * 1000)}
    return SimpleNamespace(**{**given, **others})


@pytest.mark.parametrize("ahead", [0, 3600, -3600, -60])
def test_who_speaks_lives_whatever_its_clock_says(ahead: int) -> None:
    known: dict[str, Silence] = {}
    for look in range(20):
        seen = row(ahead + 5 * look)
        known = looked(known, [seen], NOW + 5 * look)
        assert look == 0 or not is_dead(seen, known["w"])


@pytest.mark.parametrize("ahead", [0, 3600, -60])
def test_who_is_silent_for_five_looks_is_dead(ahead: int) -> None:
    known: dict[str, Silence] = {}
    dead = []
    for look in range(6):
        known = looked(known, [row(ahead)], NOW + 3600)
        known = looked({}, [row(ahead)], NOW) if look == 0 else known
        dead.append(is_dead(row(ahead), known["w"]))
    assert dead == [False] * 5 + [True]


def test_who_was_silent_for_minutes_is_dead_at_first_sight_and_so_is_who_stopped() -> None:
    assert is_dead(row(-301), looked({}, [row(-301)], NOW)["w"])
    assert is_dead(row(0, stopped_at=1), looked({}, [row(0)], NOW)["w"])


@pytest.mark.parametrize(("ago", "sure"), [(0, True), (10, True), (21, False), (3600, False), (-3600, False)])
def test_who_has_not_spoken_for_long_is_not_sure_that_its_runs_are_its_own(ago: int, sure: bool) -> None:
    voice = Voice()
    voice.said(time.time() - ago)
    assert voice.sure() is sure
