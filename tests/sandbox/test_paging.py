"""Paging through a list by `offset` and `page`, and the counts on the way."""

from typing import Any

import pytest

from deploy.sandbox import SandboxStore

NOWHERE = "http://127.0.0.1:1/"
BY_ID = {"orderby": "id", "order": "asc"}
Made = dict[str, list[int]]


def _counts(answer: Any) -> tuple[str, str]:
    return answer.headers["X-WP-Total"], answer.headers["X-WP-TotalPages"]


def _ids(answer: Any) -> list[int]:
    assert answer.status_code == 200, answer.text
    return [record["id"] for record in answer.json()]


@pytest.fixture
def made(store: SandboxStore) -> Made:
    """The ids of five records of each kind, by list. The refunds belong to the first order."""
    orders = store.place_orders(5)
    refunds = [store.refund_order(orders[0], "10.00")["id"] for _ in range(5)]
    customers = [
        store.sign_up(email=f"{name}@example.test", username=name)["id"] for name in "edcba"
    ]
    webhooks = [store.create_webhook("order.updated", NOWHERE)["id"] for _ in range(5)]
    lists = {"orders": orders, "customers": customers, "webhooks": webhooks}
    return {**lists, f"orders/{orders[0]}/refunds": refunds}


def _lists(made: Made) -> dict[str, str]:
    """The path of each list by its last word."""
    return {path.rpartition("/")[2]: path for path in made}


@pytest.mark.parametrize("name", ["orders", "refunds", "customers"])
@pytest.mark.parametrize(
    ("params", "places"),
    [
        ({"offset": 0}, [0, 1]),
        ({"offset": 1}, [1, 2]),
        ({"offset": 4}, [4]),
        # `page` has no effect beside it.
        ({"offset": 1, "page": 3}, [1, 2]),
        ({"offset": 1, "order": "desc"}, [3, 2]),
    ],
)
def test_an_offset_skips_the_first_items(
    api: Any, made: Made, name: str, params: Any, places: list[int]
) -> None:
    path = _lists(made)[name]
    answer = api.get(path, params={**BY_ID, "per_page": 2, **params})
    assert _ids(answer) == [made[path][place] for place in places]
    assert _counts(answer) == ("5", "3")


@pytest.mark.parametrize(
    ("name", "places"),
    [
        ("orders", [0, 1]),
        ("refunds", [0, 1]),
        # These two lists check for an empty offset, and 0 counts as empty.
        ("customers", [2, 3]),
        ("webhooks", [2, 3]),
    ],
)
def test_an_offset_of_0_beside_a_page(api: Any, made: Made, name: str, places: list[int]) -> None:
    path = _lists(made)[name]
    answer = api.get(path, params={**BY_ID, "per_page": 2, "page": 2, "offset": 0})
    assert _ids(answer) == [made[path][place] for place in places]


@pytest.mark.parametrize("params", [{"offset": 2}, {"offset": 2, "page": 2}, {"offset": 100}])
def test_lists_of_webhooks_ignore_the_offset(api: Any, made: Made, params: Any) -> None:
    """A client that pages this list by offset gets the first page for ever."""
    answer = api.get("webhooks", params={**BY_ID, "per_page": 2, **params})
    assert _ids(answer) == made["webhooks"][:2]
    assert _counts(answer) == ("5", "3")


@pytest.mark.parametrize(
    ("name", "params", "counts"),
    [
        # Orders and their refunds are counted only if the page shows any.
        ("orders", {"page": 4}, ("0", "0")),
        ("orders", {"offset": 5}, ("0", "0")),
        ("refunds", {"page": 4}, ("0", "0")),
        ("refunds", {"offset": 5}, ("0", "0")),
        ("customers", {"page": 4}, ("5", "3")),
        ("customers", {"offset": 5}, ("5", "3")),
        ("webhooks", {"page": 4}, ("5", "3")),
    ],
)
def test_counts_on_an_empty_page(
    api: Any, made: Made, name: str, params: Any, counts: tuple[str, str]
) -> None:
    answer = api.get(_lists(made)[name], params={"per_page": 2, **params})
    assert _ids(answer) == []
    assert _counts(answer) == counts


@pytest.mark.parametrize("name", ["orders", "refunds", "customers", "webhooks"])
@pytest.mark.parametrize("offset", ["-1", "many", "1.5", "²"])
def test_an_offset_is_a_whole_number(api: Any, made: Made, name: str, offset: str) -> None:
    answer = api.get(_lists(made)[name], params={"offset": offset})
    assert (answer.status_code, answer.json()["code"]) == (400, "rest_invalid_param")
    assert answer.json()["data"]["details"]["offset"]["code"] == "rest_invalid_type"


@pytest.mark.parametrize("name", ["orders", "refunds", "customers", "webhooks"])
def test_records_can_be_excluded_by_id(api: Any, made: Made, name: str) -> None:
    path = _lists(made)[name]
    left_out = ",".join(str(record_id) for record_id in made[path][1:4])
    answer = api.get(path, params={**BY_ID, "exclude": left_out})
    assert _ids(answer) == [made[path][0], made[path][4]]
    assert _counts(answer) == ("2", "1")


@pytest.mark.parametrize(
    ("name", "places"),
    [
        ("orders", [0]),
        ("refunds", [0]),
        ("webhooks", [0]),
        # For accounts, `exclude` counts only without `include`.
        ("customers", [0, 1]),
    ],
)
def test_including_and_excluding_the_same_record(
    api: Any, made: Made, name: str, places: list[int]
) -> None:
    path = _lists(made)[name]
    first, second = made[path][:2]
    answer = api.get(path, params={**BY_ID, "include": f"{first},{second}", "exclude": second})
    assert _ids(answer) == [made[path][place] for place in places]


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        # Newest first.
        ({}, ["b", "c", "a"]),
        ({"order": "asc"}, ["a", "c", "b"]),
        ({"orderby": "id", "order": "asc"}, ["a", "c", "b"]),
        ({"orderby": "id"}, ["b", "c", "a"]),
        ({"orderby": "title", "order": "asc"}, ["a", "b", "c"]),
        ({"status": "paused"}, ["c"]),
        ({"status": "active", "order": "asc"}, ["a", "b"]),
        ({"status": "disabled"}, []),
        ({"status": "all", "per_page": 1, "page": 2}, ["c"]),
    ],
)
def test_webhooks_can_be_filtered_and_sorted(
    api: Any, store: SandboxStore, params: Any, expected: list[str]
) -> None:
    for name in "acb":
        webhook_id = store.create_webhook("order.updated", NOWHERE)["id"]
        api.put(
            f"webhooks/{webhook_id}",
            {"name": name, "status": "paused" if name == "c" else "active"},
        )
        store.advance_clock(1)
    assert [webhook["name"] for webhook in api.get("webhooks", params=params).json()] == expected


@pytest.mark.parametrize(
    "params",
    [{"status": "unheard-of"}, {"orderby": "modified"}, {"order": "up"}, {"include": "one"}],
)
def test_parameters_of_webhooks_out_of_bounds_are_refused(api: Any, params: Any) -> None:
    answer = api.get("webhooks", params=params)
    assert (answer.status_code, answer.json()["code"]) == (400, "rest_invalid_param")
