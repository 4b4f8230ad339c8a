"""Sealing the history, a batch at a time, behind those who append to it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from hooks.ledger.audit import seals
from hooks.ledger.audit.seals import LOOKBACK
from hooks.runtime import Runtime

CHUNK = 500
"""So that whoever else wants to write waits for moments only."""

SEARCH_EVERY = timedelta(hours=1)
"""How often all of the history is searched for rows that are not sealed."""

SEARCHED_AT_ONCE = 20_000
"""So many ids of it at each step, however long it is."""


@dataclass
class Sealer:
    """Seals what is not sealed yet; any number may be at it, and they make one chain. A crash costs nothing."""

    runtime: Runtime
    search_at: datetime | None = None
    searched: int = 0
    _looked_below: int | None = None
    """The highest row that was sealed when it was last looked below it, too."""

    def step(self, limit: int = CHUNK) -> int:
        """Seal up to `limit` rows. Returns how many those were. Raises LedgerUnavailableError."""
        with self.runtime.database.read() as connection:  # a look that waits for nobody
            since = self._first(connection)
        if since is None:
            return 0
        with self.runtime.database.write() as connection:
            return seals.seal(connection, limit, since=since)

    def _first(self, connection: Connection) -> int | None:
        now = self.runtime.clock()
        found = None if self.search_at and now < self.search_at else self._search(connection, now)
        return self._next(connection) if found is None else found

    def _search(self, connection: Connection, now: datetime) -> int | None:
        """Go on with the search of all of the history; at its end it rests until it is due again."""
        found = seals.stray(connection, self.searched, SEARCHED_AT_ONCE)
        if found is None:
            self.searched += SEARCHED_AT_ONCE
            if self.searched >= seals.lookback(connection):
                self.searched, self.search_at = 0, now + SEARCH_EVERY
        return found

    def _next(self, connection: Connection) -> int | None:
        """What comes in at once is above all that is sealed; every so often, counting what others have sealed, it is
        looked below, too."""
        highest = seals.highest(connection)
        lately = self._looked_below is not None and highest - self._looked_below < LOOKBACK // 2
        found = seals.first_above(connection, highest) if lately else None
        if found is None:
            found, self._looked_below = seals.first_unsealed(connection), highest
        return found
