"""What a schedule looks like on the record in the store: five keys of `meta_data`, and nothing else.

Values are ids and dates only, so that no backslash or quote inside them meets WordPress' unslashing.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from hashlib import sha256

from hooks.retention.classify import Entry, Schedule

KEYS = (
    "retention_class",
    "retention_legal_basis",
    "retention_delete_after",
    "retention_policy",
    "retention_schedule",
)

StoreMeta = Mapping[str, str | None]
"""A value for each of KEYS; None asks the store to delete the key."""

NOTHING: StoreMeta = dict.fromkeys(KEYS)


def store_meta(plan: Schedule, policy_id: str) -> StoreMeta:
    """What the store should hold for this schedule. A record without entries should hold nothing of ours."""
    if not plan.entries:
        return NOTHING
    tag = plan.governing if plan.phase != "erased" else None
    return {
        "retention_class": tag.retention_class if tag else "",
        "retention_legal_basis": tag.basis if tag else "",
        "retention_delete_after": str(tag.delete_after or "") if tag else "",
        "retention_policy": policy_id,
        "retention_schedule": json.dumps([_entry(entry) for entry in plan.entries], separators=(",", ":")),
    }


def _entry(entry: Entry) -> dict[str, str | None]:
    return {
        "data": entry.data,
        "basis": entry.basis,
        "class": entry.retention_class,
        "from": str(entry.runs_from),
        "review_after": str(entry.review_after) if entry.review_after else None,
        "delete_after": str(entry.delete_after) if entry.delete_after else None,
        "until": entry.until,
        "action": entry.action,
    }


def digest(meta: StoreMeta) -> str:
    """A short name for what is held under our keys; a missing key and a deleted one are the same.

    What stands in the store may have been typed by a person: the ledger keeps this, never the text.
    """
    held = sorted((key, value) for key, value in meta.items() if key in KEYS and value is not None)
    return sha256(json.dumps(held).encode()).hexdigest()[:32]
