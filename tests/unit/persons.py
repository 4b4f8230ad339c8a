"""A customer with a record in every state that the answer to a person reports."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date
from typing import Any

from hooks.retention.events import EventType, RecordEvent
from hooks.retention.facts import Choice, ConsentFacts, Facts, Subject, SupportRequestFacts
from hooks.retention.policy import Policy
from hooks.retention.tags import Context, tagged_by
from hooks.rights.answer import build_answer
from hooks.rights.lookup import current_record
from hooks.rights.values import CurrentRecord, Inquiry, PersonAnswer
from tests.unit.builders import at, customer, order, row

CUSTOMER = Subject("customer", "7")
NOW = at("2026-11-24")


def event(kind: EventType, day: str, number: int = 1, **given: Any) -> RecordEvent:
    """A record event on this day."""
    return RecordEvent(f"event-{number}", kind, at(day), **given)


def person_record(
    facts: Facts | None,
    policy: Policy,
    number: int = 119,
    *own: RecordEvent,
    person: tuple[RecordEvent, ...] = (),
    kind: str = "order",
    **columns: Any,
) -> CurrentRecord:
    """One record of customer 7, as input for the answer. `columns` replace columns of its row in the ledger."""
    kind = facts.kind if facts else kind
    line = (
        row(kind, external_id=number, tagged_by=tagged_by(policy)) | {"state": "active"} | columns
    )
    owner = None if kind == "customer" else 7
    return current_record(line, facts, Context(own, person, owner), policy)


PAID: dict[str, Any] = {"paid_at": "2026-11-22", "customer_id": 7}


def records_in_all_states(policy: Policy) -> list[CurrentRecord]:
    """Records in all states: held, restricted, with an erasure request, erased, gone, trashed, and simply kept."""
    consent = ConsentFacts("cookie-consent", (Choice(at("2026-02-03"), given=True),), name="C-5")
    account = customer(
        last_active_at="2026-10-01", kinds="newsletter", choices={"2026-02-01": True}
    )
    request = SupportRequestFacts(at("2024-01-02"), at("2026-05-05"), name="ZD-9")
    erased = order(erased_at="2026-10-02", kinds="note", **PAID)
    return [
        person_record(consent, policy, 5),
        person_record(account, policy, 7),
        person_record(erased, policy, 117),
        person_record(order(**PAID), policy, 118, state="gone", closed_on=date(2026, 10, 3)),
        *_paid_orders(policy),
        *_unpaid_orders(policy),
        person_record(request, policy, 4711),
    ]


def _paid_orders(policy: Policy) -> Iterator[CurrentRecord]:
    kept = order(
        created="2026-03-01",
        kinds="identity shipping note network attribution newsletter",
        payment="klarna_payments",
        carriers=frozenset({"flat_rate"}),
        **PAID,
    )
    yield person_record(kept, policy, 119)
    carriers = frozenset({"bring"})
    in_dispute = order(
        "processing", kinds="identity shipping", payment="stripe", carriers=carriers, **PAID
    )
    review_on = date(2027, 1, 1)
    hold = event("hold", "2026-09-01", reason="chargeback", owner="finance", review_on=review_on)
    yield person_record(in_dispute, policy, 120, hold)


def _unpaid_orders(policy: Policy) -> Iterator[CurrentRecord]:
    request = event("erasure-requested", "2026-11-22")
    yield person_record(order("pending", customer_id=7, trashed=True), policy, 121, request)
    restriction = event("restriction", "2026-11-20")
    unpaid = order("pending", customer_id=7)
    yield person_record(unpaid, policy, 122, restriction, reread_reason="tie")


def answer_for(
    subject: Subject,
    records: Iterable[CurrentRecord],
    policy: Policy,
    *,
    requested_on: date | None = None,
    uk: bool = False,
    is_complete: bool = True,
    covers_addresses: bool = False,
) -> PersonAnswer:
    """The answer to `subject` from these records, as of NOW."""
    return build_answer(
        Inquiry("shop", subject, requested_on, uk),
        records,
        policy,
        NOW,
        is_complete=is_complete,
        covers_addresses=covers_addresses,
    )
