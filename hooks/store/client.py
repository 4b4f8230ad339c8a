"""WooCommerce's REST API through its own Python client, kept alive, with every failure told apart."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from requests import RequestException, Response

from hooks.errors import (
    CachedAnswerError,
    CredentialsRefusedError,
    MethodRefusedError,
    PostReadRefusedError,
    RecordGoneError,
    RecordRefusedError,
    StoreError,
    StoreUnreachableError,
)
from hooks.retention.facts import RecordKind
from hooks.settings import StoreSettings
from hooks.store import caches
from hooks.store.failures import failure, failure_in_success, failure_of, http_date, is_key_missing
from hooks.store.index import read_index
from hooks.store.json_answer import decode
from hooks.store.rate import NoPace, Pace, call_name, outcome_of
from hooks.store.refusal_check import ENDPOINTS as _ENDPOINTS
from hooks.store.refusal_check import SecondLook, closed
from hooks.store.session import SessionAPI
from schemas.wire import php_list, record_id

_POST_REFUSED = frozenset({"method-refused", "not-the-api", "no-rest-api", "no-such-route"})
"""Codes of answers to a read by POST that are not about the record, as the same record was just read by GET."""

BATCH_LIMIT = 100
"""More items than this in one batch get 413."""

LIST_LIMIT = 100
"""The store gives no more than this in one answer to a list."""

REFUND_PAGES = 10
"""So many pages of an order's refunds are read; no order has more."""

SINGLES = 10
"""Records written one by one in one go, so that it does not outlive its claim where calls are few and slow."""

CACHEABLE = frozenset({401, 403, 404, 410})
"""Statuses of failures that caches keep."""

StoreMetaWrites = Mapping[int, Mapping[str, str | None]]


@dataclass(frozen=True, slots=True)
class NotWritten:
    """The store itself met with `error` before it was this record's turn, or at it."""

    error: StoreError


WriteOutcome = dict[str, Any] | StoreError | NotWritten


@dataclass(frozen=True, slots=True)
class Listing:
    """One answer to a list: its rows, how many there are in all, and the store's own time, in UTC.

    `total` and `store_time` are as the store tells them, which may be wrong; None where it does not.
    """

    rows: list[dict[str, Any]]
    total: int | None
    store_time: datetime | None


@dataclass(frozen=True, slots=True)
class Heard:
    """The time of a store, and the time of our own clock when it said so."""

    store_time: datetime
    at: datetime


