"""Writing schedules back: claims what is due, writes it in batches, settles each record by the store's answer.

Level-triggered: what is wanted against what the store is known to hold. Ten changes cost one write, a crash
none: a claim that is not settled lapses, and the difference is still there.
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
from hooks.intake.ingest import Ingest
from hooks.ledger import records
from hooks.ledger.moment import Moment
from hooks.ledger.records import UNCLAIMED, Due
from hooks.ledger.unit import Unit
from hooks.retention.facts import STORED_KINDS, RecordKind
from hooks.runtime import Runtime
from hooks.store.client import NotWritten, StoreClient
from hooks.store.retry import delay
from hooks.tagging.changes import question

LEASE = timedelta(minutes=3)
"""Longer than a batch takes even in a slow store, so that two workers do not write the same record at once; and
no longer than a record may wait for a worker that was killed."""


@dataclass(frozen=True)
class Pusher:
    """Writes one store's schedules back."""

    store: str
    client: StoreClient
    runtime: Runtime
    jitter: Callable[[], float] = random.random

    def push(self) -> int:
        """Write what is due, at most one batch of each kind. Returns how many records were tried.

        Raises StoreError where it is about the whole store; then nothing is settled but all given back.
        """
        return sum(self._push_kind(kind) for kind in STORED_KINDS)

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

    def _write(self, kind: RecordKind, due: Sequence[Due], now: datetime) -> None:
        try:
            outcomes = self.client.write_meta(
                kind, {row.external_id: json.loads(row.wanted) for row in due}
            )
        except StoreError:
            self._give_back(due)
            raise
        stopped: StoreError | None = None
        left: list[Due] = []
        answered: list[tuple[Due, dict[str, Any]]] = []
        for row in due:
            outcome = outcomes.get(row.external_id)
            if outcome is None or isinstance(outcome, NotWritten):
                stopped = outcome.error if outcome else stopped
                left.append(row)
            elif isinstance(outcome, StoreError):
                self._failed(row, outcome)
            else:
                answered.append((row, outcome))
        self._settle(kind, answered, now)
        if left:
            self._give_back(left)
        if stopped:
            raise stopped

    def _give_back(self, rows: Iterable[Due]) -> None:
        """What was not tried is due as before."""
        self.runtime.transaction(
            lambda unit: records.give_back(unit.connection, (row.claim for row in rows))
        )

    def _settle(
        self, kind: RecordKind, answered: Iterable[tuple[Due, dict[str, Any]]], asked_at: datetime
    ) -> None:
        """Take in what the store answered, all of it in one transaction."""
        writes = []
        for row, answer in answered:
            try:
                writes.append(
                    (row.claim, row.wanted_digest, Ingest(self.runtime).snapshot_of(kind, answer))
                )
            except QuarantinedError:
                misshapen = StoreUnreachableError(
                    "not-of-the-shape", "the answer is not of a record's shape"
                )
                self._failed(row, misshapen)
        if writes:
            Ingest(self.runtime).settle_writes(self.store, writes, asked_at=asked_at)
            telemetry.WRITES.labels(self.store, "written").inc(len(writes))

    def _failed(self, row: Due, error: StoreError) -> None:
        telemetry.WRITES.labels(self.store, error.code).inc()
        now = self.runtime.clock()

        def work(unit: Unit) -> None:
            key = unit.claimed([row.claim]).get(row.id)
            known = unit.find(key) if key else None
            if known is None:
                return
            columns: dict[str, Any] = {}
            if isinstance(error, RecordGoneError):
                columns |= question(known, "deleted", Moment(now, self.runtime.settle))
            if known["wanted_digest"] == row.wanted_digest and known["push_at"] is not None:
                attempts = row.push_attempts + 1
                at = now + delay(error, attempts, jitter=self.jitter)
                columns |= {"push_attempts": attempts, "push_error": error.code, "push_at": at}
            unit.save(known, UNCLAIMED | columns)

        self.runtime.transaction(work)
