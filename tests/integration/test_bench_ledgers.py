"""A generated large ledger is one that the service could have made itself: sealed, tagged by the policy, with nothing
due."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import func, select

from hooks.intake.webhook import snapshot_of
from hooks.ledger import policies, records
from hooks.ledger.audit import seals
from hooks.ledger.database import Database
from hooks.ledger.tables import history
from hooks.ledger.tables import records as records_table
from hooks.policies.preview import preview
from hooks.retention.facts import STORED_KINDS, RecordKind
from hooks.retention.policy import Policy
from hooks.retention.store_meta import KEYS
from hooks.retention.tags import tagged_by
from hooks.settings import StoreSettings
from hooks.store.client import StoreClient
from tests.bench import ledgers
from tests.bench.databases import size
from tests.bench.sample_shop import LAST_DAY
from tests.bench.shops import open_shop, teach_the_rate
from tests.bench.usage import run
from tests.support.processes import Stack, stack

NUMBER = 200


@pytest.fixture
def filled(database: Database, policy: Policy, monkeypatch: pytest.MonkeyPatch) -> Database:
    monkeypatch.setattr(ledgers, "_AT_ONCE", 7)  # several transactions
    ledgers.fill(database, policy, NUMBER)
    return database


def test_every_record_is_different_and_its_history_is_sealed(filled: Database) -> None:
    with filled.read() as connection:
        rows = connection.execute(select(records_table)).all()
        assert len({(row.kind, row.external_id) for row in rows}) == NUMBER
        assert len({row.facts for row in rows}) > NUMBER * 0.9
        assert {row.kind for row in rows} >= {"order", "customer", "support-request"}
        assert connection.execute(select(func.count()).select_from(history)).scalar_one() == NUMBER
        assert seals.first_unsealed(connection) is None
        lines = select(history.c.delete_after, records_table.c.delete_after).join_from(
            history, records_table
        )
        assert all(told == stands for told, stands in connection.execute(lines))


def test_the_rules_give_the_same_tags_today(filled: Database, policy: Policy) -> None:
    with filled.read() as connection:
        assert policies.digest_in_force(connection) == policy.digest
        assert records.count_to_retag(connection, tagged_by(policy)) == 0
    impact = preview(filled, policy, LAST_DAY.date())
    assert (impact.total, impact.moved, impact.parts_moved) == (NUMBER, 0, 0)


def test_the_size_of_the_ledger_is_that_of_its_content(filled: Database) -> None:
    assert size(filled.url.render_as_string(hide_password=False)) > NUMBER * 1000


@pytest.fixture
def started(tmp_path: Path, database: Database) -> Iterator[Stack]:
    with stack(tmp_path, database.url.render_as_string(hide_password=False)) as made:
        yield made


def test_a_backfill_takes_in_every_record_of_the_store(started: Stack, database: Database) -> None:
    teach_the_rate(started.database_url)
    open_shop(started, orders=150, customers=20)
    used = run(started, "store", "backfill", limit=60)
    assert (used.status, used.peak > 10, used.cpu > 0) == (0, True, True)
    with database.read() as connection:
        states = select(records_table.c.kind, records_table.c.state, func.count()).group_by(
            "kind", "state"
        )
        assert set(map(tuple, connection.execute(states))) == {
            ("order", "active", 150),
            ("customer", "active", 20),
        }


@pytest.mark.parametrize("kind", STORED_KINDS)
@pytest.mark.parametrize("number", [1, 2, 100])
def test_the_store_answers_a_write_with_the_record(
    tmp_path: Path, policy: Policy, kind: RecordKind, number: int
) -> None:
    wanted = dict.fromkeys(KEYS, "x")
    with stack(tmp_path, "sqlite://") as started:
        shop = open_shop(started)
        client = StoreClient(StoreSettings("shop", shop.url, "ck", "cs", ("secret",)))
        outcomes = client.write_meta(kind, dict.fromkeys(range(1, number + 1), wanted))
    for one, outcome in outcomes.items():
        assert isinstance(outcome, dict)
        snapshot = snapshot_of(kind, outcome, policy)
        assert (snapshot.external_id, snapshot.store_meta) == (one, wanted)
    assert len(outcomes) == number


def test_a_command_that_hangs_is_killed(started: Stack) -> None:
    used = run(started, "worker", limit=0.5)
    assert used.status == -signal.SIGKILL, "the worker would go on for ever"
