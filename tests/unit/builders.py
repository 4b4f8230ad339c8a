"""Facts, snapshots and ledger rows for the tests of the pure parts."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from hooks.ledger.moment import Moment
from hooks.ledger.records import RecordKey, blank
from hooks.retention.classify import classify
from hooks.retention.facts import Choice, CustomerFacts, Facts, OrderFacts, Refund, Snapshot
from hooks.retention.policy import Policy
from hooks.retention.schedule import Entry, Schedule


def at(text: str) -> datetime:
    """An instant in UTC: a day means noon of it."""
    return datetime.fromisoformat(text if "T" in text else f"{text}T12:00:00").replace(tzinfo=UTC)


def order(status: str = "completed", created: str = "2026-11-22", **facts: Any) -> OrderFacts:
    """An order; times as text, `kinds` in words, `refunds` as {id: day or None}, `choices` as {day: given}.

    Its day of creation is never later than its first accounting event, whatever `created` says.
    """
    made = OrderFacts(status=status, created_at=at(created), **_read(facts))
    return replace(made, created_at=min([at(created), *(day for _, day in made.accounting_events)]))


def customer(created: str | None = "2026-01-10", **facts: Any) -> CustomerFacts:
    """An account; see `order`."""
    return CustomerFacts(created_at=at(created) if created else None, **_read(facts))


def _read(facts: dict[str, Any]) -> dict[str, Any]:
    read: dict[str, Any] = {
        name: at(value) if name.endswith("_at") and value else value
        for name, value in facts.items()
    }
    if "kinds" in read:
        read["kinds"] = frozenset(read["kinds"].split())
    if "choices" in read:
        read["choices"] = tuple(Choice(at(day), given) for day, given in read["choices"].items())
    if "refunds" in read:
        read["refunds"] = tuple(
            Refund(number, at(day) if day else None) for number, day in read["refunds"].items()
        )
    return read


def snapshot(
    facts: OrderFacts | CustomerFacts,
    version: str = "2026-11-22",
    *,
    ours: dict[str, str] | None = None,
) -> Snapshot:
    """A snapshot as a delivery shows it; `ours` is None if it shows no `meta_data`."""
    return Snapshot(facts, 7, at(version), ours)


def planned(facts: Facts, policy: Policy) -> Schedule:
    """The schedule of these facts by this policy."""
    return classify(facts, policy)


def governing(facts: Facts, policy: Policy) -> Entry:
    """The governing entry of the record, which must exist."""
    found = classify(facts, policy).governing
    assert found is not None
    return found


def entry(facts: Facts, policy: Policy, data: str) -> Entry:
    """The only entry of this data category, apart from proof of consent."""
    found = [item for item in classify(facts, policy).entries if data in (item.data, item.name)]
    (only,) = (item for item in found if item.retention_class != "consent-evidence")
    return only


def proof(facts: Facts, policy: Policy) -> Entry:
    """The one entry that is kept as proof of a consent to marketing."""
    (entry_of_proof,) = (
        item
        for item in classify(facts, policy).entries
        if item.retention_class == "consent-evidence"
    )
    return entry_of_proof


NOW = at("2026-11-22T10:00:00")


def row(kind: Any = "order", **columns: Any) -> Any:
    """The columns of a record's row in the ledger."""
    return blank(RecordKey("shop", kind, 7), NOW) | columns


def moment(now: datetime = NOW, *, asked_at: datetime | None = None, settle: int = 10) -> Moment:
    """The time at which a change arrives; `settle` is in seconds."""
    return Moment(now, timedelta(seconds=settle), asked_at)
