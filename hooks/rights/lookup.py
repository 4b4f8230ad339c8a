"""Answers an inquiry from the ledger, by the policy in force now, also where tags wait to be computed again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection

from hooks.ledger import person_records
from hooks.ledger.codec import read_events, read_facts
from hooks.ledger.persons import emails_of
from hooks.ledger.rows import UNLISTED, RecordRow
from hooks.retention.events import EventType, standing_of
from hooks.retention.facts import STORED_KINDS, ConsentFacts, Facts, Subject, SupportRequestFacts
from hooks.retention.policy import Policy
from hooks.retention.tags import Context, is_parsed_otherwise
from hooks.rights.answer import build_answer
from hooks.rights.values import CurrentRecord, Inquiry, PersonAnswer
from hooks.tagging.context import LedgerContext, context_of
from hooks.tagging.tagger import tag

SUSPENDING: tuple[EventType, ...] = ("hold", "restriction")


def answer_to(
    connection: Connection, policy: Policy, inquiry: Inquiry, *, now: datetime
) -> PersonAnswer | None:
    """Return the answer to an inquiry, or None where the ledger knows nothing of the person.

    Every entry is computed again, by the policy in force and by the events that are in effect `now`.

    Raises LedgerUnavailableError.
    """
    records = tuple(_current_records(connection, policy, inquiry))
    if not any(_is_known(record) for record in records):
        return None
    return build_answer(
        inquiry,
        records,
        policy,
        now,
        is_complete=not person_records.has_unassigned_records(connection, inquiry.store),
        covers_addresses=_covers_addresses(connection, inquiry),
    )


def _is_known(record: CurrentRecord) -> bool:
    """Tell whether the ledger knows more of a record than its id."""
    is_closed = record.closed_on is not None or record.state == "gone"
    return bool(record.entries or record.own_events or is_closed)


def _covers_addresses(connection: Connection, inquiry: Inquiry) -> bool:
    if inquiry.subject.kind != "customer":
        return False
    return bool(emails_of(connection, inquiry.store, int(inquiry.subject.value)))


def _current_records(
    connection: Connection, policy: Policy, inquiry: Inquiry
) -> Iterator[CurrentRecord]:
    rows = _rows(connection, inquiry.store, inquiry.subject)
    if not rows:
        return
    ledger = LedgerContext.of_rows(connection, rows)
    for row in rows:
        if row["facts"]:
            facts = read_facts(row["kind"], row["facts"], row["email_hash"])
            context = context_of(ledger, row, facts)
        else:
            facts = None
            context = Context(read_events(row["events"]))
        if _concerns(inquiry.subject, row, facts, context):
            yield current_record(row, facts, context, policy)


def _rows(connection: Connection, store: str, subject: Subject) -> list[RecordRow]:
    if subject.kind == "email":
        return person_records.records_of_address(connection, store, subject.value)
    if subject.kind == "customer":
        return person_records.records_of_customer(connection, store, int(subject.value))
    return person_records.records_around_order(connection, store, int(subject.value))


def _concerns(subject: Subject, row: RecordRow, facts: Facts | None, context: Context) -> bool:
    """Tell whether a record belongs in the answer about `subject`.

    The owner is computed again too: an order may have got another customer since it was tagged.
    """
    if (row["kind"], str(row["external_id"])) == (subject.kind, subject.value):
        return True
    if isinstance(facts, SupportRequestFacts | ConsentFacts) and subject in facts.subjects:
        return True
    if subject.kind == "order":
        return False
    if context.customer_id is None:
        return row["customer_id"] is None
    return subject.kind == "email" or str(context.customer_id) == subject.value


def current_record(
    row: RecordRow, facts: Facts | None, context: Context, policy: Policy
) -> CurrentRecord:
    """Return a record as it is now. A record that is gone has no entries."""
    record = CurrentRecord(
        kind=row["kind"],
        id=row["external_id"],
        state=row["state"],
        name=facts.name if isinstance(facts, SupportRequestFacts | ConsentFacts) else "",
        closed_on=row["closed_on"],
        own_events=context.own,
        person_events=context.person,
        owner=context.customer_id,
        refetch_reason=_refetch_reason(row, policy),
    )
    if facts is None or row["state"] == "gone":
        return record
    schedule, columns = tag(facts, policy, context)
    unsuspended, _ = tag(facts, policy, context.without(*SUSPENDING))
    in_effect = standing_of(context.own, context.person)
    return replace(
        record,
        state=schedule.phase,
        closed_on=columns["closed_on"],
        entries=schedule.entries,
        unsuspended=unsuspended.entries,
        recipients=tuple(filter(None, columns["recipients"].split(","))),
        holds=in_effect.holds,
        restriction=in_effect.restriction,
    )


def _refetch_reason(row: RecordRow, policy: Policy) -> str | None:
    """Return why the store must still be asked about a record, None if it need not be."""
    if (
        row["kind"] in STORED_KINDS
        and row["facts"]
        and is_parsed_otherwise(row["tagged_by"], policy)
    ):
        return "read-otherwise"
    reason = row["reread_reason"]
    return reason if reason != UNLISTED else None
