"""The time zone of a store, and how far its days differ from those of the policy. Pure.

Zones are compared by what they mean and not by name: those of Oslo and Berlin are the same. A store that has only an
offset has no summer time, and differs from Oslo in summer.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from functools import lru_cache
from math import isfinite
from zoneinfo import ZoneInfo

FIRST, LAST = datetime(2015, 1, 1, tzinfo=UTC), datetime(2035, 1, 1, tzinfo=UTC)
"""Zones that have the same offset on each day of these years are taken to be the same."""

UNKNOWN = "unknown"
"""Stands for a name that this machine does not know. What the store sent is never repeated."""

FARTHEST_HOURS = 14
LONGEST_NAME = 64

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+)*")
_OFFSET = re.compile(r"UTC([+-])(\d\d):(\d\d)")


@dataclass(frozen=True, slots=True)
class Difference:
    """How a store's zone differs from the policy's: by `most` at a time, and `always` or on some days only."""

    most: timedelta
    always: bool


def zone_text(index: Mapping[str, object]) -> str | None:
    """The zone that a store's index tells of: a name, an offset such as `UTC+02:00`, UNKNOWN, or None for none."""
    name, offset = index.get("timezone_string"), index.get("gmt_offset")
    if isinstance(name, str) and name.strip():
        return name.strip() if _named(name.strip()) else UNKNOWN
    hours = _number(offset)
    if hours is None:
        return None
    minutes = round(abs(hours) * 60)
    sign = "-" if hours < 0 and minutes else "+"
    return f"UTC{sign}{minutes // 60:02}:{minutes % 60:02}"


def zone_of(text: str) -> tzinfo | None:
    """The zone that `zone_text` has written down; None for one that this machine does not know."""
    found = _OFFSET.fullmatch(text)
    if not found:
        return _named(text)
    offset = timedelta(hours=int(found[2]), minutes=int(found[3]))
    return timezone(-offset if found[1] == "-" else offset)


def is_offset(text: str) -> bool:
    """Tell whether a zone is an offset only, without a name and without summer time."""
    return _OFFSET.fullmatch(text) is not None


@lru_cache(maxsize=64)
def difference(text: str, policy_zone: tzinfo) -> Difference | None:
    """Compare a store's zone with the policy's; None where both mean the same, or the store's is not known."""
    zone = zone_of(text)
    if zone is None:
        return None
    days = (LAST - FIRST).days
    apart = [
        _apart(zone, policy_zone, FIRST + timedelta(days=day, hours=12)) for day in range(days)
    ]
    most = max(apart)
    return Difference(most, always=min(apart) > timedelta(0)) if most else None


def _apart(zone: tzinfo, other: tzinfo, moment: datetime) -> timedelta:
    """How far the clocks on the wall are apart."""
    return abs(_offset(zone, moment) - _offset(other, moment))


def _offset(zone: tzinfo, moment: datetime) -> timedelta:
    return moment.astimezone(zone).utcoffset() or timedelta(0)


def _named(name: str) -> ZoneInfo | None:
    """The zone of this name. A name comes from the store, and is looked up as a file."""
    if len(name) > LONGEST_NAME or not _NAME.fullmatch(name):
        return None
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, KeyError):
        return None


def _number(offset: object) -> float | None:
    """Hours before UTC, as a number or as text; None for what cannot be an offset."""
    if isinstance(offset, bool) or not isinstance(offset, str | int | float):
        return None
    try:
        hours = float(offset)
    except (ValueError, OverflowError):
        return None
    return hours if isfinite(hours) and abs(hours) <= FARTHEST_HOURS else None


def words(text: str, policy_zone: tzinfo) -> str | None:
    """Say how a store's zone differs from the policy's, what follows, and what to do; None where it does not."""
    mend = (
        "Set the policy's zone in the store (WordPress: Settings → General → Timezone), or the store's in the policy "
        "file (`time_zone`)"
    )
    if text == UNKNOWN:
        return (
            "the store's time zone is one that this machine does not know, and the policy's is "
            f"{policy_zone}. {mend}"
        )
    differs = difference(text, policy_zone)
    if differs is None:
        return None
    when = "all the year" if differs.always else "in a part of the year"
    named = f"{text}, an offset without summer time" if is_offset(text) else text
    hours = f"{differs.most.total_seconds() / 3600:g} h"
    return (
        f"the store's time zone is {named}, and the policy's is {policy_zone}: they differ by up to {hours} {when}, so "
        f"that what happens near midnight falls on another day here than in the store. {mend}"
    )
