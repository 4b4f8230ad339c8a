"""The moment at which the service learns something about a record."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class Moment:
    """The time `now` (UTC), and the time `settle` for which a record must then be quiet before it is pushed.

    `asked_at` is the time at which the store was asked, if this is its answer; None for a delivery.
    """

    now: datetime
    settle: timedelta
    asked_at: datetime | None = None
