"""`audit verify`, run as an operator runs it, over what a worker sealed."""

from __future__ import annotations

import json

import pytest
from sqlalchemy import func, select, text

from hooks.ledger.database import Database
from hooks.ledger.tables import history, seals
from tests.support.processes import Stack, until
from tests.support.recordings import delivery


def _all_sealed(ledger: Database) -> bool:
    with ledger.read() as connection:
        there, done = (
            connection.execute(select(func.count()).select_from(table)).scalar_one()
            for table in (history, seals)
        )
    return bool(there == done > 0)


def _head(stdout: str) -> str:
    return next(
        line.removeprefix("Head: ") for line in stdout.splitlines() if line.startswith("Head: ")
    )


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_audit_verify_says_whether_the_history_is_what_was_sealed(processes: Stack) -> None:
    ledger = Database(processes.database_url)
    web = processes.web(WEB_CONCURRENCY="1")
    for number in (16, 20):
        web.post(delivery(number))
    web.stop()
    worker = processes.worker()
    until(lambda: _all_sealed(ledger), f"the worker to seal; it printed:\n{worker.log()[-2000:]}")
    worker.stop()

    whole = processes.flask("audit", "verify")
    assert whole.returncode == 0, whole.stderr
    assert whole.stdout.endswith("The chain is whole.\n")
    noted = _head(whole.stdout)
    again = processes.flask("audit", "verify", "--expect", noted)
    assert (again.returncode, "contains the head that was noted" in again.stdout) == (0, True)

    with ledger.write() as connection:
        connection.execute(text("DROP TRIGGER history_no_update"))
        connection.execute(text("UPDATE history SET delete_after = '2026-12-31' WHERE id = 1"))
    ledger.close()
    changed = processes.flask("audit", "verify", "--json", "--expect", f"1:{'f' * 64}")
    found = json.loads(changed.stdout)
    assert changed.returncode == 1, changed.stderr
    assert (found["sealed"], found["head"]) == (int(noted.partition(":")[0]), noted)
    assert found["counts"] == {"not-as-expected": 1, "row-changed": 1}
    assert found["findings"][1]["words"].startswith(
        "History row 1 (order 119 of shop) is not what was sealed"
    )


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_wrong_use_of_audit_verify_exits_with_2(processes: Stack) -> None:
    done = processes.flask("audit", "verify", "--expect", "12:abc")
    assert (done.returncode, done.stdout) == (2, "")
    assert "NUMBER:HASH" in done.stderr
    nowhere = processes.flask("audit", "verify", DATABASE_URL="sqlite:////proc/nowhere/ledger.db")
    assert (nowhere.returncode, nowhere.stdout) == (2, "")
    assert "Traceback" not in nowhere.stderr
