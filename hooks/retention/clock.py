"""The calendar of the rules: periods, and accounting years. Dates only, without a time of day or a zone."""

from __future__ import annotations

import re
from bisect import bisect_left
from calendar import monthrange
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Self

_ISO_PERIOD = re.compile(r"P(?=\d)(?:(\d{1,3})Y)?(?:(\d{1,4})M)?(?:(\d{1,4})D)?", re.ASCII)
_NUMBER_WORDS = [
    "no", "one", "two", "three", "four", "five", "six",
    "seven", "eight", "nine", "ten", "eleven", "twelve",
]  # fmt: skip


def _counted(number: int, unit: str) -> str:
    word = str(number)
    if number < len(_NUMBER_WORDS):
        word = _NUMBER_WORDS[number]
    if number == 1:
        return f"{word} {unit}"
    return f"{word} {unit}s"


@dataclass(frozen=True, slots=True)
class Period:
    """A calendar period, as ISO 8601 writes it: `P5Y`, `P24M`, `P1Y6M`, `P30D`."""

    years: int = 0
    months: int = 0
    days: int = 0

    @classmethod
    def from_iso(cls, text: str) -> Self:
        """Read `PnYnMnD`. Raises ValueError for any other text, and for a period of no length."""
        match = _ISO_PERIOD.fullmatch(text)
        numbers = []
        if match:
            numbers = [int(part) for part in match.groups("0")]
        if not any(numbers):
            raise ValueError(f"{text!r} is not a period such as P5Y, P24M or P30D")
        return cls(*numbers)

    def after(self, day: date) -> date:
        """Return the day that lies this period after `day`.

        Months and years are those of the calendar. If the month has no such day, it is the last day of the month:
        2024-02-29 plus 24 months is 2026-02-28. So a later start never gives an earlier end.
        """
        months = day.month - 1 + self.months + 12 * self.years
        year = day.year + months // 12
        month = months % 12 + 1
        _, last_of_month = monthrange(year, month)
        shifted = date(year, month, min(day.day, last_of_month))
        return shifted + timedelta(days=self.days)

    def first_start(self, end: date) -> date:
        """Return the first day from which this period ends on `end` or later.

        The period cannot be subtracted from `end`: one month after each of 28, 29, 30 and 31 January 2026 is
        28 February. So the day is searched for.
        """
        end_ordinal = end.toordinal()
        longest = 366 * self.years + 31 * self.months + self.days
        days = range(max(end_ordinal - longest, 1), end_ordinal)
        steps = bisect_left(days, end_ordinal, key=self._ordinal_after)
        return date.fromordinal(days.start + steps)

    def _ordinal_after(self, ordinal: int) -> int:
        return self.after(date.fromordinal(ordinal)).toordinal()

    def __str__(self) -> str:
        """The period in words: 'five years', '24 months'."""
        parts = []
        if self.years:
            parts.append(_counted(self.years, "year"))
        if self.months:
            parts.append(_counted(self.months, "month"))
        if self.days:
            parts.append(_counted(self.days, "day"))
        return " and ".join(parts)


@dataclass(frozen=True, slots=True)
class AccountingYear:
    """The accounting year, by its first day.

    That is 1 January, unless the year of a shop differs from the calendar year.
    """

    month: int = 1
    day: int = 1

    def end(self, day: date) -> date:
        """Return the last day of the accounting year in which `day` lies."""
        start = date(day.year, self.month, self.day)
        if start <= day:
            start = date(day.year + 1, self.month, self.day)
        return start - timedelta(days=1)
