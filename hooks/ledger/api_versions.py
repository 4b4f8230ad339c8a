"""Webhooks of another API version than v3.

Whoever creates a webhook by hand chooses the version. The service cannot read the bodies of v1 and of the legacy API,
so each such delivery goes into quarantine. WooCommerce does not show the version of a webhook. So the service
recognises the version by the deliveries of the topic. A webhook that the service itself creates is always one of v3.
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
"""The reasons for the quarantine of deliveries of another version. Some of them are only seen to have a wrong shape."""

MIN_IN_A_ROW = 3
"""So many quarantined deliveries in a row are no accident."""

_CREATED = "made:"
"""Prefix of the trait that says when this service created the webhook of a topic."""

_GOOD = ("recorded", "unchanged", "stale", "ignored")
"""The results of deliveries that could be read."""


@dataclass(frozen=True, slots=True)
class OutdatedTopic:
    """A topic whose last deliveries all went into quarantine: their number, and the time of the first.

    `is_curable`: a new webhook may help. It would not help if this service created the present webhook and no good
    delivery has come from it.
    """

    topic: str
    number: int
    since: datetime
    is_curable: bool


def note_created(connection: Connection, store: str, topic: str, now: datetime) -> None:
    """Note that this service has just created the webhook of a topic."""
    if _shows_records(topic):
        traits.forget(connection, store, _CREATED + topic)
        traits.note(connection, store, _CREATED + topic, "", now)


def outdated_topics(connection: Connection, store: str) -> Iterator[OutdatedTopic]:
    """Find the topics whose last deliveries, three or more, all went into quarantine."""
    traits_of_store = traits.read(connection, store)
    is_set_aside = quarantine.c.store == store, quarantine.c.reason.in_(REASONS)
    topics = select(quarantine.c.topic).where(*is_set_aside).distinct().order_by(quarantine.c.topic)
    at = quarantine.c.received_at
    for topic in connection.execute(topics).scalars().all():
        if not _shows_records(topic):
            continue
        created = traits_of_store.get(_CREATED + topic)
        last_good = _last_good(connection, store, topic)
        bad = select(func.count().label("number"), func.min(at).label("since"))
        bad = bad.where(*is_set_aside, quarantine.c.topic == topic)
        if created:
            bad = bad.where(at > created.since)
        if last_good:
            bad = bad.where(at > last_good)
        row = connection.execute(bad).one()
        if row.number >= MIN_IN_A_ROW:
            is_curable = not created or (last_good is not None and last_good > created.since)
            yield OutdatedTopic(topic, row.number, row.since, is_curable)


def _shows_records(topic: str) -> bool:
    """Tell whether the deliveries of a topic show a record. Other deliveries look the same in all versions."""
    return topic.partition(".")[0] in STORED_KINDS


def _last_good(connection: Connection, store: str, topic: str) -> datetime | None:
    """Return the time of the last good delivery of a topic."""
    at = deliveries.c.received_at
    query = select(at).where(
        deliveries.c.store == store, deliveries.c.topic == topic, deliveries.c.result.in_(_GOOD)
    )
    newest = query.order_by(at.desc()).limit(1)
    last: datetime | None = connection.execute(newest).scalar_one_or_none()
    return last
