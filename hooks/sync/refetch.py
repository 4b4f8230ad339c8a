"""Refetch: asking the store for a record after a hint, a tie, a quarantined delivery or a refund without a date.

The danger: an answer may be old. A cache may answer in the store's place, and facts that are out of date would then
replace newer ones, or close a record that still exists. And one record that the store cannot show must not hold up all
the others.

The principle: a claim keeps the version that the ledger had when the store was asked. Answers are compared with it.

The rules:
- A record is claimed before it is asked about. The claim of a dead worker lapses, and the record is due again.
- Several records are asked for with one call. What this call does not settle is asked for one by one, SINGLES a time.
- An older version than the known one, or "no such record" for a known one, is believed only if a read past all caches
  says the same, or if nothing lets such a read through.
- An order with refunds is settled only with their dates, which come from the order's list of refunds.
- A record over which the store fails waits by its own backoff. An error about the whole store is raised, and the claims
  on the records that were not asked about are released.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import uuid4

from hooks import telemetry
from hooks.errors import (
    PostReadRefusedError,
    QuarantinedError,
    RecordClosedError,
    RecordGoneError,
    StoreError,
    StoreUnreachableError,
)
from hooks.intake.answers import Answer, Answers
from hooks.ledger import order_ids, records
from hooks.ledger.records import ClaimedRecord
from hooks.ledger.rows import CLOSED
from hooks.retention.facts import STORED_KINDS, RecordKind, Snapshot
from hooks.runtime import Runtime
from hooks.store.client import StoreClient
from hooks.store.retry import delay
from hooks.sync.compare import knows_refunds, refund_id
from hooks.sync.unlisted_orders import note_unlisted
from hooks.tagging.snapshot_merge import is_rewound
from schemas.customer import FIELDS as CUSTOMER_FIELDS
from schemas.order import FIELDS as ORDER_FIELDS
from schemas.wire import php_list, record_id

BATCH = 100
"""Records of one batch. Between two batches, records that are due are pushed."""

SINGLES = 10
"""Records of a batch that are asked for one by one: those that the common call does not show, or not completely."""

LEASE = timedelta(minutes=5)
"""A batch takes less than this even in a slow store. To ask for a record twice does no harm."""

_FIELDS: Mapping[RecordKind, str] = {"order": ORDER_FIELDS, "customer": CUSTOMER_FIELDS}

_ADDRESS_FIELDS = "email,billing"
"""The fields of an account that are asked for as well, where addresses are hashed."""


@dataclass(frozen=True)
class Refetcher:
    """Asks one store about the records that are due for a refetch."""

    store: str
    client: StoreClient
    runtime: Runtime
    jitter: Callable[[], float] = random.random

    def refetch(self) -> int:
        """Ask about the records that are due, at most a batch of them; return how many were claimed.

        Raises StoreError where it is about the whole store.
        """
        due = self._claim()
        pending = {row.id: row for row in due}
        left_out: set[int] = set()
        try:
            for kind in STORED_KINDS:
                left_out |= self._ask_together(kind, pending)
            for row in list(pending.values())[:SINGLES]:
                self._ask_alone(row, is_left_out=row.id in left_out)
                del pending[row.id]
        finally:
            if pending:
                self._release(pending.values())
        return len(due)

    @property
    def _answers(self) -> Answers:
        return Answers(self.runtime)

    def _claim(self) -> list[ClaimedRecord]:
        now = self.runtime.clock()
        token = uuid4().hex
        with self.runtime.database.write() as connection:
            return records.claim_refetches(
                connection, self.store, limit=BATCH, now=now, until=now + LEASE, claim=token
            )

    def _ask_together(self, kind: RecordKind, pending: dict[int, ClaimedRecord]) -> set[int]:
        """Ask about several records with one call, and take those that it settles out of `pending`.

        Orders whose refunds lack a date stay, and records that the answer shows in an older version than the known one.
        Records that the answer leaves out stay, too, such as an order in the trash: returns their row ids.

        A single record is not asked for in this way, unless a list lacked it: the call may show what the list did not.
        """
        rows = {row.external_id: row for row in pending.values() if row.kind == kind}
        was_missing = any(row.reread_reason == "missing" for row in rows.values())
        if len(rows) < 2 and not was_missing:
            return set()
        asked_at = self.runtime.clock()
        try:
            shown_rows = self.client.read_many(kind, list(rows), fields=self._fields(kind))
        except StoreError as error:
            if error.whole_store and not isinstance(error, StoreUnreachableError):
                raise
            # The store may fail over one of them. Asked about one by one, the others succeed.
            return set()
        answers = list(self._settling_answers(kind, rows, shown_rows))
        self._answers.apply(self.store, answers, asked_at=asked_at)
        telemetry.REREADS.labels(self.store, "read").inc(len(answers))
        for answer in answers:
            del pending[answer.claim.record_id]
        return {row.id for number, row in rows.items() if number not in shown_rows}

    def _settling_answers(
        self,
        kind: RecordKind,
        rows: Mapping[int, ClaimedRecord],
        shown_rows: Mapping[int, dict[str, Any]],
    ) -> Iterator[Answer]:
        """Read the rows that settle their record: complete ones, no older than the known version."""
        for number, raw in self._with_known_refunds(kind, shown_rows).items():
            claim = rows[number].claim
            snapshot = self._snapshot_or_none(kind, raw)
            if snapshot and not is_rewound(claim, snapshot):
                yield Answer(claim, snapshot)

    def _with_known_refunds(
        self, kind: RecordKind, shown_rows: Mapping[int, dict[str, Any]]
    ) -> dict[int, dict[str, Any]]:
        """Drop the orders with a refund whose date the ledger lacks. The date of a refund never changes."""
        complete = dict(shown_rows)
        refunded = [number for number, raw in shown_rows.items() if raw.get("refunds")]
        if not refunded:
            return complete
        with self.runtime.database.read() as connection:
            stored = records.find_by_ids(connection, self.store, kind, refunded)
        for number in refunded:
            if not knows_refunds(stored.get(number), shown_rows[number]):
                del complete[number]
        return complete

    def _fields(self, kind: RecordKind) -> str:
        """Return the fields to ask for: an account's addresses only where they are hashed."""
        if kind == "customer" and self.runtime.subject_key:
            return f"{CUSTOMER_FIELDS},{_ADDRESS_FIELDS}"
        return _FIELDS[kind]

    def _snapshot_or_none(self, kind: RecordKind, raw: dict[str, Any]) -> Snapshot | None:
        try:
            return self._answers.snapshot_of(kind, raw)
        except QuarantinedError:
            return None

    def _ask_alone(self, row: ClaimedRecord, *, is_left_out: bool) -> None:
        """Ask about one record. `is_left_out`: a call for several records did not show it."""
        asked_at = self.runtime.clock()
        try:
            snapshot = self._read(row)
        except RecordGoneError:
            self._answers.close_missing(row.claim, asked_at=asked_at)
            telemetry.REREADS.labels(self.store, "gone").inc()
        except QuarantinedError:
            text = "the answer is not of a record's shape"
            self._retry_later(row, StoreUnreachableError("not-of-the-shape", text))
        except StoreError as error:
            # If the store fails over this record alone, the others come first next time.
            if not error.whole_store or isinstance(error, StoreUnreachableError):
                self._retry_later(row, error)
            if error.whole_store:
                raise
        else:
            self._answers.apply(self.store, [Answer(row.claim, snapshot)], asked_at=asked_at)
            telemetry.REREADS.labels(self.store, "read").inc()
            if is_left_out and _is_unlisted(row, snapshot):
                self._mark_unlisted(row)

    def _mark_unlisted(self, row: ClaimedRecord) -> None:
        """Mark an order that only its own address shows, and count it for `/status`."""
        with self.runtime.database.write() as connection:
            if records.mark_unlisted(connection, row.id):
                number = order_ids.last_unlisted_count(connection, self.store) + 1
                note_unlisted(connection, self.store, number, self.runtime.clock())

    def _read(self, row: ClaimedRecord) -> Snapshot:
        """Read the record as the store has it now; an order with the dates of its refunds.

        Raises RecordGoneError and other StoreErrors, and QuarantinedError.
        """
        raw = self._read_believable(row)
        if raw.get("refunds"):
            dated = self.client.refunds(row.external_id)
            raw["refunds"] = _dated_refunds(php_list(raw["refunds"]) or [], dated)
        return self._answers.snapshot_of(row.kind, raw)

    def _read_believable(self, row: ClaimedRecord) -> dict[str, Any]:
        """Read the record; a second time, past all caches, where the answer may come from a cache that does not say so.

        That is so where the answer is older than the known version, or where a known record is said not to exist.
        """
        try:
            raw = self.client.read(row.kind, row.external_id, fields=self._fields(row.kind))
        except RecordGoneError:
            if row.version is None:
                raise
            fresh = self._read_past_caches(row)
            if fresh is None:
                raise
            return fresh
        if is_rewound(row.claim, self._answers.snapshot_of(row.kind, raw)):
            fresh = self._read_past_caches(row)
            if fresh is not None:
                return fresh
        return raw

    def _read_past_caches(self, row: ClaimedRecord) -> dict[str, Any] | None:
        """Read the record past all caches; None where nothing lets such a request through."""
        fields = self._fields(row.kind)
        try:
            return self.client.read(row.kind, row.external_id, fields=fields, past_caches=True)
        except PostReadRefusedError:
            return None

    def _retry_later(self, row: ClaimedRecord, error: StoreError) -> None:
        telemetry.REREADS.labels(self.store, error.code).inc()
        attempts = row.reread_attempts + 1
        at = self.runtime.clock() + delay(error, attempts, jitter=self.jitter)
        columns: dict[str, Any] = {"reread_at": at, "reread_attempts": attempts}
        if isinstance(error, RecordClosedError):
            columns["reread_reason"] = CLOSED
        with self.runtime.database.write() as connection:
            records.release(connection, row.claim, **columns)

    def _release(self, rows: Iterable[ClaimedRecord]) -> None:
        claims = [row.claim for row in rows]
        self.runtime.transaction(lambda unit: records.release_all(unit.connection, claims))


def _dated_refunds(
    order_refunds: Iterable[Any], dated_refunds: Iterable[dict[str, Any]]
) -> list[Any]:
    """Combine the refunds that an order shows with the list of its refunds, which has their dates.

    A refund that this list lacks is still a refund: its date cannot be known.
    """
    dated_by_id = {record_id(refund.get("id")): refund for refund in dated_refunds}
    refunds: dict[int | None, Any] = {}
    for refund in order_refunds:
        number = refund_id(refund)
        refunds[number] = dated_by_id.get(number) or {"id": number, "date_created_gmt": None}
    refunds.update(dated_by_id)
    return list(refunds.values())


def _is_unlisted(row: ClaimedRecord, snapshot: Snapshot) -> bool:
    """Tell whether an order that a list lacks is there, and as the ledger knows it.

    A snapshot without a version cannot show that it is newer.
    """
    if row.kind != "order" or row.reread_reason != "missing":
        return False
    return snapshot.undated or row.version == snapshot.version
