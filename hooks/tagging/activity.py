"""Orders as activity of their customers.

An order that was placed is activity of its customer, on the day on which it was made. The customer's last order
follows from the orders that the ledger has: where an order turns out to be another customer's, or of another day, the
day of the customer before falls back to that of the last order that is left.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import cast

from hooks.ledger import records, stores
from hooks.ledger.moment import Moment
from hooks.ledger.records import RecordKey, Values
from hooks.ledger.unit import Unit
from hooks.retention.facts import NOT_PLACED, CustomerFacts, Facts, OrderFacts
from hooks.retention.merge import with_placed_order
from hooks.retention.plausibility import is_plausible
from hooks.tagging.changes import is_confirmed
from hooks.tagging.recorder import Recorder, facts_of


def follow(
    recorder: Recorder,
    unit: Unit,
    known: Values,
    after: OrderFacts,
    moment: Moment,
    cause: str = "an order placed",
) -> None:
    """Let the last orders of customers follow from an order, `known` as it was before, that is now `after`."""
    before = _activity(facts_of(known))
    now = _activity(after)
    if now and _is_possible(unit, now[1], moment):
        _note(recorder, unit, RecordKey(known["store"], "customer", now[0]), now[1], moment)
    if before and now and before != now:
        fall_back(recorder, unit, known, moment, cause)


def fall_back(recorder: Recorder, unit: Unit, known: Values, moment: Moment, cause: str) -> None:
    """Let the order, as it was `known`, count no more as the last one of its customer.

    A later day that another order shows stands; where the ledger has earlier orders, the last of them counts.
    """
    before = _activity(facts_of(known))
    account = unit.find(RecordKey(known["store"], "customer", before[0])) if before else None
    facts = facts_of(account) if account else None
    if (
        before is None
        or account is None
        or account["state"] == "gone"
        or not isinstance(facts, CustomerFacts)
    ):
        return
    if facts.last_order_at == before[1]:
        work_out_again(recorder, unit, account, moment, cause)


def work_out_again(
    recorder: Recorder, unit: Unit, account: Values, moment: Moment, cause: str
) -> None:
    """Work out the last order of a customer from the orders that the ledger has."""
    unit.write()
    number = account["external_id"]
    after = replace(cast("CustomerFacts", facts_of(account)), last_order_at=None)
    for row in records.orders_of(unit.connection, account["store"], number):
        placed = _activity(facts_of(row))
        counts = row["state"] != "gone" or is_confirmed(row)
        if counts and placed and placed[0] == number and _is_possible(unit, placed[1], moment):
            after = with_placed_order(after, placed[1])
    if after == CustomerFacts():  # it was known from that order alone
        unit.save(account, {"facts": None, "updated_at": moment.now})
        return
    recorder.save(unit, account, after, {"doubtful": account["doubtful"]}, moment, cause)


def _activity(facts: Facts | None) -> tuple[int, datetime] | None:
    """The customer whose activity an order is, and when it was placed; None where it is nobody's, or has no day."""
    if not isinstance(facts, OrderFacts) or facts.status in NOT_PLACED:
        return None
    if not facts.owner_id or not facts.placed_at:
        return None
    return facts.owner_id, facts.placed_at


def _is_possible(unit: Unit, at: datetime, moment: Moment) -> bool:
    """Tell whether an order can have been placed at an instant. Our clock may be behind those of the stores."""
    return is_plausible(at, moment.now) or is_plausible(
        at, stores.not_behind_stores(unit.connection, moment.now)
    )


def _note(recorder: Recorder, unit: Unit, key: RecordKey, at: datetime, moment: Moment) -> None:
    """Note an order placed, also where nothing else is known of the account."""
    known = unit.find(key) or records.blank(key, moment.now)
    if known["state"] == "gone":
        return
    before = cast("CustomerFacts | None", facts_of(known))
    after = with_placed_order(before, at)
    if after != before:
        recorder.save(
            unit, known, after, {"doubtful": known["doubtful"]}, moment, "an order placed"
        )
