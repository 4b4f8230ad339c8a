"""Ingest: a parsed delivery goes into the ledger, and is durable once `ingest_one` or `ingest_batch` has returned.

The danger: WooCommerce never sends a failed delivery again, sends some twice, in any order, and repeats their ids.

The principle: one transaction takes the delivery's identity and all that follows from it, or nothing.

The rules that keep it:

- A delivery whose identity is in the log is a duplicate. The log and the change are committed together.
- A snapshot is merged, so that the order of arrival does not matter. Where two snapshots of one second differ, the
  store is asked.
- A hint, or a delivery that cannot be read, changes nothing. It only has the store asked about the record.
- Whoever has the secret can invent ids. So in a minute only `MAX_UNKNOWN_PER_MINUTE` records become known by their id
  alone.
- Locks come in one order: addresses, then accounts, then their orders.
- Several deliveries may share a transaction (`hooks.web.group_commit`); each sees what the ones before it changed.

The store's answers take another way: `hooks.intake.answers`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum
from typing import Protocol, cast

from hooks.intake.webhook import (
    Content,
    Delivery,
    EventNote,
    Hint,
    Ignored,
    OccurrenceReport,
    Quarantine,
)
from hooks.ledger import log, records, stores
from hooks.ledger.codec import events_text, read_events
from hooks.ledger.moment import Moment
from hooks.ledger.persons import CONTACT
from hooks.ledger.records import RecordKey
from hooks.ledger.rows import RecordChange, RecordRow, changed_row
from hooks.ledger.unit import Unit
from hooks.retention.effects import describe_event
from hooks.retention.facts import (
    STORED_KINDS,
    ConsentFacts,
    CustomerFacts,
    Facts,
    ReportedFacts,
    Snapshot,
    SupportRequestFacts,
)
from hooks.retention.tool_reports import ToolReport, add_report
from hooks.runtime import Runtime
from hooks.tagging import activity, address_links
from hooks.tagging.changes import request_refetch
from hooks.tagging.context import main_subject
from hooks.tagging.recorder import Recorder, Update, facts_of, mark_for_refetch
from hooks.tagging.snapshot_merge import Sighting, SnapshotMerger

MAX_UNKNOWN_PER_MINUTE = 60
"""The number of records per minute and store that deliveries may make known by their id alone, since each is a question
to the store. Further ones are found when the store's lists are reconciled; an invented id never is."""

REPEAT_WINDOW = timedelta(minutes=10)
"""The same report without a time is a repeat within this window, under any delivery id. Later it happened again."""


class Result(StrEnum):
    """The result of a delivery, in the words of the HTTP contract."""

    RECORDED = "recorded"
    UNCHANGED = "unchanged"
    STALE = "stale"
    DUPLICATE = "duplicate"
    QUARANTINED = "quarantined"
    IGNORED = "ignored"
    PING = "ping"


class Batch(Protocol):
    """Deliveries that are ingested in one transaction."""

    def deliveries(self) -> Sequence[tuple[str, Delivery]]:
        """List the deliveries, each with its store.

        Called once the transaction has begun, and again when it is retried; by then there may be more.
        """


@dataclass(frozen=True, slots=True)
class SingleBatch:
    """A batch of one delivery."""

    store: str
    delivery: Delivery

    def deliveries(self) -> Sequence[tuple[str, Delivery]]:
        """As `Batch.deliveries`."""
        return [(self.store, self.delivery)]


@dataclass(frozen=True, slots=True)
class Ingest:
    """Ingests deliveries, by the runtime's policy."""

    runtime: Runtime

    def ingest_one(self, store: str, delivery: Delivery) -> Result:
        """Ingest one delivery. Once this has returned, the ledger has it durably.

        Raises LedgerUnavailableError, and then nothing of it is stored.
        """
        return self.ingest_batch(SingleBatch(store, delivery))[0]

    def ingest_batch(self, batch: Batch) -> list[Result]:
        """Ingest several deliveries in one transaction and in their order; return a result for each.

        Raises LedgerUnavailableError, and then nothing of any is stored.
        """

        def work(unit: Unit) -> list[Result]:
            moment = self.runtime.moment()
            return _Application(unit, moment, Recorder(self.runtime.policy)).run(batch.deliveries())

        return self.runtime.transaction(work)


