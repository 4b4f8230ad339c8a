"""Tags as columns of a record's row."""

from __future__ import annotations

import json

from hooks.ledger.codec import entries_text, facts_text
from hooks.ledger.rows import RecordChange
from hooks.retention.facts import CustomerFacts, Facts, OrderFacts
from hooks.retention.tags import Context, Tags

_json = json.JSONEncoder(ensure_ascii=False).encode


def tag_columns(tags: Tags) -> RecordChange:
    """Return the columns that hold these tags."""
    schedule = tags.schedule
    columns: RecordChange = {
        "state": schedule.phase,
        "held": tags.is_held,
        "oddities": ",".join(tags.oddities),
        "unknown_status": tags.has_unknown_status,
        "legal_basis": None,
        "retention_class": None,
        "runs_from": None,
        "review_after": None,
        "delete_after": None,
        "part_delete_after": tags.part_delete_after,
        "request_due": tags.request_due,
        "hold_review": tags.hold_review,
        "entries": entries_text(schedule.entries),
        "policy_id": tags.policy_id,
        "tagged_by": tags.tagged_by,
        "closed_on": tags.closed_on,
        "wanted": _json(dict(tags.desired_meta)),
        "wanted_digest": tags.desired_digest,
    }
    governing = tags.governing
    if governing:
        columns["legal_basis"] = governing.basis
        columns["retention_class"] = governing.retention_class
        columns["runs_from"] = governing.runs_from
        columns["review_after"] = governing.review_after
        columns["delete_after"] = governing.delete_after
    return columns


def record_columns(facts: Facts, tags: Tags, context: Context) -> RecordChange:
    """Return all columns that follow from a record's facts, its context and its tags."""
    change = tag_columns(tags)
    change["facts"] = facts_text(facts)
    change["customer_id"] = context.customer_id
    change["recipients"] = ",".join(tags.recipients)
    change |= _role(facts, tags)
    change |= _address(facts, tags, context)
    return change


def _role(facts: Facts, tags: Tags) -> RecordChange:
    """Return the role of an account that is ignored. Facts that come from the ledger have no role: no column then."""
    if tags.schedule.phase != "ignored":
        return {"role": None}
    if isinstance(facts, CustomerFacts) and facts.role:
        return {"role": facts.role}
    return {}


def _address(facts: Facts, tags: Tags, context: Context) -> RecordChange:
    """Return the address hash of a record. No column for an account, whose addresses have a table of their own.

    An order's hash is dropped once nothing is left of the order, and no request or hold is in effect.
    """
    match facts:
        case CustomerFacts():
            return {}
        case OrderFacts():
            is_over = tags.schedule.phase == "erased" and not tags.schedule.entries
            if is_over and not tags.is_decided:
                return {"email_hash": None}
            return {"email_hash": facts.email_hash or None}
        case _:
            return {"email_hash": context.email_hash}
