"""The settings of the models room, as `coachwork.toml` has them. Knows shapes and bounds; opens nothing."""

from pydantic import BaseModel, ConfigDict, Field


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class RouteConfig(_Section):
    """A name for an ordered list of models (`provider:name`), with the limits of one call. Times in seconds."""

    models: list[str] = Field(min_length=1)
    first_token_seconds: float = Field(60, gt=0)
    total_seconds: float = Field(180, gt=0)
    max_tokens: int = Field(800, ge=1)
    retries: int = Field(2, ge=0, le=10)


class ModelConfig(_Section):
    """What to know about one model. `context` in tokens; `at_once` calls at the same time, None for the model's own."""

    path: str = ""
    context: int | None = Field(None, ge=256)
    threads: int | None = Field(None, ge=1)
    at_once: int | None = Field(None, ge=1)
    input_usd_per_million: float | None = Field(None, ge=0)
    output_usd_per_million: float | None = Field(None, ge=0)


class ProviderConfig(_Section):
    """A server that speaks OpenAI's wire, or another address of a known provider.

    `key_env` names the variable with its key, "" where it needs none; `streams = false` where it can't stream.
    """

    base_url: str
    key_env: str = ""
    streams: bool = True


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

    @property
    def all_routes(self) -> dict[str, RouteConfig]:
        return {**DEFAULT_ROUTES, **self.routes}
