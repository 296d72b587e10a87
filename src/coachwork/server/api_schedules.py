"""Schedules over HTTP: what begins when, and what it began last. Knows HTTP; the rules are `pipelines`'."""

from fastapi import APIRouter

from coachwork.pipelines.schedules import ScheduleView
from coachwork.server.limits import JsonRoute
from coachwork.server.served import SchedulesHere

router = APIRouter(prefix="/api", route_class=JsonRoute, tags=["schedules"])


@router.get("/schedules")
async def list_schedules(schedules: SchedulesHere) -> list[ScheduleView]:
    """Every schedule with its next time and its last run; the one that falls due first is first."""
    return await schedules.list()
