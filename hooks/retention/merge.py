"""Merge: a snapshot of a record is joined with the facts that are known of it.

The danger: deliveries arrive late, twice and out of order, and some show only a part of a record. If the delivery that
arrives last simply replaced the facts, an old one could undo a payment or bring back a consent that was withdrawn. The
record would then be deleted on a wrong day.

The principle: the same set of snapshots gives the same facts, whatever the order in which they arrive.

The rules that keep it:
- The state of a record comes from the newest version. An older snapshot is `stale`: it only adds what the next three
  rules take from it.
- What `meta_data` shows comes from the newest version that showed `meta_data`. The webhooks of a shop manager leave it
  out.
- Facts that only grow come from all versions: the last log-in, the last order placed, the dates of refunds, newsletter
  choices, an erasure, and that an order was paid.
- Each day of an order, its refunds, its customer and its address hash come from the newest version that shows them. A
  later state that lacks one of them does not remove it (`order_parts`).
- Two different snapshots of the same second are a tie. The one that is further on in an order's life counts for now,
  and the record is `doubtful` until the store is asked. The store's own answer decides.
- A snapshot without a version of its own takes its arrival as its version. It may be late, so it makes the record
  `doubtful` too if it differs from the known state.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from hooks.retention.consent import choices_of
from hooks.retention.facts import META_KINDS, CustomerFacts, OrderFacts, Snapshot
from hooks.retention.order_parts import (
    ADDRESS,
    DAYS,
    REFUNDS,
    OrderState,
    own_part,
    with_merged_parts,
    without_stamped_creation,
)
from hooks.retention.plausibility import UNDATED

StoreFacts = OrderFacts | CustomerFacts


@dataclass(frozen=True, slots=True)
class MergeResult:
    """The facts and their version after a merge.

    `stale`: a newer version was known already. `doubtful`: two different states are known, and only the store can say
    which of them is the newest.
    """

    facts: StoreFacts
    version: datetime
    stale: bool
    doubtful: bool


@dataclass(frozen=True, slots=True)
class StoreAnswer:
    """The store's own answer to a request for the record. It decides a tie.

    `is_current`: nothing else was learnt of the record since the store was asked. The last log-in that the answer shows
    then counts, even if a later one is known.

    `is_rewound`: the answer is the newest state although its version is older, because the store's clock was set back
    or the store was restored from a backup.
    """

    is_current: bool = False
    is_rewound: bool = False


@dataclass(frozen=True, slots=True)
class _State:
    """Facts, and the version of the state that they come from."""

    facts: StoreFacts
    version: datetime


def merge(
    stored: StoreFacts | None,
    version: datetime | None,
    snapshot: Snapshot,
    *,
    doubtful: bool,
    answer: StoreAnswer | None = None,
) -> MergeResult:
    """Join a snapshot with the `stored` facts of the ledger; None if it has none.

    `version` is the version of the stored facts. It is None if they come from no snapshot, or if their version is
    implausible. `doubtful` says whether the record was doubtful before. `answer` is given if the snapshot is the
    store's own answer; it is None for a delivery.
    """
    if stored is None:
        facts = _normalized(snapshot.facts)
        return MergeResult(facts, snapshot.version, stale=False, doubtful=False)
    fresh, stored = _without_stamps(snapshot.facts, stored)
    is_rewound = answer is not None and answer.is_rewound
    if answer is not None and answer.is_current:
        stored = _with_last_login(stored, fresh)
    if version is None or is_rewound:
        stored = _until(stored, snapshot.version)
    before = _State(stored, version or UNDATED)
    after = _State(fresh, snapshot.version)
    if version is None:
        facts = _joined(_with_newest_meta(fresh, stored), after, before)
        return MergeResult(facts, snapshot.version, stale=False, doubtful=False)
    if snapshot.version < version and not is_rewound:
        facts = _joined(_with_newest_meta(stored, fresh), before, after)
        return MergeResult(facts, version, stale=True, doubtful=doubtful)
    if answer is not None:
        return _merged_answer(before, after)
    return _merged_delivery(before, after, doubtful=doubtful, undated=snapshot.undated)


def _merged_answer(before: _State, after: _State) -> MergeResult:
    """Merge the store's own answer, which counts as the newest state. It leaves no doubt."""
    facts = after.facts
    if not facts.meta_at:
        facts = _with_newest_meta(facts, before.facts)
    facts = _joined(facts, after, before)
    return MergeResult(facts, after.version, stale=False, doubtful=False)


