"""A worker's heartbeat: it notes that a worker works for the store, and what only a worker can see in time.

The danger: while no worker runs, nothing is pushed, and a lost webhook is not noticed. And a clock that was ahead
leaves times in the ledger that lie in the future: retries wait for them, and reports of tools are dated by them.

The rules:
- A beat checks first that the store is the shop that the ledger is for. If it is another one, nothing is done for it.
- The first beat after an ABSENCE makes the watch over the webhooks and the round "changes" due at once.
- A beat compares the clock with the monotonic one, and with the times in the ledger. If the clock was set back, it
  makes due what waits too long, and dates again what was dated too late.
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
from hooks.ledger.rounds import RoundName
from hooks.ledger.rows import RecordRow
from hooks.ledger.unit import Unit
from hooks.retention.facts import ReportedFacts
from hooks.retention.tool_reports import without_future_instants
from hooks.runtime import Runtime
from hooks.settings import Settings
from hooks.store.client import StoreClient
from hooks.store.retry import LONGEST_ASKED, PERMANENT
from hooks.store.shop_identity import is_another_shop
from hooks.sync import store_observations
from hooks.tagging.recorder import Recorder, Update, facts_of

EVERY_SECONDS = 30.0

ABSENCE = timedelta(minutes=5)
"""After so long without a heartbeat, the webhooks and the changes of a store are checked at once."""

JUMP_SECONDS = 30.0
"""A clock was set if it moved by more than this against the monotonic clock."""

log = structlog.get_logger(__name__)


@dataclass
class Heartbeat:
    """The heartbeat of one thread that works for a store.

    `longest_delays`: the longest time for which each round may be put off.
    """

    store: str
    client: StoreClient
    runtime: Runtime
    longest_delays: Mapping[RoundName, timedelta]
    _is_ours: bool = True
    _beat_at: float | None = None
    _clock_offset: float | None = None
    _has_clock_reading: bool = False
    _notices: Mapping[str, bool] = field(default_factory=dict)

    @classmethod
    def of(cls, store: str, client: StoreClient, runtime: Runtime, settings: Settings) -> Heartbeat:
        """Make the heartbeat for the store with this slug."""
        sweep = max(settings.sweep, PERMANENT)
        changes = max(settings.reconcile, PERMANENT)
        longest_delays: Mapping[RoundName, timedelta] = {
            "watch": settings.watch,
            "changes": changes,
            "orders": sweep,
            "customers": sweep,
            "unlisted": sweep,
        }
        return cls(store, client, runtime, longest_delays)

    def beat(self) -> bool:
        """Beat if a beat is due; return False where the ledger is for another shop: then do nothing for the store.

        A beat is due every EVERY_SECONDS, and when the clock was set or the store has something new to tell. Raises
        LedgerUnavailableError.
        """
        ticks = time.monotonic()
        was_set = self._was_clock_set(ticks)
        is_due = self._beat_at is None or ticks - self._beat_at >= EVERY_SECONDS
        if is_due or was_set or self._has_news():
            has_clock_reading = self.client.clock_reading is not None
            notices = dict(self.client.notices)
            self._is_ours = self.runtime.transaction(
                lambda unit: self._beat(unit, notices, was_set=was_set)
            )
            self._beat_at = ticks
            self._has_clock_reading = has_clock_reading
            self._notices = notices
        return self._is_ours

    def _was_clock_set(self, ticks: float) -> bool:
        """Tell whether the clock was set since the last call."""
        before = self._clock_offset
        self._clock_offset = self.runtime.clock().timestamp() - ticks
        return before is not None and abs(self._clock_offset - before) > JUMP_SECONDS

    def _has_news(self) -> bool:
        """Tell whether the store has told its time for the first time, or its answers gained or lost PHP notices."""
        if self.client.clock_reading and not self._has_clock_reading:
            return True
        return self.client.notices != self._notices

    def _beat(self, unit: Unit, notices: Mapping[str, bool], *, was_set: bool) -> bool:
        connection = unit.connection
        now = self.runtime.clock()
        url = self.client.settings.url
        row = stores.row(connection, self.store)
        if row and is_another_shop(row.url, url):
            if self._is_ours:  # logged once
                log.error("store.moved", store=self.store, known=row.url, now=url)
            return False
        stores.keep_url(connection, self.store, url)
        last_beat = row.worker_at if row else None
        self._repair_after_set_back(unit, last_beat, now, was_set=was_set)
        if last_beat is None or now - last_beat > ABSENCE:
            for name in ("watch", "changes"):
                rounds.make_due(connection, self.store, name, now)
        stores.note_worker(connection, self.store, now)
        store_observations.exchange(connection, self.store, self.client, now)
        reading = self.client.clock_reading
        if reading:
            stores.note_store_time(connection, self.store, reading.store_time, reading.at)
        self._note_notices(connection, notices, now)
        return True

    def _note_notices(
        self, connection: Connection, notices: Mapping[str, bool], now: datetime
    ) -> None:
        """Note the resources whose last answer had PHP notices. Resources that were not asked for stay as they are."""
        if not notices:
            return
        trait = traits.read(connection, self.store).get(traits.PHP_NOTICES)
        before: set[str] = set()
        if trait:
            before.update(trait.value.split(","))
        noisy = {resource for resource, has_notices in notices.items() if has_notices}
        after = (before - notices.keys()) | noisy
        if after:
            traits.note(connection, self.store, traits.PHP_NOTICES, ",".join(sorted(after)), now)
        elif trait:
            traits.forget(connection, self.store, traits.PHP_NOTICES)

    def _repair_after_set_back(
        self, unit: Unit, last_beat: datetime | None, now: datetime, *, was_set: bool
    ) -> None:
        """Repair what a clock that was ahead has left in the ledger. `last_beat` is that of any worker."""
        connection = unit.connection
        made_due = set_back.make_due(
            connection, self.store, now, LONGEST_ASKED, self.longest_delays
        )
        is_beat_ahead = last_beat is not None and last_beat > now + set_back.SLACK
        is_delivery_ahead = set_back.has_delivery_after(connection, self.store, now)
        if not (made_due or is_beat_ahead or is_delivery_ahead or was_set):
            return
        log.info("clock.set", store=self.store, made_due=made_due)
        self._redate(unit, now)
        set_back.set_past_to_now(connection, self.store, now)

    def _redate(self, unit: Unit, now: datetime) -> None:
        """Date the reports of tools again that came without a time: they have the time of the clock that was ahead."""
        moment = Moment(now, self.runtime.settle)
        recorder = Recorder(self.runtime.policy)
        note = (
            "Dated by its arrival while the clock was ahead, and dated anew since it was set back"
        )
        for key in set_back.reported_after(unit.connection, self.store, now):
            row = cast("RecordRow", unit.find(key))
            facts = cast("ReportedFacts", facts_of(row))
            redated = without_future_instants(facts, now)
            if redated != facts:
                update = Update(redated, "clock set back", note=note)
                recorder.save(unit, row, update, moment)
                recorder.link(unit, self.store, redated, moment)
        unit.settle()
