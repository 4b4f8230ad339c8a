"""`POST /events/<slug>`: tool events, from a help desk, consent tool or newsletter tool, signed or with a token."""

from __future__ import annotations

from collections.abc import Collection

import structlog
from flask import Blueprint, Response, jsonify, request

from hooks import telemetry
from hooks.errors import EventForbiddenError, TokenRefusedError, TooManyGuessesError
from hooks.intake.ingest import Ingest, Result
from hooks.intake.tool_event import events_from_http, events_of_tool
from hooks.intake.webhook import Delivery
from hooks.service import Service, current_service
from hooks.settings.event_tokens import EventToken, sender
from hooks.web import access, requests
from hooks.web.access import WINDOW, Guesses

RESULTS = (Result.RECORDED, Result.UNCHANGED, Result.DUPLICATE, Result.IGNORED)
"""The possible results of an event. Of several events in one request, the answer has the first of these."""

REALM = 'realm="Retention Hooks"'
CHALLENGE = {"WWW-Authenticate": f'Bearer {REALM}, Basic {REALM}, charset="UTF-8"'}
WRONG = "This token is not in EVENT_TOKENS, or not for the tool that Basic names."
TOO_MANY = "Too many wrong tokens came. Try again later; the right one is accepted at once."

blueprint = Blueprint("events", __name__)
requests.answer_refusals(blueprint)
log = structlog.get_logger(__name__)
_guesses = Guesses(log_event="events.wrong_token")


@blueprint.post("/events/<slug>", provide_automatic_options=False)
def report(slug: str) -> Response:
    """Receive the events of a tool about the store `slug`. Answers 200 only after the ledger has all of them durably.

    After another answer the ledger may have some of them. The same request again then adds the others.
    """
    keys = requests.signing_keys(slug)
    token = _token(slug)
    with requests.whole_body() as body:
        service = current_service()
        with requests.refusals_counted(slug), telemetry.INTAKE_SECONDS.time():
            events = _parse(service, body, keys, token)
            results = {Ingest(service.runtime).ingest_one(slug, event) for event in events}
        return _answer(slug, results)


def _token(slug: str) -> EventToken | None:
    """Return the token that proves the request, or None where a signature has to.

    A request with neither is refused before its body is read: raises SignatureRefusedError or TokenRefusedError.
    """
    if "X-WC-Webhook-Signature" in request.headers or "Authorization" not in request.headers:
        requests.refuse_unsigned(slug, 0)
        return None
    requests.refuse_too_large()
    name, request_token = access.credentials()
    token = sender(current_service().settings.event_tokens, name, request_token)
    if token is not None:
        return token
    with requests.refusals_counted(slug):
        if request_token and not _guesses.count():
            raise TooManyGuessesError(TOO_MANY)
        raise TokenRefusedError(WRONG)


def _parse(
    service: Service,
    body: bytes,
    keys: frozenset[bytes],
    token: EventToken | None,
) -> tuple[Delivery, ...]:
    key = service.settings.subject_key
    now = service.runtime.clock()
    if token is None:
        return events_from_http(requests.headers(), body, keys=keys, subject_key=key, now=now)
    return events_of_tool(token, body, subject_key=key, now=now)


def _answer(slug: str, results: Collection[Result]) -> Response:
    result = next(result for result in RESULTS if result in results)
    telemetry.EVENTS.labels(slug, str(result)).inc()
    log.info("event", store=slug, result=str(result))
    return jsonify(result=str(result))


@blueprint.errorhandler(TokenRefusedError)
def _refused(error: TokenRefusedError) -> tuple[Response, int, dict[str, str]]:
    if isinstance(error, TooManyGuessesError):
        headers = {"Retry-After": f"{WINDOW:.0f}"}
        return jsonify(error={"code": "too-many-requests", "message": str(error)}), 429, headers
    return jsonify(error={"code": "token-refused", "message": str(error)}), 401, CHALLENGE


@blueprint.errorhandler(EventForbiddenError)
def _forbidden(error: EventForbiddenError) -> tuple[Response, int]:
    return jsonify(error={"code": "event-forbidden", "message": str(error)}), 403
