"""What is wrong with the running of the service, as far as one process can tell: problems for `/status`."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from hooks.errors import LedgerUnavailableError
from hooks.ledger import stores, views
from hooks.ledger.database import Database
from hooks.ledger.set_back import SLACK
from hooks.store.shop_identity import is_another_shop

Problem = dict[str, Any]

NOT_WRITABLE = "ledger-not-writable"

NO_WORKER = timedelta(minutes=5)
PUSHES_LATE = timedelta(minutes=15)
CLOCK_AHEAD = timedelta(minutes=5)

MIB = 1024**2
LITTLE_DISK = 64 * MIB, 1024 * MIB
"""A twentieth of the disk is little, but between these two."""

MOVED = "flask --app wsgi store moved"


def not_writable(fault: LedgerUnavailableError, since: datetime) -> Problem:
    """No delivery can be taken."""
    cause = str(fault).removesuffix(".")
    return {
        "code": NOT_WRITABLE,
        "message": f"No delivery can be taken, as the ledger cannot be written: {cause}. The store does not send them "
        "again; what is missed is fetched once the ledger can be written.",
        "since": since.isoformat(),
    }


def disk_problems(database: Database, now: datetime) -> Iterator[Problem]:
    """Look for room for the ledger. Of another machine's disk nothing is known."""
    if not database.is_sqlite or not database.url.database:
        return
    try:
        disk = shutil.disk_usage(Path(database.url.database).parent)
    except OSError:
        return  # then the ledger cannot be used either, which is told
    least, most = LITTLE_DISK
    if disk.free < min(max(disk.total // 20, least), most):
        yield {
            "code": "disk-nearly-full",
            "message": f"The disk of the ledger has {disk.free // MIB} MiB left of {disk.total // MIB} MiB. Make room: "
            "on a full disk no delivery can be taken.",
            "since": now.isoformat(),
        }


def store_problems(
    connection: Connection, slug: str, url: str, *, started_at: datetime, now: datetime
) -> Iterator[Problem]:
    """Find what keeps a store from being looked after. `url` is the address in the settings."""
    row = stores.row(connection, slug)
    if row and is_another_shop(row.url, url):
        yield {
            "code": "store-moved",
            "message": f"The records of {slug} are of the shop {row.url}, and the settings name {url}. Nothing is asked"
            f" of it or written to it. If the shop has moved, run `{MOVED} {slug}`; if not, set the address right.",
            "since": None,
        }
        return
    seen = row.worker_at if row and row.worker_at else started_at
    if now - seen > NO_WORKER:
        yield {
            "code": "no-worker",
            "message": f"No worker has looked after {slug} since {seen.isoformat()}. Deliveries are taken, but nothing "
            "is asked of the store or written to it. Start `flask --app wsgi worker`, or look into its log.",
            "since": seen.isoformat(),
        }
    if row:
        yield from _clock_problems(slug, row.store_time, row.store_time_at, now)
    yield from _push_problems(connection, slug, now)


def _clock_problems(
    slug: str, store_time: datetime | None, at: datetime | None, now: datetime
) -> Iterator[Problem]:
    """Compare the clocks. What was heard in the future was heard before the clock was set back, and counts no more."""
    if store_time and at and at - store_time > CLOCK_AHEAD and at <= now + SLACK:
        ahead = timedelta(seconds=round((at - store_time).total_seconds()))
        yield {
            "code": "clock-ahead",
            "message": f"This machine's clock is {ahead} ahead of the clock of the store {slug}. Set both by "
            "NTP. Meanwhile nothing is forgotten, and no policy comes into force.",
            "since": at.isoformat(),
        }


def _push_problems(connection: Connection, slug: str, now: datetime) -> Iterator[Problem]:
    oldest = views.oldest_push(connection, slug)
    pause = stores.backoff_of(connection, slug)
    if oldest and now - oldest > PUSHES_LATE and not (pause and pause.until > now):
        yield {
            "code": "pushes-late",
            "message": f"The oldest write to {slug} has been due since {oldest.isoformat()}, though calls to the store "
            "do not rest. Is a worker running, and does STORE_REQUESTS_PER_SECOND allow enough calls?",
            "since": oldest.isoformat(),
        }
