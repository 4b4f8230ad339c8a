"""The JSON text of facts, events and entries in the ledger. It is canonical: equal values have equal texts."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from typing import Any

from hooks.retention.events import RecordEvent
from hooks.retention.facts import (
    STORED_KINDS,
    Choice,
    ConsentFacts,
    CustomerFacts,
    Facts,
    OrderFacts,
    RecordKind,
    Refund,
    ReportedFacts,
    Subject,
    SupportRequestFacts,
)
from hooks.retention.schedule import Entry


def facts_text(facts: Facts) -> str:
    """Write facts. Empty values are left out."""
    match facts:
        case OrderFacts():
            raw = _order(facts)
        case CustomerFacts():
            raw = _customer(facts)
        case _:
            raw = _reported(facts)
    return _text({key: value for key, value in raw.items() if value not in (None, False, 0, [])})


def read_facts(kind: RecordKind, text: str, email_hash: str | None = None) -> Facts:
    """Read back what `facts_text` wrote. `email_hash`: of an order's address, which has a column of its own."""
    raw = json.loads(text)
    if kind not in STORED_KINDS:
        return _read_reported(kind, raw)
    shared: dict[str, Any] = {
        "kinds": frozenset(raw.get("kinds", ())),
        "choices": _read_choices(raw),
        "meta_at": _instant_or_none(raw.get("meta_at")),
        "oddities": frozenset(raw.get("oddities", ())),
    }
    if kind == "customer":
        return CustomerFacts(
            created_at=_instant_or_none(raw.get("created_at")),
            staff=raw.get("staff", False),
            last_active_at=_instant_or_none(raw.get("last_active_at")),
            last_order_at=_instant_or_none(raw.get("last_order_at")),
            first_seen_at=_instant_or_none(raw.get("first_seen_at")),
            **shared,
        )
    return OrderFacts(
        status=raw["status"],
        created_at=_instant_or_none(raw.get("created_at")),
        paid_at=_instant_or_none(raw.get("paid_at")),
        completed_at=_instant_or_none(raw.get("completed_at")),
        customer_id=raw.get("customer_id", 0),
        trashed=raw.get("trashed", False),
        refunds=tuple(
            Refund(number, _instant_or_none(at), at == "") for number, at in raw.get("refunds", ())
        ),
        erased_at=_instant_or_none(raw.get("erased_at")),
        payment=raw.get("payment", ""),
        carriers=frozenset(raw.get("carriers", ())),
        was_paid=raw.get("was_paid", False),
        carried=tuple((name, _instant(version)) for name, version in raw.get("carried", ())),
        former_customer_id=raw.get("former_customer_id", 0),
        first_seen_at=_instant_or_none(raw.get("first_seen_at")),
        email_hash=email_hash or "",
        **shared,
    )


def _read_reported(kind: RecordKind, raw: dict[str, Any]) -> ReportedFacts:
    shared: dict[str, Any] = {
        "erased_at": _instant_or_none(raw.get("erased_at")),
        "name": raw.get("name", ""),
        "subjects": frozenset(Subject(*pair) for pair in raw.get("subjects", ())),
    }
    if kind == "support-request":
        return SupportRequestFacts(
            _instant_or_none(raw.get("made_at")), _instant_or_none(raw.get("closed_at")), **shared
        )
    return ConsentFacts(kind, _read_choices(raw), **shared)


def events_text(events: Iterable[RecordEvent]) -> str:
    """Write events, in order of time."""
    ordered = sorted(events, key=lambda event: (event.at, event.id))
    return _text([event_dict(event) for event in ordered])


def event_dict(event: RecordEvent) -> dict[str, Any]:
    """Return an event as the API and the ledger show it. Empty values are left out."""
    raw = {
        "id": event.id,
        "type": event.type,
        "at": _time(event.at),
        "reason": event.reason,
        "owner": event.owner,
        "review_on": str(event.review_on) if event.review_on else None,
        "about": event.about,
        "scope": event.scope,
    }
    return {key: value for key, value in raw.items() if value}


def read_events(text: str) -> tuple[RecordEvent, ...]:
    """Read back what `events_text` wrote."""
    if text == "[]":
        return ()
    return tuple(_read_event(raw) for raw in json.loads(text))


