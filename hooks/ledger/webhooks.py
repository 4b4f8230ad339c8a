"""Our webhooks in each store: the id, the last status, and since when a webhook is wrong."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, case, delete, func, null, select, update

from hooks.ledger.records import insert_ignore
from hooks.ledger.tables import stores, webhooks

WORKS = "active"
"""The status of a webhook that works."""


def rows_by_topic(connection: Connection, store: str) -> dict[str, Row[Any]]:
    """Return the rows of a store's webhooks, by topic."""
    rows = connection.execute(
        select(webhooks).where(webhooks.c.store == store).order_by(webhooks.c.topic)
    )
    return {row.topic: row for row in rows}


def save_status(
    connection: Connection,
    store: str,
    topic: str,
    status: str,
    external_id: int | None,
    now: datetime,
) -> None:
    """Save the status of a topic's webhook. If it is another webhook than before, its secret is not known."""
    first = {"store": store, "topic": topic, "status": status, "checked_at": now}
    connection.execute(insert_ignore(connection, webhooks), first)
    secret: ColumnElement[Any] = null()
    if external_id is not None:
        is_same = webhooks.c.external_id == external_id
        secret = case((is_same, webhooks.c.secret_digest), else_=null())
    wrong_since: ColumnElement[Any] = null()
    if status != WORKS:
        wrong_since = func.coalesce(webhooks.c.wrong_since, now)
    connection.execute(
        update(webhooks)
        .where(webhooks.c.store == store, webhooks.c.topic == topic)
        .values(
            status=status,
            external_id=external_id,
            secret_digest=secret,
            checked_at=now,
            wrong_since=wrong_since,
        )
    )


def save_secret(
    connection: Connection, store: str, topic: str, external_id: int, digest: str, now: datetime
) -> None:
    """Save the digest of the secret of a webhook that we created or changed. The next check will save its status."""
    first = {
        "store": store,
        "topic": topic,
        "status": "missing",
        "checked_at": now,
        "wrong_since": now,
    }
    connection.execute(insert_ignore(connection, webhooks), first)
    statement = update(webhooks).where(webhooks.c.store == store, webhooks.c.topic == topic)
    connection.execute(statement.values(external_id=external_id, secret_digest=digest))


def forget_other_topics(connection: Connection, store: str, topics: Iterable[str]) -> None:
    """Delete the rows of topics that are not among these: the policy does not name them any more."""
    statement = delete(webhooks).where(webhooks.c.store == store)
    connection.execute(statement.where(webhooks.c.topic.not_in(tuple(topics))))


def installed_at(connection: Connection, store: str) -> datetime | None:
    """Return the time when our webhooks were first seen in the store; None if they never were."""
    first_seen: datetime | None = connection.execute(
        select(stores.c.installed_at).where(stores.c.slug == store)
    ).scalar_one_or_none()
    return first_seen


def note_installed(connection: Connection, store: str, now: datetime) -> None:
    """Note that our webhooks are in the store. The first time counts."""
    connection.execute(insert_ignore(connection, stores), {"slug": store})
    statement = update(stores).where(stores.c.slug == store, stores.c.installed_at.is_(None))
    connection.execute(statement.values(installed_at=now))
