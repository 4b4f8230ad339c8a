"""The client's lists, its calls on webhooks, and the rate limit's view of each call."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest
from requests import ConnectionError as NoConnectionError
from requests import ConnectTimeout, ReadTimeout
from urllib3.exceptions import ReadTimeoutError

from deploy.sandbox import SandboxStore
from hooks.errors import (
    CredentialsRefusedError,
    LedgerUnavailableError,
    RecordGoneError,
    StoreError,
    StoreUnreachableError,
)
from hooks.retention.facts import RecordKind
from hooks.settings import StoreSettings
from hooks.store import session as session_module
from hooks.store.client import LIST_LIMIT, SINGLE_WRITES, StoreClient
from hooks.store.failures import http_date
from hooks.store.rate import CallOutcome, outcome_of
from tests.integration.harness import NOON
from tests.integration.scripted_server import Answer, ScriptedServer
from tests.support.processes import free_port

MakeClient = Callable[..., StoreClient]
META = {"retention_class": "orders-accounting"}


# Lists


def test_a_list_has_its_total_and_the_stores_time(
    store: SandboxStore, client_of: MakeClient
) -> None:
    orders = [store.place_order()["id"] for _ in range(3)]
    listing = client_of().list_page(
        "orders", {"per_page": "2", "orderby": "id", "order": "asc", "_fields": "id"}
    )
    assert (listing.rows, listing.total) == ([{"id": orders[0]}, {"id": orders[1]}], 3)
    assert (listing.store_time, store.clock.now()) == (NOON, NOON)
    assert client_of().list_page("orders", {"status": "trash", "_fields": "id"}).rows == []


TOTALS = [
    ("0", 0),
    ("12", 12),
    (" 12", 12),
    # what no list can have
    ("-1", None),
    ("1.5", None),
    ("many", None),
    ("", None),
    ("²", None),
    ("9" * 30, None),
    ("9" * 5000, None),
]


@pytest.mark.parametrize(("value", "total"), TOTALS)
def test_a_total_that_is_no_number_is_ignored(
    script: ScriptedServer, client: MakeClient, value: str, total: int | None
) -> None:
    script.always(Answer(200, b"[]", {"X-WP-Total": value}))
    assert client(script.url).list_page("orders", {}).total == total


DATES = [
    ("Sun, 22 Nov 2026 11:00:00 GMT", datetime(2026, 11, 22, 11, tzinfo=UTC)),
    # another zone, and none
    ("Sun, 22 Nov 2026 12:00:00 +0100", datetime(2026, 11, 22, 11, tzinfo=UTC)),
    ("Sun, 22 Nov 2026 11:00:00 -0000", datetime(2026, 11, 22, 11, tzinfo=UTC)),
    # none at all
    ("", None),
    ("today", None),
    ("Sun, 32 Nov 2026 11:00:00 GMT", None),
    ("Sun, 22 Nov 99999999999999999999 11:00:00 GMT", None),
    ("Fri, 31 Dec 9999 23:59:59 -2300", None),
    ("Sun, 22 Nov 2026 11:00:00 +999999", None),
]


@pytest.mark.parametrize(("value", "moment"), DATES)
def test_a_malformed_date_is_ignored(value: str, moment: datetime | None) -> None:
    assert http_date(value) == moment


def test_a_list_without_headers_is_accepted(script: ScriptedServer, client: MakeClient) -> None:
    script.always(Answer(200, b'[{"id": 1}]'))
    listing = client(script.url).list_page("orders", {})
    assert (listing.rows, listing.total) == ([{"id": 1}], None)
    assert http_date(None) is None


@pytest.mark.parametrize("body", [{}, {"orders": []}, [1], [None], "[]", None])
def test_an_answer_that_is_no_list_of_records_is_a_failure(
    script: ScriptedServer, client: MakeClient, body: object
) -> None:
    script.always(Answer.of(body))
    with pytest.raises(StoreUnreachableError):
        client(script.url).list_page("orders", {})
    with pytest.raises(StoreUnreachableError):
        client(script.url).read_many("order", [1], fields="id")


def test_many_orders_are_read_in_one_call(store: SandboxStore, client_of: MakeClient) -> None:
    orders = [store.place_order(set_paid=place % 2 == 0)["id"] for place in range(LIST_LIMIT)]
    read = client_of().read_many("order", orders, fields="id,status")
    assert sorted(read) == orders
    assert read[orders[0]] == {"id": orders[0], "status": store.shop.order(orders[0]).status}
    assert len(store.log.requests) == 1


def test_customers_of_any_role_are_read_in_one_call(
    store: SandboxStore, client_of: MakeClient
) -> None:
    kari = store.sign_up(email="kari@example.test")["id"]
    boss = store.make_account("boss@example.test", role="shop_manager")["id"]
    assert client_of().read_many("customer", [boss, kari], fields="id,role") == {
        kari: {"id": kari, "role": "customer"},
        boss: {"id": boss, "role": "shop_manager"},
    }
    assert len(store.log.requests) == 1


def test_missing_records_are_left_out(store: SandboxStore, client_of: MakeClient) -> None:
    there, trashed = store.place_order()["id"], store.place_order()["id"]
    store.trash_order(trashed)
    made = client_of()
    assert made.read_many("order", {there, trashed, 999}, fields="id") == {there: {"id": there}}
    assert made.read_many("order", [999], fields="id") == {}
    assert made.read_many("customer", [999], fields="id") == {}


def test_no_ids_send_no_request_and_no_more_than_a_list_is_read(
    script: ScriptedServer, client: MakeClient
) -> None:
    assert client(script.url).read_many("order", [], fields="id") == {}
    with pytest.raises(ValueError, match="at most 100"):
        client(script.url).read_many("order", range(1, LIST_LIMIT + 2), fields="id")
    assert script.requests == []


def test_records_that_were_not_requested_are_dropped(
    script: ScriptedServer, client: MakeClient
) -> None:
    rows: list[dict[str, Any]] = [
        {"id": 1},
        {"id": "2", "n": 2},
        {"id": 3},
        {"id": True},
        {"id": None},
        {"id": [1]},
        {},
    ]
    script.always(Answer.of(rows))
    read = client(script.url).read_many("order", [1, 2], fields="id,n")
    assert read == {1: {"id": 1}, 2: {"id": "2", "n": 2}}


# Webhooks


def test_a_webhook_is_created_changed_and_deleted(
    store: SandboxStore, client_of: MakeClient
) -> None:
    made = client_of()
    body = {
        "name": "ø",
        "topic": "order.created",
        "delivery_url": f"http://127.0.0.1:{free_port()}/",
        "secret": "s",
    }
    webhook = made.create("webhooks", body)
    assert (webhook["name"], webhook["topic"], webhook["status"]) == (
        "ø",
        "order.created",
        "active",
    )
    place = f"webhooks/{webhook['id']}"
    assert made.change(place, {"status": "paused"})["status"] == "paused"
    assert [hook["status"] for hook in made.list_page("webhooks", {}).rows] == ["paused"]
    assert made.delete(place, {"force": "true"})["id"] == webhook["id"]
    assert made.list_page("webhooks", {}).rows == []
    with pytest.raises(RecordGoneError):
        made.delete(place, {"force": "true"})
    with pytest.raises(RecordGoneError):
        made.change(place, {"status": "active"})


@pytest.mark.parametrize("role", ["administrator", "shop_manager"])
def test_a_read_only_key_creates_no_webhook(
    store: SandboxStore, client_of: MakeClient, role: str
) -> None:
    with pytest.raises(CredentialsRefusedError):
        client_of(role, "read").create(
            "webhooks", {"topic": "order.created", "delivery_url": store.url}
        )
    assert store.webhooks.all() == []


# The pace


@dataclass
class RecordingPace:
    """A pace that lets every call go at once, and records its calls in order."""

    told: list[str] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    away: bool = False

    def wait(self) -> None:
        if self.away:
            raise LedgerUnavailableError("away")
        self.told.append("wait")

    def observe(self, call: str, seconds: float, outcome: CallOutcome) -> None:
        self.told.append(f"{call} {outcome}")
        self.seconds.append(seconds)


@pytest.fixture
def pace() -> RecordingPace:
    return RecordingPace()


@pytest.fixture
def paced(client: MakeClient, pace: RecordingPace) -> MakeClient:
    """Make clients that use the pace."""

    def make(*reach: str) -> StoreClient:
        made = client(*reach)
        made._pace = pace
        return made

    return make


def test_a_client_uses_its_pace(pace: RecordingPace) -> None:
    reach = StoreSettings(
        "shop", f"http://127.0.0.1:{free_port()}", "ck_test", "cs_test", ("secret",)
    )
    made = StoreClient(reach, pace)
    with pytest.raises(StoreUnreachableError):
        made.read("order", 1, fields="id")
    made._api.session.close()
    assert pace.told == ["wait", "read-orders other"]


def _batch(number: int) -> dict[str, object]:
    return {"update": [{"id": place} for place in range(number)]}


NAMES: list[tuple[str, str, dict[str, str], object, str]] = [
    ("GET", "orders/7", {}, None, "read-orders"),
    ("GET", "orders/7/refunds", {"per_page": "100"}, None, "read-orders"),
    ("GET", "customers/7", {}, None, "read-customers"),
    # lists by how many they give at most, which their own count says
    ("GET", "orders", {"per_page": "100"}, None, "list-orders-100"),
    ("GET", "customers", {}, None, "list-customers-10"),
    ("GET", "webhooks", {"per_page": "1"}, None, "list-webhooks-1"),
    ("GET", "orders", {"per_page": "100", "total": "0"}, None, "list-orders-1"),
    ("GET", "orders", {"per_page": "100", "total": "10"}, None, "list-orders-10"),
    ("GET", "orders", {"per_page": "100", "total": "11"}, None, "list-orders-100"),
    ("GET", "orders", {"per_page": "2", "total": "5000"}, None, "list-orders-10"),
    # writes by how many they write
    ("PUT", "orders/7", {}, {"meta_data": []}, "write-orders-1"),
    ("POST", "orders/batch", {}, {}, "write-orders-1"),
    ("POST", "orders/batch", {}, _batch(1), "write-orders-1"),
    ("POST", "orders/batch", {}, _batch(10), "write-orders-10"),
    ("POST", "customers/batch", {}, _batch(11), "write-customers-100"),
    ("POST", "webhooks", {}, {"topic": "order.created"}, "write-webhooks-1"),
]


@pytest.mark.parametrize(("method", "endpoint", "params", "body", "name"), NAMES)
def test_calls_are_named_by_their_cost(
    script: ScriptedServer,
    paced: MakeClient,
    pace: RecordingPace,
    method: str,
    endpoint: str,
    params: dict[str, str],
    body: object,
    name: str,
) -> None:
    total = {"X-WP-Total": params["total"]} if "total" in params else {}
    script.always(Answer(200, b"{}", total))
    paced(script.url).call(method, endpoint, params=params, body=body)
    assert pace.told == ["wait", f"{name} answered"]
    assert pace.seconds[0] > 0


OUTCOMES = [
    (200, CallOutcome.ANSWERED),
    (201, CallOutcome.ANSWERED),
    # the store asks to be left alone
    (429, CallOutcome.BUSY),
    (503, CallOutcome.BUSY),
    # something before the store gave up waiting for it
    (504, CallOutcome.TIMED_OUT),
    (524, CallOutcome.TIMED_OUT),
    # what tells nothing of its load
    (301, CallOutcome.OTHER),
    (401, CallOutcome.OTHER),
    (404, CallOutcome.OTHER),
    (500, CallOutcome.OTHER),
]


@pytest.mark.parametrize(("status", "outcome"), OUTCOMES)
def test_the_pace_observes_each_call(
    script: ScriptedServer,
    paced: MakeClient,
    pace: RecordingPace,
    status: int,
    outcome: CallOutcome,
) -> None:
    script.always(Answer.of({}, status))
    try:
        paced(script.url).call("GET", "orders/7")
    except StoreError:
        assert status >= 300
    assert pace.told == ["wait", f"read-orders {outcome}"]


FAULTS = [
    ("hang", CallOutcome.TIMED_OUT),
    ("reset", CallOutcome.OTHER),
    ("half", CallOutcome.OTHER),
    ("html", CallOutcome.ANSWERED),
]


@pytest.mark.parametrize(("fault", "outcome"), FAULTS)
def test_the_pace_observes_calls_without_an_answer(
    monkeypatch: pytest.MonkeyPatch,
    store: SandboxStore,
    paced: MakeClient,
    pace: RecordingPace,
    fault: str,
    outcome: CallOutcome,
) -> None:
    key = store.create_key()
    store.add_fault(fault, seconds=30)
    if fault == "hang":
        monkeypatch.setattr(session_module, "TIMEOUT_SECONDS", (5, 0.2))
    with pytest.raises(StoreUnreachableError):
        paced(store.url, key["consumer_key"], key["consumer_secret"]).read("order", 7, fields="id")
    assert pace.told == ["wait", f"read-orders {outcome}"]


def test_every_kind_of_timeout_is_recognised() -> None:
    within = NoConnectionError(ReadTimeoutError(None, "/", "in the midst of the body"))  # type: ignore[arg-type]
    assert {outcome_of(error) for error in (ReadTimeout(), ConnectTimeout(), within)} == {
        CallOutcome.TIMED_OUT
    }
    assert {
        outcome_of(error) for error in (NoConnectionError(), NoConnectionError("reset"), None)
    } == {CallOutcome.OTHER}


def test_no_request_is_sent_before_its_turn(
    script: ScriptedServer, paced: MakeClient, pace: RecordingPace
) -> None:
    pace.away = True
    with pytest.raises(LedgerUnavailableError):
        paced(script.url).write_meta("order", {1: META, 2: META})
    assert (script.requests, pace.told) == ([], [])


@pytest.mark.parametrize("kind", ["order", "customer"])
def test_each_request_of_a_write_waits_for_its_own_turn(
    store: SandboxStore, paced: MakeClient, pace: RecordingPace, kind: RecordKind
) -> None:
    """A shop manager's key may not batch customers. The refused batch and each single write are calls."""
    key = store.create_key("shop_manager")
    ids = [
        int(
            store.place_order()["id"]
            if kind == "order"
            else store.sign_up(email=f"{name}@example.test")["id"]
        )
        for name in "abc"
    ]
    paced(store.url, key["consumer_key"], key["consumer_secret"]).write_meta(
        kind, dict.fromkeys(ids, META)
    )
    assert pace.told.count("wait") == len(store.log.requests) == (1 if kind == "order" else 4)
    assert pace.told[::2] == ["wait"] * len(store.log.requests)


# Single writes


def test_single_writes_stop_at_the_limit_of_one_turn(
    store: SandboxStore, client_of: MakeClient
) -> None:
    customers = [
        int(store.sign_up(email=f"{place}@example.test")["id"])
        for place in range(SINGLE_WRITES + 2)
    ]
    made = client_of("shop_manager")
    assert made.write_limit("customer") > SINGLE_WRITES
    first = made.write_meta("customer", dict.fromkeys(customers, META))
    assert list(first) == customers[:SINGLE_WRITES]
    assert made.write_limit("customer") == SINGLE_WRITES
    assert made.write_limit("order") > SINGLE_WRITES
    assert (
        list(made.write_meta("customer", dict.fromkeys(customers[SINGLE_WRITES:], META)))
        == customers[SINGLE_WRITES:]
    )
    assert [len(store.log.writes("customer", number)) for number in customers] == [1] * len(
        customers
    )
