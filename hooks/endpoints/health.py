"""`/healthz` and `/readyz`, for whatever restarts and routes to the process."""

from __future__ import annotations

from flask import Blueprint, Response, jsonify

from hooks.errors import LedgerNotReadyError, LedgerUnavailableError
from hooks.ledger import upgrade
from hooks.service import service

blueprint = Blueprint("health", __name__)


@blueprint.get("/healthz")
def healthz() -> Response:
    """200 while the process lives; touches nothing."""
    return jsonify(status="ok")


@blueprint.get("/readyz")
def readyz() -> tuple[Response, int]:
    """200 once deliveries can be taken, else 503 with what is not ready. Also says which database is in use."""
    database = service().database
    checks = {"database": "ok", "policy": "ok", "migrations": "ok"}  # without a policy there is no process
    try:
        with database.read() as connection:
            upgrade.check(connection)
    except LedgerNotReadyError as error:
        checks["migrations"] = str(error)
    except LedgerUnavailableError as error:
        checks["database"] = str(error)
        checks["migrations"] = "unknown"
    ready = all(found == "ok" for found in checks.values())
    status = "ok" if ready else "not ready"
    return jsonify(status=status, checks=checks, ledger=database.description), 200 if ready else 503
