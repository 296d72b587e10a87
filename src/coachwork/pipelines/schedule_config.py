"""The schedules that a project declares, in code or in its settings, checked when it loads. Starts nothing."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict

from coachwork.errors import InputError, ProjectError, did_you_mean
from coachwork.messages import JsonValue
from coachwork.pipelines.pipeline import Pipeline
from coachwork.pipelines.schedule_times import Missed, Schedule


class ScheduleConfig(BaseModel):
    """`[schedules.NAME]` in coachwork.toml: a pipeline, a cron of five fields in a time zone, and the run's input."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    pipeline: str
    cron: str
    timezone: str = "UTC"
    missed: Missed = "skip"
    input: JsonValue = {}


def checked(
    declared: Mapping[str, Schedule],
    configured: Mapping[str, ScheduleConfig],
    pipelines: Mapping[str, Pipeline[..., Any]],
    file: str,
) -> dict[str, Schedule]:
    """All schedules of a project by name. Raises ProjectError for one that can't work."""
    found = dict(declared)
    for name, config in configured.items():
        if name in declared:
            raise ProjectError(
                f"there are two schedules named {name!r}: of @app.pipeline(schedule=…) and of [schedules.{name}]",
                file=file,
                hint="Remove one, or give the section another name.",
            )
        found[name] = Schedule(name, config.pipeline, config.cron, config.timezone, config.missed, config.input)
    for name, schedule in found.items():
        pipeline = pipelines.get(schedule.pipeline)
        if pipeline is None:
            hint = did_you_mean(schedule.pipeline, list(pipelines))
            raise ProjectError(f"schedule {name!r} starts {schedule.pipeline!r}, which is no pipeline", hint=hint)
        hint = "A cron is minute hour day month weekday: `0 7 * * 1-5`. See docs/schedules.md."
        try:
            schedule.check()
            hint = f'Give the input of its runs: [schedules.{name}] input = {{field = "value"}}'
            pipeline.parse(schedule.input)
        except InputError as error:
            where = file if name in configured else ""
            raise ProjectError(f"schedule {name!r}: {error.message}", file=where, hint=error.hint or hint) from None
    return found
