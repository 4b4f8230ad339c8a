"""The store that answers at once, as a process, and a ledger that knows how much it bears."""

from __future__ import annotations

import sys
from contextlib import closing
from datetime import UTC, datetime, timedelta

from sqlalchemy import update

from hooks.ledger import rounds, stores
from hooks.ledger.database import Database
from hooks.ledger.tables import rounds as rounds_table
from hooks.ledger.tables import stores as stores_table
from tests.bench.sample_shop import SLUG
from tests.support.processes import Sandbox, Stack

CALLS = 1000
"""Calls a second: the most that the settings allow."""

NOBODY = "http://127.0.0.1:9"
"""Where no store answers: what waits to be written back goes on waiting."""


def orders_and_customers(records: int) -> tuple[int, int]:
    """How many of each are in a shop of so many records: of five, four are orders."""
    return records * 4 // 5, records - records * 4 // 5


def open_shop(started: Stack, orders: int = 0, customers: int = 0) -> Sandbox:
    """Start the store, and let every process of the stack that is started later serve it as fast as it can."""
    numbers = ["--orders", str(orders), "--customers", str(customers)]
    shop = Sandbox(
        [sys.executable, "-m", "tests.bench.store", *numbers],
        started._env(),
        started.directory / "store.log",
    )
    started.started.append(shop)
    shop.start()
    started.env |= {"STORE_URL": shop.url, "STORE_REQUESTS_PER_SECOND": str(CALLS)}
    return shop


def teach_the_rate(url: str, *, later: bool = False) -> None:
    """Have the ledger know from before that the store bears all calls; `later`: its lists were gone through just
    now."""
    now = datetime.now(UTC)
    with closing(Database(url)) as ledger, ledger.write() as connection:
        stores.register(connection, [SLUG])
        connection.execute(update(stores_table).values(rate=float(CALLS)))
        rounds.register(connection, SLUG, now)
        if later:
            connection.execute(
                update(rounds_table).values(due_at=now + timedelta(days=1), done_at=now, mark=now)
            )
