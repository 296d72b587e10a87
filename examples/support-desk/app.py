"""The support desk of Tarnbeck Cycles: tickets are answered from the handbook, and a person decides where it matters.

Four agents work on a ticket: one sorts it, one words the search, one writes the reply, one checks it.
What customers write is data for all of them. Nothing an agent says can send, pay or promise anything:
a reply leaves by one door, `deliver`, and `reasons_for_a_person` below decides who opens it.
"""

import re
from datetime import UTC, datetime
from enum import StrEnum
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from coachwork import (
    App,
    Audio,
    Checked,
    Citation,
    Conversation,
    Example,
    KnowledgeBase,
    Passage,
    Sentence,
    approval,
    deliver,
    note,
    prompt,
    step,
    transcribe,
)

app = App("Support desk", about="Answers the tickets of Tarnbeck Cycles from its handbook, with sources.")
handbook = KnowledgeBase("handbook")


# ── What goes in and what comes out ────────────────────────────────────────────────────────────


class Ticket(BaseModel):
    """A message from a customer, typed or spoken."""

    model_config = ConfigDict(extra="forbid")

    subject: str = Field(
        "", title="Subject", description="As the customer wrote it.", max_length=200, examples=["Cost estimate"]
    )
    body: str = Field(
        "",
        title="Message",
        description="What the customer writes. Leave it empty for a voice message.",
        max_length=8000,
        examples=["What does a written cost estimate for my insurance company cost?"],
        json_schema_extra={"format": "textarea"},
    )
    voice: Audio | None = Field(
        None, title="Voice message", description="A recording in English, at most about two minutes (WAV or MP3)."
    )
    customer_name: str = Field("", title="Customer", max_length=120, examples=["Jule Petersen"])
    customer_email: str = Field(
        "", title="E-mail", description="Where the reply goes.", max_length=200, examples=["jule.petersen@mail.example"]
    )
    received_at: datetime | None = Field(
        None, title="Received", description="When it came in; now, if left empty.", examples=["2026-11-09T08:12:00Z"]
    )
    id: str = Field("", title="Ticket number", max_length=40, examples=["T-01"])

    @model_validator(mode="after")
    def says_something(self) -> "Ticket":
        if not self.subject.strip() and not self.body.strip() and self.voice is None:
            raise ValueError("write a subject or a message, or attach a voice message")
        return self


class Category(StrEnum):
    delivery = "delivery"
    returns = "returns"
    payment = "payment"
    warranty = "warranty"
    workshop = "workshop"
    product = "product"
    account = "account"
    safety = "safety"
    general = "general"


class Urgency(StrEnum):
    low = "low"
    normal = "normal"
    high = "high"


class Triage(BaseModel):
    """What the first agent makes of a ticket. It names the situation; the urgency follows from it."""

    question: str = Field(max_length=240, description="What the customer wants to know, one line, in English")
    situation: Literal["only asking", "problem or wish", "danger, lawyer or deadline"]
    category: Category
    language: Literal["en", "de", "fr", "other"] = Field(description="Language of the ticket")

    @property
    def urgency(self) -> Urgency:
        return {"only asking": Urgency.low, "problem or wish": Urgency.normal}.get(self.situation, Urgency.high)


class SearchWords(BaseModel):
    """What to look for. Bounded, because a small model that begins to repeat itself does not stop."""

    query: str = Field(max_length=100, description="a few English words")


class Verdict(BaseModel):
    """What the last agent says about a draft."""

    answers: bool = Field(description="true if the reply tells the customer what he asked")
    supported: bool = Field(description="true if every number, date and rule of the reply stands in the passages")


class Letter(BaseModel):
    """What a person sees and may change before it leaves."""

    text: str = Field(
        title="Reply", description="[1] names a source. The numbers are taken out before it is sent.", min_length=1,
        max_length=6000, json_schema_extra={"format": "textarea"},
    )  # fmt: skip


class Reply(BaseModel):
    """The end of a ticket: the text, where it stands in the handbook, and what became of it."""

    text: str
    citations: list[Citation] = []
    sentences: list[Sentence] = []
    category: Category
    urgency: Urgency
    language: str
    question: str
    in_handbook: bool = Field(description="whether the handbook holds an answer")
    reasons: list[str] = Field([], description="why a person was asked; empty if nobody was")
    decision: Literal["sent without a person", "accepted", "edited", "rejected", "expired"]
    delivered: bool
    transcript: str = ""


class Answer(BaseModel):
    """An answer of the chat."""

    text: str
    citations: list[Citation] = []
    sentences: list[Sentence] = []


# ── The agents: their words are in prompts/, their models in coachwork.toml ────────────────────


@prompt
async def triage(subject: str, message: str) -> Triage: ...


@prompt
async def search_question(question: str, message: str) -> SearchWords: ...


@prompt
async def answer(question: str, message: str, today: str, language: str, passages: list[Passage]) -> str: ...


@prompt
async def check(question: str, reply: str, passages: list[Passage]) -> Verdict: ...


@prompt
async def ask(question: str, earlier: str, passages: list[Passage]) -> str: ...


# ── The pipelines ──────────────────────────────────────────────────────────────────────────────


