"""A store that is slow, is down for longer, or gives wrong answers with status 200."""

import time
from typing import Any

import pytest
import requests

from deploy.sandbox import SandboxStore
from tests.support.processes import until

ORDERS = "/wp-json/wc/v3/orders"
BY_ID = {"orderby": "id", "order": "asc"}


def _ids(answer: Any) -> list[int]:
    assert answer.status_code == 200, answer.text
    return [record["id"] for record in answer.json()]


def _counts(answer: Any) -> tuple[str | None, str | None]:
    return answer.headers.get("X-WP-Total"), answer.headers.get("X-WP-TotalPages")


@pytest.mark.parametrize("times", [0, None])
def test_a_fault_may_last_until_it_is_cleared(
    api: Any, store: SandboxStore, times: int | None
) -> None:
    given = {"kind": "503", "times": times, "seconds": 9}
    assert (
        requests.post(f"{store.url}/sandbox/add_fault", json=given, timeout=10).status_code == 200
    )
    answers = [api.get("orders") for _ in range(5)]
    assert {(answer.status_code, answer.headers["Retry-After"]) for answer in answers} == {
        (503, "9")
    }
    requests.post(f"{store.url}/sandbox/clear_faults", timeout=10)
    assert api.get("orders").status_code == 200


def test_a_fault_cannot_come_a_negative_number_of_times(store: SandboxStore) -> None:
    given = {"kind": "503", "times": -1}
    assert (
        requests.post(f"{store.url}/sandbox/add_fault", json=given, timeout=10).status_code == 400
    )


def test_the_first_matching_fault_is_used(api: Any, store: SandboxStore) -> None:
    store.add_fault("500", times=2)
    store.add_fault("429", times=1)
    assert [api.get("orders").status_code for _ in range(4)] == [500, 500, 429, 200]


def test_a_route_may_answer_with_a_web_page(api: Any, store: SandboxStore) -> None:
    order_id = store.place_order()["id"]
    store.add_fault("404")
    answer = api.get(f"orders/{order_id}")
    assert (answer.status_code, answer.headers["Content-Type"]) == (404, "text/html; charset=UTF-8")
    assert answer.text.startswith("<!DOCTYPE html>")
    assert api.get(f"orders/{order_id}").status_code == 200


def test_a_slow_answer_is_complete(api: Any, store: SandboxStore) -> None:
    store.add_fault("slow", seconds=0.01, method="POST")
    assert api.post("orders", {}).status_code == 201
    (entry,) = store.log.requests
    assert (entry.status, entry.fault, len(entry.writes)) == (201, "slow", 1)


def test_a_slow_answer_comes_late(api: Any, store: SandboxStore) -> None:
    store.add_fault("slow", seconds=600)
    api.timeout = 0.2
    with pytest.raises(requests.Timeout):
        api.get("orders")
    # The store is slow, and does not hang.
    assert store.state()["held"] == 0


@pytest.mark.parametrize("total", [0, 999_999_999, -1, "many", None])
@pytest.mark.parametrize("path", ["orders", "customers", "webhooks"])
def test_counts_may_be_wrong_or_missing(
    api: Any, store: SandboxStore, path: str, total: int | str | None
) -> None:
    store.place_orders(3)
    store.sign_up(email="kari@example.test")
    store.create_webhook("order.updated", "http://127.0.0.1:1/")
    honest = api.get(path)
    assert None not in _counts(honest)
    store.add_fault("totals", total=total)
    answer = api.get(path)
    told = None if total is None else str(total)
    assert _counts(answer) == (told, told)
    # The records on the page are correct.
    assert answer.json() == honest.json()
    assert _counts(api.get(path)) == _counts(honest)
    assert [entry.fault for entry in store.log.requests] == ["", "totals", ""]


@pytest.mark.parametrize("params", [{}, {"page": 2}, {"page": 9}, {"offset": 2}, {"offset": 99}])
def test_a_list_may_always_give_its_first_page(api: Any, store: SandboxStore, params: Any) -> None:
    placed = store.place_orders(5)
    store.add_fault("same-page", times=0)
    answer = api.get("orders", params={**BY_ID, "per_page": 2, **params})
    assert _ids(answer) == placed[:2]
    assert _counts(answer) == ("5", "3")


@pytest.mark.parametrize(
    ("params", "places"),
    [
        ({"per_page": 100}, slice(0, 10)),
        ({"per_page": 100, "page": 2}, slice(10, 20)),
        ({"per_page": 100, "page": 3}, slice(20, 25)),
        ({"per_page": 100, "offset": 20}, slice(20, 25)),
        # Pages that are short enough are not cut.
        ({"per_page": 4, "page": 2}, slice(4, 8)),
        ({}, slice(0, 10)),
    ],
)
def test_pages_may_be_shorter_than_asked(
    api: Any, store: SandboxStore, params: Any, places: slice
) -> None:
    placed = store.place_orders(25)
    store.add_fault("short-pages", times=0)
    answer = api.get("orders", params={**BY_ID, **params})
    assert _ids(answer) == placed[places]
    assert _counts(answer) == ("25", "7" if params.get("per_page") == 4 else "3")


def test_only_lists_give_wrong_answers(api: Any, store: SandboxStore) -> None:
    order_id = store.place_order()["id"]
    for kind in ("totals", "same-page", "short-pages"):
        store.add_fault(kind, path=ORDERS)
    assert api.get(f"orders/{order_id}").status_code == 200
    assert api.post("orders", {}).status_code == 201
    assert api.get("customers").status_code == 200
    assert [entry.fault for entry in store.log.requests] == ["", "", ""]
    for _ in range(3):
        api.get("orders")
    assert [entry.fault for entry in store.log.requests[3:]] == [
        "totals",
        "same-page",
        "short-pages",
    ]


def test_a_refused_list_is_not_counted_as_a_wrong_answer(store: SandboxStore) -> None:
    store.add_fault("totals", total=7)
    answer = requests.get(f"{store.url}{ORDERS}", timeout=10)
    assert (answer.status_code, _counts(answer)) == (401, (None, None))


def test_the_log_shows_when_each_request_arrived(api: Any, store: SandboxStore) -> None:
    """The log uses the machine's clock: the shop's clock stands still in 2026."""
    before = time.time()
    store.add_fault("500")
    assert api.get("orders").status_code == 500
    between = time.time()
    assert api.get("orders").status_code == 200
    entries = requests.get(f"{store.url}/sandbox/log", timeout=10).json()["requests"]
    assert before <= entries[0]["at"] <= between <= entries[1]["at"] <= time.time()


def test_the_log_shows_the_time_of_arrival_and_not_of_the_answer(
    api: Any, store: SandboxStore
) -> None:
    store.add_fault("hang", seconds=600)
    api.timeout = 0.2
    with pytest.raises(requests.Timeout):
        api.get("orders")
    until(lambda: store.state()["held"] == 1, "the request hangs")
    hanging = time.time()
    store.faults.closing.set()
    until(lambda: bool(store.log.requests), "the request is answered")
    (entry,) = store.log.requests
    assert (entry.fault, entry.at <= hanging) == ("hang", True)
