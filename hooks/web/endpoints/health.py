"""`/healthz` and `/readyz`, for the supervisor that restarts the process and the proxy that routes to it."""

from __future__ import annotations

from flask import Blueprint, Response, jsonify

from hooks.ledger import readiness
from hooks.service import service_as_loaded

blueprint = Blueprint("health", __name__)


@blueprint.get("/healthz")
def healthz() -> Response:
    """Answer 200 while the process lives. Reads and writes nothing."""
    return jsonify(status="ok")


@blueprint.get("/readyz")
def readyz() -> tuple[Response, int]:
    """Answer 200 while deliveries can be accepted, which a write has proved; else 503 with the failed check.

    The answer also names the database in use.
    """
    service = service_as_loaded()
    ledger = service.database.description
    fault = service.readiness.fault()
    if fault is None:
        return jsonify(status="ok", checks=readiness.checks(None), ledger=ledger), 200
    error, _ = fault
    return jsonify(status="not ready", checks=readiness.checks(error), ledger=ledger), 503
