"""The gaps between the ids of orders, which may be orders that the store's lists leave out.

Pure. Orders share their ids with refunds, pages and pictures, so that most gaps are none. All of them are asked about,
by and by: each search covers one range of ids without a hole, from `low` to `high`. New ids extend it upwards, and the
rest of the budget extends it downwards, so that the newest are asked about first and a huge gap stops nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Self

PER_CALL = 100
"""So many ids the store is asked about with one call."""


@dataclass(frozen=True, slots=True)
class Covered:
    """The range of ids whose gaps were asked about, both ends included; empty where `low` is above `high`.

    `done_on` is the day on which it reached the smallest id.
    """

    low: int
    high: int
    done_on: date | None = None

    @classmethod
    def none_up_to(cls, largest: int) -> Self:
        """The start of a search, in a ledger whose largest id is given."""
        return cls(largest + 1, largest)

    @classmethod
    def read(cls, text: str) -> Self:
        """Read back what `str` wrote."""
        low, high, *day = text.split(" ")
        return cls(int(low), int(high), date.fromisoformat(day[0]) if day else None)

    def __str__(self) -> str:
        return " ".join(
            str(part) for part in (self.low, self.high, self.done_on) if part is not None
        )


def gaps(known: Sequence[int], first: int, last: int) -> tuple[list[int], int]:
    """Find the ids from `first` to `last` that are not known, at most PER_CALL of them, and how far that is.

    `known` are ids in that range, in order. All ids up to the second value are either known or among the first. It
    takes no longer for a gap of a billion ids than for a small one.
    """
    found: list[int] = []
    start = first
    for number in (*known, last + 1):
        found += range(start, min(number, start + PER_CALL - len(found)))
        if len(found) == PER_CALL:
            return found, found[-1]
        start = number + 1
    return found, last


def gaps_downwards(known: Sequence[int], first: int, last: int) -> tuple[list[int], int]:
    """As `gaps`, from `first` down to `last`; `known` are in falling order."""
    found, reached = gaps([-number for number in known], -first, -last)
    return [-number for number in found], -reached
