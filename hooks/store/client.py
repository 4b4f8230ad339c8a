"""A client of WooCommerce's REST API: records, lists, webhooks, and the writes of schedules in batches.

`hooks.store.connection` makes the single calls.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any

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
from hooks.store.connection import StoreConnection
from hooks.store.failures import (
    failure_of,
    http_date,
    status_inside,
)
from hooks.store.rate import Pace
from hooks.store.refusal_check import ENDPOINTS as _ENDPOINTS
from hooks.store.refusal_check import RefusalCheck, closed
from schemas.wire import php_list, record_id

_POST_REFUSED = frozenset({"method-refused", "not-the-api", "no-rest-api", "no-such-route"})
"""Error codes of a read by POST that are not about the record, since the same record was just read by GET."""

BATCH_LIMIT = 100
"""WooCommerce answers 413 to a batch with more items than this."""

LIST_LIMIT = 100
"""The store gives no more rows than this in one answer to a list."""

REFUND_PAGES = 10
"""At most this many pages of an order's refunds are read. No order has more."""

SINGLE_WRITES = 10
"""At most this many records are written one by one in one go. Where calls are few and slow, more would outlive the
claim of their records."""

StoreMetaWrites = Mapping[int, Mapping[str, str | None]]


@dataclass(frozen=True, slots=True)
class NotWritten:
    """The write of several records stopped with `error` before this record, or at it. It may be retried."""

    error: StoreError


WriteOutcome = dict[str, Any] | StoreError | NotWritten


@dataclass(frozen=True, slots=True)
class Listing:
    """One answer to a list: its rows, the number of rows in the whole list, and the store's own time, in UTC.

    `total` and `store_time` are as the store tells them, and may be wrong. They are None where it does not.
    """

    rows: list[dict[str, Any]]
    total: int | None
    store_time: datetime | None


