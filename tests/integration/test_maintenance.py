"""A worker's own work for the ledger, and how long it rests after it."""

from __future__ import annotations

import pytest

from hooks.errors import LedgerUnavailableError
from hooks.ledger.database import Database
from hooks.worker.maintenance import (
    AFTER_A_FAILURE,
    IDLE_SECONDS,
    LEDGER_AWAY_SECONDS,
    PAUSE_SHARE,
    Maintenance,
    MaintenanceTask,
)
from tests.integration.harness import Harness


class Work:
    """Something to do: it counts how often it was asked to, and ends as it is told."""

    def __init__(self, ends: int | Exception) -> None:
        self.ends, self.asked = ends, 0

    def __call__(self) -> int:
        """Do it."""
        self.asked += 1
        if isinstance(self.ends, Exception):
            raise self.ends
        return self.ends


def _upkeep(harness: Harness, *works: Work) -> Maintenance:
    return Maintenance(
        harness.runtime,
        harness.settings,
        harness.runtime.policy,
        [MaintenanceTask(work) for work in works],
    )


def test_with_nothing_to_do_it_idles(harness: Harness) -> None:
    assert _upkeep(harness, Work(0), Work(0)).run_once() == IDLE_SECONDS


def test_after_work_it_goes_on_at_once_where_nobody_else_writes(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Database, "is_contended", lambda _: False)
    assert _upkeep(harness, Work(7), Work(0)).run_once() == 0


def test_after_work_it_rests_for_a_part_of_its_time_where_others_write(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Database, "is_contended", lambda _: True)
    monkeypatch.setattr("hooks.worker.maintenance.time.monotonic", iter([10.0, 10.03]).__next__)
    assert _upkeep(harness, Work(7)).run_once() == pytest.approx(0.03 * PAUSE_SHARE)


def test_a_chore_that_fails_is_left_for_a_while_and_keeps_no_other_from_being_done(
    harness: Harness,
) -> None:
    fails, works = Work(RuntimeError("broken")), Work(0)
    upkeep = _upkeep(harness, fails, works)
    for _ in range(3):
        assert upkeep.run_once() == IDLE_SECONDS
    assert (fails.asked, works.asked) == (1, 3)
    harness.advance(AFTER_A_FAILURE)
    upkeep.run_once()
    assert fails.asked == 2


def test_a_ledger_that_is_away_is_left_alone_for_longer(harness: Harness) -> None:
    away, other = Work(LedgerUnavailableError("away")), Work(0)
    assert _upkeep(harness, away, other).run_once() == LEDGER_AWAY_SECONDS
    assert other.asked == 0


def test_one_chore_for_which_the_ledger_is_never_there_keeps_no_other_from_being_done(
    harness: Harness,
) -> None:
    upkeep = _upkeep(harness, Work(LedgerUnavailableError("locked")), other := Work(0))
    assert [upkeep.run_once() for _ in range(3)] == [
        LEDGER_AWAY_SECONDS,
        IDLE_SECONDS,
        IDLE_SECONDS,
    ]
    assert other.asked == 2
