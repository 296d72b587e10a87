"""Who may ask, and what a browser may do with the answer."""

import pytest

from coachwork.errors import InputError
from coachwork.server.listening import is_loopback, require_loopback

from .over_http import Here


@pytest.mark.parametrize(
    ("host", "ours"),
    [
        ("127.0.0.1", True), ("127.1.2.3:80", True), ("localhost:8000", True), ("LOCALHOST", True),
        ("[::1]:8000", True), ("app.localhost", True), ("evil.example", False), ("127.0.0.1.evil.example", False),
        ("localhost.evil.example:8000", False), ("evil.example@127.0.0.1", False), ("192.168.1.5", False),
        ("0.0.0.0", False), ("", False), ("127.0.0.1/evil", False),
    ],
)  # fmt: skip
def test_only_names_of_this_machine_are_answered(here: Here, host: str, ours: bool) -> None:
    answer = here.http.get("/api/health", headers={"Host": host})
    assert answer.status_code == (200 if ours else 403)
    if not ours:
        assert answer.json()["code"] == "unknown-host"


@pytest.mark.parametrize(
    ("headers", "passes"),
    [
        ({}, True),
        ({"Sec-Fetch-Site": "same-origin"}, True),
        ({"Sec-Fetch-Site": "none"}, True),
        ({"Sec-Fetch-Site": "same-site"}, False),
        ({"Sec-Fetch-Site": "cross-site"}, False),
        ({"Origin": "http://desk.localhost"}, True),
        ({"Origin": "https://evil.example"}, False),
        ({"Origin": "null"}, False),
        ({"Origin": "http://desk.localhost:8001"}, False),
        ({"Origin": "http://[", "Sec-Fetch-Site": "cross-site"}, False),
    ],
)
def test_a_page_of_another_site_can_not_change_anything(here: Here, headers: dict[str, str], passes: bool) -> None:
    sent = {"Host": "desk.localhost", **headers}
    answer = here.http.post("/api/runs/nope/cancel", headers=sent)
    assert (answer.status_code, answer.json()["code"]) == ((404, "not-found") if passes else (403, "cross-site"))
    assert here.http.get("/api/health", headers=sent).status_code == 200


@pytest.mark.parametrize("path", ["/", "/api/app", "/api/nothing", "/assets/none.js"])
def test_every_answer_carries_the_headers(here: Here, path: str) -> None:
    headers = here.http.get(path).headers
    policy = dict(part.strip().split(" ", 1) for part in headers["content-security-policy"].split(";"))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
    assert policy["frame-ancestors"] == "'none'"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"
    assert "server" not in headers
    assert "access-control-allow-origin" not in headers


def test_answers_of_the_api_are_not_kept_by_anybody(here: Here) -> None:
    assert here.http.get("/api/app").headers["cache-control"] == "no-store"
    assert here.http.get("/api/nothing").headers["cache-control"] == "no-store"


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1", "[::1]", "127.8.0.1"])
def test_this_machine_alone_can_be_listened_on(host: str) -> None:
    require_loopback(host)
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "example.org", ""])
def test_the_network_is_not_let_in_without_a_login(host: str) -> None:
    with pytest.raises(InputError, match="login is not built yet") as refused:
        require_loopback(host)
    assert "ssh -L" in refused.value.hint
    assert "proxy" in refused.value.hint
