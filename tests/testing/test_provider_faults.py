"""The faults as bytes on a socket, and the ways to ask for them: by name, key, header, rule, from another process."""

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import closing

import httpx2
import pytest

from coachwork.errors import InputError, PortInUse
from coachwork.testing import ProviderServer
from coachwork.testing.provider.faults import CATALOGUE, Fault, fault, faults, split_name
from coachwork.testing.provider.rules import Rule

CHAT = {"model": "gpt-5-mini", "messages": [{"role": "user", "content": "one two three four five six"}]}
SAID = "You said: one two three four five six"


@pytest.fixture
def server() -> Iterator[ProviderServer]:
    with ProviderServer() as running:
        yield running


@pytest.fixture
def http(server: ProviderServer) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=server.url, timeout=5) as client:
        yield client


def raw(server: ProviderServer, model: str, *, stream: bool = True) -> bytes:
    """Every byte that comes back until the server closes, or is silent for a moment."""
    host, port = server.url.removeprefix("http://").split(":")
    body = json.dumps({**CHAT, "model": model, "stream": stream}).encode()
    head = f"POST /v1/chat/completions HTTP/1.1\r\nconnection: close\r\ncontent-length: {len(body)}\r\n\r\n".encode()
    got = b""
    try:
        with closing(socket.create_connection((host, int(port)), timeout=1)) as connection:
            connection.sendall(head + body)
            while data := connection.recv(65536):
                got += data
    except TimeoutError:
        return got
    except ConnectionResetError:
        return got + b"<reset>"
    return got


def pieces(got: bytes) -> int:
    return got.count(b'"delta":{"content"')


# ── What they do ──


def test_a_cut_leaves_the_last_chunk_out_an_end_does_not(server):
    cut, ended = raw(server, "m+cut-after-3"), raw(server, "m+end-after-3")
    assert (pieces(cut), pieces(ended)) == (3, 3)
    assert not cut.endswith(b"0\r\n\r\n")
    assert ended.endswith(b"0\r\n\r\n")
    assert b"[DONE]" not in cut + ended


def test_a_reset_is_a_reset_and_a_hang_up_says_nothing(server):
    assert raw(server, "m+reset-after-2").endswith(b"<reset>")
    assert raw(server, "m+hang-up") == b""
    assert raw(server, "m+refuse") == b"<reset>"


def test_a_cut_after_more_pieces_than_there_are_comes_before_the_end(server):
    got = raw(server, "m+cut-after-999")
    assert pieces(got) == len(SAID.split())
    assert b'"finish_reason":"stop"' not in got


def test_a_plain_answer_is_cut_inside_its_body(server):
    head, _blank, body = raw(server, "m+cut-after-2", stream=False).partition(b"\r\n\r\n")
    assert b"content-length: " in head
    assert len(body) == 80


def test_half_a_character_comes_whole_in_the_end(server, http):
    answer = http.post("/v1/chat/completions", json={**CHAT, "model": "m+half-character"})
    assert answer.json()["choices"][0]["message"]["content"] == f"{SAID} ☂ or none"
    with pytest.raises(UnicodeDecodeError):
        raw(server, "m+end-in-character").removesuffix(b"\r\n0\r\n\r\n").decode()


@pytest.mark.parametrize(
    ("name", "header", "value"),
    [("429-retry-after-7", "retry-after", "7"), ("429-retry-after-ms-70", "retry-after-ms", "70"), ("429", "", "")],
)
def test_a_limit_says_how_long_to_wait_or_does_not(http, name, header, value):
    answer = http.post("/v1/chat/completions", json={**CHAT, "model": f"m+{name}"})
    assert answer.status_code == 429
    assert answer.json()["error"]["code"] == "rate_limit_exceeded"
    assert {key: told for key, told in answer.headers.items() if key.startswith("retry")} == (
        {header: value} if header else {}
    )