@app.pipeline(
    title="Answer a ticket",
    about="Sorts a customer's message, answers it from the handbook and sends the reply. "
    "A person reads it first where it is urgent, unproven or not in the handbook.",
    examples=[
        Example(
            title="A cost estimate",
            input={
                "subject": "Cost estimate",
                "body": "What does a written cost estimate for my insurance company cost?",
                "customer_name": "Jule Petersen",
                "customer_email": "jule.petersen@mail.example",
            },
        ),
        Example(
            title="Urgent: a swollen battery",
            input={
                "subject": "Battery is swollen and warm",
                "body": "The battery of our Kaia got very warm while charging and now the case is bulging. What "
                "should I do with it? Can I bring it to the parcel shop?",
                "customer_name": "Tomasz Wilk",
                "customer_email": "tomasz.wilk@mail.example",
            },
        ),
        Example(
            title="Not in the handbook",
            input={
                "subject": "App for the Fjell",
                "body": "Is there an app for my phone that works with the display of the Fjell, and can it record "
                "my rides?",
                "customer_name": "Frauke Lindner",
                "customer_email": "frauke.lindner@mail.example",
            },
        ),
    ],
    knowledge=["handbook"],
)
async def answer_ticket(ticket: Ticket) -> Reply:
    transcript = ""
    if ticket.voice is not None:
        transcript = (await transcribe(ticket.voice)).text
    message = without_account_numbers("\n".join(part for part in (written(ticket.body), transcript) if part))
    subject = without_account_numbers(ticket.subject)

    kind = await triage(subject, message)
    wording = (await search_question(kind.question, message)).query
    own_words = await handbook.search(f"{subject}\n{message}", top_k=4)
    passages = first_of_each(own_words, await handbook.search(wording, top_k=2))
    note(f"Reading {len(passages)} passages of the handbook")
    received = ticket.received_at or await now()
    draft = await answer(kind.question, message, f"{received:%A, %d %B %Y}", language_name(kind.language), passages)
    checked = await prove(draft, passages)
    verdict = await check(kind.question, draft, cited(checked, passages))

    in_handbook = verdict.answers and bool(checked.citations) and not says_nothing_found(draft)
    if not in_handbook:
        checked = Checked(text=NO_ANSWER[kind.language])
    reasons = reasons_for_a_person(subject, message, kind, checked, verdict, passages, in_handbook)

    decision = "sent without a person"
    if reasons:
        asked = await approval(
            f"Reply to {ticket.customer_name or 'a customer'}: {ticket.subject or kind.question}",
            Letter(text=checked.text),
            context={"Why you are asked": "; ".join(reasons), "Message": message or subject, "Question": kind.question},
            expires="2d",
        )
        decision = asked.status
        if decision == "edited":
            checked = handbook.verify(asked.value.text, passages)

    delivered = decision not in ("rejected", "expired")
    if delivered:
        await deliver("replies", outgoing(ticket, kind, checked, decision))
    return Reply(
        text=checked.text,
        citations=checked.citations,
        sentences=checked.sentences,
        category=kind.category,
        urgency=Urgency.high if is_urgent(subject, message, kind) else kind.urgency,
        language=kind.language,
        question=kind.question,
        in_handbook=in_handbook,
        reasons=reasons,
        decision=decision,
        delivered=delivered,
        transcript=transcript,
    )


@app.pipeline(
    title="Ask the handbook",
    about="A chat over the same handbook. Every sentence shows where it stands.",
    examples=[
        Example(title="Shipping", input={"messages": [{"role": "user", "content": "What does a bike to Italy cost?"}]}),
        Example(
            title="Warranty (in the PDF)",
            input={"messages": [{"role": "user", "content": "How long is the warranty on an e-bike battery?"}]},
        ),
        Example(
            title="Workshop prices (in the DOCX)",
            input={"messages": [{"role": "user", "content": "What does replacing chain and cassette cost?"}]},
        ),
    ],
    knowledge=["handbook"],
)
async def ask_handbook(conversation: Conversation) -> Answer:
    question = without_account_numbers(conversation.question)
    said = [turn.content for turn in conversation.messages if turn.role == "user"]
    earlier = without_account_numbers("\n".join(said[-3:-1]))
    wanted = (await search_question(question, earlier)).query if earlier else question
    passages = await handbook.search(wanted, top_k=4)
    checked = handbook.verify(await ask(question, earlier, passages), passages)
    return Answer(text=checked.text, citations=checked.citations, sentences=checked.sentences)


# ── What no model decides ──────────────────────────────────────────────────────────────────────

