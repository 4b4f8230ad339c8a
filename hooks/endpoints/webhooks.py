"""`POST /webhooks/<slug>`: verified, taken into the ledger, answered after the commit. Never a redirect."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

import structlog
from flask import Blueprint, Response, abort, jsonify, request

from hooks import telemetry
from hooks.delivery import Delivery, is_ping
from hooks.errors import LedgerUnavailableError, SignatureRefusedError
from hooks.ingest import Result
from hooks.service import service

DRAINED_BYTES = 64 * 1024 * 1024

blueprint = Blueprint("webhooks", __name__)
log = structlog.get_logger(__name__)


@blueprint.post("/webhooks/<slug>", provide_automatic_options=False)
def receive(slug: str) -> tuple[Response, int] | Response:
    """Take one delivery of the store `slug`. 200 only once the ledger holds it durably."""
    here = service()
    keys = here.signing_keys.get(slug)
    if keys is None:
        abort(404)
    body = request.get_data(cache=False)
    if request.content_length is None and len(body) >= here.settings.max_body_bytes:
        abort(413)  # a chunked body is cut at the limit without a word
    headers = cast("Mapping[str, str]", request.headers)  # finds names in any case, as mappings do not
    if is_ping(body, headers):
        return _answer(slug, Result.PING)
    try:
        with telemetry.INTAKE_SECONDS.time():
            delivery = Delivery.from_http(headers, body, keys=keys, policy=here.policy)
            result = here.ingest.receive(slug, delivery)
    except SignatureRefusedError as error:
        telemetry.REFUSED.labels(slug, "signature").inc()
        log.warning("delivery.refused", store=slug)
        return jsonify(error={"code": "signature-refused", "message": str(error)}), 401
    except LedgerUnavailableError:
        telemetry.REFUSED.labels(slug, "ledger").inc()
        raise
    return _answer(slug, result, delivery.topic)


def _answer(slug: str, result: Result, topic: str | None = None) -> Response:
    telemetry.DELIVERIES.labels(slug, str(result)).inc()
    log.info("delivery", store=slug, topic=topic, result=str(result))
    return jsonify(result=str(result))


def drain() -> None:
    """Read on to the end of a body that is refused unread, up to a bound.

    Closing a connection with bytes unread resets it, and the sender would never see the answer.
    """
    left = DRAINED_BYTES
    source = request.environ["wsgi.input"]
    expected = request.content_length
    if expected is not None:
        left = min(left, expected)
    while left > 0:
        chunk = source.read(min(left, 65_536))
        if not chunk:
            return
        left -= len(chunk)
