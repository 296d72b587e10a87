"""The provider server through the official SDKs: what they read is what was answered, streamed and plain."""

import json
from collections.abc import Iterator

import pytest

from coachwork.messages import ToolCallPart, Usage
from coachwork.testing import Answer, ProviderServer
from coachwork.testing.provider.wires import MODELS

anthropic = pytest.importorskip("anthropic")
openai = pytest.importorskip("openai")
genai = pytest.importorskip("google.genai")

PERSON = {
    "type": "object",
    "properties": {
        "name": {"type": "string"},
        "born": {"type": "string", "format": "date"},
        "age": {"type": "integer"},
    },
    "required": ["name", "born", "age"],
    "additionalProperties": False,
}
WEATHER = {"type": "object", "properties": {"city": {"type": "string", "enum": ["Oslo", "Rome"]}}, "required": ["city"]}
HELLO = [{"role": "user", "content": "Hello, naïve ☂ world"}]
SAID = "You said: Hello, naïve ☂ world"


@pytest.fixture(scope="module")
def server() -> Iterator[ProviderServer]:
    with ProviderServer() as running:
        yield running


@pytest.fixture
def chat(server):
    with openai.OpenAI(base_url=server.url + "/v1", api_key="any", max_retries=0) as client:
        yield client


@pytest.fixture
def claude(server):
    with anthropic.Anthropic(base_url=server.url, api_key="any", max_retries=0) as client:
        yield client


@pytest.fixture
def gemini(server):
    return genai.Client(api_key="any", http_options={"base_url": server.url})


# ── OpenAI ─────────────────────────────────────────────────────────────────────────────────────


def test_chat_completions_say_the_same_plain_and_streamed(chat):
    whole = chat.chat.completions.create(model="gpt-5-mini", messages=HELLO)
    assert (whole.choices[0].message.content, whole.choices[0].finish_reason) == (SAID, "stop")
    with chat.chat.completions.stream(
        model="gpt-5-mini", messages=HELLO, stream_options={"include_usage": True}
    ) as stream:
        final = stream.get_final_completion()
    assert final.choices[0].message.content == SAID
    assert final.usage == whole.usage
    assert whole.usage.total_tokens == whole.usage.prompt_tokens + whole.usage.completion_tokens > 0


def test_chat_completions_call_tools_and_take_their_results(chat):
    tools = [{"type": "function", "function": {"name": "get_weather", "parameters": WEATHER}}]
    asked = [{"role": "user", "content": "Please call get_weather"}]
    said = chat.chat.completions.create(model="gpt-5", messages=asked, tools=tools).choices[0]
    assert said.finish_reason == "tool_calls"
    (call,) = said.message.tool_calls
    assert (call.function.name, json.loads(call.function.arguments)) == ("get_weather", {"city": "Oslo"})
    with chat.chat.completions.stream(model="gpt-5", messages=asked, tools=tools) as stream:
        streamed = stream.get_final_completion().choices[0].message.tool_calls[0]
    assert (streamed.function.name, streamed.function.arguments) == (call.function.name, call.function.arguments)
    result = {"role": "tool", "tool_call_id": call.id, "content": "rain"}
    done = chat.chat.completions.create(model="gpt-5", messages=[*asked, said.message, result], tools=tools)
    assert done.choices[0].message.content == "The tool said: rain"


def test_chat_completions_fit_the_schema(chat):
    shape = {"type": "json_schema", "json_schema": {"name": "person", "schema": PERSON, "strict": True}}
    whole = chat.chat.completions.create(model="gpt-5", messages=HELLO, response_format=shape)
    assert json.loads(whole.choices[0].message.content) == {"name": "text", "born": "2026-01-31", "age": 1}


def test_a_token_limit_cuts_the_answer_and_says_so(chat):
    whole = chat.chat.completions.create(model="gpt-5", messages=HELLO, max_completion_tokens=2)
    assert (whole.choices[0].message.content, whole.choices[0].finish_reason) == ("You said", "length")
    assert whole.usage.completion_tokens == 2


def test_probabilities_come_where_they_are_asked_for(chat):
    whole = chat.chat.completions.create(model="gpt-5", messages=HELLO, logprobs=True)
    assert "".join(token.token for token in whole.choices[0].logprobs.content) == SAID


