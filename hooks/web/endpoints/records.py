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
    """Return a record as the ledger has it. 404 where it has none, or one that it ignores (an account of staff)."""
    service = current_service()
    if kind not in KINDS or slug not in service.settings.stores:
        abort(404)
    with service.database.read() as connection:
        view = record_view(connection, slug, kind, external_id)
    if view is None:
        abort(404, "The ledger has no such record.")
    return jsonify(record_json(view))


def record_json(view: dict[str, Any]) -> dict[str, Any]:
    """Return a record as JSON, with the policy's description of each recipient of its data."""
    recipients = describe_recipients(view["recipients"], current_service().policy)
    return view | {"recipients": recipients}
