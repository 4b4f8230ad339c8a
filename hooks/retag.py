"""Tagging records anew, under a policy that was put in force, or for what was asked for or decided about a person.

Level-triggered, as writing back is: each record says what made its tags, and those that something else made are due.
A crash costs nothing, and a record that a process still on the old policy tagged meanwhile is due again.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection

from hooks.ingest import Ingest
from hooks.ledger import policies, records
from hooks.ledger.batch import Batch
from hooks.planning import tagged_by
from hooks.retention.facts import STORED_KINDS
from hooks.surroundings import persons_of

CHUNK = 200
"""So that whoever else wants to write waits for moments only."""


@dataclass(frozen=True)
class Retagger:
    """Tags anew what is due, a chunk at a time; any number may be at it."""

    ingest: Ingest

    def step(self, limit: int = CHUNK) -> int:
        """Tag up to `limit` records anew. Returns how many those were. Raises LedgerUnavailableError."""
        wanted = tagged_by(self.ingest.policy)
        with self.ingest.database.read() as connection:  # a look that waits for nobody
            if not records.any_tagged_otherwise(connection, wanted):
                return 0
        return self.ingest.transaction(lambda connection: self._tag(connection, wanted, limit))

    def _tag(self, connection: Connection, wanted: str, limit: int) -> int:
        if policies.digest_in_force(connection) not in (None, self.ingest.policy.digest):
            return 0  # another policy was put in force, which this process follows in a moment
        due = records.tagged_otherwise(connection, wanted, limit=limit)
        persons = persons_of(connection, due)
        moment, batch = self.ingest.moment(), Batch()
        for known in due:
            if not _with_others(known):
                self.ingest.tag_anew(connection, known, moment, persons[known["store"]], batch)
        batch.write(connection)
        for known in due:
            if _with_others(known):
                self.ingest.tag_anew(connection, known, moment, persons[known["store"]])
        return len(due)


def _with_others(known: records.Values) -> bool:
    """Whether its tags and those of other records hang together: each sees what became of those before it."""
    return known["kind"] not in STORED_KINDS or (known["kind"] == "customer" and known["linked"])
