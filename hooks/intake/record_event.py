"""Record events of operators: saved in the ledger, with the record before and after."""

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


@dataclass(frozen=True, slots=True)
class NoteOutcome:
    """The outcome of a record event. `new`: False where the ledger had the event already.

    `event`: as the ledger has it. `before`, `after`: the view of the record; None while the record is unknown.
    Other records of the same person are not shown: a worker re-tags them later.
    """

    new: bool
    event: RecordEvent
    before: dict[str, Any] | None
    after: dict[str, Any] | None


def note(runtime: Runtime, key: RecordKey, event: RecordEvent) -> NoteOutcome:
    """Save a record event durably. It counts once, however often it is saved.

    Raises LedgerUnavailableError, and EventRefusedError where another event of the record has its id.
    """
    before = _view(runtime, key)
    result = Ingest(runtime).ingest_one(key.store, event_delivery(key.kind, key.external_id, event))
    saved = _saved_event(runtime, key, event.id)
    if replace(event, at=saved.at) != saved:
        raise EventRefusedError({"id": "is that of another event of this record"})
    return NoteOutcome(result is Result.RECORDED, saved, before, _view(runtime, key))


def _saved_event(runtime: Runtime, key: RecordKey, event_id: str) -> RecordEvent:
    with runtime.database.read() as connection:
        row = records.find_by_ids(connection, key.store, key.kind, [key.external_id])[
            key.external_id
        ]
    return next(event for event in read_events(row["events"]) if event.id == event_id)


def _view(runtime: Runtime, key: RecordKey) -> dict[str, Any] | None:
    with runtime.database.read() as connection:
        return record_view(connection, key.store, key.kind, key.external_id)
