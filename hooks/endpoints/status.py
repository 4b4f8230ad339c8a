"""`/status`: how it goes."""

from __future__ import annotations

from flask import Blueprint, Response, jsonify

from hooks.errors import LedgerUnavailableError
from hooks.service import service
from hooks.status import status_of, status_without_ledger

blueprint = Blueprint("status", __name__)


@blueprint.get("/status")
def status() -> tuple[Response, int]:
    """How it goes, as JSON; 503 and `down` where the ledger cannot be read."""
    here = service()
    now = here.ingest.clock()
    try:
        with here.database.read() as connection:
            found = status_of(connection, here.settings, here.policy, started_at=here.started_at, now=now)
    except LedgerUnavailableError as error:
        found = status_without_ledger(here.policy, error, started_at=here.started_at, now=now)
        return jsonify(found), 503
    return jsonify(found), 200
