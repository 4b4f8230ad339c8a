"""Problems of the running service: ledger, disk, worker, clocks and late pushes."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import Connection

from hooks.errors import LedgerUnavailableError
from hooks.ledger import stores, views
from hooks.ledger.database import Database
from hooks.ledger.set_back import SLACK
from hooks.store.shop_identity import is_another_shop
from hooks.web.status import Problem

NOT_WRITABLE = "ledger-not-writable"

NO_WORKER = timedelta(minutes=5)
PUSHES_LATE = timedelta(minutes=15)
CLOCK_AHEAD = timedelta(minutes=5)

MIB = 1024**2
MIN_FREE_DISK, MAX_FREE_DISK = 64 * MIB, 1024 * MIB
"""A disk is nearly full when less than a twentieth of it is free. That limit stays between these two."""

MOVED = "flask --app wsgi store moved"


def not_writable(fault: LedgerUnavailableError, since: datetime) -> Problem:
    """Report that the ledger cannot be written, so that no delivery can be accepted."""
    cause = str(fault).removesuffix(".")
    return {
        "code": NOT_WRITABLE,
        "message": f"No delivery can be accepted, since the ledger cannot be written: {cause}. The store does not send "
        "deliveries again; the service fetches what was missed once the ledger can be written.",
        "since": since.isoformat(),
    }


def disk_problems(database: Database, now: datetime) -> Iterator[Problem]:
    """Find a disk of the ledger that is nearly full. Only for SQLite: PostgreSQL's disk is not known."""
    if not database.is_sqlite or not database.url.database:
        return
    try:
        disk = shutil.disk_usage(Path(database.url.database).parent)
    except OSError:
        return  # then the ledger cannot be used either, and that is a problem of its own
    limit = min(max(disk.total // 20, MIN_FREE_DISK), MAX_FREE_DISK)
    if disk.free < limit:
        yield {
            "code": "disk-nearly-full",
            "message": f"The disk of the ledger has {disk.free // MIB} MiB left of {disk.total // MIB} MiB. Make room: "
            "on a full disk no delivery can be accepted.",
            "since": now.isoformat(),
        }


def store_problems(
    connection: Connection, slug: str, url: str, *, started_at: datetime, now: datetime
) -> Iterator[Problem]:
    """Find reasons why nobody works for a store. `url` is the address in the settings."""
    row = stores.row(connection, slug)
    if row and is_another_shop(row.url, url):
        yield {
            "code": "store-moved",
            "message": f"The records of {slug} are of the shop {row.url}, and the settings name {url}. So the service "
            f"does not read or write that store. If the shop has moved, run `{MOVED} {slug}`; if not, correct the "
            "address.",
            "since": None,
        }
        return
    worker_at = started_at
    if row and row.worker_at:
        worker_at = row.worker_at
    if now - worker_at > NO_WORKER:
        yield {
            "code": "no-worker",
            "message": f"No worker has worked for {slug} since {worker_at.isoformat()}. Deliveries are accepted, but "
            "the store is not read or written. Start `flask --app wsgi worker`, or look into its log.",
            "since": worker_at.isoformat(),
        }
    if row:
        yield from _clock_problems(slug, row.store_time, row.store_time_at, now)
    yield from _push_problems(connection, slug, now)


def _clock_problems(
    slug: str, store_time: datetime | None, at: datetime | None, now: datetime
) -> Iterator[Problem]:
    """Compare the clocks. A reading from after `now` is ignored: our clock was set back since."""
    if store_time is None or at is None or at > now + SLACK:
        return
    if at - store_time > CLOCK_AHEAD:
        ahead = timedelta(seconds=round((at - store_time).total_seconds()))
        yield {
            "code": "clock-ahead",
            "message": f"This machine's clock is {ahead} ahead of the clock of the store {slug}. Set both by "
            "NTP. Until then the service deletes nothing of its ledger, and puts no policy in force.",
            "since": at.isoformat(),
        }


def _push_problems(connection: Connection, slug: str, now: datetime) -> Iterator[Problem]:
    oldest = views.oldest_push(connection, slug)
    if oldest is None or now - oldest <= PUSHES_LATE:
        return
    backoff = stores.backoff_of(connection, slug)
    if backoff is None or backoff.until <= now:
        yield {
            "code": "pushes-late",
            "message": f"The oldest write to {slug} has been due since {oldest.isoformat()}, and the service is not in "
            "a backoff. Is a worker running, and does STORE_REQUESTS_PER_SECOND allow enough calls?",
            "since": oldest.isoformat(),
        }
