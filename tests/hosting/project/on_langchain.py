"""Runnables: bounded, without a bound, of an unknown price, asking in a loop, plain and async, breaking."""

import os
import signal

from langchain_core.runnables import RunnableLambda
from langchain_openai import ChatOpenAI

bounded = ChatOpenAI(model="gpt-5-mini", max_tokens=200, stream_usage=True, max_retries=0)
boundless = ChatOpenAI(model="gpt-5-mini", stream_usage=True, max_retries=0)
unknown = ChatOpenAI(model="no-such-model", max_tokens=200, stream_usage=True, max_retries=0)


def _spend(text: str) -> str:
    """Asks for ever: only money stops it."""
    dear = ChatOpenAI(model="gpt-5-nano", max_tokens=200, stream_usage=True, max_retries=0)
    while True:
        dear.invoke(text)


spender = RunnableLambda(_spend)


def _breaks(text: str) -> str:
    raise LookupError(f"there is no {text}")


breaks = RunnableLambda(_breaks)


def _fragile(text: str) -> str:
    """Tells its process, or kills it, where it is asked to."""
    if text == "pid":
        return str(os.getpid())
    if text == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    return f"alive: {text}"


fragile = RunnableLambda(_fragile)
