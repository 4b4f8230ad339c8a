"""Which webhooks of a store are ours, and how they stand."""

from __future__ import annotations

import pytest

from hooks.store.webhook_registration import Hook, TopicState, secret_digest, survey

HERE = "https://retention.example.com/webhooks/shop"
ELSEWHERE = "https://staging.example.com/webhooks/shop"
TOPIC = "order.updated"


def hook(number: int, status: str = "active", url: str = HERE, topic: str = TOPIC) -> Hook:
    return Hook(number, topic, status, url)


SURVEYS = [
    # Nothing there.
    ([], None, TopicState(TOPIC, "missing")),
    # As it should be; whether it is remembered makes no difference.
    ([hook(1)], 1, TopicState(TOPIC, "active", 1)),
    ([hook(1)], None, TopicState(TOPIC, "active", 1)),
    ([hook(1)], 7, TopicState(TOPIC, "active", 1)),
    # Ended by the store, or by a person; a status that no store knows delivers nothing either.
    ([hook(1, "disabled")], 1, TopicState(TOPIC, "disabled", 1)),
    ([hook(1, "paused")], None, TopicState(TOPIC, "paused", 1)),
    ([hook(1, "pending")], None, TopicState(TOPIC, "disabled", 1)),
    # Delivers to another address: ours only if it is remembered.
    ([hook(1, url=ELSEWHERE)], 1, TopicState(TOPIC, "elsewhere", 1)),
    ([hook(1, "disabled", ELSEWHERE)], 1, TopicState(TOPIC, "elsewhere", 1)),
    ([hook(1, url=ELSEWHERE)], None, TopicState(TOPIC, "missing")),
    ([hook(1, url=ELSEWHERE)], 2, TopicState(TOPIC, "missing")),
    # An address is ours to the letter: no slash more, no other scheme, no other store's path.
    ([hook(1, url=f"{HERE}/")], None, TopicState(TOPIC, "missing")),
    ([hook(1, url=HERE.replace("https", "http"))], None, TopicState(TOPIC, "missing")),
    ([hook(1, url=f"{HERE}2")], None, TopicState(TOPIC, "missing")),
    # Another topic at our address is no double, nor is a remembered one that was given another topic.
    ([hook(1), hook(2, topic="order.created")], None, TopicState(TOPIC, "active", 1)),
    ([hook(2, topic="product.updated")], 2, TopicState(TOPIC, "missing")),
    # Of doubles an active one serves, the remembered one before the newest, and one that is here before one elsewhere.
    ([hook(1), hook(2), hook(3)], None, TopicState(TOPIC, "active", 3, (1, 2))),
    ([hook(1), hook(2), hook(3)], 2, TopicState(TOPIC, "active", 2, (1, 3))),
    ([hook(1, "disabled"), hook(2)], 1, TopicState(TOPIC, "active", 2, (1,))),
    ([hook(1, "disabled"), hook(2, "paused")], 1, TopicState(TOPIC, "disabled", 1, (2,))),
    ([hook(1, url=ELSEWHERE), hook(2)], 1, TopicState(TOPIC, "active", 2, (1,))),
    ([hook(1, url=ELSEWHERE), hook(2, "paused")], 1, TopicState(TOPIC, "paused", 2, (1,))),
    # Another's webhook beside ours.
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