class StoreClient:
    """One store. Methods raise StoreError and its kinds, and what `pace` raises; nothing else comes out of them."""

    def __init__(self, settings: StoreSettings, pace: Pace | None = None) -> None:
        self.settings = settings
        self._pace = pace or NoPace()
        self._api = SessionAPI(settings)
        self._cannot_batch: set[RecordKind] = set()
        self.heard: Heard | None = None
        """The time that the store last said it has, and ours then. What a cache has answered says nothing of it."""
        self.notices: dict[str, bool] = {}
        """By resource, such as `orders`: whether its last answer had notices of PHP in it."""
        self.refuses_delete = False
        """The web server refuses DELETE, as far as is known by now, and POST with `_method` serves in its place."""
        self._second_look = SecondLook(self.call)
        self._both_ways_failed = False
        """The key arrived neither way: it is not sent in the query again and again."""
        self.auth_was_found = False
        """Another way for the key was tried, and works; until that is noted."""
        self.cached_by: str | None = None
        """The header that told of a cache's answer, and whether there was a fresh one, since both were last cleared."""
        self.has_fresh = False

    @property
    def auth(self) -> str:
        """How the key travels over https: `basic`, or in the `query`."""
        return "query" if self._api.key_in_query else "basic"

    def adopt_auth(self, auth: str) -> None:
        """Begin with what was found to work before, where the settings leave it open."""
        if self.settings.auth == "auto":
            self._api.key_in_query = auth == "query"

    def index(self) -> dict[str, Any] | None:
        """The index of the REST API, read without a key; see `read_index`. Raises what `pace` raises."""
        self._pace.wait()
        return read_index(self._api.session, self.settings.url)

    def read(
        self, kind: RecordKind, external_id: int, *, fields: str, past_caches: bool = False
    ) -> dict[str, Any]:
        """The record as it is now, trashed ones too. Raises RecordGoneError where there is no such record.

        With `past_caches`, and where a cache is seen to answer, it is read in a way in which no cache can answer.
        """
        endpoint, params = f"{_ENDPOINTS[kind]}/{external_id}", {"_fields": fields}
        with self._judged(kind, writing=False):
            if not past_caches:
                try:
                    return _object(self.call("GET", endpoint, dict, params=params))
                except CachedAnswerError:
                    pass  # it is read once more, past the cache
            return _object(self._read_past_caches(endpoint, params))

    def _read_past_caches(self, endpoint: str, params: Mapping[str, str]) -> object:
        """Read by a POST, which no cache answers. Raises PostReadRefusedError where a firewall lets none through."""
        try:
            return self.call("POST", endpoint, dict, params={**params, **caches.AS_POST})
        except StoreError as error:
            if error.code not in _POST_REFUSED:
                raise
            words = "a firewall or server before the store refuses a POST that asks to be read"
            raise PostReadRefusedError("post-read-refused", words) from error

    def refunds(self, order_id: int) -> list[dict[str, Any]]:
        """The refunds of an order, with their dates, which the order itself does not show; the newest ten pages."""
        params = {"_fields": "id,date_created_gmt", "per_page": str(LIST_LIMIT)}
        found: list[dict[str, Any]] = []
        for page in range(1, REFUND_PAGES + 1):
            asked = params | {"page": str(page)}
            with self._judged("order", writing=False):
                shown = _objects(self.call("GET", f"orders/{order_id}/refunds", list, params=asked))
            found += shown
            if len(shown) < LIST_LIMIT:
                break
        return found

    def listed(self, endpoint: str, params: Mapping[str, str]) -> Listing:
        """One answer to the list that `params` ask for."""
        response = self.response("GET", endpoint, params=params)
        total = record_id(response.headers.get("X-WP-Total"), minimum=0)
        rows = _objects(self._decoded(response, endpoint, list))
        return Listing(rows, total, http_date(response.headers.get("Date")))

    def read_many(
        self, kind: RecordKind, ids: Collection[int], *, fields: str
    ) -> dict[int, dict[str, Any]]:
        """Up to LIST_LIMIT records, in one call; `fields` must name `id`.

        Trashed orders and unfinished checkouts are not among them, nor what the store does not know, nor what it
        does not show to the key. Raises RecordClosedError where one of them makes the store refuse the list, and
        ValueError for more ids.
        """
        if len(ids) > LIST_LIMIT:
            raise ValueError(f"a list has at most {LIST_LIMIT} records")
        if not ids:
            return {}
        everyone = {"status": "any"} if kind == "order" else {"role": "all"}
        include = ",".join(str(number) for number in ids)
        params = {"include": include, "per_page": str(LIST_LIMIT), "_fields": fields} | everyone
        with self._judged(kind, writing=False):
            listed = self.listed(_ENDPOINTS[kind], params)
        rows = ((record_id(row.get("id")), row) for row in listed.rows)
        return {number: row for number, row in rows if number is not None and number in ids}

    def create(self, endpoint: str, body: Mapping[str, object]) -> dict[str, Any]:
        """Make one of what `endpoint` lists, and give it as the store answers it."""
        return _object(self.call("POST", endpoint, dict, body=body))

    def change(self, endpoint: str, body: Mapping[str, object]) -> dict[str, Any]:
        """Change what is at `endpoint`, and give it as the store answers it.

        By POST: WooCommerce takes it as it takes PUT, which some web servers refuse.
        """
        return _object(self.call("POST", endpoint, dict, body=body))

    def delete(self, endpoint: str, params: Mapping[str, str] | None = None) -> dict[str, Any]:
        """Delete what is at `endpoint`, and give it as it was; webhooks and customers need `force=true`.

        Where the web server refuses DELETE, by POST with `_method=DELETE`, which WordPress takes for one.
        """
        if self.refuses_delete:
            return self._delete_by_post(endpoint, params)
        try:
            return _object(self.call("DELETE", endpoint, dict, params=params))
        except StoreError as error:
            if not isinstance(error, MethodRefusedError) and error.code != "not-the-api":
                raise
        return self._delete_by_post(endpoint, params)

    def _delete_by_post(self, endpoint: str, params: Mapping[str, str] | None) -> dict[str, Any]:
        try:
            deleted = _object(
                self.call("POST", endpoint, dict, params={**(params or {}), "_method": "DELETE"})
            )
        except (RecordGoneError, RecordRefusedError):
            self.refuses_delete = True
            raise
        self.refuses_delete = True
        return deleted

    def at_once(self, kind: RecordKind) -> int:
        """How many records of a kind `write_meta` writes in one go, as far as is known by now."""
        return SINGLES if kind in self._cannot_batch else BATCH_LIMIT

    def write_meta(self, kind: RecordKind, writes: StoreMetaWrites) -> dict[int, WriteOutcome]:
        """Write `meta_data`, and nothing else, of up to BATCH_LIMIT records of a kind.

        Gives for each id the record as the store answered it, or the StoreError that met it. Raises StoreError
        for what is not about one record, where nothing was written before it; after some were, all that are left
        are NotWritten. Where the store takes no batches, no more than SINGLES are written, and the others are not
        in what is given.
        """
        items: list[dict[str, Any]] = [
            {"id": number, "meta_data": _meta_data(meta)} for number, meta in writes.items()
        ]
        if len(items) == 1 or kind in self._cannot_batch:
            return self._write_singly(kind, items)
        try:
            return self._write_batch(kind, items)
        except StoreUnreachableError as error:
            if error.code != "server-error":
                raise
            return self._narrowed(kind, items, error)
        except (RecordRefusedError, RecordGoneError):
            half = (
                len(items) // 2
            )  # one of them, or their number, is refused: the smaller part will tell
            ids = list(writes)
            outcomes = self.write_meta(kind, {number: writes[number] for number in ids[:half]})
            try:
                return outcomes | self.write_meta(
                    kind, {number: writes[number] for number in ids[half:]}
                )
            except StoreError as error:
                return outcomes | dict.fromkeys(ids[half:], NotWritten(error))

    def _narrowed(
        self, kind: RecordKind, items: list[dict[str, Any]], error: StoreUnreachableError
    ) -> dict[int, WriteOutcome]:
        """The store failed over a batch: over one record of it, perhaps, which must not hold up all others for ever.

        Half as many are tried until they are written, or until one is left that it fails over alone.
        """
        tried = items
        outcomes: dict[int, WriteOutcome] = {}
        while not outcomes:
            tried = tried[: (len(tried) + 1) // 2]
            try:
                outcomes = self._write_batch(kind, tried)
            except StoreError as again:
                if again.whole_store and again.code != "server-error":
                    raise
                outcomes = {tried[0]["id"]: again} if len(tried) == 1 else {}
        return {item["id"]: outcomes.get(item["id"], NotWritten(error)) for item in items}

    def _write_singly(
        self, kind: RecordKind, items: list[dict[str, Any]]
    ) -> dict[int, WriteOutcome]:
        outcomes: dict[int, WriteOutcome] = {}
        items = items[:SINGLES]
        for position, item in enumerate(items):
            try:
                outcomes[item["id"]] = self._write_one(kind, item)
            except StoreError as error:
                if not outcomes and (error.code != "server-error" or len(items) == 1):
                    raise
                left: dict[int, WriteOutcome] = {
                    one["id"]: NotWritten(error) for one in items[position:]
                }
                if outcomes:
                    return outcomes | left
                left[item["id"]] = error
                return left  # over this one, perhaps: it must not hold up the others for ever
        return outcomes

    def _write_batch(
        self, kind: RecordKind, items: list[dict[str, Any]]
    ) -> dict[int, WriteOutcome]:
        try:
            answer = self.call("POST", f"{_ENDPOINTS[kind]}/batch", dict, body={"update": items})
        except CredentialsRefusedError as error:
            if error.code != "cannot-batch":
                raise
            self._cannot_batch.add(kind)  # a shop manager's key may write customers only one by one
            return self._write_singly(kind, items)
        answered = _objects(_object(answer).get("update"))
        outcomes = {item["id"]: _item(item) for item in answered if isinstance(item.get("id"), int)}
        missing = StoreUnreachableError("half-an-answer", "the batch's answer leaves records out")
        return {item["id"]: outcomes.get(item["id"], missing) for item in items}

    def _write_one(self, kind: RecordKind, item: dict[str, Any]) -> WriteOutcome:
        body = {"meta_data": item["meta_data"]}
        try:
            with self._judged(kind, writing=True):
                return self.change(f"{_ENDPOINTS[kind]}/{item['id']}", body)
        except StoreError as error:
            if error.whole_store:
                raise
            return error

    @contextmanager
    def _judged(self, kind: RecordKind, *, writing: bool) -> Iterator[None]:
        """Raise RecordClosedError where the store refuses a record to a good key within the block."""
        try:
            yield
        except CredentialsRefusedError as error:
            raise self._second_look.judge(error, kind, writing=writing) from error

    def call(
        self,
        method: str,
        endpoint: str,
        shape: type[Any] | None = None,
        *,
        params: Mapping[str, str] | None = None,
        body: object = None,
    ) -> object:
        """One call; the JSON of its answer. `shape` is that of JSON behind notices of PHP. Raises StoreError."""
        return self._decoded(
            self.response(method, endpoint, params=params, body=body), endpoint, shape
        )

    def _decoded(self, response: Response, endpoint: str, shape: type[Any] | None) -> object:
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
        """One call; its answer, if it is one of success. Raises StoreError."""
        answer = self._answer(method, endpoint, params, body)
        if isinstance(answer, RequestException):
            # Without a cause: its text has the address in it, which may hold the key.
            raise StoreUnreachableError("unreachable", f"no answer ({type(answer).__name__})")
        if method == "GET":
            self._assert_fresh(answer)
        if answer.status_code >= 300:
            raise failure(answer)
        return answer

    def _answer(
        self, method: str, endpoint: str, params: Mapping[str, str] | None, body: object
    ) -> Response | RequestException:
        """Send, and once more in the other way where the key did not arrive and the settings leave the way open."""
        try:
            response = self._paced(method, endpoint, params, body)
            may_differ = (
                self._api.is_ssl and self.settings.auth == "auto" and not self._both_ways_failed
            )
            if not (may_differ and is_key_missing(response)):
                return response
            before, arrived = self._api.key_in_query, False
            self._api.key_in_query = not before
            try:
                other = self._paced(method, endpoint, params, body)
                arrived = not is_key_missing(other)
            finally:
                self._api.key_in_query = before != arrived
                self._both_ways_failed = not arrived
                self.auth_was_found = self.auth_was_found or arrived
        except RequestException as error:
            return error
        return other

    def _assert_fresh(self, response: Response) -> None:
        """Raises CachedAnswerError for what a cache has kept: a record, a list, or that there is none."""
        if 200 <= response.status_code < 300 or response.status_code in CACHEABLE:
            header = caches.cache_header(response.headers)
            self.cached_by, self.has_fresh = (
                header or self.cached_by,
                self.has_fresh or header is None,
            )
            if header:
                raise CachedAnswerError(header)

    def _paced(
        self, method: str, endpoint: str, params: Mapping[str, str] | None, body: object
    ) -> Response:
        """Send when it is time to, and tell the pace how it went, whatever came of it."""
        send = getattr(self._api, method.lower())
        arguments: list[object] = [endpoint] if method in ("GET", "DELETE") else [endpoint, body]
        answer: Response | RequestException | None = None
        self._pace.wait()
        began = time.monotonic()
        try:
            response: Response = send(*arguments, params=params)
            answer = response
            self._hear(response)
        except RequestException as error:
            answer = error
            raise
        finally:
            took = time.monotonic() - began
            self._pace.observe(
                call_name(method, endpoint, params, body, answer), took, outcome_of(answer)
            )
        return response

    def _hear(self, response: Response) -> None:
        store_time = http_date(response.headers.get("Date"))
        if (
            store_time
            and "Age" not in response.headers
            and not caches.cache_header(response.headers)
        ):
            self.heard = Heard(store_time, datetime.now(UTC))


def _meta_data(meta: Mapping[str, str | None]) -> list[dict[str, str | None]]:
    return [{"key": key, "value": value} for key, value in meta.items()]


def _object(answer: object) -> dict[str, Any]:
    if not isinstance(answer, dict):
        raise StoreUnreachableError("not-json", "the answer is not of the REST API's shape")
    return answer


def _objects(answer: object) -> list[dict[str, Any]]:
    rows = php_list(answer)
    if rows is None or not all(isinstance(item, dict) for item in rows):
        raise StoreUnreachableError("not-json", "the answer is not of the REST API's shape")
    return rows


def _item(item: dict[str, Any]) -> WriteOutcome:
    error = item.get("error")
    if not isinstance(error, dict):
        return item
    status = error.get("data", {}).get("status") if isinstance(error.get("data"), dict) else None
    failed = failure_of(error.get("code"), status if isinstance(status, int) else 400)
    return closed() if isinstance(failed, CredentialsRefusedError) else failed
