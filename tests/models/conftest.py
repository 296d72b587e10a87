"""A models room for tests: a route `smart` over fakes, with its database and its records."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from coachwork.messages import Message, ModelEvent, ModelRequest, Reply
from coachwork.models import CallRecord, ModelConfig, Models, ModelsConfig, RouteConfig
from coachwork.models.config import BudgetConfig
from coachwork.providers.wire import Provider
from coachwork.store.database import Database
from coachwork.store.tables import calls

HELLO = ModelRequest((Message.of("user", "Hello"),))


class Room:
    """Models with a route `smart` over the given fakes, named one, two and three."""

    def __init__(
        self,
        folder: Path,
        *fakes: Provider,
        models: dict[str, ModelConfig] | None = None,
        url: str | None = "",
        routes: dict[str, RouteConfig] | None = None,
        budgets: list[BudgetConfig] | None = None,
        **limits: Any,
    ) -> None:
        names = ["one", "two", "three"][: len(fakes)]
        route = RouteConfig(models=[f"{name}:m" for name in names], **{"retries": 0, **limits})
        self.records: list[CallRecord] = []
        self.database = None if url is None else Database(url or f"sqlite:///{folder / 'test.db'}")
        if self.database is not None:
            self.database.migrate()
        self.models = Models(
            ModelsConfig(routes={"smart": route, **(routes or {})}, models=models or {}, budgets=budgets or []),
            database=self.database,
            cache_dir=folder,
            environ={},
            on_call=self.records.append,
            extra_providers=dict(zip(names, fakes, strict=True)),
        )

    async def complete(self, request: ModelRequest = HELLO) -> Reply:
        return await self.models.complete("smart", request)

    async def events(self, request: ModelRequest = HELLO) -> list[ModelEvent]:
        return [event async for event in self.models.stream("smart", request)]

    def rows(self) -> list[Any]:
        assert self.database is not None
        self.database.flush()
        return self.database.read_now(lambda c: [row._mapping for row in c.execute(sa.select(calls))])

    @property
    def outcomes(self) -> list[str]:
        return [row["outcome"] for row in self.rows()]


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Callable[..., Room]]:
    """Makes a Room; `url=None` for one without a database."""
    rooms: list[Room] = []

    def make(*fakes: Provider, **options: Any) -> Room:
        rooms.append(Room(tmp_path, *fakes, **options))
        return rooms[-1]

    yield make
    for made in rooms:
        if made.database is not None:
            made.database.close()
