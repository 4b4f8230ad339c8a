"""The form of a schedule on the record in the store: five keys of `meta_data`, and nothing else.

The values hold only ids and dates. WordPress removes backslashes when it saves `meta_data`; ids and dates have none,
and no quotes, which JSON would write with one.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from hashlib import sha256
from typing import Any

from hooks.retention.iso import iso_or_none
from hooks.retention.schedule import Entry, Schedule

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
"""The fields of an entry in the store. `part` is left out of an entry that has none."""

_FIELDS_WITHOUT_PART = tuple(name for name in FIELDS if name != "part")

StoreMeta = Mapping[str, str | None]
"""A value for each of KEYS. None asks the store to delete the key."""

_EntryFields = dict[str, str | None]

_compact = json.JSONEncoder(separators=(",", ":")).encode

EMPTY_META: StoreMeta = dict.fromkeys(KEYS)


MAX_LINKED = 50
"""The largest number of linked entries on one record. If there are more, those that are kept longest are written."""


def store_meta(
    schedule: Schedule, policy_id: str, linked: Iterable[Mapping[str, Any]] = ()
) -> StoreMeta:
    """Return what the store should hold for this schedule.

    `linked` are the entries of the requests and consents that name the record. A record without any entries should hold
    nothing under our keys. An erased record has no governing entry in the store, so the first three values are empty.
    """
    entries = [_entry_fields(entry) for entry in schedule.entries]
    entries += _distinct(linked)
    if not entries:
        return EMPTY_META
    meta: dict[str, str | None] = dict.fromkeys(KEYS, "")
    governing = schedule.governing
    if governing and schedule.phase != "erased":
        meta["retention_class"] = governing.retention_class
        meta["retention_legal_basis"] = governing.basis
        meta["retention_delete_after"] = str(governing.delete_after or "")
    meta["retention_policy"] = policy_id
    meta["retention_schedule"] = _compact(entries)
    return meta


def _distinct(linked: Iterable[Mapping[str, Any]]) -> list[_EntryFields]:
    """Return the different entries, in the order in which they end. Entries without a day come last."""
    by_text: dict[str, _EntryFields] = {}
    for entry in map(_fields, linked):
        by_text[json.dumps(entry)] = entry
    ordered = sorted(by_text.items(), key=_end)
    return [entry for _, entry in ordered[-MAX_LINKED:]]


def _end(item: tuple[str, _EntryFields]) -> tuple[str, str]:
    text, entry = item
    return entry["delete_after"] or "9999", text


def _fields(entry: Mapping[str, Any]) -> _EntryFields:
    names = _FIELDS_WITHOUT_PART
    if entry.get("part"):
        names = FIELDS
    return {name: entry[name] for name in names}


def _entry_fields(entry: Entry) -> _EntryFields:
    fields = {
        "data": entry.data,
        "part": entry.part,
        "basis": entry.basis,
        "class": entry.retention_class,
        "from": str(entry.runs_from),
        "review_after": iso_or_none(entry.review_after),
        "delete_after": iso_or_none(entry.delete_after),
        "until": entry.until,
        "action": entry.action,
    }
    return _fields(fields)


def digest(meta: StoreMeta) -> str:
    """Return a digest of the values under our keys. A missing key and one to be deleted give the same digest.

    A person may have typed the values in the store. So the ledger keeps this digest, never the text.
    """
    pairs = [[key, meta[key]] for key in sorted(meta.keys() & KEYS) if meta[key] is not None]
    return sha256(json.dumps(pairs).encode()).hexdigest()[:32]
