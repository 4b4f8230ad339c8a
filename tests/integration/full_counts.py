"""The values that the tallies and the schedule should have, counted over all records."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, select

from hooks.ledger import due as due_module
from hooks.ledger import tallies, views
from hooks.ledger.due import DueQuery, due_by_day, due_page
from hooks.ledger.tables import records

NOW = datetime(2026, 11, 22, 11, 0, tzinfo=UTC)
TODAY = NOW.date()
KINDS = ["order", "customer", "support-request"]
CLASSES = [None, "orders-accounting", "unpaid-orders"]
WHOLE, PART = ("active", "trashed"), ("active", "trashed", "erased")


def all_of(connection: Connection) -> list[Row[Any]]:
    """Return every record."""
    return list(connection.execute(select(records)))


def kinds_of(rows: Iterable[Row[Any]]) -> Counter[tuple[Any, ...]]:
    """Records by what they are."""
    return Counter(
        (
            r.state,
            r.kind,
            r.retention_class or "",
            r.legal_basis or "",
            r.held,
            r.unknown_status,
            r.recipients,
        )
        for r in rows
    )


def days_of(rows: Iterable[Row[Any]]) -> Counter[tuple[Any, ...]]:
    """Records by the day after which they are due, as a whole or in part."""
    found: Counter[tuple[Any, ...]] = Counter()
    for row in rows:
        about = row.kind, row.retention_class or ""
        if row.state in WHOLE and row.delete_after:
            found["whole", row.delete_after, *about] += 1
        if row.state in PART and row.part_delete_after:
            found["part", row.part_delete_after, *about] += 1
    return found


def months_shown(connection: Connection, what: tallies.Scope) -> dict[str, list[int]]:
    """By month: the number of records, how many are overdue, and due within 30 and 365 days."""
    found = tallies.months(connection, what, TODAY)
    assert [row.month for row in found] == sorted(row.month for row in found)
    return {
        row.month: [row.number, row.overdue, row.next_30_days, row.next_365_days] for row in found
    }


def months_of(days: Mapping[tuple[Any, ...], int], what: str) -> dict[str, list[int]]:
    """The same, from what is due on each day."""
    found: dict[str, list[int]] = {}
    for (of, day, *_), number in days.items():
        if of == what:
            left = (day - TODAY).days
            row = found.setdefault(f"{day:%Y-%m}", [0, 0, 0, 0])
            for place, counts in enumerate((True, left < 0, 0 <= left < 30, 0 <= left < 365)):
                row[place] += number * counts
    return found


def is_early(row: Row[Any]) -> bool:
    """Tell whether the law or a hold requires a record that the store has trashed, erased or deleted."""
    wanted = row.legal_basis == "legal-obligation" or row.held
    if not wanted or row.state not in ("trashed", "erased", "gone"):
        return False
    before_its_day = row.delete_after and row.closed_on and row.delete_after >= row.closed_on
    return bool(
        row.held
        or before_its_day
        or (row.state == "trashed" and row.delete_after and row.delete_after >= TODAY)
    )


def tally_counts(rows: Iterable[Row[Any]]) -> Counter[tuple[Any, ...]]:
    """What a tally gave."""
    return Counter({tuple(row[:-1]): row.number for row in rows})


def assert_tallies_match(connection: Connection) -> None:
    """Check that all values of the tallies equal the counts of the records."""
    rows = all_of(connection)
    about = (
        "state",
        "kind",
        "retention_class",
        "legal_basis",
        "held",
        "unknown_status",
        "recipients",
    )
    assert tally_counts(tallies.kinds(connection, *about)) == kinds_of(rows)
    by_day = ("day", "kind", "retention_class")
    whole, part = (
        tallies.days(connection, "whole", *by_day),
        tallies.days(connection, "part", *by_day),
    )
    days = {("whole", *row[:-1]): row.number for row in whole} | {
        ("part", *row[:-1]): row.number for row in part
    }
    assert days == days_of(rows)
    for what in ("whole", "part"):
        assert months_shown(connection, what) == months_of(days, what)
    early = sorted(row.id for row in rows if is_early(row))
    number, examples, since = views.erased_too_early(connection, TODAY)
    assert (number, [row.id for row in examples]) == (len(early), early[: views.EXAMPLES])
    assert (since is not None) == bool(early)


QUERIES = [
    *(DueQuery(before, of_class, kind) for before in (None, TODAY, TODAY + timedelta(days=9)) for of_class in CLASSES
      for kind in (None, *KINDS)),
    *(DueQuery(before, kind=kind, parts=True) for before in (None, TODAY) for kind in (None, *KINDS)),
]  # fmt: skip


def assert_pages_match(connection: Connection) -> None:
    """Check that for each query the pages of the schedule list the due records in their order."""
    rows = all_of(connection)
    for query in QUERIES:
        assert paged(connection, query) == wanted(rows, query)


def wanted(rows: Iterable[Row[Any]], query: DueQuery) -> list[int]:
    """The ids of what falls due, in that order."""
    due_on = {row.id: row.part_delete_after if query.parts else row.delete_after for row in rows}
    chosen = [
        row
        for row in rows
        if row.state in (PART if query.parts else WHOLE)
        and due_on[row.id] is not None
        and (query.before is None or due_on[row.id] < query.before)
        and query.kind in (None, row.kind)
        and query.retention_class in (None, row.retention_class)
    ]
    return [row.external_id for row in sorted(chosen, key=lambda row: (due_on[row.id], row.id))]


def paged(connection: Connection, query: DueQuery) -> list[int]:
    """The ids of all pages."""
    found: list[int] = []
    total, page = 1, 1
    while len(found) < total:
        total, rows = due_page(connection, replace(query, page=page))
        assert len(rows) == min(due_module.PAGE_SIZE, total - len(found))
        found += [row.external_id for row in rows]
        page += 1
    assert sum(row.number for row in due_by_day(connection, query)) == total
    return found
