"""In which language a question is asked, by its function words. Knows the languages that full-text search analyses."""

import re
from typing import Literal

from coachwork.knowledge.vocabulary import in_words

Language = Literal[
    "English", "German", "French", "Spanish", "Italian", "Dutch", "Portuguese", "Swedish", "Danish", "Other"
]
_WORDS = {
    language: frozenset(in_words(words))
    for language, words in {
        "English": "the of and to in is was what which who when where how did does do for on that with from are were"
        " by at as it an be this many much there can i you my we has have had after before between into",
        "German": "der die das und ist in was welche welcher welches wer wann wo wie viele viel für auf dass mit"
        " von sind wurde wurden den dem des ein eine einen einem einer zu im am bei als es ich kann mein"
        " wir hat haben nach vor zwischen nicht durch zum zur aus",
        "French": "le la les des du et est dans que quel quelle quels quelles qui quand où comment combien pour sur"
        " avec sont par au aux un une ce il elle je mon nous pas de en a été cette dont",
        "Spanish": "el la los las de y es en que qué cuál cuáles quién cuándo dónde cómo cuánto cuántos cuántas para"
        " por con del al un una se su fue lo son mi está no entre a quiénes",
        "Italian": "il lo la gli le di e è che quale quali chi quando dove come quanto quanti per con del della nel"
        " un una si fu sono mio non in al",
        "Dutch": "de het een en is van wat welke wie wanneer waar hoe veel voor op dat met zijn werd in te door ik"
        " mijn we niet bij naar",
        "Portuguese": "o a os as de e é em que qual quais quem quando onde como quanto quantos para por com do da no na"
        " um uma se foi são meu não ao",
        "Swedish": "och är av vad vilken vilket vilka vem när var hur många för på att med som ett en den det i till"
        " jag min inte från",
        "Danish": "og er af hvad hvilken hvilket hvilke hvem hvornår hvor hvordan mange for på at med som et en den"
        " det i til jeg min ikke fra",
    }.items()
}
_SCRIPT = re.compile(
    r"[\u0370-\u03ff\u0400-\u04ff\u0590-\u06ff\u0900-\u0dff\u0e00-\u0eff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]"
)


def language_of(text: str) -> str:
    """The language with the most function words in `text`, "" where two have as many or none has any.

    A text in another script than the Latin one is "Other".
    """
    if 2 * len(_SCRIPT.findall(text)) > len(re.findall(r"[^\W\d_]", text)):
        return "Other"
    words = re.findall(r"[^\W\d_]+", text.lower())
    counts = {language: sum(word in known for word in words) for language, known in _WORDS.items()}
    most = max(counts.values())
    leaders = [language for language, count in counts.items() if count == most]
    return leaders[0] if most and len(leaders) == 1 else ""
