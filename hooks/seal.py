"""Sealing the history, a batch at a time, behind those who append to it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from hooks.ingest import Ingest
from hooks.ledger import seals

CHUNK = 500
"""So that whoever else wants to write waits for moments only."""

SEARCH_EVERY = timedelta(hours=1)
"""How often all of the history is searched for rows that are not sealed."""


@dataclass
class Sealer:
    """Seals what is not sealed yet; any number may be at it, and they make one chain. A crash costs nothing."""

    ingest: Ingest
    search_at: datetime | None = None

    def step(self, limit: int = CHUNK) -> int:
        """Seal up to `limit` rows. Returns how many those were. Raises LedgerUnavailableError."""
        with self.ingest.database.read() as connection:  # a look that waits for nobody
            since = self._first(connection)
        if since is None:
            return 0
        with self.ingest.database.write() as connection:
            return seals.seal(connection, limit, since=since)

    def _first(self, connection: Connection) -> int | None:
        now = self.ingest.clock()
        if self.search_at is None or now >= self.search_at:
            found = seals.stray(connection)
            if found is not None:
                return found
            self.search_at = now + SEARCH_EVERY
        return seals.first_unsealed(connection)
