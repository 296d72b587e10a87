"""How much of a sentence stands in a source, as one number. Knows words and how rare they are there; decides nothing.

The mean of four signals of equal weight:
1. the share of the sentence's words, weighted by rarity, that its best three sentences of the source hold;
2. the share of its pairs of neighbouring words that are neighbours in the source;
3. the share of its pairs of numbers and names that stand together in the source, within two sentences;
4. a half for each number, unit or name that stands nowhere in it: one wrong figure makes the whole sentence wrong.
WiCE, `supported` against the rest: 1 alone has an AUROC of .70, 2 of .66, 3 of .77, 4 of .77, their mean .81. The
four were chosen on that set, their weights were not.
"""

import itertools
import math
from collections import Counter
from collections.abc import Mapping, Sequence

from coachwork.knowledge.phrases import WEIGHT, pairs
from coachwork.knowledge.source import Source, Unit
from coachwork.knowledge.words import CRITICAL, Word

_BEST = 3  # sentences of the source that may bear a sentence out between them
_TOGETHER = 2  # sentences in a row that count as one place


def coverage(claim: Sequence[Word], source: Source) -> float:
    """From 0 (nothing of the claim stands there) to 1 (all of it does, together)."""
    weighted = [word for word in claim if WEIGHT[word.kind]]
    if not weighted or not source.units:
        return 0.0
    forms = frozenset(word.form for word in weighted)
    # A source of a megabyte: sentences without a word of the claim can't change any signal but rarity.
    touching = [unit for unit in source.units if not forms.isdisjoint(unit.forms)]
    there = frozenset().union(source.context, *(unit.forms for unit in touching))
    critical = dict.fromkeys(word.form for word in weighted if word.kind in CRITICAL)
    signals = (
        _best_few(forms, touching, _rarity(forms, source), source.context),
        _neighbours(weighted, touching),
        _together(critical, source.units, source.context),
        0.5 ** sum(form not in there for form in critical),
    )
    return sum(signals) / len(signals)


def _rarity(forms: frozenset[str], source: Source) -> dict[str, float]:
    """Inverse document frequency, a sentence of the source being a document."""
    found = Counter(form for unit in source.units for form in forms & unit.forms)
    count = len(source.units)
    return {form: math.log(1 + (count + 0.5) / (found[form] + 0.5)) for form in forms}


def _best_few(
    forms: frozenset[str], units: Sequence[Unit], rarity: Mapping[str, float], context: frozenset[str]
) -> float:
    """The weighted share that the best few sentences hold, each chosen for what the ones before it lack."""
    left = set(forms)
    for _ in range(_BEST):
        held = [left & unit.forms for unit in units]
        best: frozenset[str] | set[str] = max(held, key=lambda some: sum(rarity[form] for form in some), default=set())
        if not best:
            break
        left -= best
    missing = sum(rarity[form] for form in sorted(left - context))
    return 1 - missing / sum(rarity[form] for form in sorted(forms))


def _neighbours(words: Sequence[Word], units: Sequence[Unit]) -> float:
    asked = pairs(words)
    return len(asked & frozenset().union(*(unit.pairs for unit in units))) / len(asked) if asked else 1.0


def _together(critical: Mapping[str, None], units: Sequence[Unit], context: frozenset[str]) -> float:
    asked = frozenset(critical)
    couples = list(itertools.combinations(critical, 2))
    if not couples:
        return 1.0
    places = set()
    for begin in range(len(units)):
        held = frozenset().union(*(unit.forms for unit in units[begin : begin + _TOGETHER])) & asked
        if held:
            places.add(held | (context & asked))
    return sum(any(one in place and other in place for place in places) for one, other in couples) / len(couples)
