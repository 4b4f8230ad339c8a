"""The recipients of a record's data, by sections 8 and 9 of the page and the recipients of the policy file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase
from typing import NamedTuple

from hooks.retention.conditions import conditions_of
from hooks.retention.facts import CustomerFacts, Facts, OrderFacts
from hooks.retention.policy import NoRecipient, Policy, Recipient
from hooks.retention.schedule import Entry

UNNAMED = "?"
"""The prefix of a payment or shipping method for which the policy file names neither a recipient nor `no_recipient`."""


class OrderMethods(NamedTuple):
    """The payment method and the shipping methods of an order, by their ids."""

    payment: str
    shipping: frozenset[str]


class RecipientCriteria(NamedTuple):
    """The facts of a record that decide which recipients get its data, besides the methods of an order.

    `categories` are the data categories that are kept of the record. `conditions` are the conditions that it meets,
    together with its kind.
    """

    categories: frozenset[str]
    conditions: frozenset[str]


def recipients_of(facts: Facts, entries: Iterable[Entry], policy: Policy) -> tuple[str, ...]:
    """Return the ids of all recipients who got data of this record, in order.

    After them comes each payment or shipping method for which the policy file does not say who gets data by it, with a
    `?` before it: `?shipping:flat_rate`. A record without entries has no recipients.
    """
    methods = None
    if isinstance(facts, OrderFacts):
        methods = OrderMethods(facts.payment, facts.carriers)
    return matching_recipients(criteria_of(facts, entries), methods, policy)


def criteria_of(facts: Facts, entries: Iterable[Entry]) -> RecipientCriteria:
    """Return the criteria of a record with these facts and entries."""
    categories = frozenset(entry.data for entry in entries)
    return RecipientCriteria(categories, _conditions(facts) | {facts.kind})


def _conditions(facts: Facts) -> frozenset[str]:
    """Return the conditions that the record meets. A newsletter that was only ever declined went to no recipient."""
    conditions = conditions_of(facts)
    if not isinstance(facts, OrderFacts | CustomerFacts) or not facts.choices:
        return conditions
    if any(choice.given for choice in facts.choices):
        return conditions
    return conditions - {"newsletter"}


def matching_recipients(
    criteria: RecipientCriteria, methods: OrderMethods | None, policy: Policy
) -> tuple[str, ...]:
    """Return the same as `recipients_of`, from the criteria of a record. `methods` is None unless it is an order."""
    if not criteria.categories:
        return ()
    key = "recipients", criteria, methods
    recipients: tuple[str, ...] | None = policy.cache.get(key)
    if recipients is None:
        recipients = policy.cache.put(key, _matching(criteria, methods, policy))
    return recipients


def _matching(
    criteria: RecipientCriteria, methods: OrderMethods | None, policy: Policy
) -> tuple[str, ...]:
    ids = set()
    for recipient in policy.recipients.values():
        if _receives(recipient, criteria, methods):
            ids.add(recipient.id)
    if methods is None:
        return tuple(sorted(ids))
    unnamed = _unnamed(methods, policy)
    return (*sorted(ids), *sorted(unnamed))


def _receives(
    recipient: Recipient, criteria: RecipientCriteria, methods: OrderMethods | None
) -> bool:
    """Tell whether a recipient gets data of a record: always, by a condition, or by payment or shipping method."""
    if not recipient.data & criteria.categories:
        return False
    if recipient.always or recipient.holding & criteria.conditions:
        return True
    if methods is None:
        return False
    if _matches(methods.payment, recipient.payment):
        return True
    return any(_matches(method, recipient.shipping) for method in methods.shipping)


def _matches(method: str, patterns: Iterable[str]) -> bool:
    return any(fnmatchcase(method, pattern) for pattern in patterns)


def _unnamed(methods: OrderMethods, policy: Policy) -> Iterator[str]:
    """Yield the methods for which the policy file does not say who gets data by them."""
    sources: list[Recipient | NoRecipient] = [*policy.recipients.values(), policy.no_recipient]
    if not any(_matches(methods.payment, source.payment) for source in sources):
        yield f"{UNNAMED}payment:{methods.payment}"
    for method in methods.shipping:
        if not any(_matches(method, source.shipping) for source in sources):
            yield f"{UNNAMED}shipping:{method}"


def describe_recipients(names: Iterable[str], policy: Policy) -> list[dict[str, object]]:
    """Return what the policy says about each recipient, for JSON."""
    return [_description(name, policy) for name in names]


def _description(name: str, policy: Policy) -> dict[str, object]:
    recipient = policy.recipients.get(name)
    if recipient is None:
        return _description_without_policy(name)
    safeguards = [policy.safeguards[id_].label for id_ in recipient.safeguards]
    return {
        "id": recipient.id,
        "name": recipient.name,
        "group": recipient.group,
        "role": recipient.role,
        "country": recipient.country,
        "outside": recipient.outside,
        "safeguards": safeguards,
        "certain": recipient.certain,
    }


def _description_without_policy(name: str) -> dict[str, object]:
    """Describe a method that has no recipient, or a recipient that the policy no longer names, by its name alone."""
    return {
        "id": None,
        "name": name.removeprefix(UNNAMED),
        "group": None,
        "role": None,
        "country": None,
        "outside": None,
        "safeguards": [],
        "certain": False,
    }