def test_responses_say_the_same_plain_and_streamed(chat):
    whole = chat.responses.create(model="gpt-5", input="Hello")
    assert (whole.output_text, whole.status) == ("You said: Hello", "completed")
    with chat.responses.stream(model="gpt-5", input="Hello", reasoning={"effort": "low"}) as stream:
        numbers = [event.sequence_number for event in stream]
        final = stream.get_final_response()
    assert numbers == list(range(len(numbers)))
    assert final.output_text == whole.output_text
    assert final.output[0].summary[0].text == "Let me think about that."
    assert final.usage.output_tokens_details.reasoning_tokens > 0


def test_responses_call_tools_and_fit_the_schema(chat):
    tools = [{"type": "function", "name": "get_weather", "parameters": WEATHER, "strict": False}]
    with chat.responses.stream(model="gpt-5", input="Hello", tools=tools, tool_choice="required") as stream:
        (call,) = stream.get_final_response().output
    assert (call.name, json.loads(call.arguments)) == ("get_weather", {"city": "Oslo"})
    shape = {"format": {"type": "json_schema", "name": "person", "schema": PERSON}}
    assert json.loads(chat.responses.create(model="gpt-5", input="Hello", text=shape).output_text)["age"] == 1


def test_openai_embeds_moderates_listens_and_lists(chat):
    near, far = chat.embeddings.create(
        model="text-embedding-3-small", input=["a red bike", "tax law"], dimensions=32
    ).data
    assert len(near.embedding) == 32
    assert near.embedding != far.embedding
    assert sum(value * value for value in near.embedding) == pytest.approx(1)
    calm, wild = chat.moderations.create(model="omni-moderation-latest", input=["tea", "much violence"]).results
    assert (calm.flagged, wild.flagged, wild.categories.violence) == (False, True, True)
    heard = chat.audio.transcriptions.create(
        model="whisper-1", file=("a.wav", wav(2.0)), response_format="verbose_json", timestamp_granularities=["word"]
    )
    assert heard.text == "This sound is 2 seconds long."
    assert (heard.duration, heard.words[-1].end) == (2.0, 2.0)
    assert heard.usage.seconds == 2
    assert {model.id for model in chat.models.list()} == set(MODELS["openai"])


def wav(seconds: float) -> bytes:
    from coachwork.models.check import silence

    return silence(seconds)


# ── Anthropic ──────────────────────────────────────────────────────────────────────────────────


def test_messages_say_the_same_plain_and_streamed(claude):
    whole = claude.messages.create(model="claude-haiku-4-5", max_tokens=100, messages=HELLO)
    assert (whole.content[0].text, whole.stop_reason) == (SAID, "end_turn")
    with claude.messages.stream(
        model="claude-haiku-4-5",
        max_tokens=2000,
        messages=HELLO,
        thinking={"type": "enabled", "budget_tokens": 1024},
    ) as stream:
        final = stream.get_final_message()
    thought, said = final.content
    assert (thought.thinking, thought.signature, said.text) == ("Let me think about that.", "c2lnbmVk", SAID)
    assert final.usage.output_tokens > whole.usage.output_tokens
    assert final.usage.input_tokens == whole.usage.input_tokens


def test_messages_call_tools_and_take_their_results(claude):
    tools = [{"name": "get_weather", "input_schema": WEATHER}]
    asked = [{"role": "user", "content": "Hello"}]
    forced = {"type": "tool", "name": "get_weather"}
    given = {"model": "claude-haiku-4-5", "max_tokens": 100, "tools": tools}
    said = claude.messages.create(**given, messages=asked, tool_choice=forced)
    assert said.stop_reason == "tool_use"
    assert (said.content[0].name, said.content[0].input) == ("get_weather", {"city": "Oslo"})
    with claude.messages.stream(**given, messages=asked, tool_choice={"type": "any"}) as stream:
        assert stream.get_final_message().content[0].input == {"city": "Oslo"}
    result = {"type": "tool_result", "tool_use_id": said.content[0].id, "content": "rain"}
    turns = [*asked, {"role": "assistant", "content": said.content}, {"role": "user", "content": [result]}]
    assert claude.messages.create(**given, messages=turns).content[0].text == "The tool said: rain"


