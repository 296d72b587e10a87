"""The names of languages that speech models give, as BCP 47 tags. Whisper's list, the only one they use.

https://github.com/openai/whisper/blob/main/whisper/tokenizer.py
"""

_NAMES = (
    "af afrikaans, am amharic, ar arabic, as assamese, az azerbaijani, ba bashkir, be belarusian, bg bulgarian, "
    "bn bengali, bo tibetan, br breton, bs bosnian, ca catalan, cs czech, cy welsh, da danish, de german, el greek, "
    "en english, es spanish, et estonian, eu basque, fa persian, fi finnish, fo faroese, fr french, gl galician, "
    "gu gujarati, ha hausa, haw hawaiian, he hebrew, hi hindi, hr croatian, ht haitian creole, hu hungarian, "
    "hy armenian, id indonesian, is icelandic, it italian, ja japanese, jw javanese, ka georgian, kk kazakh, "
    "km khmer, kn kannada, ko korean, la latin, lb luxembourgish, ln lingala, lo lao, lt lithuanian, lv latvian, "
    "mg malagasy, mi maori, mk macedonian, ml malayalam, mn mongolian, mr marathi, ms malay, mt maltese, "
    "my myanmar, ne nepali, nl dutch, nn nynorsk, no norwegian, oc occitan, pa punjabi, pl polish, ps pashto, "
    "pt portuguese, ro romanian, ru russian, sa sanskrit, sd sindhi, si sinhala, sk slovak, sl slovenian, sn shona, "
    "so somali, sq albanian, sr serbian, su sundanese, sv swedish, sw swahili, ta tamil, te telugu, tg tajik, "
    "th thai, tk turkmen, tl tagalog, tr turkish, tt tatar, uk ukrainian, ur urdu, uz uzbek, vi vietnamese, "
    "yi yiddish, yo yoruba, yue cantonese, zh chinese"
)
_TAGS = {name: code for code, _, name in (entry.partition(" ") for entry in _NAMES.split(", "))}
_TAGS["javanese"] = "jv"  # Whisper's own code for it is not the standard's


def tag(language: str) -> str:
    """The tag of a language that is given by name or by tag; "" for a name that is not known."""
    word = language.strip().lower()
    if word in _TAGS:
        return _TAGS[word]
    return "jv" if word == "jw" else language.strip() if word.partition("-")[0] in _TAGS.values() else ""