def _read_event(raw: dict[str, Any]) -> RecordEvent:
    review = raw.get("review_on")
    return RecordEvent(
        raw["id"],
        raw["type"],
        _instant(raw["at"]),
        reason=raw.get("reason", ""),
        owner=raw.get("owner", ""),
        review_on=date.fromisoformat(review) if review else None,
        about=raw.get("about", ""),
        scope=raw.get("scope", ""),
    )


def entry_dict(entry: Entry) -> dict[str, Any]:
    """Return an entry as the API and the ledger show it. Without a value, `part` and `requested_on` are left out."""
    optional: dict[str, Any] = {}
    if entry.part:
        optional["part"] = entry.part
    if entry.requested_on:
        optional["requested_on"] = str(entry.requested_on)
    return optional | {
        "rule": entry.rule,
        "data": entry.data,
        "purpose": entry.purpose,
        "basis": entry.basis,
        "class": entry.retention_class,
        "event": entry.event,
        "from": str(entry.runs_from),
        "review_after": str(entry.review_after) if entry.review_after else None,
        "delete_after": str(entry.delete_after) if entry.delete_after else None,
        "until": entry.until,
        "action": entry.action,
        "governs": entry.governs,
        "reason": entry.reason,
    }


def entry_name(entry: Mapping[str, Any]) -> str:
    """Name the data category of an entry of `entry_dict`, with its part: 'identity-contact (contact)'."""
    return f"{entry['data']} ({entry['part']})" if entry.get("part") else str(entry["data"])


def entries_text(entries: tuple[Entry, ...]) -> str:
    """Write the entries of a record, in the policy's order."""
    return _text([entry_dict(entry) for entry in entries])


def read_entries(text: str) -> list[dict[str, Any]]:
    """Read back what `entries_text` wrote."""
    entries: list[dict[str, Any]] = json.loads(text)
    return entries


def _read_choices(raw: dict[str, Any]) -> tuple[Choice, ...]:
    pairs = raw.get("choices", ())
    return tuple(Choice(_instant(at), bool(is_given)) for at, is_given in pairs)


def _choice_pairs(choices: Iterable[Choice]) -> list[list[object]]:
    return [[_time(choice.at), int(choice.given)] for choice in choices]


def _reported(facts: ReportedFacts) -> dict[str, Any]:
    shared = {
        "erased_at": _time(facts.erased_at),
        "name": facts.name or None,
        "subjects": [[subject.kind, subject.value] for subject in sorted(facts.subjects)],
    }
    if isinstance(facts, SupportRequestFacts):
        return {"made_at": _time(facts.made_at), "closed_at": _time(facts.closed_at)} | shared
    return {"choices": _choice_pairs(facts.choices)} | shared


def _order(facts: OrderFacts) -> dict[str, Any]:
    return {
        "status": facts.status,
        "created_at": _time(facts.created_at),
        "paid_at": _time(facts.paid_at),
        "completed_at": _time(facts.completed_at),
        "customer_id": facts.customer_id,
        "trashed": facts.trashed,
        "refunds": [
            [refund.id, "" if refund.is_dateless else _time(refund.at)] for refund in facts.refunds
        ],
        "erased_at": _time(facts.erased_at),
        "payment": facts.payment or None,
        "carriers": sorted(facts.carriers),
        "was_paid": facts.was_paid,
        "carried": [[name, _time(version)] for name, version in facts.carried],
        "former_customer_id": facts.former_customer_id,
        **_shared(facts),
    }


def _customer(facts: CustomerFacts) -> dict[str, Any]:
    return {
        "created_at": _time(facts.created_at),
        "staff": facts.staff,
        "last_active_at": _time(facts.last_active_at),
        "last_order_at": _time(facts.last_order_at),
        **_shared(facts),
    }


def _shared(facts: OrderFacts | CustomerFacts) -> dict[str, Any]:
    return {
        "kinds": sorted(facts.kinds),
        "choices": _choice_pairs(facts.choices),
        "meta_at": _time(facts.meta_at),
        "oddities": sorted(facts.oddities),
        "first_seen_at": _time(facts.first_seen_at),
    }


_text = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False, sort_keys=True).encode


def _time(instant: datetime | None) -> str | None:
    return instant.astimezone(UTC).isoformat() if instant else None


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _instant_or_none(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
