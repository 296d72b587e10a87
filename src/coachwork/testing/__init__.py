"""For tests of applications and gateways: a scripted fake model, and a model provider that fails on request.

`from coachwork.testing import FakeModel, script, ProviderServer`.
"""

from coachwork.testing.fake import Cut, Fail, FakeModel, Line, Pause, UnexpectedCall, UnusedLine, calls, line, script
from coachwork.testing.provider.question import Answer
from coachwork.testing.provider.server import ProviderServer

__all__ = [
    "Answer",
    "Cut",
    "Fail",
    "FakeModel",
    "Line",
    "Pause",
    "ProviderServer",
    "UnexpectedCall",
    "UnusedLine",
    "calls",
    "line",
    "script",
]
