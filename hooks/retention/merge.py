"""Merging what deliveries show, so that the same set of them gives the same facts in any order.

A record's state is taken from the newest version that was seen; its `meta_data` from the newest version that
showed it, since a shop manager's webhooks leave it out; and what can only grow (log-ins, orders placed, dates
of refunds, newsletter choices, an erasure, that an order was paid) from all of them, late ones too.

Each day of an order, its refunds, its customer and the hash of its address are taken from the newest version that
shows them: a later state that lacks them takes nothing away. `carried` then says from which version they are.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from operator import itemgetter
from typing import Any

from hooks.retention.consent import choices_of
from hooks.retention.facts import (
    BEFORE_CREATION,
    META_KINDS,
    CustomerFacts,
    OrderFacts,
    Refund,
    Snapshot,
)
from hooks.retention.plausibility import UNDATED

StoreFacts = OrderFacts | CustomerFacts


@dataclass(frozen=True, slots=True)
class MergeResult:
    """The facts after a snapshot. `stale`: a newer version was known already. `doubtful`: two different
    states of the same second are known, and only the store can say which one was the last."""

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


def merge(
    known: StoreFacts | None,
    version: datetime | None,
    snapshot: Snapshot,
    *,
    doubtful: bool,
    answer: StoreAnswer | None = None,
) -> MergeResult:
    """Join a snapshot with the facts that are known.

    `version` is the version of the known facts, None where they come from no snapshot. `doubtful` says whether the
    record waits for the store to decide between two states. `answer` is given where the store was asked just now and
    the snapshot is its answer; None for a delivery.

    An `undated` snapshot has the time of its arrival as its version. A delivery may be late: if it shows another state
    than the known one, only the store can say which is the newest.
    """
    settles = answer is not None
    rewound = answer is not None and answer.is_rewound
    if known is None:
        return MergeResult(_whole(snapshot.facts), snapshot.version, stale=False, doubtful=False)
    fresh, known = (
        without_stamped_creation(snapshot.facts, known),
        without_stamped_creation(known, snapshot.facts),
    )
    if answer is not None and answer.is_current:
        known = _as_active_as(known, fresh)
    shown = _Shown(fresh, snapshot.version)
    before = _Shown(
        _until(known, snapshot.version) if rewound or version is None else known, version or UNDATED
    )
    if version is None:
        facts = _with_meta(fresh, before.facts)
        return MergeResult(
            _grown(facts, shown, before), snapshot.version, stale=False, doubtful=False
        )
    if snapshot.version < version and not rewound:
        facts = _with_meta(known, fresh)
        return MergeResult(_grown(facts, before, shown), version, stale=True, doubtful=doubtful)
    return _renewed(before, shown, doubtful=doubtful, settles=settles, undated=snapshot.undated)


def _renewed(
    before: _Shown, shown: _Shown, *, doubtful: bool, settles: bool, undated: bool
) -> MergeResult:
    """Merge a state that is not older than the one before. Where both are of one second, the further one is the newest,
    unless the store itself settles that."""
    known, fresh = before.facts, shown.facts
    tie = shown.version == before.version
    compared = tie or undated
    differs = compared and (
        _state(fresh) != _state(known) or _meta_differs(fresh, known, undated=undated)
    )
    keeps = tie and not settles and _state(fresh) < _state(known)
    newest, other = (before, shown) if keeps else (shown, before)
    facts = fresh if settles and fresh.meta_at else _with_meta(newest.facts, other.facts)
    if tie and not settles:
        facts = replace(facts, oddities=fresh.oddities | known.oddities)
    doubt = differs or (compared and doubtful)
    return MergeResult(
        _grown(facts, newest, other), shown.version, stale=False, doubtful=not settles and doubt
    )


@dataclass(frozen=True, slots=True)
class _Shown:
    """Facts, and the version of the state that they tell."""

    facts: StoreFacts
    version: datetime


def _until(known: StoreFacts, version: datetime) -> StoreFacts:
    """What was known without what the store says never was: choices and an erasure of later versions."""
    choices = tuple(choice for choice in known.choices if choice.at <= version)
    if isinstance(known, OrderFacts) and known.erased_at and known.erased_at > version:
        known = replace(known, erased_at=None)
    return replace(known, choices=choices)


def without_stamped_creation(facts: StoreFacts, other: StoreFacts) -> StoreFacts:
    """The facts without a day of creation that lies after a state, the `other`, which showed the order without one.

    Stores stamp an order whose day is lost with the present, at the next save; our own write is such a save.
    """
    if not (isinstance(facts, OrderFacts) and isinstance(other, OrderFacts)):
        return facts
    if not (facts.created_at and other.first_seen_at) or facts.created_at <= other.first_seen_at:
        return facts
    carried = tuple(part for part in facts.carried if part[0] != "created_at")
    return replace(
        facts,
        created_at=None,
        carried=carried,
        first_seen_at=other.first_seen_at,
        oddities=facts.oddities | {"date_created"},
    )


def _as_active_as(known: StoreFacts, fresh: StoreFacts) -> StoreFacts:
    """Give what was known the last log-in that the store shows, where it shows any `meta_data`."""
    is_unknown = bool(
        fresh.oddities & {"wc_last_active", "meta_data"}
    )  # what makes no sense replaces nothing
    if (
        isinstance(known, CustomerFacts)
        and isinstance(fresh, CustomerFacts)
        and fresh.meta_at
        and not is_unknown
    ):
        return replace(known, last_active_at=fresh.last_active_at)
    return known


def with_placed_order(known: CustomerFacts | None, at: datetime) -> CustomerFacts:
    """The account after an order was placed with it; the account itself may not be known yet."""
    known = known or CustomerFacts()
    return replace(known, last_order_at=_later(known.last_order_at, at))


def _later(one: datetime | None, other: datetime | None) -> datetime | None:
    return max(filter(None, (one, other)), default=None)


def _earlier(one: datetime | None, other: datetime | None) -> datetime | None:
    return min(filter(None, (one, other)), default=None)


def _state(facts: StoreFacts) -> tuple[object, ...]:
    """What one version of the record says of itself, so ordered that of two states of one second the one
    that is further on in an order's life comes last."""
    if isinstance(facts, CustomerFacts):
        return (facts.staff, str(facts.created_at))
    refunds = _own(facts, "refunds") or ()
    days = [_own(facts, name) for name in DAYS]
    return (
        facts.trashed,
        len(refunds),
        days[2] is not None,
        days[1] is not None,
        facts.status,
        facts.customer_id,
        sorted(facts.kinds - META_KINDS),
        [str(instant) for instant in days],
        facts.payment,
        sorted(facts.carriers),
        sorted(refund.id for refund in refunds),
        _own(facts, _ADDRESS) or "",
    )


