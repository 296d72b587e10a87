"""The receiver takes what is signed with its secret, once, and refuses the rest."""

import base64
import json
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import ThreadingHTTPServer
from types import ModuleType
from typing import Any

import pytest
from standardwebhooks.webhooks import Webhook

SECRET = "whsec_" + base64.b64encode(b"a secret of twenty-four b").decode()
DATA = {"ticket": "T-01", "to": "jule@mail.example", "subject": "Re: <b>Panniers</b>", "text": "It is free."}


@pytest.fixture
def address(receiver: ModuleType) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), receiver.handler_for(receiver.Mailroom(SECRET)))
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def _post(
    address: str, *, secret: str = SECRET, at: datetime | None = None, change: bytes = b"", id: str = "m-1"
) -> int:
    body = json.dumps({"type": "answer_ticket.replies", "data": DATA})
    at = at or datetime.now(UTC)
    headers = {
        "webhook-id": id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": Webhook(secret).sign(id, at, body),
        "content-type": "application/json",
    }
    request = urllib.request.Request(f"{address}/hook", body.encode() + change, headers)
    try:
        with urllib.request.urlopen(request, timeout=5) as response:
            return int(response.status)
    except urllib.error.HTTPError as error:
        return error.code


def _get(address: str) -> str:
    with urllib.request.urlopen(address, timeout=5) as response:
        return str(response.read().decode())


def _arrivals(address: str) -> list[dict[str, Any]]:
    return json.loads(_get(f"{address}/deliveries.json"))["items"]


def test_a_signed_message_is_taken_and_shown_as_text(address: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert _post(address) == 200
    (arrival,) = _arrivals(address)
    assert (arrival["verified"], arrival["verdict"], arrival["data"]) == (True, "signature verified", DATA)
    page = _get(f"{address}/")
    assert "signature verified" in page
    assert "Re: &lt;b&gt;Panniers&lt;/b&gt;" in page
    assert "<b>" not in page
    assert "signature verified  m-1" in capsys.readouterr().out


def test_the_same_message_twice_is_one(address: str) -> None:
    assert [_post(address), _post(address)] == [200, 200]
    assert [arrival["repeats"] for arrival in _arrivals(address)] == [1]


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"secret": "whsec_" + base64.b64encode(b"another").decode()}, "No matching signature found"),
        ({"change": b" "}, "No matching signature found"),
        ({"at": datetime.now(UTC) - timedelta(minutes=10)}, "Message timestamp too old"),
    ],
)
def test_what_does_not_verify_is_refused_and_not_kept(address: str, wrong: dict[str, Any], why: str) -> None:
    assert _post(address, **wrong) == 401
    (arrival,) = _arrivals(address)
    assert (arrival["verified"], arrival["verdict"], arrival["data"]) == (False, f"refused: {why}", {})
    assert "refused" in _get(f"{address}/")


def test_the_empty_page_says_what_will_come(address: str) -> None:
    assert "Nothing has arrived yet" in _get(f"{address}/")
