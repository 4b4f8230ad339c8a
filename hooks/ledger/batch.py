"""Many records written with few statements: what they have in common is said to the database once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, insert, update

from hooks.ledger.log import told
from hooks.ledger.records import Values, differing
from hooks.ledger.tables import history, records


@dataclass(frozen=True, slots=True)
class Batch:
    """Takes what is to be written of known records, and writes it when told to. No record may be in it twice."""

    updates: dict[tuple[str, ...], list[Values]] = field(default_factory=lambda: defaultdict(list))
    lines: list[Values] = field(default_factory=list)

    def save(self, known: Values, changed: Mapping[str, Any]) -> int:
        """As `records.save`, of a known record."""
        different = differing(known, changed)
        if different:
            self.updates[tuple(sorted(different))].append(different | {"row": known["id"]})
        return int(known["id"])

    def remember(self, record_id: int, row: Mapping[str, Any], at: datetime, cause: str, reason: str) -> None:
        """As `log.remember`."""
        self.lines.append(told(record_id, row, at, cause, reason))

    def write(self, connection: Connection) -> None:
        """Write all of it."""
        for names, rows in self.updates.items():
            columns: dict[str, Any] = {name: bindparam(name) for name in names}
            connection.execute(update(records).where(records.c.id == bindparam("row")).values(columns), rows)
        if self.lines:
            connection.execute(insert(history), self.lines)
