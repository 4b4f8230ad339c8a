"""Noting what was asked for or decided about a record, and what it led to."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from hooks.errors import EventRefusedError
from hooks.intake.ingest import Ingest, Result
from hooks.intake.tool_event import event_delivery
from hooks.ledger import records
from hooks.ledger.codec import read_events
from hooks.ledger.record_view import record_view
from hooks.ledger.records import RecordKey
from hooks.retention.events import RecordEvent
from hooks.runtime import Runtime

_Shown = dict[str, Any] | None


@dataclass(frozen=True, slots=True)
class NoteOutcome:
    """What became of it: `event` as the ledger has it, and the record before and after, None while it is not known.

    Only the record itself: what is a customer's besides is tagged anew by a worker.
    """

    new: bool
    event: RecordEvent
    before: _Shown
    after: _Shown


def note(runtime: Runtime, key: RecordKey, event: RecordEvent) -> NoteOutcome:
    """Have the ledger hold an event of a record durably; once, however often it is noted.

    Raises LedgerUnavailableError, and EventRefusedError where another event of the record has its id.
    """
    before = _shown(runtime, key)
    result = Ingest(runtime).ingest_one(key.store, event_delivery(key.kind, key.external_id, event))
    held = _held(runtime, key, event)
    if replace(event, at=held.at) != held:
        raise EventRefusedError({"id": "is that of another event of this record"})
    return NoteOutcome(result is Result.RECORDED, held, before, _shown(runtime, key))


def _held(runtime: Runtime, key: RecordKey, event: RecordEvent) -> RecordEvent:
    with runtime.database.read() as connection:
        row = records.find_by_ids(connection, key.store, key.kind, [key.external_id])[
            key.external_id
        ]
    return next(known for known in read_events(row["events"]) if known.id == event.id)


def _shown(runtime: Runtime, key: RecordKey) -> _Shown:
    with runtime.database.read() as connection:
        return record_view(connection, key.store, key.kind, key.external_id)