@pytest.mark.parametrize("kind", [kind for kind in CATALOGUE.values() if not kind.name.startswith(("hang", "endless"))])
@pytest.mark.parametrize("stream", [True, False], ids=["stream", "plain"])
def test_every_fault_changes_what_is_sent(server, kind, stream):
    only_streams = "(streams)" in kind.about
    slow, closes = kind.takes == "ms" and kind.name.startswith("slow"), kind.name == "close-after-answer"
    written = f"{kind.name}-50" if slow else kind.example
    got, usual = raw(server, f"m+{written}", stream=stream), raw(server, "m", stream=stream)
    if slow or closes or kind.name == "dribble" or (only_streams and not stream):
        assert payload(got, stream) == payload(usual, stream)  # the same bytes, otherwise
    elif kind.name == "usage-missing" and stream:
        assert b'"usage"' not in got  # it was not asked for either
    elif kind.name != "half-character":
        assert got != usual


def payload(got: bytes, stream: bool) -> bytes:
    """The body without its chunks' sizes."""
    body = got.partition(b"\r\n\r\n")[2]
    if not stream:
        return body
    found = b""
    while body:
        size, _line, rest = body.partition(b"\r\n")
        found, body = found + rest[: int(size, 16)], rest[int(size, 16) + 2 :]
    return found


# ── How to ask for them ──


def test_faults_are_read_from_names_and_lists():
    assert fault("cut-after-12") == Fault("cut-after", 12)
    assert fault("429-retry-after-ms") == Fault("429-retry-after-ms", 200)
    assert [str(one) for one in faults("slow-stream-5, 529")] == ["slow-stream-5", "529"]
    assert split_name("gpt-5-mini+empty+slow-stream-9") == ("gpt-5-mini", (Fault("empty"), Fault("slow-stream", 9)))
    assert split_name("gpt-5-mini") == ("gpt-5-mini", ())
    for wrong in ("cut-aftr-3", "empty-3", "429-retry-after-x", ""):
        with pytest.raises(InputError, match="there is no fault"):
            fault(wrong)


def test_a_fault_is_asked_for_by_key_header_and_rule(server, http):
    def status(**more) -> int:
        return http.post("/v1/chat/completions", json=CHAT, **more).status_code

    assert status(headers={"authorization": "Bearer sk-any+529"}) == 529
    assert status(headers={"x-fault": "slow-headers-1, 503"}) == 503
    server.inject("500", wire="openai", model="gpt-5", times=2)
    assert [status() for _ in range(3)] == [500, 500, 200]
    server.inject("500", wire="anthropic")
    server.inject("500", model="other")
    assert status() == 200
    server.clear()
    assert server.rules.rules == []


def test_a_probability_is_the_same_for_the_same_seed():
    def struck(seed: int) -> list[bool]:
        with ProviderServer(seed=seed) as running, httpx2.Client(base_url=running.url) as http:
            running.inject("500", probability=0.3)
            return [http.post("/v1/chat/completions", json=CHAT).status_code == 500 for _ in range(40)]

    first = struck(1)
    assert first == struck(1) != struck(2)
    assert 3 <= sum(first) <= 22


def test_connections_are_refused_so_often_and_then_no_more(server):
    server.inject("refuse", times=2)
    assert [raw(server, "m")[:8] for _ in range(3)] == [b"<reset>", b"<reset>", b"HTTP/1.1"]


@pytest.mark.parametrize(
    "rule", [{"wire": "opnai"}, {"probability": 2}, {"times": 0}, {"faults": ()}], ids=lambda rule: next(iter(rule))
)
def test_a_rule_that_can_not_be_is_refused(rule):
    with pytest.raises(InputError):
        Rule(**{"faults": (Fault("500"),), **rule})


# ── From another process ──


