"""Compare a row of one of the store's lists with the ledger: must the record be refetched, and why?

No IO. A list shows less of a record than a delivery does, so no fact is taken from it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Self, cast

from hooks.ledger.codec import read_facts
from hooks.ledger.rows import RecordRow
from hooks.retention.facts import STAFF_ROLES, CustomerFacts, OrderFacts, Snapshot
from hooks.retention.merge import StoreAnswer, StoreFacts, merge
from hooks.retention.order_parts import DAYS, without_stamped_creation
from hooks.retention.plausibility import date_by_arrival, drop_implausible_days, is_plausible
from hooks.retention.store_meta import digest
from schemas.order import MAX_REFUNDS
from schemas.wire import php_list, record_id

ORDER_FIELDS = (
    "id,status,customer_id,date_created_gmt,date_modified_gmt,date_paid_gmt,date_completed_gmt"
)
"""The fields that a list of orders is asked for. The only one about a person is the number of the account.

The ids of the refunds are asked for as well, by REFUND_IDS or WHOLE_REFUNDS.
"""

REFUND_IDS = "refunds.id"
"""The field that gives the ids of an order's refunds."""

WHOLE_REFUNDS = "refunds"
"""The field that gives all that an order shows of its refunds, for a store that cannot give the ids alone."""

LISTINGS = ("any", "trash", "checkout-draft")
"""The statuses to list orders by: the store leaves the trash and unfinished checkouts out of `any`."""


@dataclass(frozen=True, slots=True)
class RefundIds:
    """The ids of an order's refunds, as a list shows them. `is_complete`: the order has no other refunds."""

    ids: frozenset[int] = frozenset()
    is_complete: bool = False

    @classmethod
    def of(cls, raw: object) -> Self:
        """Read the ids from the field of a row. Entries that cannot be read are left out; then it is not complete.

        A PHP array with gaps comes as an object with numbers as keys. An entry may be an error object.
        """
        refunds = php_list(raw)
        if refunds is None or len(refunds) > MAX_REFUNDS:
            return cls()
        ids = set()
        is_complete = True
        for refund in refunds:
            number = refund_id(refund)
            if number is None:
                is_complete = False
            else:
                ids.add(number)
        return cls(frozenset(ids), is_complete)

    def agree_with(self, facts: OrderFacts) -> bool:
        """Tell whether the ledger has these refunds; where they are complete, also whether it has no others."""
        stored_ids = {refund.id for refund in facts.refunds}
        if self.is_complete:
            return self.ids == stored_ids
        return self.ids <= stored_ids


def refund_id(raw: object) -> int | None:
    """Read the id of a refund that an order shows; None where the entry is an error, or cannot be read."""
    if not isinstance(raw, dict):
        return None
    return record_id(raw.get("id"))


def knows_refunds(stored: RecordRow | None, raw: Mapping[str, Any]) -> bool:
    """Tell whether the ledger has exactly the refunds that an order shows, and the dates of all of them."""
    if not stored or not stored["facts"]:
        return False
    facts = read_facts("order", stored["facts"] or "")
    if not isinstance(facts, OrderFacts) or facts.undated_refunds:
        return False
    refunds = RefundIds.of(raw.get("refunds"))
    return refunds.is_complete and refunds.agree_with(facts)


@dataclass(frozen=True, slots=True)
class ListRow:
    """A row of a list: its snapshot, None where it cannot be read; for an order also the ids of its refunds."""

    snapshot: Snapshot | None
    refunds: RefundIds = RefundIds()


