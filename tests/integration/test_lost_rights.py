"""A webhook whose owner may no longer see records, recognised by the outcomes of its topic's deliveries and their
order."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import insert

from hooks.ledger import views
from hooks.ledger.database import Database
from hooks.ledger.tables import deliveries, quarantine

NOON = datetime(2026, 11, 22, 11, 0, tzinfo=UTC)

# What came of two topics, a letter a minute: `l` and `L` are errors for want of rights, `g` and `G` good deliveries,
# `q` is set aside for another reason; small letters are of order.updated, large ones of customer.updated. Then what is
# found of each: how many errors there were since the last good one, and the minute of the first of them.
CAME = [
    # nothing wrong, or nothing at all
    ("", {}),
    ("gGg", {}),
    ("gqg", {}),
    # since the first that ever came
    ("lll", {"order.updated": (3, 0)}),
    # good ones before, and good ones of the other topic after
    ("gglGl", {"order.updated": (2, 2)}),
    # mended
    ("gllg", {}),
    ("lGg", {}),
    # mended, and lost again
    ("llglGll", {"order.updated": (3, 3)}),
    # both topics, one mended
    ("lLgL", {"customer.updated": (2, 1)}),
    ("lL", {"customer.updated": (1, 1), "order.updated": (1, 0)}),
    # what is set aside for another reason mends nothing
    ("glq", {"order.updated": (1, 1)}),
]


@pytest.mark.parametrize(("came", "lost"), CAME)
def test_lost_rights_are_of_topics_whose_last_delivery_was_an_error(
    database: Database, came: str, lost: dict[str, tuple[int, int]]
) -> None:
    with database.write() as connection:
        for minute, letter in enumerate(came):
            topic = "customer.updated" if letter.isupper() else "order.updated"
            about = {
                "store": "shop",
                "topic": topic,
                "received_at": NOON + timedelta(minutes=minute),
            }
            result = "recorded" if letter in "gG" else "quarantined"
            connection.execute(
                insert(deliveries), about | {"identity": str(minute), "result": result}
            )
            if result == "quarantined":
                reason = "not-json" if letter == "q" else views.LOST_RIGHTS
                connection.execute(
                    insert(quarantine), about | {"reason": reason, "detail": "an error"}
                )
    with database.read() as connection:
        found = views.lost_rights(connection, "shop")
    wanted = [
        (topic, number, NOON + timedelta(minutes=first)) for topic, (number, first) in lost.items()
    ]
    assert [(row.topic, row.number, row.since) for row in found] == wanted
