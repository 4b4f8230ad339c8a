"""Sealing the history, a batch at a time, after the rows were appended."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from hooks.ledger.audit import seals
from hooks.ledger.audit.seals import LOOKBACK
from hooks.runtime import Runtime

CHUNK = 500
"""Rows of one transaction: so few that other writers wait for moments only."""

SEARCH_EVERY = timedelta(hours=1)
"""The interval between two searches of the whole history for rows without a seal."""

SEARCHED_AT_ONCE = 20_000
"""Row ids that one step of such a search covers."""


@dataclass
class Sealer:
    """Seals the rows that have no seal yet.

    Any number of sealers may work at once: they continue the same chain. A crash loses nothing.
    """

    runtime: Runtime
    search_at: datetime | None = None
    searched: int = 0
    _lower_checked_at: int | None = None
    """The highest sealed row at the last check for unsealed rows below it."""

    def step(self, limit: int = CHUNK) -> int:
        """Seal up to `limit` rows and return how many. Raises LedgerUnavailableError."""
        with self.runtime.database.read() as connection:  # needs no lock
            since = self._first_unsealed(connection)
        if since is None:
            return 0
        with self.runtime.database.write() as connection:
            return seals.seal(connection, limit, since=since)

    def _first_unsealed(self, connection: Connection) -> int | None:
        now = self.runtime.clock()
        if self.search_at is None or now >= self.search_at:
            row_id = self._search(connection, now)
            if row_id is not None:
                return row_id
        return self._newest_unsealed(connection)

    def _search(self, connection: Connection, now: datetime) -> int | None:
        """Search the next part of the whole history. At its end, the next search is due after SEARCH_EVERY."""
        row_id = seals.first_stray(connection, self.searched, SEARCHED_AT_ONCE)
        if row_id is None:
            self.searched += SEARCHED_AT_ONCE
            if self.searched >= seals.lookback_start(connection):
                self.searched = 0
                self.search_at = now + SEARCH_EVERY
        return row_id

    def _newest_unsealed(self, connection: Connection) -> int | None:
        """Find the first unsealed row above the highest sealed one.

        Rows below it are checked, too, when there is none above it, and after every half LOOKBACK of rows that any
        sealer has sealed.
        """
        highest = seals.highest_sealed(connection)
        if self._lower_checked_at is not None and highest - self._lower_checked_at < LOOKBACK // 2:
            row_id = seals.first_above(connection, highest)
            if row_id is not None:
                return row_id
        row_id = seals.first_unsealed(connection)
        self._lower_checked_at = highest  # only now: a check that fails is tried again
        return row_id
