# ruff: noqa: E501  # tables read best with one case a line
"""Broken answers of models, by kind, each with its type and its one right value, or REFUSED. Needs pydantic alone.

Written in other words than the shared set; the benchmark of parsers reads them too, in its own environment.
"""

from datetime import date
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from .prompt_shapes import AllOptional, Review, Strict, Tags, Tree


class City(BaseModel):
    city: str
    inhabitants: int
    area_km2: float


class Parcel(BaseModel):
    id: str
    weight: float
    fragile: bool
    insured_for: float | None = None


class Mood(BaseModel):
    mood: Literal["positive", "neutral", "negative"]
    score: Annotated[float, Field(ge=0, le=1)]


class Booking(BaseModel):
    guest: str
    arrival: date
    nights: Annotated[int, Field(ge=1)]
    rate: Decimal


class Step(BaseModel):
    action: Literal["open", "close"]
    seconds: int


class Recipe(BaseModel):
    title: str
    steps: list[Step]


class Card(BaseModel):
    type: Literal["card"]
    digits: str


class Transfer(BaseModel):
    type: Literal["transfer"]
    iban: str


class Payment(BaseModel):
    method: Annotated[Card | Transfer, Field(discriminator="type")]
    amount: float


OSLO = {"city": "Oslo", "inhabitants": 717710, "area_km2": 454.0}
PARCEL = {"id": "P-7", "weight": 2.5, "fragile": True, "insured_for": None}
GOOD = {"mood": "positive", "score": 0.9}
BOOKED = {"guest": "Mia", "arrival": "2026-03-05", "nights": 2, "rate": "89.90"}
STIR = {"title": "Door", "steps": [{"action": "open", "seconds": 3}, {"action": "close", "seconds": 4}]}
CARD = {"method": {"type": "card", "digits": "0042"}, "amount": 5.0}
REFUSED = "refused"

THINKING: list[tuple[str, Any, Any]] = [
    ('<think>\n{"city":"Bergen","inhabitants":1,"area_km2":2}\n</think>\n\n{"city":"Oslo","inhabitants":717710,"area_km2":454}', City, OSLO),
    ('<think>The tag </think> closes.</think>{"mood":"positive","score":0.9}', Mood, GOOD),
    ('<THINK>hm</THINK>\n```json\n{"mood":"positive","score":0.9}\n```', Mood, GOOD),
    ('<think></think>{"mood":"positive","score":0.9}', Mood, GOOD),
    ('<think>a</think><think>b {"mood":"negative","score":0.1}</think>{"mood":"positive","score":0.9}', Mood, GOOD),
    ('<reasoning>{"mood":"negative","score":0.2}</reasoning>\n<answer>{"mood":"positive","score":0.9}</answer>', Mood, GOOD),
    ('<scratchpad>0.2 or 0.9?</scratchpad>{"mood":"positive","score":0.9}', Mood, GOOD),
    ('[THINK]maybe {"mood":"negative","score":0.2}[/THINK]{"mood":"positive","score":0.9}', Mood, GOOD),
    ('◁think▷{"mood":"negative","score":0.2}◁/think▷{"mood":"positive","score":0.9}', Mood, GOOD),
    ('<|channel|>analysis<|message|>{"mood":"negative","score":0.2}<|end|><|start|>assistant<|channel|>final<|message|>{"mood":"positive","score":0.9}', Mood, GOOD),
    ('<think>{"mood":"positive","score":0.9}', Mood, REFUSED),
    ('<think>{"mood":"positive","score":0.9}</think>', Mood, REFUSED),
    ('<think>first</think>{"mood":"positive","score":0.9}<think>or {"mood":"negative","score":0.1}?</think>', Mood, REFUSED),
    ('{"mood":"positive","score":0.9}\n<think>Wait, that is wrong, it is negative', Mood, REFUSED),
    ('{"title":"<think>deep</think>","steps":[]}', Recipe, {"title": "<think>deep</think>", "steps": []}),
]  # fmt: skip

