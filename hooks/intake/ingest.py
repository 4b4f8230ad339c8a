"""What a delivery shows is merged into the record, tagged, scheduled, and durable. Deliveries at hand may share a
transaction; of each it is told what became of it.

Everything that the service learns of a record goes through here: deliveries, what the store answers when it is
asked, and what it answers to our own writes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Protocol, cast

from hooks.intake.webhook import (
    Content,
    Delivery,
    Happened,
    Hint,
    Ignored,
    Noted,
    Quarantine,
    snapshot_of,
)
from hooks.ledger import log, records, stores
from hooks.ledger.codec import events_text, read_events
from hooks.ledger.moment import Moment
from hooks.ledger.persons import CONTACT
from hooks.ledger.records import UNCLAIMED, Claim, RecordKey, Values
from hooks.ledger.unit import Unit
from hooks.retention.effects import describe_event
from hooks.retention.facts import (
    STORED_KINDS,
    ConsentFacts,
    CustomerFacts,
    OrderFacts,
    RecordKind,
    ReportedFacts,
    Snapshot,
    SupportRequestFacts,
)
from hooks.retention.merge import StoreAnswer, StoreFacts, merge
from hooks.retention.plausibility import (
    EARLIEST,
    date_by_arrival,
    drop_implausible_days,
    drop_implausible_ledger_days,
    is_future,
    is_plausible,
)
from hooks.retention.store_meta import digest
from hooks.retention.tool_reports import ToolReport, add_report
from hooks.runtime import Runtime
from hooks.tagging import activity, address_links
from hooks.tagging.changes import contests, gone, is_confirmed, is_young, question, sight
from hooks.tagging.context import main_subject
from hooks.tagging.recorder import Recorder, ask, facts_of

UNKNOWN_A_MINUTE = 60
"""So many records of which nothing is known may deliveries make in a minute, by store: whoever holds the secret may
invent ids, and each is a question to the store. What is over that is asked about when the store's lists show it; what
they do not show is not there, and nothing of it is known."""

REPORTS_APART = timedelta(minutes=10)
"""The same report without a time is a repeat sooner than this, whichever id its delivery bears; later it happened
again."""

ASKED = "the store, when asked"


class Result(StrEnum):
    """What became of a delivery, in the words of the HTTP contract."""

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
    """Takes what comes from the stores into the ledger."""

    runtime: Runtime

    def snapshot_of(self, kind: RecordKind, raw: dict[str, Any]) -> Snapshot:
        """Read a record as the store shows it. Raises QuarantinedError where it is not of the shape."""
        return snapshot_of(kind, raw, self.runtime.policy, self.runtime.subject_key)

    @property
    def recorder(self) -> Recorder:
        """Tags and saves records by this policy."""
        return Recorder(self.runtime.policy)

    def ingest_one(self, store: str, delivery: Delivery) -> Result:
        """Ingest one delivery. Once this has returned, the ledger has it durably.

        Raises LedgerUnavailableError, and then nothing of it is stored.
        """
        return self.ingest_batch(SingleBatch(store, delivery))[0]

    def ingest_batch(self, batch: Batch) -> list[Result]:
        """Ingest several deliveries in one transaction and in their order; return a result for each.

        Raises LedgerUnavailableError, and then nothing of any is stored.
        """
        return self.runtime.transaction(lambda unit: self._ingest_all(unit, batch.deliveries()))

    def apply_answers(
        self, store: str, answers: Iterable[tuple[Claim, Snapshot]], *, asked_at: datetime
    ) -> None:
        """Take what the store said at `asked_at`, when it was asked what the claimed records are now.

        No answer may come out of a cache: an older state than is known counts, where nothing newer came meanwhile.
        """
        answered = tuple(answers)

        def work(unit: Unit) -> None:
            moment = self.runtime.moment(asked_at)
            found = _claimed(unit, store, answered)
            for claim, snapshot in answered:
                known = _held(unit, found.get(claim.record_id))
                if known is None:
                    continue
                extra = UNCLAIMED | {"read_at": asked_at}
                rewound = known["version"] == claim.version and is_rewound(claim, snapshot)
                self._merge(unit, known, snapshot, moment, ASKED, extra, rewound=rewound)
            log.resolve_quarantine(unit.connection, found.values(), moment.now)

        self.runtime.transaction(work)

    def close_missing(self, claim: Claim, *, asked_at: datetime) -> None:
        """Close the claimed record: the store, asked at `asked_at`, said that there is no such record."""

        def work(unit: Unit) -> None:
            owner = records.customer_of_claimed(unit.connection, claim)
            if owner:
                unit.find(owner)  # locked before its orders, as always
            key = unit.claimed([claim]).get(claim.record_id)
            known = _held(unit, key)
            if key is None or known is None:
                return
            moment = self.runtime.moment(asked_at)
            day = (
                (known["reread_since"] or moment.now)
                .astimezone(self.runtime.policy.time_zone)
                .date()
            )
            if known["reread_since"] and known["reread_since"] > asked_at:
                unit.save(known, UNCLAIMED)  # something came since: it is asked once more
                return
            log.resolve_quarantine(unit.connection, [key], moment.now)
            if _is_blank(known) and unit.drop(known):
                return
            changed = gone(known, moment, day) | UNCLAIMED | {"role": None}
            changed |= self.recorder.without_address(
                unit, known
            ) | self.recorder.without_restriction(unit, known)
            unit.save(known, changed)
            if known["state"] not in ("unknown", "gone"):
                reason = f"Gone from the store, which said so when asked; first heard of on {day}"
                unit.remember(known | changed, moment.now, ASKED, reason)
            if not is_confirmed(known):
                activity.fall_back(self.recorder, unit, known, moment, ASKED)

        self.runtime.transaction(work)

    def settle_writes(
        self, store: str, writes: Iterable[tuple[Claim, str, Snapshot]], *, asked_at: datetime
    ) -> None:
        """Settle writes: the store took the values whose digests are given, and answered with the records.

        Where an answer does not show `meta_data` (a shop manager's key) the store's word is taken for it;
        where it shows other values than were written, somebody fights over them.
        """
        settled = tuple(writes)

        def work(unit: Unit) -> None:
            moment = self.runtime.moment(asked_at)
            found = _claimed(unit, store, [(claim, snapshot) for claim, _, snapshot in settled])
            for claim, pushed, snapshot in settled:
                known = _held(unit, found.get(claim.record_id))
                if known is not None:
                    self._settle_write(unit, known, claim, pushed, snapshot, moment)
            stores.note_push(unit.connection, store, moment.now)

        self.runtime.transaction(work)

    def _settle_write(
        self,
        unit: Unit,
        known: Values,
        claim: Claim,
        pushed: str,
        snapshot: Snapshot,
        moment: Moment,
    ) -> None:
        snapshot, _ = _believed(unit, known, snapshot, moment)
        there = digest(snapshot.store_meta) if snapshot.store_meta is not None else pushed
        extra = UNCLAIMED | {"push_attempts": 0, "push_error": None}
        rewound = known["version"] == claim.version and is_rewound(claim, snapshot)
        if rewound or known["known_version"] is None or known["known_version"] <= snapshot.version:
            extra |= {"known_digest": there, "known_version": snapshot.version}
        if there != pushed:
            extra |= contests(known, moment.now)
        self._merge(unit, known, snapshot, moment, "our own write", extra, rewound=rewound)

    def _ingest_all(self, unit: Unit, deliveries: Sequence[tuple[str, Delivery]]) -> list[Result]:
        moment = self.runtime.moment()
        address_links.lock_shown(unit.connection, _shown_states(deliveries))
        names = [(store, delivery.identity) for store, delivery in deliveries]
        seen = unit.begin(
            names, (key for store, one in deliveries for key in _shown_by(store, one.content))
        )
        results = []
        for store, delivery in deliveries:
            name = (store, delivery.identity)
            results.append(
                Result.DUPLICATE if name in seen else self._ingest(unit, store, delivery, moment)
            )
            seen.add(name)
        return results

    def _ingest(self, unit: Unit, store: str, delivery: Delivery, moment: Moment) -> Result:
        repeats = _repeats(unit, store, delivery, moment)
        result = Result.DUPLICATE if repeats else self._apply(unit, store, delivery, moment)
        unit.take(store, delivery.identity, delivery.topic, str(result), moment.now)
        return result

    def _apply(self, unit: Unit, store: str, delivery: Delivery, moment: Moment) -> Result:
        match delivery.content:
            case Snapshot() as snapshot:
                return self._observe(unit, store, snapshot, moment, delivery)
            case Hint() as hint:
                key = RecordKey(store, hint.kind, hint.external_id)
                if self._may_ask(unit, key, delivery, moment):
                    ask(unit, key, hint.reason, moment)
                return Result.RECORDED
            case Happened() as event:
                return self._happened(unit, store, event, moment, delivery.topic)
            case Noted() as noted:
                return self._noted(unit, store, noted, moment)
            case Quarantine() as found:
                return self._set_aside(unit, store, delivery, found, moment)
            case Ignored():
                return Result.IGNORED

    def _set_aside(
        self, unit: Unit, store: str, delivery: Delivery, found: Quarantine, moment: Moment
    ) -> Result:
        """Set a delivery aside; without an id where its record cannot be asked about: the lists make it good."""
        key = (
            RecordKey(store, found.kind, found.external_id)
            if found.kind and found.external_id
            else None
        )
        if key and self._may_ask(unit, key, delivery, moment):
            ask(unit, key, "quarantined", moment)
        elif key:
            found = replace(found, kind=None, external_id=None)
        log.quarantine(unit.connection, store, delivery.topic, found, moment.now)
        return Result.QUARANTINED

    def _may_ask(self, unit: Unit, key: RecordKey, delivery: Delivery, moment: Moment) -> bool:
        """Tell whether a delivery that shows nothing of a record may have the store asked about it."""
        if unit.find(key):
            return True
        since = moment.now - timedelta(minutes=1)
        if log.count_unknown(unit.connection, key.store, since) >= UNKNOWN_A_MINUTE:
            return False
        log.note_unknown(unit.connection, key.store, delivery.identity, moment.now)
        return True

    def _observe(
        self, unit: Unit, store: str, snapshot: Snapshot, moment: Moment, delivery: Delivery
    ) -> Result:
        """Take a state of a record that a delivery shows."""
        key = RecordKey(store, snapshot.facts.kind, snapshot.external_id)
        known = unit.find(key) or records.blank(key, moment.now)
        if known["state"] == "gone":
            if isinstance(
                snapshot.facts, CustomerFacts
            ):  # the person goes by its addresses all the same
                unit.save(
                    known,
                    address_links.keep(unit, known, snapshot.facts.email_hashes, is_newest=False),
                )
            ask(unit, key, "revived", moment)
            return Result.STALE
        return self._merge(unit, known, snapshot, moment, delivery.topic, {})

    def _merge(
        self,
        unit: Unit,
        known: Values,
        snapshot: Snapshot,
        moment: Moment,
        cause: str,
        extra: Values,
        *,
        rewound: bool = False,
    ) -> Result:
        """Merge a shown state into the record, with all that follows from it, also for the order's customer."""
        snapshot, version = _believed(unit, known, snapshot, moment)
        settles = moment.asked_at is not None
        before = cast("StoreFacts | None", facts_of(known))
        before = (
            drop_implausible_ledger_days(before, max(moment.now, snapshot.version))
            if before
            else None
        )
        answer = _store_answer(known, moment, rewound=rewound)
        merged = merge(before, version, snapshot, doubtful=known["doubtful"], answer=answer)
        sighted = known if version == known["version"] else known | {"known_version": None}
        seen = sight(sighted, snapshot, settles=settles, rewound=rewound)
        doubtful = merged.doubtful or (seen.pop("doubtful", False) and not merged.stale)
        if seen.pop("contested", False):
            seen |= contests(known, moment.now)
        columns = seen | {"version": merged.version, "doubtful": doubtful}
        if not merged.stale:
            columns["young"] = is_young(snapshot, moment)
        columns |= extra
        if isinstance(snapshot.facts, CustomerFacts):
            columns |= address_links.keep(
                unit, known, snapshot.facts.email_hashes, is_newest=not merged.stale
            )
        changed = self.recorder.save(
            unit, known, merged.facts, columns, moment, cause, read=settles
        )
        if isinstance(merged.facts, OrderFacts):
            activity.follow(self.recorder, unit, known, merged.facts, moment)
        elif settles:
            self._mend_last_order(unit, known, merged.facts, moment)
        if isinstance(merged.facts, CustomerFacts) and merged.facts.staff:
            return Result.IGNORED
        if merged.stale:
            return Result.STALE
        return Result.RECORDED if changed else Result.UNCHANGED

    def _mend_last_order(
        self, unit: Unit, known: Values, facts: StoreFacts, moment: Moment
    ) -> None:
        """Work out a customer's last order again, where an earlier version of this service noted a day to come."""
        if isinstance(facts, CustomerFacts) and facts.last_order_at:
            account = unit.find(RecordKey.of(known))
            if account and not is_plausible(facts.last_order_at, moment.now):
                activity.work_out_again(self.recorder, unit, account, moment, ASKED)

    # What other tools report, and what people ask for

    def _happened(
        self, unit: Unit, store: str, event: Happened, moment: Moment, cause: str
    ) -> Result:
        """Take a report. One without a time is dated by its arrival, to the second, but not before what a store has
        said: the clock may be behind."""
        key = RecordKey(store, event.kind, event.external_id)
        address_links.lock_subject(unit.connection, store, event.subject)
        known = unit.find(key) or records.blank(key, moment.now)
        before = cast("ReportedFacts | None", facts_of(known))
        at = event.at or stores.not_behind_stores(unit.connection, moment.now).replace(
            microsecond=0
        )
        facts = add_report(
            before, ToolReport(event.kind, event.occurrence, at, event.name, event.subject)
        )
        subject = main_subject(facts.subjects)
        columns = {"subject": str(subject) if subject else None}
        changed = self.recorder.save(unit, known, facts, columns, moment, cause)
        self.recorder.link(unit, store, facts, moment)
        if facts != before and event.kind == CONTACT:
            address_links.tag_persons_again(unit, unit.find(key) or known)
        return Result.RECORDED if changed else Result.UNCHANGED

    def _noted(self, unit: Unit, store: str, noted: Noted, moment: Moment) -> Result:
        """Keep what was asked for or decided, also of a record that is not known yet; once, however often it comes."""
        key = RecordKey(store, noted.kind, noted.external_id)
        address_links.lock_subject(unit.connection, store, noted.subject)
        known = unit.find(key) or records.blank(key, moment.now)
        before = read_events(known["events"])
        if any(event.id == noted.event.id for event in before):
            return Result.UNCHANGED
        extra: Values = {"events": events_text((*before, noted.event))}
        facts, told = facts_of(known), describe_event(noted.event, self.runtime.policy)
        if noted.subject:
            extra |= {"subject": str(noted.subject), "email_hash": noted.subject.value}
        if noted.subject and isinstance(facts, ConsentFacts):  # its hash may have been forgotten
            facts = replace(facts, subjects=facts.subjects | {noted.subject})
        if facts is None or known["state"] == "gone":
            if facts is None and noted.kind in STORED_KINDS:
                extra |= question(known, "unseen", moment)
            extra |= self.recorder.without_address(unit, known | extra)
            extra |= self.recorder.without_mistake(unit, known | extra)
            unit.save(known, extra | {"updated_at": moment.now})
            unit.remember(known | extra, moment.now, noted.event.type, told)
        else:
            self.recorder.save(unit, known, facts, extra, moment, noted.event.type, told)
            if isinstance(facts, SupportRequestFacts | ConsentFacts):
                self.recorder.link(unit, store, facts, moment)
        address_links.tag_persons_again(unit, known | extra)
        return Result.RECORDED


def _repeats(unit: Unit, store: str, delivery: Delivery, moment: Moment) -> bool:
    """Tell whether it reports without a time what was reported just before."""
    named = delivery.signed_identity
    if not named:
        return False
    return not log.log_report(unit.connection, store, named, moment.now, apart=REPORTS_APART)


def _is_blank(known: Values) -> bool:
    """Tell whether there is nothing in a record but the question what it is."""
    return known["facts"] is None and known["events"] == "[]" and not known["linked"]


def _believed(
    unit: Unit, known: Values, snapshot: Snapshot, moment: Moment
) -> tuple[Snapshot, datetime | None]:
    """The state without days that make no sense, and the record's version, if that makes sense.

    A state without a version of its own bears the time at which it came, but is not older than what is known.
    """
    now, version = moment.now, known["version"]
    if is_future(snapshot, now) or (version and not is_plausible(version, now)):
        now = stores.not_behind_stores(unit.connection, now)  # our clock may be behind
    if version and not is_plausible(version, now):
        version = None
    arrived_at = moment.asked_at or (max(now, version) if version else now)
    believed = drop_implausible_days(snapshot, now)
    if believed.undated:
        believed = date_by_arrival(believed, arrived_at)
    return believed, version


def _shown_by(store: str, content: Content) -> Iterator[RecordKey]:
    """The records that a delivery tells of by itself: an order, and the customer who placed it."""
    if isinstance(content, Snapshot):
        yield RecordKey(store, content.facts.kind, content.external_id)
        yield from _customer_of(store, content)


def _customer_of(store: str, snapshot: Snapshot) -> Iterator[RecordKey]:
    if isinstance(snapshot.facts, OrderFacts) and snapshot.facts.customer_id:
        yield RecordKey(store, "customer", snapshot.facts.customer_id)


def _shown_states(deliveries: Iterable[tuple[str, Delivery]]) -> Iterator[tuple[str, Snapshot]]:
    for store, delivery in deliveries:
        if isinstance(delivery.content, Snapshot):
            yield store, delivery.content


def _held(unit: Unit, key: RecordKey | None) -> Values | None:
    """The record as it is by now: another one of the same transaction may have changed it."""
    return unit.find(key) if key else None


def _claimed(
    unit: Unit, store: str, answers: Sequence[tuple[Claim, Snapshot]]
) -> dict[int, RecordKey]:
    """The claimed records, by row id; the customers of those that are orders are locked before them, as always."""
    address_links.lock_shown(unit.connection, ((store, snapshot) for _, snapshot in answers))
    unit.fetch(key for _, snapshot in answers for key in _customer_of(store, snapshot))
    return unit.claimed([claim for claim, _ in answers])


def _store_answer(known: Values, moment: Moment, *, rewound: bool) -> StoreAnswer | None:
    """Describe the answer of the store for the merge; None for a delivery."""
    if moment.asked_at is None:
        return None
    return StoreAnswer(is_current=known["updated_at"] <= moment.asked_at, is_rewound=rewound)


def is_rewound(claim: Claim, snapshot: Snapshot) -> bool:
    """Tell whether the store shows an older state than was known when it was asked.

    Its clock was set back, or it was restored from a backup; or a cache has answered, as long as that is not ruled out.
    """
    has_version = not snapshot.undated and snapshot.version >= EARLIEST
    return claim.version is not None and has_version and claim.version > snapshot.version
