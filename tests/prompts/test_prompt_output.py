# ruff: noqa: E501  # tables read best with one case a line
"""What models write, and what may be made of it: the right value, or a refusal that says why."""

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Generic, Literal, NamedTuple, NotRequired, TypeVar
from uuid import UUID

import pytest
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter
from typing_extensions import TypedDict

from coachwork.errors import ModelRefused, OutputRefused, OutputTruncated, ProjectError
from coachwork.prompts.output import read_output

from . import prompt_shapes as shapes
from .prompt_shapes import (
    AllOptional,
    Answer,
    Checked,
    Circle,
    Code,
    Config,
    Drawing,
    Event,
    IntOrStr,
    Invoice,
    Item,
    Language,
    Person,
    Rect,
    Review,
    Strict,
    Tagged,
    Tags,
    Ticket,
    Tree,
)

MALFORMED = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "malformed" / "cases.json"
ANN = {"name": "Ann", "age": 30, "email": None}
REFUSED = "refused"
T = TypeVar("T")


def read(text: str, target: Any) -> Any:
    """The value as JSON, or REFUSED."""
    try:
        value = read_output(text, target, cut=False).value
    except OutputRefused:
        return REFUSED
    return value if isinstance(target, dict) else json.loads(TypeAdapter(target).dump_json(value))


@pytest.mark.parametrize("as_schema", [True, False], ids=["schema", "type"])
def test_every_malformed_output_of_the_shared_set_is_right_or_refused(as_schema: bool) -> None:
    if not MALFORMED.exists():
        pytest.skip("../shared/data/malformed is not here")
    data = json.loads(MALFORMED.read_text("utf-8"))
    wrong = []
    for case in data["cases"]:
        target = data["schemas"][case["schema"]] if as_schema else shapes.MALFORMED[case["schema"]]
        expected = REFUSED if case["expected"] == "REJECT" else case["expected"]
        if (got := read(case["text"], target)) != expected:
            wrong.append((case["id"], got))
    assert wrong == []