def reason_to_refetch(
    stored: RecordRow | None, row: ListRow, *, now: datetime, is_store_behind: bool = False
) -> str | None:
    """Return the reason to refetch a record that a list shows; None if the ledger has all that the row shows.

    `stored` is the record's row in the ledger. `now` (UTC) tells which times can have come. A version that cannot have
    come proves nothing; the states are compared instead.

    "missed" means that the store changed the record, and that a delivery should have told it. `is_store_behind`: the
    store's clock is so far behind ours that it may yet change the record in the second of the version that it shows.
    """
    if row.snapshot is None:
        return "changed"
    snapshot = drop_implausible_days(row.snapshot, now)
    if stored is None:
        return _reason_of_new(snapshot)
    if stored["state"] == "gone":
        return "revived"
    if stored["version"] is None or not is_plausible(stored["version"], now):
        return "changed"
    return _reason_of_stored(stored, snapshot, row.refunds, now, is_store_behind=is_store_behind)


def _reason_of_new(snapshot: Snapshot) -> str | None:
    """Return the reason to refetch a record that the ledger lacks. Members of staff are no customers."""
    facts = snapshot.facts
    if not (isinstance(facts, CustomerFacts) and facts.staff):
        return "missed"
    if facts.role not in STAFF_ROLES:  # a role that the shop made up may be one of customers
        return "changed"
    return None


def _reason_of_stored(
    stored: RecordRow,
    snapshot: Snapshot,
    refunds: RefundIds,
    now: datetime,
    *,
    is_store_behind: bool,
) -> str | None:
    """Return the reason to refetch a record whose version in the ledger is plausible."""
    version = cast("datetime", stored["version"])
    if not snapshot.undated and snapshot.version > version:
        return "missed"
    if not snapshot.undated and snapshot.version < version:
        return "changed"
    if stored["young"] or is_store_behind:
        return "young"
    if snapshot.undated:
        snapshot = date_by_arrival(snapshot, version)
    if _differs(stored, snapshot, refunds, now):
        return "changed"
    return None


def _differs(stored: RecordRow, snapshot: Snapshot, refunds: RefundIds, now: datetime) -> bool:
    """Tell whether a row of the stored version shows anything that the ledger does not have."""
    facts = cast("StoreFacts", read_facts(stored["kind"], stored["facts"] or ""))
    if isinstance(facts, CustomerFacts):
        return _customer_differs(stored, facts, snapshot, now)
    shown_facts = without_stamped_creation(cast("OrderFacts", snapshot.facts), facts)
    return _order_differs(facts, shown_facts) or not refunds.agree_with(facts)


def _customer_differs(
    stored: RecordRow, facts: CustomerFacts, snapshot: Snapshot, now: datetime
) -> bool:
    if facts.last_order_at and not is_plausible(facts.last_order_at, now):
        return True
    facts = replace(facts, role=stored["role"] or "")  # a column, not in the stored facts
    answer = StoreAnswer(is_current=True)
    merged = merge(facts, stored["version"], snapshot, doubtful=stored["doubtful"], answer=answer)
    if replace(cast("CustomerFacts", merged.facts), meta_at=facts.meta_at) != facts:
        return True
    return snapshot.store_meta is not None and digest(snapshot.store_meta) != stored["known_digest"]


def _order_differs(facts: OrderFacts, shown_facts: OrderFacts) -> bool:
    """Tell whether a list shows a state or a date of an order that the ledger does not have.

    A date that the list lacks is no difference where the ledger carries it from an earlier version.
    """
    if facts.trashed != shown_facts.trashed or facts.customer_id != shown_facts.customer_id:
        return True
    if "date_modified" in shown_facts.oddities - facts.oddities:  # `/status` names the odd date
        return True
    # Of an order in the trash, a list does not show the status before: only `meta_data` does.
    if not facts.trashed and facts.status != shown_facts.status:
        return True
    carried = dict(facts.carried)
    for name in DAYS:
        day = getattr(shown_facts, name)
        if day != getattr(facts, name) and (day or name not in carried):
            return True
    return False


def expected_listing(stored: RecordRow) -> int:
    """Return the index in LISTINGS of the listing that should show an order, as far as the ledger knows."""
    facts = cast("OrderFacts", read_facts("order", stored["facts"] or ""))
    if facts.trashed:
        return LISTINGS.index("trash")
    if facts.status in LISTINGS:
        return LISTINGS.index(facts.status)
    return LISTINGS.index("any")
