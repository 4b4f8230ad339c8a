"""A cache in front of the store: its answers are not trusted, with or without a header that names the cache.

Over plain http each address holds a nonce. Only a `deaf` cache, which leaves the nonce out of its key, ever answers.
"""

from __future__ import annotations

import copy
from datetime import timedelta
from uuid import uuid4

import pytest

from deploy.sandbox import SandboxStore
from hooks.errors import CachedAnswerError
from hooks.ledger import rounds, traits
from hooks.store import check
from hooks.store.retry import LONGEST
from hooks.sync import store_observations
from hooks.sync.store_observations import CACHED, QUIET, ZoneWatch
from tests.integration.conftest import MakeClient
from tests.integration.harness import ON_SQLITE, SECOND, Harness
from tests.support.recordings import made

TELLING, SILENT = "deaf X-LiteSpeed-Cache: hit", "deaf silent"
HABITS = pytest.mark.parametrize(
    "habit", [TELLING, SILENT, "deaf Age: 9", "deaf CF-Cache-Status: STALE", "silent"]
)


def _ask(harness: Harness, number: int) -> None:
    """Make the service refetch an order, by a hint that the order's own state does not answer."""
    harness.receive(made("order.deleted", {"id": number}, delivery_id=uuid4().hex))


def _traits(harness: Harness) -> dict[str, str]:
    with harness.runtime.database.read() as connection:
        return {name: trait.value for name, trait in traits.read(connection, "shop").items()}


def _carry(harness: Harness) -> None:
    with harness.runtime.database.write() as connection:
        store_observations.exchange(
            connection, "shop", harness.worker.pusher.client, harness.clock()
        )


def _keep_in_the_cache(harness: Harness, number: int, habit: str) -> None:
    """Let the cache store the order as it is now."""
    harness.store.set_habits(cache=habit)
    _ask(harness, number)
    harness.settle()


@ON_SQLITE
@HABITS
def test_a_cached_older_answer_is_not_taken_for_a_restored_store(
    harness: Harness, habit: str
) -> None:
    number = harness.store.place_order()["id"]
    harness.come_to_rest()
    _keep_in_the_cache(harness, number, habit)
    harness.advance()
    harness.store.pay_order(number)
    harness.come_to_rest()
    before = harness.row("order", number)
    assert before["retention_class"] == "orders-accounting"
    for _ in range(3):
        harness.advance()
        _ask(harness, number)
        harness.come_to_rest()
    after = harness.row("order", number)
    same = ("version", "retention_class", "delete_after", "facts", "wanted_digest", "known_digest")
    assert {name: after[name] for name in same} == {name: before[name] for name in same}
    assert after["reread_at"] is None
    assert harness.writes("order", number) <= 2


@ON_SQLITE
@HABITS
def test_a_cached_404_does_not_close_a_record(harness: Harness, habit: str) -> None:
    number = harness.store.place_order()["id"] + 1
    harness.store.set_habits(cache=habit)
    _ask(harness, number)
    harness.settle()
    assert harness.paid_order() == number
    harness.advance()
    harness.deliver()
    harness.advance()
    _ask(harness, number)
    harness.come_to_rest()
    assert harness.row("order", number)["state"] == "active"


@ON_SQLITE
@pytest.mark.parametrize("habit", ["", SILENT, TELLING])
def test_a_restored_store_is_believed_behind_any_cache(harness: Harness, habit: str) -> None:
    number = harness.store.place_order()["id"]
    harness.come_to_rest()
    with harness.store.lock:
        orders = copy.deepcopy(harness.store.shop.orders)
    _keep_in_the_cache(harness, number, habit)
    harness.advance()
    harness.store.pay_order(number)
    harness.come_to_rest()
    with harness.store.lock:
        harness.store.shop.orders = orders
    harness.advance()
    _ask(harness, number)
    harness.come_to_rest()
    assert '"pending"' in harness.row("order", number)["facts"]
    assert harness.held("order", number) == harness.wanted("order", number)


@ON_SQLITE
@pytest.mark.parametrize("habit", ["", SILENT, TELLING])
def test_a_gone_record_is_closed_behind_any_cache(harness: Harness, habit: str) -> None:
    number = harness.written_order()
    _keep_in_the_cache(harness, number, habit)
    harness.store.delete_order(number)
    harness.advance()
    _ask(harness, number)
    harness.come_to_rest()
    assert harness.row("order", number)["state"] == ("active" if habit == SILENT else "gone")
    if habit == SILENT:  # what it says is what is known; once it has forgotten, the truth comes out
        harness.store.set_habits(cache="")
        _ask(harness, number)
        harness.come_to_rest()
        assert harness.row("order", number)["state"] == "gone"