RIGHT: list[tuple[str, Any, Any]] = [
    # dressed
    ('~~~json\n{"name":"Ann","age":30}\n~~~', Person, ANN),
    ('```JSON5\n{name: "Ann", age: 30,}\n```', Person, ANN),
    ('**Answer:** `{"name":"Ann","age":30}`', Person, ANN),
    ('<answer>\n{"name":"Ann","age":30}\n</answer>', Person, ANN),
    ('<thinking>maybe {"name":"Bob","age":1}</thinking>{"name":"Ann","age":30}', Person, ANN),
    ('Let me see. <think>{"name":"Bob","age":1}</think>{"name":"Ann","age":30}', Person, ANN),
    ('The user wants {"name":"Bob","age":1}?\n</think>\n\n{"name":"Ann","age":30}', Person, ANN),
    ('As [1] says: {"name":"Ann","age":30} (see [2]).', Person, ANN),
    ('For example {"name":"X","age":0}. Here: {"name":"Ann","age":30}', Person, ANN),
    ('Format: {"name": ..., "age": ...}\n{"name":"Ann","age":30}', Person, ANN),
    ('Schema: {"name": "<string>", "age": 0}\nOutput: {"name":"Ann","age":30}', Person, ANN),
    ('{"name":"Bob","age":1}\n\nCorrected answer:\n{"name":"Ann","age":30}', Person, ANN),
    ('```json\n{"name":"Ann","age":30}\n```\n```json\n{"age":30,"name":"Ann"}\n```', Person, ANN),
    ('"```json\\n{\\"name\\":\\"Ann\\",\\"age\\":30}\\n```"', Person, ANN),
    ('"name": "Ann", "age": 30}', Person, ANN),
    ('{"name":"Ann","age":30}}}]', Person, ANN),
    ('<tool_call>{"name":"answer","arguments":{"name":"Ann","age":30}}</tool_call>', Person, ANN),
    ('{"name":"answer","arguments":"{\\"name\\":\\"Ann\\",\\"age\\":30}"}', Person, ANN),
    ('{"response":{"person":{"name":"Ann","age":30}}}', Person, ANN),
    ('{"result":"{\\"name\\":\\"Ann\\",\\"age\\":30}"}', Person, ANN),
    ('{"type":"object","properties":{"name":"Ann","age":30}}', Person, ANN),
    ("\ufeff\u200b{'name': 'Ann', 'age': 30}", Person, ANN),
    # syntax
    ("{'name': \"Ann\", 'age': 30, 'email': None}", Person, ANN),
    ("{'reasoning': 'it's fine', 'answer': 'yes'}", Answer, {"reasoning": "it's fine", "answer": "yes"}),
    ("{'reasoning': 'a \\'b\\' c', 'answer': 'yes'}", Answer, {"reasoning": "a 'b' c", "answer": "yes"}),
    ("{‘name’: ‘Ann’, ‘age’: 30}", Person, ANN),
    ('{"reasoning": “He said “no” twice”, "answer": "yes"}', Answer, {"reasoning": "He said “no” twice", "answer": "yes"}),
    ('{"name":"Ann"\n"age":30}', Person, ANN),
    ('{"name":"Ann",\n# her age\n"age":30}', Person, ANN),
    ('{"name":"Ann","age":+30}', Person, ANN),
    ('{"items":[],"total":1_200.,"paid":False}', Invoice, {"items": [], "total": 1200.0, "paid": False}),
    ('{"items":[],"total":.5,"paid":TRUE}', Invoice, {"items": [], "total": 0.5, "paid": True}),
    ('{"items":[],"total":1,234.50,"paid":true}', Invoice, {"items": [], "total": 1234.5, "paid": True}),
    ('{"items":[],"total":$12.50,"paid":true}', Invoice, {"items": [], "total": 12.5, "paid": True}),
    ('{"category": Refund, "priority": high, "summary": "x"}', Ticket, {"category": "Refund", "priority": "high", "summary": "x"}),
    ('{"reasoning":"a\tb","answer":"yes"}', Answer, {"reasoning": "a\tb", "answer": "yes"}),
    ('{"reasoning":"match \\d+\\.\\d+","answer":"yes"}', Answer, {"reasoning": "match \\d+\\.\\d+", "answer": "yes"}),
    ('{"reasoning":"say \\"hi\\" and \\d","answer":"yes"}', Answer, {"reasoning": 'say "hi" and \\d', "answer": "yes"}),
    ('{"reasoning":"one " + "two","answer":"yes",}', Answer, {"reasoning": "one two", "answer": "yes"}),
    ('{"reasoning":"a 5" screen","answer":"yes"}', Answer, {"reasoning": 'a 5" screen', "answer": "yes"}),
    ('{"reasoning":"He said "hello", then left","answer":"yes"}', Answer, {"reasoning": 'He said "hello", then left', "answer": "yes"}),
    ('{"language":"py","code":"print("hi")"}', Code, {"language": "py", "code": 'print("hi")'}),
    ('{"tags":["a","b"}', Tags, {"tags": ["a", "b"]}),
    ('{"items":[{"desc":"pen","qty":2,"price":1.5],"total":3,"paid":true}', Invoice,
     {"items": [{"desc": "pen", "qty": 2, "price": 1.5}], "total": 3.0, "paid": True}),
    ('{"reasoning":"x","answer":"y"\n```\n', Answer, {"reasoning": "x", "answer": "y"}),
    ('```json\n{"reasoning":"x","answer":"y"\n```', Answer, {"reasoning": "x", "answer": "y"}),
    ('{"tags":["https://a.org//b", "# not a comment", "/* nor this */",]}', Tags,
     {"tags": ["https://a.org//b", "# not a comment", "/* nor this */"]}),
    ('{"name":"Ann","name":"Ann","age":30}', Person, ANN),
    ('{"reasoning":"smile \\ud83d\\ude00","answer":"yes",}', Answer, {"reasoning": "smile 😀", "answer": "yes"}),
    # types
    ('{"name":["Ann"],"age":[30]}', Person, ANN),
    ('{"name":"Ann","age":"30.0"}', Person, ANN),
    ('{"name":"Ann","age":" 30 "}', Person, ANN),
    ('{"name":12345,"age":30}', Person, {"name": "12345", "age": 30, "email": None}),
    ('{"items":[],"total":"1,234,567","paid":"No"}', Invoice, {"items": [], "total": 1234567.0, "paid": False}),
    ('{"items":[],"total":"€ 12.50","paid":0}', Invoice, {"items": [], "total": 12.5, "paid": False}),
    ('{"items":[],"total":"12.50 USD","paid":1}', Invoice, {"items": [], "total": 12.5, "paid": True}),
    ('{"items":{"desc":"pen","qty":"2","price":"1.5"},"total":3,"paid":true}', Invoice,
     {"items": [{"desc": "pen", "qty": 2, "price": 1.5}], "total": 3.0, "paid": True}),
    ('{"items":"[]","total":3,"paid":true}', Invoice, {"items": [], "total": 3.0, "paid": True}),
    ('{"tags":"[\\"a\\", \\"b\\"]"}', Tags, {"tags": ["a", "b"]}),
    ('["a","b"]', Tags, {"tags": ["a", "b"]}),
    ('{"day":"March 5, 2026"}', Event, {"day": "2026-03-05", "at": None, "price": "0"}),
    ('{"day":"2026/03/05","price":"1,234.10"}', Event, {"day": "2026-03-05", "at": None, "price": "1234.10"}),
    ('{"day":"2026-03-05","price":0.1000000000000000055}', Event,
     {"day": "2026-03-05", "at": None, "price": "0.1000000000000000055"}),
    ('{"Full Name":"x","name":"Ann","level":3}', {"properties": {"name": {"type": "string"}}, "required": ["name"]}, {"name": "Ann"}),
    ('{"value":"5"}', IntOrStr, {"value": "5"}),
    ('{"a":{"b":null},"tags":[]}', Config, {"a": {"b": None}, "tags": []}),
    ('{"a":{"b":{"c":"none"}},"tags":["x"]}', Config, {"a": {"b": {"c": None}}, "tags": ["x"]}),
    # enums and unions
    ('{"category":"technical support","priority":"HIGH.","summary":"x"}', Ticket,
     {"category": "TechnicalSupport", "priority": "high", "summary": "x"}),
    ('{"category":"Category.Refund","priority":"`low`","summary":"x"}', Ticket,
     {"category": "Refund", "priority": "low", "summary": "x"}),
    ('{"category":["refund"],"priority":"low","summary":"x"}', Ticket, {"category": "Refund", "priority": "low", "summary": "x"}),
    ('{"language":"python","level":"2"}', Language, {"language": "Python", "level": 2}),
    ('{"shape":{"width":2,"height":3}}', Tagged, {"shape": {"kind": "rect", "width": 2.0, "height": 3.0}}),
    ('{"shape":{"circle":{"radius":2}}}', Tagged, {"shape": {"kind": "circle", "radius": 2.0}}),
    ('{"shape":{"kind":"RECT","width":"2","height":3}}', Drawing, {"shape": {"kind": "rect", "width": 2.0, "height": 3.0}}),
    # other roots
    ('[{"desc":"pen","qty":2,"price":1.5}]', list[Item], [{"desc": "pen", "qty": 2, "price": 1.5}]),
    ('{"answer":[{"desc":"pen","qty":2,"price":1.5}]}', list[Item], [{"desc": "pen", "qty": 2, "price": 1.5}]),
    ('{"items":[{"desc":"pen","qty":2,"price":1.5}]}', list[Item], [{"desc": "pen", "qty": 2, "price": 1.5}]),
    ('{"desc":"pen","qty":2,"price":1.5}', list[Item], [{"desc": "pen", "qty": 2, "price": 1.5}]),
    ('{"kind":"circle","radius":1}', Circle | Rect, {"kind": "circle", "radius": 1.0}),
    ('{"answer":"low"}', Literal["low", "high"], "low"),
    ("**High**", Literal["low", "high"], "high"),
    ('"high"', Literal["low", "high"], "high"),
    ("```\n30\n```", int, 30),
    ("true", bool, True),
    ('{"a": 1, "b": 2}', dict[str, int], {"a": 1, "b": 2}),
]  # fmt: skip