CANDIDATES: list[tuple[str, Any, Any]] = [
    ('Option A: {"mood":"positive","score":0.9}\nOption B: {"mood":"neutral","score":0.5}', Mood, REFUSED),
    ('1. {"mood":"positive","score":0.9}\n2. {"mood":"negative","score":0.9}', Mood, REFUSED),
    ('{"mood":"positive","score":0.9}\n{"mood":"positive","score":0.90}', Mood, GOOD),
    ('{"mood":"positive","score":0.9}{"score":0.9,"mood":"POSITIVE"}', Mood, GOOD),
    ('[{"mood":"positive","score":0.9},{"mood":"positive","score":0.9}]', Mood, REFUSED),
    ('[{"mood":"positive","score":0.9},{"mood":"neutral","score":0.9}]', Mood, REFUSED),
    ('An example would be {"mood":"neutral","score":0.5}. My answer: {"mood":"positive","score":0.9}', Mood, GOOD),
    ('Input: {"text":"I love it"}\nOutput: {"mood":"positive","score":0.9}', Mood, GOOD),
    ('{"text":"I love it"}\n{"mood":"positive","score":0.9}', Mood, GOOD),
    ('Not {"mood":"negative","score":0.9} but {"mood":"positive","score":0.9}', Mood, GOOD),
    ('Previously: {"mood":"negative","score":0.3}. Revised answer: {"mood":"positive","score":0.9}', Mood, GOOD),
    ('{"mood":"positive","score":0.9}\nAlternatively, the final answer could be {"mood":"neutral","score":0.9}', Mood, REFUSED),
    ('{"mood":"positive","score":0.9}\nOn second thought, it is neutral.', Mood, REFUSED),
    ('{"mood":"positive","score":0.9}\nI made a mistake above.', Mood, REFUSED),
    ('{"mood":"positive","score":0.9}\nNote: the score is an estimate.', Mood, GOOD),
    ('```json\n{"mood":"positive","score":0.9}\n```\nThis answer follows the schema `{"mood": str, "score": float}`.', Mood, GOOD),
    ('{"mood":"positive","mood":"negative","score":0.9}', Mood, REFUSED),
    ('{"mood":"positive","Mood":"positive","score":0.9}', Mood, GOOD),
    ('{"mood":"positive","score":"0.9","score":0.9}', Mood, REFUSED),
    ('{"answer":{"mood":"positive","score":0.9},"confidence":"high"}', Mood, REFUSED),
    ('{"first":{"mood":"positive","score":0.9},"second":{"mood":"neutral","score":0.1}}', Mood, REFUSED),
]  # fmt: skip

CANDIDATES += [
    ('It is {"mood": "positive", "score": 0.9}, which matches {"mood": string, "score": number}.', Mood, GOOD),
    ('{"mood": string, "score": float}\n{"mood": "positive", "score": 0.9}', Mood, GOOD),
    ('Thinking: {"mood": "negative", "score": 0.1}\nAnswer: {"mood": "positive", "score": 0.9}', Mood, GOOD),
    ('Before: {"mood": "negative", "score": 0.1}\nAfter: {"mood": "positive", "score": 0.9}', Mood, REFUSED),
    ('~~{"mood": "negative", "score": 0.1}~~ {"mood": "positive", "score": 0.9}', Mood, REFUSED),
    ('{"mood": "positive"}\n{"score": 0.9}', Mood, REFUSED),
    ('{"mood": "positive", "score": 0.9}\nUpdate: {"score": 0.8}', Mood, REFUSED),
    ('{"mood": string, "score": number}', Mood, REFUSED),
    ('{"tags": "1. a 2. b"}', Tags, REFUSED),
]