def _with_meta(newest: StoreFacts, other: StoreFacts) -> StoreFacts:
    """`newest` with the part that `meta_data` tells taken from whichever of the two saw it last."""
    chosen = max(newest, other, key=_meta_order)
    kinds = (newest.kinds - META_KINDS) | (chosen.kinds & META_KINDS)
    return replace(newest, kinds=kinds, meta_at=chosen.meta_at)


def _meta_differs(fresh: StoreFacts, known: StoreFacts, *, undated: bool) -> bool:
    """Tell whether two states tell different things by their `meta_data`; where `undated`, whenever they did."""
    if fresh.meta_at is None or known.meta_at is None:
        return False
    if undated:
        return _told_by_meta(fresh) != _told_by_meta(known)
    return fresh.meta_at == known.meta_at and _meta_order(fresh) != _meta_order(known)


def _told_by_meta(facts: StoreFacts) -> tuple[frozenset[str], bool | None]:
    return facts.kinds & META_KINDS, facts.choices[-1].given if facts.choices else None


def _meta_order(facts: StoreFacts) -> tuple[str, list[str]]:
    return (facts.meta_at.isoformat() if facts.meta_at else "", sorted(facts.kinds & META_KINDS))


def _grown(facts: StoreFacts, newest: _Shown, other: _Shown) -> StoreFacts:
    """`facts`, the state of the `newest` of two, with all that either shows of what is not forgotten."""
    choices = choices_of((*newest.facts.choices, *other.facts.choices))
    if isinstance(facts, CustomerFacts):
        return _grown_account(replace(facts, choices=choices), newest, other)
    orders = [shown.facts for shown in (newest, other) if isinstance(shown.facts, OrderFacts)]
    parts, carried = _parts(newest, other)
    facts = replace(
        facts,
        **parts,
        carried=carried,
        choices=choices,
        erased_at=_earlier(orders[0].erased_at, orders[-1].erased_at),
        was_paid=any(order.is_paid for order in orders),
        first_seen_at=_first_seen(newest, other),
    )
    return _whole(
        _without_doubtful_creation(
            replace(facts, refunds=_with_dates(facts.refunds, orders)), newest.version
        )
    )


