"""The clock of the host is set wrong for some seconds, and then right again. Real processes, whose time is shifted."""

from __future__ import annotations

import shutil
import struct
import subprocess
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from hooks.ledger.tables import deliveries, pages, records, rounds, stores
from tests.acceptance.expected_state import ledger_of
from tests.support.processes import ROOT, Sandbox, Stack, Web, until

SOURCE = ROOT / "tests/support/shifted_clock.c"
YEAR = 365 * 86_400
WRONG_SECONDS = 10.0
REQUEST = 4711

needs_compiler = pytest.mark.skipif(
    shutil.which("cc") is None, reason="a C compiler makes the shifted clock"
)


class ShiftedClock:
    """The clock of all processes of a test but PostgreSQL and the sandbox store, and what it is wrong by."""

    def __init__(self, directory: Path) -> None:
        self.library, self._file = directory / "shifted_clock.so", directory / "shift"
        self.set(0)
        command = ["cc", "-shared", "-fPIC", "-O1", "-o", str(self.library), str(SOURCE), "-ldl"]
        subprocess.run(command, check=True, capture_output=True)

    def set(self, seconds: int) -> None:
        """Let the clock be wrong by so much from now on."""
        with self._file.open("r+b" if self._file.exists() else "w+b") as file:
            file.write(struct.pack("q", seconds))

    @property
    def env(self) -> dict[str, str]:
        """What a process needs to go by it."""
        return {"LD_PRELOAD": str(self.library), "SHIFTED_CLOCK": str(self._file)}


@pytest.fixture
def clock(tmp_path: Path) -> ShiftedClock:
    """A clock that is right."""
    return ShiftedClock(tmp_path)


@pytest.fixture
def shop(processes: Stack, clock: ShiftedClock) -> tuple[Sandbox, Web]:
    """A shop, and a service that goes by the clock and has written to the shop."""
    sandbox = processes.sandbox()
    processes.env |= clock.env | {"STORE_REQUESTS_PER_SECOND": "50"}
    web = processes.web()
    processes.connect(sandbox, web)
    processes.worker()
    written(sandbox, place(sandbox))
    return sandbox, web


def place(sandbox: Sandbox) -> int:
    """A customer places an order, and pays."""
    return int(sandbox.do("place_order", set_paid=True)["id"])


def written(sandbox: Sandbox, number: int) -> None:
    """Wait until the schedule of an order is in the store."""
    until(
        lambda: "retention_delete_after" in sandbox.meta("order", number),
        f"order {number} to be written",
        60,
    )


@needs_compiler
@pytest.mark.parametrize("shift", [YEAR, -YEAR], ids=["ahead", "behind"])
def test_a_wrong_clock_leaves_no_trace_once_it_is_right(
    processes: Stack, shop: tuple[Sandbox, Web], clock: ShiftedClock, shift: int
) -> None:
    sandbox, web = shop
    with ledger_of(processes) as ledger:
        until(
            lambda: tables_of(ledger)["stores"][0]["store_time"] is not None,
            "the worker to have heard the store's time",
        )
        before = tables_of(ledger)
        clock.set(shift)
        began = time.monotonic()
        late = place(sandbox)
        sandbox.do("fire_action", name="wc_support_request_closed", arg=REQUEST)
        until(lambda: time.monotonic() - began > WRONG_SECONDS, "the time to pass")
        clock.set(0)
        written(sandbox, late)
        written(sandbox, place(sandbox))
        until(lambda: not in_the_future(ledger), "nothing to lie in the future", 60)
        closed = web.record("support-request", REQUEST)["facts"]["closed_at"]
        assert abs(datetime.fromisoformat(closed) - datetime.now(UTC)) < timedelta(minutes=5)
        assert len(tables_of(ledger)["deliveries"]) > len(before["deliveries"]), (
            "no delivery is forgotten"
        )
        assert not [row for row in tables_of(ledger)["stores"] if row["stopped_code"]]


def tables_of(ledger: Any) -> dict[str, list[dict[str, Any]]]:
    """Every row of the tables that hold instants."""
    with ledger.read() as connection:
        return {
            table.name: [dict(row._mapping) for row in connection.execute(table.select())]
            for table in (records, rounds, stores, pages, deliveries)
        }


def in_the_future(ledger: Any) -> list[str]:
    """Instants further ahead than anything can have been put off."""
    soon = time.time() + 86_400 + 60
    return [
        f"{name}.{column}"
        for name, rows in tables_of(ledger).items()
        for row in rows
        for column, value in row.items()
        if hasattr(value, "timestamp") and value.timestamp() > soon
    ]