PROSE: list[tuple[str, Any, Any]] = [
    ('There are 3 parcels in 2 boxes, see [4]. {"id":"P-7","weight":2.5,"fragile":true}', Parcel, PARCEL),
    ('In 2024 (see {note 1}) it was: {"id":"P-7","weight":2.5,"fragile":true}. That is 2.5 kg.', Parcel, PARCEL),
    ('The set {1, 2, 3} has 3 members: {"id":"P-7","weight":2.5,"fragile":true}', Parcel, PARCEL),
    ('f(x) = {x if x > 0}; {"id":"P-7","weight":2.5,"fragile":true}', Parcel, PARCEL),
    ('I count 30.', int, REFUSED),
    ('The weight is 2.5 and it is fragile.', Parcel, REFUSED),
    ('Result → {"id":"P-7","weight":2.5,"fragile":true} ✔', Parcel, PARCEL),
    ('> {"id":"P-7","weight":2.5,"fragile":true}', Parcel, PARCEL),
    ('json\n{"id":"P-7","weight":2.5,"fragile":true}', Parcel, PARCEL),
    ('JSON: {"id":"P-7","weight":2.5,"fragile":true}', Parcel, PARCEL),
    ('```python\nresult = {"id": "P-7", "weight": 2.5, "fragile": True}\n```', Parcel, PARCEL),
    ('```js\nconst parcel = {id: "P-7", weight: 2.5, fragile: true};\n```', Parcel, PARCEL),
    ('<|im_start|>assistant\n{"id":"P-7","weight":2.5,"fragile":true}<|im_end|>', Parcel, PARCEL),
    ('{"id":"P-7","weight":2.5,"fragile":true}</s>', Parcel, PARCEL),
    ("Sorry, I can't say. Perhaps {\"id\":\"?\"}", Parcel, REFUSED),
    ("As an AI, I am not able to weigh parcels.", Parcel, REFUSED),
]  # fmt: skip

NUMBERS: list[tuple[str, Any, Any]] = [
    ('{"city":"Oslo","inhabitants":"717,710","area_km2":454}', City, OSLO),
    ('{"city":"Oslo","inhabitants":"717 710","area_km2":454}', City, OSLO),
    ('{"city":"Oslo","inhabitants":"717\u00a0710","area_km2":454}', City, OSLO),
    ('{"city":"Oslo","inhabitants":"717\'710","area_km2":454}', City, OSLO),
    ('{"city":"Oslo","inhabitants":"717_710","area_km2":454}', City, OSLO),
    ('{"city":"Oslo","inhabitants":717,710,"area_km2":454}', City, OSLO),
    ('{"city":"Oslo","inhabitants":"717.710","area_km2":454}', City, REFUSED),
    ('{"city":"Oslo","inhabitants":"717710","area_km2":"454,0"}', City, REFUSED),
    ('{"city":"Oslo","inhabitants":"717710","area_km2":"454,000"}', City, REFUSED),
    ('{"city":"Oslo","inhabitants":"717710","area_km2":"1.454,5"}', City, REFUSED),
    ('{"city":"Oslo","inhabitants":"717710","area_km2":"1 454,5"}', City, REFUSED),
    ('{"city":"Oslo","inhabitants":"717710","area_km2":454,5}', City, REFUSED),
    ('{"city":"Oslo","inhabitants":"717710 people","area_km2":454}', City, REFUSED),
    ('{"city":"Oslo","inhabitants":"about 717710","area_km2":454}', City, REFUSED),
    ('{"city":"Oslo","inhabitants":"717k","area_km2":454}', City, REFUSED),
    ('{"city":"Oslo","inhabitants":"0.7 million","area_km2":454}', City, REFUSED),
    ('{"city":"Oslo","inhabitants":717710,"area_km2":"454 km2"}', City, REFUSED),
    ('{"city":"Oslo","inhabitants":717710,"area_km2":"454km²"}', City, REFUSED),
    ('{"city":"Oslo","inhabitants":7.1771e5,"area_km2":454}', City, OSLO),
    ('{"city":"Oslo","inhabitants":"7.1771e5","area_km2":"4.54E2"}', City, OSLO),
    ('{"city":"Oslo","inhabitants":717710.5,"area_km2":454}', City, REFUSED),
    ('{"city":"Oslo","inhabitants":"seven hundred thousand","area_km2":454}', City, REFUSED),
    ('{"city":"Oslo","inhabitants":">700000","area_km2":454}', City, REFUSED),
    ('{"city":"Oslo","inhabitants":"700000-720000","area_km2":454}', City, REFUSED),
    ('{"city":"Oslo","inhabitants":"0xAF37E","area_km2":454}', City, REFUSED),
    ('{"city":"Oslo","inhabitants":Infinity,"area_km2":454}', City, REFUSED),
    ('{"city":"Oslo","inhabitants":717710,"area_km2":"NaN"}', City, REFUSED),
    ('{"city":"Oslo","inhabitants":717 710,"area_km2":454}', City, OSLO),
    ('{"city":"Oslo","inhabitants":717710,"area_km2":454 km2}', City, REFUSED),
    ('{"mood":"positive","score":".9"}', Mood, GOOD),
    ('{"guest":"Mia","arrival":"2026-03-05","nights":2,"rate":89.90 EUR}', Booking, BOOKED),
    ('{"guest":"Mia","arrival":"2026-03-05","nights":2,"rate":"-$89.90"}', Booking, BOOKED | {"rate": "-89.90"}),
    ('{"answer":"100 200"}', list[int], REFUSED),
    ('[100 200]', list[int], REFUSED),
    ('{"mood":"positive","score":"90%"}', Mood, REFUSED),
    ('{"mood":"positive","score":"9/10"}', Mood, REFUSED),
    ('{"mood":"positive","score":90}', Mood, REFUSED),
    ('{"mood":"positive","score":"٠.٩"}', Mood, GOOD),
    ('{"mood":"positive","score":"(0.9)"}', Mood, REFUSED),
    ('{"guest":"Mia","arrival":"2026-03-05","nights":2,"rate":"€89.90"}', Booking, BOOKED),
    ('{"guest":"Mia","arrival":"2026-03-05","nights":2,"rate":"89.90 EUR"}', Booking, BOOKED),
    ('{"guest":"Mia","arrival":"2026-03-05","nights":2,"rate":"89,90"}', Booking, REFUSED),
    ('{"guest":"Mia","arrival":"2026-03-05","nights":2,"rate":"89,90 €"}', Booking, REFUSED),
    ('{"guest":"Mia","arrival":"5 March 2026","nights":"2","rate":"89.90"}', Booking, BOOKED),
    ('{"guest":"Mia","arrival":"2026-03-05T00:00:00Z","nights":2,"rate":89.90}', Booking, BOOKED),
    ('{"guest":"Mia","arrival":"05.03.2026","nights":2,"rate":89.90}', Booking, REFUSED),
    ('{"guest":"Mia","arrival":"5/3/26","nights":2,"rate":89.90}', Booking, REFUSED),
    ('{"guest":"Mia","arrival":"2026-02-30","nights":2,"rate":89.90}', Booking, REFUSED),
    ('{"guest":"Mia","arrival":"tomorrow","nights":2,"rate":89.90}', Booking, REFUSED),
    ('{"guest":"Mia","arrival":"2026-03-05","nights":0,"rate":89.90}', Booking, REFUSED),
    ('{"guest":"Mia","arrival":"2026-03-05","nights":"-2","rate":89.90}', Booking, REFUSED),
]  # fmt: skip

