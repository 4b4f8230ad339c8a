"""A worker's maintenance of the ledger, and its pauses."""

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


class Chore:
    """A chore that counts its calls, and ends as the test says."""

    def __init__(self, ends: int | Exception) -> None:
        self.ends, self.asked = ends, 0

    def __call__(self) -> int:
        """Do it."""
        self.asked += 1
        if isinstance(self.ends, Exception):
            raise self.ends
        return self.ends


def _upkeep(harness: Harness, *works: Chore) -> Maintenance:
    return Maintenance(
        harness.runtime,
        harness.settings,
        harness.runtime.policy,
        [MaintenanceTask(work) for work in works],
    )


def test_maintenance_without_work_idles(harness: Harness) -> None:
    assert _upkeep(harness, Chore(0), Chore(0)).run_once() == IDLE_SECONDS


def test_maintenance_goes_on_at_once_where_nobody_else_writes(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Database, "is_contended", lambda _: False)
    assert _upkeep(harness, Chore(7), Chore(0)).run_once() == 0


def test_maintenance_pauses_where_others_write(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Database, "is_contended", lambda _: True)
    monkeypatch.setattr("hooks.worker.maintenance.time.monotonic", iter([10.0, 10.03]).__next__)
    assert _upkeep(harness, Chore(7)).run_once() == pytest.approx(0.03 * PAUSE_SHARE)


def test_a_failing_chore_backs_off_and_holds_up_no_other(
    harness: Harness,
) -> None:
    fails, works = Chore(RuntimeError("broken")), Chore(0)
    upkeep = _upkeep(harness, fails, works)
    for _ in range(3):
        assert upkeep.run_once() == IDLE_SECONDS
    assert (fails.asked, works.asked) == (1, 3)
    harness.advance(AFTER_A_FAILURE)
    upkeep.run_once()
    assert fails.asked == 2


def test_an_unavailable_ledger_gets_a_longer_backoff(harness: Harness) -> None:
    away, other = Chore(LedgerUnavailableError("away")), Chore(0)
    assert _upkeep(harness, away, other).run_once() == LEDGER_AWAY_SECONDS
    assert other.asked == 0


def test_a_chore_without_a_ledger_holds_up_no_other(
    harness: Harness,
) -> None:
    upkeep = _upkeep(harness, Chore(LedgerUnavailableError("locked")), other := Chore(0))
    assert [upkeep.run_once() for _ in range(3)] == [
        LEDGER_AWAY_SECONDS,
        IDLE_SECONDS,
        IDLE_SECONDS,
    ]
    assert other.asked == 2
