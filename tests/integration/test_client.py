"""The store's client sends the same requests as the public client, over one connection, and tells every failure
apart."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from io import BytesIO
from typing import Any

import pytest
import requests
from woocommerce import API

from deploy.sandbox import SandboxStore
from hooks.errors import (
    CredentialsRefusedError,
    RecordGoneError,
    RecordRefusedError,
    RequestTooLargeError,
    StoreBusyError,
    StoreError,
    StoreMisconfiguredError,
    StoreUnreachableError,
)
from hooks.retention.facts import RecordKind
from hooks.store import session as session_module
from hooks.store.client import BATCH_LIMIT, NotWritten, StoreClient
from tests.integration.scripted_server import Answer, ReceivedRequest, ScriptedServer
from tests.support.processes import free_port, until

MakeClient = Callable[..., StoreClient]
META = {"retention_class": "orders-accounting", "retention_policy": "p–1"}

OF_READS = {"_"}
"""The parameter that gives each read an address of its own."""

CALLS = [
    # a read with a query that has to be encoded
    ("GET", "orders/7", {"_fields": "id,meta_data", "search": "a b ø&c"}, None),
    # a list
    ("GET", "orders", {"per_page": "100", "status": "any,trash"}, None),
    # a single write
    ("PUT", "orders/7", None, {"meta_data": [{"key": "retention_class", "value": "ø"}]}),
    # a batch
    ("POST", "orders/batch", None, {"update": [{"id": 1, "meta_data": []}]}),
    # a write of nothing
    ("POST", "customers/batch", None, {}),
]


def _by_public_client(
    api: Any, method: str, endpoint: str, params: dict[str, str] | None, body: object
) -> None:
    arguments = [endpoint] if method in ("GET", "DELETE") else [endpoint, body]
    getattr(api, method.lower())(*arguments, **({"params": dict(params)} if params else {}))


@pytest.mark.parametrize(("method", "endpoint", "params", "body"), CALLS)
def test_sends_the_same_request_as_the_public_client(
    script: ScriptedServer,
    client: MakeClient,
    method: str,
    endpoint: str,
    params: dict[str, str] | None,
    body: object,
) -> None:
    client(script.url).call(method, endpoint, params=params, body=body)
    _by_public_client(API(script.url, "ck_test", "cs_test"), method, endpoint, params, body)
    ours, public = script.requests
    assert (
        (ours.method, ours.path)
        == (public.method, public.path)
        == (method, f"/wp-json/wc/v3/{endpoint}")
    )
    assert ours.query.keys() - OF_READS == public.query.keys()
    assert (ours.query.keys() >= OF_READS) is (method == "GET")
    assert [ours.query[name] for name in params or ()] == [
        public.query[name] for name in params or ()
    ]
    signed = {"oauth_timestamp", "oauth_nonce", "oauth_signature"}
    assert all(ours.query[name] == public.query[name] for name in public.query.keys() - signed)
    assert (json.loads(ours.body or b"null"), ours.headers.get("content-type")) == (
        json.loads(public.body or b"null"),
        public.headers.get("content-type"),
    )
    assert ours.headers["accept"] == public.headers["accept"]


@pytest.mark.parametrize("scheme", ["https", "HTTPS"])
@pytest.mark.parametrize(
    ("method", "endpoint", "params", "body"),
    [*CALLS, ("DELETE", "webhooks/7", {"force": "true"}, None)],
)
def test_sends_basic_over_https_and_no_secret_in_the_address(
    monkeypatch: pytest.MonkeyPatch,
    client: MakeClient,
    method: str,
    endpoint: str,
    params: dict[str, str] | None,
    body: object,
    scheme: str,
) -> None:
    prepared: list[requests.PreparedRequest] = []

    def send(_: object, request: requests.PreparedRequest, **__: object) -> requests.Response:
        prepared.append(request)
        answer = requests.Response()
        answer.status_code, answer.raw = 200, BytesIO(b"{}")
        return answer

    monkeypatch.setattr(requests.adapters.HTTPAdapter, "send", send)
    client(f"{scheme}://shop.example.test").call(method, endpoint, params=params, body=body)
    _by_public_client(
        API("https://shop.example.test", "ck_test", "cs_test"), method, endpoint, params, body
    )
    ours, public = prepared
    basic = base64.b64encode(b"ck_test:cs_test").decode()
    assert ours.headers["Authorization"] == public.headers["Authorization"] == f"Basic {basic}"
    assert (ours.method, re.sub(r"[?&]_=\w+", "", str(ours.url))) == (public.method, public.url)
    assert "oauth" not in str(ours.url)
    assert "cs_test" not in str(ours.url)


def test_the_store_accepts_its_signatures(store: SandboxStore, client_of: MakeClient) -> None:
    order = store.place_order(set_paid=True)["id"]
    made = client_of()
    assert made.read("order", order, fields="id,status") == {"id": order, "status": "completed"}
    assert (
        made.call(
            "GET", "orders", params={"status": "any,trash", "search": "a b ø&c", "_fields": "id"}
        )
        is not None
    )
    made.call(
        "PUT",
        f"orders/{order}",
        body={"meta_data": [{"key": "retention_class", "value": "ø / & %"}]},
    )
    made.call("POST", "orders/batch", body={})
    assert store.shop.order(order).meta.get("retention_class") == "ø / & %"


def test_several_calls_use_one_connection(script: ScriptedServer, client: MakeClient) -> None:
    made = client(script.url)
    for method, endpoint, params, body in CALLS:
        made.call(method, endpoint, params=params, body=body)
    assert (len(script.requests), script.connections) == (len(CALLS), 1)


def test_a_connection_is_kept_after_an_error(script: ScriptedServer, client: MakeClient) -> None:
    made = client(script.url)
    script.always(Answer.of({"code": "internal_server_error"}, 500))
    for _ in range(3):
        with pytest.raises(StoreUnreachableError):
            made.call("GET", "orders")
    assert script.connections == 1


def test_a_connection_that_the_store_closed_is_reopened(
    script: ScriptedServer, client: MakeClient
) -> None:
    made = client(script.url)
    script.always(Answer(hangs_up=True))
    for number in (1, 2, 3):
        assert made.call("GET", "orders") == {}
        until(lambda: script.closed == number, "the store to hang up")  # noqa: B023 - waited for within the round
    assert script.connections == 3


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("method", ["GET", "PUT", "POST"])
def test_follows_no_redirect(
    script: ScriptedServer, client: MakeClient, method: str, status: int
) -> None:
    script.always(Answer.of({}, status, Location=f"{script.url}/elsewhere"))
    with pytest.raises(StoreMisconfiguredError) as caught:
        client(script.url).call(method, "orders/7", body={} if method != "GET" else None)
    assert caught.value.code == "redirected"
    assert len(script.requests) == 1


PAGE = b"<!DOCTYPE html><html><body>Something else answers here.</body></html>"


def _page(status: int) -> Answer:
    return Answer(status, PAGE, {"Content-Type": "text/html"})


def _error(code: str, status: int) -> Answer:
    return Answer.of({"code": code, "message": "…", "data": {"status": status}}, status)


FAILURES = [
    # the API refuses this one request
    (_error("rest_invalid_param", 400), RecordRefusedError, "refused"),
    # a missing order, on PUT
    (_error("woocommerce_rest_shop_order_invalid_id", 400), RecordGoneError, "gone"),
    # the key is wrong, or may not write
    (
        _error("woocommerce_rest_authentication_error", 401),
        CredentialsRefusedError,
        "credentials-refused",
    ),
    # the user behind the key lost a right
    (_error("woocommerce_rest_cannot_view", 403), CredentialsRefusedError, "credentials-refused"),
    # a firewall in front of the store, which may be gone in a minute
    (_page(403), StoreUnreachableError, "not-the-api"),
    (_page(401), StoreUnreachableError, "not-the-api"),
    # a missing order, on GET
    (_error("woocommerce_rest_shop_order_invalid_id", 404), RecordGoneError, "gone"),
    # a missing customer
    (_error("wc_user_invalid_id", 404), RecordGoneError, "gone"),
    # WooCommerce is switched off: WordPress answers, but not for this route; nothing is gone
    (_error("rest_no_route", 404), StoreMisconfiguredError, "no-such-route"),
    # not WordPress at all; nothing is gone
    (_page(404), StoreMisconfiguredError, "no-rest-api"),
    # the API's own limit, and that of a proxy in front of it
    (_error("woocommerce_rest_request_entity_too_large", 413), RequestTooLargeError, "too-large"),
    (_page(413), RequestTooLargeError, "too-large"),
    (_error("too_many", 429), StoreBusyError, "busy"),
    (_page(429), StoreBusyError, "busy"),
    (_error("internal_server_error", 500), StoreUnreachableError, "server-error"),
    (_page(502), StoreUnreachableError, "server-error"),
    # maintenance mode
    (_page(503), StoreBusyError, "busy"),
    # an error that is no object
    (Answer.of(["woocommerce_rest_cannot_view"], 400), StoreUnreachableError, "not-the-api"),
    # success, says a page of another program
    (_page(200), StoreUnreachableError, "not-json"),
    # success, says an empty body
    (Answer(200, b""), StoreUnreachableError, "not-json"),
    # a list in place of an object
    (Answer.of([{"id": 7}]), StoreUnreachableError, "not-json"),
    (Answer.of("7"), StoreUnreachableError, "not-json"),
    # so deep that the parser gives up
    (Answer(200, b"[" * 100_000), StoreUnreachableError, "not-json"),
]


@pytest.mark.parametrize(("answer", "kind", "code"), FAILURES)
def test_tells_each_failure_apart(
    script: ScriptedServer, client: MakeClient, answer: Answer, kind: type[StoreError], code: str
) -> None:
    script.always(answer)
    with pytest.raises(StoreError) as caught:
        client(script.url).read("order", 7, fields="id")
    assert (type(caught.value), caught.value.code) == (kind, code)


def test_an_object_in_place_of_a_list_of_refunds_is_a_failure(
    script: ScriptedServer, client: MakeClient
) -> None:
    script.always(Answer.of({"id": 7}))
    with pytest.raises(StoreUnreachableError):
        client(script.url).refunds(7)


FAULTS = [
    ("500", StoreUnreachableError, "server-error"),
    ("429", StoreBusyError, "busy"),
    ("503", StoreBusyError, "busy"),
    ("html", StoreUnreachableError, "not-json"),
    ("reset", StoreUnreachableError, "unreachable"),
    ("half", StoreUnreachableError, "unreachable"),
    ("hang", StoreUnreachableError, "unreachable"),
]


@pytest.mark.parametrize(("fault", "kind", "code"), FAULTS)
@pytest.mark.parametrize("writing", [False, True])
def test_tells_each_network_failure_apart(
    monkeypatch: pytest.MonkeyPatch,
    store: SandboxStore,
    client_of: MakeClient,
    fault: str,
    kind: type[StoreError],
    code: str,
    writing: bool,
) -> None:
    order = store.place_order()["id"]
    made = client_of()
    store.add_fault(fault, seconds=30)
    if fault == "hang":
        monkeypatch.setattr(session_module, "TIMEOUT_SECONDS", (5, 0.2))
    with pytest.raises(StoreError) as caught:
        made.write_meta("order", {order: META}) if writing else made.read(
            "order", order, fields="id"
        )
    assert (type(caught.value), caught.value.code) == (kind, code)
    assert caught.value.whole_store
    assert not caught.value.permanent
    monkeypatch.undo()
    assert made.read("order", order, fields="id") == {"id": order}


def test_a_missing_store_is_unreachable(client: MakeClient) -> None:
    with pytest.raises(StoreUnreachableError) as caught:
        client(f"http://127.0.0.1:{free_port()}").call("GET", "orders")
    assert caught.value.code == "unreachable"


RETRY_AFTER = [
    # seconds
    ("120", timedelta(seconds=120)),
    (" 7 ", timedelta(seconds=7)),
    ("0", timedelta(0)),
    # more than a day is not believed
    ("99999999", timedelta(days=1)),
    ("Fri, 31 Dec 9999 23:59:59 GMT", timedelta(days=1)),
    # a date that is past
    ("Sun, 22 Nov 2020 11:00:00 GMT", timedelta(0)),
    # neither
    ("soon", None),
    ("-5", None),
    ("", None),
    ("²", None),
]


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize(("value", "expected"), RETRY_AFTER)
def test_reads_a_retry_after_in_seconds(
    script: ScriptedServer, client: MakeClient, status: int, value: str, expected: timedelta | None
) -> None:
    script.always(Answer.of({}, status, Retry_After=value))
    with pytest.raises(StoreBusyError) as caught:
        client(script.url).call("GET", "orders")
    assert caught.value.retry_after == expected


def test_reads_a_retry_after_date(script: ScriptedServer, client: MakeClient) -> None:
    then = format_datetime(datetime.now(UTC) + timedelta(hours=2), usegmt=True)
    script.always(Answer.of({}, 503, Retry_After=then))
    with pytest.raises(StoreBusyError) as caught:
        client(script.url).call("GET", "orders")
    assert caught.value.retry_after is not None
    assert timedelta(hours=1) < caught.value.retry_after <= timedelta(hours=2)


def test_without_retry_after_there_is_no_time_to_wait(
    script: ScriptedServer, client: MakeClient
) -> None:
    script.always(_page(503))
    with pytest.raises(StoreBusyError) as caught:
        client(script.url).call("GET", "orders")
    assert caught.value.retry_after is None


def test_no_failure_repeats_text_of_the_store(script: ScriptedServer, client: MakeClient) -> None:
    canary = "canary@example.test"
    for status in (200, 302, 400, 401, 403, 404, 413, 429, 500, 503):
        script.always(
            Answer.of(
                {"code": canary, "message": canary}, status, Location=f"/{canary}", X_Canary=canary
            )
        )
        with pytest.raises(StoreError) as caught:
            client(script.url).call("GET", "orders/1") if status != 200 else client(
                script.url
            ).refunds(1)
        assert canary not in str(caught.value)


# Writing


@pytest.mark.parametrize("kind", ["order", "customer"])
def test_an_error_inside_a_batch_is_of_its_record_alone(
    store: SandboxStore, client_of: MakeClient, kind: RecordKind
) -> None:
    if kind == "order":
        there = [store.place_order()["id"] for _ in range(2)]
    else:
        there = [store.sign_up(email=f"{name}@example.test")["id"] for name in "ab"]
    outcomes = client_of().write_meta(kind, {there[0]: META, 999: META, there[1]: META})
    assert outcomes.keys() == {*there, 999}
    assert isinstance(outcomes[999], RecordGoneError)
    for number in there:
        outcome = outcomes[number]
        assert isinstance(outcome, dict)
        shown = {item["key"]: item["value"] for item in outcome["meta_data"]}
        assert META.items() <= shown.items()
    assert len(store.log.requests) == 1


@pytest.mark.parametrize("kind", ["order", "customer"])
def test_a_single_record_is_written_alone_and_may_be_gone(
    store: SandboxStore, client_of: MakeClient, kind: RecordKind
) -> None:
    outcomes = client_of().write_meta(kind, {999: META})
    assert isinstance(outcomes[999], RecordGoneError)
    assert [entry.method for entry in store.log.requests] == ["POST"]


def test_writes_meta_data_and_nothing_else(script: ScriptedServer, client: MakeClient) -> None:
    def answer(asked: ReceivedRequest) -> Answer:
        items = asked.json["update"] if asked.path.endswith("batch") else [{"id": 1}]
        return Answer.of({"update": items} if asked.path.endswith("batch") else items[0])

    script.answer = answer
    client(script.url).write_meta("order", {1: {"retention_class": "a", "retention_policy": None}})
    client(script.url).write_meta(
        "customer", {1: {"retention_class": "a"}, 2: {"retention_class": "b"}}
    )
    single, batch = script.requests
    meta = [{"key": "retention_class", "value": "a"}, {"key": "retention_policy", "value": None}]
    assert single.json == {"meta_data": meta}
    assert batch.json == {
        "update": [
            {"id": 1, "meta_data": [{"key": "retention_class", "value": "a"}]},
            {"id": 2, "meta_data": [{"key": "retention_class", "value": "b"}]},
        ]
    }


def test_no_write_makes_the_store_recalculate_totals(
    store: SandboxStore, client_of: MakeClient
) -> None:
    orders = [store.place_order()["id"] for _ in range(3)]
    client_of().write_meta("order", dict.fromkeys(orders, META))
    assert [store.shop.order(order).recalculated for order in orders] == [0, 0, 0]


def test_a_full_batch_is_one_request(store: SandboxStore, client_of: MakeClient) -> None:
    orders = [store.place_order()["id"] for _ in range(BATCH_LIMIT)]
    outcomes = client_of().write_meta("order", dict.fromkeys(orders, META))
    assert all(isinstance(outcome, dict) for outcome in outcomes.values())
    assert len(store.log.requests) == 1
    assert [len(store.log.writes("order", order)) for order in orders] == [1] * BATCH_LIMIT


def test_a_batch_that_is_too_large_is_split(store: SandboxStore, client_of: MakeClient) -> None:
    orders = [store.place_order()["id"] for _ in range(BATCH_LIMIT + 50)]
    outcomes = client_of().write_meta("order", dict.fromkeys(orders, META))
    assert all(isinstance(outcome, dict) for outcome in outcomes.values())
    assert [entry.status for entry in store.log.requests] == [413, 200, 200]
    assert [len(store.log.writes("order", order)) for order in orders] == [1] * len(orders)


def _limited(limit: int, too_large: Answer) -> Callable[[ReceivedRequest], Answer]:
    def answer(asked: ReceivedRequest) -> Answer:
        if not asked.path.endswith("batch"):
            return Answer.of({"id": int(asked.path.rpartition("/")[2])})
        items = asked.json["update"]
        return too_large if len(items) > limit else Answer.of({"update": items})

    return answer


@pytest.mark.parametrize(
    "too_large", [_error("woocommerce_rest_request_entity_too_large", 413), _page(413)]
)
def test_a_batch_is_split_until_it_is_accepted(
    script: ScriptedServer, client: MakeClient, too_large: Answer
) -> None:
    """The limit may be of a proxy in front of the store, which answers in words of its own."""
    script.answer = _limited(3, too_large)
    outcomes = client(script.url).write_meta("order", dict.fromkeys(range(1, 11), META))
    assert sorted(
        number for number, outcome in outcomes.items() if isinstance(outcome, dict)
    ) == list(range(1, 11))


def test_the_record_that_makes_the_store_refuse_a_batch_is_found(
    script: ScriptedServer, client: MakeClient
) -> None:
    def answer(asked: ReceivedRequest) -> Answer:
        batch = asked.path.endswith("batch")
        items = asked.json["update"] if batch else [{"id": int(asked.path.rpartition("/")[2])}]
        if any(item["id"] == 3 for item in items):
            return _error("rest_invalid_param", 400)
        return Answer.of({"update": items} if batch else items[0])

    script.answer = answer
    outcomes = client(script.url).write_meta("order", dict.fromkeys(range(1, 9), META))
    refused = [
        number for number, outcome in outcomes.items() if isinstance(outcome, RecordRefusedError)
    ]
    assert (len(outcomes), refused) == (8, [3])


HALF_ANSWERS = [
    # one of the two is left out
    ({"update": [{"id": 1}]}, {1}),
    # one bears no id, or none that is one
    ({"update": [{"id": 1}, {"meta_data": []}]}, {1}),
    ({"update": [{"id": 1}, {"id": None}]}, {1}),
    ({"update": [{"id": 1}, {"id": "two"}]}, {1}),
    ({"update": [{"id": 1}, {"id": [2]}]}, {1}),
    # one that was not asked for
    ({"update": [{"id": 1}, {"id": 3}]}, {1}),
]


@pytest.mark.parametrize(("body", "written"), HALF_ANSWERS)
def test_a_record_missing_in_a_batch_answer_is_not_written(
    script: ScriptedServer, client: MakeClient, body: object, written: set[int]
) -> None:
    script.always(Answer.of(body))
    outcomes = client(script.url).write_meta("order", {1: META, 2: META})
    assert outcomes.keys() == {1, 2}
    assert {number for number, outcome in outcomes.items() if isinstance(outcome, dict)} == written
    assert isinstance(outcomes[2], StoreUnreachableError)


@pytest.mark.parametrize("body", [{}, {"update": {}}, {"update": [1, 2]}, [], None])
def test_a_malformed_answer_to_a_batch_is_a_failure(
    script: ScriptedServer, client: MakeClient, body: object
) -> None:
    script.always(Answer.of(body))
    with pytest.raises(StoreUnreachableError):
        client(script.url).write_meta("order", {1: META, 2: META})


ITEM_ERRORS = [
    # a missing order
    ({"code": "woocommerce_rest_shop_order_invalid_id", "data": {"status": 400}}, RecordGoneError),
    # a plugin refuses
    ({"code": "some_plugin_refuses", "data": {"status": 400}}, RecordRefusedError),
    # no status at all
    ({"code": "some_plugin_refuses"}, RecordRefusedError),
    ({"code": "some_plugin_refuses", "data": None}, RecordRefusedError),
    # the store failed over this one
    ({"code": "internal_error", "data": {"status": 500}}, StoreUnreachableError),
    # no code at all
    ({}, StoreError),
]


@pytest.mark.parametrize(("error", "kind"), ITEM_ERRORS)
def test_tells_errors_of_batch_items_apart(
    script: ScriptedServer, client: MakeClient, error: dict[str, Any], kind: type[StoreError]
) -> None:
    script.always(Answer.of({"update": [{"id": 1}, {"id": 2, "error": error}]}))
    outcomes = client(script.url).write_meta("order", {1: META, 2: META})
    assert outcomes[1] == {"id": 1}
    assert isinstance(outcomes[2], kind)


def test_a_shop_managers_key_writes_customers_one_by_one(
    store: SandboxStore, client_of: MakeClient
) -> None:
    customers = [store.sign_up(email=f"{name}@example.test")["id"] for name in "abc"]
    made = client_of("shop_manager")
    for _ in range(2):
        outcomes = made.write_meta("customer", dict.fromkeys(customers, META))
        assert all(
            isinstance(outcome, dict) and "meta_data" not in outcome
            for outcome in outcomes.values()
        )
    methods = [(entry.method, entry.status) for entry in store.log.requests]
    assert methods == [("POST", 403), *[("POST", 200)] * 6]
    assert all(store.shop.customer(number).meta.get("retention_class") for number in customers)


def test_a_shop_managers_key_writes_orders_in_batches(
    store: SandboxStore, client_of: MakeClient
) -> None:
    orders = [store.place_order()["id"] for _ in range(3)]
    customers = [store.sign_up(email=f"{name}@example.test")["id"] for name in "ab"]
    made = client_of("shop_manager")
    made.write_meta("customer", dict.fromkeys(customers, META))
    store.log.clear()
    made.write_meta("order", dict.fromkeys(orders, META))
    assert [(entry.method, entry.status) for entry in store.log.requests] == [("POST", 200)]


def test_a_gone_customer_does_not_stop_the_single_writes(
    store: SandboxStore, client_of: MakeClient
) -> None:
    customers = [store.sign_up(email=f"{name}@example.test")["id"] for name in "ab"]
    outcomes = client_of("shop_manager").write_meta(
        "customer", {customers[0]: META, 999: META, customers[1]: META}
    )
    assert isinstance(outcomes[999], RecordGoneError)
    assert all(isinstance(outcomes[number], dict) for number in customers)


@pytest.mark.parametrize("kind", ["order", "customer"])
@pytest.mark.parametrize("number", [1, 2])
def test_a_read_only_key_reads_and_is_refused_every_write(
    store: SandboxStore, client_of: MakeClient, kind: RecordKind, number: int
) -> None:
    made = client_of("administrator", "read")
    if kind == "order":
        there = [store.place_order()["id"] for _ in range(number)]
    else:
        there = [store.sign_up(email=f"{place}@example.test")["id"] for place in range(number)]
    assert made.read(kind, there[0], fields="id") == {"id": there[0]}
    with pytest.raises(CredentialsRefusedError) as caught:
        made.write_meta(kind, dict.fromkeys(there, META))
    assert (caught.value.permanent, caught.value.whole_store) == (True, True)


def test_a_wrong_secret_is_refused_everywhere(store: SandboxStore, client: MakeClient) -> None:
    key = store.create_key()["consumer_key"]
    order = store.place_order()["id"]
    made = client(store.url, key, "cs_wrong")
    with pytest.raises(CredentialsRefusedError):
        made.read("order", order, fields="id")
    with pytest.raises(CredentialsRefusedError):
        made.write_meta("order", {order: META})


def test_a_failure_during_single_writes_loses_no_finished_write(
    store: SandboxStore, client_of: MakeClient
) -> None:
    first, second, third = [
        int(store.sign_up(email=f"{name}@example.test")["id"]) for name in "abc"
    ]
    store.add_fault("500", path=f"/wp-json/wc/v3/customers/{second}")
    outcomes = client_of("shop_manager").write_meta(
        "customer", dict.fromkeys((first, second, third), META)
    )
    written, failed, left = (outcomes[number] for number in (first, second, third))
    assert isinstance(written, dict)
    assert written["id"] == first
    assert isinstance(failed, NotWritten)
    assert isinstance(failed.error, StoreUnreachableError)
    assert left == failed  # it was not tried: the store is to be left alone
    assert store.log.writes("customer", third) == []


def test_a_failure_at_the_first_single_write_is_of_its_record(
    store: SandboxStore, client_of: MakeClient
) -> None:
    """The record must not hold up the others for ever. The others are not tried now, as the store may be at fault."""
    first, second, third = [
        int(store.sign_up(email=f"{name}@example.test")["id"]) for name in "abc"
    ]
    made = client_of("shop_manager")
    made.write_meta(
        "customer", dict.fromkeys((second, third), META)
    )  # now it knows that there are no batches
    store.add_fault("500", path=f"/wp-json/wc/v3/customers/{first}", times=2)
    outcomes = made.write_meta(
        "customer", {number: {"retention_class": "x"} for number in (first, second)}
    )
    assert isinstance(outcomes[first], StoreUnreachableError)
    assert isinstance(outcomes[second], NotWritten)
    assert len(store.log.writes("customer", second)) == 1
    with pytest.raises(StoreUnreachableError):
        made.write_meta("customer", {first: META})


def test_reads_a_trashed_order_and_the_dates_of_refunds(
    store: SandboxStore, client_of: MakeClient
) -> None:
    order = store.place_order(set_paid=True, line_items=[{"product_id": 11, "quantity": 2}])["id"]
    refund = store.refund_order(order, "10.00")["id"]
    store.trash_order(order)
    made = client_of()
    assert made.read("order", order, fields="status") == {"status": "trash"}
    assert made.refunds(order) == [{"id": refund, "date_created_gmt": "2026-11-22T11:00:00"}]