SYNTAX: list[tuple[str, Any, Any]] = [
    ("{'id': 'P-7', 'weight': 2.5, 'fragile': True, 'insured_for': None}", Parcel, PARCEL),
    ("dict(id='P-7', weight=2.5, fragile=True)", Parcel, REFUSED),
    ("{'id': u'P-7', 'weight': 2.5, 'fragile': True}", Parcel, REFUSED),
    ("{'id': 'P-7', 'weight': Decimal('2.5'), 'fragile': True}", Parcel, REFUSED),
    ("{'id': ('P-7'), 'weight': 2.5, 'fragile': True}", Parcel, REFUSED),
    ("Parcel(id='P-7', weight=2.5, fragile=True)", Parcel, REFUSED),
    ("id: P-7\nweight: 2.5\nfragile: true", Parcel, REFUSED),
    ("```yaml\nid: P-7\nweight: 2.5\nfragile: true\n```", Parcel, REFUSED),
    ("- open\n- close", Tags, REFUSED),
    ("| id | weight | fragile |\n|---|---|---|\n| P-7 | 2.5 | true |", Parcel, REFUSED),
    ("<parcel><id>P-7</id><weight>2.5</weight><fragile>true</fragile></parcel>", Parcel, REFUSED),
    ("id,weight,fragile\nP-7,2.5,true", Parcel, REFUSED),
    ('{"id"="P-7","weight"=2.5,"fragile"=true}', Parcel, REFUSED),
    ('{"id" => "P-7", "weight" => 2.5, "fragile" => true}', Parcel, REFUSED),
    ('{id: P-7, weight: 2.5, fragile: true}', Parcel, PARCEL),
    ('{"id":"P-7";"weight":2.5;"fragile":true}', Parcel, REFUSED),
    ('{"id":"P-7",,"weight":2.5,"fragile":true}', Parcel, REFUSED),
    ('{,"id":"P-7","weight":2.5,"fragile":true}', Parcel, REFUSED),
    ('{"id":"P-7","weight":2.5,"fragile":true', Parcel, REFUSED),
    ('{"id":"P-7","weight":2.5,"fragile":tru}', Parcel, REFUSED),
    ('{"id":"P-7","weight":2.5,"fragile":}', Parcel, REFUSED),
    ('{"id":"P-7","weight":2.5.0,"fragile":true}', Parcel, REFUSED),
    ('{"id":"P-7","weight":2.,"fragile":true}', Parcel, PARCEL | {"weight": 2.0}),
    ('{"id":"P-7","weight":2.5,"fragile":true]', Parcel, REFUSED),
    ('{"id":"P-7","weight":2.5,"fragile":true,"insured_for":null,}', Parcel, PARCEL),
    ('{\n  "id": "P-7", // customer\'s own\n  "weight": 2.5, # kg\n  "fragile": true /* glass */\n}', Parcel, PARCEL),
    ('{“id”: “P-7”, “weight”: 2.5, “fragile”: true}', Parcel, PARCEL),
    ('{«id»: «P-7», «weight»: 2.5, «fragile»: true}', Parcel, REFUSED),
    ('{"id":"P-7"\t"weight":2.5 "fragile":true}', Parcel, PARCEL),
    ('{\\"id\\":\\"P-7\\",\\"weight\\":2.5,\\"fragile\\":true}', Parcel, PARCEL),
    ('{{"id":"P-7","weight":2.5,"fragile":true}}', Parcel, PARCEL),
    ('[{"id":"P-7"},{"weight":2.5},{"fragile":true}]', Parcel, REFUSED),
    ('[["id","P-7"],["weight",2.5],["fragile",true]]', Parcel, REFUSED),
    ('{"id":"P-7"}{"weight":2.5,"fragile":true}', Parcel, REFUSED),
    ('"id": "P-7", "weight": 2.5, "fragile": true', Parcel, REFUSED),
    ('{"title":"He said "no"","steps":[]}', Recipe, {"title": 'He said "no"', "steps": []}),
    ('{"title":"a \\q b","steps":[]}', Recipe, {"title": "a \\q b", "steps": []}),
    ('{"title":"50 % off \\u20ac","steps":[]}', Recipe, {"title": "50 % off €", "steps": []}),
    ('{"title":"Door","steps":[{"action":"open","seconds":3},{"action":"close","seconds":4}', Recipe, REFUSED),
    ('{"title":"Door","steps":[{"action":"open","seconds":3},{"action":"close","seconds":4]}', Recipe, STIR),
    ('{"title":"Door","steps":[{"action":"open","seconds":3} {"action":"close","seconds":4}]}', Recipe, STIR),
    ('{"title":"Door","steps":[{"action":"open","seconds":3},...,{"action":"close","seconds":4}]}', Recipe, REFUSED),
    ('{"title":"Door","steps":[{"action":"open","seconds":3},{"action":"close","seconds":4},]},', Recipe, STIR),
    ('{"title":"Door","steps":"[{\\"action\\":\\"open\\",\\"seconds\\":3},{\\"action\\":\\"close\\",\\"seconds\\":4}]"}', Recipe, STIR),
    ('{"title":"Door","steps":{"0":{"action":"open","seconds":3},"1":{"action":"close","seconds":4}}}', Recipe, REFUSED),
    ('{"title":"Door","steps":[null]}', Recipe, REFUSED),
    ('{"title":"Door"}', Recipe, REFUSED),
    ('{"title":"Door","steps":null}', Recipe, REFUSED),
]  # fmt: skip