@pytest.mark.parametrize(("text", "target", "expected"), RIGHT, ids=[text[:50] for text, _, _ in RIGHT])
def test_what_has_one_reading_is_read(text: str, target: Any, expected: Any) -> None:
    assert read(text, target) == expected


WRONG: list[tuple[str, Any]] = [
    # two answers, or one and the remains of another
    ('{"name":"Ann","age":30} or {"name":"Bob","age":31}', Person),
    ('```json\n{"name":"Ann","age":30}\n```\n```json\n{"name":"Bob","age":31}\n```', Person),
    ('{"name":"Ann","age":30}\nWait, that is wrong: the name should be Bob.', Person),
    ('{"name":"Ann","age":30}\nCorrection: {"name":"Bob","age":"unknown"}', Person),
    ('{"name":"Ann","age":"unknown"}\n{"name":"Bob","age":31}', Person),
    ('{"name":"Ann","age":30}, "email":"a@x.org"}', Person),
    ('[{"name":"Ann","age":30},{"name":"Bob","age":31}]', Person),
    ('{"name":"Ann","age":30,"age":31}', Person),
    ('{"name":"Ann","Name":"Bob","age":30}', Person),
    ('{"value":"r","children":[{"value":"a","children":[]},{"value":"b"', Tree),
    # left out
    ('{"tags":["a","b",...]}', Tags),
    ('{"tags":["a", // and 20 more\n"b"]}', Tags),
    ('{"tags":["a",,"b"]}', Tags),
    ('{"items":[{"desc":"pen","qty":1,"price":2} /* rest omitted */],"total":2,"paid":true}', Invoice),
    ('{"tags":["a","b"', Tags),
    ('{"tags":["a"', Tags),
    ('{"tags":["a",', Tags),
    ('{"name":"Ann","age":30,"email":"a@x.org', Person),
    ('{"age":30,"name":"Ann"', Person),
    ('{"age":30,"name":"Ann","email":', Person),
    ('{"a":{"b":{"c":5', Config),
    ('<think>It is {"name":"Ann","age":30}', Person),
    # strings whose end or escapes are not certain
    ('{"tags":["a "b", "c" d","e"]}', Tags),
    ('{"name":"Ann"; "email":"x","age":30}', Person),
    ('{"reasoning":"C:\\new\\Users\\x\nthen\\nnext","answer":"y"}', Answer),
    ('{"reasoning":"use "</code>", ok","answer":"y}', Answer),
    # types
    ('{"name":"Ann","age":true}', Person),
    ('{"name":"Ann","age":"30 years"}', Person),
    ('{"name":"Ann","age":"~30"}', Person),
    ('{"name":"Ann","age":"30-35"}', Person),
    ('{"name":"Ann","age":"1.000"}', Person),
    ('{"name":"Ann","age":NaN}', Person),
    ('{"name":null,"age":30}', Person),
    ('{"name":true,"age":30}', Person),
    ('{"name":{"first":"Ann"},"age":30}', Person),
    ('{"name":name,"age":30}', Person),
    ('{"name":"Ann","age":30,"emial":"a@x.org"}', Person),
    ('{"name":"Ann","age":30,"email_address":"a@x.org"}', Person),
    ('{"items":[],"total":"1,5","paid":true}', Invoice),
    ('{"items":[],"total":"1.234,50","paid":true}', Invoice),
    ('{"items":[],"total":"1,234","paid":true}', Invoice),
    ('{"items":[],"total":"50%","paid":true}', Invoice),
    ('{"items":[],"total":"12k","paid":true}', Invoice),
    ('{"items":[],"total":1e999,"paid":true}', Invoice),
    ('{"items":null,"total":1,"paid":true}', Invoice),
    ('{"items":[],"total":1,"paid":"maybe"}', Invoice),
    ('{"items":[],"total":1,"paid":2}', Invoice),
    ('{"tags":"a, b"}', Tags),
    ('{"tags":null}', Tags),
    ('{"tags":["a",{"b":1}]}', Tags),
    ('{"verdict":null,"score":1}', Review),
    ('{"day":"03/04/2026"}', Event),
    ('{"day":"soon"}', Event),
    ('{"day":1700000000}', Event),
    # names, enums, unions
    ('{"name":"Ann","level":3,"extra":1}', Strict),
    ('{"name":"Ann","level":"6"}', Strict),
    ('{"low":5,"high":3}', Checked),
    ('{"error":"I could not find it"}', AllOptional),
    ('{"error":{"name":"Ann","age":30}}', Person),
    ('{"category":"Refund, CancelOrder","priority":"high","summary":"x"}', Ticket),
    ('{"category":"Refund?","priority":"high","summary":"x"}', Ticket),
    ('{"category":["Refund","CancelOrder"],"priority":"high","summary":"x"}', Ticket),
    ('{"category":"","priority":"high","summary":"x"}', Ticket),
    ('{"language":"C++"}', Language),
    ('{"shape":{"kind":"circle"}}', Drawing),
    ('{"shape":{"kind":"circle","width":2,"height":3}}', Drawing),
    ('{"shape":{"radius":1,"width":2,"height":3}}', Drawing),
    ('{"shape":{}}', Drawing),
    ("low or high", Literal["low", "high"]),
    ("The answer is 30.", int),
    # no answer
    ("", Person),
    ("   \n", Tags),
    ('{"name":"Ann"', Person),
    ('"I cannot do that"', Tags),
    ('["I cannot do that", "sorry"]', Person),
    ("[]", Person),
    ("{}", Person),
    ('{"a":' * 500, Person),
    ("[" * 5000, Tags),
    ('{"value":"r","children":[' * 300 + "]}" * 300, Tree),
]


