"""What travels between the rooms: frozen data without behaviour. Knows shapes; does not know who made them."""

import base64
import binascii
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, Self, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

JsonValue: TypeAlias = Any  # None | bool | int | float | str | list | dict, as json.loads gives it
Role = Literal["system", "user", "assistant"]
FinishReason = Literal["stop", "length", "content_filter", "tool_call"]
RunStatus = Literal["queued", "running", "waiting", "succeeded", "failed", "cancelled"]
StepStatus = Literal["running", "waiting", "succeeded", "failed", "cancelled"]
StepKind = Literal["prompt", "search", "verify", "transcribe", "webhook", "approval", "tool", "step", "sleep", "patch"]
Verdict = Literal["supported", "unsupported", "contradicted"]
PersonsWord = Literal["accepted", "edited", "rejected", "expired"]
ENDED: frozenset[str] = frozenset({"succeeded", "failed", "cancelled"})


class Frozen(BaseModel):
    """A value that travels: immutable, and an unknown field is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


# ── To and from a model ────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class TextPart:
    text: str


@dataclass(frozen=True)
class MediaPart:
    """An image, a PDF or a sound for a model: raw bytes with their media type (`image/png`, `audio/wav` …)."""

    data: bytes
    media_type: str


@dataclass(frozen=True)
class ThinkingPart:
    """What a model thought, to be sent back to it. `signature` is the provider's own proof of it, opaque to us."""

    text: str
    signature: str = ""


@dataclass(frozen=True)
class ToolCallPart:
    """A model asks for a tool. `arguments` is JSON text as the model wrote it: not yet validated."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True)
class ToolResultPart:
    """What a tool gave, in a message of the user. `id` is the call's."""

    id: str
    name: str
    content: str
    failed: bool = False


Part: TypeAlias = TextPart | MediaPart | ThinkingPart | ToolCallPart | ToolResultPart


@dataclass(frozen=True)
class Message:
    role: Role
    parts: tuple[Part, ...]

    @classmethod
    def of(cls, role: Role, text: str) -> "Message":
        return cls(role, (TextPart(text),))

    @property
    def text(self) -> str:
        return "".join(part.text for part in self.parts if isinstance(part, TextPart))


@dataclass(frozen=True)
class ToolSpec:
    """A tool a model may ask for. `schema` is the JSON Schema (2020-12) of its arguments, an object."""

    name: str
    description: str
    schema: Mapping[str, Any]


Thinking = Literal["off", "low", "medium", "high"]


@dataclass(frozen=True)
class ModelRequest:
    """One question to a route.

    `schema` is a JSON Schema (2020-12) the answer must fit, None for free text. `max_tokens` bounds
    the answer; `seconds` bounds the whole call, both None for the route's own limit. `tool_choice` is
    "auto", "none", "required" or a tool's name. `thinking` is effort in one word, None for the model's
    own. `probabilities` asks for the tokens' probabilities where the provider gives them. `stop` are texts
    at which the answer ends. `max_cost_nano` is the most that the whole call may cost, in 1e-9 US dollars.

    `alternatives` are routes whose models follow where those of the first all failed. `variants` are the
    question as certain models (`provider:name`) get it instead: see `on`.
    """

    messages: tuple[Message, ...]
    schema: Mapping[str, Any] | None = None
    schema_name: str = "answer"
    temperature: float | None = None
    max_tokens: int | None = None
    seconds: float | None = None
    tools: tuple[ToolSpec, ...] = ()
    tool_choice: str = "auto"
    thinking: Thinking | None = None
    probabilities: bool = False
    top_p: float | None = None
    seed: int | None = None
    stop: tuple[str, ...] = ()
    max_cost_nano: int | None = None
    alternatives: tuple[str, ...] = ()
    variants: Mapping[str, "ModelRequest"] = field(default_factory=dict)

    def on(self, model: str) -> "ModelRequest":
        """The question as `model` gets it."""
        return self.variants.get(model, self)


