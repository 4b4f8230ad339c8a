"""`store backfill` as an operator runs it: to its end, killed in the middle, before a store that refuses."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest
from sqlalchemy import func, select

from hooks.ledger.database import Database
from hooks.ledger.tables import deliveries, records, rounds
from tests.acceptance.expected_state import let_claims_lapse
from tests.support.processes import ROOT, Process, Sandbox, Stack, until

ORDERS, CUSTOMERS = 450, 20
ON_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
COMMAND = [
    "env",
    "--default-signal=INT",
    sys.executable,
    "-m",
    "flask",
    "--app",
    "wsgi",
    "store",
    "backfill",
]


@pytest.fixture
def shop(processes: Stack) -> Sandbox:
    """A shop that was there before us: nothing was told of its records."""
    sandbox = processes.sandbox()
    processes.env["STORE_REQUESTS_PER_SECOND"] = "1000"
    sandbox.do("place_orders", count=ORDERS, quiet=True)
    for place in range(CUSTOMERS):
        sandbox.do("sign_up", email=f"c{place}@example.test")
    return sandbox


@pytest.fixture
def ledger(processes: Stack) -> Iterator[Database]:
    """The ledger that the processes work with."""
    opened = Database(processes.database_url)
    yield opened
    opened.close()


def _tagged(ledger: Database, kind: str) -> int:
    chosen = select(func.count()).where(
        records.c.kind == kind, records.c.retention_class.is_not(None)
    )
    with ledger.read() as connection:
        return int(connection.execute(chosen).scalar_one())


def _lists(sandbox: Sandbox) -> list[int]:
    """The offsets at which orders were listed, in order."""
    asked = [
        entry
        for entry in sandbox.requests()
        if entry["path"].endswith("/orders") and "offset" in entry["query"]
    ]
    return [int(entry["query"]["offset"]) for entry in asked if entry["query"]["status"] == "any"]


def test_a_backfill_tags_every_existing_record(
    processes: Stack, shop: Sandbox, ledger: Database
) -> None:
    done = processes.flask("store", "backfill")
    assert (done.returncode, done.stderr) == (0, "")
    assert (
        f"{ORDERS + CUSTOMERS + 1} orders and accounts gone through" in done.stdout
    )  # and one of the staff
    assert (_tagged(ledger, "order"), _tagged(ledger, "customer")) == (ORDERS, CUSTOMERS)
    with ledger.read() as connection:
        assert connection.execute(select(func.count()).select_from(deliveries)).scalar_one() == 0
    assert len(shop.requests()) < (ORDERS + CUSTOMERS) / 10


@ON_SQLITE
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_a_killed_backfill_continues_where_it_was(
    processes: Stack, shop: Sandbox, ledger: Database, number: int
) -> None:
    processes.env["STORE_REQUESTS_PER_SECOND"] = "4"
    stopped = Process(COMMAND, processes._env(), processes.directory / "backfill.log")
    processes.started.append(stopped)
    stopped.start()

    def under_way() -> bool:
        with ledger.read() as connection:
            chosen = select(rounds.c.last_id).where(rounds.c.name == "orders")
            return bool(connection.execute(chosen).scalar_one_or_none())

    until(under_way, "it to be under way")
    stopped.send(number)
    assert stopped.wait() != 0
    before = _lists(shop)
    processes.env["STORE_REQUESTS_PER_SECOND"] = "1000"
    let_claims_lapse(ledger)
    done = processes.flask("store", "backfill")
    assert done.returncode == 0, done.stderr
    after = _lists(shop)[len(before) :]
    assert after[0] > 0
    assert (_tagged(ledger, "order"), _tagged(ledger, "customer")) == (ORDERS, CUSTOMERS)


def _read(terminal: int) -> bytes:
    """What is shown next; nothing once nobody is at the other end any more, which Linux tells by an error."""
    try:
        return os.read(terminal, 4096)
    except OSError:
        return b""


@ON_SQLITE
def test_a_terminal_shows_a_progress_bar(processes: Stack, shop: Sandbox) -> None:
    ours, theirs = pty.openpty()
    env = processes._env(TERM="xterm", COLUMNS="120")
    with subprocess.Popen(
        COMMAND, cwd=ROOT, env=env, stdin=theirs, stdout=theirs, stderr=theirs
    ) as child:
        os.close(theirs)
        shown = b"".join(iter(lambda: _read(ours), b""))
        os.close(ours)
    assert child.returncode == 0
    whole = ORDERS + CUSTOMERS + 1
    assert f"{whole}/{whole}".encode() in shown
    assert b"/s" in shown
    assert b"00:00:" in shown


@ON_SQLITE
def test_a_refused_key_ends_the_backfill_with_a_finding(processes: Stack, shop: Sandbox) -> None:
    done = processes.flask("store", "backfill", STORE_CONSUMER_SECRET="cs_wrong")
    assert done.returncode == 1
    assert "credentials-refused" in done.stdout
    assert "store check" in done.stdout
    assert shop.writes() == {}


@ON_SQLITE
def test_an_unknown_store_or_a_missing_ledger_is_wrong_usage(
    processes: Stack, shop: Sandbox
) -> None:
    assert processes.flask("store", "backfill", "uk").returncode == 2
    missing = f"sqlite:///{processes.directory}/missing.db"
    done = processes.flask("store", "backfill", DATABASE_URL=missing)
    assert done.returncode == 2
    assert "ledger" in done.stderr
    assert shop.requests() == []
