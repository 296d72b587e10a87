"""What a step of a run received before a crash is not asked for again. Knows that a step may be cut and made again.

Once whole, it is kept in one transaction with its ledger row; it goes when the step has ended with its own result.
"""

from contextlib import aclosing

from pydantic import TypeAdapter

from coachwork.messages import Finished, Reply, TextDelta
from coachwork.models.cache import tenant
from coachwork.models.office import Call, Events, Next
from coachwork.models.purses import purses_here
from coachwork.models.question import question
from coachwork.tracing.scope import current_scope

_REPLY: TypeAdapter[Reply] = TypeAdapter(Reply)


def received(call: Call, following: Next) -> Events:
    """Give an answer that this step has received already, at the price that is booked; else ask, and keep it."""
    if call.request is None or current_scope().step_seq is None:
        return following(call)
    return _kept_or_asked(call, following)


async def _kept_or_asked(call: Call, following: Next) -> Events:
    assert call.request is not None
    scope = current_scope()
    asked = question(call.request, call.route, tenant(), person=scope.user).id
    number, kept = await scope.received(asked)
    if kept is not None:
        for purse in purses_here():
            purse.touched = True
        reply = _REPLY.validate_python(kept)
        if reply.text:
            yield TextDelta(reply.text)
        yield Finished(reply)
        return
    call.keep = lambda reply: scope.keeping(asked, number, _REPLY.dump_python(reply, mode="json"))
    async with aclosing(following(call)) as events:
        async for event in events:
            yield event
