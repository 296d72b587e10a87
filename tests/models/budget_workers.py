"""One worker process of `test_budget_processes.py`: asks a billed fake many times at once, and says what it got.

    python budget_workers.py DATABASE_URL LIMIT_USD CALLS WORST_CASE_USD

A call costs a dollar. Every call is written to stdout: `sent N` when the fake was asked, `served N` or
`refused N` at its end.
"""

import asyncio
import os
import random
import sys
from pathlib import Path

from coachwork.errors import BudgetExceeded
from coachwork.messages import Message, ModelRequest
from coachwork.models import ModelConfig, Models, ModelsConfig, RouteConfig
from coachwork.models.config import BudgetConfig
from coachwork.store.database import Database
from coachwork.testing import FakeModel

PRICES = ModelConfig(input_usd_per_million=0, output_usd_per_million=1_000_000)  # a dollar a token of output


def say(text: str) -> None:
    os.write(1, f"{text}\n".encode())  # at once and whole: the next moment may be the last


async def main(url: str, usd: float, calls: int, worst: int) -> None:
    async def answer(request: ModelRequest) -> str:
        say(f"sent {request.messages[0].text}")
        await asyncio.sleep(random.uniform(0, 0.2))
        return "x"  # one token

    database = Database(url)
    database.migrate()
    models = Models(
        ModelsConfig(
            routes={"smart": RouteConfig(models=["lab:m"], retries=0)},
            models={"lab:m": PRICES},
            budgets=[BudgetConfig(scope="installation", usd=usd)],
        ),
        database=database,
        cache_dir=Path("/nowhere"),
        environ={},
        extra_providers={"lab": FakeModel(answer, billed=True)},
    )

    async def ask(number: int) -> None:
        request = ModelRequest((Message.of("user", str(number)),), max_tokens=worst, seconds=25)
        try:
            await models.complete("smart", request)
        except BudgetExceeded:
            say(f"refused {number}")
        else:
            say(f"served {number}")

    say("ready 0")
    sys.stdin.readline()
    await asyncio.gather(*(ask(number) for number in range(calls)))
    await models.close()
    database.close()
    say("done 0")


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], float(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])))
