"""Helpers of the endpoints that receive something: complete bodies, and refusals that are counted and answered."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import partial
from typing import IO, cast

import structlog
from flask import Blueprint, Response, abort, current_app, jsonify, request

from hooks import telemetry
from hooks.errors import (
    EventForbiddenError,
    EventRefusedError,
    LedgerUnavailableError,
    SignatureRefusedError,
    TokenRefusedError,
)
from hooks.intake.signature import is_well_formed
from hooks.service import service_as_loaded
from hooks.web.body_budget import SMALL_BYTES, BodyBudget
from hooks.web.refusals import UNREADABLE

DRAINED_BYTES = 64 * 1024 * 1024
"""At most this much of a refused body is read."""

CHUNK_BYTES = 65_536

log = structlog.get_logger(__name__)


def signing_keys(slug: str) -> frozenset[bytes]:
    """Return every key that may sign for the store. 404 where there is no such store."""
    keys = service_as_loaded().signing_keys.get(slug)
    if keys is None:
        abort(404)
    return keys


@contextmanager
def whole_body() -> Iterator[bytes]:
    """Read the body, and count it as memory in use for as long as the block lasts. 413 where it may have been cut.

    Raises OverloadedError where there is no memory for it.
    """
    length = request.content_length
    if length is not None and length <= SMALL_BYTES:  # the budget does not count it
        yield request.get_data(cache=False)
        return
    limit = service_as_loaded().settings.max_body_bytes
    budget: BodyBudget = current_app.extensions["bodies"]
    with budget.reserve(_size_to_reserve(length, limit)):
        body = request.get_data(cache=False)
        if length is None and len(body) >= limit:
            abort(413)  # a chunked body is cut at the limit without an error
        yield body


def _size_to_reserve(length: int | None, limit: int) -> int:
    if length is not None:
        return min(length, limit)
    if "Transfer-Encoding" in request.headers:
        return limit
    return 0


def refuse_unsigned(slug: str, unsigned_bytes: int) -> None:
    """Refuse, before its body is read, a request that is not genuine whatever its body is.

    A request without a signature may have a body of at most `unsigned_bytes`. Raises SignatureRefusedError. Answers 413
    where the body is too large.
    """
    refuse_too_large()
    signature = request.headers.get("X-WC-Webhook-Signature")
    length = request.content_length
    if is_well_formed(signature):
        return
    if signature is None and length is not None and length <= unsigned_bytes:
        return
    with refusals_counted(slug):
        raise SignatureRefusedError(
            "The request is not signed, or its signature is not well-formed."
        )


def refuse_too_large() -> None:
    """Answer 413, before the body is read, where its declared length is above the limit."""
    length = request.content_length
    if length is not None and length > service_as_loaded().settings.max_body_bytes:
        abort(413)


def require_json() -> None:
    """Answer 415 unless the request says that its body is JSON.

    A page of another site can make a browser send a form without asking, but not JSON (CSRF).
    """
    if request.mimetype != "application/json":
        abort(415)


def headers() -> Mapping[str, str]:
    """Return the request's headers. Unlike other mappings, this one finds a name in any case."""
    return cast("Mapping[str, str]", request.headers)


@contextmanager
def refusals_counted(slug: str) -> Iterator[None]:
    """Count and log an error within the block that refuses a delivery or an event."""
    try:
        yield
    except SignatureRefusedError:
        _refused(slug, "signature")
        raise
    except TokenRefusedError:
        telemetry.REFUSED.labels(slug, "token").inc()  # `Guesses` logs it, once a minute only
        raise
    except EventForbiddenError:
        _refused(slug, "type")
        raise
    except EventRefusedError:
        _refused(slug, "shape")
        raise
    except LedgerUnavailableError:
        telemetry.REFUSED.labels(slug, "ledger").inc()
        raise


def _refused(slug: str, reason: str) -> None:
    telemetry.REFUSED.labels(slug, reason).inc()
    log.warning("delivery.refused", store=slug, reason=reason)


def answer_refusals(blueprint: Blueprint) -> None:
    """Let a blueprint answer 401 where the signature is refused, and 400 where the content is malformed.

    The message of the 400 names the fields.
    """

    def unsigned(error: SignatureRefusedError) -> tuple[Response, int]:
        return jsonify(error={"code": "signature-refused", "message": str(error)}), 401

    def malformed(error: EventRefusedError) -> tuple[Response, int]:
        return jsonify(error={"code": "event-refused", "message": str(error)}), 400

    blueprint.register_error_handler(SignatureRefusedError, unsigned)
    blueprint.register_error_handler(EventRefusedError, malformed)


def drain_after(answer: Response) -> Response:
    """Read the rest of the request's body, up to DRAINED_BYTES, after the answer has been sent.

    Closing a connection with unread bytes resets it, and the sender would never see the answer.
    """
    source = request.environ["wsgi.input"]
    length = request.content_length
    limit = DRAINED_BYTES
    if length is not None:
        limit = min(DRAINED_BYTES, length)
    answer.call_on_close(partial(_drain, source, limit))
    return answer


def _drain(source: IO[bytes], limit: int) -> None:
    remaining = limit
    with suppress(OSError, *UNREADABLE):  # the answer has been sent, so nothing can be answered
        while remaining > 0:
            chunk = source.read(min(remaining, CHUNK_BYTES))
            if not chunk:
                return
            remaining -= len(chunk)
