"""Find our webhooks among those of a store, and their state."""

from __future__ import annotations

import pytest

from hooks.store.webhook_registration import Hook, TopicState, secret_digest, survey

HERE = "https://retention.example.com/webhooks/shop"
ELSEWHERE = "https://staging.example.com/webhooks/shop"
TOPIC = "order.updated"


def hook(number: int, status: str = "active", url: str = HERE, topic: str = TOPIC) -> Hook:
    return Hook(number, topic, status, url)


SURVEYS = [
    # No webhook.
    ([], None, TopicState(TOPIC, "missing")),
    # A correct webhook, remembered or not.
    ([hook(1)], 1, TopicState(TOPIC, "active", 1)),
    ([hook(1)], None, TopicState(TOPIC, "active", 1)),
    ([hook(1)], 7, TopicState(TOPIC, "active", 1)),
    # Disabled by the store or paused by a person; an unknown status does not deliver either.
    ([hook(1, "disabled")], 1, TopicState(TOPIC, "disabled", 1)),
    ([hook(1, "paused")], None, TopicState(TOPIC, "paused", 1)),
    ([hook(1, "pending")], None, TopicState(TOPIC, "disabled", 1)),
    # Delivers to another address: ours only if it is remembered.
    ([hook(1, url=ELSEWHERE)], 1, TopicState(TOPIC, "elsewhere", 1)),
    ([hook(1, "disabled", ELSEWHERE)], 1, TopicState(TOPIC, "elsewhere", 1)),
    ([hook(1, url=ELSEWHERE)], None, TopicState(TOPIC, "missing")),
    ([hook(1, url=ELSEWHERE)], 2, TopicState(TOPIC, "missing")),
    # An address is ours only if it is equal: no extra slash, no other scheme, no path of another store.
    ([hook(1, url=f"{HERE}/")], None, TopicState(TOPIC, "missing")),
    ([hook(1, url=HERE.replace("https", "http"))], None, TopicState(TOPIC, "missing")),
    ([hook(1, url=f"{HERE}2")], None, TopicState(TOPIC, "missing")),
    # A webhook with another topic is no duplicate, nor is a remembered one whose topic was changed.
    ([hook(1), hook(2, topic="order.created")], None, TopicState(TOPIC, "active", 1)),
    ([hook(2, topic="product.updated")], 2, TopicState(TOPIC, "missing")),
    # Of duplicates, an active one is used: the remembered before the newest, our address before another one.
    ([hook(1), hook(2), hook(3)], None, TopicState(TOPIC, "active", 3, (1, 2))),
    ([hook(1), hook(2), hook(3)], 2, TopicState(TOPIC, "active", 2, (1, 3))),
    ([hook(1, "disabled"), hook(2)], 1, TopicState(TOPIC, "active", 2, (1,))),
    ([hook(1, "disabled"), hook(2, "paused")], 1, TopicState(TOPIC, "disabled", 1, (2,))),
    ([hook(1, url=ELSEWHERE), hook(2)], 1, TopicState(TOPIC, "active", 2, (1,))),
    ([hook(1, url=ELSEWHERE), hook(2, "paused")], 1, TopicState(TOPIC, "paused", 2, (1,))),
    # A foreign webhook beside ours.
    ([hook(1, url=ELSEWHERE), hook(2)], None, TopicState(TOPIC, "active", 2)),
]


@pytest.mark.parametrize(("hooks", "remembered", "expected"), SURVEYS)
def test_state_of_a_topic(hooks: list[Hook], remembered: int | None, expected: TopicState) -> None:
    known = {TOPIC: remembered} if remembered else {}
    assert survey(hooks, HERE, [TOPIC], known) == [expected]
    assert survey(hooks[::-1], HERE, [TOPIC], known) == [expected], (
        "in whatever order the store lists them"
    )


def test_a_webhook_id_is_remembered_only_for_its_topic() -> None:
    found = survey([hook(1, url=ELSEWHERE)], HERE, [TOPIC, "order.created"], {"order.created": 1})
    assert [state.status for state in found] == ["missing", "missing"]


def test_duplicate_webhooks_are_not_well_though_events_arrive() -> None:
    (state,) = survey([hook(1), hook(2)], HERE, [TOPIC], {})
    assert (state.is_active, state.is_well) == (True, False)


def test_a_secret_is_remembered_by_a_keyed_digest() -> None:
    digests = {secret_digest(key, secret) for key in ("cs_a", "cs_b") for secret in ("one", "two")}
    assert len(digests) == 4
    assert all(len(digest) == 32 for digest in digests)
    assert secret_digest("cs_a", "one") == secret_digest("cs_a", "one")
