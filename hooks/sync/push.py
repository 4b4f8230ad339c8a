"""Pushing: claim the schedules that are due, write them to the store in batches, settle each record by the answer.

A push is due while the values that the store should hold differ from those that it is known to hold. So ten changes
cost one write, and a crash costs none: a claim that is not settled lapses, and the difference is still there.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from hooks import telemetry
from hooks.errors import QuarantinedError, RecordGoneError, StoreError, StoreUnreachableError
from hooks.intake.answers import Answers, Write
from hooks.ledger import records
from hooks.ledger.moment import Moment
from hooks.ledger.records import UNCLAIMED, ClaimedRecord
from hooks.ledger.rows import RecordChange
from hooks.ledger.unit import Unit
from hooks.retention.facts import STORED_KINDS, RecordKind
from hooks.runtime import Runtime
from hooks.store.client import NotWritten, StoreClient
from hooks.store.retry import delay
from hooks.tagging.changes import request_refetch

LEASE = timedelta(minutes=3)
"""The lease of a claim. A batch takes less than this even in a slow store, so that two workers never write the same
record at once. A record of a worker that was killed waits for no longer than this."""


@dataclass(frozen=True)
class Pusher:
    """Writes one store's schedules back."""

    store: str
    client: StoreClient
    runtime: Runtime
    jitter: Callable[[], float] = random.random

    def push(self) -> int:
        """Push what is due, at most one batch of each kind; return how many records were claimed.

        Raises StoreError where it is about the whole store. Claims on records that were not tried are then released.
        """
        return sum(self._push_kind(kind) for kind in STORED_KINDS)

    @property
    def _answers(self) -> Answers:
        return Answers(self.runtime)

    def _push_kind(self, kind: RecordKind) -> int:
        now = self.runtime.clock()
        token = uuid4().hex
        limit = self.client.write_limit(kind)
        with self.runtime.database.write() as connection:
            due = records.claim_pushes(
                connection, self.store, kind, limit=limit, now=now, until=now + LEASE, claim=token
            )
        if due:
            self._write(kind, due, now)
        return len(due)

    def _write(self, kind: RecordKind, due: Sequence[ClaimedRecord], now: datetime) -> None:
        """Write one batch, and settle each record by its own outcome."""
        values = {row.external_id: json.loads(row.wanted) for row in due}
        try:
            outcomes = self.client.write_meta(kind, values)
        except StoreError:
            self._release(due)
            raise
        store_error: StoreError | None = None
        untried: list[ClaimedRecord] = []
        answered: list[tuple[ClaimedRecord, dict[str, Any]]] = []
        for row in due:
            outcome = outcomes.get(row.external_id)
            if outcome is None:
                untried.append(row)
            elif isinstance(outcome, NotWritten):
                untried.append(row)
                store_error = outcome.error
            elif isinstance(outcome, StoreError):
                self._retry_later(row, outcome)
            else:
                answered.append((row, outcome))
        self._settle(kind, answered, now)
        if untried:
            self._release(untried)
        if store_error:
            raise store_error

    def _release(self, rows: Iterable[ClaimedRecord]) -> None:
        """Release the claims on records that were not tried: they are due as before."""
        claims = [row.claim for row in rows]
        self.runtime.transaction(lambda unit: records.release_all(unit.connection, claims))

    def _settle(
        self,
        kind: RecordKind,
        answered: Iterable[tuple[ClaimedRecord, dict[str, Any]]],
        asked_at: datetime,
    ) -> None:
        """Save what the store answered, all of it in one transaction."""
        writes = []
        for row, raw in answered:
            try:
                snapshot = self._answers.snapshot_of(kind, raw)
            except QuarantinedError:
                text = "the answer is not of a record's shape"
                self._retry_later(row, StoreUnreachableError("not-of-the-shape", text))
            else:
                writes.append(Write(row.claim, row.wanted_digest, snapshot))
        if writes:
            self._answers.settle_writes(self.store, writes, asked_at=asked_at)
            telemetry.WRITES.labels(self.store, "written").inc(len(writes))

    def _retry_later(self, row: ClaimedRecord, error: StoreError) -> None:
        """Release the claim on a record that was not written, with its next attempt.

        Where the store says that the record is gone, a refetch is due as well.
        """
        telemetry.WRITES.labels(self.store, error.code).inc()
        now = self.runtime.clock()

        def work(unit: Unit) -> None:
            key = unit.claimed([row.claim]).get(row.id)
            if key is None:
                return
            record = unit.find(key)
            if record is None:
                return
            change: RecordChange = {**UNCLAIMED}
            if isinstance(error, RecordGoneError):
                change |= request_refetch(record, "deleted", Moment(now, self.runtime.settle))
            if record["wanted_digest"] == row.wanted_digest and record["push_at"] is not None:
                attempts = row.push_attempts + 1
                change["push_attempts"] = attempts
                change["push_error"] = error.code
                change["push_at"] = now + delay(error, attempts, jitter=self.jitter)
            unit.save(record, change)

        self.runtime.transaction(work)
