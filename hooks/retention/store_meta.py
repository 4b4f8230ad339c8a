"""What a schedule looks like on the record in the store: five keys of `meta_data`, and nothing else.

Values are ids and dates only, so that no backslash or quote inside them meets WordPress' unslashing.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from functools import lru_cache
from hashlib import sha256
from typing import Any

from hooks.retention.classify import Entry, Schedule

KEYS = (
    "retention_class",
    "retention_legal_basis",
    "retention_delete_after",
    "retention_policy",
    "retention_schedule",
)

FIELDS = (
    "data",
    "part",
    "basis",
    "class",
    "from",
    "review_after",
    "delete_after",
    "until",
    "action",
)
"""What an entry says in the store; `part` only where there is one."""

StoreMeta = Mapping[str, str | None]
"""A value for each of KEYS; None asks the store to delete the key."""

_SHORT = json.JSONEncoder(separators=(",", ":")).encode
_quoted = json.JSONEncoder().encode

EMPTY_META: StoreMeta = dict.fromkeys(KEYS)


MAX_LINKED = 50
"""Of more requests and consents of one customer than this, the store is told of those that are kept longest."""


def store_meta(
    plan: Schedule, policy_id: str, linked: Iterable[Mapping[str, Any]] = ()
) -> StoreMeta:
    """What the store should hold for this schedule, and for the entries of what is `linked` to the record.

    A record without entries should hold nothing of ours.
    """
    entries = [*map(_entry, plan.entries), *map(_SHORT, _distinct(linked))]
    if not entries:
        return EMPTY_META
    tag = plan.governing if plan.phase != "erased" else None
    return {
        "retention_class": tag.retention_class if tag else "",
        "retention_legal_basis": tag.basis if tag else "",
        "retention_delete_after": str(tag.delete_after or "") if tag else "",
        "retention_policy": policy_id,
        "retention_schedule": f"[{','.join(entries)}]",
    }


def _distinct(linked: Iterable[Mapping[str, Any]]) -> list[dict[str, str | None]]:
    """Entries that say the same are said once; in the order in which they end, those without a day last."""
    said = {json.dumps(entry := _said(raw)): entry for raw in linked}
    ordered = sorted(said.items(), key=lambda item: (item[1]["delete_after"] or "9999", item[0]))
    return [entry for _, entry in ordered[-MAX_LINKED:]]


def _said(raw: Mapping[str, Any]) -> dict[str, str | None]:
    return {name: raw[name] for name in FIELDS if name != "part" or raw.get("part")}


@lru_cache(maxsize=4096)
def _entry(entry: Entry) -> str:
    said = {
        "data": entry.data,
        "part": entry.part,
        "basis": entry.basis,
        "class": entry.retention_class,
        "from": str(entry.runs_from),
        "review_after": str(entry.review_after) if entry.review_after else None,
        "delete_after": str(entry.delete_after) if entry.delete_after else None,
        "until": entry.until,
        "action": entry.action,
    }
    return _SHORT(_said(said))


def digest(meta: StoreMeta) -> str:
    """A short name for what is held under our keys; a missing key and a deleted one are the same.

    What stands in the store may have been typed by a person: the ledger keeps this, never the text.
    """
    held = sorted((key, value) for key, value in meta.items() if key in KEYS and value is not None)
    text = ", ".join(f"[{_quoted(key)}, {_quoted(value)}]" for key, value in held)
    return sha256(f"[{text}]".encode()).hexdigest()[:32]
