"""Structured calls to a real model on this machine: every one a valid value, or a typed refusal. `make bench-calls`.

Knows ten types of rising difficulty and texts to fill them from; asks through Coachwork's own models and ladder.
Whether a value is also *true* is not measured here: a small model misreads, and evals are for that.
"""

import argparse
import asyncio
import os
import time
from collections import Counter
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from coachwork.errors import ModelError, OutputRefused
from coachwork.messages import Message, ModelRequest
from coachwork.models import ModelConfig, Models, ModelsConfig
from coachwork.prompts.output import read_output
from coachwork.prompts.shape import Shape, described

CACHE = Path(os.environ.get("COACHWORK_CACHE") or Path.home() / ".cache" / "coachwork")


class Mood(BaseModel):
    mood: Literal["happy", "neutral", "angry"]


class Person(BaseModel):
    name: str
    age: Annotated[int, Field(ge=0, le=130)]
    email: str | None = None


class Ticket(BaseModel):
    team: Literal["billing", "returns", "shipping", "other"]
    urgent: bool
    priority: Annotated[int, Field(ge=1, le=5)]
    summary: Annotated[str, Field(max_length=120)]


class Address(BaseModel):
    city: str
    country: str | None = None


class Contact(BaseModel):
    name: str
    address: Address | None = None


class Line(BaseModel):
    article: str
    pieces: Annotated[int, Field(ge=1, le=999)]
    price: Annotated[Decimal, Field(ge=0, le=100000)]


class Order(BaseModel):
    customer: str
    lines: Annotated[list[Line], Field(min_length=1, max_length=5)]


class Call(BaseModel):
    kind: Literal["call"]
    number: Annotated[str, Field(pattern=r"^[+0-9 ]{3,20}$")]


class Mail(BaseModel):
    kind: Literal["mail"]
    to: str
    subject: str


class Task(BaseModel):
    what: Annotated[Call | Mail, Field(discriminator="kind")]
    done: bool


class Trip(BaseModel):
    traveller: str
    start: date
    nights: Annotated[int, Field(ge=1, le=60)]
    budget: Decimal


class Part(BaseModel):
    name: Annotated[str, Field(max_length=40)]
    parts: Annotated[list["Part"], Field(max_length=3)] = []


class Report(BaseModel):
    trip: Trip
    contacts: Annotated[list[Contact], Field(max_length=3)]
    next_steps: Annotated[list[Annotated[Call | Mail, Field(discriminator="kind")]], Field(max_length=3)]
    tags: Annotated[list[Literal["work", "private", "unclear"]], Field(max_length=3)]
    note: Annotated[str, Field(max_length=160)] | None = None


PEOPLE = ["Ann Smith", "Bo Li", "Chidi Okafor", "Dörte Maß", "Émile Roy", "Fatima Zahra", "Gus O'Neil", "Hana Ito"]
CITIES = ["Oslo", "Kyoto", "Lagos", "São Paulo", "Zürich"]
TYPES: list[tuple[Any, str]] = [
    (Literal["yes", "no", "unclear"], "Is {name} older than 40? {name} is {number}."),
    (Mood, "{name} wrote: the parcel came {number} days late and I am not amused."),
    (Person, "{name}, {number} years old, can be reached at someone{number}@example.org."),
    (Ticket, "{name}: I was charged twice for order {number}, please pay the money back today!"),
    (Contact, "{name} lives in {city}."),
    (Order, "{name} orders {number} pens at 1.20 each and 2 notebooks at 3.50 each."),
    (Task, "Please call {name} at +47 22 33 44 {number} about the trip to {city}."),
    (Trip, "{name} goes to {city} on 5 March 2026 for {number} nights and wants to spend 1,250.50 euros."),
    (Part, "A bicycle of {name}: a frame, two wheels each with a tyre, a bell from {city}."),
    (Report, "{name} goes to {city} on 5 March 2026 for {number} nights with 900 euros. Bo lives in Oslo. "
             "Call him at +47 22 33 44 55, then write a mail to desk@example.org about the hotel. It is for work."),
]  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description="Structured calls to a local model over ten types.")
    parser.add_argument("--model", default="local:qwen2.5-coder-0.5b")
    parser.add_argument("--calls", type=int, default=200)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    counts = asyncio.run(measure(options.model, options.calls, options.threads))
    print(f"{counts.total()} calls: {dict(counts)}")
    if counts["something else"]:
        raise SystemExit(1)


async def measure(model: str, calls: int, threads: int) -> Counter[str]:
    config = ModelsConfig(models={model: ModelConfig(threads=threads)})
    models = Models(config, database=None, cache_dir=CACHE, environ={})
    total: Counter[str] = Counter()
    try:
        for level, (target, text) in enumerate(TYPES, 1):
            counts: Counter[str] = Counter()
            began, asked = time.monotonic(), len(range(level - 1, calls, len(TYPES)))
            for number in range(asked):
                counts[await ask(models, model, target, filled(text, number))] += 1
            name = getattr(target, "__name__", "yes or no")
            print(
                f"{level:2} {name:10} {dict(counts)} {(time.monotonic() - began) / max(asked, 1):.1f} s/call",
                flush=True,
            )
            total += counts
    finally:
        await models.close()
    return total


def filled(text: str, number: int) -> str:
    name, city = PEOPLE[number % len(PEOPLE)], CITIES[number % len(CITIES)]
    return text.format(name=name, city=city, number=number * 3 + 2)


async def ask(models: Models, model: str, target: Any, text: str) -> str:
    """How one call ended: how its value was won, or the code of its typed refusal."""
    shape = Shape.of(target)
    messages = (Message.of("system", described(shape.schema)), Message.of("user", text))
    request = ModelRequest(messages, schema=shape.for_model(), max_tokens=400, temperature=0.0, seconds=300)
    try:
        reply = await models.complete(model, request)
        output = read_output(reply.text, shape, cut=reply.finish_reason == "length")
    except (OutputRefused, ModelError) as refusal:
        return refusal.code
    return "native" if output.how == "strict" else output.how


if __name__ == "__main__":
    main()
