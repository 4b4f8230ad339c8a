"""Sealing the history: one chain, whoever seals it, and in whatever order rows are committed."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from sqlalchemy import Executable, delete, func, insert, select, text, update

from hooks.ledger.audit import seals
from hooks.ledger.database import Database
from hooks.ledger.tables import history, seal_head
from hooks.ledger.tables import seals as seals_table
from hooks.retention.policy import Policy
from hooks.runtime import Runtime
from hooks.worker import sealer as sealing
from hooks.worker.sealer import SEARCH_EVERY, Sealer
from tests.integration.harness import NOON, ON_SQLITE, SETTLE, Clock
from tests.integration.sealed_history import (
    MINUTE,
    ROWS,
    fill,
    found,
    head,
    history_row,
    numbers,
    seal,
    tampered,
)
from tests.support.ledger import remember


def _sealer(database: Database, policy: Policy, clock: Clock | None = None) -> Sealer:
    return Sealer(Runtime(database, policy, SETTLE, clock or Clock()))


def test_an_untouched_chain_is_valid(database: Database, policy: Policy) -> None:
    assert found(database) == []
    assert _sealer(database, policy).step() == 0
    fill(database, 300)
    sealer = _sealer(database, policy)
    batches = [sealer.step(limit=110) for _ in range(4)]
    assert batches == [110, 110, 80, 0]
    assert found(database) == []
    with database.read() as connection:
        assert connection.execute(select(func.count()).select_from(seal_head)).scalar_one() == 1
        assert numbers(connection) == [(place, 10 * place) for place in range(1, 301)]
        hashes = connection.execute(select(seals_table.c.hash)).scalars().all()
    assert all(re.fullmatch("[0-9a-f]{64}", each) for each in hashes), "nothing else is in there"
    assert len(set(hashes)) == 300


def test_the_hashed_form_is_the_same_on_each_database_for_ever(
    database: Database,
) -> None:
    """With another form, no earlier seal would match."""
    fill(database)
    seal(database)
    assert (
        str(head(database)) == "20:b4a19722c2c2e242ae454abaa186619e134ed05608395a9b4465282d6b842bc5"
    )


def test_every_column_of_the_history_is_sealed() -> None:
    assert set(seals.ROW_COLUMNS) == set(history.c.keys())


def test_many_sealers_at_once_make_one_chain(database: Database, policy: Policy) -> None:
    width, number = 4, 120
    fill(database, number)
    together = Barrier(width)

    def work(_place: int) -> int:
        sealer, done = _sealer(database, policy), 0
        together.wait(30)
        while step := sealer.step(limit=7):
            done += step
        return done

    with ThreadPoolExecutor(width) as pool:
        done = list(pool.map(work, range(width)))
    assert sum(done) == number
    assert found(database) == []
    with database.read() as connection:
        assert numbers(connection) == [(place, 10 * place) for place in range(1, number + 1)]


def test_a_sealer_killed_during_a_batch_continues_where_it_was(
    database: Database, policy: Policy
) -> None:
    fill(database)
    assert _sealer(database, policy).step(limit=8) == 8
    before = head(database)
    with pytest.raises(KeyboardInterrupt), database.write() as connection:  # noqa: PT012 - it ends in the block
        assert seals.seal(connection, 8) == 8
        raise KeyboardInterrupt
    assert head(database) == before
    assert _sealer(database, policy).step() == 12
    assert found(database, expect=before) == []


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_row_committed_late_is_sealed_once_without_a_finding(database: Database) -> None:
    """SQLite has one writer at a time, so ids follow the order of commits there."""
    fill(database, 1)
    row = history_row(0, 1)
    with database.write() as connection:
        connection.execute(text("SELECT setval(pg_get_serial_sequence('history', 'id'), 10)"))
    with database.write() as slow:
        remember(slow, 1, row, NOON + MINUTE, "order.updated", "begun first")
        with database.write() as quick:
            remember(quick, 2, row, NOON + 2 * MINUTE, "order.updated", "committed first")
        assert seal(database) == 2
    assert (seal(database), seal(database)) == (1, 0)
    with database.read() as connection:
        assert numbers(connection) == [(1, 10), (2, 12), (3, 11)]
    assert found(database) == []


@ON_SQLITE
def test_a_row_far_below_is_found_by_the_hourly_search(
    database: Database, policy: Policy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(seals, "LOOKBACK", 50)
    clock = Clock()
    fill(database)
    sealer = _sealer(database, policy, clock)
    assert [sealer.step(), sealer.step()] == [ROWS, 0]
    with database.write() as connection:
        connection.execute(insert(history), [history_row(5, 20), history_row(151, 20)])
    assert [sealer.step(), sealer.step()] == [1, 0], "the one that is near"
    clock.now += SEARCH_EVERY
    assert [sealer.step(), sealer.step()] == [1, 0]
    with database.read() as connection:
        assert numbers(connection)[ROWS:] == [(21, 151), (22, 5)]


@ON_SQLITE
def test_the_search_runs_in_parts_and_delays_no_new_row(
    database: Database, policy: Policy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(seals, "LOOKBACK", 50)
    monkeypatch.setattr(sealing, "SEARCHED_AT_ONCE", 30)
    clock = Clock()
    fill(database)
    sealer = _sealer(database, policy, clock)
    assert sum(sealer.step() for _ in range(9)) == ROWS
    clock.now += SEARCH_EVERY
    assert [sealer.step(), sealer.step()] == [0, 0]
    with database.write() as connection:
        connection.execute(insert(history), [history_row(number, 20) for number in (15, 105, 201)])
    with database.read() as connection:
        assert (seals.first_stray(connection, 60, 30), seals.first_stray(connection, 90, 30)) == (
            None,
            105,
        )
    assert [sealer.step() for _ in range(5)] == [1, 1, 0, 0, 0], (
        "the new one, then the one that the search had before it"
    )
    clock.now += SEARCH_EVERY
    assert sum(sealer.step() for _ in range(9)) == 1, (
        "the one that the search had behind it, an hour later"
    )
    with database.read() as connection:
        assert numbers(connection)[ROWS:] == [(21, 201), (22, 105), (23, 15)]


BROKEN: list[tuple[list[Executable], tuple[int, int] | None]] = [
    # written down as ending earlier
    ([update(seal_head).values(number=7)], (21, 210)),
    # not written down at all
    ([delete(seal_head)], (21, 210)),
    # the end of the chain was cut off: what was under it is sealed again
    ([delete(seals_table).where(seals_table.c.number > 15)], (26, 210)),
    # all of the chain was
    ([delete(seals_table)], (41, 210)),
    # a seal names a row that is far above
    ([update(seals_table).where(seals_table.c.number == 9).values(history_id=10**9)], None),
]


def test_sealing_continues_on_a_broken_chain(database: Database, subtests: pytest.Subtests) -> None:
    fill(database)
    seal(database)
    added = insert(history).values(history_row(210, 21))
    for place, (statements, last) in enumerate(BROKEN):
        with subtests.test(place=place), tampered(database, [*statements, added]) as connection:
            since = seals.first_stray(connection)
            assert seals.seal(connection, 1000, since=since) >= 1
            assert seals.seal(connection, 1000) == 0
            assert seals.first_stray(connection) is None
            assert 210 in [row_id for _, row_id in numbers(connection)]
            assert last is None or numbers(connection)[-1] == last


@ON_SQLITE
def test_a_late_row_is_sealed_in_time_by_any_number_of_workers(
    database: Database, policy: Policy
) -> None:
    """Its transaction commits when others have already sealed later rows."""
    fill(database)
    workers = [_sealer(database, policy) for _ in range(4)]
    late, last = 10 * ROWS + 900, 10 * ROWS + 30_000

    def append(*row_ids: int) -> None:
        with database.write() as connection:
            connection.execute(insert(history), [history_row(row_id, ROWS) for row_id in row_ids])

    append(*(number for number in range(10 * ROWS + 1, last) if number != late))
    for worker in workers:
        worker.step()
    append(late)
    while sum(worker.step() for worker in workers):
        pass
    with database.read() as connection:
        assert late in {number for _, number in numbers(connection)}
    assert found(database) == []
