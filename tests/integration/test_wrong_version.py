"""Webhooks of another API version: their records are refetched, and the watch recreates the webhooks once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import insert

from deploy.sandbox import outgoing
from deploy.sandbox.webhooks import Webhook
from hooks.ledger import api_versions
from hooks.ledger.database import Database
from hooks.ledger.tables import deliveries, quarantine
from tests.integration.harness import Harness
from tests.integration.test_webhook_watch import look, ours, writes
from tests.support.recordings import SECRET

NOON = datetime(2026, 11, 22, 11, 0, tzinfo=UTC)
TOPIC = "order.updated"
CODE = "webhook-wrong-version"

# What came of a topic, a letter a minute: `v` another version, `s` not of the shape, `e` another error, `g` good, `i` a
# member of staff, `m` this service made the webhook. Then how many count, from which minute on, and whether a new
# webhook may help.
CAME = [
    ("", None),
    ("vv", None),
    ("vvv", (3, 0, True)),
    ("vsvs", (4, 0, True)),
    ("gvvv", (3, 1, True)),
    ("vvvg", None),
    ("vvvi", None),
    ("vvgv", None),
    ("vvgvvv", (3, 3, True)),
    # Other errors count for nothing.
    ("eee", None),
    ("vevv", (3, 0, True)),
    # A new webhook: what came before is of the old one.
    ("vvvm", None),
    ("vvvmvv", None),
    # It did not help; or it did, and somebody has changed it since.
    ("vvvmvvv", (3, 4, False)),
    ("mgvvv", (3, 2, True)),
    ("vvvmvvvm", None),
]


def _came(database: Database, topic: str, letters: str) -> None:
    reasons = {"v": "wrong-version", "s": "not-of-the-shape", "e": "rest-error"}
    results = {"g": "unchanged", "i": "ignored"}
    with database.write() as connection:
        for minute, letter in enumerate(letters):
            at = NOON + timedelta(minutes=minute)
            about = {"store": "shop", "topic": topic, "received_at": at}
            if letter == "m":
                api_versions.note_created(connection, "shop", topic, at)
                continue
            result = results.get(letter, "quarantined")
            connection.execute(
                insert(deliveries), about | {"identity": f"{topic[:9]}{minute}", "result": result}
            )
            if letter in reasons:
                connection.execute(
                    insert(quarantine), about | {"reason": reasons[letter], "detail": ""}
                )


@pytest.mark.parametrize("other", ["", "gggggggggg", "vvvvvvvvvv"])
@pytest.mark.parametrize(("came", "wanted"), CAME)
def test_the_last_delivery_shows_which_topics_are_outdated(
    database: Database, came: str, wanted: tuple[int, int, bool] | None, other: str
) -> None:
    _came(database, TOPIC, came)
    _came(database, "customer.updated", other)
    with database.read() as connection:
        found = [
            row for row in api_versions.outdated_topics(connection, "shop") if row.topic == TOPIC
        ]
    if wanted is None:
        assert found == []
    else:
        number, minute, is_curable = wanted
        assert found == [
            api_versions.OutdatedTopic(TOPIC, number, NOON + timedelta(minutes=minute), is_curable)
        ]


def test_topics_without_a_record_are_the_same_in_all_versions(database: Database) -> None:
    _came(database, f"action.wc_{54 * 'a'}", "msssm")
    with database.read() as connection:
        assert list(api_versions.outdated_topics(connection, "shop")) == []


# --- with a store ------------------------------------------------------------------------------------------


def _by_hand(harness: Harness, version: str) -> None:
    """Replace our webhook by one of another version, as a person does."""
    harness.store.webhooks.delete(ours(harness)[TOPIC])
    harness.store.create_webhook(TOPIC, harness.receiver.url, SECRET, api_version=version)


def _changes(harness: Harness, number: int, times: int = 3) -> None:
    for step in range(times):
        harness.advance()
        harness.store.edit_order(number, customer_note=f"ring {step} times {harness.clock()}")
        harness.come_to_rest()


def _webhook(harness: Harness) -> Webhook:
    return ours(harness)[TOPIC]


@pytest.mark.parametrize("version", ["v1", "legacy"])
def test_the_record_is_refetched_and_the_webhook_recreated(harness: Harness, version: str) -> None:
    number = harness.written_order()
    look(harness)
    _by_hand(harness, version)
    look(harness)
    harness.advance()
    harness.store.complete_order(number)
    harness.come_to_rest()
    assert harness.row("order", number)["facts"].count("completed_at") == 1, "the store was asked"
    assert harness.problems() == set(), "once is no proof"
    before = writes(harness)
    look(harness)
    assert writes(harness) == before
    _changes(harness, number, 2)
    assert harness.problems() == {CODE}
    old = _webhook(harness).id
    look(harness)
    assert (_webhook(harness).api_version, _webhook(harness).id > old) == ("v3", True)
    assert harness.problems() == set()
    _changes(harness, number, 1)
    assert harness.problems() == set()


def test_a_webhook_of_v2_is_accepted_like_one_of_v3(harness: Harness) -> None:
    number = harness.written_order()
    _by_hand(harness, "v2")
    _changes(harness, number)
    before = writes(harness)
    look(harness)
    assert (harness.problems(), writes(harness)) == (set(), before)


def test_a_webhook_is_not_recreated_again_when_that_does_not_help(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A plugin changes the content of every delivery."""
    number = harness.written_order()
    monkeypatch.setattr(
        outgoing, "record_in", lambda _, resource, body: {resource: {"id": body["id"]}}
    )
    _changes(harness, number)
    look(harness)
    before = writes(harness)
    assert before == 2, "the new one made, and the old one removed"
    for _ in range(3):
        _changes(harness, number)
        look(harness)
        assert harness.problems() == {CODE}
    (problem,) = harness.status()["problems"]
    assert "did not help" in problem["message"]
    assert writes(harness) == before
    monkeypatch.undo()
    _changes(harness, number, 1)
    assert harness.problems() == set()