def _grown_account(facts: CustomerFacts, newest: _Shown, other: _Shown) -> CustomerFacts:
    one, two = (shown.facts for shown in (newest, other))
    if not (isinstance(one, CustomerFacts) and isinstance(two, CustomerFacts)):
        raise TypeError("the states are of records of two kinds")
    created_at = facts.created_at or one.created_at or two.created_at
    return replace(
        facts,
        created_at=created_at,
        last_active_at=_later(one.last_active_at, two.last_active_at),
        last_order_at=_later(one.last_order_at, two.last_order_at),
        first_seen_at=None if created_at else _earlier(one.first_seen_at, two.first_seen_at),
    )


# --- parts of an order that a later state may lack ---

DAYS = ("created_at", "paid_at", "completed_at")
_CUSTOMER = "former_customer_id"
_ADDRESS = "email_hash"
PARTS = (*DAYS, "refunds", _CUSTOMER, _ADDRESS)


def _parts(
    newest: _Shown, other: _Shown
) -> tuple[dict[str, Any], tuple[tuple[str, datetime], ...]]:
    """Each part as the newest state shows it or, where that lacks it, as the last one that does.

    Also gives the parts that the newest state lacks, with the version of the state that shows them.
    """
    parts: dict[str, Any] = {}
    carried = []
    for name in PARTS:
        sights = [sight for shown in (newest, other) if (sight := _sight(shown, name))]
        if not sights:
            continue
        if _own(newest.facts, name) is not None:
            parts[name] = sights[0][1]
            continue
        version, parts[name] = max(sights, key=itemgetter(0))
        carried.append((name, version))
    return _with_readable_refunds(parts, newest), tuple(carried)


def _sight(shown: _Shown, name: str) -> tuple[datetime, Any] | None:
    """A part of an order, and the version of the state that shows it; None where none does."""
    facts = shown.facts
    if not isinstance(facts, OrderFacts):
        return None
    versions = dict(facts.carried)
    if name in versions:
        return versions[name], getattr(facts, name)
    value = _own(facts, name)
    return None if value is None else (shown.version, value)


def _own(facts: StoreFacts, name: str) -> Any:
    """A part of an order that the newest state itself shows; None where it does not."""
    if not isinstance(facts, OrderFacts) or name in dict(facts.carried):
        return None
    if name == _CUSTOMER:
        return facts.customer_id or None
    if name == _ADDRESS:
        return facts.email_hash or None
    if name == "refunds" and "refunds" in facts.oddities:
        return None
    return getattr(facts, name)


def _with_readable_refunds(parts: dict[str, Any], newest: _Shown) -> dict[str, Any]:
    """Add the refunds that a list, which is not readable whole, shows besides those of before."""
    facts = newest.facts
    if isinstance(facts, OrderFacts) and "refunds" in facts.oddities:
        shown = {refund.id: refund for refund in (*parts.get("refunds", ()), *facts.refunds)}
        parts["refunds"] = tuple(shown[number] for number in sorted(shown))
    return parts


def _with_dates(refunds: Iterable[Refund], orders: Iterable[OrderFacts]) -> tuple[Refund, ...]:
    """The refunds, each with the date that some state shows."""
    dated: dict[int, Refund] = {}
    for order in orders:
        for refund in order.refunds:
            best = dated.get(refund.id)
            if best is None or (best.at is None and (refund.at or refund.is_dateless)):
                dated[refund.id] = refund
    return tuple(dated.get(refund.id, refund) for refund in refunds)


def _without_doubtful_creation(facts: OrderFacts, version: datetime) -> OrderFacts:
    """The facts without a day of creation of which a state shown later says that it came before: that it was paid, say.

    `version` is that of the newest state.
    """
    versions = dict(facts.carried)
    if facts.created_at is None or "created_at" not in versions:
        return facts
    earliest, shown_in = facts.created_at - BEFORE_CREATION, versions["created_at"]
    for name in ("paid_at", "completed_at"):
        day = getattr(facts, name)
        if day and day < earliest and versions.get(name, version) > shown_in:
            carried = tuple(part for part in facts.carried if part[0] != "created_at")
            return replace(facts, created_at=None, carried=carried)
    return facts


def _first_seen(newest: _Shown, other: _Shown) -> datetime | None:
    seen = [
        shown.facts.first_seen_at
        for shown in (newest, other)
        if isinstance(shown.facts, OrderFacts)
    ]
    return _earlier(seen[0], seen[-1])


def _whole(facts: StoreFacts) -> StoreFacts:
    """The facts without what their own state says already, so that the same facts are always the same value."""
    if not isinstance(facts, OrderFacts):
        return facts
    return replace(
        facts,
        was_paid=facts.is_paid and not facts.is_paid_now,
        former_customer_id=0 if facts.customer_id else facts.former_customer_id,
        first_seen_at=None if facts.created_at else facts.first_seen_at,
    )
