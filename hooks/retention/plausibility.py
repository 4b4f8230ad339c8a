"""Days that make no sense are left out of a state before it is merged, and named.

Real shops send days in the years 782, 2647 and 1970: date plugins and moves between storage formats make them. A day
makes no sense if it lies in the future or before the first web shops; an accounting event also if it lies more than a
day before its order was made. The other days of the record count.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hooks.retention.facts import (
    BEFORE_CREATION,
    Choice,
    CustomerFacts,
    OrderFacts,
    Refund,
    Snapshot,
)

EARLIEST = datetime(1990, 1, 1, tzinfo=UTC)
"""Before any web shop."""

SLACK = timedelta(minutes=5)
"""A store's clock may be ahead of ours by so much."""

UNDATED = datetime.min.replace(tzinfo=UTC)
"""The version of a state that bears no time at all."""


def is_future(snapshot: Snapshot, now: datetime) -> bool:
    """Tell whether anything in a state lies in the future."""
    facts = snapshot.facts
    instants = [snapshot.version, facts.created_at]
    if isinstance(facts, CustomerFacts):
        instants.append(facts.last_active_at)
    else:
        instants += [facts.paid_at, facts.completed_at, *(refund.at for refund in facts.refunds)]
    return any(instant is not None and instant > now + SLACK for instant in instants)


def drop_implausible_days(snapshot: Snapshot, now: datetime) -> Snapshot:
    """The state without days that make no sense at `now`; each such day is named in the facts' `oddities`.

    Where the version makes no sense, `undated` is set: the state is then to be `dated` by its arrival.
    """
    facts = snapshot.facts
    cleaned = _order(facts, now) if isinstance(facts, OrderFacts) else _customer(facts, now)
    if cleaned is not facts:
        snapshot = replace(snapshot, facts=cleaned)
    if not snapshot.undated and not is_plausible(snapshot.version, now):
        snapshot = replace(snapshot, facts=_with_oddity(cleaned, "date_modified"), undated=True)
    if not snapshot.undated and cleaned.created_at is None:
        snapshot = replace(snapshot, facts=replace(snapshot.facts, first_seen_at=snapshot.version))
    return snapshot


def drop_implausible_ledger_days(
    facts: OrderFacts | CustomerFacts, now: datetime
) -> OrderFacts | CustomerFacts:
    """Facts of the ledger without days that make no sense, which an earlier version of this service took in."""
    if isinstance(facts, CustomerFacts):
        return replace(_customer(facts, now), oddities=facts.oddities)
    cleaned = _order(facts, now)
    if cleaned is facts:
        return facts
    carried = tuple(
        part
        for part in facts.carried
        if part[0] == "refunds" or getattr(cleaned, part[0]) is not None
    )
    return replace(cleaned, oddities=facts.oddities, carried=carried)


def is_plausible(instant: datetime, now: datetime) -> bool:
    """Tell whether something can have happened at an instant."""
    return EARLIEST <= instant <= now + SLACK


def _order(facts: OrderFacts, now: datetime) -> OrderFacts:
    odd: set[str] = set()
    created_at = _kept(facts.created_at, "date_created", EARLIEST, now, odd)
    earliest = max(created_at - BEFORE_CREATION, EARLIEST) if created_at else EARLIEST
    paid_at = _kept(facts.paid_at, "date_paid", earliest, now, odd)
    completed_at = _kept(facts.completed_at, "date_completed", earliest, now, odd)
    refunds = tuple(_refund(refund, earliest, now, odd) for refund in facts.refunds)
    if not odd:
        return facts
    return replace(
        facts,
        created_at=created_at,
        paid_at=paid_at,
        completed_at=completed_at,
        refunds=refunds,
        oddities=facts.oddities | odd,
        was_paid=facts.is_paid,
    )


def _customer(facts: CustomerFacts, now: datetime) -> CustomerFacts:
    odd: set[str] = set()
    created_at = _kept(facts.created_at, "date_created", EARLIEST, now, odd)
    last_active_at = _kept(facts.last_active_at, "wc_last_active", EARLIEST, now, odd)
    if not odd:
        return facts
    return replace(
        facts, created_at=created_at, last_active_at=last_active_at, oddities=facts.oddities | odd
    )


def _kept(
    instant: datetime | None, name: str, earliest: datetime, now: datetime, odd: set[str]
) -> datetime | None:
    """The instant, if it makes sense; if not, None, and its name is added to `odd`."""
    if instant is None or earliest <= instant <= now + SLACK:
        return instant
    odd.add(name)
    return None


def _refund(refund: Refund, earliest: datetime, now: datetime, odd: set[str]) -> Refund:
    if refund.at is None or _kept(refund.at, "refund_date", earliest, now, odd):
        return refund
    return Refund(refund.id, is_dateless=True)


def _with_oddity(facts: OrderFacts | CustomerFacts, name: str) -> OrderFacts | CustomerFacts:
    return replace(facts, oddities=facts.oddities | {name})


def date_by_arrival(snapshot: Snapshot, at: datetime) -> Snapshot:
    """The state with `at`, its arrival, as its version, also where the version dates what the state shows."""
    facts, old = snapshot.facts, snapshot.version
    at = at.replace(microsecond=0)
    first_seen_at = at if facts.created_at is None else None
    choices = tuple(
        Choice(at if choice.at == old else choice.at, choice.given) for choice in facts.choices
    )
    meta_at = at if facts.meta_at == old else facts.meta_at
    facts = replace(facts, choices=choices, meta_at=meta_at, first_seen_at=first_seen_at)
    if isinstance(facts, OrderFacts) and facts.erased_at == old:
        facts = replace(facts, erased_at=at)
    return replace(snapshot, facts=facts, version=at)
