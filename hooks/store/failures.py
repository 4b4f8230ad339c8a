"""What an answer of the store that is not one of success means: each failure told apart."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

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


def failure(response: Response) -> StoreError:
    """What an answer that is not one of success means."""
    status = response.status_code
    if status < 400:
        return StoreMisconfiguredError(
            "redirected", "the store's address redirects: set STORE_URL to where it leads"
        )
    if status in (429, 503):
        wait = _retry_after(response.headers.get("Retry-After"))
        return StoreBusyError(
            "busy", f"the store asks for a pause (status {status})", retry_after=wait
        )
    if status >= 500 and status not in _METHOD_REFUSED:
        return StoreUnreachableError("server-error", f"the store failed (status {status})")
    try:
        body = decode(response.content, dict).value
    except ValueError:
        body = None
    code = body.get("code") if isinstance(body, dict) else None
    if status in _METHOD_REFUSED and not isinstance(
        code, str
    ):  # WooCommerce itself answers 501 too
        words = (
            f"the web server before the store refuses {response.request.method} (status {status})"
        )
        return MethodRefusedError("method-refused", words)
    return failure_of(code, status)


def failure_in_success(body: object) -> StoreError | None:
    """The error that an answer of success contains: where PHP prints anything early, WordPress sends no status."""
    if not isinstance(body, dict) or not isinstance(body.get("code"), str) or "message" not in body:
        return None
    status = body["data"].get("status") if isinstance(body.get("data"), dict) else None
    return failure_of(body["code"], status) if isinstance(status, int) and status >= 400 else None


KEY_NOT_RECEIVED = "key-not-received"

_KEY_WRONG = frozenset(
    {"woocommerce_rest_authentication_error", "woocommerce_rest_authentication_missing_parameter"}
)
"""WooCommerce has read a key, and does not take it. Whoever shows it none is told what visitors may not do."""


_OF_A_VISITOR = "woocommerce_rest_cannot_"
"""The codes of what visitors may not do; so WooCommerce answers a consumer key that it does not know, too."""


def is_key_missing(response: Response) -> bool:
    """Tell whether the REST API answers as it answers a visitor: the key did not arrive."""
    return response.status_code == 401 and failure(response).code == KEY_NOT_RECEIVED


def failure_of(code: object, status: int) -> StoreError:
    """What an error means by the API's own code, where it is the API that answered."""
    if not isinstance(code, str):
        return _failure_of_another(status)
    if status == 401 and code.startswith(_OF_A_VISITOR):
        words = (
            "the key does not arrive at WooCommerce, or it knows no such consumer key (status 401)"
        )
        return CredentialsRefusedError(KEY_NOT_RECEIVED, words)
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
    kind, ours, words = MEANINGS[status]
    error = kind(ours, f"{words} (status {status})")
    if isinstance(error, CredentialsRefusedError):
        error.is_about_the_key = code in _KEY_WRONG
    return error


def _failure_of_another(status: int) -> StoreError:
    """What an error means that is not of the REST API, but of something that stands before it."""
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


MEANINGS: Mapping[int, tuple[type[StoreError], str, str]] = {
    401: (CredentialsRefusedError, "credentials-refused", "the key is wrong, or may not do this"),
    403: (CredentialsRefusedError, "credentials-refused", "the key lacks a right"),
    404: (StoreMisconfiguredError, "no-such-route", "the store's REST API has no such route"),
    413: (RequestTooLargeError, "too-large", "the store takes fewer items in one request"),
    429: (StoreBusyError, "busy", "the store asks for a pause"),
}


def _retry_after(value: str | None) -> timedelta | None:
    """`Retry-After`, as seconds or as a date."""
    if value is None:
        return None
    if value.strip().isdecimal():
        return min(timedelta(seconds=int(value.strip()[:10])), LONGEST_ASKED)
    moment = http_date(value)
    return (
        None
        if moment is None
        else min(max(timedelta(0), moment - datetime.now(UTC)), LONGEST_ASKED)
    )


def http_date(value: str | None) -> datetime | None:
    """A date of HTTP's headers, in UTC; None where it is none."""
    try:
        moment = parsedate_to_datetime(value or "")
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
