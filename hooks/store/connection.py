"""The connection to one store: single calls of its REST API, over WooCommerce's own Python library.

Each call waits for the pace, sends the key in the way that works, refuses answers out of caches, and turns a failure
into an error class of its own.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from requests import RequestException, Response

from hooks.errors import CachedAnswerError, StoreUnreachableError
from hooks.settings import StoreSettings
from hooks.store import caches
from hooks.store.failures import failure, failure_in_success, http_date, is_key_missing
from hooks.store.index import read_index
from hooks.store.json_answer import decode
from hooks.store.rate import NoPace, Pace, call_name, outcome_of
from hooks.store.session import SessionAPI

CACHEABLE = frozenset({401, 403, 404, 410})
"""Error statuses that caches keep."""


@dataclass(frozen=True, slots=True)
class ClockReading:
    """The time that the store told, and the time of our own clock then. Both are in UTC."""

    store_time: datetime
    at: datetime


class StoreConnection:
    """Makes calls to one store. Its methods raise StoreError or its subclasses, or what `pace` raises; nothing else."""

    def __init__(self, settings: StoreSettings, pace: Pace | None = None) -> None:
        self.settings = settings
        self._pace = pace or NoPace()
        self._api = SessionAPI(settings)
        self.clock_reading: ClockReading | None = None
        """The last reading of the store's clock. An answer out of a cache is none."""
        self.notices: dict[str, bool] = {}
        """By resource, such as `orders`: its last answer had notices of PHP in it."""
        self._both_auths_failed = False
        """The key arrives neither in the header nor in the query, so the connection stops changing between them."""
        self.has_new_auth = False
        """The key travels in another way now, and it works. The caller clears this once it is saved."""
        self.cached_by: str | None = None
        """The header of a cache that has answered; None where no cache has, since the caller last cleared it."""
        self.has_fresh = False
        """An answer came that is not out of a cache, since the caller last cleared this."""

    @property
    def auth(self) -> str:
        """The way of the key over https: `basic` (in the header) or `query`."""
        if self._api.key_in_query:
            return "query"
        return "basic"

    def adopt_auth(self, auth: str) -> None:
        """Begin with the way of the key that worked before, unless the settings name one."""
        if self.settings.auth == "auto":
            self._api.key_in_query = auth == "query"

    def index(self) -> dict[str, Any] | None:
        """Read the index of the REST API without a key; see `read_index`. Raises what `pace` raises."""
        self._pace.wait()
        return read_index(self._api.session, self.settings.url)

    def call(
        self,
        method: str,
        endpoint: str,
        shape: type[Any] | None = None,
        *,
        params: Mapping[str, str] | None = None,
        body: object = None,
    ) -> object:
        """Make one call, and return the JSON of its answer. For `shape` see `decode`. Raises StoreError."""
        response = self.response(method, endpoint, params=params, body=body)
        return self.decoded(response, endpoint, shape)

    def decoded(self, response: Response, endpoint: str, shape: type[Any] | None) -> object:
        """Return the JSON of an answer. For `shape` see `decode`. Raises StoreError, also for an error inside it."""
        try:
            decoded = decode(response.content, shape)
        except ValueError as error:
            raise StoreUnreachableError(
                "not-json", "the answer is not JSON; another program answers here"
            ) from error
        self.notices[endpoint.partition("/")[0]] = decoded.has_notices
        error_inside = failure_in_success(decoded.value)
        if error_inside:
            raise error_inside
        return decoded.value

    def response(
        self,
        method: str,
        endpoint: str,
        *,
        params: Mapping[str, str] | None = None,
        body: object = None,
    ) -> Response:
        """Make one call, and return its answer. Raises StoreError, also for an answer without success."""
        answer = self._answer(method, endpoint, params, body)
        if isinstance(answer, RequestException):
            # Not raised from it: its text has the address, which may hold the key.
            raise StoreUnreachableError("unreachable", f"no answer ({type(answer).__name__})")
        if method == "GET":
            self._assert_fresh(answer)
        if answer.status_code >= 300:
            raise failure(answer)
        return answer

    def _answer(
        self, method: str, endpoint: str, params: Mapping[str, str] | None, body: object
    ) -> Response | RequestException:
        """Send; where the key did not arrive and may travel otherwise, send again with the key there."""
        try:
            response = self._send(method, endpoint, params, body)
            if self._may_change_auth() and is_key_missing(response):
                return self._send_with_other_auth(method, endpoint, params, body)
        except RequestException as error:
            return error
        return response

    def _may_change_auth(self) -> bool:
        return self._api.is_ssl and self.settings.auth == "auto" and not self._both_auths_failed

    def _send_with_other_auth(
        self, method: str, endpoint: str, params: Mapping[str, str] | None, body: object
    ) -> Response:
        """Send with the key in the query in place of the header, or the reverse. If it arrives, this way is kept."""
        auth_before = self._api.key_in_query
        self._api.key_in_query = not auth_before
        has_arrived = False
        try:
            response = self._send(method, endpoint, params, body)
            has_arrived = not is_key_missing(response)
        finally:
            self._both_auths_failed = not has_arrived
            if has_arrived:
                self.has_new_auth = True
            else:
                self._api.key_in_query = auth_before
        return response

    def _assert_fresh(self, response: Response) -> None:
        """Raise CachedAnswerError for an answer out of a cache: a record, a list, or the news that there is none."""
        is_success = 200 <= response.status_code < 300
        if not is_success and response.status_code not in CACHEABLE:
            return
        header = caches.cache_header(response.headers)
        if header is not None:
            self.cached_by = header
            raise CachedAnswerError(header)
        self.has_fresh = True

    def _send(
        self, method: str, endpoint: str, params: Mapping[str, str] | None, body: object
    ) -> Response:
        """Send a call when the pace allows it, and tell the pace its outcome, also after a failure."""
        send = getattr(self._api, method.lower())
        arguments: list[object] = [endpoint]
        if method not in ("GET", "DELETE"):
            arguments.append(body)
        answer: Response | RequestException | None = None
        self._pace.wait()
        began = time.monotonic()
        try:
            response: Response = send(*arguments, params=params)
            answer = response
            self._read_clock(response)
        except RequestException as error:
            answer = error
            raise
        finally:
            seconds = time.monotonic() - began
            name = call_name(method, endpoint, params, body, answer)
            self._pace.observe(name, seconds, outcome_of(answer))
        return response

    def _read_clock(self, response: Response) -> None:
        if "Age" in response.headers or caches.cache_header(response.headers):
            return
        store_time = http_date(response.headers.get("Date"))
        if store_time:
            self.clock_reading = ClockReading(store_time, datetime.now(UTC))
