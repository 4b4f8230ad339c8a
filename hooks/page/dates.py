"""Days as pages print them, in English or Norwegian."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date

from hooks.page.normalized_text import normalize

_MONTHS = (
    ("january", "januar", "jan"), ("february", "februar", "feb"), ("march", "mars", "mar"), ("april", "apr"),
    ("may", "mai"), ("june", "juni", "jun"), ("july", "juli", "jul"), ("august", "aug"),
    ("september", "sept", "sep"), ("october", "oktober", "oct", "okt"), ("november", "nov"),
    ("december", "desember", "dec", "des"),
)  # fmt: skip
_NUMBERS = {name: number for number, names in enumerate(_MONTHS, 1) for name in names}
_MONTH = "|".join(sorted(_NUMBERS, key=len, reverse=True))
_PATTERNS = (
    r"(?<!\d)(?P<year>\d{4})-(?P<month>\d{2})-(?P<day>\d{2})(?!\d)",
    r"(?<!\d)(?P<day>\d{1,2})\. ?(?P<month>\d{1,2})\. ?(?P<year>\d{4})(?!\d)",
    rf"(?<!\d)(?P<day>\d{{1,2}})(?:\.|st|nd|rd|th)? (?:of )?(?P<month>{_MONTH})\b\.?,? (?P<year>\d{{4}})(?!\d)",
    rf"\b(?P<month>{_MONTH})\b\.? (?P<day>\d{{1,2}})(?:st|nd|rd|th)?,? (?P<year>\d{{4}})(?!\d)",
)
_FORMS = tuple(re.compile(pattern) for pattern in _PATTERNS)


def read_day(text: str) -> date | None:
    """Read the day that the text names.

    None if it names none or several, and for `01/02/2026`, whose month may be either number.
    """
    days = set(_days(normalize(text)))
    if len(days) != 1:
        return None
    return days.pop()


def _days(words: str) -> Iterator[date]:
    """Yield every day that the words name in one of the forms."""
    for form in _FORMS:
        for match in form.finditer(words):
            day = _day(match)
            if day:
                yield day


def _day(match: re.Match[str]) -> date | None:
    """Return the day that the match names; None if the calendar has no such day."""
    month = _NUMBERS.get(match["month"]) or int(match["month"])
    try:
        return date(int(match["year"]), month, int(match["day"]))
    except ValueError:
        return None
