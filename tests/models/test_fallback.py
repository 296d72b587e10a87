"""The next move after a failure, as a table and as laws."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coachwork.errors import (
    BudgetExceeded,
    CircuitOpen,
    ContentFiltered,
    ContextTooLong,
    ModelTimeout,
    Overloaded,
    ProviderFault,
    RateLimited,
    Rejected,
    StreamCut,
    UnknownModel,
    UnknownPrice,
    Unreachable,
)
from coachwork.models.fallback import Again, GiveUp, NextModel, after

CALM = {"tries": 1, "retries": 2, "more_models": True, "seconds_left": 100.0, "spoken": False, "luck": 0.5}


@pytest.mark.parametrize(
    ("error", "changed", "move"),
    [
        (Overloaded("x"), {}, Again(0.25)),
        (Overloaded("x"), {"tries": 2}, Again(0.5)),
        (Overloaded("x"), {"luck": 0.0}, Again(0.0)),
        (Overloaded("x", details={"retry_after": 1}), {"luck": 0.0}, Again(1.0)),
        (Overloaded("x"), {"tries": 3}, NextModel()),
        (CircuitOpen("x"), {}, NextModel()),
        (CircuitOpen("x"), {"more_models": False}, GiveUp()),
        (BudgetExceeded("x"), {}, NextModel()),
        (UnknownPrice("x"), {}, NextModel()),
        (Overloaded("x"), {"tries": 3, "more_models": False}, GiveUp()),
        (Unreachable("x"), {"luck": 1.0}, Again(0.5)),
        (ProviderFault("x"), {}, Again(0.25)),
        (ProviderFault("x", details={"lasting": True}), {}, NextModel()),
        (StreamCut("x"), {}, Again(0.25)),
        (RateLimited("x"), {}, Again(0.25)),
        (RateLimited("x", retry_after=1.5), {"luck": 0.0}, Again(1.5)),
        (RateLimited("x", retry_after=30), {}, NextModel()),
        (RateLimited("x", retry_after=30), {"more_models": False, "luck": 0.0}, Again(30.0)),
        (RateLimited("x", retry_after=30), {"more_models": False, "seconds_left": 20.0}, GiveUp()),
        (ModelTimeout("x"), {}, NextModel()),
        (ContextTooLong("x"), {}, NextModel()),
        (ContentFiltered("x"), {}, NextModel()),
        (UnknownModel("x"), {}, NextModel()),
        (Rejected("x", details={"status": 401}), {}, NextModel()),
        (Rejected("x", details={"status": 400}), {}, GiveUp()),
        (Rejected("x"), {}, GiveUp()),
        (StreamCut("x"), {"spoken": True}, NextModel()),
        (StreamCut("x"), {"spoken": True, "more_models": False}, GiveUp()),
        (Overloaded("x"), {"seconds_left": 0.0}, GiveUp()),
    ],
)
def test_the_next_move(error, changed, move):
    assert after(error, **{**CALM, **changed}) == move


@given(
    retry_after=st.none() | st.floats(0, 1e6),
    tries=st.integers(1, 20),
    retries=st.integers(0, 10),
    more=st.booleans(),
    left=st.floats(-10, 1e4),
    spoken=st.booleans(),
    luck=st.floats(0, 1, exclude_max=True),
)
def test_a_retry_is_never_one_too_many_too_late_or_after_text(retry_after, tries, retries, more, left, spoken, luck):
    error = RateLimited("x", retry_after=retry_after)
    move = after(error, tries=tries, retries=retries, more_models=more, seconds_left=left, spoken=spoken, luck=luck)
    if isinstance(move, Again):
        assert tries <= retries
        assert not spoken
        assert move.seconds < left
        assert move.seconds >= (retry_after or 0)
    if isinstance(move, NextModel):
        assert more
