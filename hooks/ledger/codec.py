"""Facts and entries as the ledger's JSON text: canonical, so that equal values are equal texts."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from hooks.retention.classify import Entry
from hooks.retention.facts import (
    Choice,
    CustomerFacts,
    Facts,
    OrderFacts,
    RecordKind,
    Refund,
    SupportRequestFacts,
)


def facts_text(facts: Facts) -> str:
    """Write facts; what is empty is left out."""
    match facts:
        case OrderFacts():
            raw = _order(facts)
        case CustomerFacts():
            raw = _customer(facts)
        case _:
            raw = {"closed_at": _time(facts.closed_at)}
    return _text({key: value for key, value in raw.items() if value not in (None, False, 0, [])})


def read_facts(kind: RecordKind, text: str) -> Facts:
    """Read back what `facts_text` wrote."""
    raw = json.loads(text)
    if kind == "support-request":
        return SupportRequestFacts(_instant(raw["closed_at"]))
    shared: dict[str, Any] = {
        "kinds": frozenset(raw.get("kinds", ())),
        "choices": tuple(Choice(_instant(at), bool(given)) for at, given in raw.get("choices", ())),
        "meta_at": _maybe(raw.get("meta_at")),
    }
    if kind == "customer":
        return CustomerFacts(
            created_at=_maybe(raw.get("created_at")),
            staff=raw.get("staff", False),
            last_active_at=_maybe(raw.get("last_active_at")),
            last_order_at=_maybe(raw.get("last_order_at")),
            **shared,
        )
    return OrderFacts(
        status=raw["status"],
        created_at=_instant(raw["created_at"]),
        paid_at=_maybe(raw.get("paid_at")),
        completed_at=_maybe(raw.get("completed_at")),
        customer_id=raw.get("customer_id", 0),
        trashed=raw.get("trashed", False),
        refunds=tuple(Refund(number, _maybe(at)) for number, at in raw.get("refunds", ())),
        erased_at=_maybe(raw.get("erased_at")),
        **shared,
    )


def entry_dict(entry: Entry) -> dict[str, Any]:
    """An entry as the API and the ledger show it."""
    return {
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


def entries_text(entries: tuple[Entry, ...]) -> str:
    """All entries of a record, in the policy's order."""
    return _text([entry_dict(entry) for entry in entries])


def _order(facts: OrderFacts) -> dict[str, Any]:
    return {
        "status": facts.status,
        "created_at": _time(facts.created_at),
        "paid_at": _time(facts.paid_at),
        "completed_at": _time(facts.completed_at),
        "customer_id": facts.customer_id,
        "trashed": facts.trashed,
        "refunds": [[refund.id, _time(refund.at)] for refund in facts.refunds],
        "erased_at": _time(facts.erased_at),
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
        "choices": [[_time(choice.at), int(choice.given)] for choice in facts.choices],
        "meta_at": _time(facts.meta_at),
    }


def _text(value: object) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False, sort_keys=True)


def _time(instant: datetime | None) -> str | None:
    return instant.astimezone(UTC).isoformat() if instant else None


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _maybe(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
