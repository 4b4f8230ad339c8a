"""`/healthz` and `/readyz`, for whatever restarts and routes to the process."""

from __future__ import annotations

from flask import Blueprint, Response, jsonify

from hooks.ledger import readiness
from hooks.service import current_service

blueprint = Blueprint("health", __name__)


@blueprint.get("/healthz")
def healthz() -> Response:
    """200 while the process lives; touches nothing."""
    return jsonify(status="ok")


@blueprint.get("/readyz")
def readyz() -> tuple[Response, int]:
    """200 while deliveries can be taken, which a write has shown; else 503 with what is not ready. Also says which
    database is in use."""
    here = current_service()
    found = here.readiness.fault()
    checks = readiness.checks(found[0] if found else None)
    status = "not ready" if found else "ok"
    return jsonify(
        status=status, checks=checks, ledger=here.database.description
    ), 503 if found else 200
