"""Rerankers: Cohere's endpoint, the one that Jina, Voyage, vLLM and llama.cpp share, and TEI's. Knows their JSON alone.

A text scores by the share of the query's words that stand in it.
"""

import re
from collections.abc import Mapping
from typing import Any

from coachwork.testing.provider.openai_chat import error_event, trouble
from coachwork.testing.provider.question import Answer, Question
from coachwork.testing.provider.wire import Received, Trouble, Wire, body_of


def _read(received: Received) -> Question:
    body = body_of(received)
    query, texts = body["query"], _texts(body)
    return Question(model=str(body.get("model", "")), said="".join(query + text for text in texts))


def _texts(body: Mapping[str, Any]) -> list[str]:
    texts = body["texts"] if "texts" in body else body["documents"]
    if not texts or not all(isinstance(text, str) for text in texts):
        raise ValueError("there are no texts to rank")
    return list(texts)


def _ranking(question: Question, answer: Answer, received: Received) -> Any:
    """Best first, as all of them answer. TEI asks for `texts` and is given a bare list."""
    body = body_of(received)
    wanted = set(_words(body["query"]))
    scores = [len(wanted & set(_words(text))) / max(len(wanted), 1) for text in _texts(body)]
    order = sorted(range(len(scores)), key=lambda index: -scores[index])
    if "texts" in body:
        return [{"index": index, "score": scores[index]} for index in order]
    rows = [{"index": index, "relevance_score": scores[index]} for index in order]
    counted = {"total_tokens": answer.counted.input_tokens}
    return {"model": question.model, "results": rows, **({"usage": counted} if answer.tells_usage else {})}


def _cohere_ranking(question: Question, answer: Answer, received: Received) -> Any:
    told = _ranking(question, answer, received)
    units = {"api_version": {"version": "2"}, "billed_units": {"search_units": 1}}
    return {"id": "rerank-000000000001", "results": told["results"], **({"meta": units} if answer.tells_usage else {})}


def _cohere_trouble(trouble_: Trouble) -> tuple[int, Any]:
    return trouble_.status, {"id": "error-000000000001", "message": trouble_.message}


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text.lower())


PLAIN = Wire("rerank", "openai", _read, _ranking, None, trouble, error_event)
COHERE = Wire("cohere-rerank", "openai", _read, _cohere_ranking, None, _cohere_trouble, error_event)
