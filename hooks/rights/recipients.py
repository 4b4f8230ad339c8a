"""Who has received a person's data, in words: each recipient once, with the data and the records it got them of."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from hooks.retention.policy import Recipient
from hooks.rights.answer import Answer, Record
from hooks.rights.labels import Language, country, label, listed
from hooks.rights.phrases import record_name
from hooks.rights.translation import say


@dataclass(frozen=True, slots=True)
class _Receipt:
    """What recipients got: one for certain, or several of which at least one did."""

    recipients: tuple[Recipient, ...]
    data: tuple[str, ...]
    records: tuple[str, ...]


def received(answer: Answer, language: Language) -> Iterator[list[str]]:
    """A point for each recipient, for each way by which nobody is named, and for those only the law may require: its
    first sentence, and those below it."""
    found = list(_receipts(answer, language))
    if not found:
        yield [say(language, "received.nobody")]
    for receipt in found:
        yield [*_words(receipt, answer, language)]
    for (what, way), records in _unnamed(answer, language).items():
        yield [
            say(language, f"received.unnamed-{what}", way=way, records=listed(language, records))
        ]
    if answer.where_required:
        names = [
            label(language, "recipient", item.id, answer.policy) for item in answer.where_required
        ]
        yield [say(language, "received.where-required", names="; ".join(names))]


def _receipts(answer: Answer, language: Language) -> Iterator[_Receipt]:
    """Those of one group that are not certain, and are named with the same records, are told together."""
    single: dict[str, tuple[Recipient, set[str], list[str]]] = {}
    for record in answer.records:
        for got in record.recipients:
            _, data, records = single.setdefault(got.recipient.id, (got.recipient, set(), []))
            data.update(got.data)
            records.append(_name(record, language))
    together: dict[object, list[str]] = {}
    for name, (recipient, data, records) in single.items():
        told = (recipient.group, recipient.published, recipient.outside, recipient.safeguards)
        alike = (*told, tuple(sorted(data)), tuple(records))
        together.setdefault(name if recipient.certain else alike, []).append(name)
    for names in together.values():
        _, data, records = single[names[0]]
        order = [name for name in answer.policy.categories if name in data]
        yield _Receipt(tuple(single[name][0] for name in names), tuple(order), tuple(records))


def _name(record: Record, language: Language) -> str:
    return record_name(language, record.kind, record.id, record.name)


def _words(receipt: _Receipt, answer: Answer, language: Language) -> Iterator[str]:
    policy, first = answer.policy, receipt.recipients[0]
    names = ", ".join(_called(item, answer, language) for item in receipt.recipients)
    yield names if first.certain else say(language, "received.one-of", names=names)
    data = ", ".join(label(language, "category", name, policy) for name in receipt.data)
    yield say(language, "received.data", data=data)
    if len(receipt.records) == len(answer.records):
        yield say(language, "received.from-all")
    else:
        yield say(language, "received.from", records=", ".join(receipt.records))
    if first.published.section is None:
        yield say(language, "received.unpublished")
    if first.outside:
        yield _transfer(first, answer, language)


def _called(recipient: Recipient, answer: Answer, language: Language) -> str:
    name = label(language, "recipient", recipient.id, answer.policy)
    return f"{name} ({country(language, recipient.country)})" if recipient.country else name


def _transfer(recipient: Recipient, answer: Answer, language: Language) -> str:
    names = [label(language, "safeguard", name, answer.policy) for name in recipient.safeguards]
    return say(language, "received.outside", safeguards=listed(language, names))


def _unnamed(answer: Answer, language: Language) -> dict[tuple[str, str], list[str]]:
    found: dict[tuple[str, str], list[str]] = {}
    for record in answer.records:
        for way in record.unnamed:
            found.setdefault(way, []).append(_name(record, language))
    return found
