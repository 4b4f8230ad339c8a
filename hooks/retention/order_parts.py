"""The parts of an order that a later state may lack: its days, its refunds, its customer and its address hash.

Each part is taken from the newest version that shows it. A later state that lacks it does not remove it: the part is
then listed in `OrderFacts.carried`, with the version of the last state that showed it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from hooks.retention.facts import BEFORE_CREATION, OrderFacts, Refund

DAYS = ("created_at", "paid_at", "completed_at")
REFUNDS = "refunds"
CUSTOMER = "former_customer_id"
ADDRESS = "email_hash"
PARTS = (*DAYS, REFUNDS, CUSTOMER, ADDRESS)


@dataclass(frozen=True, slots=True)
class OrderState:
    """The facts of an order, and the version of the state that they come from."""

    facts: OrderFacts
    version: datetime


def own_part(facts: OrderFacts, name: str) -> Any:
    """Return a part of an order that its newest state itself shows; None if that state lacks it."""
    if _carried_version(facts, name):
        return None
    if name == CUSTOMER:
        return facts.customer_id or None
    if name == ADDRESS:
        return facts.email_hash or None
    if name == REFUNDS and REFUNDS in facts.oddities:
        return None
    return getattr(facts, name)


def _carried_version(facts: OrderFacts, name: str) -> datetime | None:
    """Return the version of the state that last showed a part which the newest state lacks; None for other parts."""
    for part, version in facts.carried:
        if part == name:
            return version
    return None


def with_merged_parts(facts: OrderFacts, newest: OrderState, older: OrderState) -> OrderFacts:
    """Return `facts` with each part as the newest of two states shows it.

    A part that the newest state lacks comes from the last state that showed it.
    """
    parts: dict[str, Any] = {}
    carried = []
    for name in PARTS:
        own = own_part(newest.facts, name)
        if own is not None:
            parts[name] = own
            continue
        sighting = _later(_sighting(newest, name), _sighting(older, name))
        if sighting is not None:
            parts[name] = sighting.value
            carried.append((name, sighting.version))
    refunds = parts.get(REFUNDS, facts.refunds)
    if REFUNDS in newest.facts.oddities:
        refunds = _united(parts.get(REFUNDS, ()), newest.facts.refunds)
    parts[REFUNDS] = _with_dates(refunds, (newest.facts, older.facts))
    merged = replace(facts, **parts, carried=tuple(carried))
    return _without_contradicted_creation(merged, newest.version)


@dataclass(frozen=True, slots=True)
class _Sighting:
    """A part of an order, and the version of the last state that showed it."""

    version: datetime
    value: Any


def _sighting(state: OrderState, name: str) -> _Sighting | None:
    version = _carried_version(state.facts, name)
    if version:
        return _Sighting(version, getattr(state.facts, name))
    value = own_part(state.facts, name)
    if value is None:
        return None
    return _Sighting(state.version, value)


def _later(first: _Sighting | None, second: _Sighting | None) -> _Sighting | None:
    if first is None or second is None:
        return first or second
    if second.version > first.version:
        return second
    return first


# --- refunds ---


def _united(stored: Iterable[Refund], fresh: Iterable[Refund]) -> tuple[Refund, ...]:
    """Return the stored refunds together with those of a list that could be read only in part."""
    by_id = {refund.id: refund for refund in (*stored, *fresh)}
    return tuple(by_id[number] for number in sorted(by_id))


def _with_dates(refunds: Iterable[Refund], orders: Iterable[OrderFacts]) -> tuple[Refund, ...]:
    """Return the refunds, each with its date if any state of the order shows it."""
    dated: dict[int, Refund] = {}
    for order in orders:
        for refund in order.refunds:
            best = dated.get(refund.id)
            if best is None or (best.at is None and not refund.needs_date):
                dated[refund.id] = refund
    return tuple(dated.get(refund.id, refund) for refund in refunds)


# --- days of creation that cannot be right ---


def without_stamped_creation(facts: OrderFacts, dateless: OrderFacts) -> OrderFacts:
    """Return the facts without a day of creation that the store made up.

    If the day of an order is lost, the store stamps the order with the present time when it next saves it. Our own
    write is such a save. A day is such a stamp if it is later than a state that showed the order without a day. That
    state is `dateless`, and its `first_seen_at` is set; if it is not set, the facts do not change.
    """
    if not facts.created_at or not dateless.first_seen_at:
        return facts
    if facts.created_at <= dateless.first_seen_at:
        return facts
    return replace(
        _without_creation(facts),
        first_seen_at=dateless.first_seen_at,
        oddities=facts.oddities | {"date_created"},
    )


def _without_contradicted_creation(facts: OrderFacts, version: datetime) -> OrderFacts:
    """Return the facts without a carried day of creation that a later state contradicts.

    A state contradicts it if it shows that the order was paid or completed before it was created. `version` is the
    version of the newest state.
    """
    shown_in = _carried_version(facts, "created_at")
    if facts.created_at is None or shown_in is None:
        return facts
    earliest = facts.created_at - BEFORE_CREATION
    for name in ("paid_at", "completed_at"):
        day = getattr(facts, name)
        if day is None or day >= earliest:
            continue
        if (_carried_version(facts, name) or version) > shown_in:
            return _without_creation(facts)
    return facts


def _without_creation(facts: OrderFacts) -> OrderFacts:
    carried = tuple(part for part in facts.carried if part[0] != "created_at")
    return replace(facts, created_at=None, carried=carried)
