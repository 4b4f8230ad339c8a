"""Sentences about the recipients of a person's data: each recipient once, with the data and the records concerned."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from hooks.retention.policy import Recipient
from hooks.rights.labels import AND, Language, country, joined, label
from hooks.rights.phrases import record_name
from hooks.rights.translation import translate
from hooks.rights.values import HeldRecord, PersonAnswer


@dataclass(slots=True)
class _Receipt:
    """The categories that recipients got, and the names of the records that they got them from.

    Either one recipient that is certain, or several of which at least one got the data.
    """

    recipients: list[Recipient]
    categories: set[str] = field(default_factory=set)
    records: list[str] = field(default_factory=list)


def recipient_points(answer: PersonAnswer, language: Language) -> Iterator[list[str]]:
    """Yield the points of the list of recipients: the first sentence of each point, and the sentences below it.

    A point is a recipient, or a payment or shipping method for which the policy names no recipient. The last point
    lists the recipients that get data only where the law requires it.
    """
    receipts = _receipts(answer, language)
    if not receipts:
        yield [translate(language, "received.nobody")]
    for receipt in receipts:
        yield list(_receipt_sentences(receipt, answer, language))
    for (kind, method), records in _unmatched_methods(answer, language).items():
        names = joined(records, AND[language])
        yield [translate(language, f"received.unnamed-{kind}", way=method, records=names)]
    if answer.legal_recipients:
        policy = answer.policy
        labels = [label(language, "recipient", item.id, policy) for item in answer.legal_recipients]
        yield [translate(language, "received.where-required", names="; ".join(labels))]


def _receipts(answer: PersonAnswer, language: Language) -> list[_Receipt]:
    """Return the receipts. Recipients of one group that are not certain and got the same are in one receipt."""
    receipts: dict[object, _Receipt] = {}
    for receipt in _receipts_by_recipient(answer, language):
        (recipient,) = receipt.recipients
        key = recipient.id if recipient.certain else _likeness(receipt, recipient)
        if key in receipts:
            receipts[key].recipients.append(recipient)
        else:
            receipts[key] = receipt
    return list(receipts.values())


def _receipts_by_recipient(answer: PersonAnswer, language: Language) -> list[_Receipt]:
    receipts: dict[str, _Receipt] = {}
    for record in answer.records:
        for received in record.received:
            recipient = received.recipient
            receipt = receipts.setdefault(recipient.id, _Receipt([recipient]))
            receipt.categories.update(received.categories)
            receipt.records.append(_name(record, language))
    return list(receipts.values())


def _likeness(receipt: _Receipt, recipient: Recipient) -> tuple[object, ...]:
    """Return a key that is equal for recipients about which the sentences say the same."""
    return (
        recipient.group,
        recipient.published,
        recipient.outside,
        recipient.safeguards,
        frozenset(receipt.categories),
        tuple(receipt.records),
    )


def _name(record: HeldRecord, language: Language) -> str:
    return record_name(language, record.kind, record.id, record.name)


def _receipt_sentences(
    receipt: _Receipt, answer: PersonAnswer, language: Language
) -> Iterator[str]:
    first = receipt.recipients[0]
    names = ", ".join(_name_with_country(item, answer, language) for item in receipt.recipients)
    yield names if first.certain else translate(language, "received.one-of", names=names)
    yield _data_sentence(receipt, answer, language)
    if len(receipt.records) == len(answer.records):
        yield translate(language, "received.from-all")
    else:
        yield translate(language, "received.from", records=", ".join(receipt.records))
    if first.published.section is None:
        yield translate(language, "received.unpublished")
    if first.outside:
        yield _transfer_sentence(first, answer, language)


def _name_with_country(recipient: Recipient, answer: PersonAnswer, language: Language) -> str:
    name = label(language, "recipient", recipient.id, answer.policy)
    return f"{name} ({country(language, recipient.country)})" if recipient.country else name


def _data_sentence(receipt: _Receipt, answer: PersonAnswer, language: Language) -> str:
    policy = answer.policy
    categories = [category for category in policy.categories if category in receipt.categories]
    labels = ", ".join(label(language, "category", category, policy) for category in categories)
    return translate(language, "received.data", data=labels)


def _transfer_sentence(recipient: Recipient, answer: PersonAnswer, language: Language) -> str:
    names = [label(language, "safeguard", name, answer.policy) for name in recipient.safeguards]
    return translate(language, "received.outside", safeguards=joined(names, AND[language]))


def _unmatched_methods(
    answer: PersonAnswer, language: Language
) -> dict[tuple[str, str], list[str]]:
    """Return the names of the records for each method for which the policy names no recipient."""
    records: dict[tuple[str, str], list[str]] = {}
    for record in answer.records:
        for method in record.unmatched_methods:
            records.setdefault(method, []).append(_name(record, language))
    return records
