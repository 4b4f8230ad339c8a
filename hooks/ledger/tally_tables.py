"""The tables that count the records. Each count is the sum of a tally and its changes: see `hooks.ledger.tallies`."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Date, String, Table, Text

from hooks.ledger.columns import Instant, metadata


def _kinds(name: str, *, is_tally: bool) -> Table:
    """Count records by their properties. An empty text means that the record has none."""
    return Table(
        name,
        metadata,
        Column("state", String(10), primary_key=is_tally, nullable=False),
        Column("kind", String(20), primary_key=is_tally, nullable=False),
        Column("retention_class", String(64), primary_key=is_tally, nullable=False),
        Column("legal_basis", String(64), primary_key=is_tally, nullable=False),
        Column("held", Boolean, primary_key=is_tally, nullable=False),
        Column("unknown_status", Boolean, primary_key=is_tally, nullable=False),
        Column("recipients", Text, primary_key=is_tally, nullable=False),
        Column("number", BigInteger, nullable=False),
        sqlite_with_rowid=not is_tally,
    )


def _days(name: str, *, is_tally: bool) -> Table:
    """Count records by the day after which something is due."""
    return Table(
        name,
        metadata,
        # whole | part | early. `early`: the law wanted the record kept until that day, and the store has erased it.
        Column("what", String(5), primary_key=is_tally, nullable=False),
        # 9999-12-31 of `early`: too early on any day.
        Column("day", Date, primary_key=is_tally, nullable=False),
        Column("kind", String(20), primary_key=is_tally, nullable=False),
        Column("retention_class", String(64), primary_key=is_tally, nullable=False),
        # When the first of these records was counted; only for `early`.
        Column("since", Instant),
        Column("number", BigInteger, nullable=False),
        sqlite_with_rowid=not is_tally,
    )


kind_tally = _kinds("kind_tally", is_tally=True)
kind_changes = _kinds("kind_changes", is_tally=False)
day_tally = _days("day_tally", is_tally=True)
day_changes = _days("day_changes", is_tally=False)
