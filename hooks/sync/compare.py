"""A row of one of the store's lists against what the ledger knows: whether the store must be asked about it.

Pure. A list shows less of an order than a delivery does, so nothing is taken from it but the question.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Self, cast

from hooks.ledger.codec import read_facts
from hooks.ledger.records import Values
from hooks.retention.facts import STAFF_ROLES, CustomerFacts, OrderFacts, Snapshot
from hooks.retention.merge import DAYS, StoreAnswer, StoreFacts, merge, without_stamped_creation
from hooks.retention.plausibility import date_by_arrival, drop_implausible_days, is_plausible
from hooks.retention.store_meta import digest
from schemas.order import MAX_REFUNDS
from schemas.wire import php_list, record_id

ORDER_FIELDS = (
    "id,status,customer_id,date_created_gmt,date_modified_gmt,date_paid_gmt,date_completed_gmt"
)
"""What lists of orders are asked for: nothing in it is about a person but the number of the account.

The ids of their refunds are asked for besides, by a field of `REFUND_FIELDS`.
"""

REFUND_IDS, WHOLE_REFUNDS = REFUND_FIELDS = ("refunds.id", "refunds")
"""The ids of an order's refunds, and, for a store that cannot pick these, all that an order shows of them."""

LISTINGS = ("any", "trash", "checkout-draft")
"""Where orders are listed: the store leaves the trash and unfinished checkouts out of `any`."""


@dataclass(frozen=True, slots=True)
class RefundIds:
    """The ids of an order's refunds, as a list shows them. `whole`: the order has no others."""

    ids: frozenset[int] = frozenset()
    whole: bool = False

    @classmethod
    def of(cls, raw: object) -> Self:
        """Read them from the field of a list's row. What is not of the shape is left out, and they are not whole.

        A PHP array with gaps comes as an object with numbers as keys; an error object may stand in place of a refund.
        """
        rows = php_list(raw)
        if rows is None or len(rows) > MAX_REFUNDS:
            return cls()
        ids = [record_id(row.get("id")) if isinstance(row, dict) else None for row in rows]
        return cls(frozenset(number for number in ids if number is not None), None not in ids)

    def agree_with(self, facts: OrderFacts) -> bool:
        """Tell whether the ledger knows these refunds, and no others where they are whole."""
        known = {refund.id for refund in facts.refunds}
        return self.ids == known if self.whole else self.ids <= known


def knows_refunds(known: Values | None, raw: Mapping[str, Any]) -> bool:
    """Tell whether the ledger knows the refunds that an order shows, and the dates of all of them."""
    facts = read_facts("order", known["facts"]) if known and known["facts"] else None
    if not isinstance(facts, OrderFacts) or facts.undated_refunds:
        return False
    shown = RefundIds.of(raw.get("refunds"))
    return shown.whole and shown.agree_with(facts)


@dataclass(frozen=True, slots=True)
class ListRow:
    """A row of a list: the state that it shows, None where it is not of the shape, and of an order its refunds."""

    snapshot: Snapshot | None
    refunds: RefundIds = RefundIds()


def doubt(known: Values | None, row: ListRow, *, now: datetime, behind: bool = False) -> str | None:
    """Why the store must be asked about a record that it lists; None if the ledger knows all that the list shows.

    `now` tells which days can have come; a version that cannot says nothing, and the states are compared.

    `missed`: the store changed it, and should have told. `behind`: the store's clock is so far behind ours that
    nothing can be said of what was shown within its second, and what was not.
    """
    if row.snapshot is None:
        return "changed"
    shown = drop_implausible_days(row.snapshot, now)
    if known is None:
        if not (isinstance(shown.facts, CustomerFacts) and shown.facts.staff):
            return "missed"
        return (
            None if shown.facts.role in STAFF_ROLES else "changed"
        )  # another role may be that of customers
    if known["state"] == "gone":
        return "revived"
    if known["version"] is None or not is_plausible(known["version"], now):
        return "changed"
    return _doubt_of(known, replace(row, snapshot=shown), now, behind=behind)


def _doubt_of(known: Values, row: ListRow, now: datetime, *, behind: bool) -> str | None:
    """The same of a record that is known; the row shows nothing that makes no sense."""
    shown = cast("Snapshot", row.snapshot)
    if shown.version != known["version"] and not shown.undated:
        return "missed" if shown.version > known["version"] else "changed"
    if known["young"] or behind:
        return "young"
    if shown.undated:
        shown = date_by_arrival(shown, known["version"])
    return "changed" if _differs(known, replace(row, snapshot=shown), now) else None


def _differs(known: Values, row: ListRow, now: datetime) -> bool:
    """Whether two states of the same second differ in what the list shows."""
    before = cast("StoreFacts", read_facts(known["kind"], known["facts"]))
    shown = cast("Snapshot", row.snapshot)
    if isinstance(before, OrderFacts):
        shown = replace(shown, facts=without_stamped_creation(shown.facts, before))
        return not _same_dates(
            before, cast("OrderFacts", shown.facts)
        ) or not row.refunds.agree_with(before)
    if before.last_order_at and not is_plausible(before.last_order_at, now):
        return True
    before = replace(before, role=known["role"] or "")  # which the facts of the ledger leave out
    answer = StoreAnswer(is_current=True)
    merged = merge(before, known["version"], shown, doubtful=known["doubtful"], answer=answer)
    fresh = replace(cast("CustomerFacts", merged.facts), meta_at=before.meta_at)
    ours = known["known_digest"] if shown.store_meta is None else digest(shown.store_meta)
    return fresh != before or ours != known["known_digest"]


def _same_dates(known: OrderFacts, shown: OrderFacts) -> bool:
    """Tell whether a list shows what is known of an order. What it lacks, and an earlier state showed, is no news."""
    if _state(known) != _state(shown):
        return False
    carried = dict(known.carried)
    for name in DAYS:
        day = getattr(shown, name)
        if day != getattr(known, name) and (day or name not in carried):
            return False
    return True


def _state(facts: OrderFacts) -> tuple[Any, ...]:
    """What a list shows of an order besides days. In the trash, the status before is shown only in `meta_data`."""
    return (facts.trashed, None if facts.trashed else facts.status, facts.customer_id)


def listing_of(known: Values) -> int:
    """Which of LISTINGS an order should stand in, as far as the ledger knows."""
    facts = cast("OrderFacts", read_facts("order", known["facts"]))
    if facts.trashed:
        return LISTINGS.index("trash")
    return LISTINGS.index(facts.status) if facts.status in LISTINGS else 0
