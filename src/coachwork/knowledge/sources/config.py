"""The settings of sources, as `[knowledge.NAME.sources.SOURCE]` of coachwork.toml. Knows names and limits."""

from typing import Annotated, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, model_validator

Url: TypeAlias = Annotated[str, Field(pattern=r"^https?://[^\s]+$")]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class FolderConfig(_Section):
    """A folder elsewhere, or one file. `path` counts from the project's folder."""

    kind: Literal["folder"]
    path: str


class WebConfig(_Section):
    """Pages of the web. From `urls` on links are followed within their folders where `follow` says so; `sitemaps` name
    pages of their own host. robots.txt is obeyed. `delay` are the seconds between two requests to a host, more where
    robots.txt asks for more. `max_mb` bounds all that is fetched. `private` allows addresses of this machine and of
    private networks."""

    kind: Literal["web"]
    urls: list[Url] = []
    sitemaps: list[Url] = []
    follow: bool = True
    max_pages: int = Field(500, ge=1)
    max_mb: float = Field(500, gt=0)
    delay: float = Field(1.0, ge=0)
    private: bool = False

    @model_validator(mode="after")
    def _something(self) -> "WebConfig":
        if not self.urls and not self.sitemaps:
            raise ValueError("a web source needs `urls` or `sitemaps`")
        return self


class S3Config(_Section):
    """The objects of a bucket below `prefix`. `endpoint` is for stores other than Amazon's."""

    kind: Literal["s3"]
    bucket: str
    prefix: str = ""
    endpoint: str = Field("", pattern=r"^(https?://.+)?$")
    region: str = ""


SourceConfig: TypeAlias = Annotated[FolderConfig | WebConfig | S3Config, Field(discriminator="kind")]
