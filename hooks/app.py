"""Wires the service together: the one place that knows all its parts."""

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
    405: "This address does not take that method.",
    413: "The body is larger than MAX_BODY_BYTES allows.",
    415: "The body must be JSON, and said to be so by `Content-Type: application/json`.",
    500: "The service failed; the error was logged under this request's id.",
}


TRACEBACK_SECONDS = 60.0
"""At most one traceback in so long tells where the ledger was away."""


@dataclass
class LedgerLog:
    """Logs each request that found the ledger away, and once in a while where in the code that was: on a full disk, a
    traceback for each of them would fill the log."""

    clock: Callable[[], float] = time.monotonic
    _traced_at: float = float("-inf")

    def say(self, error: LedgerUnavailableError) -> None:
        """Log it, from the handler of the error. Error reports go by what is logged with a traceback."""
        now, log = self.clock(), structlog.get_logger(__name__)
        if now - self._traced_at >= TRACEBACK_SECONDS:
            self._traced_at = now
            log.exception("ledger.unavailable", reason=str(error))  # noqa: LOG004 - see above
        else:
            log.error("ledger.unavailable", reason=str(error))


class Commands(AppGroup):
    """The `flask` commands. They are loaded when one is asked for, with all that they need: to answer, nothing is."""

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
    """The WSGI application, and the `flask` commands. Touches neither the ledger nor the network.

    Raises ConfigurationError (PolicyError for the policy file) where the service cannot start.
    """
    telemetry.configure_logging(settings)
    telemetry.configure_sentry(settings)
    telemetry.prepare_metrics(settings.stores, list(Result), events.RESULTS)
    policy = load_policy(settings.policy_file)
    database = Database(settings.database_url)
    app = Flask(__name__, static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = settings.max_body_bytes
    app.json.sort_keys = False  # type: ignore[attr-defined]  # of the default provider, which this is
    app.url_map.merge_slashes = (
        False  # to tidy an address up would be to redirect, and so to lose, a delivery
    )
    app.url_map.strict_slashes = False
    runtime = Runtime(database, policy, settings.push_settle, subject_key=settings.subject_key)
    app.extensions[EXTENSION] = Service(
        settings=settings,
        policy=policy,
        configured_policy=policy,
        database=database,
        runtime=runtime,
        readiness=Readiness(database, runtime.clock),
        started_at=datetime.now(UTC),
    )
    app.extensions[commit.EXTENSION] = commit.SingleCommit()
    for endpoint in ENDPOINTS:
        app.register_blueprint(endpoint.blueprint)
    app.cli = Commands(app.name)
    app.extensions["bodies"] = BodyBudget()
    _add_request_id(app)
    app.after_request(_finish)
    app.before_request(access.check)
    _add_error_answers(app)
    return app


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


def _finish(response: Response) -> Response:
    """Answers are of the moment and of their type; a refusal may come before the body was read."""
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Content-Type-Options"] = "nosniff"
    return requests.drain_after(response) if response.status_code >= 400 else response


def _add_error_answers(app: Flask) -> None:
    """Every error is JSON, in words that help, and repeats nothing of what came in."""

    def of_http(error: HTTPException) -> tuple[Response, int]:
        status_code = error.code or 500
        own_words = error.description if error.description != type(error).description else None
        message = own_words or MESSAGES.get(status_code) or error.name
        code = error.name.lower().replace(" ", "-")
        answer = jsonify(error={"code": code, "message": message})
        if isinstance(error, MethodNotAllowed) and error.valid_methods:
            answer.headers["Allow"] = ", ".join(error.valid_methods)
        return answer, status_code

    ledger_log = LedgerLog()

    def of_ledger(error: LedgerUnavailableError) -> tuple[Response, int, dict[str, str]]:
        ledger_log.say(error)
        message = "The ledger cannot be used just now; nothing of this request was kept."
        return (
            jsonify(error={"code": "ledger-unavailable", "message": message}),
            503,
            {"Retry-After": "30"},
        )

    def of_unreadable(error: Exception) -> tuple[Response, int, dict[str, str]]:
        refusal = refuse(error)
        return jsonify(refusal.body), refusal.status, refusal.headers

    for kind in UNREADABLE:
        app.register_error_handler(kind, of_unreadable)
    app.register_error_handler(HTTPException, of_http)
    app.register_error_handler(LedgerUnavailableError, of_ledger)