@pytest.mark.parametrize(("text", "target"), WRONG, ids=[text[:50] for text, _ in WRONG])
def test_what_has_no_reading_or_two_is_refused(text: str, target: Any) -> None:
    with pytest.raises(OutputRefused) as refusal:
        read_output(text, target, cut=False)
    assert refusal.value.raw == text
    assert all(refusal.value.reasons)


@pytest.mark.parametrize(
    ("text", "how"),
    [
        ('{"name":"Ann","age":30}', "strict"),
        ('Here: {"name":"Ann","age":30}', "unwrapped"),
        ('Here: {"name":"Ann","age":30,}', "repaired"),
        ('Here: {"name":"Ann","age":"30",}', "coerced"),
        ('{"name":"Ann","age":"30"}', "coerced"),
    ],
)
def test_each_value_says_how_it_was_won(text: str, how: str) -> None:
    assert read_output(text, Person).how == how


def test_nothing_is_made_of_a_cut_answer() -> None:
    with pytest.raises(OutputTruncated, match="token limit") as cut:
        read_output('{"name":"Ann","age":30}', Person, cut=True)
    assert "max_tokens" in cut.value.hint


@pytest.mark.parametrize(
    "text", ["I'm sorry, but I can't help with that.", "I cannot produce tags for this text.", "Sorry, no."]
)
def test_a_model_that_declines_is_told_from_one_that_errs(text: str) -> None:
    with pytest.raises(ModelRefused):
        read_output(text, Person)


