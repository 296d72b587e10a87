"""Which runs an A2A context holds: it stands in the key by which each was accepted. Knows rows; not the protocol.

So the task and its place in a context are kept by one row at once, and a message that is sent twice is one run.
"""

import uuid
from urllib.parse import quote, unquote

import sqlalchemy as sa

from coachwork.messages import ChatMessage, JsonValue
from coachwork.store.database import Database
from coachwork.store.tables import runs

_KIND = "a2a"


def new_context(message_id: str) -> str:
    """The context of a message that names none: the same one if it is sent again."""
    return f"ctx_{uuid.uuid5(uuid.NAMESPACE_URL, f'{_KIND}:{message_id}').hex}"


def key_of(context_id: str, message_id: str) -> str:
    """The idempotency key of the run that a message starts."""
    return f"{_prefix(context_id)}{quote(message_id, safe='')}"


async def context_of(database: Database, run_id: str) -> str:
    """The context of a run; one that was not started over A2A is a context of its own."""
    query = sa.select(runs.c.idempotency_key).where(runs.c.id == run_id)
    key = await database.read(lambda connection: connection.execute(query).scalar())
    return _context_in(key or "") or run_id


async def accepted(database: Database, context_id: str, message_id: str) -> str:
    """The run that this message has started already, "" for none."""
    query = sa.select(runs.c.id).where(runs.c.idempotency_key == key_of(context_id, message_id))
    return await database.read(lambda connection: connection.execute(query).scalar()) or ""


async def said_before(database: Database, context_id: str, pipeline: str) -> list[ChatMessage]:
    """The conversation of a context: what its last answered run was given, and its answer."""
    here = runs.c.idempotency_key.startswith(_prefix(context_id), autoescape=True)
    ended = runs.c.status == "succeeded", runs.c.pipeline == pipeline
    last = sa.select(runs.c.id, runs.c.input, runs.c.output).where(here, *ended)
    query = last.order_by(runs.c.created_at.desc(), runs.c.id.desc()).limit(1)
    row = await database.read(lambda connection: connection.execute(query).one_or_none())
    if row is None:
        return []
    before = [ChatMessage.model_validate(turn) for turn in row.input.get("messages", [])]
    answer = answer_text(row.output)
    return [*before, ChatMessage(role="assistant", content=answer, run_id=row.id)] if answer else before


def answer_text(output: JsonValue) -> str:
    """The words of an output: itself, or its field `text`; "" where it has none."""
    text = output.get("text") if isinstance(output, dict) else output
    return text if isinstance(text, str) else ""


def _prefix(context_id: str) -> str:
    return f"{_KIND}:{quote(context_id, safe='')}:"


def _context_in(key: str) -> str:
    kind, _, rest = key.partition(":")
    context, colon, _message = rest.partition(":")
    return unquote(context) if kind == _KIND and colon else ""
