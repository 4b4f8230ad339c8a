"""The text of a value, as people type it: with blanks and quotes around it, or with characters that cannot be meant."""

from __future__ import annotations

from unicodedata import category

_BLANKS = "\t\n\r"
_PLAIN_QUOTES = ("'", '"')
_TYPOGRAPHIC_QUOTES = ("“", "”", "„", "‘", "’", "‚", "«", "»")


def is_quoted(text: str) -> bool:
    """Tell whether a pair of plain quotes stands around a text, which has no blanks around it."""
    return len(text) > 1 and text[0] == text[-1] and text[0] in _PLAIN_QUOTES


def strip_quotes(text: str) -> str:
    """Drop the white space around a text, and then one pair of plain quotes."""
    text = text.strip()
    if is_quoted(text):
        return text[1:-1]
    return text


def has_typographic_quote(text: str) -> bool:
    """Tell whether a text begins or ends with a quote that only a word processor makes."""
    return text.startswith(_TYPOGRAPHIC_QUOTES) or text.endswith(_TYPOGRAPHIC_QUOTES)


def has_plain_quote(text: str) -> bool:
    """Tell whether a text begins or ends with a plain quote."""
    return text.startswith(_PLAIN_QUOTES) or text.endswith(_PLAIN_QUOTES)


def has_control_character(text: str) -> bool:
    """Tell whether a text has a control character that is no blank, or half a character, as bytes not in UTF-8 give."""
    characters = set(text).difference(_BLANKS)
    return any(category(character) in ("Cc", "Cs") for character in characters)