def _merged_delivery(
    before: _State, after: _State, *, doubtful: bool, undated: bool
) -> MergeResult:
    """Merge a delivery that is not older than the state before."""
    stored = before.facts
    fresh = after.facts
    is_tie = after.version == before.version
    newest, older = after, before
    if is_tie and _progress(fresh) < _progress(stored):
        newest, older = before, after
    facts = _with_newest_meta(newest.facts, older.facts)
    if is_tie:
        facts = replace(facts, oddities=fresh.oddities | stored.oddities)
    is_doubtful = False
    if is_tie or undated:
        is_doubtful = doubtful or _differ(fresh, stored, undated=undated)
    joined = _joined(facts, newest, older)
    return MergeResult(joined, after.version, stale=False, doubtful=is_doubtful)


def _differ(fresh: StoreFacts, stored: StoreFacts, *, undated: bool) -> bool:
    if _progress(fresh) != _progress(stored):
        return True
    return _meta_differs(fresh, stored, undated=undated)


def _progress(facts: StoreFacts) -> tuple[object, ...]:
    """Return all that a state says of itself, as a key for sorting.

    Of two states of the same second, the one that is further on in an order's life has the greater key.
    """
    if isinstance(facts, CustomerFacts):
        return (facts.staff, str(facts.created_at))
    refunds = own_part(facts, REFUNDS) or ()
    refund_ids = sorted(refund.id for refund in refunds)
    days = [own_part(facts, name) for name in DAYS]
    _, paid_at, completed_at = days
    return (
        facts.trashed,
        len(refund_ids),
        completed_at is not None,
        paid_at is not None,
        facts.status,
        facts.customer_id,
        sorted(facts.kinds - META_KINDS),
        list(map(str, days)),
        facts.payment,
        sorted(facts.carriers),
        refund_ids,
        own_part(facts, ADDRESS) or "",
    )


# --- corrections of what is known ---


def _without_stamps(fresh: StoreFacts, stored: StoreFacts) -> tuple[StoreFacts, StoreFacts]:
    if not isinstance(fresh, OrderFacts) or not isinstance(stored, OrderFacts):
        return fresh, stored
    fresh_order = without_stamped_creation(fresh, stored)
    stored_order = without_stamped_creation(stored, fresh)
    return fresh_order, stored_order


def _with_last_login(stored: StoreFacts, fresh: StoreFacts) -> StoreFacts:
    """Return the stored facts with the last log-in that the store shows.

    They keep their own if the store shows no `meta_data`, or no plausible log-in in it.
    """
    if not isinstance(stored, CustomerFacts) or not isinstance(fresh, CustomerFacts):
        return stored
    if not fresh.meta_at or fresh.oddities & {"wc_last_active", "meta_data"}:
        return stored
    return replace(stored, last_active_at=fresh.last_active_at)


def _until(stored: StoreFacts, version: datetime) -> StoreFacts:
    """Return the stored facts without choices and an erasure of later versions: by the store's word they never were."""
    choices = tuple(choice for choice in stored.choices if choice.at <= version)
    stored = replace(stored, choices=choices)
    if isinstance(stored, OrderFacts) and stored.erased_at and stored.erased_at > version:
        return replace(stored, erased_at=None)
    return stored


# --- what `meta_data` shows ---


