"""Merging what deliveries show, so that the same set of them gives the same facts in any order.

A record's state is taken from the newest version that was seen; its `meta_data` from the newest version that
showed it, since a shop manager's webhooks leave it out; and what can only grow (log-ins, orders placed, dates
of refunds, newsletter choices, an erasure) from all of them, late ones too.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from hooks.retention.facts import META_KINDS, Choice, CustomerFacts, OrderFacts, Refund, Snapshot

MAX_CHOICES = 256
"""More newsletter choices than this are thinned to those at which the choice changed."""

StoreFacts = OrderFacts | CustomerFacts


@dataclass(frozen=True, slots=True)
class Merged:
    """The facts after a snapshot. `stale`: a newer version was known already. `doubtful`: two different
    states of the same second are known, and only the store can say which one was the last."""

    facts: StoreFacts
    version: datetime
    stale: bool
    doubtful: bool


def merge(
    known: StoreFacts | None,
    version: datetime | None,
    snapshot: Snapshot,
    *,
    doubtful: bool,
    settles: bool = False,
    rewound: bool = False,
    current: bool = False,
) -> Merged:
    """Take a snapshot into what is known. `settles`: it was read from the store just now, and decides a tie.

    `current`: and nothing else was learnt since the store was asked, so that the last log-in that it shows counts, even
    where a later one is known.

    `rewound`: and it is the last word though its version is older: the store's clock was set back, or the store was
    restored from a backup.
    """
    fresh = snapshot.facts
    if current and known is not None:
        known = _as_active_as(known, fresh)
    if known is None:
        return Merged(fresh, snapshot.version, stale=False, doubtful=False)
    if version is None:
        return Merged(_grown(fresh, known, fresh), snapshot.version, stale=False, doubtful=False)
    if rewound:
        known = _until(known, snapshot.version)
    elif snapshot.version < version:
        return Merged(_grown(_with_meta(known, fresh), known, fresh), version, stale=True, doubtful=doubtful)
    tie = snapshot.version == version
    differs = tie and (_state(fresh) != _state(known) or _meta_differs(fresh, known))
    keeps = tie and not settles and _state(fresh) < _state(known)
    newest, other = (known, fresh) if keeps else (fresh, known)
    merged = _grown(fresh if settles and fresh.meta_at else _with_meta(newest, other), known, fresh)
    return Merged(merged, snapshot.version, stale=False, doubtful=not settles and (differs or (tie and doubtful)))


def _until(known: StoreFacts, version: datetime) -> StoreFacts:
    """What was known without what the store says never was: choices and an erasure of later versions."""
    choices = tuple(choice for choice in known.choices if choice.at <= version)
    if isinstance(known, OrderFacts) and known.erased_at and known.erased_at > version:
        known = replace(known, erased_at=None)
    return replace(known, choices=choices)


def _as_active_as(known: StoreFacts, fresh: StoreFacts) -> StoreFacts:
    """Give what was known the last log-in that the store shows, where it shows any `meta_data`."""
    if isinstance(known, CustomerFacts) and isinstance(fresh, CustomerFacts) and fresh.meta_at:
        return replace(known, last_active_at=fresh.last_active_at)
    return known


def order_placed(known: CustomerFacts | None, at: datetime) -> CustomerFacts:
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
    return (
        facts.trashed,
        len(facts.refunds),
        facts.completed_at is not None,
        facts.paid_at is not None,
        facts.status,
        facts.customer_id,
        sorted(facts.kinds - META_KINDS),
        [str(instant) for instant in (facts.created_at, facts.paid_at, facts.completed_at)],
        facts.payment,
        sorted(facts.carriers),
        sorted(refund.id for refund in facts.refunds),
    )


def _with_meta(newest: StoreFacts, other: StoreFacts) -> StoreFacts:
    """`newest` with the part that `meta_data` tells taken from whichever of the two saw it last."""
    chosen = max(newest, other, key=_meta_order)
    kinds = (newest.kinds - META_KINDS) | (chosen.kinds & META_KINDS)
    return replace(newest, kinds=kinds, meta_at=chosen.meta_at)


def _meta_differs(one: StoreFacts, other: StoreFacts) -> bool:
    return one.meta_at is not None and one.meta_at == other.meta_at and _meta_order(one) != _meta_order(other)


def _meta_order(facts: StoreFacts) -> tuple[str, list[str]]:
    return (facts.meta_at.isoformat() if facts.meta_at else "", sorted(facts.kinds & META_KINDS))


def _grown(facts: StoreFacts, known: StoreFacts | None, fresh: StoreFacts) -> StoreFacts:
    """`facts` with all that was ever seen of what can only grow."""
    seen = [one for one in (known, fresh) if one is not None]
    choices = choices_of(choice for one in seen for choice in one.choices)
    if isinstance(facts, CustomerFacts):
        accounts = [one for one in seen if isinstance(one, CustomerFacts)]
        return replace(
            facts,
            choices=choices,
            last_active_at=_later(accounts[0].last_active_at, accounts[-1].last_active_at),
            last_order_at=_later(accounts[0].last_order_at, accounts[-1].last_order_at),
        )
    orders = [one for one in seen if isinstance(one, OrderFacts)]
    dates = {refund.id: refund.at for one in orders for refund in one.refunds if refund.at}
    return replace(
        facts,
        choices=choices,
        refunds=tuple(Refund(refund.id, dates.get(refund.id)) for refund in facts.refunds),
        erased_at=_earlier(orders[0].erased_at, orders[-1].erased_at),
    )


def choices_of(seen: Iterable[Choice]) -> tuple[Choice, ...]:
    """All choices in order of time, one a version; where one second saw both, the refusal counts."""
    by_time: dict[datetime, bool] = {}
    for choice in seen:
        by_time[choice.at] = by_time.get(choice.at, True) and choice.given
    ordered = [Choice(at, given) for at, given in sorted(by_time.items())]
    return tuple(ordered if len(ordered) <= MAX_CHOICES else _thinned(ordered))


def _thinned(ordered: list[Choice]) -> list[Choice]:
    changes = [
        choice
        for position, choice in enumerate(ordered)
        if position == 0 or position == len(ordered) - 1 or choice.given != ordered[position - 1].given
    ]
    return changes[-MAX_CHOICES:]
