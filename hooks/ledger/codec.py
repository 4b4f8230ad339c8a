"""Facts and entries as the ledger's JSON text: canonical, so that equal values are equal texts."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from functools import lru_cache
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
    """Write facts; what is empty is left out."""
    match facts:
        case OrderFacts():
            raw = _order(facts)
        case CustomerFacts():
            raw = _customer(facts)
        case _:
            raw = _reported(facts)
    return _text({key: value for key, value in raw.items() if value not in (None, False, 0, [])})


def read_facts(kind: RecordKind, text: str, email_hash: str | None = None) -> Facts:
    """Read back what `facts_text` wrote; the keyed hash of an order's address is kept apart from it."""
    raw = json.loads(text)
    if kind not in STORED_KINDS:
        return _read_reported(kind, raw)
    shared: dict[str, Any] = {
        "kinds": frozenset(raw.get("kinds", ())),
        "choices": _read_choices(raw),
        "meta_at": _maybe(raw.get("meta_at")),
        "oddities": frozenset(raw.get("oddities", ())),
    }
    if kind == "customer":
        return CustomerFacts(
            created_at=_maybe(raw.get("created_at")),
            staff=raw.get("staff", False),
            last_active_at=_maybe(raw.get("last_active_at")),
            last_order_at=_maybe(raw.get("last_order_at")),
            first_seen_at=_maybe(raw.get("first_seen_at")),
            **shared,
        )
    return OrderFacts(
        status=raw["status"],
        created_at=_maybe(raw.get("created_at")),
        paid_at=_maybe(raw.get("paid_at")),
        completed_at=_maybe(raw.get("completed_at")),
        customer_id=raw.get("customer_id", 0),
        trashed=raw.get("trashed", False),
        refunds=tuple(
            Refund(number, _maybe(at), at == "") for number, at in raw.get("refunds", ())
        ),
        erased_at=_maybe(raw.get("erased_at")),
        payment=raw.get("payment", ""),
        carriers=frozenset(raw.get("carriers", ())),
        was_paid=raw.get("was_paid", False),
        carried=tuple((name, _instant(version)) for name, version in raw.get("carried", ())),
        former_customer_id=raw.get("former_customer_id", 0),
        first_seen_at=_maybe(raw.get("first_seen_at")),
        email_hash=email_hash or "",
        **shared,
    )


def _read_reported(kind: RecordKind, raw: dict[str, Any]) -> ReportedFacts:
    shared: dict[str, Any] = {
        "erased_at": _maybe(raw.get("erased_at")),
        "name": raw.get("name", ""),
        "subjects": frozenset(Subject(*named) for named in raw.get("subjects", ())),
    }
    if kind == "support-request":
        return SupportRequestFacts(
            _maybe(raw.get("made_at")), _maybe(raw.get("closed_at")), **shared
        )
    return ConsentFacts(kind, _read_choices(raw), **shared)


def events_text(events: Iterable[RecordEvent]) -> str:
    """Write events, in order of time."""
    ordered = sorted(events, key=lambda event: (event.at, event.id))
    return _text([event_dict(event) for event in ordered])


def event_dict(event: RecordEvent) -> dict[str, Any]:
    """An event as the API and the ledger show it; what is empty is left out."""
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
    return tuple(_read_event(raw) for raw in json.loads(text)) if text != "[]" else ()


def _read_event(raw: dict[str, Any]) -> RecordEvent:
    review = raw.get("review_on")
    known = {name: raw[name] for name in ("reason", "owner", "about", "scope") if name in raw}
    return RecordEvent(
        raw["id"],
        raw["type"],
        _instant(raw["at"]),
        review_on=date.fromisoformat(review) if review else None,
        **known,
    )


def entry_dict(entry: Entry) -> dict[str, Any]:
    """An entry as the API and the ledger show it; `part` and `requested_on` only where there is any."""
    more = {"part": entry.part, "requested_on": entry.requested_on and str(entry.requested_on)}
    return {name: value for name, value in more.items() if value} | {
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
    """The data category of an entry as `entry_dict` shows it, with the part of it: 'identity-contact (contact)'."""
    return f"{entry['data']} ({entry['part']})" if entry.get("part") else str(entry["data"])


def entries_text(entries: tuple[Entry, ...]) -> str:
    """All entries of a record, in the policy's order."""
    return f"[{','.join(map(_entry_text, entries))}]"


@lru_cache(maxsize=4096)
def _entry_text(entry: Entry) -> str:
    return _text(entry_dict(entry))


_FIRST = '{"action"'
"""What each entry's text begins with, and nothing else: inside a value the quotes would be escaped."""


def read_entries(text: str) -> list[Mapping[str, Any]]:
    """Read back what `entries_text` wrote. The same entries are read once, and shared: not to be changed."""
    return [
        _read_entry(_FIRST + entry)
        for entry in text[1:-1].replace(f",{_FIRST}", _FIRST).split(_FIRST)[1:]
    ]


@lru_cache(maxsize=4096)
def _read_entry(text: str) -> Mapping[str, Any]:
    entry: Mapping[str, Any] = json.loads(text)
    return entry


def _read_choices(raw: dict[str, Any]) -> tuple[Choice, ...]:
    return tuple(Choice(_instant(at), bool(given)) for at, given in raw.get("choices", ()))


def _written_choices(choices: Iterable[Choice]) -> list[list[object]]:
    return [[_time(choice.at), int(choice.given)] for choice in choices]


def _reported(facts: ReportedFacts) -> dict[str, Any]:
    shared = {
        "erased_at": _time(facts.erased_at),
        "name": facts.name or None,
        "subjects": [[subject.kind, subject.value] for subject in sorted(facts.subjects)],
    }
    if isinstance(facts, SupportRequestFacts):
        return {"made_at": _time(facts.made_at), "closed_at": _time(facts.closed_at)} | shared
    return {"choices": _written_choices(facts.choices)} | shared


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
        "choices": _written_choices(facts.choices),
        "meta_at": _time(facts.meta_at),
        "oddities": sorted(facts.oddities),
        "first_seen_at": _time(facts.first_seen_at),
    }


_text = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False, sort_keys=True).encode


def _time(instant: datetime | None) -> str | None:
    return instant.astimezone(UTC).isoformat() if instant else None


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _maybe(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
