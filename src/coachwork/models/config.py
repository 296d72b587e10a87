"""The settings of the models room, as `coachwork.toml` has them. Knows shapes and bounds; opens nothing."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from coachwork.providers.services import RerankName, WireName


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class RouteConfig(_Section):
    """A name for an ordered list of models (`provider:name`), with the limits of one call. Times in seconds.

    `hedge_seconds`: without a first token by then, a second model is asked beside the first. `cache` says
    whether an equal (`exact`) or a similar question (`semantic`, from `cache_similarity` on) is answered
    from what was answered before, for `cache_seconds`; vectors of questions, transcripts, rankings and judgements are
    given again for equal ones alone.
    """

    models: list[str] = Field(min_length=1)
    first_token_seconds: float = Field(60, gt=0)
    total_seconds: float = Field(180, gt=0)
    max_tokens: int = Field(800, ge=1)
    retries: int = Field(2, ge=0, le=10)
    hedge_seconds: float | None = Field(None, gt=0)
    cache: Literal["off", "exact", "semantic"] = "off"
    cache_seconds: float = Field(86_400, gt=0)
    cache_similarity: float = Field(0.97, gt=0, le=1)


class ModelConfig(_Section):
    """What to know about one model. `context` in tokens; `at_once` calls at the same time, None for the model's own.

    After `breaker_failures` in a row a model is left alone for `breaker_seconds`. Prices are US dollars a
    million tokens, `usd_per_minute` of sound, `usd_per_image` and `usd_per_search` (of a reranker) each; None for what
    the price tables say.
    """

    path: str = ""
    context: int | None = Field(None, ge=256)
    threads: int | None = Field(None, ge=1)
    at_once: int | None = Field(None, ge=1)
    requests_per_minute: int | None = Field(None, ge=1)
    tokens_per_minute: int | None = Field(None, ge=1)
    breaker_failures: int = Field(5, ge=1)
    breaker_seconds: float = Field(30, gt=0)
    input_usd_per_million: float | None = Field(None, ge=0)
    output_usd_per_million: float | None = Field(None, ge=0)
    cached_usd_per_million: float | None = Field(None, ge=0)
    cache_write_usd_per_million: float | None = Field(None, ge=0)
    usd_per_minute: float | None = Field(None, ge=0)
    usd_per_image: float | None = Field(None, ge=0)
    usd_per_search: float | None = Field(None, ge=0)


class BudgetConfig(_Section):
    """Money that calls may cost, in US dollars. `scope` is whose: of each run, batch, user … or of all together.

    `name` picks one user, key, team or app, "" means each of them that has none of its own for the same `per`.
    Days, weeks (from Monday) and months begin at midnight UTC. At the share `warn_at` it is said in the log and on the
    page, and nothing stops.
    """

    scope: Literal["run", "batch", "user", "key", "team", "app", "installation"]
    name: str = ""
    usd: float = Field(ge=0)
    per: Literal["day", "week", "month", "total"] = "total"
    warn_at: float = Field(0.8, gt=0, le=1)


class ProviderConfig(_Section):
    """A server that speaks OpenAI's wire, or another address of a known provider.

    `key_env` names the variable with its key, "" where it needs none; `streams = false` where it can't stream.
    `wire` where it speaks another than the provider of that name, or than OpenAI's chat; `api_version` is Azure's.
    `rerank` is the shape of its `/rerank`: "jina" (as vLLM, llama.cpp and most have it), "cohere" or "tei".
    """

    base_url: str
    key_env: str = ""
    streams: bool = True
    wire: WireName | None = None
    api_version: str = ""
    rerank: RerankName | None = None


DEFAULT_ROUTES: dict[str, RouteConfig] = {
    "default": RouteConfig(models=["local:qwen2.5-coder-1.5b"]),
    "embed": RouteConfig(models=["local:minilm"]),
    "transcribe": RouteConfig(models=["local:whisper-tiny.en"]),
}


class ModelsConfig(_Section):
    """All of the room. Routes that are not given are the defaults: everything on this machine."""

    routes: dict[str, RouteConfig] = {}
    models: dict[str, ModelConfig] = {}
    providers: dict[str, ProviderConfig] = {}
    budgets: list[BudgetConfig] = []

    @property
    def all_routes(self) -> dict[str, RouteConfig]:
        return {**DEFAULT_ROUTES, **self.routes}
