"""What all addresses have in common that take something in: whole bodies, and refusals that are counted and told."""

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
from hooks.service import current_service
from hooks.web.body_budget import SMALL_BYTES, BodyBudget
from hooks.web.refusals import UNREADABLE

DRAINED_BYTES = 64 * 1024 * 1024
"""Of a body that is refused, so much is read at most."""

log = structlog.get_logger(__name__)


def signing_keys(slug: str) -> frozenset[bytes]:
    """Every key that may sign for the store; 404 where there is no such store."""
    keys = current_service().signing_keys.get(slug)
    if keys is None:
        abort(404)
    return keys


@contextmanager
def whole_body() -> Iterator[bytes]:
    """Read the body, and count it as memory in use for as long as the block lasts; 413 where it may have been cut.

    Raises OverloadedError where there is no memory for it.
    """
    size = request.content_length
    if size is not None and size <= SMALL_BYTES:  # it counts for nothing
        yield request.get_data(cache=False)
        return
    limit = current_service().settings.max_body_bytes
    if size is None:
        size = limit if "Transfer-Encoding" in request.headers else 0
    budget: BodyBudget = current_app.extensions["bodies"]
    with budget.reserve(min(size, limit)):
        body = request.get_data(cache=False)
        if request.content_length is None and len(body) >= limit:
            abort(413)  # a chunked body is cut at the limit without a word
        yield body


def refuse_unsigned(slug: str, unsigned_bytes: int) -> None:
    """Refuse, before its body is read, a request that no body could make genuine. One without a signature may have a
    body of `unsigned_bytes`; 413 where the body is too large for any.

    Raises SignatureRefusedError.
    """
    refuse_too_large()
    signature, length = request.headers.get("X-WC-Webhook-Signature"), request.content_length
    if is_well_formed(signature):
        return
    if signature is None and length is not None and length <= unsigned_bytes:
        return
    with counted(slug):
        raise SignatureRefusedError(
            "The request is not signed, or its signature is not well-formed."
        )


def refuse_too_large() -> None:
    """Answer 413, before the body is read, where it is said to be larger than any may be."""
    length = request.content_length
    if length is not None and length > current_service().settings.max_body_bytes:
        abort(413)


def headers() -> Mapping[str, str]:
    """The request's headers, found in any case, as in mappings they are not."""
    return cast("Mapping[str, str]", request.headers)


@contextmanager
def counted(slug: str) -> Iterator[None]:
    """Count and log what is refused on the way into the ledger."""
    try:
        yield
    except SignatureRefusedError:
        _refused(slug, "signature")
        raise
    except TokenRefusedError:
        telemetry.REFUSED.labels(slug, "token").inc()  # guesses are logged once a minute only
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
    """Have a blueprint answer 401 to what is not signed, and 400, with the names of the fields, to what is not of the
    shape."""

    def unsigned(error: SignatureRefusedError) -> tuple[Response, int]:
        return jsonify(error={"code": "signature-refused", "message": str(error)}), 401

    def misshapen(error: EventRefusedError) -> tuple[Response, int]:
        return jsonify(error={"code": "event-refused", "message": str(error)}), 400

    blueprint.register_error_handler(SignatureRefusedError, unsigned)
    blueprint.register_error_handler(EventRefusedError, misshapen)


def drain_after(answer: Response) -> Response:
    """Have what is left of the request's body read, up to a bound, once the answer has been sent.

    Closing a connection with bytes unread resets it, and the sender would never see the answer.
    """
    source, expected = request.environ["wsgi.input"], request.content_length
    left = DRAINED_BYTES if expected is None else min(DRAINED_BYTES, expected)
    answer.call_on_close(partial(_drain, source, left))
    return answer


def _drain(source: IO[bytes], left: int) -> None:
    with suppress(OSError, *UNREADABLE):  # the answer is on its way
        while left > 0 and (chunk := source.read(min(left, 65_536))):
            left -= len(chunk)
