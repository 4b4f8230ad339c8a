"""What the rules see of a record's facts, told from their text alone: most records of a large ledger are alike."""

from __future__ import annotations

import json
import re
from datetime import datetime, timedelta, tzinfo
from functools import lru_cache, partial
from typing import NamedTuple

from hooks.retention.recipients import Ways

_OWNER = re.compile(r'"customer_id":(\d+),')
_SEEN_AT = re.compile(r'"meta_at":"[^"]*",?')
_STRING = r'"(?:[^"\\]|\\.)*"'
_WAYS = re.compile(rf'"carriers":\[{_STRING}(?:,{_STRING})*\],|"payment":{_STRING},')
_INSTANT = re.compile(r'(_at":")(\d{4}-\d\d-\d\dT\d\d)(:\d\d:\d\d(?:\.\d+)?\+00:00")')

_WITHIN = timedelta(minutes=59, seconds=59, microseconds=999_999)


class Outline(NamedTuple):
    """Facts of one kind with the same `text` have the same schedule, whoever's they are; with the same `ways` of
    payment and shipping, too, they went to the same recipients."""

    text: str
    ways: str
    customer_id: int | None


def outline(facts: str, zone: tzinfo) -> Outline:
    """Of the facts of an order or a customer, as the ledger keeps them.

    Instants become their days in `zone`. Not where choices were made: for them the rules ask which came first.
    """
    owner = _OWNER.search(facts)
    text = _SEEN_AT.sub("", facts)
    if owner:
        text = text.replace(owner[0], "", 1)
    if '"choices":' not in text:
        text = _INSTANT.sub(partial(_in_days, zone), text)
    ways = "".join(_WAYS.findall(text))
    return Outline(_WAYS.sub("", text) if ways else text, ways, int(owner[1]) if owner else None)


def _in_days(zone: tzinfo, found: re.Match[str]) -> str:
    day = _day(found[2], zone)
    return f'{found[1]}{day}"' if day else found[0]


@lru_cache(maxsize=4096)
def read_ways(text: str) -> Ways:
    """The ways of an outline, of an order."""
    raw = json.loads(f"{{{text.rstrip(',')}}}")
    return Ways(raw.get("payment", ""), frozenset(raw.get("carriers", ())))


@lru_cache(maxsize=65_536)
def _day(hour: str, zone: tzinfo) -> str | None:
    """The day on which an hour of UTC falls; None where it falls on two."""
    began = datetime.fromisoformat(f"{hour}:00:00+00:00")
    first, last = began.astimezone(zone).date(), (began + _WITHIN).astimezone(zone).date()
    return first.isoformat() if first == last else None
