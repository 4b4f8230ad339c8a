"""A clock that was ahead leaves nothing in the ledger that waits for a future time, and nothing that happened in the
future."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Column, func, select, update

from hooks.intake.webhook import OccurrenceReport
from hooks.ledger import page_checks, policies, records, rounds, set_back, stores, tables, traits
from hooks.ledger.set_back import AWAITED, PAST_OF_SERVICE, PAST_OF_STORE, SLACK
from hooks.ledger.tables import Instant, metadata
from hooks.policies.activate import activate
from hooks.retention.facts import Occurrence
from hooks.store.connection import ClockReading
from hooks.store.retry import LONGEST_ASKED, PERMANENT
from hooks.sync.heartbeat import Heartbeat
from hooks.worker.maintenance import Maintenance, MaintenanceTask
from schemas.policy import load_policy
from tests.integration.harness import NOON, Harness
from tests.support.processes import ROOT

SECOND = timedelta(seconds=1)
YEAR = timedelta(days=365)

LOOK_TO_THEMSELVES = {
    "records.claim_until": "a claim until after two leases counts for none",
    "rounds.claim_until": "a claim until after two leases counts for none",
    "pages.claim_until": "a claim until after two leases counts for none",
    "pages.due_at": "a page is compared daily",
    "stores.next_call_at": "a slot is seconds ahead at most",
    "rounds.began_at": "the round begins anew",
    "rounds.began_mark": "the round begins anew",
    "rounds.mark": "a round that was done in the future goes through the whole store",
    "rounds.done_at": "a round that was done in the future goes through the whole store",
    "write_probe.at": "it is written anew, and never read",
}
OF_THE_STORE = {
    "records.version",
    "records.known_version",
    "stores.store_time",
    "stores.store_time_at",
}
"""Times that a store has said, and when: they tell whether our clock is ahead."""

NEVER_CHANGED = {"history.at", "day_tally.since", "day_changes.since"}
"""What was said then, was said; of tallies, only people read it."""


def _name(column: Column[Any]) -> str:
    return f"{column.table.name}.{column.name}"


def test_every_column_of_instants_has_a_rule_for_a_clock_ahead() -> None:
    of_ledger = {
        _name(column)
        for table in metadata.sorted_tables
        for column in table.c
        if isinstance(column.type, Instant)
    }
    groups = [
        {_name(column) for column in AWAITED},
        {_name(column) for column in (*PAST_OF_STORE, *PAST_OF_SERVICE)},
        set(LOOK_TO_THEMSELVES),
        OF_THE_STORE,
        NEVER_CHANGED,
    ]
    assert of_ledger == set().union(*groups)
    assert len(of_ledger) == sum(map(len, groups)), "one of them is in two groups"


def _set(harness: Harness, column: Column[Any], at: datetime | int) -> None:
    with harness.runtime.database.write() as connection:
        touched = connection.execute(update(column.table).values({column: at})).rowcount
    assert touched, f"no row has a {column}"


def _get(harness: Harness, column: Column[Any]) -> set[datetime | None]:
    with harness.runtime.database.read() as connection:
        return set(connection.execute(select(column)).scalars())


@pytest.fixture
def full(harness: Harness) -> Harness:
    """A harness whose ledger has a row in each relevant table."""
    number = harness.written_order()
    now = harness.clock()
    with harness.runtime.database.write() as connection:
        page_checks.keep_only(connection, ["https://shop.example/privacy"], now)
        policies.put_in_force(connection, harness.runtime.policy, now)
        common = {"store": harness.slug, "topic": "order.updated"}
        connection.execute(
            tables.quarantine.insert(),
            common | {"reason": "not-json", "detail": "", "received_at": now},
        )
        connection.execute(
            tables.webhooks.insert(), common | {"status": "active", "checked_at": now}
        )
        traits.note(connection, harness.slug, "php-notices", "", now)
        chosen = records.find_by_ids(connection, harness.slug, "order", [number])[number]
        assert chosen["state"] == "active"
    return harness


def _beat(harness: Harness) -> bool:
    """Return the first heartbeat of a worker that has just started."""
    return Heartbeat.of(
        harness.slug, harness.worker.heartbeat.client, harness.runtime, harness.settings
    ).beat()


LONGEST = {"records": LONGEST_ASKED, "stores": LONGEST_ASKED}


@pytest.mark.parametrize("column", AWAITED, ids=_name)
def test_an_instant_beyond_its_longest_delay_is_due_now(full: Harness, column: Column[Any]) -> None:
    """For rounds, each round is tested alone."""
    longest = LONGEST.get(column.table.name, PERMANENT)
    if column.table is not tables.rounds:
        _set(full, column, full.clock() + longest)
        _beat(full)
        assert _get(full, column) == {full.clock() + longest}, "so far it can have been put off"
    _set(full, column, full.clock() + max(longest, full.settings.sweep) + SECOND)
    _beat(full)
    assert _get(full, column) == {full.clock()}


@pytest.mark.parametrize("name", rounds.NAMES)
def test_each_round_has_a_longest_delay_of_its_own(full: Harness, name: rounds.RoundName) -> None:
    settings = full.settings
    longest = {"watch": settings.watch, "changes": max(settings.reconcile, PERMANENT)}.get(
        name, max(settings.sweep, PERMANENT)
    )
    assert _beat(full), "the first heartbeat has the webhooks and the changes looked at at once"
    for ahead, due in ((longest, longest), (longest + SECOND, timedelta(0))):
        _set(full, tables.rounds.c.due_at, full.clock() + ahead)
        _beat(full)
        with full.runtime.database.read() as connection:
            state = rounds.state(connection, full.slug, name)
        assert state is not None
        assert state.due_at == full.clock() + due


@pytest.mark.parametrize("column", [*PAST_OF_STORE, *PAST_OF_SERVICE], ids=_name)
def test_no_event_stays_in_the_future(full: Harness, column: Column[Any]) -> None:
    now = full.clock()
    with full.runtime.database.write() as connection:
        connection.execute(update(column.table).values({column: now + YEAR}))
        set_back.set_past_to_now(connection, full.slug, now)
    assert _get(full, column) == {now}
    _set(full, column, now + SLACK)
    with full.runtime.database.write() as connection:
        set_back.set_past_to_now(connection, full.slug, now)
    assert _get(full, column) == {now + SLACK}, "clocks may differ by that much"


def test_a_round_started_in_the_future_starts_again(full: Harness) -> None:
    now = full.clock()
    _set(full, tables.rounds.c.began_at, now + YEAR)
    _set(full, tables.rounds.c.last_id, 77)
    with full.runtime.database.write() as connection:
        set_back.set_past_to_now(connection, full.slug, now)
    assert _get(full, tables.rounds.c.began_at) == {None}
    assert _get(full, tables.rounds.c.last_id) == {0}


CLAIMS = {"write": tables.records.c.push_at, "question": tables.records.c.reread_at}


@pytest.mark.parametrize("column", CLAIMS.values(), ids=CLAIMS)
def test_a_claim_made_by_a_clock_ahead_does_not_count(full: Harness, column: Column[Any]) -> None:
    now = full.clock()
    until = now + timedelta(minutes=5)
    _set(full, column, now - SECOND)
    for held_until, free in ((until, 0), (now + YEAR, 1)):
        with full.runtime.database.write() as connection:
            connection.execute(update(tables.records).values(claim="dead", claim_until=held_until))
            if column is CLAIMS["write"]:
                found = records.claim_pushes(
                    connection, full.slug, "order", limit=9, now=now, until=until, claim="mine"
                )
            else:
                found = records.claim_refetches(
                    connection, full.slug, limit=9, now=now, until=until, claim="mine"
                )
        assert len(found) == free


def test_a_page_postponed_by_a_clock_ahead_is_compared(full: Harness) -> None:
    policy, now = full.runtime.policy, full.clock()
    for column in (tables.pages.c.due_at, tables.pages.c.claim_until):
        _set(full, tables.pages.c.due_at, now)
        _set(full, column, now + YEAR)
        with full.runtime.database.write() as connection:
            connection.execute(update(tables.pages).values(policy_digest=policy.digest))
            assert page_checks.claim(connection, policy, now) is not None


@pytest.mark.parametrize("occurrence", ["closed", "made"])
def test_a_report_without_a_time_is_dated_again(full: Harness, occurrence: Occurrence) -> None:
    now = full.clock.now
    full.clock.now = now + YEAR
    full.report(OccurrenceReport("support-request", 31, occurrence))
    before = _record(full)
    assert f"{occurrence}_at" in before["facts"]
    assert str((now + YEAR).year) in before["facts"]
    full.clock.now = now
    _beat(full)
    after = _record(full)
    assert str((now + YEAR).year) not in after["facts"]
    assert after["delete_after"] < before["delete_after"]
    with full.runtime.database.read() as connection:
        told = (
            connection.execute(select(tables.history.c.reason).order_by(tables.history.c.id))
            .scalars()
            .all()
        )
    assert "while the clock was ahead" in told[-1]


def test_a_report_is_not_dated_before_the_stores_own_date(full: Harness) -> None:
    now = full.clock.now
    full.worker.heartbeat.client.clock_reading = ClockReading(now, now)
    full.worker.heartbeat.beat()
    full.clock.now = now - YEAR
    full.report(OccurrenceReport("support-request", 31, "closed"))
    assert now.isoformat()[:16] in _record(full)["facts"]


def _record(harness: Harness) -> Any:
    with harness.runtime.database.read() as connection:
        return records.find_by_ids(connection, harness.slug, "support-request", [31])[31]


# --- what a clock that is ahead must not do -------------------------------------------------------------


def test_a_clock_ahead_prunes_nothing(full: Harness) -> None:
    upkeep = Maintenance.of(full.settings, full.runtime, full.runtime.policy)
    heard = full.clock.now
    with full.runtime.database.write() as connection:
        stores.note_store_time(connection, full.slug, heard, heard)
    full.clock.now = heard + YEAR
    assert upkeep.prune() == 0
    with full.runtime.database.write() as connection:
        stores.note_store_time(connection, full.slug, heard + YEAR, heard + YEAR)
        number = connection.execute(
            select(func.count()).select_from(tables.deliveries)
        ).scalar_one()
    assert number > 0
    assert upkeep.prune() == number, "a year later they are forgotten"


def test_a_clock_ahead_activates_no_policy(full: Harness, tmp_path: Path) -> None:
    heard = full.clock.now
    later = tmp_path / "later.toml"
    text = (ROOT / "deploy/policies/smartgroup.toml").read_text()
    text = text.replace(full.runtime.policy.id, "later").replace(
        str(full.runtime.policy.effective_from), "2027-06-01"
    )
    later.write_text(text)
    wanted = load_policy(later)
    full.clock.now = heard + YEAR
    for store_time, waits_for in ((heard, "effective-date"), (heard + YEAR, None)):
        with full.runtime.database.write() as connection:
            stores.note_store_time(connection, full.slug, store_time, full.clock.now)
        assert activate(full.runtime, wanted, yes=True).waits_for == waits_for


def test_a_chore_postponed_by_a_clock_ahead_is_done() -> None:
    done: list[int] = []

    def do() -> int:
        done.append(1)
        return 1

    chore = MaintenanceTask(do, timedelta(hours=1))
    for now in (NOON + YEAR, NOON, NOON + timedelta(minutes=59), NOON + timedelta(hours=1)):
        chore.step(now)
    assert len(done) == 3
