"""The closed vocabulary of rules: what can be asked of a record, and which answers can go together."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

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
    """Every condition that a rule for this kind of record may name."""
    return frozenset(_INDEPENDENT[kind]) | frozenset(_EXACTLY_ONE.get(kind, ()))


def condition_sets(kind: RecordKind, among: frozenset[str]) -> Iterator[frozenset[str]]:
    """Every set of conditions that can hold of one record together, as far as `among` tells them apart."""
    names = [name for name in _INDEPENDENT[kind] if name in among]
    for answers in product((False, True), repeat=len(names)):
        true = frozenset(name for name, holds in zip(names, answers, strict=True) if holds)
        for one in _EXACTLY_ONE.get(kind, ("",)):
            yield true | {one} if one else true


def conditions_of(facts: Facts) -> frozenset[str]:
    """The conditions that hold of this record."""
    ended = frozenset({"consent-ended"} if has_ended(facts) else ())
    match facts:
        case OrderFacts():
            erased = frozenset({"erased"} if facts.erased_at else ())
            return facts.kinds | erased | ended | {"paid" if facts.paid else "unpaid"}
        case CustomerFacts():
            return facts.kinds | ended | ({"last-active"} if facts.last_active_at else set())
        case _:
            return ended
