"""Compare every answer and every delivery of the sandbox with the recordings, byte by byte where possible."""

import json
from collections.abc import Iterator

import pytest

from deploy.sandbox import serving
from deploy.sandbox.outgoing import signature
from deploy.sandbox.wire import php_json
from tests.sandbox.receiver import receiving
from tests.sandbox.recorded_day import STEPS
from tests.sandbox.replay import SECRET, Replay, names, recorded, recorded_store

# Recorded in another shop, with other ids and dates: see test_lists.py.
ELSEWHERE = {"orders-modified-after"}
# The recorded headers. A header that is missing in the recording must be missing here.
NAMED = ("Content-Type", "Allow", "X-WP-Total", "X-WP-TotalPages")
# A hash that depends on the installation.
OWN = {"X-WC-Webhook-Delivery-ID"}


@pytest.fixture(scope="module")
def replay() -> Iterator[Replay]:
    """The recorded day, replayed once."""
    store = recorded_store()
    with receiving() as receiver, serving(store) as address:
        day = Replay(store, address, receiver)
        day.run(STEPS)
        yield day


@pytest.mark.parametrize("name", sorted(set(names("rest")) - ELSEWHERE))
def test_the_sandbox_answers_as_recorded(replay: Replay, name: str) -> None:
    answer, expected = replay.answers[name], recorded("rest", name)["response"]
    assert answer.status == expected["status"]
    headers = {key: value for key, value in answer.headers.items() if key in NAMED}
    assert headers == expected["headers"]
    assert answer.body == expected["body"]
    # The order of the keys is compared, too.
    assert json.dumps(answer.body) == json.dumps(expected["body"])


@pytest.mark.parametrize("name", names("deliveries"))
def test_the_sandbox_delivers_as_recorded(replay: Replay, name: str) -> None:
    came, expected = replay.deliveries[name], recorded("deliveries", name)
    assert came.version == "HTTP/1.0"
    assert came.body.decode() == expected["body"]
    sent = {key: value for key, value in came.headers.items() if key not in {"Host", *OWN}}
    assert list(sent.items()) == [
        pair for pair in expected["headers"].items() if pair[0] not in OWN
    ]
    assert set(came.headers) - {"Host"} == set(expected["headers"])


def test_delivery_ids_of_one_second_are_equal(replay: Replay) -> None:
    ids = {
        name[:2]: came.headers.get("X-WC-Webhook-Delivery-ID")
        for name, came in replay.deliveries.items()
    }
    assert ids["16"] == ids["18"] == ids["19"]
    assert ids["16"] != ids["17"]
    assert ids["16"] != ids["22"]


@pytest.mark.parametrize("name", names("deliveries")[1:])
def test_bodies_are_encoded_and_signed_as_by_php(name: str) -> None:
    recording = recorded("deliveries", name)
    body = php_json(json.loads(recording["body"]))
    assert body.decode() == recording["body"]
    assert signature(body, SECRET) == recording["headers"]["X-WC-Webhook-Signature"]
