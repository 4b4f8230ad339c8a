"""Builds the answer to a person from their records: what each holds, why, until when, and the rights over it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, datetime

from hooks.retention.effects import answer_by
from hooks.retention.facts import RecordKind
from hooks.retention.policy import Policy, Recipient
from hooks.retention.recipients import UNNAMED
from hooks.retention.schedule import Entry
from hooks.rights.complaints import authorities
from hooks.rights.entitlements import entitlements, retention_grounds
from hooks.rights.requests import person_requests
from hooks.rights.values import (
    ClosedRecord,
    CurrentRecord,
    Deadline,
    HeldCategory,
    HeldRecord,
    Inquiry,
    PersonAnswer,
    PersonRequest,
    ReceivedData,
    State,
)

KIND_ORDER: tuple[RecordKind, ...] = (
    "customer",
    "order",
    "support-request",
    "marketing-consent",
    "cookie-consent",
)
"""The order of the records in an answer."""


def build_answer(
    inquiry: Inquiry,
    records: Iterable[CurrentRecord],
    policy: Policy,
    now: datetime,
    *,
    is_complete: bool = True,
    covers_addresses: bool = False,
) -> PersonAnswer:
    """Return the answer as of `now`. For `is_complete` and `covers_addresses` see `PersonAnswer`."""
    rows = sorted(records, key=lambda record: (KIND_ORDER.index(record.kind), record.id))
    today = policy.day_of(now)
    requests = person_requests(rows, policy)
    recipients = policy.recipients.values()
    return PersonAnswer(
        inquiry=inquiry,
        made_on=today,
        policy=policy,
        deadline=_deadline(inquiry.requested_on, requests, today),
        requests=requests,
        subject_state=_subject_state(inquiry, rows),
        records=tuple(_held_record(row, policy, today) for row in rows if row.entries),
        closed=tuple(_closed_record(row) for row in rows if row.state in ("erased", "gone")),
        legal_recipients=tuple(item for item in recipients if _gets_data_only_by_law(item)),
        authorities=authorities(policy, uk=inquiry.uk),
        is_complete=is_complete,
        covers_addresses=covers_addresses,
    )


def _subject_state(inquiry: Inquiry, records: Iterable[CurrentRecord]) -> State:
    for record in records:
        if (record.kind, str(record.id)) == (inquiry.subject.kind, inquiry.subject.value):
            return record.state
    return "unknown"


def _deadline(
    requested_on: date | None, requests: tuple[PersonRequest, ...], today: date
) -> Deadline:
    """Return one month from the request: GDPR Art. 12(3)."""
    if requested_on:
        return Deadline(requested_on, "given", answer_by(requested_on))
    if requests:
        last = requests[-1].on
        return Deadline(last, "on-record", answer_by(last))
    return Deadline(today, "none-on-record", answer_by(today))


def _held_record(record: CurrentRecord, policy: Policy, today: date) -> HeldRecord:
    pairs = zip(record.entries, record.unsuspended, strict=True)
    return HeldRecord(
        kind=record.kind,
        id=record.id,
        name=record.name,
        state=record.state,
        closed_on=record.closed_on,
        categories=tuple(_held_category(*pair, record, policy, today) for pair in pairs),
        received=tuple(_received_data(record, policy)),
        unmatched_methods=tuple(_unmatched_methods(record)),
        refetch_reason=record.refetch_reason,
    )


def _held_category(
    entry: Entry, unsuspended: Entry, record: CurrentRecord, policy: Policy, today: date
) -> HeldCategory:
    since = policy.day_of(record.restriction.at) if record.restriction else None
    grounds = retention_grounds(unsuspended, record.holds, policy, today)
    rights = entitlements(unsuspended, grounds, today, is_restricted=since is not None)
    return HeldCategory(entry, unsuspended, grounds, rights, since)


def _received_data(record: CurrentRecord, policy: Policy) -> Iterator[ReceivedData]:
    categories = {entry.data for entry in record.entries}
    for name in record.recipients:
        recipient = policy.recipients.get(name)
        if recipient is not None:
            yield ReceivedData(recipient, tuple(sorted(recipient.data & categories)))


def _unmatched_methods(record: CurrentRecord) -> Iterator[tuple[str, str]]:
    for name in record.recipients:
        if name.startswith(UNNAMED):
            kind, _, method = name.removeprefix(UNNAMED).partition(":")
            yield kind, method


def _closed_record(record: CurrentRecord) -> ClosedRecord:
    return ClosedRecord(record.kind, record.id, record.name, record.state, record.closed_on)


def _gets_data_only_by_law(recipient: Recipient) -> bool:
    return not (recipient.always or recipient.payment or recipient.shipping or recipient.holding)
