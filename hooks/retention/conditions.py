"""The closed vocabulary of rules: what can be asked of a record, and which answers can go together."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

from hooks.retention.facts import CustomerFacts, Facts, OrderFacts, RecordKind

_INDEPENDENT: dict[RecordKind, tuple[str, ...]] = {
    "order": ("identity", "shipping", "note", "network", "attribution", "newsletter"),
    "customer": ("last-active", "newsletter"),
    "support-request": (),
    "marketing-consent": (),
    "cookie-consent": (),
}
_EXACTLY_ONE: dict[RecordKind, tuple[str, ...]] = {"order": ("paid", "unpaid")}


def vocabulary(kind: RecordKind) -> frozenset[str]:
    """Every condition that a rule for this kind of record may name."""
    return frozenset(_INDEPENDENT[kind]) | frozenset(_EXACTLY_ONE.get(kind, ()))


def worlds(kind: RecordKind) -> Iterator[frozenset[str]]:
    """Every set of conditions that can hold of one record together."""
    for answers in product((False, True), repeat=len(_INDEPENDENT[kind])):
        true = frozenset(name for name, holds in zip(_INDEPENDENT[kind], answers, strict=True) if holds)
        for one in _EXACTLY_ONE.get(kind, ("",)):
            yield true | {one} if one else true


def holding(facts: Facts) -> frozenset[str]:
    """The conditions that hold of this record."""
    match facts:
        case OrderFacts():
            return facts.kinds | {"paid" if facts.paid else "unpaid"}
        case CustomerFacts():
            return facts.kinds | ({"last-active"} if facts.last_active_at else set())
        case _:
            return frozenset()
