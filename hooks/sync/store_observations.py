"""What a worker finds out about a store and what stands before it, noted in the ledger for all processes.

The traits are `auth` (how the key arrives), `cached` (the header of a cache that answers in the store's place, and when
it last did) and `time-zone`. The worker's heartbeat carries what its client has seen.
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

if TYPE_CHECKING:  # the web process names problems, and calls no store
    from hooks.store.client import StoreClient

AUTH, CACHED, TIME_ZONE = "auth", "cached", "time-zone"

QUIET = timedelta(hours=1)
"""A cache that has not answered for so long, while the store did, counts as gone."""

ZONE_SECONDS = 3600.0
"""So often a store's time zone is looked at."""

Problem = dict[str, Any]


def exchange(connection: Connection, store: str, client: StoreClient, now: datetime) -> None:
    """Note what the client has seen since the last time, and tell it what is known."""
    known = traits.read(connection, store)
    _carry_auth(connection, store, client, known.get(AUTH), now)
    _carry_cache(connection, store, client, known.get(CACHED), now)


def _carry_auth(
    connection: Connection,
    store: str,
    client: StoreClient,
    known: traits.Trait | None,
    now: datetime,
) -> None:
    """The client's own finding is the newer one. Where it has none, it begins with the one that is noted."""
    if client.settings.auth != "auto":
        return
    if client.has_new_auth:
        client.has_new_auth = False
        traits.note(connection, store, AUTH, client.auth, now)
    elif known:
        client.adopt_auth(known.value)


def _carry_cache(
    connection: Connection,
    store: str,
    client: StoreClient,
    known: traits.Trait | None,
    now: datetime,
) -> None:
    header, has_fresh = client.cached_by, client.has_fresh
    client.cached_by, client.has_fresh = None, False
    if header:
        traits.note(connection, store, CACHED, f"{header} {now.isoformat()}", now)
    elif known and has_fresh and now - _last_answer(known.value, now) > QUIET:
        traits.forget(connection, store, CACHED)


def _last_answer(value: str, now: datetime) -> datetime:
    """When the cache last answered; a time that has not come was noted by a clock that was ahead."""
    at = datetime.fromisoformat(value.partition(" ")[2])
    return at if at <= now else now - 2 * QUIET


@dataclass
class ZoneWatch:
    """Looks at one store's time zone now and then. Each worker does so by itself."""

    store: str
    client: StoreClient
    runtime: Runtime
    _looked_at: float | None = None

    def step(self) -> int:
        """Look, if it is time to. Returns 0: it tells nothing of whether the key opens the store.

        Raises LedgerUnavailableError.
        """
        ticks = time.monotonic()
        if self._looked_at is not None and ticks - self._looked_at < ZONE_SECONDS:
            return 0
        index = self.client.index()
        self._looked_at = ticks
        if index is None:
            return 0
        text = store_zone.zone_text(index)
        with self.runtime.database.write() as connection:
            known = traits.read(connection, self.store).get(TIME_ZONE)
            if known and known.value != text:
                traits.forget(connection, self.store, TIME_ZONE)
            if text:
                traits.note(connection, self.store, TIME_ZONE, text, self.runtime.clock())
        return 0


def problems(connection: Connection, store: str, policy_zone: tzinfo) -> Iterator[Problem]:
    """Name what is wrong with a store by what was noted of it."""
    known = traits.read(connection, store)
    if cached := known.get(CACHED):
        header = cached.value.partition(" ")[0]
        yield {
            "code": "store-cached",
            "message": f"A cache answers in place of the REST API of {store}, as the header {header} tells. Exclude "
            "/wp-json/ from that cache. Until then such an answer is not believed, and what it hides is found late.",
            "since": cached.since.isoformat(),
        }
    zone = known.get(TIME_ZONE)
    difference = store_zone.describe_difference(zone.value, policy_zone) if zone else None
    if zone and difference:
        yield {
            "code": "time-zone-differs",
            "message": f"Of {store}, {difference}.",
            "since": zone.since.isoformat(),
        }