@dataclass(frozen=True)
class Usage:
    """Tokens by kind.

    Parts of `input_tokens`: `cached_tokens` (read from the provider's prefix cache), `cache_write_tokens`
    (written to it) and `input_audio_tokens`. Parts of `output_tokens`: `thinking_tokens`, `output_audio_tokens`.
    `searches` are what a reranker is billed by: a query with up to 100 short texts is one.
    `estimated` where the provider did not get to say and we counted.
    """

    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    cache_write_tokens: int = 0
    thinking_tokens: int = 0
    input_audio_tokens: int = 0
    output_audio_tokens: int = 0
    audio_seconds: float = 0.0
    images: int = 0
    searches: int = 0
    estimated: bool = False

    def __add__(self, other: "Usage") -> "Usage":
        return Usage(
            self.input_tokens + other.input_tokens,
            self.output_tokens + other.output_tokens,
            self.cached_tokens + other.cached_tokens,
            self.cache_write_tokens + other.cache_write_tokens,
            self.thinking_tokens + other.thinking_tokens,
            self.input_audio_tokens + other.input_audio_tokens,
            self.output_audio_tokens + other.output_audio_tokens,
            self.audio_seconds + other.audio_seconds,
            self.images + other.images,
            self.searches + other.searches,
            self.estimated or other.estimated,
        )


@dataclass(frozen=True)
class Attempt:
    """A try of a call that failed before its first token, and why the next one was made."""

    model: str
    code: str
    message: str
    seconds: float


@dataclass(frozen=True)
class Source:
    """A place that the provider itself says its answer stands on. `quote` is the provider's word, not yet proved.

    `document` is its title, address or index; `start`..`end` are character offsets there, None where not given.
    """

    document: str
    quote: str = ""
    start: int | None = None
    end: int | None = None


@dataclass(frozen=True)
class Reply:
    """A whole answer. `cost_nano` is in 1e-9 US dollars, None where the price is unknown; times in seconds.

    `cached`: it was answered before and cost nothing now. `sources` are the provider's own citations.
    `probabilities` are (token, natural logarithm of its probability), in the order of the text.
    """

    text: str
    finish_reason: FinishReason
    model: str
    usage: Usage
    cost_nano: int | None
    seconds: float
    first_token_seconds: float | None
    cached: bool = False
    thinking: str = ""
    attempts: tuple[Attempt, ...] = ()
    tool_calls: tuple[ToolCallPart, ...] = ()
    sources: tuple[Source, ...] = ()
    probabilities: tuple[tuple[str, float], ...] = ()
    thinking_signature: str = ""


@dataclass(frozen=True)
class TextDelta:
    text: str


@dataclass(frozen=True)
class ThinkingDelta:
    text: str


@dataclass(frozen=True)
class ToolCallDelta:
    """A piece of a tool call: `index` counts the calls of the answer from 0, `arguments` is more of its JSON text.

    The first piece of a call brings its `id` and `name`.
    """

    index: int
    id: str = ""
    name: str = ""
    arguments: str = ""


@dataclass(frozen=True)
class SourceFound:
    source: Source


@dataclass(frozen=True)
class Restarted:
    """What came so far is void: the next model of the route starts the answer over."""

    reason: str


@dataclass(frozen=True)
class Finished:
    reply: Reply


ModelEvent: TypeAlias = TextDelta | ThinkingDelta | ToolCallDelta | SourceFound | Restarted | Finished


# ── What people type, speak and read ───────────────────────────────────────────────────────────

_DATA_URL = re.compile(r"data:(?P<type>[\w.+-]+/[\w.+-]+)(?:;[\w=.+-]+)*;base64,(?P<data>[A-Za-z0-9+/=\s]*)\Z")


