"""Records that the store closes to a good key are postponed alone, and a refused key is still recognised."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from deploy.sandbox import SandboxStore
from deploy.sandbox.auth import ApiKey
from hooks.errors import CredentialsRefusedError, RecordClosedError, StoreUnreachableError
from hooks.retention.facts import RecordKind
from hooks.store import refusal_check
from hooks.store.client import StoreClient
from hooks.store.retry import LONGEST, PERMANENT
from tests.integration.harness import ON_SQLITE, ROLES, Harness
from tests.integration.scripted_server import Answer, ReceivedRequest, ScriptedServer

MakeClient = Callable[..., StoreClient]
META = {"retention_class": "orders-accounting"}
VIEW, EDIT = "woocommerce_rest_cannot_view", "woocommerce_rest_cannot_edit"
KEY = "woocommerce_rest_authentication_error"

ACTS: list[tuple[str, Callable[[StoreClient], object]]] = [
    ("/orders/7", lambda client: client.read("order", 7, fields="id")),
    ("/customers/7", lambda client: client.read("customer", 7, fields="id")),
    ("/orders/7/refunds", lambda client: client.refunds(7)),
    ("/orders/7", lambda client: _outcome(client, "order")),
    ("/customers/7", lambda client: _outcome(client, "customer")),
]
"""What is done about one record, and where."""


def _outcome(client: StoreClient, kind: RecordKind) -> None:
    outcome = client.write_meta(kind, {7: META})[7]
    if isinstance(outcome, Exception):
        raise outcome


def _refused(code: str, status: int) -> Answer:
    return Answer.of({"code": code, "message": "…", "data": {"status": status}}, status)


def _closing(
    place: str, refusal: Answer, collection: Answer
) -> Callable[[ReceivedRequest], Answer]:
    """A store that refuses one path, and gives this answer for the whole collection."""

    def answer(asked: ReceivedRequest) -> Answer:
        if asked.path.endswith(place):
            return refusal
        if collection.status == 200:
            return Answer.of({} if asked.method == "POST" else [])
        return collection

    return answer


@pytest.mark.parametrize(
    "refusal",
    [_refused(VIEW, 403), _refused(EDIT, 403), _refused("some_plugin", 403), _refused(VIEW, 401)],
)
@pytest.mark.parametrize(("place", "act"), ACTS)
def test_a_refusal_of_one_record_is_the_records_if_the_key_works(
    script: ScriptedServer,
    client: MakeClient,
    place: str,
    act: Callable[[StoreClient], object],
    refusal: Answer,
) -> None:
    script.answer = _closing(place, refusal, Answer())
    with pytest.raises(RecordClosedError) as caught:
        act(client(script.url))
    assert (caught.value.code, caught.value.permanent, caught.value.whole_store) == (
        "closed",
        True,
        False,
    )
    assert [
        asked.json
        for asked in script.requests
        if asked.method == "POST" and not asked.path.endswith(place)
    ] in (
        [],
        [{}],
    )


@pytest.mark.parametrize(
    "collection",
    [
        # the key has lost its rights, or does not arrive, or is wrong
        _refused(VIEW, 403),
        _refused(VIEW, 401),
        _refused(KEY, 401),
        _refused("woocommerce_rest_cannot_batch", 403),
    ],
)
@pytest.mark.parametrize("status", [401, 403])
@pytest.mark.parametrize(("place", "act"), ACTS)
def test_a_refusal_of_record_and_collection_is_the_keys(
    script: ScriptedServer,
    client: MakeClient,
    place: str,
    act: Callable[[StoreClient], object],
    status: int,
    collection: Answer,
) -> None:
    script.answer = _closing(place, _refused(VIEW, status), collection)
    with pytest.raises(CredentialsRefusedError) as caught:
        act(client(script.url))
    assert caught.value.whole_store


@pytest.mark.parametrize(("place", "act"), ACTS)
def test_an_error_that_names_the_key_needs_no_second_call(
    script: ScriptedServer, client: MakeClient, place: str, act: Callable[[StoreClient], object]
) -> None:
    script.answer = _closing(place, _refused(KEY, 401), Answer())
    with pytest.raises(CredentialsRefusedError):
        act(client(script.url))
    assert len(script.requests) == 1


@pytest.mark.parametrize(("place", "act"), ACTS)
def test_a_failed_second_call_blames_neither_record_nor_key(
    script: ScriptedServer, client: MakeClient, place: str, act: Callable[[StoreClient], object]
) -> None:
    script.answer = _closing(place, _refused(VIEW, 403), Answer(500))
    with pytest.raises(StoreUnreachableError):
        act(client(script.url))


@pytest.mark.parametrize("kind", ["order", "customer"])
@pytest.mark.parametrize("is_writing", [False, True])
def test_many_closed_records_cost_one_second_call(
    script: ScriptedServer,
    client: MakeClient,
    monkeypatch: pytest.MonkeyPatch,
    kind: RecordKind,
    is_writing: bool,
) -> None:
    script.answer = lambda asked: _refused(VIEW, 403) if asked.path[-1].isdigit() else Answer.of([])
    made = client(script.url)

    def act() -> None:
        with pytest.raises(RecordClosedError):
            _outcome(made, kind) if is_writing else made.read(kind, 7, fields="id")

    for _ in range(20):
        act()
    assert len(script.requests) == 21
    monkeypatch.setattr(refusal_check, "VALID_SECONDS", -1.0)  # it is too old by now
    act()
    assert len(script.requests) == 23


def test_a_key_that_may_not_batch_orders_is_refused(
    script: ScriptedServer, client: MakeClient
) -> None:
    """For customers this is normal with a shop manager's key. For orders it is not."""
    batch = _refused("woocommerce_rest_cannot_batch", 403)
    script.answer = lambda asked: (
        _refused(EDIT, 403)
        if asked.path.endswith("7")
        else batch
        if asked.path.endswith("batch")
        else Answer.of([])
    )
    with pytest.raises(CredentialsRefusedError):
        _outcome(client(script.url), "order")
    with pytest.raises(RecordClosedError):
        _outcome(client(script.url), "customer")


