"""Searching a knowledge base over HTTP, and the passages of a document. Knows what may be asked; how passages are
found is `knowledge`'s.
"""

from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import BaseModel, Field, StrictBool, StrictFloat, StrictInt, StrictStr, StringConstraints

from coachwork.knowledge.explanation import Explanation
from coachwork.knowledge.filters import Range
from coachwork.knowledge.query import MAX_TOP_K
from coachwork.messages import Frozen, Passage
from coachwork.server.api_knowledge import knowledge_base
from coachwork.server.limits import JsonRoute
from coachwork.server.served import ProjectHere

router = APIRouter(prefix="/api/knowledge", route_class=JsonRoute, tags=["knowledge"])

Value = StrictBool | StrictInt | StrictFloat | StrictStr


class SearchQuestion(Frozen):
    """What to look for, in words; `top_k` is the most passages to give.

    `where` filters by what documents say of themselves: `{"product": "e-bike", "year": {"least": 2024}}`, a list for
    any of its values. Each passage comes with `neighbours` on each side of it; `diversity` from 0 to 1 takes unlike
    passages before better ones; all together have at most `max_tokens` estimated tokens.
    """

    query: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100_000)]
    top_k: int = Field(6, ge=1, le=MAX_TOP_K)
    where: dict[str, Value | list[Value] | Range] = {}
    neighbours: int = Field(0, ge=0, le=10)
    diversity: float = Field(0.0, ge=0, le=1)
    max_tokens: int | None = Field(None, ge=1)


class PassagesFound(BaseModel):
    """Passages, best first. `start` and `end` count characters of the document's text, `score` is from 0 to 1."""

    items: list[Passage]


class PassageWeighed(BaseModel):
    """A passage of a document; a `hidden` one is found by no search, the score of the others is times `boost`."""

    passage: Passage
    hidden: bool
    boost: float


class DocumentPassages(BaseModel):
    items: list[PassageWeighed]


class Weighing(Frozen):
    """What is to hold of the passage with this `digest`; None leaves it as it is."""

    digest: str
    hidden: bool | None = None
    boost: float | None = Field(None, ge=0.1, le=10)


@router.post("/{name}/search")
async def search_knowledge(name: str, asked: SearchQuestion, project: ProjectHere) -> PassagesFound:
    """The passages nearest to a question, by meaning and by words together. Nothing is changed."""
    return PassagesFound(items=await knowledge_base(project, name).search(asked.query, **_options(asked)))


@router.post("/{name}/explain")
async def explain_search(name: str, asked: SearchQuestion, project: ProjectHere) -> Explanation:
    """The same search with everything it looked at: ranks and scores of each stage, and why a passage came or not."""
    return await knowledge_base(project, name).explain(asked.query, **_options(asked))


@router.get("/{name}/passages/{document_id:path}")
async def list_passages(name: str, document_id: str, project: ProjectHere) -> DocumentPassages:
    """The passages that a document was cut into, in order, hidden ones too."""
    found = await knowledge_base(project, name).passages(document_id)
    return DocumentPassages(
        items=[PassageWeighed(passage=passage, hidden=weight.hidden, boost=weight.boost) for passage, weight in found]
    )


@router.put("/{name}/passages/{document_id:path}")
async def weigh_passage(name: str, document_id: str, asked: Weighing, project: ProjectHere) -> DocumentPassages:
    """Hide a passage from every search or show it again, or boost it. It holds until the passage's words change."""
    await knowledge_base(project, name).weigh(document_id, asked.digest, hidden=asked.hidden, boost=asked.boost)
    return await list_passages(name, document_id, project)


def _options(asked: SearchQuestion) -> dict[str, Any]:
    return {field: getattr(asked, field) for field in SearchQuestion.model_fields if field != "query"}