def test_reasons_name_the_field_and_the_value() -> None:
    with pytest.raises(OutputRefused) as refusal:
        read_output('{"category":"Shipping","priority":"high"}', Ticket)
    assert refusal.value.reasons == [
        "category: should be one of 'Refund', 'CancelOrder', 'TechnicalSupport', is 'Shipping'",
        "summary: is missing",
    ]


def test_a_users_own_validator_takes_part() -> None:
    with pytest.raises(OutputRefused) as refusal:
        read_output('{"low":5,"high":3}', Checked)
    assert refusal.value.reasons == ["high: must not be below low (5), is 3"]


@pytest.mark.parametrize(
    ("schema", "named"),
    [
        ({"type": "object", "properties": {"age": {"nullable": True}}}, r"properties\.age\.nullable"),
        ({"properties": {"age": {"requried": ["x"]}}}, r"properties\.age\.requried"),
        ({"anyOf": [{"$dynamicRef": "#x"}]}, r"anyOf\.0\.\$dynamicRef"),
        ({"items": [{"type": "string"}]}, "items as a list"),
        ({"properties": {"at": {"type": "string", "format": "hostname"}}}, r"properties\.at\.format 'hostname'"),
        ({"properties": {"of": {"$ref": "#/$defs/None"}}}, r"\$ref to '#/\$defs/None'"),
        ({"properties": {"of": {"$ref": "https://example.org/schema"}}}, r"\$ref to 'https://"),
        ({"$defs": {"a": {"$ref": "#/$defs/a"}}, "$ref": "#/$defs/a"}, r"\$ref to '#/\$defs/a'"),
        ({"properties": {"age": {"type": "dict"}}}, r"properties\.age\.type: 'dict' is not valid"),
        ({"properties": {"name": {"pattern": "(?<x>a)"}}}, r"properties\.name\.pattern"),
        ({"$schema": "https://json-schema.org/draft-04/schema#", "type": "object"}, r"\$schema 'https://"),
    ],
)
def test_a_schema_that_would_not_be_checked_is_refused_by_name(schema: Any, named: str) -> None:
    with pytest.raises(ProjectError, match=named):
        read_output("{}", schema)


