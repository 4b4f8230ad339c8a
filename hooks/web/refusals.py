"""The answer to a request that could not be read: too slow, malformed, too large, or one too many."""

from __future__ import annotations

from dataclasses import dataclass

import structlog
from gunicorn.http import errors as wire

from hooks.errors import OverloadedError, SenderTooSlowError

log = structlog.get_logger(__name__)

UNREADABLE = (wire.ParseException, SenderTooSlowError, OverloadedError)
"""What reading a request raises."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """A status with the `code` and `message` of the answer's body. It repeats nothing of what came in."""

    status: int
    code: str
    message: str

    @property
    def body(self) -> dict[str, dict[str, str]]:
        """The body of the answer, in the shape of all errors."""
        return {"error": {"code": self.code, "message": self.message}}

    @property
    def headers(self) -> dict[str, str]:
        """The headers that the status asks for."""
        return {"Retry-After": "30"} if self.status == 503 else {}


MALFORMED = Refusal(400, "bad-request", "The request is not well-formed HTTP.")
FAILED = Refusal(500, "internal-server-error", "The service failed; the error was logged.")
REFUSALS: dict[type[Exception], Refusal] = {
    SenderTooSlowError: Refusal(408, "request-timeout", "The request took too long to come."),
    OverloadedError: Refusal(
        503, "overloaded", "There are too many requests just now; send it again later."
    ),
    wire.LimitRequestLine: Refusal(414, "uri-too-long", "The address is too long."),
    wire.ExpectationFailed: Refusal(
        417, "expectation-failed", "Of `Expect`, only `100-continue` is understood."
    ),
    wire.LimitRequestHeaders: Refusal(
        431, "request-header-fields-too-large", "The headers are too large."
    ),
    wire.UnsupportedTransferCoding: Refusal(
        501, "not-implemented", "Of `Transfer-Encoding`, only `chunked` is read."
    ),
}


def refuse(error: BaseException) -> Refusal:
    """Find the answer to what reading a request raised, and log it, without the address of the sender."""
    fallback = MALFORMED if isinstance(error, UNREADABLE) else FAILED
    refusal = next(
        (refusal for kind, refusal in REFUSALS.items() if isinstance(error, kind)), fallback
    )
    if refusal is FAILED:
        log.error("request.failed", exc_info=error)
    else:
        log.warning("request.refused", status=refusal.status, reason=type(error).__name__)
    return refusal
