"""Webhooks of another API version than v3: told from what came of their topic, since no list of webhooks shows it.

A person who makes a webhook by hand chooses the version. The bodies of v1 and of the legacy API cannot be taken, so
that each delivery is set aside. A webhook that this service makes is always one of v3.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, func, select

from hooks.ledger import traits
from hooks.ledger.tables import deliveries, quarantine
from hooks.retention.facts import STORED_KINDS

REASONS = ("wrong-version", "not-of-the-shape")
"""Why deliveries of another version are set aside; some are only not of the shape."""

ENOUGH = 3
"""So many deliveries in a row are no accident."""

_MADE = "made:"
_GOOD = ("recorded", "unchanged", "stale", "ignored")


@dataclass(frozen=True, slots=True)
class Outdated:
    """A topic of which the last deliveries were set aside: how many, and since when.

    `is_curable`: a new webhook may help. It would not where this service made the present one, and no good delivery of
    it ever came.
    """

    topic: str
    number: int
    since: datetime
    is_curable: bool


def note_made(connection: Connection, store: str, topic: str, now: datetime) -> None:
    """Note that this service has just made the webhook of a topic."""
    if _shows_records(topic):
        traits.forget(connection, store, _MADE + topic)
        traits.note(connection, store, _MADE + topic, "", now)


def outdated(connection: Connection, store: str) -> Iterator[Outdated]:
    """Find the topics of which the last deliveries, three or more, were all set aside."""
    seen = traits.read(connection, store)
    set_aside = quarantine.c.store == store, quarantine.c.reason.in_(REASONS)
    topics = select(quarantine.c.topic).where(*set_aside).distinct().order_by(quarantine.c.topic)
    at = quarantine.c.received_at
    for topic in filter(_shows_records, connection.execute(topics).scalars().all()):
        made, good = seen.get(_MADE + topic), _last_good(connection, store, topic)
        bad = select(func.count().label("number"), func.min(at).label("since"))
        bad = bad.where(*set_aside, quarantine.c.topic == topic)
        for before in filter(None, (made.since if made else None, good)):
            bad = bad.where(at > before)
        row = connection.execute(bad).one()
        if row.number >= ENOUGH:
            is_curable = made is None or (good is not None and good > made.since)
            yield Outdated(topic, row.number, row.since, is_curable)


def _shows_records(topic: str) -> bool:
    """Tell whether deliveries of a topic show a record: those of others look alike in all versions."""
    return topic.partition(".")[0] in STORED_KINDS


def _last_good(connection: Connection, store: str, topic: str) -> datetime | None:
    at = deliveries.c.received_at
    good = select(at).where(
        deliveries.c.store == store, deliveries.c.topic == topic, deliveries.c.result.in_(_GOOD)
    )
    last: datetime | None = connection.execute(
        good.order_by(at.desc()).limit(1)
    ).scalar_one_or_none()
    return last
