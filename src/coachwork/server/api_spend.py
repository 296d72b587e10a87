"""What models cost, from the ledger of calls, and how the budgets stand. Knows sums and times; rules are `models`'."""

from collections.abc import Iterable
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from coachwork.errors import InputError
from coachwork.models import ledger
from coachwork.pipelines.views import Page, moment
from coachwork.server.served import ProjectHere

router = APIRouter(prefix="/api", tags=["spend"])

By = Literal["day", "model", "route", "provider", "kind", "pipeline", "user", "team", "key", "app"]
_DAYS, _AT_MOST = 30, 200


class Sums(BaseModel):
    """Calls added up. `cost_nano` is in 1e-9 US dollars, of the calls with a known price; `unpriced` counts the others.

    `cached` calls were answered before and cost nothing; `cached_tokens` and `cache_write_tokens` are of a
    provider's own cache and parts of the input, `thinking_tokens` are part of the output. `estimated` counts
    calls whose tokens the provider did not tell, so that we counted.
    """

    calls: int = 0
    failed: int = 0
    cached: int = 0
    estimated: int = 0
    unpriced: int = 0
    cost_nano: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    cache_write_tokens: int = 0
    thinking_tokens: int = 0
    audio_seconds: float = 0.0


class Group(Sums):
    """The calls of one model, user, pipeline …, or of one day (UTC) as `2026-11-25`; "" where there is no name."""

    name: str


class Spend(BaseModel):
    """What was spent from `from` until before `to`, the dearest group first, days in their order.

    `others` adds up what is beyond the first groups, None where all are listed, `others_count` says how many.
    """

    from_: datetime = Field(serialization_alias="from")
    to: datetime
    by: By
    total: Sums
    items: list[Group]
    others: Sums | None
    others_count: int


class Budget(BaseModel):
    """How a budget stands in its present window, in 1e-9 US dollars.

    `held` is reserved: for calls on their way, and for servers to spend without asking. `name` "" with a scope
    other than `installation` is what each has, as it stands for who has not spent anything. From `warn_at_nano`
    on it is nearly used up.
    """

    scope: Literal["run", "user", "key", "team", "app", "installation"]
    name: str
    per: Literal["day", "week", "month", "total"]
    limit_nano: int
    spent_nano: int
    held_nano: int
    left_nano: int
    warn_at_nano: int
    resets_at: datetime | None


@router.get("/spend")
async def spend(
    project: ProjectHere,
    by: By = "model",
    from_: Annotated[datetime | None, Query(alias="from", description="Default: 30 days, today among them.")] = None,
    to: Annotated[datetime | None, Query(description="Until before then. Default: now.")] = None,
    limit: Annotated[int, Query(ge=1, le=1000, description="So many groups at most; days are not limited.")] = _AT_MOST,
) -> Spend:
    """Calls, tokens and cost by model, user, pipeline, day …; a time without a zone is UTC."""
    until = _utc("to", to) or datetime.now(UTC)
    since = _utc("from", from_) or _midnight(until) - timedelta(days=_DAYS - 1)
    if since > until:
        message = f"`from` ({since:%Y-%m-%d %H:%M} UTC) is after `to` ({until:%Y-%m-%d %H:%M} UTC)"
        raise _does_not_fit("from", since, message, "Swap them, or leave `to` out for now.")
    found = await project.database.read(
        lambda connection: ledger.spend(connection, by, since_ms=_ms(since), until_ms=_ms(until))
    )
    shown = found if by == "day" else found[:limit]
    return Spend(
        from_=since,
        to=until,
        by=by,
        total=_added(found),
        items=[Group(**asdict(group)) for group in shown],
        others=_added(found[len(shown) :]) if len(found) > len(shown) else None,
        others_count=len(found) - len(shown),
    )


@router.get("/budgets")
async def budgets(project: ProjectHere) -> Page[Budget]:
    """Every budget with what is spent, held and left now. One that is of each is followed by who spent of it."""
    found = await project.models.budgets()
    fields = set(Budget.model_fields) - {"resets_at"}
    return Page(
        items=[
            Budget(
                **{name: value for name, value in asdict(one).items() if name in fields},
                resets_at=moment(one.resets_at),
            )
            for one in found
        ]
    )


def _added(groups: Iterable[ledger.Spend]) -> Sums:
    rows = [asdict(group) for group in groups]
    return Sums(**{name: sum(row[name] for row in rows) for name in Sums.model_fields})


def _utc(name: str, given: datetime | None) -> datetime | None:
    if given is None:
        return None
    if not 1970 <= given.year <= 9000:  # beyond, the arithmetic of dates ends
        message = f"`{name}` is in the year {given.year}, when nothing was spent"
        raise _does_not_fit(name, given, message, "Write it as 2026-11-25 or 2026-11-25T08:00:00Z.")
    return given.replace(tzinfo=UTC) if given.tzinfo is None else given.astimezone(UTC)


def _does_not_fit(name: str, value: datetime, message: str, hint: str) -> InputError:
    field = {"path": ["query", name], "message": message, "value": value.isoformat()}
    return InputError(message, hint=hint, details={"fields": [field]})


def _midnight(moment: datetime) -> datetime:
    return moment.replace(hour=0, minute=0, second=0, microsecond=0)


def _ms(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
