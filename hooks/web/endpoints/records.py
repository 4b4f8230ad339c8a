"""`/records/<slug>/<kind>/<id>`: one record, with the reason for each date."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, abort, jsonify

from hooks.ledger.record_view import record_view
from hooks.retention.facts import KINDS
from hooks.retention.recipients import describe_recipients
from hooks.service import current_service

blueprint = Blueprint("records", __name__)


@blueprint.get("/records/<slug>/<kind>/<int:external_id>")
def record(slug: str, kind: str, external_id: int) -> Response:
    """The record as the ledger has it; 404 where it has none, or one that is none of its business (staff)."""
    if kind not in KINDS or slug not in current_service().settings.stores:
        abort(404)
    with current_service().database.read() as connection:
        found = record_view(connection, slug, kind, external_id)
    if found is None:
        abort(404, "The ledger has no such record.")
    return jsonify(shown(found))


def shown(found: dict[str, Any]) -> dict[str, Any]:
    """The same, with what the policy says of those who got its data."""
    return found | {
        "recipients": describe_recipients(found["recipients"], current_service().policy)
    }
