"""Orders as activity of their customers: what an order that was placed tells of an account, and takes back where the
store says that it never was."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

from hooks.ledger import records
from hooks.ledger.records import RecordKey, Values
from hooks.ledger.unit import Unit
from hooks.planning import AHEAD, Moment, is_confirmed
from hooks.recorder import Recorder, facts_of
from hooks.retention.facts import NOT_PLACED, CustomerFacts, OrderFacts
from hooks.retention.reconcile import order_placed


def note_order(recorder: Recorder, unit: Unit, store: str, order: OrderFacts, moment: Moment) -> None:
    """Let an order that was placed be activity of its customer, also where nothing else is known of the account."""
    if not order.customer_id or order.status in NOT_PLACED:
        return
    key = RecordKey(store, "customer", order.customer_id)
    known = unit.find(key) or records.blank(key, moment.now)
    before = cast("CustomerFacts | None", facts_of(known))
    if order.created_at > moment.now + AHEAD or known["state"] == "gone":
        return
    after = order_placed(before, order.created_at)
    if after != before:
        recorder.save(unit, known, after, {"doubtful": known["doubtful"]}, moment, "an order placed")


def take_back(recorder: Recorder, unit: Unit, known: Values, moment: Moment, cause: str) -> None:
    """Let the order as it was `known` count no more as the last one of its customer: it was never placed so.

    A later day that another order told stands; where the ledger has earlier ones, the last of them counts.
    """
    told = facts_of(known)
    if not isinstance(told, OrderFacts) or not told.customer_id:
        return
    account = unit.find(RecordKey(known["store"], "customer", told.customer_id))
    before = facts_of(account) if account else None
    if account is None or account["state"] == "gone" or not isinstance(before, CustomerFacts):
        return
    if before.last_order_at != told.created_at:
        return
    unit.write()
    after = replace(before, last_order_at=None)
    for row in records.orders_of(unit.connection, known["store"], told.customer_id):
        order = cast("OrderFacts", facts_of(row))
        there = row["state"] != "gone" or is_confirmed(row)
        if there and order.status not in NOT_PLACED and order.created_at <= moment.now + AHEAD:
            after = order_placed(after, order.created_at)
    recorder.save(unit, account, after, {"doubtful": account["doubtful"]}, moment, cause)
