"""One record with all its details, as `/records` and `record show` show it."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import Connection, Row, select

from hooks.ledger.codec import entry_name
from hooks.ledger.rows import UNLISTED
from hooks.ledger.tables import history, records
from hooks.retention.facts import MAX_ID
from hooks.retention.iso import iso_or_none
from hooks.retention.recipients import UNNAMED


def record_view(
    connection: Connection, store: str, kind: str, external_id: int
) -> dict[str, Any] | None:
    """Return one record: its facts, tag, entries with their reasons, its copy in the store, and its history.

    None where nothing is known of the record, or it is an account of somebody who is no customer.
    """
    row = _find(connection, store, kind, external_id)
    if row is None:
        return None
    entries = json.loads(row.entries)
    left_behind = []
    if row.state == "erased":
        left_behind = [entry_name(entry) for entry in entries]
    return {
        "store": row.store,
        "kind": row.kind,
        "id": row.external_id,
        "state": row.state,
        "version": iso_or_none(row.version),
        "closed_on": iso_or_none(row.closed_on),
        "policy": row.policy_id,
        "tag": _tag(row),
        "facts": _loaded_or_none(row.facts),
        "entries": entries,
        "recipients": split_recipients(row.recipients),
        "to_be_told": _to_be_told(row, entries),
        "subject": row.subject,
        "customer_id": row.customer_id,
        "events": json.loads(row.events),
        "left_behind": left_behind,
        "store_copy": _store_copy(row),
        "history": _history(connection, row.id),
    }


def _find(connection: Connection, store: str, kind: str, external_id: int) -> Row[Any] | None:
    if external_id > MAX_ID:
        return None
    query = select(records).where(
        records.c.store == store,
        records.c.kind == kind,
        records.c.external_id == external_id,
        records.c.state.not_in(("unknown", "ignored")),
    )
    return connection.execute(query).first()


def split_recipients(text: str) -> list[str]:
    """Split the ids of recipients, which a column holds separated by commas."""
    if not text:
        return []
    return text.split(",")


def _to_be_told(row: Row[Any], entries: list[dict[str, Any]]) -> list[str]:
    """Return the recipients who must be told that the data were erased, or are to be erased (GDPR Art. 19)."""
    is_requested = any(entry.get("requested_on") for entry in entries)
    if not is_requested and row.state not in ("erased", "gone"):
        return []
    return [name for name in split_recipients(row.recipients) if not name.startswith(UNNAMED)]


def _tag(row: Row[Any]) -> dict[str, Any] | None:
    if row.retention_class is None:
        return None
    return {
        "legal_basis": row.legal_basis,
        "class": row.retention_class,
        "from": iso_or_none(row.runs_from),
        "review_after": iso_or_none(row.review_after),
        "delete_after": iso_or_none(row.delete_after),
        "held": row.held,
    }


def _store_copy(row: Row[Any]) -> dict[str, Any]:
    """Compare what the store is known to hold with what it should hold."""
    refetch_reason = row.reread_reason
    if refetch_reason == UNLISTED:
        refetch_reason = None
    return {
        "in_step": row.wanted_digest == row.known_digest,
        "wanted": _loaded_or_none(row.wanted),
        "next_write_at": iso_or_none(row.push_at),
        "attempts": row.push_attempts,
        "error": row.push_error,
        "to_be_asked": refetch_reason,
    }


def _loaded_or_none(text: str | None) -> Any:
    """Load JSON; return None where there is no text."""
    if not text:
        return None
    return json.loads(text)


def _history(connection: Connection, record_id: int) -> list[dict[str, Any]]:
    rows = connection.execute(
        select(history).where(history.c.record_id == record_id).order_by(history.c.id)
    )
    return [
        {
            "at": iso_or_none(row.at),
            "cause": row.cause,
            "state": row.state,
            "legal_basis": row.legal_basis,
            "class": row.retention_class,
            "delete_after": iso_or_none(row.delete_after),
            "policy": row.policy_id,
            "reason": row.reason,
        }
        for row in rows
    ]
