"""What models cost in the last days, from the ledger of calls. Knows sums; prices are settled in `models`."""

import time
from typing import Annotated

import sqlalchemy as sa
from fastapi import APIRouter, Query
from pydantic import BaseModel

from coachwork.pipelines.views import dollars
from coachwork.server.served import ProjectHere
from coachwork.store.tables import calls

router = APIRouter(prefix="/api", tags=["spend"])
_DAY_MS = 86_400_000


class ModelSpend(BaseModel):
    """One model's calls. `cost_usd` is None where no call's price is known, `unpriced_calls` counts those without."""

    model: str
    calls: int
    cost_usd: float | None
    unpriced_calls: int
    input_tokens: int
    output_tokens: int


class Spend(BaseModel):
    days: int
    total_usd: float
    calls: int
    unpriced_calls: int
    by_model: list[ModelSpend]


@router.get("/spend")
async def spend(project: ProjectHere, days: Annotated[int, Query(ge=1, le=3660)] = 7) -> Spend:
    """Calls, tokens and cost of each model in the last `days`, the dearest first. Unknown prices count as nothing."""
    query = (
        sa.select(
            calls.c.model,
            sa.func.count().label("calls"),
            sa.func.sum(calls.c.cost_nano).label("cost_nano"),
            sa.func.count(calls.c.cost_nano).label("priced"),
            sa.func.sum(calls.c.input_tokens).label("input_tokens"),
            sa.func.sum(calls.c.output_tokens).label("output_tokens"),
        )
        .where(calls.c.at >= time.time_ns() // 1_000_000 - days * _DAY_MS)
        .group_by(calls.c.model)
    )
    rows = await project.database.read(lambda c: c.execute(query).all())
    by_model = [
        ModelSpend(
            model=row.model,
            calls=row.calls,
            cost_usd=dollars(None if row.cost_nano is None else int(row.cost_nano)),
            unpriced_calls=row.calls - row.priced,
            input_tokens=row.input_tokens,
            output_tokens=row.output_tokens,
        )
        for row in sorted(rows, key=lambda row: (-(row.cost_nano or 0), -row.calls, row.model))
    ]
    return Spend(
        days=days,
        total_usd=sum(row.cost_usd or 0.0 for row in by_model),
        calls=sum(row.calls for row in by_model),
        unpriced_calls=sum(row.unpriced_calls for row in by_model),
        by_model=by_model,
    )