@ON_SQLITE
def test_a_cached_list_is_abandoned_and_stops_nothing_else(harness: Harness) -> None:
    harness.reconcile()
    harness.advance(timedelta(hours=1))
    harness.store.set_habits(cache=TELLING)
    harness.rescan("orders")
    number = harness.paid_order()
    harness.lose()
    harness.advance()
    harness.rescan("orders")
    with harness.runtime.database.read() as connection:
        state = rounds.state(connection, "shop", "orders")
    assert state is not None
    assert (state.error, state.due_at) == ("cached", harness.clock() + LONGEST)
    assert harness.pause() is None
    harness.store.edit_order(number, customer_note="x")
    harness.come_to_rest()
    assert harness.held("order", number) == harness.wanted("order", number) != {}
    harness.store.set_habits(cache="")
    harness.advance(LONGEST)
    harness.rescan_on("orders")
    with harness.runtime.database.read() as connection:
        state = rounds.state(connection, "shop", "orders")
    assert state is not None
    assert state.error is None


@ON_SQLITE
def test_a_cache_is_reported_until_it_is_silent_for_an_hour(
    harness: Harness,
) -> None:
    client = harness.worker.pusher.client
    client.cached_by = "X-Cache"
    _carry(harness)
    first = harness.clock()
    assert _traits(harness) == {CACHED: f"X-Cache {first.isoformat()}"}
    harness.advance(QUIET - SECOND)
    client.cached_by, client.has_fresh = "X-Cache", True
    _carry(harness)
    harness.advance(QUIET)
    client.has_fresh = True
    _carry(harness)
    assert "store-cached" in harness.problems(), "an hour since its last answer is not over"
    harness.advance(SECOND)
    _carry(harness)
    assert "store-cached" in harness.problems(), "the store has not answered since"
    client.has_fresh = True
    _carry(harness)
    assert _traits(harness) == {}


def test_store_check_names_the_cache(store: SandboxStore, client_of: MakeClient) -> None:
    store.set_habits(cache="deaf CF-Cache-Status: HIT")
    client = client_of()
    assert check.reading(client, None).fine
    finding = check.reading(client, None)
    assert not finding.fine
    assert "(CF-Cache-Status)" in finding.words
    assert "Exclude /wp-json/" in finding.words
    with pytest.raises(CachedAnswerError):
        client.call("GET", "orders", params={"per_page": "1", "_fields": "id"})


# --- the time zone, which the index tells ------------------------------------------------------------------


@ON_SQLITE
def test_the_stores_time_zone_is_read_when_due_and_followed(harness: Harness) -> None:
    client = harness.worker.pusher.client
    watch = ZoneWatch("shop", client, harness.runtime)
    watch.step()
    assert _traits(harness) == {"time-zone": "Europe/Oslo"}
    assert harness.problems() == set()
    harness.store.set_time_zone("America/New_York")
    watch.step()
    assert _traits(harness) == {"time-zone": "Europe/Oslo"}, "it is looked at hourly"
    harness.advance()
    ZoneWatch("shop", client, harness.runtime).step()
    assert harness.problems() == {"time-zone-differs"}
    assert harness.status()["problems"][0]["since"] == harness.clock().isoformat()


@ON_SQLITE
@pytest.mark.parametrize(
    ("kind", "kept"),
    [
        # An answer of its own, which has no zone: it is not known any more, and no problem.
        ("404", {}),
        ("html", {}),
        # No answer for now.
        ("reset", {"time-zone": "UTC"}),
        ("500", {"time-zone": "UTC"}),
        ("503", {"time-zone": "UTC"}),
        ("half", {"time-zone": "UTC"}),
    ],
)
def test_a_closed_api_index_is_no_problem(
    harness: Harness, kind: str, kept: dict[str, str]
) -> None:
    harness.store.set_time_zone("UTC")
    client = harness.worker.pusher.client
    ZoneWatch("shop", client, harness.runtime).step()
    harness.store.add_fault(kind)
    ZoneWatch("shop", client, harness.runtime).step()
    assert _traits(harness) == kept


@ON_SQLITE
def test_store_check_compares_the_time_zones(
    store: SandboxStore, client_of: MakeClient, harness: Harness
) -> None:
    client, policy = client_of(), harness.runtime.policy
    assert check.time_zone(client, policy.time_zone).fine
    store.set_time_zone(gmt_offset=2)
    finding = check.time_zone(client, policy.time_zone)
    assert not finding.fine
    assert "UTC+02:00, an offset without summer time" in finding.words
    store.add_fault("404")
    assert check.time_zone(client, policy.time_zone).fine
