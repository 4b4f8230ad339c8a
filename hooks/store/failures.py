"""The meaning of the store's error answers: a StoreError for each kind of failure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

from requests import Response

from hooks.errors import (
    CredentialsRefusedError,
    MethodRefusedError,
    RecordGoneError,
    RecordRefusedError,
    RequestTooLargeError,
    StoreBusyError,
    StoreError,
    StoreMisconfiguredError,
    StoreUnreachableError,
)
from hooks.store.json_answer import decode
from hooks.store.retry import LONGEST_ASKED

_GONE = frozenset(
    {
        "woocommerce_rest_shop_order_invalid_id",
        "woocommerce_rest_shop_webhook_invalid_id",
        "woocommerce_rest_invalid_id",
        "woocommerce_rest_invalid_order_id",
        "wc_user_invalid_id",
    }
)

_METHOD_REFUSED = frozenset({405, 501})
"""Statuses of a web server that does not let a method through."""

KEY_NOT_RECEIVED = "key-not-received"

_KEY_WRONG = frozenset(
    {"woocommerce_rest_authentication_error", "woocommerce_rest_authentication_missing_parameter"}
)
"""WooCommerce has read a key and rejects it. A request without a key gets a code of `_VISITOR_CODE` instead."""

_VISITOR_CODE = "woocommerce_rest_cannot_"
"""The start of the codes for things that a visitor may not do. A consumer key that is not known gets them too."""

BUSY_STATUSES = frozenset({429, 503})
"""The store asks for a pause, often with the header `Retry-After`. `failure` tells it before it looks at the body."""

MEANINGS: Mapping[int, tuple[type[StoreError], str, str]] = {
    401: (CredentialsRefusedError, "credentials-refused", "the key is wrong, or may not do this"),
    403: (CredentialsRefusedError, "credentials-refused", "the key lacks a right"),
    404: (StoreMisconfiguredError, "no-such-route", "the store's REST API has no such route"),
    413: (RequestTooLargeError, "too-large", "the store takes fewer items in one request"),
    429: (StoreBusyError, "busy", "the store asks for a pause"),
}
"""By status of an API error that no other rule explains: its class, our code and the message. The status may stand in
the body of an answer, such as one of a batch: an answer of status 429 itself is one of `BUSY_STATUSES`."""


def failure(response: Response) -> StoreError:
    """Return the error that an answer without success (status 300 or more) means."""
    status = response.status_code
    if status < 400:
        return StoreMisconfiguredError(
            "redirected", "the store's address redirects: set STORE_URL to where it leads"
        )
    if status in BUSY_STATUSES:
        wait = _retry_after(response.headers.get("Retry-After"))
        return StoreBusyError(
            "busy", f"the store asks for a pause (status {status})", retry_after=wait
        )
    if status >= 500 and status not in _METHOD_REFUSED:
        return StoreUnreachableError("server-error", f"the store failed (status {status})")
    code = _code_inside(response)
    # WooCommerce itself answers 501 too, but then with a code.
    if status in _METHOD_REFUSED and not isinstance(code, str):
        method = response.request.method
        message = f"the web server before the store refuses {method} (status {status})"
        return MethodRefusedError("method-refused", message)
    return failure_of(code, status)


def failure_in_success(body: object) -> StoreError | None:
    """Return the error inside an answer with status 200; None where there is none.

    Where PHP prints something early, WordPress can no longer send the status of an error.
    """
    if not isinstance(body, dict) or not isinstance(body.get("code"), str) or "message" not in body:
        return None
    status = status_inside(body)
    if status is None or status < 400:
        return None
    return failure_of(body["code"], status)


def _code_inside(response: Response) -> object:
    """Return the error code of the API in an answer; None where the answer is not of the API, or has no code."""
    try:
        body = decode(response.content, dict).value
    except ValueError:
        return None
    if not isinstance(body, dict):
        return None
    return body.get("code")


def status_inside(error: Mapping[str, Any]) -> int | None:
    """Return the status that an error of the API names in its body; None where it names none."""
    details = error.get("data")
    if not isinstance(details, dict):
        return None
    status = details.get("status")
    if not isinstance(status, int):
        return None
    return status


def is_key_missing(response: Response) -> bool:
    """Tell whether the REST API answers as to a visitor, so that the key did not arrive."""
    return response.status_code == 401 and failure(response).code == KEY_NOT_RECEIVED


def failure_of(code: object, status: int) -> StoreError:
    """Return the error for the API's own `code`. Without a code, it was not the API that answered."""
    if not isinstance(code, str):
        return _failure_before_store(status)
    if status == 401 and code.startswith(_VISITOR_CODE):
        message = (
            "the key does not arrive at WooCommerce, or it knows no such consumer key (status 401)"
        )
        return CredentialsRefusedError(KEY_NOT_RECEIVED, message)
    if code in _GONE:
        return RecordGoneError("gone", "the store knows no such record")
    if code == "woocommerce_rest_cannot_batch":
        return CredentialsRefusedError("cannot-batch", "the key may not write in batches")
    if status in MEANINGS:
        return _by_status(code, status)
    if status >= 500:
        return StoreUnreachableError("server-error", f"the store failed (status {status})")
    return RecordRefusedError("refused", f"the store refuses the write (status {status})")


def _by_status(code: str, status: int) -> StoreError:
    error_class, error_code, message = MEANINGS[status]
    error = error_class(error_code, f"{message} (status {status})")
    if isinstance(error, CredentialsRefusedError):
        error.is_about_the_key = code in _KEY_WRONG
    return error


def _failure_before_store(status: int) -> StoreError:
    """Return the error for an answer from something before the REST API, such as a proxy."""
    if status == 413:
        return RequestTooLargeError(
            "too-large", "the request is too large for what is before the store"
        )
    if status == 404:
        return StoreMisconfiguredError(
            "no-rest-api", "there is no REST API at this address (status 404)"
        )
    return StoreUnreachableError(
        "not-the-api", f"something before the store answered (status {status})"
    )


def _retry_after(value: str | None) -> timedelta | None:
    """Read `Retry-After`, which is a number of seconds or a date. The result is at most LONGEST_ASKED."""
    if value is None:
        return None
    if value.strip().isdecimal():
        return min(timedelta(seconds=int(value.strip()[:10])), LONGEST_ASKED)
    moment = http_date(value)
    if moment is None:
        return None
    wait = max(timedelta(0), moment - datetime.now(UTC))
    return min(wait, LONGEST_ASKED)


def http_date(value: str | None) -> datetime | None:
    """Read the date of an HTTP header, in UTC; None where it is not a date."""
    try:
        moment = parsedate_to_datetime(value or "")
        if moment.tzinfo is None:
            return moment.replace(tzinfo=UTC)
        return moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
