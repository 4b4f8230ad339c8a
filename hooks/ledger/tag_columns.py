"""Tags as columns of a record's row."""

from __future__ import annotations

import json

from hooks.ledger.codec import entries_text
from hooks.ledger.rows import RecordChange
from hooks.retention.store_meta import StoreMeta, digest
from hooks.retention.tags import Tags

_quoted = json.JSONEncoder(ensure_ascii=False).encode


def tag_columns(tags: Tags) -> RecordChange:
    """Return the columns that hold these tags."""
    schedule, governing = tags.schedule, tags.governing
    return {
        "state": schedule.phase,
        "held": tags.is_held,
        "oddities": ",".join(tags.oddities),
        "unknown_status": tags.has_unknown_status,
        "legal_basis": governing.basis if governing else None,
        "retention_class": governing.retention_class if governing else None,
        "runs_from": governing.runs_from if governing else None,
        "review_after": governing.review_after if governing else None,
        "delete_after": governing.delete_after if governing else None,
        "part_delete_after": tags.part_delete_after,
        "request_due": tags.request_due,
        "hold_review": tags.hold_review,
        "entries": entries_text(schedule.entries),
        "policy_id": tags.policy_id,
        "tagged_by": tags.tagged_by,
        "closed_on": tags.closed_on,
        "wanted": _meta_text(tags.desired_meta),
        "wanted_digest": digest(tags.desired_meta),
    }


def _meta_text(meta: StoreMeta) -> str:
    """Write the keys as JSON. Assembled here, since `json.dumps` takes longer for a dict of so few texts."""
    pairs = [f"{_quoted(key)}: {_quoted(value)}" for key, value in meta.items()]
    return f"{{{', '.join(pairs)}}}"
