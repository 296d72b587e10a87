"""The model of the test project: a fake that says the same to everybody, a few letters at a time."""

from coachwork.messages import ModelRequest
from coachwork.testing import FakeModel


async def answer(request: ModelRequest) -> str:
    return f"You asked: {request.messages[-1].text}"


fake = FakeModel(answer, chunk=5)
