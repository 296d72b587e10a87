"""Searching a knowledge base over HTTP. Knows what may be asked; how passages are found is `knowledge`'s."""

from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, Field

from coachwork.knowledge.knowledge_base import MAX_TOP_K
from coachwork.messages import Frozen, Passage
from coachwork.server.api_knowledge import knowledge_base
from coachwork.server.limits import JsonRoute
from coachwork.server.served import ProjectHere

router = APIRouter(prefix="/api/knowledge", route_class=JsonRoute, tags=["knowledge"])


class SearchQuestion(Frozen):
    """What to look for, in words; `top_k` is the most passages to give."""

    query: Annotated[str, Field(min_length=1, max_length=100_000)]
    top_k: int = Field(6, ge=1, le=MAX_TOP_K)


class PassagesFound(BaseModel):
    """Passages, best first. `start` and `end` count characters of the document's text, `score` is from 0 to 1."""

    items: list[Passage]


@router.post("/{name}/search")
async def search_knowledge(name: str, asked: SearchQuestion, project: ProjectHere) -> PassagesFound:
    """The passages nearest to a question, by meaning and by words together. Nothing is changed."""
    return PassagesFound(items=await knowledge_base(project, name).search(asked.query, top_k=asked.top_k))
