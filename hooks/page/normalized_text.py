"""Text brought to one form. People and editors differ in spaces, dashes, quotes, and upper and lower case."""

from __future__ import annotations

import re
import unicodedata

DASHES = "-‐‑‒–—―−"
_INVISIBLE = re.compile("[\x00-\x08\x0e-\x1b\x7f\u00ad\u200b-\u200f\u2060\ufeff]")
_SPACE = re.compile(r"\s+")
_DASH = re.compile(f"[{DASHES}]")
_QUOTES = str.maketrans(dict.fromkeys("‘’‚‛`´", "'") | dict.fromkeys("“”„‟«»", '"'))
_WORD = re.compile(r"[^\W_]+")
_NO_LATIN_DECOMPOSITION = str.maketrans(
    {"ø": "o", "æ": "ae", "å": "a", "ð": "d", "þ": "th", "ß": "ss"}
)


def clean(text: str) -> str:
    """Return the text as a reader sees it: single spaces, nothing invisible. Dashes and quotes stay as printed."""
    composed = unicodedata.normalize("NFC", text)
    visible = _INVISIBLE.sub("", composed)
    return _SPACE.sub(" ", visible).strip()


def normalize(text: str) -> str:
    """Return the text for comparing: cleaned, in lower case, with one kind of dash and of quotes, and `&` as a word."""
    plain = clean(text).translate(_QUOTES)
    plain = _DASH.sub("-", plain).replace("&", " and ")
    return _SPACE.sub(" ", plain).strip().casefold()


def words_of(text: str) -> list[str]:
    """Return the words and numbers of the text in their order, in lower case."""
    return _WORD.findall(normalize(text))


def word_set(*texts: str) -> frozenset[str]:
    """Return a vocabulary as a set. Its words are written with spaces between them."""
    return frozenset(" ".join(texts).split())


def slug(text: str) -> str:
    """Return a short id made of the text's words: 'Loyalty programme' gives `loyalty-programme`."""
    latin = normalize(text).translate(_NO_LATIN_DECOMPOSITION)
    decomposed = unicodedata.normalize("NFKD", latin)
    words = re.findall(r"[a-z0-9]+", decomposed)
    return "-".join(words)[:64].strip("-") or "unnamed"


def lower_first(text: str) -> str:
    """Return the text as it continues a sentence. An abbreviation such as `IP` keeps its capitals."""
    if text[1:2].isupper():
        return text
    return text[:1].lower() + text[1:]
