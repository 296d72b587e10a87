"""Whether the server can work: it answers, and its database does; and which prompts serve an earlier version."""

from typing import Literal

import sqlalchemy as sa
from fastapi import APIRouter
from pydantic import BaseModel

from coachwork.server.served import ProjectHere
from coachwork.server.version import VERSION

router = APIRouter(prefix="/api", tags=["health"])


class Health(BaseModel):
    """`broken_prompts` are those whose file was saved with a mistake: the last good version serves."""

    status: Literal["ok"]
    version: str
    broken_prompts: list[str] = []


@router.get("/health")
async def health(project: ProjectHere) -> Health:
    """Answers when the database does."""
    await project.database.read(lambda c: c.execute(sa.select(1)).one())
    broken = [name for name, prompt in project.prompts.items() if prompt.broken]
    return Health(status="ok", version=VERSION, broken_prompts=broken)