def test_messages_fit_the_schema_count_and_list(claude):
    shape = {"format": {"type": "json_schema", "schema": PERSON}}
    said = claude.messages.create(model="claude-haiku-4-5", max_tokens=100, messages=HELLO, output_config=shape)
    assert json.loads(said.content[0].text)["age"] == 1
    assert claude.messages.count_tokens(model="claude-haiku-4-5", messages=HELLO).input_tokens == 5
    assert {model.id for model in claude.models.list()} == set(MODELS["anthropic"])


# ── Gemini ─────────────────────────────────────────────────────────────────────────────────────


def test_gemini_says_the_same_plain_and_streamed(gemini):
    whole = gemini.models.generate_content(model="gemini-2.5-flash", contents="Hello ☂")
    assert (whole.text, whole.candidates[0].finish_reason.value) == ("You said: Hello ☂", "STOP")
    thinks = genai.types.GenerateContentConfig(thinking_config={"include_thoughts": True})
    chunks = list(gemini.models.generate_content_stream(model="gemini-2.5-flash", contents="Hello ☂", config=thinks))
    parts = [part for chunk in chunks for part in chunk.candidates[0].content.parts]
    assert "".join(part.text for part in parts if not part.thought) == whole.text
    assert "".join(part.text for part in parts if part.thought) == "Let me think about that."
    assert chunks[-1].usage_metadata.candidates_token_count == whole.usage_metadata.candidates_token_count


def test_gemini_calls_tools_fits_the_schema_and_embeds(gemini):
    function = {"name": "get_weather", "parameters_json_schema": WEATHER}
    tools = genai.types.GenerateContentConfig(tools=[{"function_declarations": [function]}])
    called = gemini.models.generate_content(model="gemini-2.5-flash", contents="Use get_weather", config=tools)
    (call,) = called.function_calls
    assert (call.name, call.args) == ("get_weather", {"city": "Oslo"})
    for field, schema in (("response_json_schema", PERSON), ("response_schema", {"type": "OBJECT", "properties": {}})):
        shape = genai.types.GenerateContentConfig(**{field: schema, "response_mime_type": "application/json"})
        text = gemini.models.generate_content(model="gemini-2.5-flash", contents="Hello", config=shape).text
        assert isinstance(json.loads(text), dict)
    made = gemini.models.embed_content(model="gemini-embedding-001", contents=["red bike", "red bike", "tax"])
    one, same, other = (embedding.values for embedding in made.embeddings)
    assert one == same != other
    assert {model.name for model in gemini.models.list()} == {f"models/{name}" for name in MODELS["gemini"]}


# ── The script and the log ─────────────────────────────────────────────────────────────────────


def test_a_script_answers_before_the_echo(server, chat, claude):
    server.answer(
        Answer("It rains.", when="weather", usage=Usage(100, 20, cached_tokens=60)),
        Answer(tool_calls=(ToolCallPart("c1", "look", '{"at": 1}'),)),
        "Only once",
    )
    asked = [{"role": "user", "content": "How is the weather?"}]
    said = claude.messages.create(model="claude-haiku-4-5", max_tokens=100, messages=asked)
    assert said.content[0].text == "It rains."
    assert (said.usage.input_tokens, said.usage.cache_read_input_tokens, said.usage.output_tokens) == (40, 60, 20)
    called = chat.chat.completions.create(model="gpt-5", messages=HELLO).choices[0]
    assert (called.finish_reason, called.message.tool_calls[0].function.arguments) == ("tool_calls", '{"at": 1}')
    texts = [chat.chat.completions.create(model="gpt-5", messages=HELLO).choices[0].message.content for _ in range(2)]
    assert texts == ["Only once", SAID]


def test_a_request_that_is_none_is_refused_in_the_wires_own_words(chat, claude):
    schema = {"type": "string", "pattern": "^q{9}$"}
    shape = {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}
    with pytest.raises(openai.BadRequestError, match="no value could be made up"):
        chat.chat.completions.create(model="gpt-5", messages=HELLO, response_format=shape)
    with pytest.raises(anthropic.BadRequestError, match="Did you mean 'cut-after'"):
        claude.messages.create(model="claude-haiku-4-5+cut-aftr-3", max_tokens=10, messages=HELLO)
    with pytest.raises(openai.NotFoundError, match="has no POST /v1/images"):
        chat.images.generate(prompt="a bike")