class Media:
    """Bytes of a known kind as an input. In JSON it is a data URL: `data:image/png;base64,…`. Use a class below."""

    __slots__ = ("data", "media_type")
    media_prefix: ClassVar[str]
    what: ClassVar[str]
    such_as: ClassVar[str]

    def __init__(self, data: bytes, media_type: str = "") -> None:
        self.data = data
        self.media_type = media_type or self.such_as.split(",")[0]

    def __repr__(self) -> str:
        return f"{type(self).__name__}({len(self.data)} bytes of {self.media_type})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Media) and (self.data, self.media_type) == (other.data, other.media_type)

    def __hash__(self) -> int:
        return hash((self.data, self.media_type))

    def to_url(self) -> str:
        return f"data:{self.media_type};base64,{base64.b64encode(self.data).decode()}"

    @classmethod
    def from_url(cls, url: str) -> Self:
        """Read a data URL. Raises ValueError where it is none, or not of this kind."""
        match = _DATA_URL.match(url)
        if match is None:
            raise ValueError(f"{cls.what} is sent as a data URL: data:{cls.such_as.split(',')[0]};base64,…")
        if not match["type"].startswith(cls.media_prefix):
            raise ValueError(f"this is {match['type']!r}, not {cls.what} ({cls.such_as} …)")
        try:
            return cls(base64.b64decode(match["data"], validate=False), match["type"])
        except binascii.Error as error:
            raise ValueError(f"the base64 of {cls.what} is broken: {error}") from None

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        from_text = core_schema.chain_schema(
            [core_schema.str_schema(), core_schema.no_info_plain_validator_function(cls.from_url)]
        )
        return core_schema.json_or_python_schema(
            json_schema=from_text,
            python_schema=core_schema.union_schema([core_schema.is_instance_schema(cls), from_text]),
            serialization=core_schema.plain_serializer_function_ser_schema(
                lambda media: media.to_url(), return_schema=core_schema.str_schema()
            ),
        )

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        kind = cls.media_prefix + "*" if cls.media_prefix.endswith("/") else cls.media_prefix
        return {"type": "string", "format": "data-url", "contentMediaType": kind}


class Audio(Media):
    """A recording as an input of a pipeline or a prompt. In JSON it is a data URL: `data:audio/wav;base64,…`."""

    __slots__ = ()
    media_prefix = "audio/"
    what = "a recording"
    such_as = "audio/wav, audio/mpeg"


class Image(Media):
    """A picture as an input of a pipeline or a prompt. In JSON it is a data URL: `data:image/png;base64,…`."""

    __slots__ = ()
    media_prefix = "image/"
    what = "a picture"
    such_as = "image/png, image/jpeg"


class Pdf(Media):
    """A PDF as an input of a pipeline or a prompt. In JSON it is a data URL: `data:application/pdf;base64,…`."""

    __slots__ = ()
    media_prefix = "application/pdf"
    what = "a PDF"
    such_as = "application/pdf"


class SpokenWord(Frozen):
    """A word of a recording. `start` and `end` in seconds from its beginning."""

    word: str
    start: float
    end: float


class Transcript(Frozen):
    """What was said in a recording. `language` is a BCP 47 tag where the model tells, `seconds` the length.

    `words` are there where the model gives their times.
    """

    text: str
    language: str = ""
    seconds: float = 0.0
    words: list[SpokenWord] = []


class Moderation(Frozen):
    """What a moderation model says of a text: whether it is flagged, and a score from 0 to 1 for each category."""

    flagged: bool
    scores: dict[str, float] = {}


class ChatMessage(Frozen):
    """One turn of a conversation. `run_id` names the run that gave an assistant's turn, to open its sources."""

    role: Literal["user", "assistant"]
    content: str = Field(min_length=1)
    run_id: str = ""


class Conversation(Frozen):
    """The turns so far, the newest question last. A pipeline that takes this is shown as a chat."""

    messages: list[ChatMessage] = Field(min_length=1)

    @property
    def question(self) -> str:
        """The newest thing the person said."""
        return next((turn.content for turn in reversed(self.messages) if turn.role == "user"), "")


