"""The answer to a request that could not be read: too slow, malformed, too large, or one of too many."""

from __future__ import annotations

from dataclasses import dataclass

import structlog
from gunicorn.http import errors as wire

from hooks.errors import OverloadedError, SenderTooSlowError

log = structlog.get_logger(__name__)

UNREADABLE = (wire.ParseException, SenderTooSlowError, OverloadedError)
"""The errors of reading a request."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """A status with the `code` and `message` of the answer's body. The answer repeats nothing of the request."""

    status: int
    code: str
    message: str

    @property
    def body(self) -> dict[str, dict[str, str]]:
        """Return the body of the answer, in the shape of all errors."""
        return {"error": {"code": self.code, "message": self.message}}

    @property
    def headers(self) -> dict[str, str]:
        """Return the headers that the status needs."""
        if self.status != 503:
            return {}
        return {"Retry-After": "30"}


MALFORMED = Refusal(400, "bad-request", "The request is not well-formed HTTP.")
FAILED = Refusal(500, "internal-server-error", "The service failed; the error was logged.")
REFUSALS: dict[type[Exception], Refusal] = {
    SenderTooSlowError: Refusal(408, "request-timeout", "The request took too long to arrive."),
    OverloadedError: Refusal(
        503, "overloaded", "There are too many requests now; send it again later."
    ),
    wire.LimitRequestLine: Refusal(414, "uri-too-long", "The address is too long."),
    wire.ExpectationFailed: Refusal(
        417, "expectation-failed", "The only `Expect` that is supported is `100-continue`."
    ),
    wire.LimitRequestHeaders: Refusal(
        431, "request-header-fields-too-large", "The headers are too large."
    ),
    wire.UnsupportedTransferCoding: Refusal(
        501, "not-implemented", "The only `Transfer-Encoding` that is supported is `chunked`."
    ),
}


def refuse(error: BaseException) -> Refusal:
    """Find the answer to an error of reading a request, and log it without the address of the sender."""
    if not isinstance(error, UNREADABLE):
        log.error("request.failed", exc_info=error)
        return FAILED
    refusal = _refusal_of(error)
    log.warning("request.refused", status=refusal.status, reason=type(error).__name__)
    return refusal


def _refusal_of(error: BaseException) -> Refusal:
    for error_class, refusal in REFUSALS.items():
        if isinstance(error, error_class):
            return refusal
    return MALFORMED
