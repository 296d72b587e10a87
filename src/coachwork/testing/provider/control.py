"""The endpoints that steer the server from another process, and show its log. Knows HTTP paths; decides nothing.

GET    /_faults     the catalogue and the rules in force
POST   /_faults     {"fault": "cut-after-3", "wire": "anthropic", "model": "claude", "times": 2, "probability": 0.5}
DELETE /_faults     forget the rules
POST   /_answers    the script: ["text", {"text": …, "tool_calls": […], "when": …}]
GET    /_requests   what was asked and how it went, whole answers and open connections
DELETE /_requests   forget the log
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from coachwork.errors import CoachworkError, InputError, NotFound
from coachwork.testing.provider.damage import Bytes, End, Head, Step
from coachwork.testing.provider.faults import CATALOGUE
from coachwork.testing.provider.question import read_script
from coachwork.testing.provider.wire import Received
from coachwork.testing.provider.wires import PATHS

if TYPE_CHECKING:
    from coachwork.testing.provider.server import ProviderServer


def steps(server: "ProviderServer", received: Received) -> Iterator[Step]:
    """Do what a control request says and answer with JSON."""
    try:
        yield from _json(200, _dispatch(server, received))
    except CoachworkError as error:
        yield from _json(error.status, {"error": error.to_dict()})


def unknown_path(received: Received) -> Iterator[Step]:
    """The answer to a path that is no wire's."""
    known = "\n".join(f"  {method} …{end}" for method, end, _wire in PATHS)
    message = f"This test server has no {received.method} {received.path}. It has:\n{known}"
    yield from _json(404, {"error": {"message": message, "type": "invalid_request_error", "code": "not_found"}})


def _dispatch(server: "ProviderServer", received: Received) -> Any:
    does = _ROUTES.get((received.method, received.path))
    if does is None:
        known = ", ".join(f"{method} {path}" for method, path in _ROUTES)
        raise NotFound(f"there is no {received.method} {received.path}", hint=f"There are {known}.")
    return does(server, received)


def _faults(server: "ProviderServer", _received: Received) -> Any:
    catalogue = [{**asdict(kind), "example": kind.example} for kind in CATALOGUE.values()]
    rules = [{**asdict(rule), "faults": [str(fault) for fault in rule.faults]} for rule in server.rules.rules]
    return {"faults": catalogue, "rules": rules}


def _inject(server: "ProviderServer", received: Received) -> Any:
    given = _body(received)
    if not isinstance(given, dict) or not isinstance(given.get("fault"), str):
        raise InputError("a rule is an object with a fault", hint='{"fault": "cut-after-3", "times": 1}')
    if unknown := given.keys() - {"fault", "wire", "model", "times", "probability"}:
        raise InputError(f"a rule has no {sorted(unknown)[0]!r}", hint="It has fault, wire, model, times, probability.")
    try:
        server.inject(given.pop("fault"), **given)
    except TypeError as error:
        raise InputError(f"the rule does not fit: {error}") from None
    return _faults(server, received)["rules"]


def _clear(server: "ProviderServer", _received: Received) -> Any:
    server.clear()
    return []


def _answers(server: "ProviderServer", received: Received) -> Any:
    added = read_script(_body(received))
    server.answer(*added)
    return {"added": len(added)}


def _requests(server: "ProviderServer", _received: Received) -> Any:
    return {
        "requests": [asdict(asked) for asked in server.requests],
        "asked": server.asked,
        "answered": server.answered,
        "connections": {"open": server.open_connections, "opened": server.opened},
    }


def _forget(server: "ProviderServer", _received: Received) -> Any:
    server.requests.clear()
    server.asked = server.answered = 0
    return {}


_ROUTES: dict[tuple[str, str], Callable[["ProviderServer", Received], Any]] = {
    ("GET", "/_faults"): _faults,
    ("POST", "/_faults"): _inject,
    ("DELETE", "/_faults"): _clear,
    ("POST", "/_answers"): _answers,
    ("GET", "/_requests"): _requests,
    ("DELETE", "/_requests"): _forget,
}


def _body(received: Received) -> Any:
    try:
        return json.loads(received.body)
    except ValueError as error:
        raise InputError(f"the body is no JSON: {error}") from None


def _json(status: int, value: Any) -> Iterator[Step]:
    data = (json.dumps(value, ensure_ascii=False, indent=1) + "\n").encode()
    yield Head(status, (("content-type", "application/json"),), len(data))
    yield Bytes(data)
    yield End()
