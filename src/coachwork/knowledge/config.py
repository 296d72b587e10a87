"""The settings of a knowledge base, as `[knowledge.NAME]` of coachwork.toml. Knows names and limits; reads nothing."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from coachwork.knowledge.language import Language
from coachwork.knowledge.sources.config import SourceConfig


class KnowledgeConfig(BaseModel):
    """Where the documents are and how they are cut.

    `folder` counts from the project's folder. `embed` is a route of embedding models; for `next_embed`, another one,
    every ingest keeps a second index beside that which serves. `passage_tokens` and `overlap_tokens` are estimated
    tokens of the embedding model (see `tokens.py`): its own limit, 256 for the default one, has to hold the passage and
    its title path. The limits hold for each document; one that passes a limit is named and left out. `language` is that
    of the documents: full-text search folds its word forms and leaves out its function words. "Other" does neither and
    cuts any script into words.

    `access` says by pattern of the document's name which groups may read it (the last that matches decides, `"*"`
    is everybody); the groups' members stand in `[groups]`. `rerank` is a route of a reranker, or of a chat model, that
    puts what was found in order, `rewrite` one of a chat model that asks the question in other words too; "" for
    neither. `check` is a route of a chat model that looks at the sentences of an answer which their words alone neither
    prove nor contradict; "" for none.

    `ocr` reads the words off scanned pages of PDFs, in the languages of the Latin alphabet, Chinese and Japanese; it
    takes seconds a page, which `parse_seconds` has to allow.

    `sources` are further places where documents come from: theirs stand below the source's name, `site/guide.html`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    folder: str
    title: str = ""
    embed: str = "embed"
    next_embed: str = ""
    language: Language = "English"
    passage_tokens: int = Field(180, ge=20, le=8000)
    overlap_tokens: int = Field(30, ge=0, le=1000)
    max_file_mb: float = Field(50, gt=0)
    max_pages: int = Field(3000, ge=1)
    parse_seconds: float = Field(60, gt=0)
    parse_memory_mb: int = Field(1500, ge=256)
    access: dict[str, list[str]] = {}
    rerank: str = ""
    rewrite: str = ""
    check: str = ""
    ocr: bool = False
    sources: dict[Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,60}$")], SourceConfig] = {}
