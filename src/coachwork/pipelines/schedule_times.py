"""When a schedule falls due: cron with a time zone, summer time, and what was missed. Pure: the clock is an argument.

croniter knows the calendar (https://github.com/pallets-eco/croniter); where clocks go back its times of a given hour
come twice, and here once, as in cron(8) of Debian.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Literal, TypeAlias
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from coachwork.errors import InputError
from coachwork.messages import JsonValue

Missed: TypeAlias = Literal["skip", "once", "all"]
MISSED: tuple[Missed, ...] = ("skip", "once", "all")
_GRACE = timedelta(seconds=60)  # a start this late is not missed: workers restart, clocks differ
_MOST_MADE_UP = 1000
_NAMES = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}


@dataclass(frozen=True)
class Schedule:
    """A pipeline that is started at given times. `missed`: which of the times at which no worker lived are made up."""

    name: str
    pipeline: str
    cron: str
    timezone: str = "UTC"
    missed: Missed = "skip"
    input: JsonValue = field(default_factory=dict)

    def check(self) -> None:
        """Raise InputError for a cron, a time zone or a policy that is none."""
        if self.missed not in MISSED:
            raise InputError(f"missed={self.missed!r} is none of skip, once and all", hint="See docs/schedules.md.")
        zone_of(self.timezone)
        next_time(self, datetime(2026, 1, 1, tzinfo=UTC))


def zone_of(name: str) -> ZoneInfo:
    """Raises InputError for a zone that the machine does not know."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise InputError(
            f"{name!r} is no time zone that this machine knows",
            hint="Write it as Europe/Berlin; a machine without the table of zones gets it by: pip install tzdata",
        ) from None


def times_after(schedule: Schedule, moment: datetime) -> Iterator[datetime]:
    """The times behind `moment` at which the schedule falls due, in UTC, without end.

    A time that summer time leaves out is due when the clocks have gone forward; an hour that comes twice counts once,
    unless the schedule names every hour. Raises InputError for a cron that is none, or never comes.
    """
    from croniter import CroniterError, croniter

    fields = _NAMES.get(schedule.cron.strip(), schedule.cron).split()
    if len(fields) != 5:
        raise InputError(
            f"{schedule.cron!r} is no cron of five fields",
            hint='minute hour day month weekday, for example "0 7 * * 1-5" for seven in the morning on working days',
        )
    every_hour = fields[1].startswith("*")
    try:
        times = croniter(" ".join(fields), moment.astimezone(zone_of(schedule.timezone)))
        while True:
            found: datetime = times.get_next(datetime)
            if every_hour or not _comes_again(found):
                yield found.astimezone(UTC)
    except CroniterError as error:
        raise InputError(f"{schedule.cron!r} is no cron, or never comes: {error}") from None


def next_time(schedule: Schedule, moment: datetime) -> datetime:
    return next(times_after(schedule, moment))


def due(schedule: Schedule, since: datetime, now: datetime) -> list[datetime]:
    """The times in (since, now], the newest thousand of them."""
    found: list[datetime] = []
    for moment in times_after(schedule, since):
        if moment > now:
            return found[-_MOST_MADE_UP:]
        found.append(moment)
    return found


def to_begin(missed: Missed, times: Sequence[datetime], now: datetime) -> list[datetime]:
    """Which of the times that fell due begin a run: those of the last minute, and of the missed ones by the policy."""
    if missed == "all":
        return list(times)
    if missed == "once":
        return list(times[-1:])
    return [moment for moment in times if now - moment <= _GRACE]


def _comes_again(moment: datetime) -> bool:
    """Whether this is the second time that the clock shows this hour, because it was put back."""
    return moment.fold == 1 and moment.utcoffset() != moment.replace(fold=0).utcoffset()
