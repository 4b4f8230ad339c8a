"""What is known of each store as a whole: when it was last written to, and whether calls to it rest."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, case, func, literal, or_, select, update

from hooks.ledger.records import insert_ignore
from hooks.ledger.statements import PUSHED, RESTING, SAVE_BUDGET
from hooks.ledger.tables import NO_WEBHOOKS, deliveries, stores

OVER = datetime.min.replace(tzinfo=UTC)
"""When a rest ended that nobody waits for any more."""

AHEAD = timedelta(hours=1)
"""Stores are called more often than this. So a clock that is further ahead of what they last said is wrong, or they
have not answered for so long."""


@dataclass(frozen=True, slots=True)
class Rest:
    """Calls to the store rest until `until`; `permanent`: until an operator acts, in truth."""

    code: str
    since: datetime
    until: datetime
    permanent: bool
    failures: int


def register(connection: Connection, slugs: Iterable[str]) -> None:
    """Have a row for each store, and call those again that an operator may have mended before this start."""
    for slug in slugs:
        connection.execute(insert_ignore(connection, stores), {"slug": slug})
        connection.execute(
            update(stores)
            .where(stores.c.slug == slug, stores.c.stopped_permanent)
            .values(resume_at=None)
        )


def resting(connection: Connection, slug: str) -> Rest | None:
    """Why and until when calls to this store rest; None if they do not, nor did until the last success."""
    for row in RESTING.rows(connection, {"store": slug}):
        if row["stopped_code"] is not None:
            code, since, until = row["stopped_code"], row["stopped_since"], row["resume_at"]
            return Rest(code, since, until or OVER, row["stopped_permanent"], row["failures"])
    return None


def rest(connection: Connection, slug: str, pause: Rest) -> None:
    """Let calls to the store rest. `since` counts from the first failure of the row."""
    known = resting(connection, slug)
    connection.execute(
        update(stores)
        .where(stores.c.slug == slug)
        .values(
            resume_at=pause.until,
            stopped_code=pause.code,
            stopped_since=known.since if known and known.code == pause.code else pause.since,
            stopped_permanent=pause.permanent,
            failures=pause.failures,
        )
    )


def recovered(connection: Connection, slug: str, now: datetime) -> None:
    """The store answers. A rest that it asked for meanwhile of another process stands."""
    cleared = {"resume_at": None, "stopped_code": None, "stopped_since": None}
    over = or_(stores.c.resume_at.is_(None), stores.c.resume_at <= now)
    stopped = update(stores).where(stores.c.slug == slug, stores.c.stopped_code.is_not(None), over)
    connection.execute(stopped.values(**cleared, stopped_permanent=False, failures=0))


def pushed(connection: Connection, slug: str, at: datetime) -> None:
    """Something was written to the store."""
    PUSHED.run(connection, [{"store": slug, "last_pushed_at": at}])


def missed(connection: Connection, slug: str, changed_at: datetime, now: datetime) -> None:
    """A change was found of which no delivery had come: that tells of the webhooks if none has come since."""
    ours = (deliveries.c.store == slug, deliveries.c.topic.not_in(NO_WEBHOOKS))
    last = select(func.max(deliveries.c.received_at)).where(*ours).scalar_subquery()
    silent = or_(last.is_(None), last < changed_at)
    before = or_(stores.c.missed_at.is_(None), stores.c.missed_at <= last)  # that one was over
    at = case((before, literal(now, stores.c.missed_at.type)), else_=stores.c.missed_at)
    connection.execute(update(stores).where(stores.c.slug == slug, silent).values(missed_at=at))


def reconciled(connection: Connection, slug: str, at: datetime) -> None:
    """The store was asked for all changes up to now."""
    connection.execute(update(stores).where(stores.c.slug == slug).values(last_reconciled_at=at))


def lock_budget(connection: Connection, slug: str) -> Row[Any]:
    """What calls to this store may take: `next_call_at`, `rate`, `usual`, held until the transaction ends.

    A store of which there is no row gets one.
    """
    chosen = select(stores).where(stores.c.slug == slug).with_for_update()
    row = connection.execute(chosen).first()
    if row is None:
        connection.execute(insert_ignore(connection, stores), {"slug": slug})
        row = connection.execute(chosen).one()
    return row


def save_budget(
    connection: Connection, slug: str, *, next_call_at: datetime, rate: float, usual: str
) -> None:
    """Write what `lock_budget` gave and calls have changed since."""
    SAVE_BUDGET.run(
        connection, [{"store": slug, "next_call_at": next_call_at, "rate": rate, "usual": usual}]
    )


# --- whether it is looked after --------------------------------------------------------------------------


def row(connection: Connection, slug: str) -> Row[Any] | None:
    """All that is known of a store; None before a worker or a call to it has made it known."""
    return connection.execute(select(stores).where(stores.c.slug == slug)).first()


def meet(connection: Connection, slug: str, url: str) -> None:
    """The records are of the shop at this address, if none is known yet."""
    connection.execute(
        update(stores).where(stores.c.slug == slug, stores.c.url.is_(None)).values(url=url)
    )


def moved(connection: Connection, slug: str, url: str) -> None:
    """From now on the records are of the shop at this address."""
    connection.execute(update(stores).where(stores.c.slug == slug).values(url=url))


def looked_after(connection: Connection, slug: str, now: datetime) -> None:
    """A worker looks after the store."""
    connection.execute(update(stores).where(stores.c.slug == slug).values(worker_at=now))


def said_its_time(connection: Connection, slug: str, store_time: datetime, at: datetime) -> None:
    """The store said what time it has, when our clock said `at`."""
    connection.execute(
        update(stores).where(stores.c.slug == slug).values(store_time=store_time, store_time_at=at)
    )


def no_later(connection: Connection, now: datetime) -> datetime:
    """The time, but at most AHEAD after the newest that a store has said: a clock that is ahead must not do all."""
    newest = _newest_time(connection)
    return min(now, newest + AHEAD) if newest else now


def no_earlier(connection: Connection, now: datetime) -> datetime:
    """The time, but not before the newest that a store has said."""
    return max(now, _newest_time(connection) or now)


def _newest_time(connection: Connection) -> datetime | None:
    found: datetime | None = connection.execute(
        select(func.max(stores.c.store_time))
    ).scalar_one_or_none()
    return found
