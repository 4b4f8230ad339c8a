"""What all addresses have in common that take something in: whole bodies, and refusals that are counted and told."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import cast

import structlog
from flask import Blueprint, Response, abort, jsonify, request

from hooks import telemetry
from hooks.errors import EventRefusedError, LedgerUnavailableError, SignatureRefusedError
from hooks.service import service

DRAINED_BYTES = 64 * 1024 * 1024
"""Of a body that is refused, so much is read at most."""

log = structlog.get_logger(__name__)


def signing_keys(slug: str) -> frozenset[bytes]:
    """Every key that may sign for the store; 404 where there is no such store."""
    keys = service().signing_keys.get(slug)
    if keys is None:
        abort(404)
    return keys


def whole_body() -> bytes:
    """The body; 413 where it may have been cut."""
    body = request.get_data(cache=False)
    if request.content_length is None and len(body) >= service().settings.max_body_bytes:
        abort(413)  # a chunked body is cut at the limit without a word
    return body


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
