"""Which words of a sentence a source leaves unexplained. Knows common synonyms and small talk; knows no grammar.

A thing, a place, a property that stands nowhere in the source makes a sentence unsupported, whatever else of it stands
there ("the warranty on a battery is 14 days" and a rule on repairs). A verb or an adverb of its own is let pass.
"""

from collections.abc import Sequence

from coachwork.knowledge.vocabulary import in_words
from coachwork.knowledge.words import Word, stem

_GROUPS = tuple(
    frozenset(stem(word) for word in in_words(line))
    for line in """
        cost price charge fee pay paid due
        get got receive given give
        buy bought purchase order
        send sent ship shipped shipping dispatch deliver delivered delivery mail
        return returned sent back
        repair fix repaired mend
        start begin began begun
        end stop finish expire
        write contact ask request email
        call phone telephone
        bike bicycle
        item product article goods
        customer client buyer
        shop store
        amount sum
        change alter modify
        cancel cancelled cancellation
        refund reimburse repay money
        collect pick collected
        keep kept hold held store stored
        allow permit let
        need require must required necessary
        possible available offered offer
        replace exchange swap
        select choose chosen pick
        win won victory
        die died death dead
        birth born
        film movie
        company firm business
        employee staff worker
        show display shown
        near close
        big large
        entire whole full
        approximately roughly around
        kosten preis gebühr bezahlen zahlen
        senden schicken liefern versand lieferung
        kaufen bestellen bestellung kauf
        kunde kundin käufer
        """.strip().splitlines()
)
_SYNONYMS: dict[str, frozenset[str]] = {
    word: frozenset().union(*(group for group in _GROUPS if word in group)) for group in _GROUPS for word in group
}
_SMALL = frozenset(
    stem(word)
    for word in in_words(
        """
        customer person people everyone somebody someone user reader thing way case time total amount note information
        detail accord example also get got give gave take took make made bring use want let help happen find found
        provide include mean follow apply say said tell call called know known see regard general current usual normal
        kunde person fall beispiel
        """
    )
)
_BEFORE_A_VERB = frozenset(
    in_words(
        """
        you we they i he she it who which that can may must will shall should could would to please do does did be been
        is are was were has have had not and wir sie ich er es man kann können darf dürfen muss müssen wird werden bitte
        """
    )
)
_FIRM = 4  # words that have to stand there for each verb or adverb of the answer's own
_OBJECTS = frozenset(in_words("us me them him it you uns mir ihm"))


def same_sense(word: str, forms: frozenset[str]) -> bool:
    """Is this stem, or one that means much the same, among `forms`? Small talk always is."""
    return word in forms or word in _SMALL or not forms.isdisjoint(_SYNONYMS.get(word, frozenset()))


def unexplained(claim: Sequence[Word], there: frozenset[str]) -> str:
    """The first thing that the claim speaks of and the source does not, "" for none."""
    content = [word for word in claim if word.kind == "content"]
    missing = [word for word in content if not same_sense(word.form, there)]
    loose = [word for word in missing if _is_verb_or_adverb(word, claim)]
    if len(loose) < len(missing):
        return f"{next(word.raw for word in missing if word not in loose)!r} is not there"
    firm = {word.form for word in claim if word.kind in ("content", "name", "number") and word.form in there}
    if len(loose) * _FIRM > len(firm):
        return f"{loose[0].raw!r} is not there"
    return ""


def _is_verb_or_adverb(word: Word, claim: Sequence[Word]) -> bool:
    """By its ending, or by the word before it: `you can cancel`, `is collected`, `usually`, `send us`."""
    if word.raw.endswith("ly") and len(word.raw) > 4:
        return True
    index = claim.index(word)
    if index + 1 < len(claim) and claim[index + 1].raw in _OBJECTS:
        return True
    before = claim[index - 1].raw if index else "please"  # "Tighten the bolts": a request
    if before in ("is", "are", "was", "were", "be", "been", "has", "have", "had", "not", "and"):
        return word.raw.endswith(("ed", "en", "ing"))
    return before in _BEFORE_A_VERB