def test_a_second_call_counts_for_one_kind_and_right_only(
    script: ScriptedServer, client: MakeClient
) -> None:
    script.answer = lambda asked: _refused(VIEW, 403) if asked.path[-1].isdigit() else Answer.of([])
    made = client(script.url)
    for act in (
        lambda: made.read("order", 7, fields="id"),
        lambda: made.read("customer", 7, fields="id"),
        lambda: _outcome(made, "order"),
        lambda: _outcome(made, "customer"),
    ):
        with pytest.raises(RecordClosedError):
            act()
    assert len(script.requests) == 8


@pytest.mark.parametrize("kind", ["order", "customer"])
@pytest.mark.parametrize("status", [401, 403])
def test_a_refusal_inside_a_batch_is_of_its_item(
    script: ScriptedServer, client: MakeClient, kind: RecordKind, status: int
) -> None:
    error = {"code": EDIT, "message": "…", "data": {"status": status}}
    script.always(Answer.of({"update": [{"id": 1}, {"id": 2, "error": error}]}))
    outcomes = client(script.url).write_meta(kind, {1: META, 2: META})
    assert outcomes[1] == {"id": 1}
    assert isinstance(outcomes[2], RecordClosedError)
    assert len(script.requests) == 1


def test_a_list_refused_for_one_record_is_not_the_keys_fault(
    script: ScriptedServer, client: MakeClient
) -> None:
    script.answer = lambda asked: _refused(VIEW, 403) if "include" in asked.query else Answer.of([])
    with pytest.raises(RecordClosedError):
        client(script.url).read_many("customer", [1, 2], fields="id")


# --- what the worker makes of it -----------------------------------------------------------------------------


def _there(harness: Harness, kind: str) -> list[int]:
    """Create three records of a kind."""
    if kind == "order":
        return [harness.paid_order() for _ in range(3)]
    return [int(harness.store.sign_up(email=f"{place}@example.test")["id"]) for place in range(3)]


