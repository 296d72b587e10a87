"""Which models a route asks, and what is said about those it can't."""

from pathlib import Path

import pytest

from coachwork.errors import MissingKey, ModelUnavailable, ProjectError, UnknownModel
from coachwork.messages import Message, ModelRequest
from coachwork.models import ModelConfig, Models, ModelsConfig, ProviderConfig, RouteConfig
from coachwork.testing import script

HELLO = ModelRequest((Message.of("user", "Hello"),))


def models(tmp_path: Path, environ: dict[str, str] | None = None, **settings: object) -> Models:
    config = ModelsConfig.model_validate(settings)
    return Models(config, database=None, cache_dir=tmp_path, environ=environ or {})


def route(*names: str) -> dict[str, RouteConfig]:
    return {"smart": RouteConfig(models=list(names))}


def finding_ids(room: Models) -> list[str]:
    return [finding.id for finding in room.findings()]


async def test_a_model_without_its_key_is_passed_over(tmp_path):
    config = ModelsConfig(routes=route("anthropic:claude-sonnet-4-5", "fake:script"))
    room = Models(
        config, database=None, cache_dir=tmp_path, environ={}, extra_providers={"fake": script("Good morning")}
    )
    reply = await room.complete("smart", HELLO)
    assert (reply.text, reply.model, reply.attempts) == ("Good morning", "fake:script", ())


async def test_a_route_of_which_nothing_is_left_names_every_missing_variable(tmp_path):
    room = models(tmp_path, routes=route("anthropic:claude-sonnet-4-5", "openai:gpt-5-mini"))
    with pytest.raises(MissingKey, match="ANTHROPIC_API_KEY") as raised:
        await room.complete("smart", HELLO)
    assert "OPENAI_API_KEY" in str(raised.value)
    assert "export OPENAI_API_KEY=" in raised.value.hint
    assert "models.E003" in finding_ids(room)


async def test_a_literal_model_is_a_route_of_one(tmp_path):
    room = Models(ModelsConfig(), database=None, cache_dir=tmp_path, environ={}, extra_providers={"fake": script("Hi")})
    assert (await room.complete("fake:anything", HELLO)).model == "fake:anything"


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("smrt", "Did you mean 'smart'?"),
        ("anthropc:claude", "Did you mean 'anthropic'?"),
        ("local:qwen2.5-coder-1.5", "Did you mean 'qwen2.5-coder-1.5b'?"),
        ("fake:script", "The fake model is for tests"),
        ("openai:", "written provider:name"),
        ("local:minilm", "can't answer; it can make embeddings"),
    ],
)
async def test_a_wrong_name_is_answered_with_the_nearest(tmp_path, name, says):
    room = models(tmp_path, routes=route("openai:gpt-5-mini"))
    (tmp_path / "minilm").mkdir()
    room = models(tmp_path, routes=route("openai:gpt-5-mini"), models={"local:minilm": {"path": str(tmp_path)}})
    with pytest.raises(UnknownModel) as raised:
        await room.complete(name, HELLO)
    assert says in str(raised.value)


async def test_a_local_model_that_is_not_here_says_how_to_fetch_it(tmp_path):
    with pytest.raises(ModelUnavailable) as raised:
        await models(tmp_path).complete("default", HELLO)
    assert "`coachwork models pull local:qwen2.5-coder-1.5b` (1.12 GB, licence Apache-2.0" in raised.value.hint


async def test_a_file_of_the_users_own_that_is_not_there_is_named(tmp_path):
    room = models(tmp_path, models={"local:mine": ModelConfig(path="/nowhere/mine.gguf")})
    with pytest.raises(ModelUnavailable, match=r"/nowhere/mine\.gguf"):
        await room.complete("local:mine", HELLO)


def test_the_overview_tells_price_size_and_licence(tmp_path):
    room = models(
        tmp_path, {"OPENAI_API_KEY": "sk-1234"}, routes=route("openai:gpt-5-mini", "local:qwen2.5-coder-1.5b")
    )
    smart = next(info for info in room.route_info() if info.name == "smart")
    remote, local = smart.models
    assert (remote.usable, remote.input_nano_per_million, smart.first) == (True, 250_000_000, "openai:gpt-5-mini")
    assert (local.usable, local.input_nano_per_million, local.size) == (False, 0, 1_117_320_768)
    assert local.licence == "Apache-2.0"


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"routes": route("openai:gpt-5-mini")}, []),
        ({"routes": route("opnai:gpt-5-mini")}, ["models.E001"]),
        ({"routes": route("openai:gpt-5-minni")}, ["models.W001"]),
        ({"routes": route("lab:own"), "providers": {"lab": ProviderConfig(base_url="http://x/v1")}}, ["models.W003"]),
        ({"models": {"lokal:x": ModelConfig()}}, ["models.E001"]),
        ({"providers": {"local": ProviderConfig(base_url="http://x/v1")}}, ["models.E004"]),
        ({"routes": route("local:nothing-like-it")}, ["models.E002"]),
    ],
)
def test_findings(tmp_path, settings, expected):
    found = finding_ids(models(tmp_path, {"OPENAI_API_KEY": "sk-1234"}, **settings))
    assert [id for id in found if id != "models.W002"] == expected  # W002: the default local models are not fetched


def test_missing_lists_only_what_a_route_would_use_first(tmp_path):
    settings = {"routes": {**route("openai:gpt-5-mini", "local:qwen2.5-coder-1.5b")}}
    with_key = models(tmp_path, {"OPENAI_API_KEY": "sk-1234"}, **settings)
    without = models(tmp_path, **settings)
    assert "qwen2.5-coder-1.5b" in [weights.name for weights in with_key.missing()]  # the route `default`
    smart_only = {**settings["routes"], "default": RouteConfig(models=["openai:gpt-5-mini"])}
    assert [w.name for w in models(tmp_path, {"OPENAI_API_KEY": "x"}, routes=smart_only).missing({"chat"})] == []
    assert [w.name for w in without.missing({"embed"})] == ["minilm"]


def test_the_fake_is_never_a_misunderstanding(tmp_path):
    with pytest.raises(ProjectError, match="not allowed"):
        models(tmp_path, {"COACHWORK_FAKE_MODEL": "somewhere:fake"})
    with pytest.raises(ProjectError, match="can't be read"):
        models(tmp_path, {"COACHWORK_FAKE_MODEL": "no_such_module_at_all:fake", "COACHWORK_ALLOW_FAKE": "1"})


async def test_with_both_variables_every_chat_route_is_the_fake_and_says_so(tmp_path):
    (tmp_path / "answers.py").write_text('from coachwork.testing import script\nfake = script("From the fake")\n')
    environ = {"COACHWORK_FAKE_MODEL": f"{tmp_path / 'answers.py'}:fake", "COACHWORK_ALLOW_FAKE": "1"}
    room = models(tmp_path, environ, routes=route("anthropic:claude-sonnet-4-5"))
    reply = await room.complete("smart", HELLO)
    assert (reply.text, reply.model) == ("From the fake", "fake:script")
    assert finding_ids(room)[0] == "models.W004"