NO_ANSWER = {
    "en": "Our handbook has no answer to this question, so a colleague will look into it and write to you.",
    "de": "Unser Handbuch enthält keine Antwort auf diese Frage. Eine Kollegin klärt sie und schreibt Ihnen.",
    "fr": "Notre manuel ne répond pas à cette question. Une collègue va se renseigner et vous écrire.",
    "other": "Our handbook has no answer to this question, so a colleague will look into it and write to you.",
}
INSTRUCTIONS = re.compile(
    r"ignore (all |any |your |the |my )*(previous |above )?(rules|instructions|orders)"
    r"|(system|developer|admin\w*) (mode|prompt|message)|-+ ?(end )?system ?-+|you are (now|authori[sz]ed)"
    r"|(note|message|instructions?) (to|for) (the|an?|this)? ?(ai|assistant|bot|model)"
    r"|(skip|without) (the |any )?(review|check|approval)|do not ask a (person|human)|mark the ticket as",
    re.IGNORECASE,
)
DANGER = re.compile(
    r"swollen|bulging|smok(e|ing)\b|on fire|\bburn(t|ed|ing)\b|\bleak|hospital|injur|\brecall|lawyer|in court"
    r"|brakes? (has |have )?failed|geschwollen|aufgebläht|raucht|brennt|verletzt|Unfall|Krankenhaus|Rückruf|Anwalt",
    re.IGNORECASE,
)
ACCOUNT_NUMBERS = (
    (re.compile(r"\b[A-Z]{2}\d{2}(?: ?[\dA-Z]{4}){2,7}(?: ?[\dA-Z]{1,3})?\b"), "[account number]"),
    (re.compile(r"\b\d{4}(?:[ -]?\d{4}){3}\b"), "[card number]"),
)
AMOUNT = re.compile(r"(\d[\d.,]*)\s*(?:€|euros?\b|EUR\b|%)", re.IGNORECASE)


@step
async def now() -> datetime:
    """Looking at the clock."""
    return datetime.now(UTC)


@step
async def prove(text: str, passages: list[Passage]) -> Checked:
    """Holding the reply against the handbook, word for word."""
    return handbook.verify(text, passages)


def reasons_for_a_person(
    subject: str,
    message: str,
    kind: Triage,
    checked: Checked,
    verdict: Verdict,
    passages: list[Passage],
    in_handbook: bool,
) -> list[str]:
    """Why this reply may not leave by itself; an empty list if it may."""
    reasons = []
    if INSTRUCTIONS.search(f"{subject}\n{message}"):
        reasons.append("the message tries to give instructions to the assistant")
    if is_urgent(subject, message, kind):
        reasons.append("it is urgent")
    if not in_handbook:
        reasons.append("the handbook has no answer")
        return reasons
    if unsupported := len(checked.unsupported):
        reasons.append(f"{unsupported} of {len(checked.sentences)} sentences have no source")
    if not verdict.supported:
        reasons.append("the check found something that the sources do not say")
    if invented := amounts_not_in(checked.text, passages):
        reasons.append(f"{', '.join(invented)} is not in the sources")
    return reasons


def is_urgent(subject: str, message: str, kind: Triage) -> bool:
    """Whether the triage or a plain word says so: a small model misses some, and one missed is one too many."""
    found = DANGER.search(f"{subject}\n{message}") is not None
    return found or kind.urgency == Urgency.high or kind.category == Category.safety


def amounts_not_in(text: str, passages: list[Passage]) -> list[str]:
    """Sums and percentages of a text that none of the passages names."""
    known = " ".join(passage.text for passage in passages)
    return [found[0] for found in AMOUNT.finditer(text) if not re.search(rf"(?<![\d.,]){re.escape(found[1])}", known)]


def without_account_numbers(text: str) -> str:
    """The text without account and card numbers: no model needs them, and no reply repeats them."""
    for pattern, instead in ACCOUNT_NUMBERS:
        text = pattern.sub(instead, text)
    return text


def first_of_each(found: list[Passage], more: list[Passage], most: int = 5) -> list[Passage]:
    """What the customer's own words find, and behind it what the search that an agent worded adds.

    Measured over the inbox: the own words alone bring a right document among the first four for 46 of
    49 tickets; the agent's wording helps where the ticket is not in English, and must not displace them.
    """
    known = {(passage.document, passage.start) for passage in found}
    return [*found, *(passage for passage in more if (passage.document, passage.start) not in known)][:most]


def written(body: str) -> str:
    """The body, unless a mail program only says that there is a recording."""
    return "" if body.strip().lower() in ("", "(voice message)") else body.strip()


def cited(checked: Checked, passages: list[Passage]) -> list[Passage]:
    """The passages the reply stands on; all of them where it names none."""
    markers = sorted({citation.marker for citation in checked.citations})
    return [passages[marker - 1] for marker in markers] or passages


def says_nothing_found(text: str) -> bool:
    return re.search(r"(handbook|passages?) (has|have|contains?|gives?|does|do) (no|not)", text) is not None


def language_name(tag: str) -> str:
    return {"de": "German", "fr": "French"}.get(tag, "English")


def outgoing(ticket: Ticket, kind: Triage, checked: Checked, decision: str) -> dict[str, object]:
    """What the mail system gets: plain text without source numbers, and the sources beside it."""
    return {
        "ticket": ticket.id,
        "to": ticket.customer_email,
        "subject": f"Re: {ticket.subject or kind.question}",
        "text": re.sub(r"\s*\[\d+\]", "", checked.text).strip(),
        "category": kind.category,
        "urgency": kind.urgency,
        "sources": [{"document": citation.document, "quote": citation.quote} for citation in checked.citations],
        "decision": decision,
    }
