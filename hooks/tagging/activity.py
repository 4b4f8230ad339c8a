"""Orders as activity of their customers.

A placed order is activity of its customer, on the day on which it was made. The customer's last order follows from the
orders in the ledger. Where an order turns out to be another customer's, or of another day, the former customer's day
falls back to that of the last order that is left.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import NamedTuple, cast

from hooks.ledger import records, stores
from hooks.ledger.moment import Moment
from hooks.ledger.records import RecordKey
from hooks.ledger.rows import RecordRow
from hooks.ledger.unit import Unit
from hooks.retention.facts import NOT_PLACED, CustomerFacts, Facts, OrderFacts, Snapshot
from hooks.retention.merge import with_placed_order
from hooks.retention.plausibility import is_plausible
from hooks.tagging.changes import is_confirmed
from hooks.tagging.recorder import Recorder, Update, facts_of

ORDER_PLACED = "an order placed"
"""Cause of a change, for the history."""


class Activity(NamedTuple):
    """The customer whose activity an order is, and the time at which it was placed (UTC)."""

    customer_id: int
    at: datetime


def customer_of(store: str, snapshot: Snapshot) -> RecordKey | None:
    """Return the key of the customer who placed a shown order; None for a guest's order or an account."""
    if isinstance(snapshot.facts, OrderFacts) and snapshot.facts.customer_id:
        return RecordKey(store, "customer", snapshot.facts.customer_id)
    return None


def follow(
    recorder: Recorder,
    unit: Unit,
    row: RecordRow,
    facts: OrderFacts,
    moment: Moment,
    cause: str = ORDER_PLACED,
) -> None:
    """Update the last orders of customers after an order, whose row was `row`, has these facts."""
    before, after = _activity(facts_of(row)), _activity(facts)
    if after and _is_possible(unit, after.at, moment):
        key = RecordKey(row["store"], "customer", after.customer_id)
        _note_order(recorder, unit, key, after.at, moment)
    if before and before != after:
        fall_back(recorder, unit, row, moment, cause)


def fall_back(recorder: Recorder, unit: Unit, row: RecordRow, moment: Moment, cause: str) -> None:
    """Stop counting an order, as it was in `row`, as the last one of its customer.

    A later day that another order shows stays. Where the ledger has earlier orders, the last of them counts.
    """
    before = _activity(facts_of(row))
    if before is None:
        return
    account = unit.find(RecordKey(row["store"], "customer", before.customer_id))
    if account is None or account["state"] == "gone":
        return
    facts = facts_of(account)
    if isinstance(facts, CustomerFacts) and facts.last_order_at == before.at:
        work_out_again(recorder, unit, account, moment, cause)


def work_out_again(
    recorder: Recorder, unit: Unit, account: RecordRow, moment: Moment, cause: str
) -> None:
    """Work out the last order of a customer from the orders in the ledger."""
    unit.write()
    customer_id = account["external_id"]
    facts = replace(cast("CustomerFacts", facts_of(account)), last_order_at=None)
    for row in records.find_orders(unit.connection, account["store"], customer_id):
        if row["state"] == "gone" and not is_confirmed(row):
            continue
        placed = _activity(facts_of(row))
        if placed is None or placed.customer_id != customer_id:
            continue
        if _is_possible(unit, placed.at, moment):
            facts = with_placed_order(facts, placed.at)
    if facts == CustomerFacts():  # the account was known from that order alone
        unit.save(account, {"facts": None, "updated_at": moment.now})
        return
    update = Update(facts, cause, {"doubtful": account["doubtful"]})
    recorder.save(unit, account, update, moment)


def _activity(facts: Facts | None) -> Activity | None:
    """Return the activity that an order is; None where it is nobody's, or has no day."""
    if not isinstance(facts, OrderFacts) or facts.status in NOT_PLACED:
        return None
    if not facts.owner_id or not facts.placed_at:
        return None
    return Activity(facts.owner_id, facts.placed_at)


def _is_possible(unit: Unit, at: datetime, moment: Moment) -> bool:
    """Tell whether an order can have been placed at a time. Our clock may be behind those of the stores."""
    if is_plausible(at, moment.now):
        return True
    return is_plausible(at, stores.not_behind_stores(unit.connection, moment.now))


def _note_order(
    recorder: Recorder, unit: Unit, key: RecordKey, at: datetime, moment: Moment
) -> None:
    """Note a placed order with its customer, also where nothing else is known of the account."""
    row = unit.find(key) or records.blank(key, moment.now)
    if row["state"] == "gone":
        return
    before = cast("CustomerFacts | None", facts_of(row))
    after = with_placed_order(before, at)
    if after != before:
        update = Update(after, ORDER_PLACED, {"doubtful": row["doubtful"]})
        recorder.save(unit, row, update, moment)
