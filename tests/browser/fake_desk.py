"""The fake model of the browser story: plays the support desk's agents by rule, quoting the passages it is given."""

import re

from coachwork.messages import ModelRequest
from coachwork.testing import FakeModel


async def answer(request: ModelRequest) -> str | dict[str, object]:
    asked = request.messages[-1].text
    fields = (request.schema or {}).get("properties", {})
    if "category" in fields:
        urgent = "swollen" in asked
        return {
            "question": re.sub(r"\s+", " ", asked.partition("Message:")[2]).strip()[:120] or "What is asked?",
            "situation": "danger, lawyer or deadline" if urgent else "only asking",
            "category": "safety" if urgent else "returns",
            "language": "en",
        }
    if "answers" in fields:
        return {"answers": "no answer to this" not in asked, "supported": True}
    if "search query" in request.messages[0].text:
        return {"query": asked.partition("Question:")[2].strip()[:100] or "return window"}
    if "theft" in asked:
        return "The handbook has no answer to this."
    if "wrongly told" in asked:
        return re.sub(r"(?<=cost )\d+", "777", quoted(asked, r"cost \d+ €"))
    return quoted(asked)


def quoted(asked: str, wanted: str = "") -> str:
    """The first whole sentence (that holds what is wanted) of the first passage that has one, with its marker."""
    for marker, body in re.findall(
        r"^\[(\d+)\] [^\n]*\n(.*?)(?=^\[\d+\] |^(?:Today|Question|Customer|Asked)|\Z)", asked, re.M | re.S
    ):
        for sentence in re.findall(r"[A-Z][^.!?|#*\n]{25,200}\.", body):
            if re.search(wanted, sentence):
                return f"{sentence[:-1]} [{marker}]."
    return "The handbook has no answer to this."


fake = FakeModel(answer, chunk=8, delay=0.02)
