"""Asking the store what became of a record: after a hint, a tie, a delivery set aside, a refund without a date."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Mapping
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
from hooks.intake.ingest import Ingest, is_rewound
from hooks.ledger import order_ids, records
from hooks.ledger.records import Claim, Due, Values
from hooks.retention.facts import STORED_KINDS, RecordKind, Snapshot
from hooks.runtime import Runtime
from hooks.store.client import StoreClient
from hooks.store.retry import delay
from hooks.sync.compare import knows_refunds
from hooks.sync.unlisted_orders import note_unlisted
from schemas.customer import FIELDS as CUSTOMER_FIELDS
from schemas.order import FIELDS as ORDER_FIELDS
from schemas.wire import php_list, record_id

ROUND = 100
"""Records asked for in one round; between two rounds what is due to be written gets its turn."""

SINGLES = 10
"""As many of them are asked for one by one: those that the list of all does not show, or not whole."""

LEASE = timedelta(minutes=5)
"""Longer than a round takes even in a slow store; a record that is asked for twice all the same is no harm."""

_FIELDS: Mapping[RecordKind, str] = {"order": ORDER_FIELDS, "customer": CUSTOMER_FIELDS}

_ADDRESS_FIELDS = "email,billing"
"""What a read of an account asks for besides, where addresses are hashed."""


@dataclass(frozen=True)
class Refetcher:
    """Asks one store about records that are in question."""

    store: str
    client: StoreClient
    runtime: Runtime
    jitter: Callable[[], float] = random.random

    def refetch(self) -> int:
        """Ask about what is due, at most a round of it. Returns how many records that were.

        Raises StoreError where it is about the whole store; what was not asked for is given back.
        """
        now = self.runtime.clock()
        token = uuid4().hex
        with self.runtime.database.write() as connection:
            due = records.claim_rereads(
                connection, self.store, limit=ROUND, now=now, until=now + LEASE, claim=token
            )
        left = {row.id: row for row in due}
        try:
            left_out: set[int] = set()
            for kind in STORED_KINDS:
                left_out |= self._ask_together(kind, left)
            for row in list(left.values())[:SINGLES]:
                self._ask(row, row.claim, left_out=row.id in left_out)
                del left[row.id]
        finally:
            if left:
                self._give_back(left.values())
        return len(due)

    def _ask_together(self, kind: RecordKind, left: dict[int, Due]) -> set[int]:
        """Ask about several records with one call, and take those out of `left` that it settled.

        An order with refunds whose dates are not known stays, and what the list shows in an older state than is known.
        So does what the list leaves out, such as the trash: the row ids of these are returned. One record alone is
        asked for by itself, unless a list was to show it and did not: another one may.
        """
        rows = {row.external_id: row for row in left.values() if row.kind == kind}
        if len(rows) < 2 and not any(row.reread_reason == "missing" for row in rows.values()):
            return set()
        asked_at = self.runtime.clock()
        try:
            found = self.client.read_many(kind, list(rows), fields=self._fields(kind))
        except StoreError as error:
            if error.whole_store and not isinstance(error, StoreUnreachableError):
                raise
            return set()  # one of them may be what the store fails at: one by one, it shows
        answers = []
        for number, raw in self._whole(kind, found).items():
            claim, snapshot = rows[number].claim, self._settling(kind, raw)
            if snapshot and not is_rewound(claim, snapshot):
                answers.append((claim, snapshot))
        Ingest(self.runtime).apply_answers(self.store, answers, asked_at=asked_at)
        telemetry.REREADS.labels(self.store, "read").inc(len(answers))
        for claim, _ in answers:
            del left[claim.record_id]
        return {row.id for number, row in rows.items() if number not in found}

    def _whole(
        self, kind: RecordKind, found: Mapping[int, dict[str, Any]]
    ) -> dict[int, dict[str, Any]]:
        """Those that tell all: without refunds, or with refunds whose dates the ledger knows, which never change."""
        refunded = [number for number, raw in found.items() if raw.get("refunds")]
        known: Mapping[int, Values] = {}
        if refunded:
            with self.runtime.database.read() as connection:
                known = records.those(connection, self.store, kind, refunded)
        doubtful = {
            number for number in refunded if not knows_refunds(known.get(number), found[number])
        }
        return {number: raw for number, raw in found.items() if number not in doubtful}

    def _fields(self, kind: RecordKind) -> str:
        """The fields that a read asks for: an account's addresses only where they are hashed."""
        if kind == "customer" and self.runtime.subject_key:
            return f"{CUSTOMER_FIELDS},{_ADDRESS_FIELDS}"
        return _FIELDS[kind]

    def _settling(self, kind: RecordKind, raw: dict[str, Any]) -> Snapshot | None:
        """What a row of a list shows, where it shows enough to settle what is in question."""
        try:
            return Ingest(self.runtime).snapshot_of(kind, raw)
        except QuarantinedError:
            return None

    def _ask(self, row: Due, claim: Claim, *, left_out: bool) -> None:
        asked_at = self.runtime.clock()
        try:
            snapshot = self._read(row)
        except RecordGoneError:
            Ingest(self.runtime).close_missing(claim, asked_at=asked_at)
            telemetry.REREADS.labels(self.store, "gone").inc()
        except QuarantinedError:
            error = StoreUnreachableError(
                "not-of-the-shape", "the answer is not of a record's shape"
            )
            self._later(row, claim, error)
        except StoreError as error:
            if not error.whole_store or isinstance(error, StoreUnreachableError):
                self._later(
                    row, claim, error
                )  # its turn comes after that of others, if it is this one that fails
            if error.whole_store:
                raise
        else:
            Ingest(self.runtime).apply_answers(self.store, [(claim, snapshot)], asked_at=asked_at)
            telemetry.REREADS.labels(self.store, "read").inc()
            if (
                left_out
                and row.kind == "order"
                and row.reread_reason == "missing"
                and _is_as_known(row, snapshot)
            ):
                self._mark_unlisted(row)

    def _mark_unlisted(self, row: Due) -> None:
        """Keep that neither a list nor `include` shows an order that is there, and nothing about it is new."""
        with self.runtime.database.write() as connection:
            if records.mark_unlisted(connection, row.id):
                number = order_ids.unlisted(connection, self.store) + 1
                note_unlisted(connection, self.store, number, self.runtime.clock())

    def _read(self, row: Due) -> Snapshot:
        """The record as the store shows it now; an order with the dates of its refunds.

        An older state than is known, or none at all, may come out of a cache that does not say so. It is believed
        only when a read past all caches shows it too.
        """
        kind, number = row.kind, row.external_id
        shown: dict[str, Any] | RecordGoneError
        try:
            shown = self.client.read(kind, number, fields=self._fields(kind))
            is_doubtful = is_rewound(row.claim, Ingest(self.runtime).snapshot_of(kind, shown))
        except RecordGoneError as error:
            shown, is_doubtful = error, row.version is not None
        raw = self._read_once_more(row, shown) if is_doubtful else shown
        if isinstance(raw, RecordGoneError):
            raise raw
        if raw.get("refunds"):
            raw["refunds"] = with_all(php_list(raw["refunds"]) or [], self.client.refunds(number))
        return Ingest(self.runtime).snapshot_of(kind, raw)

    def _read_once_more(
        self, row: Due, shown: dict[str, Any] | RecordGoneError
    ) -> dict[str, Any] | RecordGoneError:
        """Read past all caches. Where nothing lets such a request through, the first answer, which no cache marked,
        is the best that there is."""
        try:
            return self.client.read(
                row.kind, row.external_id, fields=self._fields(row.kind), past_caches=True
            )
        except PostReadRefusedError:
            return shown

    def _later(self, row: Due, claim: Claim, error: StoreError) -> None:
        telemetry.REREADS.labels(self.store, error.code).inc()
        attempts = row.reread_attempts + 1
        at = self.runtime.clock() + delay(error, attempts, jitter=self.jitter)
        columns: dict[str, Any] = {"reread_at": at, "reread_attempts": attempts}
        if isinstance(error, RecordClosedError):
            columns["reread_reason"] = records.CLOSED
        with self.runtime.database.write() as connection:
            records.release(connection, claim, **columns)

    def _give_back(self, rows: Iterable[Due]) -> None:
        self.runtime.transaction(
            lambda unit: records.give_back(unit.connection, (row.claim for row in rows))
        )


def with_all(listed: Iterable[Any], dated: Iterable[dict[str, Any]]) -> list[Any]:
    """The refunds that an order lists, each as the store's list of refunds dates it.

    One that this list lacks is still a refund: it has no date that can be known.
    """
    by_id = {record_id(row.get("id")): row for row in dated}
    refunds: dict[int | None, Any] = {}
    for row in listed:
        number = record_id(row.get("id")) if isinstance(row, dict) else None
        refunds[number] = by_id.get(number) or {"id": number, "date_created_gmt": None}
    return list((refunds | by_id).values())


def _is_as_known(row: Due, snapshot: Snapshot) -> bool:
    """Tell whether an answer shows nothing newer than was known; one without a version never says so itself."""
    return snapshot.undated or row.version == snapshot.version
