"""The outline of a record: what the rules see of its facts, taken from their JSON text without reading it.

Most records of a large ledger have the same outline, and so the same schedule. Re-tagging and the preview work out each
outline once. `hooks.retention.rule_view` says the same of facts that were read: a new fact has to be added to both.
"""

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
_METHODS = re.compile(rf'"carriers":\[{_STRING}(?:,{_STRING})*\],|"payment":{_STRING},')
_INSTANT = re.compile(r'(?:\[\d+,)?"(\d{4}-\d\d-\d\dT\d\d):\d\d:\d\d(?:\.\d+)?\+00:00"')

_REST_OF_HOUR = timedelta(minutes=59, seconds=59, microseconds=999_999)


# `hooks/retention/rule_view.py` does the same on facts that were read. A fact that a rule asks for must be added to
# both; `tests/unit/test_facts_outline.py` compares them.
class Outline(NamedTuple):
    """Facts of one kind with the same `text` have the same schedule, whoever owns them, if nothing else bears on them.

    If the `methods` of payment and shipping are the same too, the same recipients have received data.
    """

    text: str
    methods: str
    customer_id: int | None


def outline(facts: str, zone: tzinfo) -> Outline:
    """Outline facts in the ledger's JSON text. Instants become days in `zone`.

    What belongs to this record only is left out: its owner, names, subjects and the like.
    """
    text = facts
    customer_id = None
    owner = _OWNER.search(facts)
    if owner:
        text = facts.replace(owner[0], "", 1)
        customer_id = int(owner[1])
    methods = "".join(_METHODS.findall(text))
    if methods:
        text = _METHODS.sub("", text)
    text = _OWN.sub("", text)
    text = _INSTANT.sub(partial(_in_days, zone), text)
    return Outline(text, methods, customer_id)


def read_methods(text: str) -> OrderMethods:
    """Read the `methods` of the outline of an order."""
    raw = json.loads(f"{{{text.rstrip(',')}}}")
    return OrderMethods(raw.get("payment", ""), frozenset(raw.get("carriers", ())))


def _in_days(zone: tzinfo, match: re.Match[str]) -> str:
    """Replace an instant by its day. The id of a refund, which comes before the instant, is left out."""
    day = _day(match[1], zone)
    if day is None:
        return match[0]
    if match[0].startswith("["):
        return f'["{day}"'
    return f'"{day}"'


@lru_cache(maxsize=65_536)
def _day(hour: str, zone: tzinfo) -> str | None:
    """Return the day on which an hour of UTC falls; None where it falls on two days."""
    start = datetime.fromisoformat(f"{hour}:00:00+00:00")
    first = start.astimezone(zone).date()
    last = (start + _REST_OF_HOUR).astimezone(zone).date()
    if first != last:
        return None
    return first.isoformat()
