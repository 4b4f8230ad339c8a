"""What is remembered of our webhooks in each store: which they are, how they stood, and since when one is wrong."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, case, delete, func, null, select, update

from hooks.ledger.records import insert_ignore
from hooks.ledger.tables import stores, webhooks

WORKS = "active"


def known(connection: Connection, store: str) -> dict[str, Row[Any]]:
    """All that is remembered of a store's webhooks, by topic."""
    rows = connection.execute(
        select(webhooks).where(webhooks.c.store == store).order_by(webhooks.c.topic)
    )
    return {row.topic: row for row in rows}


def record(
    connection: Connection,
    store: str,
    topic: str,
    status: str,
    external_id: int | None,
    now: datetime,
) -> None:
    """How a topic stood at a look. Of another webhook than the one remembered the secret is not known."""
    first = {"store": store, "topic": topic, "status": status, "checked_at": now}
    connection.execute(insert_ignore(connection, webhooks), first)
    same = webhooks.c.external_id == external_id if external_id is not None else None
    connection.execute(
        update(webhooks)
        .where(webhooks.c.store == store, webhooks.c.topic == topic)
        .values(
            status=status,
            external_id=external_id,
            secret_digest=null()
            if same is None
            else case((same, webhooks.c.secret_digest), else_=null()),
            checked_at=now,
            wrong_since=None if status == WORKS else func.coalesce(webhooks.c.wrong_since, now),
        )
    )


def remember(
    connection: Connection, store: str, topic: str, external_id: int, digest: str, now: datetime
) -> None:
    """This webhook was made by us, or given a secret. How the topic stands is left to the next look."""
    first = {
        "store": store,
        "topic": topic,
        "status": "missing",
        "checked_at": now,
        "wrong_since": now,
    }
    connection.execute(insert_ignore(connection, webhooks), first)
    mine = webhooks.c.store == store, webhooks.c.topic == topic
    connection.execute(
        update(webhooks).where(*mine).values(external_id=external_id, secret_digest=digest)
    )


def keep_only(connection: Connection, store: str, topics: Iterable[str]) -> None:
    """Forget topics that the policy names no more."""
    gone = webhooks.c.store == store, webhooks.c.topic.not_in(tuple(topics))
    connection.execute(delete(webhooks).where(*gone))


def installed_at(connection: Connection, store: str) -> datetime | None:
    """When our webhooks were first seen in the store; None if never."""
    found: datetime | None = connection.execute(
        select(stores.c.installed_at).where(stores.c.slug == store)
    ).scalar_one_or_none()
    return found


def installed(connection: Connection, store: str, now: datetime) -> None:
    """Our webhooks are in the store; the first time counts."""
    connection.execute(insert_ignore(connection, stores), {"slug": store})
    chosen = update(stores).where(stores.c.slug == store, stores.c.installed_at.is_(None))
    connection.execute(chosen.values(installed_at=now))
