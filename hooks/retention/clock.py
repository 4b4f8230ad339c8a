"""The calendar: periods in whole months and years, and accounting years. Dates only; no time of day, no zone."""

from __future__ import annotations

import re
from bisect import bisect_left
from calendar import monthrange
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Self

_ISO_PERIOD = re.compile(r"P(?=\d)(?:(\d{1,3})Y)?(?:(\d{1,4})M)?(?:(\d{1,4})D)?", re.ASCII)
_WORDS = [
    "no",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
]


def _counted(number: int, unit: str) -> str:
    word = _WORDS[number] if number < len(_WORDS) else str(number)
    return f"{word} {unit}{'' if number == 1 else 's'}"


@dataclass(frozen=True, slots=True)
class Period:
    """A calendar period, as ISO 8601 writes it: `P5Y`, `P24M`, `P1Y6M`, `P30D`."""

    years: int = 0
    months: int = 0
    days: int = 0

    @classmethod
    def from_iso(cls, text: str) -> Self:
        """Read `PnYnMnD`. Raises ValueError for anything else, and for a period of no length."""
        match = _ISO_PERIOD.fullmatch(text)
        if not match or not any(int(part or 0) for part in match.groups()):
            raise ValueError(f"{text!r} is not a period such as P5Y, P24M or P30D")
        return cls(*(int(part or 0) for part in match.groups()))

    def after(self, day: date) -> date:
        """The day that lies this period after `day`.

        Months and years are calendar ones: where the month has no such day it is the month's last
        (2024-02-29 plus 24 months is 2026-02-28), so that a later day never gives an earlier one.
        """
        month = day.month - 1 + self.months + 12 * self.years
        year, month = day.year + month // 12, month % 12 + 1
        return date(year, month, min(day.day, monthrange(year, month)[1])) + timedelta(
            days=self.days
        )

    def first_start(self, end: date) -> date:
        """The first day from which this period does not end before `end`: from each earlier day it does.

        It is no subtraction: one month after each of 28, 29, 30 and 31 January 2026 is 28 February.
        """
        latest = end.toordinal()
        longest = 366 * self.years + 31 * self.months + self.days
        days = range(max(latest - longest, 1), latest)
        return date.fromordinal(days.start + bisect_left(days, latest, key=self._ordinal_after))

    def _ordinal_after(self, ordinal: int) -> int:
        return self.after(date.fromordinal(ordinal)).toordinal()

    def __str__(self) -> str:
        """In words, as the sentences say it: 'five years', '24 months'."""
        parts = [(self.years, "year"), (self.months, "month"), (self.days, "day")]
        return " and ".join(_counted(number, unit) for number, unit in parts if number)


@dataclass(frozen=True, slots=True)
class AccountingYear:
    """The accounting year by its first day; 1 January unless a shop has a broken one, such as 1 July."""

    month: int = 1
    day: int = 1

    def end(self, day: date) -> date:
        """The last day of the accounting year in which `day` lies."""
        start = date(day.year, self.month, self.day)
        if start <= day:
            start = date(day.year + 1, self.month, self.day)
        return start - timedelta(days=1)
