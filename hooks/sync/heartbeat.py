"""A worker's heartbeat: a store is looked after, by this clock, and it is the shop that the ledger is for.

With each beat goes what only a worker can find out in time: that the clock was set, and what it has left behind.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import cast

import structlog
from sqlalchemy import Connection

from hooks.ledger import rounds, set_back, stores, traits
from hooks.ledger.moment import Moment
from hooks.ledger.records import Values
from hooks.ledger.rounds import RoundName
from hooks.ledger.unit import Unit
from hooks.retention.facts import ReportedFacts
from hooks.retention.tool_reports import without_future_instants
from hooks.runtime import Runtime
from hooks.settings import Settings
from hooks.store.client import StoreClient
from hooks.store.retry import LONGEST_ASKED, PERMANENT
from hooks.store.shop_identity import is_another_shop
from hooks.sync import store_observations
from hooks.tagging.recorder import Recorder, facts_of

EVERY_SECONDS = 30.0

ABSENCE = timedelta(minutes=5)
"""After so long without a heartbeat the webhooks and the changes of a store are looked at at once."""

JUMP_SECONDS = 30.0
"""A clock that moved by more than this against the monotonic one was set."""

log = structlog.get_logger(__name__)


@dataclass
class Heartbeat:
    """The heartbeat of one thread that looks after a store.

    `longest`: so long each round is put off at most.
    """

    store: str
    client: StoreClient
    runtime: Runtime
    longest: Mapping[RoundName, timedelta]
    _is_ours: bool = True
    _beat_at: float | None = None
    _offset: float | None = None
    _has_heard: bool = False
    _notices: Mapping[str, bool] = field(default_factory=dict)

    @classmethod
    def of(cls, store: str, client: StoreClient, runtime: Runtime, settings: Settings) -> Heartbeat:
        """The heartbeat for the store that the settings call `store`."""
        sweep = max(settings.sweep, PERMANENT)
        changes = max(settings.reconcile, PERMANENT)
        longest: Mapping[RoundName, timedelta] = {
            "watch": settings.watch,
            "changes": changes,
            "orders": sweep,
            "customers": sweep,
            "unlisted": sweep,
        }
        return cls(store, client, runtime, longest)

    def beat(self) -> bool:
        """Beat, if it is time to, the clock was set, or the store has said its time first, or began or ceased to answer
        with notices of PHP. False where the ledger is another shop's: then nothing may be done for the store. Raises
        LedgerUnavailableError."""
        ticks = time.monotonic()
        offset = self.runtime.clock().timestamp() - ticks
        was_set = self._offset is not None and abs(offset - self._offset) > JUMP_SECONDS
        self._offset = offset
        is_due = self._beat_at is None or ticks - self._beat_at >= EVERY_SECONDS
        has_news = (
            bool(self.client.clock_reading and not self._has_heard)
            or self.client.notices != self._notices
        )
        if is_due or was_set or has_news:
            notices = dict(self.client.notices)
            self._is_ours = self.runtime.transaction(
                lambda unit: self._beat(unit, notices, was_set=was_set)
            )
            self._beat_at, self._has_heard, self._notices = (
                ticks,
                self.client.clock_reading is not None,
                notices,
            )
        return self._is_ours

    def _beat(self, unit: Unit, notices: Mapping[str, bool], *, was_set: bool) -> bool:
        connection, now = unit.connection, self.runtime.clock()
        row, url = stores.row(connection, self.store), self.client.settings.url
        if row and is_another_shop(row.url, url):
            if self._is_ours:
                log.error("store.moved", store=self.store, known=row.url, now=url)
            return False
        stores.keep_url(connection, self.store, url)
        before = row.worker_at if row else None
        self._mend(unit, before, now, was_set=was_set)
        if before is None or now - before > ABSENCE:
            for name in ("watch", "changes"):
                rounds.make_due(connection, self.store, name, now)
        stores.note_worker(connection, self.store, now)
        store_observations.exchange(connection, self.store, self.client, now)
        if self.client.clock_reading:
            stores.note_store_time(
                connection,
                self.store,
                self.client.clock_reading.store_time,
                self.client.clock_reading.at,
            )
        self._note_notices(connection, notices, now)
        return True

    def _note_notices(
        self, connection: Connection, notices: Mapping[str, bool], now: datetime
    ) -> None:
        """Note of which resources the last answers had notices of PHP; what was not asked for stays as it is."""
        if not notices:
            return
        known = traits.read(connection, self.store).get(traits.PHP_NOTICES)
        before = set(known.value.split(",")) if known else set()
        noisy = {resource for resource, has_notices in notices.items() if has_notices}
        after = (before - notices.keys()) | noisy
        if after:
            traits.note(connection, self.store, traits.PHP_NOTICES, ",".join(sorted(after)), now)
        elif known:
            traits.forget(connection, self.store, traits.PHP_NOTICES)

    def _mend(self, unit: Unit, before: datetime | None, now: datetime, *, was_set: bool) -> None:
        """Put right what a clock that was ahead has left behind. `before`: the last heartbeat of any worker."""
        found = set_back.make_due(unit.connection, self.store, now, LONGEST_ASKED, self.longest)
        beat_ahead = before is not None and before > now + set_back.SLACK
        took_ahead = set_back.has_delivery_after(unit.connection, self.store, now)
        if not (found or beat_ahead or took_ahead or was_set):
            return
        log.info("clock.set", store=self.store, made_due=found)
        self._redate(unit, now)
        set_back.set_past_to_now(unit.connection, self.store, now)

    def _redate(self, unit: Unit, now: datetime) -> None:
        """Date anew what was reported without a time: it was dated by its arrival, by the clock that was ahead."""
        moment = Moment(now, self.runtime.settle)
        for key in set_back.reported_after(unit.connection, self.store, now):
            known = cast("Values", unit.find(key))
            facts = cast("ReportedFacts", facts_of(known))
            redated = without_future_instants(facts, now)
            if redated != facts:
                told = "Dated by its arrival while the clock was ahead, and dated anew since it was set back"
                Recorder(self.runtime.policy).save(
                    unit, known, redated, {}, moment, "clock set back", told
                )
                Recorder(self.runtime.policy).link(unit, self.store, redated, moment)
        unit.settle()