def test_it_is_steered_and_read_over_http(http):
    assert http.post("/_faults", json={"fault": "empty", "times": 1}).json()[0]["faults"] == ["empty"]
    assert http.post("/_answers", json=["Only once", {"text": "Rain", "when": "weather"}]).json() == {"added": 2}
    texts = [http.post("/v1/chat/completions", json=CHAT).json()["choices"][0]["message"]["content"] for _ in range(3)]
    assert texts == ["", SAID, SAID]  # an empty answer was the script's, emptied
    log = http.get("/_requests").json()
    assert (log["asked"], log["answered"], log["connections"]["open"]) == (3, 3, 0)
    first, second, _third = log["requests"]
    assert (first["faults"], first["sent"]["outcome"], second["model"]) == (["empty"], "whole", "gpt-5-mini")
    assert second["usage"]["output_tokens"] > 0
    assert http.get("/_faults").json()["rules"] == []
    assert {kind["name"] for kind in http.get("/_faults").json()["faults"]} == set(CATALOGUE)
    http.delete("/_requests")
    assert http.get("/_requests").json()["requests"] == []


@pytest.mark.parametrize(
    ("method", "path", "body", "says"),
    [
        ("POST", "/_faults", {"fault": "cut-aftr"}, "Did you mean 'cut-after'"),
        ("POST", "/_faults", {"fault": "500", "often": 1}, "a rule has no 'often'"),
        ("POST", "/_faults", ["500"], "a rule is an object"),
        ("POST", "/_answers", {"text": "x"}, "a script is a list"),
        ("POST", "/_answers", [{"txt": "x"}], "answer 0 of the script does not fit"),
        ("GET", "/_fault", None, "there is no GET /_fault"),
    ],
)
def test_what_steers_wrongly_is_told_why(http, method, path, body, says):
    answer = http.request(method, path, json=body)
    assert answer.status_code in (404, 422)
    error = answer.json()["error"]
    assert says in f"{error['message']} {error['hint']}"


def test_no_key_is_kept_whole(http):
    http.post("/v1/chat/completions", json=CHAT, headers={"authorization": "Bearer sk-very-secret-key-1234"})
    text = http.get("/_requests").text
    assert "…1234" in text
    assert "secret" not in text


# ── The log ──


def test_the_log_tells_who_left_what_was_cut_and_what_leaks(server):
    with (
        httpx2.Client(base_url=server.url, timeout=5) as http,
        http.stream("POST", "/v1/chat/completions", json={**CHAT, "model": "m+endless-text", "stream": True}) as got,
    ):
        pieces = got.iter_bytes()  # kept: httpx2 closes the answer when its iterator is let go
        next(pieces)
        assert server.open_connections == 1
        assert server.requests[-1].outcome == "open"
    raw(server, "m+cut-after-1")
    for _moment in range(100):
        if server.open_connections == 0 and "open" not in {asked.outcome for asked in server.requests}:
            break
        threading.Event().wait(0.02)
    left, cut = server.requests
    assert (left.outcome, cut.outcome, server.open_connections, server.answered) == ("client-left", "cut", 0, 0)
    assert left.sent.pieces >= 1
    assert (cut.sent.pieces, cut.sent.bytes > 300) == (1, True)


def test_a_line_of_the_script_is_kept_for_an_answer_that_comes(http):
    http.post("/_answers", json=["Kept"])
    http.post("/_faults", json={"fault": "529", "times": 1})
    assert http.post("/v1/chat/completions", json=CHAT).status_code == 529
    assert http.post("/v1/chat/completions", json=CHAT).json()["choices"][0]["message"]["content"] == "Kept"


def test_bytes_that_are_no_http_get_a_400(server):
    host, port = server.url.removeprefix("http://").split(":")
    with closing(socket.create_connection((host, int(port)), timeout=2)) as connection:
        connection.sendall(b"\x16\x03\x01 hello\r\n\r\n")
        assert connection.recv(100).startswith(b"HTTP/1.1 400")


def test_a_port_in_use_is_told_with_a_free_one(server):
    with pytest.raises(PortInUse, match="--port"):
        ProviderServer(port=int(server.url.rsplit(":", 1)[1])).listen()


async def test_it_also_runs_on_the_loop_of_the_test():
    async with ProviderServer(["Hi"]) as running, httpx2.AsyncClient(base_url=running.url) as http:
        answer = await http.post("/v1/chat/completions", json=CHAT)
        assert answer.json()["choices"][0]["message"]["content"] == "Hi"
        assert running.answered == 1
    with pytest.raises(InputError, match="not started"):
        _ = running.url