TYPES: list[tuple[str, Any, Any]] = [
    ('{"mood":"Positive","score":0.9}', Mood, GOOD),
    ('{"mood":" positive ","score":0.9}', Mood, GOOD),
    ('{"mood":"`positive`","score":0.9}', Mood, GOOD),
    ('{"mood":"positive 😀","score":0.9}', Mood, REFUSED),
    ('{"mood":"very positive","score":0.9}', Mood, REFUSED),
    ('{"mood":"positive/neutral","score":0.9}', Mood, REFUSED),
    ('{"mood":"pos","score":0.9}', Mood, REFUSED),
    ('{"mood":"non-negative","score":0.9}', Mood, REFUSED),
    ('{"mood":{"value":"positive"},"score":0.9}', Mood, REFUSED),
    ('{"mood":true,"score":0.9}', Mood, REFUSED),
    ('{"mood":0,"score":0.9}', Mood, REFUSED),
    ('{"sentiment":"positive","score":0.9}', Mood, REFUSED),
    ('{"mood":"positive","Score":"0.9"}', Mood, GOOD),
    ('{"mood":"positive"}', Mood, REFUSED),
    ('{"mood":null,"score":null}', Mood, REFUSED),
    ('{"output":{"mood":"positive","score":0.9}}', Mood, GOOD),
    ('{"Mood":{"mood":"positive","score":0.9}}', Mood, GOOD),
    ('{"error":{"mood":"positive","score":0.9}}', Mood, REFUSED),
    ('{"$schema":"x","type":"object","properties":{"mood":{"type":"string"},"score":{"type":"number"}}}', Mood, REFUSED),
    ('{"id":7,"weight":"2.5","fragile":"true"}', Parcel, PARCEL | {"id": "7"}),
    ('{"id":"P-7","weight":2.5,"fragile":"maybe"}', Parcel, REFUSED),
    ('{"id":"P-7","weight":2.5,"fragile":"not fragile"}', Parcel, REFUSED),
    ('{"id":"P-7","weight":2.5,"fragile":"✓"}', Parcel, REFUSED),
    ('{"id":"P-7","weight":2.5,"fragile":2}', Parcel, REFUSED),
    ('{"id":"P-7","weight":2.5,"fragile":"Yes","insured_for":"N/A"}', Parcel, REFUSED),
    ('{"id":"P-7","weight":2.5,"fragile":"Yes","insured_for":"null"}', Parcel, PARCEL),
    ('{"id":"P-7","weight":[2.5],"fragile":true}', Parcel, PARCEL),
    ('{"id":"P-7","weight":[2.5,3],"fragile":true}', Parcel, REFUSED),
    ('{"id":"P-7","weight":2.5,"fragile":true,"insured":100}', Parcel, REFUSED),
    ('{"method":{"digits":"0042"},"amount":5}', Payment, CARD),
    ('{"method":{"type":"Card","digits":"0042"},"amount":"5.00"}', Payment, CARD),
    ('{"method":{"card":{"digits":"0042"}},"amount":5}', Payment, CARD),
    ('{"method":{"type":"card","iban":"DE1"},"amount":5}', Payment, REFUSED),
    ('{"method":{"type":"cash"},"amount":5}', Payment, REFUSED),
    ('{"method":{"digits":"0042","iban":"DE1"},"amount":5}', Payment, REFUSED),
    ('{"method":"card","amount":5}', Payment, REFUSED),
    ('{"method":{"type":"card","digits":42},"amount":5}', Payment, CARD | {"method": {"type": "card", "digits": "42"}}),
    ('{"name":"Ann","level":"5"}', Strict, {"name": "Ann", "level": 5}),
    ('{"value":"root","children":null}', Tree, REFUSED),
    ('{"value":"root","children":{}}', Tree, REFUSED),
    ('{"value":"root","children":{"value":"leaf","children":[]}}', Tree, {"value": "root", "children": [{"value": "leaf", "children": []}]}),
    ('{}', AllOptional, {"name": None, "limit": None}),
    ('{"note":"nothing found"}', AllOptional, REFUSED),
    ('{"verdict":"no","score":"1","notes":""}', Review, {"verdict": False, "score": 1.0, "notes": ""}),
    ('{"tags":["a","a"]}', Tags, {"tags": ["a", "a"]}),
    ('{"tags":"#a #b"}', Tags, REFUSED),
    ('{"type":"function","function":{"name":"answer","arguments":{"mood":"positive","score":0.9}}}', Mood, GOOD),
    ('{"tags":["1",2]}', Tags, {"tags": ["1", "2"]}),
    ('{"tags":[["a"],["b"]]}', Tags, {"tags": ["a", "b"]}),
]  # fmt: skip

EVERY = [*THINKING, *CANDIDATES, *PROSE, *NUMBERS, *SYNTAX, *TYPES]
