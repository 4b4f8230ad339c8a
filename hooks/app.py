"""The Flask app, wired together from all parts of the service."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import uuid4

import structlog
from click import Command, Context
from flask import Flask, Response, g, jsonify
from flask.cli import AppGroup
from werkzeug.exceptions import HTTPException, MethodNotAllowed

from hooks import telemetry
from hooks.errors import LedgerUnavailableError
from hooks.intake.ingest import Result
from hooks.ledger.database import Database
from hooks.ledger.readiness import Readiness
from hooks.runtime import Runtime
from hooks.service import EXTENSION, Service
from hooks.settings import Settings
from hooks.web import access, commit, requests
from hooks.web.body_budget import BodyBudget
from hooks.web.endpoints import (
    events,
    health,
    metrics,
    openapi,
    record_events,
    records,
    register,
    rights,
    schedule,
    status,
    webhooks,
)
from hooks.web.refusals import UNREADABLE, refuse
from schemas.policy import load_policy

ENDPOINTS = (
    webhooks,
    events,
    health,
    status,
    metrics,
    records,
    record_events,
    rights,
    register,
    schedule,
    openapi,
)

MESSAGES = {
    404: "There is nothing at this address.",
    405: "This address does not allow that method.",
    413: "The body is larger than MAX_BODY_BYTES allows.",
    415: "The body must be JSON, with `Content-Type: application/json`.",
    500: "The service failed; the error was logged under this request's id.",
}
"""The messages of HTTP errors, by status, where the endpoint gives no message of its own."""

TRACEBACK_SECONDS = 60.0
"""At most one traceback in this time shows where the ledger could not be used."""


@dataclass
class LedgerLog:
    """Logs each request for which the ledger could not be used, and a traceback only once in TRACEBACK_SECONDS.

    On a full disk every request fails. A traceback for each of them would fill the log.
    """

    clock: Callable[[], float] = time.monotonic
    _traced_at: float = float("-inf")

    def write(self, error: LedgerUnavailableError) -> None:
        """Log the error, from its handler. An error report has its exception from the line with the traceback."""
        now, log = self.clock(), structlog.get_logger(__name__)
        if now - self._traced_at >= TRACEBACK_SECONDS:
            self._traced_at = now
            log.exception("ledger.unavailable", reason=str(error))  # noqa: LOG004 - see above
        else:
            log.error("ledger.unavailable", reason=str(error))


class Commands(AppGroup):
    """The `flask` commands. They are imported only when one is used, since a web process needs none of them."""

    def list_commands(self, ctx: Context) -> list[str]:
        self._load()
        return super().list_commands(ctx)

    def get_command(self, ctx: Context, cmd_name: str) -> Command | None:
        self._load()
        return super().get_command(ctx, cmd_name)

    def _load(self) -> None:
        from hooks.commands import commands  # noqa: PLC0415 - see above

        self.commands.update({str(command.name): command for command in commands()})


def create_app(settings: Settings) -> Flask:
    """Make the WSGI application with the `flask` commands. Touches neither the ledger nor the network.

    Raises ConfigurationError where the service cannot start, and PolicyError where the policy file is to blame.
    """
    telemetry.configure_logging(settings)
    telemetry.configure_sentry(settings)
    telemetry.prepare_metrics(settings.stores, list(Result), events.RESULTS)
    app = _flask_app(settings)
    app.extensions[EXTENSION] = _service(settings)
    app.extensions[commit.EXTENSION] = commit.SingleCommit()
    app.extensions["bodies"] = BodyBudget()
    app.cli = Commands(app.name)
    for endpoint in ENDPOINTS:
        app.register_blueprint(endpoint.blueprint)
    _add_request_id(app)
    app.after_request(_add_headers)
    app.before_request(access.check)
    _add_error_handlers(app)
    return app


def _flask_app(settings: Settings) -> Flask:
    app = Flask(__name__, static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = settings.max_body_bytes
    app.json.sort_keys = False  # type: ignore[attr-defined]  # of the default provider, which this is
    # A redirect to a tidier address would lose a delivery, since the store follows none.
    app.url_map.merge_slashes = False
    app.url_map.strict_slashes = False
    return app


def _service(settings: Settings) -> Service:
    policy = load_policy(settings.policy_file)
    database = Database(settings.database_url)
    runtime = Runtime(database, policy, settings.push_settle, subject_key=settings.subject_key)
    return Service(
        settings=settings,
        policy=policy,
        configured_policy=policy,
        database=database,
        runtime=runtime,
        readiness=Readiness(database, runtime.clock),
        started_at=datetime.now(UTC),
    )


def _add_request_id(app: Flask) -> None:
    def begin() -> None:
        g.request_id = uuid4().hex
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=g.request_id)

    def end(response: Response) -> Response:
        response.headers["X-Request-ID"] = g.request_id
        return response

    app.before_request(begin)
    app.after_request(end)


def _add_headers(response: Response) -> Response:
    """Forbid caching and the guessing of types. Read the remaining body of a request that was refused early."""
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Content-Type-Options"] = "nosniff"
    if response.status_code < 400:
        return response
    return requests.drain_after(response)


def _add_error_handlers(app: Flask) -> None:
    """Answer every error as JSON, with a message that helps and repeats nothing of the request."""
    ledger_log = LedgerLog()

    def answer_ledger_error(error: LedgerUnavailableError) -> tuple[Response, int, dict[str, str]]:
        ledger_log.write(error)
        message = "The ledger cannot be used just now; nothing of this request was kept."
        answer = jsonify(error={"code": "ledger-unavailable", "message": message})
        return answer, 503, {"Retry-After": "30"}

    for kind in UNREADABLE:
        app.register_error_handler(kind, _answer_unreadable)
    app.register_error_handler(HTTPException, _answer_http_error)
    app.register_error_handler(LedgerUnavailableError, answer_ledger_error)


def _answer_http_error(error: HTTPException) -> tuple[Response, int]:
    status_code = error.code or 500
    has_own_message = error.description != type(error).description
    own_message = error.description if has_own_message else None
    message = own_message or MESSAGES.get(status_code) or error.name
    code = error.name.lower().replace(" ", "-")
    answer = jsonify(error={"code": code, "message": message})
    if isinstance(error, MethodNotAllowed) and error.valid_methods:
        answer.headers["Allow"] = ", ".join(error.valid_methods)
    return answer, status_code


def _answer_unreadable(error: Exception) -> tuple[Response, int, dict[str, str]]:
    refusal = refuse(error)
    return jsonify(refusal.body), refusal.status, refusal.headers
