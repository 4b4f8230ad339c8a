"""What the rules see of a record's facts, told from their text alone: most records of a large ledger are alike."""

from __future__ import annotations

import json
import re
from datetime import datetime, timedelta, tzinfo
from functools import lru_cache, partial
from typing import NamedTuple

from hooks.retention.recipients import OrderMethods

_STRING = r'"(?:[^"\\]|\\.)*"'
_OWNER = re.compile(r'"(?:former_)?customer_id":(\d+),')
_SUBJECT = rf"\[{_STRING},{_STRING}\]"
_CARRIED = rf'"carried":\[\[{_STRING},{_STRING}\](?:,\[{_STRING},{_STRING}\])*\],'
_OWN = re.compile(
    rf'{_CARRIED}|"meta_at":{_STRING},?|"name":{_STRING},?'
    rf'|"subjects":\[{_SUBJECT}(?:,{_SUBJECT})*\],?'
)
_WAYS = re.compile(rf'"carriers":\[{_STRING}(?:,{_STRING})*\],|"payment":{_STRING},')
_INSTANT = re.compile(r'(?:\[\d+,)?"(\d{4}-\d\d-\d\dT\d\d):\d\d:\d\d(?:\.\d+)?\+00:00"')

_WITHIN = timedelta(minutes=59, seconds=59, microseconds=999_999)


class Outline(NamedTuple):
    """Facts of one kind with the same `text` have the same schedule, whoever's they are, where nothing else bears on
    them; with the same `ways` of payment and shipping, too, the same recipients have got data."""

    text: str
    ways: str
    customer_id: int | None


def outline(facts: str, zone: tzinfo) -> Outline:
    """Of facts as the ledger keeps them. Instants become their days in `zone`, what is the record's own is left out."""
    owner = _OWNER.search(facts)
    text = facts.replace(owner[0], "", 1) if owner else facts
    ways = "".join(_WAYS.findall(text))
    text = _OWN.sub("", _WAYS.sub("", text) if ways else text)
    return Outline(
        _INSTANT.sub(partial(_in_days, zone), text), ways, int(owner[1]) if owner else None
    )


@lru_cache(maxsize=4096)
def read_ways(text: str) -> OrderMethods:
    """The ways of an outline, of an order."""
    raw = json.loads(f"{{{text.rstrip(',')}}}")
    return OrderMethods(raw.get("payment", ""), frozenset(raw.get("carriers", ())))


def _in_days(zone: tzinfo, found: re.Match[str]) -> str:
    """The id of a refund, before its instant, goes too."""
    day = _day(found[1], zone)
    if day is None:
        return found[0]
    return f'["{day}"' if found[0][0] == "[" else f'"{day}"'


@lru_cache(maxsize=65_536)
def _day(hour: str, zone: tzinfo) -> str | None:
    """The day on which an hour of UTC falls; None where it falls on two."""
    began = datetime.fromisoformat(f"{hour}:00:00+00:00")
    first, last = began.astimezone(zone).date(), (began + _WITHIN).astimezone(zone).date()
    return first.isoformat() if first == last else None
