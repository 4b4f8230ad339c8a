"""Who else holds the data of a record, as sections 8 and 9 of the page and the policy file's map say."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase
from typing import NamedTuple

from hooks.retention.classify import Entry
from hooks.retention.conditions import conditions_of
from hooks.retention.facts import CustomerFacts, Facts, OrderFacts
from hooks.retention.policy import Policy, Recipient

UNNAMED = "?"
"""Before a way of payment or shipping that the policy file does not map to anybody."""


def recipients_of(facts: Facts, entries: Iterable[Entry], policy: Policy) -> tuple[str, ...]:
    """The ids of all who have got data of this record, in order; and, after a `?`, each way of payment or shipping
    (`?shipping:flat_rate`) of which the policy file does not say who gets data by it. Nothing held: nobody."""
    ways = OrderMethods(facts.payment, facts.carriers) if isinstance(facts, OrderFacts) else None
    return matching_recipients(criteria_of(facts, entries), ways, policy)


class OrderMethods(NamedTuple):
    """In which an order was paid and shipped."""

    payment: str
    shipping: frozenset[str]


class RecipientCriteria(NamedTuple):
    """What makes somebody a recipient, besides the ways: what is `held` of a record, and what it `has`, or is."""

    held: frozenset[str]
    has: frozenset[str]


def criteria_of(facts: Facts, entries: Iterable[Entry]) -> RecipientCriteria:
    """Of a record with these facts and entries."""
    return RecipientCriteria(
        frozenset(entry.data for entry in entries), _holding(facts) | {facts.kind}
    )


def matching_recipients(
    reached: RecipientCriteria, ways: OrderMethods | None, policy: Policy
) -> tuple[str, ...]:
    """As `recipients_of`; `ways` are those of an order."""
    if not reached.held:
        return ()
    key = "recipients", reached, ways
    found: tuple[str, ...] | None = policy.cache.get(key)
    return found if found is not None else policy.cache.put(key, _found(reached, ways, policy))


def _found(
    reached: RecipientCriteria, ways: OrderMethods | None, policy: Policy
) -> tuple[str, ...]:
    found = [
        item.id
        for item in policy.recipients.values()
        if item.data & reached.held and _gets(item, reached, ways)
    ]
    return tuple(sorted(found)) + tuple(sorted(_unnamed(ways, policy) if ways else ()))


def _gets(recipient: Recipient, reached: RecipientCriteria, ways: OrderMethods | None) -> bool:
    if recipient.always or recipient.holding & reached.has:
        return True
    return ways is not None and (
        _any([ways.payment], recipient.payment) or _any(ways.shipping, recipient.shipping)
    )


def _holding(facts: Facts) -> frozenset[str]:
    """What the record holds; a newsletter that was only ever declined went to nobody."""
    conditions = conditions_of(facts)
    if (
        isinstance(facts, OrderFacts | CustomerFacts)
        and facts.choices
        and not any(one.given for one in facts.choices)
    ):
        return conditions - {"newsletter"}
    return conditions


def _any(ways: Iterable[str], patterns: Iterable[str]) -> bool:
    return any(fnmatchcase(way, pattern) for way in ways for pattern in patterns)


def _unnamed(ways: OrderMethods, policy: Policy) -> Iterator[str]:
    for what, named in (("payment", [ways.payment]), ("shipping", ways.shipping)):
        known = [
            pattern
            for item in (*policy.recipients.values(), policy.no_recipient)
            for pattern in getattr(item, what)
        ]
        yield from (f"{UNNAMED}{what}:{way}" for way in named if not _any([way], known))


def describe_recipients(names: Iterable[str], policy: Policy) -> list[dict[str, object]]:
    """What the policy says of each of these recipients; of a way of which it names nobody, only the way."""
    return [
        _described(policy.recipients[name], policy) if name in policy.recipients else _way(name)
        for name in names
    ]


def _described(item: Recipient, policy: Policy) -> dict[str, object]:
    return {
        "id": item.id,
        "name": item.name,
        "group": item.group,
        "role": item.role,
        "country": item.country,
        "outside": item.outside,
        "safeguards": [policy.safeguards[name].label for name in item.safeguards],
        "certain": item.certain,
    }


def _way(name: str) -> dict[str, object]:
    """A way of payment or shipping that is mapped to nobody; or a recipient that the policy does not name any more."""
    told = dict.fromkeys(("id", "group", "role", "country", "outside"))
    return told | {"name": name.removeprefix(UNNAMED), "safeguards": [], "certain": False}
