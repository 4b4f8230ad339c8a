"""`/status`: the state of the service."""

from __future__ import annotations

from flask import Blueprint, Response, jsonify

from hooks.errors import LedgerUnavailableError
from hooks.service import current_service
from hooks.web.status.operation import disk_problems, not_writable
from hooks.web.status.report import status_of, status_without_ledger

blueprint = Blueprint("status", __name__)


@blueprint.get("/status")
def status() -> tuple[Response, int]:
    """Report the state of the service as JSON. 503 and `down` where no delivery can be accepted."""
    service = current_service()
    now = service.runtime.clock()
    started_at = service.started_at
    problems = list(disk_problems(service.database, now))
    fault = service.readiness.fault()
    if fault:
        problems.insert(0, not_writable(*fault))
    try:
        with service.database.read() as connection:
            report = status_of(
                connection,
                service.settings,
                service.policy,
                started_at=started_at,
                now=now,
                process_problems=problems,
            )
    except LedgerUnavailableError as error:
        report = status_without_ledger(service.policy, error, started_at=started_at, now=now)
    if report["status"] == "down":
        return jsonify(report), 503
    return jsonify(report), 200
