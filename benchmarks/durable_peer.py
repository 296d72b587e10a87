"""A graph of nodes that do nothing, in LangGraph with its SQLite or Postgres saver at `durability="sync"`.

Usage: python durable_peer.py URL GRAPHS NODES AT_ONCE. Prints {"steps", "seconds", "cpu"}. Knows nothing of Coachwork.
"""

import asyncio
import json
import sys
import time
from typing import Any, TypedDict

from langgraph.graph import END, START, StateGraph


class State(TypedDict):
    number: int


async def nothing(state: State) -> State:
    return {"number": state["number"] + 1}


def graph(saver: Any, nodes: int) -> Any:
    made = StateGraph(State)
    names = [f"step{number}" for number in range(nodes)]
    for name, before in zip(names, [START, *names], strict=False):
        made.add_node(name, nothing)
        made.add_edge(before, name)
    made.add_edge(names[-1], END)
    return made.compile(checkpointer=saver)


async def measure(saver: Any, count: int, nodes: int, at_once: int) -> None:
    await saver.setup()
    made, free = graph(saver, nodes), asyncio.Semaphore(at_once)

    async def one(number: int) -> None:
        async with free:
            config = {"configurable": {"thread_id": str(number)}, "recursion_limit": nodes + 1}
            ended = await made.ainvoke({"number": 0}, config, durability="sync")
            assert ended == {"number": nodes}, ended

    await asyncio.gather(*(one(-number - 1) for number in range(at_once)))  # warm
    began, cpu = time.perf_counter(), time.process_time()
    await asyncio.gather(*(one(number) for number in range(count)))
    told = {"steps": nodes * count, "seconds": time.perf_counter() - began, "cpu": time.process_time() - cpu}
    print(json.dumps(told))


async def main(url: str, count: int, nodes: int, at_once: int) -> None:
    if url.startswith("sqlite:///"):
        from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver

        async with AsyncSqliteSaver.from_conn_string(url.removeprefix("sqlite:///")) as saver:
            await measure(saver, count, nodes, at_once)
        return
    from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
    from psycopg.rows import dict_row
    from psycopg_pool import AsyncConnectionPool

    as_the_saver_wants = {"autocommit": True, "prepare_threshold": 0, "row_factory": dict_row}
    async with AsyncConnectionPool(url, max_size=max(4, at_once), kwargs=as_the_saver_wants) as pool:
        await measure(AsyncPostgresSaver(pool), count, nodes, at_once)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], *map(int, sys.argv[2:])))
