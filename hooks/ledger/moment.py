"""The moment at which something was learnt of a record."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class Moment:
    """The time of day (UTC), and how long a record must then be quiet before it is acted upon.

    `asked_at` is the time at which the store was asked, where this is its answer; None for a delivery.
    """

    now: datetime
    settle: timedelta
    asked_at: datetime | None = None
