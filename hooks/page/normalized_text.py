"""Text as people and editors write it, brought to one form: spaces, dashes, quotes, upper and lower case."""

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
    """The text as a reader sees it: single spaces, nothing invisible; dashes and quotes stay as they are printed."""
    return _SPACE.sub(" ", _INVISIBLE.sub("", unicodedata.normalize("NFC", text))).strip()


def normalize(text: str) -> str:
    """The text for comparing: as `clean`, in lower case, with one kind of dash and of quotes, and `&` as a word."""
    plain = _DASH.sub("-", clean(text).translate(_QUOTES)).replace("&", " and ")
    return _SPACE.sub(" ", plain).strip().casefold()


def words(text: str) -> list[str]:
    """The words and numbers of the text, in lower case."""
    return _WORD.findall(normalize(text))


def word_set(*texts: str) -> frozenset[str]:
    """A vocabulary, written as words between spaces."""
    return frozenset(word for text in texts for word in text.split())


def slug(text: str) -> str:
    """A short id made of the text's words: 'Loyalty programme' gives `loyalty-programme`."""
    ascii_only = unicodedata.normalize("NFKD", normalize(text).translate(_NO_LATIN_DECOMPOSITION))
    return "-".join(re.findall(r"[a-z0-9]+", ascii_only))[:64].strip("-") or "unnamed"


def lower_first(text: str) -> str:
    """The text as it goes on within a sentence; an abbreviation such as `IP` keeps its capitals."""
    return text if text[1:2].isupper() else text[:1].lower() + text[1:]
