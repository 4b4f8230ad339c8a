"""`/status`: how it goes."""

from __future__ import annotations

from flask import Blueprint, Response, jsonify

from hooks.errors import LedgerUnavailableError
from hooks.service import current_service
from hooks.web.status.operation import disk_problems, not_writable
from hooks.web.status.report import status_of, status_without_ledger

blueprint = Blueprint("status", __name__)


@blueprint.get("/status")
def status() -> tuple[Response, int]:
    """Say how it goes, as JSON; 503 and `down` where no delivery can be taken."""
    here = current_service()
    now = here.runtime.clock()
    fault = here.readiness.fault()
    problems = [*([not_writable(*fault)] if fault else ()), *disk_problems(here.database, now)]
    try:
        with here.database.read() as connection:
            found = status_of(
                connection,
                here.settings,
                here.policy,
                started_at=here.started_at,
                now=now,
                process_problems=problems,
            )
    except LedgerUnavailableError as error:
        found = status_without_ledger(here.policy, error, started_at=here.started_at, now=now)
    return jsonify(found), 503 if found["status"] == "down" else 200
