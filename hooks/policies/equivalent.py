"""Equivalent records: those that the rules cannot tell apart. Most records of a large ledger are equivalent to others.

Preview and re-tagging walk over all records. They work the tags out once for each group of equivalent records.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import tzinfo
from typing import NamedTuple, Self

from sqlalchemy import Connection

from hooks.ledger.facts_outline import Outline
from hooks.ledger.persons import Persons
from hooks.ledger.prepared import Raw
from hooks.ledger.tagged_rows import RowHead
from hooks.tagging.context import outline_without_context, persons_of


class Group(NamedTuple):
    """The group of one record. `key` is the same for equivalent records.

    `outline`: the facts as the rules see them; None for a record with a context, which is a group of its own.
    """

    key: object
    outline: Outline | None


@dataclass(frozen=True, slots=True)
class Grouping:
    """Puts rows into groups of equivalent records.

    `shared` are the columns, besides the facts, by which equivalent records must agree.
    """

    persons: Persons
    zone: tzinfo
    shared: slice

    @classmethod
    def of_rows(
        cls, connection: Connection, rows: Iterable[Raw], zone: tzinfo, shared: slice
    ) -> Self:
        """Look up the persons of these rows."""
        return cls(persons_of(connection, rows), zone, shared)

    def group_of(self, row: Raw) -> Group:
        """Return the group of a row."""
        head = RowHead.of(row)
        outline = outline_without_context(self.persons, head, self.zone)
        if outline is None:
            return Group(head.id, None)
        return Group((head.kind, outline.text, *row[self.shared]), outline)