@pytest.mark.parametrize(
    ("schema", "text", "expected"),
    [
        ({"type": "object", "patternProperties": {"^n_": {"type": "integer"}}, "additionalProperties": False},
         '{"n_a": "5"}', {"n_a": 5}),
        ({"type": "object", "patternProperties": {"^n_": {"type": "integer"}}, "additionalProperties": False},
         '{"m": 5}', REFUSED),
        ({"type": "object", "properties": {"a": {"type": "integer"}}, "not": {"required": ["b"]}}, '{"a": "1"}', {"a": 1}),
        ({"type": "object", "properties": {"a": {"type": "integer"}}, "not": {"required": ["b"]}}, '{"a": 1, "b": 1}', REFUSED),
        ({"type": "object", "properties": {"card": {"type": "string"}, "code": {"type": "string"}}, "dependentRequired": {"card": ["code"]}},
         '{"card": "1"}', REFUSED),
        ({"allOf": [{"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]},
                    {"type": "object", "properties": {"b": {"type": "boolean"}}, "required": ["b"]}]},
         '{"a": "1", "b": "yes"}', {"a": 1, "b": True}),
        ({"type": "object", "properties": {"x": {"$ref": "#/properties/y"}, "y": {"type": "integer"}}}, '{"x": "1"}', {"x": 1}),
        ({"type": "object", "properties": {"mail": {"type": "string", "format": "email"}}, "required": ["mail"]},
         '{"mail": "nobody"}', REFUSED),
        ({"type": "array", "items": {"type": "integer"}, "contains": {"const": 7}}, "[1, 2]", REFUSED),
        ({"type": "array", "items": {"type": "integer"}, "contains": {"const": 7}}, '["7"]', [7]),
        ({"type": "object", "properties": {"a": {"type": "string"}},
          "anyOf": [{"required": ["a"]}, {"properties": {"b": {"type": "integer"}}, "required": ["b"]}]}, '{"b": "2"}', {"b": 2}),
    ],
)  # fmt: skip
def test_a_bare_schema_has_the_last_word(schema: Any, text: str, expected: Any) -> None:
    assert read(text, schema) == expected


class _Left(BaseModel):
    bar: int


class _Right(BaseModel):
    foo: str


def test_a_value_that_fits_one_type_only_without_a_field_of_the_other_is_refused() -> None:
    assert read('{"foo": 2, "bar": "quux"}', _Left | _Right) == REFUSED
    assert read('{"answer": {"foo": "2", "note": 1}}', _Left | _Right) == {"foo": "2"}


class _Stop(TypedDict):
    city: str
    nights: NotRequired[int]


@dataclass
class _Route:
    name: str
    stops: list[_Stop]
    returns: bool = False


class _Point(NamedTuple):
    x: float
    y: float


class _Page(BaseModel, Generic[T]):
    items: list[T]
    following: str | None = Field(default=None, alias="next")


class _Measured(BaseModel):
    model_config = ConfigDict(populate_by_name=True)
    at: datetime
    took: timedelta
    price: Annotated[Decimal, Field(gt=0, max_digits=6, decimal_places=2)]
    code: Annotated[str, Field(pattern=r"^[A-Z]{2}\d+$")]
    id: UUID


KINDS: list[tuple[str, Any, Any]] = [
    ('{"city": "Oslo", "nights": "2"}', _Stop, {"city": "Oslo", "nights": 2}),
    ('{"city": "Oslo"}', _Stop, {"city": "Oslo"}),
    ('{"nights": 2}', _Stop, REFUSED),
    ("{'name': 'North', 'stops': [{'city': 'Oslo'},], 'returns': 'yes'}", _Route,
     {"name": "North", "stops": [{"city": "Oslo"}], "returns": True}),
    ('{"name": "North", "stops": [{"town": "Oslo"}]}', _Route, REFUSED),
    ('{"answer": [1, "2.5"]}', _Point, [1.0, 2.5]),
    ('{"answer": [1]}', _Point, REFUSED),
    ('{"items": ["1", 2], "next": "p2"}', _Page[int], {"items": [1, 2], "following": "p2"}),
    ('{"items": ["one"]}', _Page[int], REFUSED),
    ('{"at": "2026-03-05T09:00:00Z", "took": "PT1H", "price": "1.50", "code": "AB7", "id": "12345678-1234-5678-1234-567812345678"}',
     _Measured, {"at": "2026-03-05T09:00:00Z", "took": "PT1H", "price": "1.50", "code": "AB7",
                 "id": "12345678-1234-5678-1234-567812345678"}),
    ('{"at": "2026-03-05T09:00:00Z", "took": "PT1H", "price": 1.505, "code": "AB7", "id": "12345678-1234-5678-1234-567812345678"}',
     _Measured, REFUSED),
    ('{"at": "2026-03-05T09:00:00Z", "took": "PT1H", "price": 1.5, "code": "ab7", "id": "12345678-1234-5678-1234-567812345678"}',
     _Measured, REFUSED),
    ('{"answer": {"Oslo": "1", "Bergen": 2}}', dict[Literal["Oslo", "Bergen"], int], {"Oslo": 1, "Bergen": 2}),
    ('{"Oslo": "1", "Bergen": 2}', dict[Literal["Oslo", "Bergen"], int], {"Oslo": 1, "Bergen": 2}),
    ('["a", "b", "a"]', set[str], REFUSED),
    ('{"answer": null}', int | None, None),
]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "target", "expected"), KINDS, ids=[f"{i}-{case[0][:40]}" for i, case in enumerate(KINDS)]
)
def test_every_kind_of_python_type_is_read(text: str, target: Any, expected: Any) -> None:
    assert read(text, target) == expected
