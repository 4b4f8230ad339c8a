"""Plausible days: implausible ones are left out of a snapshot before it is merged, and are named in `oddities`.

Real stores send days in the years 782, 2647 and 1970. Date plugins, and moves from one storage format to another, make
them. A day is implausible if it lies in the future or before the first web shops. An accounting event is implausible
also if it lies more than a day before its order was created. The other days of the record still count.
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
"""The first plausible instant. There were no web shops before it."""

SLACK = timedelta(minutes=5)
"""The time by which the clock of a store may be ahead of ours."""

UNDATED = datetime.min.replace(tzinfo=UTC)
"""The version of a state that has no time at all."""


def is_future(snapshot: Snapshot, now: datetime) -> bool:
    """Tell whether any instant of a snapshot lies in the future."""
    facts = snapshot.facts
    instants = [snapshot.version, facts.created_at]
    if isinstance(facts, CustomerFacts):
        instants.append(facts.last_active_at)
    else:
        instants += [facts.paid_at, facts.completed_at]
        instants += [refund.at for refund in facts.refunds]
    latest = now + SLACK
    return any(instant is not None and instant > latest for instant in instants)


def is_plausible(instant: datetime, now: datetime) -> bool:
    """Tell whether something can have happened at an instant."""
    return EARLIEST <= instant <= now + SLACK


def drop_implausible_days(snapshot: Snapshot, now: datetime) -> Snapshot:
    """Return the snapshot without days that are implausible at `now`. The `oddities` of its facts name each such day.

    If the version is implausible, the snapshot is marked as `undated`; `date_by_arrival` can then date it.
    """
    facts = snapshot.facts
    cleaned = _cleaned(facts, now)
    if cleaned is not facts:
        snapshot = replace(snapshot, facts=cleaned)
    if not snapshot.undated and not is_plausible(snapshot.version, now):
        facts = replace(cleaned, oddities=cleaned.oddities | {"date_modified"})
        snapshot = replace(snapshot, facts=facts, undated=True)
    if not snapshot.undated and cleaned.created_at is None:
        facts = replace(snapshot.facts, first_seen_at=snapshot.version)
        snapshot = replace(snapshot, facts=facts)
    return snapshot


def drop_implausible_ledger_days(
    facts: OrderFacts | CustomerFacts, now: datetime
) -> OrderFacts | CustomerFacts:
    """Return facts of the ledger without implausible days, which an earlier version of this service may have stored.

    Their `oddities` do not change: these are about the newest state, and the days may come from an earlier one.
    """
    if isinstance(facts, CustomerFacts):
        return replace(_customer(facts, now), oddities=facts.oddities)
    cleaned = _order(facts, now)
    if cleaned is facts:
        return facts
    carried = []
    for name, version in facts.carried:
        if name == "refunds" or getattr(cleaned, name) is not None:
            carried.append((name, version))
    return replace(cleaned, oddities=facts.oddities, carried=tuple(carried))


def _cleaned(facts: OrderFacts | CustomerFacts, now: datetime) -> OrderFacts | CustomerFacts:
    if isinstance(facts, OrderFacts):
        return _order(facts, now)
    return _customer(facts, now)


def _order(facts: OrderFacts, now: datetime) -> OrderFacts:
    odd: set[str] = set()
    created_at = _checked(facts.created_at, "date_created", EARLIEST, now, odd)
    earliest = EARLIEST
    if created_at:
        earliest = max(created_at - BEFORE_CREATION, EARLIEST)
    paid_at = _checked(facts.paid_at, "date_paid", earliest, now, odd)
    completed_at = _checked(facts.completed_at, "date_completed", earliest, now, odd)
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
    created_at = _checked(facts.created_at, "date_created", EARLIEST, now, odd)
    last_active_at = _checked(facts.last_active_at, "wc_last_active", EARLIEST, now, odd)
    if not odd:
        return facts
    return replace(
        facts, created_at=created_at, last_active_at=last_active_at, oddities=facts.oddities | odd
    )


def _checked(
    instant: datetime | None, name: str, earliest: datetime, now: datetime, odd: set[str]
) -> datetime | None:
    """Return the instant if it is plausible. If it is not, add its `name` to `odd`, and return None."""
    if instant is None or earliest <= instant <= now + SLACK:
        return instant
    odd.add(name)
    return None


def _refund(refund: Refund, earliest: datetime, now: datetime, odd: set[str]) -> Refund:
    at = _checked(refund.at, "refund_date", earliest, now, odd)
    if at == refund.at:
        return refund
    return Refund(refund.id, is_dateless=True)


def date_by_arrival(snapshot: Snapshot, at: datetime) -> Snapshot:
    """Return the snapshot with `at`, the time of its arrival in whole seconds, as its version.

    Facts that have the old version as their time, such as a newsletter choice, get `at` too.
    """
    facts = snapshot.facts
    old = snapshot.version
    at = at.replace(microsecond=0)
    choices = tuple(_redated(choice, old, at) for choice in facts.choices)
    first_seen_at = None
    if facts.created_at is None:
        first_seen_at = at
    facts = replace(facts, choices=choices, first_seen_at=first_seen_at)
    if facts.meta_at == old:
        facts = replace(facts, meta_at=at)
    if isinstance(facts, OrderFacts) and facts.erased_at == old:
        facts = replace(facts, erased_at=at)
    return replace(snapshot, facts=facts, version=at)


def _redated(choice: Choice, old: datetime, new: datetime) -> Choice:
    if choice.at != old:
        return choice
    return replace(choice, at=new)
