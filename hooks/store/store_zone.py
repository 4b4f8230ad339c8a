"""The time zone of a store, and its difference from the policy's. Pure.

Zones are compared by their offsets and not by name: Oslo and Berlin are the same. A store that is set to an offset
has no summer time, and differs from Oslo in summer.
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
"""Zones with the same offset on each day between these count as the same."""

UNKNOWN = "unknown"
"""Replaces a name that this machine does not know. The text that the store sent is never repeated."""

MAX_OFFSET_HOURS = 14
MAX_NAME_LENGTH = 64

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+)*")
_OFFSET = re.compile(r"UTC([+-])(\d\d):(\d\d)")


@dataclass(frozen=True, slots=True)
class Difference:
    """The difference of a store's zone from the policy's: at most `largest`, and on all days or only on some."""

    largest: timedelta
    is_constant: bool


def zone_text(index: Mapping[str, object]) -> str | None:
    """Read the zone of a store's index: a name, an offset such as `UTC+02:00`, UNKNOWN, or None where it has none."""
    name = index.get("timezone_string")
    if isinstance(name, str) and name.strip():
        zone_name = name.strip()
        if _zone_by_name(zone_name) is None:
            return UNKNOWN
        return zone_name
    hours = _offset_hours(index.get("gmt_offset"))
    if hours is None:
        return None
    minutes = round(abs(hours) * 60)
    sign = "-" if hours < 0 and minutes else "+"
    return f"UTC{sign}{minutes // 60:02}:{minutes % 60:02}"


def zone_of(text: str) -> tzinfo | None:
    """Return the zone that `zone_text` has written; None for one that this machine does not know."""
    match = _OFFSET.fullmatch(text)
    if not match:
        return _zone_by_name(text)
    sign, hours, minutes = match.groups()
    offset = timedelta(hours=int(hours), minutes=int(minutes))
    if sign == "-":
        offset = -offset
    return timezone(offset)


def is_offset(text: str) -> bool:
    """Tell whether a zone is only an offset, without a name and without summer time."""
    return _OFFSET.fullmatch(text) is not None


@lru_cache(maxsize=64)
def difference(text: str, policy_zone: tzinfo) -> Difference | None:
    """Compare a store's zone with the policy's. None where both are the same, or the store's is not known."""
    zone = zone_of(text)
    if zone is None:
        return None
    differences: list[timedelta] = []
    for day in range((LAST - FIRST).days):
        noon = FIRST + timedelta(days=day, hours=12)
        differences.append(abs(_offset(zone, noon) - _offset(policy_zone, noon)))
    if not any(differences):
        return None
    return Difference(max(differences), is_constant=all(differences))


def _offset(zone: tzinfo, moment: datetime) -> timedelta:
    return moment.astimezone(zone).utcoffset() or timedelta(0)


def _zone_by_name(name: str) -> ZoneInfo | None:
    """Find the zone of this name. The name comes from the store and becomes a file name, so its form is checked."""
    if len(name) > MAX_NAME_LENGTH or not _NAME.fullmatch(name):
        return None
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, KeyError):
        return None


def _offset_hours(offset: object) -> float | None:
    """Read the hours before UTC, from a number or a text; None where it cannot be an offset."""
    if isinstance(offset, bool) or not isinstance(offset, str | int | float):
        return None
    try:
        hours = float(offset)
    except (ValueError, OverflowError):
        return None
    if not isfinite(hours) or abs(hours) > MAX_OFFSET_HOURS:
        return None
    return hours


def describe_difference(text: str, policy_zone: tzinfo) -> str | None:
    """Say how a store's zone differs from the policy's, what follows, and what to do. None where it does not."""
    mend = (
        "Set the policy's zone in the store (WordPress: Settings → General → Timezone), or set the store's zone in the "
        "policy file (`time_zone`)"
    )
    if text == UNKNOWN:
        return f"this machine does not know the store's time zone, and the policy's is {policy_zone}. {mend}"
    zone_difference = difference(text, policy_zone)
    if zone_difference is None:
        return None
    when = "in a part of the year"
    if zone_difference.is_constant:
        when = "all the year"
    zone = text
    if is_offset(text):
        zone += ", an offset without summer time"
    hours = f"{zone_difference.largest.total_seconds() / 3600:g} h"
    return (
        f"the store's time zone is {zone}, and the policy's is {policy_zone}: they differ by up to {hours} {when}, so "
        f"that an event near midnight falls on another day here than in the store. {mend}"
    )
