"""The answer to a person, from the ledger: true at the moment of asking, also where tags wait to be made anew."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime
from typing import cast

from sqlalchemy import Connection

from hooks.ledger import person_records
from hooks.ledger.codec import read_events, read_facts
from hooks.ledger.persons import emails_of
from hooks.ledger.records import UNLISTED, Values
from hooks.retention.events import EventType, standing_of
from hooks.retention.facts import STORED_KINDS, ConsentFacts, Facts, Subject, SupportRequestFacts
from hooks.retention.policy import Policy
from hooks.rights.answer import Answer, Known, State, answer_of
from hooks.tagging.context import Reading, bearing
from hooks.tagging.tags import Bearing, read_otherwise, tags

SUSPENDING: tuple[EventType, ...] = ("hold", "restriction")


def answer_to(
    connection: Connection,
    policy: Policy,
    store: str,
    subject: Subject,
    *,
    now: datetime,
    requested_on: date | None = None,
    uk: bool = False,
) -> Answer | None:
    """Answer a person: the customer `subject`, whoever placed the order `subject`, or whoever has the address with
    the hash `subject`. None where the ledger knows nothing of them.

    Every entry is worked out anew, by the policy in force and by what stands now. Raises LedgerUnavailableError.
    """
    known = tuple(_known(connection, policy, store, subject))
    if not any(row.entries or row.closed_on or row.state == "gone" or row.own for row in known):
        return None
    complete = not person_records.not_found_yet(connection, store)
    return answer_of(
        subject,
        store,
        known,
        policy,
        now,
        requested_on=requested_on,
        uk=uk,
        complete=complete,
        guests_told_apart=subject.kind == "customer"
        and bool(emails_of(connection, store, int(subject.value))),
    )


def _known(connection: Connection, policy: Policy, store: str, subject: Subject) -> Iterator[Known]:
    rows = _rows(connection, store, subject)
    if not rows:
        return
    source = Reading.about(connection, rows)
    for row in rows:
        facts = read_facts(row["kind"], row["facts"], row["email_hash"]) if row["facts"] else None
        bears = bearing(source, row, facts) if facts else Bearing(read_events(row["events"]))
        if _concerns(subject, row, facts, bears):
            yield known_of(row, facts, bears, policy)


def _rows(connection: Connection, store: str, subject: Subject) -> list[Values]:
    if subject.kind == "email":
        return person_records.held_under(connection, store, subject.value)
    find = person_records.held_of if subject.kind == "customer" else person_records.held_with
    return find(connection, store, int(subject.value))


def _concerns(subject: Subject, row: Values, facts: Facts | None, bears: Bearing) -> bool:
    """Whose a record is, is worked out anew too: an order may have got another customer since it was tagged."""
    if (row["kind"], str(row["external_id"])) == (subject.kind, subject.value):
        return True
    named = isinstance(facts, SupportRequestFacts | ConsentFacts) and subject in facts.subjects
    if named or subject.kind == "order":
        return named
    if bears.customer_id is None:
        return row["customer_id"] is None
    return subject.kind == "email" or str(bears.customer_id) == subject.value


def known_of(row: Values, facts: Facts | None, bears: Bearing, policy: Policy) -> Known:
    """One record as it stands now. One that is gone holds nothing any more."""
    known = Known(
        kind=row["kind"],
        id=row["external_id"],
        state=cast("State", row["state"]),
        name=facts.name if isinstance(facts, SupportRequestFacts | ConsentFacts) else "",
        closed_on=row["closed_on"],
        own=bears.own,
        person=bears.person,
        owner=bears.customer_id,
        in_question=_in_question(row, policy),
    )
    if facts is None or row["state"] == "gone":
        return known
    plan, columns = tags(facts, policy, bears)
    stands = standing_of(bears.own, bears.person)
    return replace(
        known,
        state=plan.phase,
        closed_on=columns["closed_on"],
        entries=plan.entries,
        otherwise=tags(facts, policy, bears.without(*SUSPENDING))[0].entries,
        recipients=tuple(filter(None, columns["recipients"].split(","))),
        holds=stands.holds,
        restriction=stands.restriction,
    )


def _in_question(row: Values, policy: Policy) -> str | None:
    """Why the store is still to be asked about it."""
    if row["kind"] in STORED_KINDS and row["facts"] and read_otherwise(row["tagged_by"], policy):
        return "read-otherwise"
    reason = cast("str | None", row["reread_reason"])
    return reason if reason != UNLISTED else None
