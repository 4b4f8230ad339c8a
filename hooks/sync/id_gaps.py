"""The gaps between the ids of orders. An id in a gap may be an order that the store's lists leave out.

Pure. Orders share their ids with refunds, pages and pictures, so most gaps hide no order. All of them are asked about,
step by step: a search covers one range of ids without a hole, from `low` to `high`. New ids extend it upwards. The rest
of the budget extends it downwards. So the newest ids are asked about first, and a huge gap stops nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Self

PER_CALL = 100
"""The number of ids that one call to the store asks about."""


@dataclass(frozen=True, slots=True)
class Covered:
    """The range of ids whose gaps were asked about, both ends included. It is empty if `low` is above `high`.

    `done_on` is the day (UTC) on which the range reached the smallest id.
    """

    low: int
    high: int
    done_on: date | None = None

    @classmethod
    def none_up_to(cls, largest: int) -> Self:
        """Return the empty range at the start of a search; `largest` is the largest id in the ledger."""
        return cls(largest + 1, largest)

    @classmethod
    def read(cls, text: str) -> Self:
        """Read the text that `str` gives."""
        low, high, *days = text.split(" ")
        done_on = None
        if days:
            done_on = date.fromisoformat(days[0])
        return cls(int(low), int(high), done_on)

    def __str__(self) -> str:
        text = f"{self.low} {self.high}"
        if self.done_on is not None:
            text += f" {self.done_on}"
        return text


def gaps(known_ids: Sequence[int], first: int, last: int) -> tuple[list[int], int]:
    """Find the unknown ids from `first` to `last`, at most PER_CALL of them.

    Returns them, and the id up to which every id is known or among them. `known_ids` are those of that range, in rising
    order. A gap of a billion ids takes no longer than a small one.
    """
    unknown: list[int] = []
    start = first
    for number in (*known_ids, last + 1):
        free = PER_CALL - len(unknown)
        unknown += range(start, min(number, start + free))
        if len(unknown) == PER_CALL:
            return unknown, unknown[-1]
        start = number + 1
    return unknown, last


def gaps_downwards(known_ids: Sequence[int], first: int, last: int) -> tuple[list[int], int]:
    """Do as `gaps`, from `first` down to `last`; `known_ids` is in falling order."""
    unknown, reached = gaps([-number for number in known_ids], -first, -last)
    return [-number for number in unknown], -reached
