"""Moderation by remote services, on OpenAI's wire, which Mistral shares. One judgement a text."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from coachwork.errors import ProviderFault
from coachwork.messages import Moderation, Usage
from coachwork.providers.openai_errors import raised_as_theirs
from coachwork.providers.wire import Meter


async def moderate(client: Any, full: str, texts: Sequence[str], meter: Meter) -> list[Moderation]:
    """Judge texts. `full` is our name of the model, `provider:name`.

    Raises ProviderFault where there is not one result for each text.
    """
    model = full.partition(":")[2]
    with raised_as_theirs(model):
        response = await client.moderations.with_raw_response.create(model=model, input=list(texts))
    answer = json.loads(response.text)
    if not isinstance(answer, Mapping) or not isinstance(answer.get("results"), list):
        raise ProviderFault(f"{full!r} sent something that is no moderation.", model=full)
    counted = answer.get("usage") or {}
    meter.usage += Usage(counted.get("prompt_tokens", 0), counted.get("completion_tokens", 0))
    results = answer["results"]
    if len(results) != len(texts):
        raise ProviderFault(f"{full!r} gave {len(results)} judgements for {len(texts)} texts.", model=full)
    return [_judgement(result) for result in results]


def _judgement(result: Mapping[str, Any]) -> Moderation:
    """Mistral gives no word for the whole: a text is flagged where any category is."""
    scores = {name: float(score) for name, score in (result.get("category_scores") or {}).items() if score is not None}
    flagged = result.get("flagged")
    if flagged is None:
        flagged = any((result.get("categories") or {}).values())
    return Moderation(flagged=bool(flagged), scores=scores)