@dataclass(frozen=True, slots=True)
class _Application:
    """The deliveries of one transaction, applied to the ledger one after the other."""

    unit: Unit
    moment: Moment
    recorder: Recorder

    def run(self, deliveries: Sequence[tuple[str, Delivery]]) -> list[Result]:
        """Lock what the deliveries are about, then apply each that was not logged before."""
        address_links.lock_shown(self.unit.connection, _shown_snapshots(deliveries))
        identities = [(store, delivery.identity) for store, delivery in deliveries]
        logged = self.unit.begin(identities, _shown_keys(deliveries))
        results = []
        for identity, (store, delivery) in zip(identities, deliveries, strict=True):
            if identity in logged:
                results.append(Result.DUPLICATE)
                continue
            results.append(self._apply_and_log(store, delivery))
            logged.add(identity)
        return results

    def _apply_and_log(self, store: str, delivery: Delivery) -> Result:
        result = Result.DUPLICATE
        if not self._is_repeat(store, delivery):
            result = self._apply(store, delivery)
        self.unit.log_delivery(
            store, delivery.identity, delivery.topic, str(result), self.moment.now
        )
        return result

    def _is_repeat(self, store: str, delivery: Delivery) -> bool:
        """Tell whether a delivery reports, without a time, what was reported just before."""
        report = delivery.signed_identity
        if not report:
            return False
        is_new = log.log_report(
            self.unit.connection, store, report, self.moment.now, apart=REPEAT_WINDOW
        )
        return not is_new

    def _apply(self, store: str, delivery: Delivery) -> Result:
        match delivery.content:
            case Snapshot() as snapshot:
                return self._merge(store, snapshot, delivery.topic)
            case Hint() as hint:
                self._ask_about(store, hint, delivery)
                return Result.RECORDED
            case OccurrenceReport() as event:
                return self._report(store, event, delivery.topic)
            case EventNote() as noted:
                return self._note(store, noted)
            case Quarantine() as fault:
                return self._quarantine(store, delivery, fault)
            case Ignored():
                return Result.IGNORED

    # --- deliveries of the store ---

    def _merge(self, store: str, snapshot: Snapshot, topic: str) -> Result:
        """Merge a snapshot. Nothing is merged into a record that is gone: the store is asked whether it is back."""
        row = self._row(RecordKey(store, snapshot.facts.kind, snapshot.external_id))
        if row["state"] == "gone":
            self._revive(row, snapshot)
            return Result.STALE
        merger = SnapshotMerger(self.recorder, self.unit, self.moment)
        outcome = merger.merge(row, Sighting(snapshot, topic))
        if outcome.is_staff:
            return Result.IGNORED
        if outcome.is_stale:
            return Result.STALE
        return Result.RECORDED if outcome.is_rescheduled else Result.UNCHANGED

    def _revive(self, row: RecordRow, snapshot: Snapshot) -> None:
        if isinstance(snapshot.facts, CustomerFacts):  # the person has these addresses in any case
            hashes = snapshot.facts.email_hashes
            self.unit.save(row, address_links.keep(self.unit, row, hashes, is_newest=False))
        mark_for_refetch(self.unit, RecordKey.of(row), "revived", self.moment)

    def _ask_about(self, store: str, hint: Hint, delivery: Delivery) -> None:
        key = RecordKey(store, hint.kind, hint.external_id)
        if self._may_ask(key, delivery):
            mark_for_refetch(self.unit, key, hint.reason, self.moment)

    def _quarantine(self, store: str, delivery: Delivery, fault: Quarantine) -> Result:
        """Quarantine a delivery. Its record is not named where the store may not be asked: reconciling finds it."""
        if fault.kind and fault.external_id:
            key = RecordKey(store, fault.kind, fault.external_id)
            if self._may_ask(key, delivery):
                mark_for_refetch(self.unit, key, "quarantined", self.moment)
            else:
                fault = replace(fault, kind=None, external_id=None)
        log.quarantine(self.unit.connection, store, delivery.topic, fault, self.moment.now)
        return Result.QUARANTINED

    def _may_ask(self, key: RecordKey, delivery: Delivery) -> bool:
        """Tell whether a delivery that does not show its record may have the store asked about it."""
        if self.unit.find(key):
            return True
        connection, now = self.unit.connection, self.moment.now
        count = log.count_unknown(connection, key.store, now - timedelta(minutes=1))
        if count >= MAX_UNKNOWN_PER_MINUTE:
            return False
        log.note_unknown(connection, key.store, delivery.identity, now)
        return True

    # --- reports of other tools, and events about a record ---

    def _report(self, store: str, event: OccurrenceReport, cause: str) -> Result:
        """Take a report of a tool.

        A report without a time gets the time of its arrival, to the second, but no earlier than what a store has said:
        our clock may be behind.
        """
        address_links.lock_subject(self.unit.connection, store, event.subject)
        row = self._row(RecordKey(store, event.kind, event.external_id))
        before = cast("ReportedFacts | None", facts_of(row))
        at = event.at
        if at is None:
            now = stores.not_behind_stores(self.unit.connection, self.moment.now)
            at = now.replace(microsecond=0)
        report = ToolReport(event.kind, event.occurrence, at, event.name, event.subject)
        facts = add_report(before, report)
        subject = main_subject(facts.subjects)
        change: RecordChange = {"subject": str(subject) if subject else None}
        update = Update(facts, cause, change)
        is_rescheduled = self.recorder.save(self.unit, row, update, self.moment)
        self.recorder.link(self.unit, store, facts, self.moment)
        if facts != before and event.kind == CONTACT:
            saved = self.unit.find(RecordKey.of(row)) or row
            address_links.mark_person_for_retag(self.unit, saved)
        return Result.RECORDED if is_rescheduled else Result.UNCHANGED

    def _note(self, store: str, noted: EventNote) -> Result:
        """Keep a record event, also of a record that is not known yet; once, however often it comes."""
        event = noted.event
        address_links.lock_subject(self.unit.connection, store, noted.subject)
        row = self._row(RecordKey(store, noted.kind, noted.external_id))
        events = read_events(row["events"])
        if event.id in {saved.id for saved in events}:
            return Result.UNCHANGED
        change: RecordChange = {"events": events_text((*events, event))}
        facts = facts_of(row)
        if noted.subject:
            change |= {"subject": str(noted.subject), "email_hash": noted.subject.value}
            if isinstance(facts, ConsentFacts):  # its hash may have been forgotten
                facts = replace(facts, subjects=facts.subjects | {noted.subject})
        if facts is None or row["state"] == "gone":
            self._keep_event(row, change, noted)
        else:
            self._save_event(row, facts, change, noted)
        address_links.mark_person_for_retag(self.unit, changed_row(row, change))
        return Result.RECORDED

    def _keep_event(self, row: RecordRow, change: RecordChange, noted: EventNote) -> None:
        """Keep an event of a record that cannot be tagged: nothing is known of it, or it is gone."""
        if row["facts"] is None and noted.kind in STORED_KINDS:
            change |= request_refetch(row, "unseen", self.moment)
        change |= self.recorder.drop_address(self.unit, changed_row(row, change))
        change |= self.recorder.clear_mistaken_hold(self.unit, changed_row(row, change))
        self.unit.save(row, {**change, "updated_at": self.moment.now})
        words = describe_event(noted.event, self.recorder.policy)
        saved = changed_row(row, change)
        self.unit.remember(saved, self.moment.now, noted.event.type, words)

    def _save_event(
        self, row: RecordRow, facts: Facts, change: RecordChange, noted: EventNote
    ) -> None:
        note = describe_event(noted.event, self.recorder.policy)
        update = Update(facts, noted.event.type, change, note)
        self.recorder.save(self.unit, row, update, self.moment)
        if isinstance(facts, SupportRequestFacts | ConsentFacts):
            self.recorder.link(self.unit, row["store"], facts, self.moment)

    def _row(self, key: RecordKey) -> RecordRow:
        """Return a record's row, locked; a blank one where nothing is known of it."""
        return self.unit.find(key) or records.blank(key, self.moment.now)


def _shown_keys(deliveries: Iterable[tuple[str, Delivery]]) -> Iterator[RecordKey]:
    """Yield the records that deliveries show: an order, and the customer who placed it."""
    for store, snapshot in _shown_snapshots(deliveries):
        yield RecordKey(store, snapshot.facts.kind, snapshot.external_id)
        customer = activity.customer_of(store, snapshot)
        if customer:
            yield customer


def _shown_snapshots(
    deliveries: Iterable[tuple[str, Delivery]],
) -> Iterator[tuple[str, Snapshot]]:
    for store, delivery in deliveries:
        content: Content = delivery.content
        if isinstance(content, Snapshot):
            yield store, content