class StoreClient(StoreConnection):
    """The records, lists and webhooks of one store. Its methods raise StoreError, or what `pace` raises."""

    def __init__(self, settings: StoreSettings, pace: Pace | None = None) -> None:
        super().__init__(settings, pace)
        self._cannot_batch: set[RecordKind] = set()
        self.refuses_delete = False
        """The web server refused DELETE. POST with `_method` replaces it from now on."""
        self._refusal_check = RefusalCheck(self.call)

    def read(
        self, kind: RecordKind, external_id: int, *, fields: str, past_caches: bool = False
    ) -> dict[str, Any]:
        """Read a record as it is now, also a trashed one. Raises RecordGoneError where the store has none.

        With `past_caches`, or after an answer out of a cache, it is read by a POST, which no cache answers.
        """
        endpoint = f"{_ENDPOINTS[kind]}/{external_id}"
        params = {"_fields": fields}
        with self._refusals_checked(kind, writing=False):
            if not past_caches:
                with suppress(CachedAnswerError):
                    return _object(self.call("GET", endpoint, dict, params=params))
            return _object(self._read_past_caches(endpoint, params))

    def _read_past_caches(self, endpoint: str, params: Mapping[str, str]) -> object:
        """Read by a POST, which no cache answers. Raises PostReadRefusedError where a firewall stops the POST."""
        try:
            return self.call("POST", endpoint, dict, params={**params, **caches.AS_POST})
        except StoreError as error:
            if error.code not in _POST_REFUSED:
                raise
            message = "a firewall or server before the store refuses a POST that asks to be read"
            raise PostReadRefusedError("post-read-refused", message) from error

    def refunds(self, order_id: int) -> list[dict[str, Any]]:
        """Read an order's refunds with their dates, which the order does not show: the newest REFUND_PAGES pages."""
        endpoint = f"orders/{order_id}/refunds"
        params = {"_fields": "id,date_created_gmt", "per_page": str(LIST_LIMIT)}
        refunds: list[dict[str, Any]] = []
        for page in range(1, REFUND_PAGES + 1):
            params["page"] = str(page)
            with self._refusals_checked("order", writing=False):
                rows = _objects(self.call("GET", endpoint, list, params=params))
            refunds += rows
            if len(rows) < LIST_LIMIT:
                break
        return refunds

    def list_page(self, endpoint: str, params: Mapping[str, str]) -> Listing:
        """Read one page of a list. `params` name the list and the page."""
        response = self.response("GET", endpoint, params=params)
        total = record_id(response.headers.get("X-WP-Total"), minimum=0)
        rows = _objects(self.decoded(response, endpoint, list))
        return Listing(rows, total, http_date(response.headers.get("Date")))

    def read_many(
        self, kind: RecordKind, ids: Collection[int], *, fields: str
    ) -> dict[int, dict[str, Any]]:
        """Read up to LIST_LIMIT records in one call; `fields` must name `id`.

        The result leaves out trashed orders, unfinished checkouts, records that the store does not know, and records
        that it does not show to the key. Raises RecordClosedError where one record makes the store refuse the list, and
        ValueError for too many ids.
        """
        if len(ids) > LIST_LIMIT:
            raise ValueError(f"a list has at most {LIST_LIMIT} records")
        if not ids:
            return {}
        params = {
            "include": ",".join(str(number) for number in ids),
            "per_page": str(LIST_LIMIT),
            "_fields": fields,
        }
        if kind == "order":
            params["status"] = "any"
        else:
            params["role"] = "all"
        with self._refusals_checked(kind, writing=False):
            listing = self.list_page(_ENDPOINTS[kind], params)
        records: dict[int, dict[str, Any]] = {}
        for row in listing.rows:
            number = record_id(row.get("id"))
            if number is not None and number in ids:
                records[number] = row
        return records

    def create(self, endpoint: str, body: Mapping[str, object]) -> dict[str, Any]:
        """Create an item of the list `endpoint`, and return it as the store answers it."""
        return _object(self.call("POST", endpoint, dict, body=body))

    def change(self, endpoint: str, body: Mapping[str, object]) -> dict[str, Any]:
        """Change the item at `endpoint`, and return it as the store answers it.

        By POST, which means the same to WooCommerce as PUT. Some web servers refuse PUT.
        """
        return _object(self.call("POST", endpoint, dict, body=body))

    def delete(self, endpoint: str, params: Mapping[str, str] | None = None) -> dict[str, Any]:
        """Delete the item at `endpoint`, and return it as it was. Webhooks and customers need `force=true`.

        Where the web server refuses DELETE, by POST with `_method=DELETE`, which means the same to WordPress.
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
        all_params = {**(params or {}), "_method": "DELETE"}
        try:
            deleted = _object(self.call("POST", endpoint, dict, params=all_params))
        except (RecordGoneError, RecordRefusedError):
            self.refuses_delete = True  # WooCommerce has answered, so the POST arrived
            raise
        self.refuses_delete = True
        return deleted

    def write_limit(self, kind: RecordKind) -> int:
        """Return the number of records of a kind that `write_meta` writes in one go, as far as is known by now."""
        if kind in self._cannot_batch:
            return SINGLE_WRITES
        return BATCH_LIMIT

    def write_meta(self, kind: RecordKind, writes: StoreMetaWrites) -> dict[int, WriteOutcome]:
        """Write `meta_data`, and nothing else, of up to BATCH_LIMIT records of a kind.

        Returns for each id the record as the store answered it, or the StoreError for this record. A failure that is
        not about one record is raised as StoreError if nothing was written before it; otherwise the records that were
        not written are NotWritten. Where the store takes no batches, at most SINGLE_WRITES records are written, and the
        result leaves out all after them.
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
            return self._write_smaller_batches(kind, items, error)
        except (RecordRefusedError, RecordGoneError):
            return self._write_halves(kind, writes)

    def _write_halves(self, kind: RecordKind, writes: StoreMetaWrites) -> dict[int, WriteOutcome]:
        """Write a batch that was refused as two. One record of it, or their number, was refused; halves will tell."""
        middle = len(writes) // 2
        first = dict(islice(writes.items(), middle))
        second = dict(islice(writes.items(), middle, None))
        outcomes = self.write_meta(kind, first)
        try:
            return outcomes | self.write_meta(kind, second)
        except StoreError as error:
            return outcomes | dict.fromkeys(second, NotWritten(error))

    def _write_smaller_batches(
        self, kind: RecordKind, items: list[dict[str, Any]], error: StoreUnreachableError
    ) -> dict[int, WriteOutcome]:
        """Write a part of a batch over which the store failed with `error`.

        One record may be the cause, and must not block all others for ever. So half as many are tried, until these are
        written or the store fails over one record alone.
        """
        batch = items
        outcomes: dict[int, WriteOutcome] = {}
        while not outcomes:
            batch = batch[: (len(batch) + 1) // 2]
            try:
                outcomes = self._write_batch(kind, batch)
            except StoreError as batch_error:
                if batch_error.whole_store and batch_error.code != "server-error":
                    raise
                if len(batch) == 1:
                    outcomes = {batch[0]["id"]: batch_error}
        return {item["id"]: outcomes.get(item["id"], NotWritten(error)) for item in items}

    def _write_singly(
        self, kind: RecordKind, items: list[dict[str, Any]]
    ) -> dict[int, WriteOutcome]:
        outcomes: dict[int, WriteOutcome] = {}
        ids = [item["id"] for item in items[:SINGLE_WRITES]]
        for position, item in enumerate(items[:SINGLE_WRITES]):
            try:
                outcomes[item["id"]] = self._write_one(kind, item)
            except StoreError as error:
                if outcomes:
                    return outcomes | dict.fromkeys(ids[position:], NotWritten(error))
                if error.code != "server-error" or len(ids) == 1:
                    raise
                # The first record may be the cause, and must not block the others for ever.
                outcomes = dict.fromkeys(ids, NotWritten(error))
                outcomes[item["id"]] = error
                return outcomes
        return outcomes

    def _write_batch(
        self, kind: RecordKind, items: list[dict[str, Any]]
    ) -> dict[int, WriteOutcome]:
        try:
            answer = self.call("POST", f"{_ENDPOINTS[kind]}/batch", dict, body={"update": items})
        except CredentialsRefusedError as error:
            if error.code != "cannot-batch":
                raise
            # The key of a shop manager may write customers only one by one.
            self._cannot_batch.add(kind)
            return self._write_singly(kind, items)
        outcomes: dict[int, WriteOutcome] = {}
        for row in _objects(_object(answer).get("update")):
            if isinstance(row.get("id"), int):
                outcomes[row["id"]] = _write_outcome(row)
        missing = StoreUnreachableError("half-an-answer", "the batch's answer leaves records out")
        return {item["id"]: outcomes.get(item["id"], missing) for item in items}

    def _write_one(self, kind: RecordKind, item: dict[str, Any]) -> WriteOutcome:
        body = {"meta_data": item["meta_data"]}
        try:
            with self._refusals_checked(kind, writing=True):
                return self.change(f"{_ENDPOINTS[kind]}/{item['id']}", body)
        except StoreError as error:
            if error.whole_store:
                raise
            return error

    @contextmanager
    def _refusals_checked(self, kind: RecordKind, *, writing: bool) -> Iterator[None]:
        """Turn a refusal within the block into RecordClosedError where the key itself is good."""
        try:
            yield
        except CredentialsRefusedError as error:
            raise self._refusal_check.judge(error, kind, writing=writing) from error


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


def _write_outcome(row: dict[str, Any]) -> WriteOutcome:
    """Return the record of a batch's answer, or the error in its place."""
    error = row.get("error")
    if not isinstance(error, dict):
        return row
    status = status_inside(error)
    if status is None:
        status = 400
    write_error = failure_of(error.get("code"), status)
    if isinstance(write_error, CredentialsRefusedError):
        # The key may write others of the batch, so the refusal is about this record.
        return closed()
    return write_error