class Scores(Frozen):
    """What each stage of a search gave a passage, None where the stage did not have it; ranks count from 1.

    `dense` is the cosine of the meaning, `words` what full-text search gives, `fused` both rankings in one from 0 to 1,
    times `boost`; `rerank` goes from 0 to 1. A `neighbour` was not found but stands beside a passage that was.
    """

    dense: float | None = None
    dense_rank: int | None = None
    words: float | None = None
    words_rank: int | None = None
    fused: float | None = None
    fused_rank: int | None = None
    boost: float = 1.0
    rerank: float | None = None
    neighbour: bool = False


class Passage(Frozen):
    """A piece of a document: `start` and `end` are character offsets in its stored text, `page` counts from 1.

    `digest` names its words with the titles above them; `scores` says how it was found.
    """

    knowledge: str
    document: str
    title: str
    title_path: list[str] = []
    page: int | None = None
    start: int
    end: int
    text: str
    score: float = 0.0
    digest: str = ""
    scores: Scores | None = None


class Citation(Frozen):
    """A place in a document. `quote` stands word for word at `start`..`end` of the document's stored text.

    `marker` is the number by which the answer's text refers to it: `[1]`.
    """

    marker: int
    knowledge: str
    document: str
    title: str
    title_path: list[str] = []
    page: int | None = None
    start: int
    end: int
    quote: str


class Sentence(Frozen):
    """A sentence of an answer: `start`..`end` in the answer's text, and whether the passages bear it out.

    `contradicted_by` is the place that says otherwise, where one does; such a sentence is never `supported`.
    `judged_by` is the model whose judgement it is, `provider:name`; "" where its words alone decided.
    """

    text: str
    start: int
    end: int
    supported: bool
    markers: list[int] = []
    contradicted_by: Citation | None = None
    judged_by: str = ""

    @property
    def verdict(self) -> Verdict:
        if self.supported:
            return "supported"
        return "contradicted" if self.contradicted_by else "unsupported"


class Checked(Frozen):
    """An answer held against its passages.

    `check_failed` says why a model that was to check it too did not: then the words alone decided.
    """

    text: str
    citations: list[Citation] = []
    sentences: list[Sentence] = []
    check_failed: str = ""

    @property
    def unsupported(self) -> list[Sentence]:
        """Those that the passages do not bear out, the contradicted ones among them."""
        return [sentence for sentence in self.sentences if not sentence.supported]

    @property
    def contradicted(self) -> list[Sentence]:
        return [sentence for sentence in self.sentences if sentence.verdict == "contradicted"]


class Answer(Checked):
    """An answer from documents. `found`: at least one of its sentences is proved by them.

    Where none is, `near_misses` are the passages that came nearest to the question.
    """

    found: bool
    near_misses: list[Passage] = []


# ── A run, as it is shown ──────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class PersonsAnswer:
    """What a person said to `Scope.ask_person`: `value` is the edited one after an edit, else the one asked about.

    `by` is who decided, "expiry" where nobody did in time.
    """

    status: PersonsWord
    value: Any
    comment: str = ""
    by: str = ""

    @property
    def accepted(self) -> bool:
        """True for an accepted or an edited value."""
        return self.status in ("accepted", "edited")


@dataclass
class StepRecord:
    """What a step tells about itself while it works. The only message that is filled in as it goes.

    `how` a model's answer was read, `mended` what was wrong with it; `confidence` is the probability, from 0
    to 1, that the model gave to each enum and boolean it wrote, by its place in the value. `reasoning` is what
    it thought before it answered. One that is not `repeatable` is not begun again where a crash had cut it.
    `within` is where it stands in the code of its run, see `tracing.places`. `tainted` says that what it gave was
    written by strangers, or with their words in sight.
    """

    kind: StepKind
    name: str
    label: str = ""
    input: JsonValue = None
    detail: str = ""
    model: str = ""
    route: str = ""
    prompt_version: str = ""
    how: str = ""
    mended: Sequence[str] = ()
    confidence: Mapping[str, float] = field(default_factory=dict)
    reasoning: str = ""
    cached: bool = False
    cost_nano: int | None = 0
    usage: Usage = field(default_factory=Usage)
    attempts: Sequence[Attempt] = ()
    repeatable: bool = True
    within: Sequence[str] = ()
    tainted: bool = False