@ROLES
@pytest.mark.parametrize("kind", ["order", "customer"])
@pytest.mark.parametrize("number", [1, 3])
def test_a_record_closed_to_writing_is_postponed_alone(
    harness: Harness, kind: str, number: int
) -> None:
    """It is written in a batch, among single writes, and alone."""
    closed, *others = _there(harness, kind)[:number]
    other_order = harness.paid_order()
    harness.deliver()
    harness.store.set_habits(closed=[f"{kind}:{closed}"])
    harness.advance()
    harness.work()
    assert harness.pause() is None
    assert [harness.writes(kind, other) for other in others] == [1] * len(others)
    assert harness.writes("order", other_order) == 1
    row = harness.row(kind, closed)
    waits = row["push_at"] or row["reread_at"]
    assert waits - harness.clock() > LONGEST
    assert harness.problems() <= {"failing-pushes", "failing-questions"}
    assert len(harness.problems()) == 1
    harness.store.set_habits(closed=[])
    harness.advance(PERMANENT)
    harness.come_to_rest()
    assert harness.held(kind, closed) == harness.wanted(kind, closed) != {}
    assert harness.problems() == set()


@pytest.mark.parametrize("kind", ["order", "customer"])
def test_a_record_closed_to_reading_is_postponed_alone(harness: Harness, kind: str) -> None:
    closed, *others = _there(harness, kind)
    harness.come_to_rest()
    harness.store.set_habits(closed=[f"{kind}:{closed}"])
    harness.reconcile()
    row = harness.row(kind, closed)
    assert (row["state"], row["reread_reason"], row["reread_attempts"]) == ("active", "closed", 1)
    assert row["reread_at"] - harness.clock() > LONGEST
    (problem,) = harness.status()["problems"]
    assert problem["code"] == "failing-questions"
    assert f"{kind} {closed}" in problem["message"]
    assert (harness.pause(), [harness.row(kind, other)["reread_at"] for other in others]) == (
        None,
        [None, None],
    )
    harness.store.set_habits(closed=[])
    harness.advance(PERMANENT)
    harness.come_to_rest()
    assert (harness.row(kind, closed)["reread_reason"], harness.row(kind, closed)["state"]) == (
        None,
        "active",
    )


@ON_SQLITE
def test_many_closed_records_hold_up_no_other(harness: Harness) -> None:
    closed = [harness.paid_order() for _ in range(25)]
    harness.come_to_rest()
    harness.store.set_habits(closed=[f"order:{number}" for number in closed])
    before = len(harness.store.log.requests)
    harness.rescan()
    new = harness.paid_order()
    harness.come_to_rest()
    assert harness.writes("order", new) == 1
    assert {harness.row("order", number)["reread_reason"] for number in closed} == {"closed"}
    assert "25 record(s)" in harness.status()["problems"][0]["message"]
    assert len(harness.store.log.requests) - before < 25 + 25


@ON_SQLITE
@pytest.mark.parametrize("number", [1, 3])
def test_a_key_without_rights_stops_the_store_and_no_record(harness: Harness, number: int) -> None:
    orders = [harness.paid_order() for _ in range(number)]
    harness.deliver()
    harness.advance()
    reach = harness.settings.stores["shop"]
    harness.store.keys.add(ApiKey(reach.consumer_key, reach.consumer_secret, permissions="read"))
    harness.work()
    assert harness.problems() == {"store-credentials-refused"}
    rows: list[dict[str, Any]] = [harness.row("order", each) for each in orders]
    assert {(row["push_attempts"], row["push_error"], row["claim"]) for row in rows} == {
        (0, None, None)
    }


def test_the_second_call_writes_nothing(store: SandboxStore, client_of: MakeClient) -> None:
    customer = int(store.sign_up(email="kari@example.test")["id"])
    store.set_habits(closed=[f"customer:{customer}"])
    for role in ("administrator", "shop_manager"):
        made = client_of(role)
        assert isinstance(
            made.write_meta("customer", {customer: META})[customer], RecordClosedError
        )
        with pytest.raises(RecordClosedError):
            made.read("customer", customer, fields="id")
    assert not any(entry.writes for entry in store.log.requests)
