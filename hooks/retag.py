"""Tagging records anew, under a policy that was put in force, or for what was asked for or decided about a person.

Level-triggered, as writing back is: each record says what made its tags, and those that something else made are due.
A crash costs nothing, and a record that a process still on the old policy tagged meanwhile is due again.
"""

from __future__ import annotations

from dataclasses import dataclass

from hooks.ingest import Ingest
from hooks.ledger import policies, records
from hooks.ledger.unit import Unit
from hooks.retention.facts import STORED_KINDS
from hooks.tagging import tagged_by

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
        return self.ingest.transaction(lambda unit: self._tag(unit, wanted, limit))

    def _tag(self, unit: Unit, wanted: str, limit: int) -> int:
        if policies.digest_in_force(unit.connection) not in (None, self.ingest.policy.digest):
            return 0  # another policy was put in force, which this process follows in a moment
        due = records.tagged_otherwise(unit.connection, wanted, limit=limit)
        unit.persons = records.Persons(unit.connection, due)
        moment, last = self.ingest.moment(), []
        for row in due:
            key = unit.hold(row)
            if _with_others(row):
                last.append(key)
            else:
                self.ingest.tag_anew(unit, key, moment)
        for key in last:
            self.ingest.tag_anew(unit, key, moment)
        return len(due)


def _with_others(known: records.Values) -> bool:
    """Whether its tags and those of other records hang together: each sees what became of those before it."""
    return known["kind"] not in STORED_KINDS or (known["kind"] == "customer" and known["linked"])
