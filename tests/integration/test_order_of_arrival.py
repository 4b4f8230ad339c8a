"""Deliveries, reports, holds, requests, consents and new policies in any order: the result depends on the facts alone.

The ledger is compared with the rows that the rules give for the same facts, computed without a database
(`expected_rows`). Inputs without a time are left out, as in the test over the recorded day: they are dated by their
arrival, or only lead to a refetch.
"""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any, cast

from hypothesis import HealthCheck, given, settings
from sqlalchemy import select

from hooks.ledger.database import Database
from hooks.ledger.tables import records
from hooks.retention.facts import RecordKind
from hooks.runtime import Runtime
from tests.integration.conftest import MakeLedger
from tests.integration.expected_rows import Key, expected_columns
from tests.integration.policy_variants import policies
from tests.integration.random_cases import RandomCase, play, random_cases

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
QUICK = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large]


def _examples(many: int) -> settings:
    """Set the number of examples; the profile `search` tries more."""
    tried = many if settings().derandomize else settings().max_examples
    return settings(max_examples=tried, suppress_health_check=QUICK)


def _rows(database: Database) -> dict[Key, dict[str, Any]]:
    with database.read() as connection:
        found = connection.execute(select(records)).mappings().all()
    return {(cast("RecordKind", row["kind"]), row["external_id"]): dict(row) for row in found}


def _check(database: Database, case: RandomCase) -> None:
    ticks = count()
    fresh = Runtime(
        database, policies()[0], timedelta(0), lambda: NOON + timedelta(seconds=next(ticks))
    )
    ended = play(fresh, "shop", case)
    assert ended.policy.digest == case.policy.digest
    rows, wanted = _rows(database), expected_columns(case.contents, case.policy)
    found = {key: {name: rows[key][name] for name in columns} for key, columns in wanted.items()}
    assert found == wanted
    for key in rows.keys() - wanted.keys():  # somebody named it; nothing is known of it but that
        assert (rows[key]["state"], rows[key]["facts"], rows[key]["events"]) == (
            "unknown",
            None,
            "[]",
        ), key


@_examples(100)
@given(case=random_cases())
def test_the_result_depends_on_the_facts_and_not_on_their_order(
    copies: MakeLedger, case: RandomCase
) -> None:
    with closing(copies()) as database:
        _check(database, case)


@_examples(6)
@given(case=random_cases())
def test_the_result_depends_on_the_facts_alone_on_postgresql(
    servers: MakeLedger, case: RandomCase
) -> None:
    with closing(servers()) as database:
        _check(database, case)
