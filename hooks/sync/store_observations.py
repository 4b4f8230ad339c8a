"""Traits of a store that a worker observes, noted in the ledger for all processes.

The traits are `auth` (how the key arrives), `cached` (the header of a cache that answers in the store's place, and the
time of its last answer) and `time-zone`. The worker's heartbeat exchanges them with its client.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection

from hooks.ledger import traits
from hooks.runtime import Runtime
from hooks.store import store_zone

if TYPE_CHECKING:  # the web process lists problems, and calls no store
    from hooks.store.client import StoreClient

AUTH, CACHED, TIME_ZONE = "auth", "cached", "time-zone"

QUIET = timedelta(hours=1)
"""A cache counts as removed if the store has answered for so long, and the cache has not."""

ZONE_SECONDS = 3600.0
"""The interval between two checks of a store's time zone."""

Problem = dict[str, Any]


def exchange(connection: Connection, store: str, client: StoreClient, now: datetime) -> None:
    """Note what the client has observed since the last exchange, and tell it what the ledger knows."""
    stored = traits.read(connection, store)
    _exchange_auth(connection, store, client, stored.get(AUTH), now)
    _note_cache(connection, store, client, stored.get(CACHED), now)


def _exchange_auth(
    connection: Connection,
    store: str,
    client: StoreClient,
    trait: traits.Trait | None,
    now: datetime,
) -> None:
    """Note how the key arrives, if the client has just found it out; otherwise give the client what is noted."""
    if client.settings.auth != "auto":
        return
    if client.has_new_auth:
        client.has_new_auth = False
        traits.note(connection, store, AUTH, client.auth, now)
    elif trait:
        client.adopt_auth(trait.value)


def _note_cache(
    connection: Connection,
    store: str,
    client: StoreClient,
    trait: traits.Trait | None,
    now: datetime,
) -> None:
    header = client.cached_by
    has_fresh = client.has_fresh
    client.cached_by = None
    client.has_fresh = False
    if header:
        traits.note(connection, store, CACHED, f"{header} {now.isoformat()}", now)
    elif trait and has_fresh and now - _last_answer(trait.value, now) > QUIET:
        traits.forget(connection, store, CACHED)


def _last_answer(value: str, now: datetime) -> datetime:
    """Read the time of the cache's last answer. A time after `now` is from a clock that was ahead: it is long past."""
    at = datetime.fromisoformat(value.partition(" ")[2])
    if at > now:
        return now - 2 * QUIET
    return at


@dataclass
class ZoneWatch:
    """Checks one store's time zone every ZONE_SECONDS. Each worker does so by itself."""

    store: str
    client: StoreClient
    runtime: Runtime
    _checked_at: float | None = None

    def step(self) -> int:
        """Check the time zone if that is due. Returns 0: the check does not show that the key opens the store.

        Raises LedgerUnavailableError.
        """
        ticks = time.monotonic()
        if self._checked_at is not None and ticks - self._checked_at < ZONE_SECONDS:
            return 0
        index = self.client.index()
        self._checked_at = ticks
        if index is not None:
            self._note(store_zone.zone_text(index))
        return 0

    def _note(self, zone: str | None) -> None:
        with self.runtime.database.write() as connection:
            trait = traits.read(connection, self.store).get(TIME_ZONE)
            if trait and trait.value != zone:
                traits.forget(connection, self.store, TIME_ZONE)
            if zone:
                traits.note(connection, self.store, TIME_ZONE, zone, self.runtime.clock())


def problems(connection: Connection, store: str, policy_zone: tzinfo) -> Iterator[Problem]:
    """List the problems that a store's traits show."""
    stored = traits.read(connection, store)
    cached = stored.get(CACHED)
    zone = stored.get(TIME_ZONE)
    if cached:
        header = cached.value.partition(" ")[0]
        yield {
            "code": "store-cached",
            "message": f"A cache answers in place of the REST API of {store}, as the header {header} shows. Exclude "
            "/wp-json/ from that cache. Until then such an answer is not believed, and what it hides is found late.",
            "since": cached.since.isoformat(),
        }
    if zone is None:
        return
    difference = store_zone.describe_difference(zone.value, policy_zone)
    if difference:
        yield {
            "code": "time-zone-differs",
            "message": f"In {store}, {difference}.",
            "since": zone.since.isoformat(),
        }
