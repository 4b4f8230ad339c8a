"""The audit reports each change of the history and of its seals, row by row; some changes show only against a head that
was kept elsewhere."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Executable, Table, Update, delete, insert, select, text, update

from hooks.ledger.audit import chain
from hooks.ledger.audit.seals import GENESIS, Head, seal_hash, sealed_columns, to_sealed_row
from hooks.ledger.audit.seals import seal as seal_some
from hooks.ledger.database import Database
from hooks.ledger.tables import history, records, seal_head, seals
from tests.integration.harness import NOON, ON_SQLITE
from tests.integration.sealed_history import (
    MINUTE,
    NEXT_DAY,
    ORDERS,
    ROWS,
    fill,
    found,
    head,
    history_row,
    seal,
    tampered,
    words,
)

ANOTHER_HASH = "f" * 64

Tampering = tuple[list[Executable], list[str]]

# --- sentences --------------------------------------------------------------------------------------------


def named(row_id: int, order: int | None = None) -> str:
    return f"History row {row_id} (order {order or row_id // 10 % ORDERS + 101} of shop)"


def changed(number: int, order: int | None = None) -> str:
    return f"{named(10 * number, order)} is not what was sealed as number {number}: it, or its record, was changed."


def neither(number: int) -> str:
    fits = f"{named(10 * number)} and seal {number} do not fit each other"
    return f"{fits}: the row, its record or the seal was changed."


def unproven(number: int) -> str:
    return f"{named(10 * number)} cannot be proven by seal {number}, since seal {number - 1} before it does not stand."


def skipped(which: str, next_number: int) -> str:
    row = named(10 * next_number).replace("H", "h", 1)
    return f"{which} missing; {row} cannot be proven by seal {next_number} without."


def gone(number: int) -> str:
    return f"History row {10 * number}, sealed as number {number}, is missing; of which record it was is not known."


def moved(number: int, row_id: int, made_as: int, made_on: int) -> str:
    made = f"what stands as seal {number} was made as seal {made_as}, on row {made_on}."
    return f"{named(row_id)} is not where it was: {made}"


def put_in(row_id: int) -> str:
    at = (NOON + row_id // 10 * MINUTE).replace(tzinfo=None).isoformat(" ", "microseconds")
    rest = "stands among sealed rows and is not sealed: it was put in later, unless no worker is running."
    return f"{named(row_id)} of {at} UTC {rest}"


def idle(row_id: int, more: int) -> str:
    behind = f" and {more} more after it are" if more else " is"
    return f"{named(row_id)}{behind} older than an hour and not sealed: is a worker running?"


# --- tampering --------------------------------------------------------------------------------------------


def edit(row_id: int, **values: Any) -> Update:
    return update(history).where(history.c.id == row_id).values(**values)


def seal_edit(number: int, **values: Any) -> Update:
    return update(seals).where(seals.c.number == number).values(**values)


def swap(table: Table, column: str, one: int, other: int) -> list[Executable]:
    """Exchange the values of one column between two rows."""
    held = table.c[column]
    return [
        update(table).where(held == a).values({column: b})
        for a, b in ((one, -1), (other, one), (-1, other))
    ]


def seals_gone(first: int, last: int = ROWS) -> Executable:
    return delete(seals).where(seals.c.number.between(first, last))


def rows_gone(first: int, last: int = 10 * ROWS) -> Executable:
    return delete(history).where(history.c.id.between(first, last))


HEAD_SET_BACK = update(seal_head).values(
    number=15, hash=select(seals.c.hash).where(seals.c.number == 15).scalar_subquery()
)

COLUMNS: list[dict[str, Any]] = [
    {"at": NOON + 5 * MINUTE + timedelta(microseconds=1)},
    {"cause": "order.deleted"},
    {"state": "erased"},
    {"legal_basis": "consent"},
    {"legal_basis": None},
    {"retention_class": "marketing"},
    {"delete_after": date(2031, 12, 30)},
    {"delete_after": None},
    {"policy_id": "another"},
    {"reason": history.c.reason + " "},
    {"reason": ""},
]

OF_ROWS: dict[str, Tampering] = {
    "the first row": ([edit(10, state="gone")], [changed(1)]),
    "the last row": ([edit(200, state="gone")], [changed(20)]),
    "two rows apart": ([edit(50, state="gone"), edit(90, state="gone")], [changed(5), changed(9)]),
    "two rows in sequence, which cannot be told from their seals": (
        [edit(50, state="gone"), edit(60, state="gone")],
        [neither(5), unproven(6)],
    ),
    "all rows, more than are explained one by one": (
        [update(history).values(at=datetime(2026, 1, 1, tzinfo=UTC))],
        [*(neither(number) for number in range(1, ROWS)), unproven(ROWS)],
    ),
    "a row given to another record": ([edit(50, record_id=4)], [changed(5, 104)]),
    "a record that takes another's name": (
        [update(records).where(records.c.id == 2).values(external_id=999)],
        [changed(number, 999) for number in (1, 5, 9, 13, 17)],
    ),
    "a record of another store": (
        [update(records).where(records.c.id == 2).values(store="other")],
        [changed(number).replace("of shop", "of other") for number in (1, 5, 9, 13, 17)],
    ),
    "a record of another kind": (
        [update(records).where(records.c.id == 2).values(kind="customer")],
        [changed(number).replace("(order", "(customer") for number in (1, 5, 9, 13, 17)],
    ),
    "a row removed": ([rows_gone(50, 50)], [gone(5)]),
    "a row removed, and the hash of its seal": (
        [rows_gone(50, 50), seal_edit(5, hash=ANOTHER_HASH)],
        [gone(5), unproven(6)],
    ),
    "a row removed with its seal": (
        [rows_gone(50, 50), seals_gone(5, 5)],
        [skipped("Seal 5 is", 6)],
    ),
    "rows removed with their seals": (
        [rows_gone(50, 70), seals_gone(5, 7)],
        [skipped("Seals 5 to 7 are", 8)],
    ),
    "a row taken out by giving it another id": ([edit(50, id=55)], [gone(5), put_in(55)]),
    "two rows exchanged": (swap(history, "id", 50, 90), [changed(5, 102), changed(9, 102)]),
    "a row put in": ([insert(history).values(history_row(55, 5))], [put_in(55)]),
    "a row put in before the first": ([insert(history).values(history_row(-5, -1))], [put_in(-5)]),
}

OF_SEALS: dict[str, Tampering] = {
    "a seal removed": ([seals_gone(5, 5)], [skipped("Seal 5 is", 6), put_in(50)]),
    "the first seal removed": ([seals_gone(1, 1)], [skipped("Seal 1 is", 2), put_in(10)]),
    "a seal removed, and the row of the next one": (
        [seals_gone(5, 5), rows_gone(60, 60)],
        ["Seal 5 is missing.", gone(6), put_in(50)],
    ),
    "the hash of a seal": (
        [seal_edit(5, hash=ANOTHER_HASH)],
        [f"{named(50)} is as it was sealed, but seal 5 was changed."],
    ),
    "the hash of the last seal": (
        [seal_edit(20, hash=ANOTHER_HASH)],
        [f"{named(200)} is as it was sealed, but seal 20 was changed."],
    ),
    "the rows of two seals": (
        swap(seals, "history_id", 50, 90),
        [moved(5, 90, 5, 50), moved(9, 50, 9, 90)],
    ),
    "the rows of two in sequence": (
        swap(seals, "history_id", 50, 60),
        [moved(5, 60, 5, 50), moved(6, 50, 6, 60)],
    ),
    "two seals exchanged": (
        swap(seals, "number", 5, 9),
        [moved(5, 90, 9, 90), moved(9, 50, 5, 50)],
    ),
    "two seals in sequence exchanged": (
        swap(seals, "number", 5, 6),
        [moved(5, 60, 6, 60), moved(6, 50, 5, 50)],
    ),
    "a seal put before the first": (
        [insert(seals).values(number=-3, history_id=5, hash=ANOTHER_HASH)],
        ["Seal -3 is none that this service makes: it was put in."],
    ),
    "the end of the seals cut off": (
        [seals_gone(16)],
        ["Seals 16 to 20 are missing at the end of the chain, which went on to 20.", idle(160, 4)],
    ),
    "the end of the seals cut off, and the head set back": (
        [HEAD_SET_BACK, seals_gone(16)],
        [idle(160, 4)],
    ),
    "all seals, and the head": ([delete(seals), delete(seal_head)], [idle(10, 19)]),
    "the head set back": (
        [HEAD_SET_BACK],
        ["The chain is written down as ending with seal 15, and goes on to 20: that was changed."],
    ),
    "the hash of the head": (
        [update(seal_head).values(hash=ANOTHER_HASH)],
        ["The hash written down for the end of the chain is not that of seal 20: one was changed."],
    ),
    "the head removed": (
        [delete(seal_head)],
        ["Where the chain ends is not written down, though it goes on to seal 20."],
    ),
}


@pytest.fixture
def ledger(database: Database) -> Database:
    """A ledger with a sealed history."""
    fill(database)
    seal(database)
    assert found(database) == []
    return database


def test_a_change_of_one_value_is_found(ledger: Database, subtests: pytest.Subtests) -> None:
    for values in COLUMNS:
        with (
            subtests.test(values=str(values)),
            tampered(ledger, [edit(50, **values)]) as connection,
        ):
            assert words(connection) == [changed(5)]


def test_changes_of_rows_or_seals_are_reported(ledger: Database, subtests: pytest.Subtests) -> None:
    for name, (statements, told) in (OF_ROWS | OF_SEALS).items():
        with subtests.test(name), tampered(ledger, statements) as connection:
            assert words(connection) == told


def test_an_inserted_row_is_found_even_when_it_is_sealed(
    ledger: Database, subtests: pytest.Subtests
) -> None:
    later = insert(history).values([history_row(20_000 + place, 120 + place) for place in range(3)])
    rest = "was sealed as number 24, long after rows that follow it: it was put in later, or a clock was wrong."
    with tampered(ledger, [later]) as connection:
        assert seal_some(connection, 9) == 3
        for name, row in {
            "of an older day": history_row(19_995, 5),
            "far below": history_row(55, 120),
        }.items():
            with subtests.test(name), connection.begin_nested() as nested:
                connection.execute(insert(history).values(row))
                assert seal_some(connection, 9, since=1) == 1
                at = row["at"].replace(tzinfo=None).isoformat(" ", "microseconds")
                order = row["record_id"] + 100
                assert words(connection) == [f"{named(row['id'], order)} of {at} UTC {rest}"]
                nested.rollback()


def test_later_changes_of_records_break_no_seal(ledger: Database) -> None:
    with ledger.write() as connection:
        connection.execute(update(records).values(state="gone", facts="{}", updated_at=NEXT_DAY))
    assert found(ledger) == []


@ON_SQLITE
def test_an_unreadable_value_is_a_finding_and_no_crash(ledger: Database) -> None:
    """SQLite stores any value in a column of instants or days."""
    unreadable = [text("UPDATE history SET at = 'soon', delete_after = x'00ff' WHERE id = 50")]
    with tampered(ledger, unreadable) as connection:
        assert words(connection) == [changed(5)]

    put_there = text(
        "INSERT INTO history SELECT 55, record_id, 'soon', cause, state, NULL, NULL, NULL, NULL, reason"
        " FROM history WHERE id = 50"
    )
    with tampered(ledger, [put_there]) as connection:
        assert seal_some(connection, 9) == 1
        late = "was sealed as number 21, long after rows that follow it: it was put in later, or a clock was wrong."
        assert words(connection) == [f"{named(55)} of soon UTC {late}"]


FROM_90_ON = (
    select(*sealed_columns())
    .join_from(history, records, records.c.id == history.c.record_id)
    .where(history.c.id >= 90)
).order_by(history.c.id)


@ON_SQLITE
def test_a_chain_recomputed_from_the_middle_is_found(
    ledger: Database, subtests: pytest.Subtests
) -> None:
    """Neither a chain that seems to begin there, nor one that continues from an older seal, passes."""
    with ledger.read() as connection:
        older = connection.execute(select(seals.c.hash).where(seals.c.number == 4)).scalar_one()
    for previous in (GENESIS, older):
        tampering = [edit(50, state="gone"), edit(90, state="gone")]
        with subtests.test(previous), tampered(ledger, tampering) as connection:
            for number, row in enumerate(connection.execute(FROM_90_ON).all(), 9):
                previous = seal_hash(previous, number, to_sealed_row(row))  # noqa: PLW2901 - a chain
                connection.execute(seal_edit(number, hash=previous))
            connection.execute(update(seal_head).values(hash=previous))
            assert words(connection) == [changed(5), changed(9)]


@ON_SQLITE
def test_each_of_many_broken_seals_is_reported(
    ledger: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chain, "MAX_EXPLAINED", 1)
    with tampered(ledger, swap(seals, "history_id", 50, 90)) as connection:
        assert words(connection) == [
            changed(5).replace("row 50", "row 90"),
            changed(9).replace("row 90", "row 50"),
        ]


UNSEALED = [
    # nothing of it is old
    (0, NOON + timedelta(minutes=61), []),
    # its first three rows are
    (0, NOON + timedelta(minutes=63, seconds=1), [idle(10, 2)]),
    # all are sealed but the last, which is not old
    (19, NOON + timedelta(minutes=80), []),
    (19, NEXT_DAY, [idle(200, 0)]),
]


def test_rows_older_than_an_hour_should_be_sealed(
    database: Database, subtests: pytest.Subtests
) -> None:
    fill(database)
    for number, now, told in UNSEALED:
        with subtests.test(number=number, now=str(now)), tampered(database, []) as connection:
            assert seal_some(connection, number) == number
            assert words(connection, now=now) == told


# --- what only a head that was kept elsewhere shows -------------------------------------------------------

CUT_AT_15 = "The chain had 20 seals when the head was noted, and ends at 15 now: its end was cut."
REWRITTEN: dict[str, tuple[list[Executable], str]] = {
    "rows, seals and head cut off alike, as where a backup was restored": (
        [HEAD_SET_BACK, seals_gone(16), rows_gone(160)],
        CUT_AT_15,
    ),
    "a row changed, and all seals made anew": (
        [edit(50, state="gone"), delete(seals), delete(seal_head)],
        "Seal 20 is not the one that was noted: the history up to it was written anew.",
    ),
    "all of it taken away": (
        [delete(seals), delete(seal_head), delete(history)],
        CUT_AT_15.replace("15", "0"),
    ),
}


def test_a_recomputed_chain_is_found_by_a_saved_head(
    ledger: Database, subtests: pytest.Subtests
) -> None:
    noted = head(ledger)
    assert found(ledger, expect=noted) == []
    for name, (statements, told) in REWRITTEN.items():
        with subtests.test(name), tampered(ledger, statements) as connection:
            seal_some(connection, 1000)
            assert words(connection) == [], "the chain cannot know by itself"
            assert words(connection, expect=noted) == [told]


def test_a_saved_head_is_found_in_a_chain_that_grew(database: Database) -> None:
    assert found(database, expect=Head()) == []
    fill(database)
    seal(database, 12)
    noted = head(database)
    seal(database)
    assert head(database).number == ROWS
    assert found(database, expect=noted) == []
    assert len(found(database, expect=Head(12, ANOTHER_HASH))) == 1
    assert len(found(database, expect=Head(0, ANOTHER_HASH))) == 1
