"""The conditions that a rule may name, and the combinations of them that one record can meet."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import compress, product

from hooks.retention.consent import has_ended
from hooks.retention.facts import CustomerFacts, Facts, OrderFacts, RecordKind

_LEFTOVERS = ("item-meta", "refund-reason")
_OF_AN_ORDER = ("identity", "contact", "shipping", "note", "network", "attribution", "newsletter")

_INDEPENDENT: dict[RecordKind, tuple[str, ...]] = {
    "order": (*_OF_AN_ORDER, "consent-ended", "erased", *_LEFTOVERS),
    "customer": ("last-active", "newsletter", "consent-ended"),
    "support-request": (),
    "marketing-consent": ("consent-ended",),
    "cookie-consent": (),
}
_EXACTLY_ONE: dict[RecordKind, tuple[str, ...]] = {"order": ("paid", "unpaid")}


def vocabulary(kind: RecordKind) -> frozenset[str]:
    """Return every condition that a rule for this kind of record may name."""
    alternatives = _EXACTLY_ONE.get(kind, ())
    return frozenset((*_INDEPENDENT[kind], *alternatives))


def condition_sets(kind: RecordKind, among: frozenset[str]) -> Iterator[frozenset[str]]:
    """Yield every set of conditions that one record can meet at the same time.

    Sets that differ only in conditions outside `among` are yielded once.
    """
    names = [name for name in _INDEPENDENT[kind] if name in among]
    alternatives = _EXACTLY_ONE.get(kind, ())
    for answers in product((False, True), repeat=len(names)):
        independent = frozenset(compress(names, answers))
        if not alternatives:
            yield independent
        for alternative in alternatives:
            yield independent | {alternative}


def conditions_of(facts: Facts) -> frozenset[str]:
    """Return the conditions that this record meets."""
    conditions = set[str]()
    if has_ended(facts):
        conditions.add("consent-ended")
    match facts:
        case OrderFacts():
            conditions |= facts.kinds
            if facts.is_paid:
                conditions.add("paid")
            else:
                conditions.add("unpaid")
            if facts.erased_at:
                conditions.add("erased")
        case CustomerFacts():
            conditions |= facts.kinds
            if facts.last_active_at:
                conditions.add("last-active")
    return frozenset(conditions)
