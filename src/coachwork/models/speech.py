"""Recordings to text by a route. The same chain as a chat call: routes, limits, prices and rows are one."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

from coachwork.messages import Audio, Transcript, Usage
from coachwork.models.office import CallEvent, Send, Value
from coachwork.models.routes import Target
from coachwork.providers.wire import End, Meter


@dataclass(frozen=True)
class Heard:
    """A transcript and who made it. `seconds` is the time it took; `cost_nano` in 1e-9 USD, None where unknown."""

    transcript: Transcript
    model: str
    usage: Usage
    cost_nano: int | None
    seconds: float
    cached: bool = False


def listening(audio: Audio) -> Send:
    """How the last link of the chain asks for this transcript."""

    async def send(target: Target, meter: Meter) -> AsyncIterator[CallEvent]:
        yield Value(await target.provider.transcribe(target.name, audio, meter))
        yield End("stop", meter.usage)

    return send
