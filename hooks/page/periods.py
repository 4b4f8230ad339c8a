"""The time for which the page keeps a class of data: a period, a range, or until an event.

A text without a definite end is refused, with the reason. So is a text with more than one end: nothing is guessed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from hooks.page.normalized_text import normalize, word_set
from hooks.retention.clock import Period

WITHDRAWN = "consent-withdrawn"
"""The only event that may end the time of a class."""


@dataclass(frozen=True, slots=True)
class Span:
    """The time for which data is kept: a period, or until an event.

    Of a range, `keep` is the longer end and `review` the shorter one. `until` is an event; there is then no period.
    """

    keep: Period | None = None
    review: Period | None = None
    until: str | None = None

    def same_as(self, other: Span) -> bool:
        """Tell whether both are equally long; 24 months are two years."""
        return self._lengths() == other._lengths()

    def _lengths(self) -> tuple[object, ...]:
        return (_length(self.keep), _length(self.review), self.until)

    def __str__(self) -> str:
        """Return the span for a sentence: '24 months', 'twelve months to 36 months', 'until consent is withdrawn'."""
        if self.until == WITHDRAWN:
            return "until consent is withdrawn"
        if self.until:
            return f"until {self.until}"
        if self.review:
            return f"{self.review} to {self.keep}"
        return str(self.keep)


class NoEndError(ValueError):
    """Raised if no definite end can be read. Its text is the end of a sentence that says why."""


_MAX_LENGTH = 500

_ONES = {
    "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9,
    "én": 1, "en": 1, "ett": 1, "et": 1, "to": 2, "tre": 3, "fire": 4, "fem": 5, "seks": 6, "sju": 7, "syv": 7,
    "åtte": 8, "ni": 9,
}  # fmt: skip
_TEENS = {
    "ten": 10, "eleven": 11, "twelve": 12, "thirteen": 13, "fourteen": 14, "fifteen": 15, "sixteen": 16,
    "seventeen": 17, "eighteen": 18, "nineteen": 19, "ti": 10, "elleve": 11, "tolv": 12, "tretten": 13,
    "fjorten": 14, "femten": 15, "seksten": 16, "sytten": 17, "atten": 18, "nitten": 19, "a": 1,
}  # fmt: skip
_TENS = {
    "twenty": 20, "thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "seventy": 70, "eighty": 80, "ninety": 90,
    "tjue": 20, "tretti": 30, "førti": 40, "femti": 50, "seksti": 60, "sytti": 70, "åtti": 80, "nitti": 90,
}  # fmt: skip
_UNITS = {"year": "years", "month": "months", "week": "weeks", "day": "days"}
_UNIT = (
    r"(?:(?P<year{0}>years?|yrs?|år)|(?P<month{0}>months?|mths?|mos?|måneder|måned|mnd|md)|"
    r"(?P<week{0}>weeks?|uker?)|(?P<day{0}>days?|dager|dag|døgn))\b\.?"
)


def _alternatives(words: dict[str, int]) -> str:
    return "|".join(sorted(words, key=len, reverse=True))


_NUMBER = (
    rf"(?:\d{{1,4}}|(?:{_alternatives(_TENS)})(?:[ -]?(?:{_alternatives(_ONES)}))?"
    rf"|{_alternatives(_TEENS | _ONES)})"
)
_BEGIN = r"""(?<![^\s("'…])(?<!\d )(?<!- )"""
_QUANTITY = re.compile(
    rf"{_BEGIN}(?P<n>{_NUMBER})[ -]?(?:calendar |full |hele )?{_UNIT.format('')}"
)
_RANGE = re.compile(
    rf"(?P<between>\b(?:between|from|mellom|fra) )?{_BEGIN}(?P<n1>{_NUMBER})(?: ?{_UNIT.format(1)})?"
    rf"(?: ?- ?| to | til | (?P<and>and|og) )(?P<n2>{_NUMBER}) ?{_UNIT.format(2)}"
)
_ALTERNATIVE = re.compile(rf"(?:^|[^\w])(?:{_NUMBER}) ?(?:or|eller|and|og|to|til|,|;|/|&) ?$")
_LAW = re.compile(
    r"§+ ?\d+(?:[ -]\d+)*|\b(?:art|article|artikkel|section|paragraf|act of|lov av)\b\.? ?\d+(?:\(\w+\))*|\(\w\)|"
    r"\bgdpr\b|\b(?:19|20)\d\d act\b"
)
_THEN = r"(?:then|thereafter|deretter|så)"
_ACTIVE = re.compile(
    r"^(?:for )?(?:while|as long as|so long as|så lenge|mens)\b[^,;.]{0,60}?\b(?:active|aktivt?|in use|i bruk|open)\b"
    rf"[^,;.\d]{{0,20}}?(?:[,;] ?(?:and |og )?(?:{_THEN} )?|(?:and |og )?{_THEN} )"
)
"""'While it is active, then …' says when the period begins. It does not leave the end open."""

_OPEN = re.compile(
    r"\b(?:or (?:longer|more)|longer|more than|at least|minimum|no less|not less|as long as|so long as|indefinitely|"
    r"for ?ever|necessary|needed|approximately|approx|about|around|roughly|unless|except|if|not|never|half|quarter|"
    r"hundred|several|extend|extended|eller (?:lenger|mer)|lenger|lengre|mer enn|minst|så lenge|ubestemt|"
    r"for alltid|nødvendig|behov|omtrent|cirka|ca|rundt|med mindre|unntatt|hvis|dersom|ikke|aldri|halvt?|halvannet|"
    r"kvart|hundre|noen|flere|forlenges|forlenget)\b"
)
_AT_MOST = re.compile(
    r"\b(?:no|not) (?:longer|more|later) than\b|\bikke (?:lenger|lengre|mer) enn\b"
)
_WITHDRAWAL = re.compile(
    r"\b(?:until|till|inntil|frem til|fram til|til)\b.*"
    r"\b(?:unsubscribe|withdr[ae]wn?|withdrawal|opt(?:s|ed)? out|revoke[ds]?|"
    r"trekker|trekkes|trukket|tilbaketrekk\w*|tilbakekall\w*|melder|avmeld\w*)\b"
)
_WITHDRAWAL_WORDS = word_set(
    "until till you your the or and unsubscribe withdraw withdraws withdrawn withdrawal consent opt opts opted out of",
    "is are revoke revokes revoked from newsletter newsletters marketing emails at any time has have been to for it",
    "inntil til frem fram du deg seg av eller og melder trekker trekkes trukket tilbake tilbakekaller tilbakekalles",
    "samtykket samtykke ditt din er blir nyhetsbrev nyhetsbrevet markedsføring fra avmelding avmelder",
)
"""The words of a sentence in which a withdrawal, and nothing else, ends the time."""

_UNTIL = re.compile(r"\b(?:until|till|inntil|frem til|fram til)\b(?! ?\d)")


def read_span(text: str) -> Span:
    """Read the span that the text names. Raises NoEndError if it names no definite end, or more than one."""
    if len(text) > _MAX_LENGTH:
        raise NoEndError("it is too long to be read as a period")
    words = _without_harmless_words(normalize(text))
    ranges = _ranges(words)
    for match in reversed(ranges):
        words = _without(words, match)
    singles = list(_QUANTITY.finditer(words))
    event = _WITHDRAWAL.search(words)
    _check_one_end(words, ranges, singles, event)
    if event:
        return Span(until=WITHDRAWN)
    if ranges:
        return _range_span(ranges[0])
    quantity = singles[0]
    return Span(_period(quantity["n"], _unit(quantity, "")))


def _without_harmless_words(words: str) -> str:
    """Return the words without those that look like an end or a number and are none: laws, 'while it is active'."""
    words = _ACTIVE.sub("", words)
    words = _LAW.sub(" ", words)
    return _AT_MOST.sub("", words)


def _without(words: str, match: re.Match[str]) -> str:
    """Return the words with a mark in place of the match: the rest is checked for anything that was not read."""
    before = words[: match.start()]
    after = words[match.end() :]
    return f"{before}…{after}"


def _ranges(words: str) -> list[re.Match[str]]:
    """Return the ranges. '12 and 36 months' is one only after 'between', and 'twenty-four months' is none."""
    ranges: list[re.Match[str]] = []
    for match in _RANGE.finditer(words):
        is_sum = match["and"] and not match["between"]
        is_one_number = match["n1"] in _TENS and match["n2"] in _ONES
        if not is_sum and not is_one_number:
            ranges.append(match)
    return ranges


def _check_one_end(
    words: str,
    ranges: list[re.Match[str]],
    singles: list[re.Match[str]],
    event: re.Match[str] | None,
) -> None:
    """Raise NoEndError unless the text has one definite end and no other number."""
    ends = len(ranges) + len(singles) + bool(event)
    if ends > 1:
        raise NoEndError("more than one period or end is named, and they are no range")
    open_end = _OPEN.search(words)
    if open_end:
        raise NoEndError(f"it says “{open_end[0]}”, so that its end cannot be told")
    if not ends:
        raise NoEndError("no period could be read")
    if event:
        _check_is_withdrawal(words[event.start() :])
    elif _UNTIL.search(words):
        raise NoEndError("a period and an event are named, and which of them ends it is not said")
    _check_no_other_number(words, singles)


def _check_is_withdrawal(event: str) -> None:
    words = re.findall(r"\w+", event)
    if not _WITHDRAWAL_WORDS.issuperset(words):
        raise NoEndError("the event that ends it is not one that is known")


def _check_no_other_number(words: str, singles: list[re.Match[str]]) -> None:
    for match in singles:
        if _ALTERNATIVE.search(words[: match.start()]):
            raise NoEndError("more than one number is named, and they are no range")
        words = _without(words, match)
    if re.search(r"\d", words):
        raise NoEndError("it names a number that is no part of a period")


def _range_span(match: re.Match[str]) -> Span:
    unit = _unit(match, "2")
    first = _period(match["n1"], _unit(match, "1") or unit)
    last = _period(match["n2"], unit)
    if _days(first) >= _days(last):
        raise NoEndError("the range ends before it begins")
    return Span(keep=last, review=first)


def _unit(match: re.Match[str], number: str) -> str:
    """Return the unit of the match's quantity with this number, as Period names it; "" if it has none."""
    for name, unit in _UNITS.items():
        if match.groupdict().get(f"{name}{number}"):
            return unit
    return ""


def _period(number: str, unit: str) -> Period:
    count = _count(number)
    if not count:
        raise NoEndError("a period of no length is named")
    if unit == "weeks":
        return Period(days=7 * count)
    return Period(**{unit: count})


def _count(number: str) -> int:
    """Return the number, from digits or from a word such as 'twenty-four'."""
    if number.isdigit():
        return int(number)
    below_twenty = _ONES | _TEENS
    if number in below_twenty:
        return below_twenty[number]
    tens = next(word for word in _TENS if number.startswith(word))
    ones = number[len(tens) :].strip(" -")
    if not ones:
        return _TENS[tens]
    return _TENS[tens] + _ONES[ones]


def _length(period: Period | None) -> tuple[int, int] | None:
    if period is None:
        return None
    return (12 * period.years + period.months, period.days)


def _days(period: Period) -> float:
    """Return about how many days the period has, to tell the longer of two."""
    return 30.4 * (12 * period.years + period.months) + period.days
