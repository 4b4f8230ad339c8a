"""`POST /events/<slug>`: what a help desk, a consent tool or a newsletter tool reports, signed or with a token."""

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
"""What may become of an event; of several that came together, the first of these tells."""

REALM = 'realm="Retention Hooks"'
CHALLENGE = {"WWW-Authenticate": f'Bearer {REALM}, Basic {REALM}, charset="UTF-8"'}
WRONG = "This is no token of EVENT_TOKENS, or not that of the tool that Basic names."
TOO_MANY = "Too many wrong tokens came. Try again later; the right one is accepted at once."

blueprint = Blueprint("events", __name__)
requests.answer_refusals(blueprint)
log = structlog.get_logger(__name__)
_guesses = Guesses(log_event="events.wrong_token")


@blueprint.post("/events/<slug>", provide_automatic_options=False)
def report(slug: str) -> Response:
    """Take what a tool reports about the store `slug`. 200 only once the ledger holds all of it durably; where it does
    not, the same once more takes what was left."""
    keys = requests.signing_keys(slug)
    token = _token(slug)
    with requests.whole_body() as body:
        here = current_service()
        with requests.refusals_counted(slug), telemetry.INTAKE_SECONDS.time():
            found = _parsed(here, body, keys, token)
            results = {Ingest(here.runtime).ingest_one(slug, event) for event in found}
        return _answer(slug, results)


def _token(slug: str) -> EventToken | None:
    """The token that vouches for the request, or None where a signature has to. What neither can vouch for is refused
    before its body is read.

    Raises SignatureRefusedError or TokenRefusedError.
    """
    if "X-WC-Webhook-Signature" in request.headers or "Authorization" not in request.headers:
        requests.refuse_unsigned(slug, 0)
        return None
    requests.refuse_too_large()
    name, offered = access.credentials()
    token = sender(current_service().settings.event_tokens, name, offered)
    if token is not None:
        return token
    with requests.refusals_counted(slug):
        if offered and not _guesses.count():
            raise TooManyGuessesError(TOO_MANY)
        raise TokenRefusedError(WRONG)


def _parsed(
    here: Service,
    body: bytes,
    keys: frozenset[bytes],
    token: EventToken | None,
) -> tuple[Delivery, ...]:
    key, now = here.settings.subject_key, here.runtime.clock()
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