def _with_newest_meta(newest: StoreFacts, older: StoreFacts) -> StoreFacts:
    """Return `newest` with the kinds that `meta_data` shows, from the state that showed `meta_data` last."""
    source = max(newest, older, key=_meta_key)
    kinds = newest.kinds - META_KINDS
    kinds |= source.kinds & META_KINDS
    return replace(newest, kinds=kinds, meta_at=source.meta_at)


def _meta_differs(fresh: StoreFacts, stored: StoreFacts, *, undated: bool) -> bool:
    """Tell whether the `meta_data` of two states differ.

    Only `meta_data` of the same version are compared, unless the fresh state is `undated`.
    """
    if fresh.meta_at is None or stored.meta_at is None:
        return False
    if undated:
        return _meta_content(fresh) != _meta_content(stored)
    if fresh.meta_at != stored.meta_at:
        return False
    return _meta_key(fresh) != _meta_key(stored)


def _meta_content(facts: StoreFacts) -> tuple[frozenset[str], bool | None]:
    last_choice = None
    if facts.choices:
        last_choice = facts.choices[-1].given
    return facts.kinds & META_KINDS, last_choice


def _meta_key(facts: StoreFacts) -> tuple[str, list[str]]:
    shown_at = ""
    if facts.meta_at:
        shown_at = facts.meta_at.isoformat()
    return shown_at, sorted(facts.kinds & META_KINDS)


# --- what both states add ---


def _joined(facts: StoreFacts, newest: _State, older: _State) -> StoreFacts:
    """Return `facts`, which are those of the `newest` state, with all that either state adds to them."""
    choices = choices_of((*newest.facts.choices, *older.facts.choices))
    match facts, newest.facts, older.facts:
        case OrderFacts(), OrderFacts() as first, OrderFacts() as second:
            facts = replace(
                facts,
                choices=choices,
                erased_at=_earlier(first.erased_at, second.erased_at),
                was_paid=first.is_paid or second.is_paid,
                first_seen_at=_earlier(first.first_seen_at, second.first_seen_at),
            )
            newest_order = OrderState(first, newest.version)
            older_order = OrderState(second, older.version)
            return _normalized(with_merged_parts(facts, newest_order, older_order))
        case CustomerFacts(), CustomerFacts() as first, CustomerFacts() as second:
            return _joined_account(replace(facts, choices=choices), first, second)
    raise TypeError("the states are of records of two kinds")


def _joined_account(
    facts: CustomerFacts, newest: CustomerFacts, older: CustomerFacts
) -> CustomerFacts:
    created_at = facts.created_at or newest.created_at or older.created_at
    first_seen_at = None
    if not created_at:
        first_seen_at = _earlier(newest.first_seen_at, older.first_seen_at)
    return replace(
        facts,
        created_at=created_at,
        last_active_at=_later(newest.last_active_at, older.last_active_at),
        last_order_at=_later(newest.last_order_at, older.last_order_at),
        first_seen_at=first_seen_at,
    )


def _normalized(facts: StoreFacts) -> StoreFacts:
    """Return the facts without those that the newest state shows by itself. Equal facts are then equal values."""
    if not isinstance(facts, OrderFacts):
        return facts
    former_customer_id = facts.former_customer_id
    if facts.customer_id:
        former_customer_id = 0
    return replace(
        facts,
        was_paid=facts.is_paid and not facts.is_paid_now,
        former_customer_id=former_customer_id,
    )


def with_placed_order(stored: CustomerFacts | None, at: datetime) -> CustomerFacts:
    """Return an account's facts after an order was placed with it. The account itself may not be known yet."""
    stored = stored or CustomerFacts()
    return replace(stored, last_order_at=_later(stored.last_order_at, at))


def _later(first: datetime | None, second: datetime | None) -> datetime | None:
    if first is None or second is None:
        return first or second
    return max(first, second)


def _earlier(first: datetime | None, second: datetime | None) -> datetime | None:
    if first is None or second is None:
        return first or second
    return min(first, second)
