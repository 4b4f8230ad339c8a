"""Start the store that answers at once as a process, and prepare the ledger's rate limit for it."""

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
"""The highest rate in the settings, in calls a second."""

NOBODY = "http://127.0.0.1:9"
"""An address where no store answers, so that pushes stay due."""


def orders_and_customers(records: int) -> tuple[int, int]:
    """The numbers of orders and customers in a shop of this size: four of five records are orders."""
    return records * 4 // 5, records - records * 4 // 5


def open_shop(started: Stack, orders: int = 0, customers: int = 0) -> Sandbox:
    """Start the store. Processes of the stack that start later use it without a rate limit."""
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
    """Store in the ledger that the store bears the highest rate. With `later`, its lists are marked as reconciled
    just now."""
    now = datetime.now(UTC)
    with closing(Database(url)) as ledger, ledger.write() as connection:
        stores.register(connection, [SLUG])
        connection.execute(update(stores_table).values(rate=float(CALLS)))
        rounds.register(connection, SLUG, now)
        if later:
            connection.execute(
                update(rounds_table).values(due_at=now + timedelta(days=1), done_at=now, mark=now)
            )
