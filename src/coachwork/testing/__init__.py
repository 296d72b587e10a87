"""For tests of applications: a scripted fake model. `from coachwork.testing import FakeModel, script`."""

from coachwork.testing.fake import Cut, Fail, FakeModel, Line, Pause, UnexpectedCall, UnusedLine, line, script

__all__ = ["Cut", "Fail", "FakeModel", "Line", "Pause", "UnexpectedCall", "UnusedLine", "line", "script"]
