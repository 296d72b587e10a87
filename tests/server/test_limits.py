"""What is wrapped around every request: sizes are counted while they come, bugs get a number."""

from typing import Any

import pytest

from coachwork.server.application import create_app
from coachwork.server.limits import BodyLimit
from coachwork.server.problems import CatchBugs, Refused

from .over_http import Here

CHUNK = 100_000


async def test_no_more_is_read_than_the_limit_allows() -> None:
    taken = 0

    async def endless() -> dict[str, Any]:
        nonlocal taken
        taken += CHUNK
        return {"type": "http.request", "body": b"x" * CHUNK, "more_body": True}

    async def reads_all(scope: Any, receive: Any, send: Any) -> None:
        while (await receive())["more_body"]:
            pass

    async def send(message: Any) -> None:
        raise AssertionError("nothing is sent here")

    with pytest.raises(Refused) as refused:
        await BodyLimit(reads_all, max_mb=1)({"type": "http", "headers": []}, endless, send)
    assert refused.value.problem.status == 413
    assert taken == 1_000_000 + CHUNK


async def test_a_declared_length_above_the_limit_is_refused_unread() -> None:
    sent: list[Any] = []

    async def never(*_: Any) -> Any:
        raise AssertionError("the body is not read, the application not asked")

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "headers": [(b"content-length", b"50000000")]}
    await BodyLimit(never, max_mb=20)(scope, never, send)
    assert sent[0]["status"] == 413
    assert b"the body has 50.0 MB, and at most 20 MB are taken" in sent[1]["body"]


async def test_a_bug_becomes_a_number_that_is_in_the_log(capsys: pytest.CaptureFixture[str]) -> None:
    sent: list[Any] = []

    async def buggy(scope: Any, receive: Any, send: Any) -> None:
        raise KeyError("the password is hunter2")

    async def send(message: Any) -> None:
        sent.append(message)

    await CatchBugs(buggy)({"type": "http", "method": "GET", "path": "/api/x"}, None, send)  # type: ignore[arg-type]
    body = sent[1]["body"].decode()
    assert sent[0]["status"] == 500
    assert "hunter2" not in body
    assert "Traceback" not in body
    number = body.partition("urn:coachwork:error:")[2][:12]
    logged = capsys.readouterr()
    assert number in logged.out + logged.err
    assert "KeyError" in logged.out + logged.err


def test_the_wrappers_stand_in_their_order(here: Here) -> None:
    names = [wrapper.cls.__name__ for wrapper in create_app(here.project).user_middleware]  # type: ignore[attr-defined]
    assert names == ["SecurityHeaders", "CatchBugs", "HostCheck", "SameOrigin", "BodyLimit"]
