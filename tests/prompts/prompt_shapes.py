"""Types that models are asked for in these tests: flat, nested, tagged, recursive, optional, constrained."""

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator


class Person(BaseModel):
    name: str
    age: int
    email: str | None = None


class Category(StrEnum):
    refund = "Refund"
    cancel = "CancelOrder"
    support = "TechnicalSupport"


class Ticket(BaseModel):
    category: Category
    priority: Literal["low", "medium", "high"]
    summary: str


class Item(BaseModel):
    desc: str
    qty: int
    price: float


class Invoice(BaseModel):
    items: list[Item]
    total: float
    paid: bool


class Circle(BaseModel):
    kind: Literal["circle"]
    radius: float


class Rect(BaseModel):
    kind: Literal["rect"]
    width: float
    height: float


class Drawing(BaseModel):
    shape: Circle | Rect


class Tagged(BaseModel):
    shape: Annotated[Circle | Rect, Field(discriminator="kind")]


class Tree(BaseModel):
    value: str
    children: list["Tree"]


class Answer(BaseModel):
    reasoning: str
    answer: str


class Inner(BaseModel):
    c: int | None = None


class Middle(BaseModel):
    b: Inner | None = None


class Config(BaseModel):
    a: Middle | None = None
    tags: list[str]


class Tags(BaseModel):
    tags: list[str]


class Review(BaseModel):
    verdict: bool
    score: float
    notes: str | None = None


class IntOrStr(BaseModel):
    value: int | str


class Code(BaseModel):
    language: str
    code: str


class Event(BaseModel):
    day: date
    at: datetime | None = None
    price: Decimal = Decimal(0)


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")
    name: str
    level: Annotated[int, Field(ge=1, le=5)]


class Checked(BaseModel):
    low: int
    high: int

    @field_validator("high")
    @classmethod
    def above(cls, value: int, info: object) -> int:
        low = getattr(info, "data", {}).get("low", 0)
        if value < low:
            raise ValueError(f"must not be below low ({low})")
        return value


class AllOptional(BaseModel):
    name: str | None = None
    limit: int | None = None


class Language(BaseModel):
    language: Literal["C", "Java", "Python"]
    level: Literal[1, 2, 3] = 1


MALFORMED = {
    each.__name__: each
    for each in (Person, Ticket, Invoice, Drawing, Tree, Answer, Config, Tags, Review, IntOrStr, Code)
}
