"""Whether the server can work: it answers, and its database does; and what is not up to date yet."""

from typing import Literal

import sqlalchemy as sa
from fastapi import APIRouter
from pydantic import BaseModel

from coachwork.server.served import ServedHere
from coachwork.server.version import VERSION

router = APIRouter(prefix="/api", tags=["health"])


class Reading(BaseModel):
    """A knowledge base whose documents this process reads: `read` of `found`, which is 0 until they are counted."""

    knowledge: str
    found: int
    read: int


class Health(BaseModel):
    """`broken_prompts` are those whose file was saved with a mistake: the last good version serves.

    `reading` are the documents that are being indexed: until then answers may lack some.
    """

    status: Literal["ok"]
    version: str
    broken_prompts: list[str] = []
    reading: list[Reading] = []


@router.get("/health")
async def health(here: ServedHere) -> Health:
    """Answers when the database does."""
    project = here.project
    await project.database.read(lambda c: c.execute(sa.select(1)).one())
    broken = [name for name, prompt in project.prompts.items() if prompt.broken]
    reading = [Reading(knowledge=name, found=at.found, read=at.read) for name, at in here.ingests.under_way().items()]
    return Health(status="ok", version=VERSION, broken_prompts=broken, reading=reading)
