"""Whether the server can work: it answers, and its database does. Knows nothing else."""

from typing import Literal

import sqlalchemy as sa
from fastapi import APIRouter
from pydantic import BaseModel

from coachwork.server.served import ProjectHere
from coachwork.server.version import VERSION

router = APIRouter(prefix="/api", tags=["health"])


class Health(BaseModel):
    status: Literal["ok"]
    version: str


@router.get("/health")
async def health(project: ProjectHere) -> Health:
    """Answers when the database does."""
    await project.database.read(lambda c: c.execute(sa.select(1)).one())
    return Health(status="ok", version=VERSION)
