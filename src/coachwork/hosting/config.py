"""The settings of what is hosted in an environment of its own: `[hosted.NAME]`. Data; started by `process`."""

from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator


class HostedConfig(BaseModel):
    """Where hosted code runs. Either `python` and `object`, or a `command` that speaks the protocol itself.

    `python` is an interpreter, relative to the project's folder, whose environment has the framework; Coachwork need
    not be in it. `object` is `module:name`, found from the project's folder. `start_seconds` bounds its start.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    python: str = ""
    object: str = Field("", pattern=r"^$|^[\w.]+:[\w.]+$")
    command: list[str] = []
    start_seconds: float = Field(120, gt=0)

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if bool(self.command) == bool(self.python or self.object):
            raise ValueError("write either `python` and `object`, or `command`")
        if not self.command and not (self.python and self.object):
            raise ValueError("`python` needs an `object`, as in object = 'crew_app:crew', and the other way round")
        return self
