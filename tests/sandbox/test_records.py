"""Orders, refunds, accounts and their meta data over REST."""

from typing import Any

import pytest

from deploy.sandbox import SandboxStore

SWEATER: dict[str, Any] = {"line_items": [{"product_id": 10}]}


def _error(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


def _meta(record: Any) -> list[tuple[str, Any]]:
    return [(row["key"], row["value"]) for row in record["meta_data"]]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        # By key, in place: the meta id stays.
        ([{"key": "a", "value": "2"}], {(0, "a", "2"), (1, "b", "1")}),
        ([{"key": "a", "value": None}], {(1, "b", "1")}),
        ([{"key": "c", "value": "1"}], {(0, "a", "1"), (1, "b", "1"), (2, "c", "1")}),
        # Deleting a missing key has no effect.
        ([{"key": "c", "value": None}], {(0, "a", "1"), (1, "b", "1")}),
        # By id, even under another key.
        ([{"id": 1, "key": "b2", "value": "2"}], {(0, "a", "1"), (1, "b2", "2")}),
        ([{"id": 0, "key": "a", "value": None}], {(1, "b", "1")}),
        # The columns hold text; lists are kept as they are.
        ([{"key": "a", "value": 5}], {(0, "a", "5"), (1, "b", "1")}),
        ([{"key": "a", "value": True}], {(0, "a", "1"), (1, "b", "1")}),
        ([{"key": "a", "value": ""}], {(0, "a", ""), (1, "b", "1")}),
        ([], {(0, "a", "1"), (1, "b", "1")}),
    ],
)
def test_meta_of_an_order(api: Any, store: SandboxStore, changes: Any, expected: Any) -> None:
    order = store.place_order(meta_data=[{"key": "a", "value": "1"}, {"key": "b", "value": "1"}])
    ids = [row["id"] for row in order["meta_data"]]
    given = [
        {**change, **({"id": ids[change["id"]]} if "id" in change else {})} for change in changes
    ]
    shown = api.put(f"orders/{order['id']}", {"meta_data": given}).json()["meta_data"]
    known = dict(zip(ids, range(len(ids)), strict=True))
    assert {(known.get(row["id"], 2), row["key"], row["value"]) for row in shown} == expected


def test_writing_a_duplicate_key_leaves_one(api: Any, store: SandboxStore) -> None:
    order = store.place_order(meta_data=[{"key": "a", "value": "1"}, {"key": "b", "value": "2"}])
    second = order["meta_data"][1]["id"]
    api.put(f"orders/{order['id']}", {"meta_data": [{"id": second, "key": "a", "value": "2"}]})
    assert _meta(api.get(f"orders/{order['id']}").json()) == [("a", "1"), ("a", "2")]
    shown = api.put(f"orders/{order['id']}", {"meta_data": [{"key": "a", "value": "3"}]}).json()
    assert _meta(shown) == [("a", "3")]


def test_meta_ids_are_unique_in_the_shop(store: SandboxStore) -> None:
    rows = [
        store.place_order(meta_data=[{"key": "a", "value": "1"}])["meta_data"][0] for _ in range(3)
    ]
    ids = [row["id"] for row in rows]
    assert ids == sorted(set(ids))


def test_meta_of_a_customer(api: Any, store: SandboxStore) -> None:
    path = f"customers/{store.sign_up(email='kari@example.test')['id']}"
    given = {"z_last": "1", "_dropped": "2", "xwp_hidden": "3", "a_first": "4"}
    changes = [{"key": key, "value": value} for key, value in given.items()]
    # In the order of creation, not by key.
    assert _meta(api.put(path, {"meta_data": changes}).json()) == [
        ("z_last", "1"),
        ("a_first", "4"),
    ]
    kept = store.state()["customers"][-1]["meta"]
    assert kept == {"z_last": "1", "xwp_hidden": "3", "a_first": "4"}


def test_a_record_is_trashed_or_deleted(api: Any, store: SandboxStore) -> None:
    path = f"orders/{store.place_order(status='on-hold')['id']}"
    # The answer shows the order before the deletion.
    assert api.delete(path).json()["status"] == "on-hold"
    trashed = api.get(path).json()
    assert trashed["status"] == "trash"
    assert _meta(trashed)[0] == ("_wp_trash_meta_status", "wc-on-hold")
    assert trashed["meta_data"][1]["key"] == "_wp_trash_meta_time"
    assert _error(api.delete(path)) == (410, "woocommerce_rest_already_trashed")
    assert api.delete(path, params={"force": True}).json()["status"] == "trash"
    assert _error(api.get(path)) == (404, "woocommerce_rest_shop_order_invalid_id")


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("get", "orders/999", (404, "woocommerce_rest_shop_order_invalid_id")),
        ("put", "orders/999", (400, "woocommerce_rest_shop_order_invalid_id")),
        ("delete", "orders/999", (404, "woocommerce_rest_shop_order_invalid_id")),
        ("get", "orders/999/refunds", (404, "woocommerce_rest_invalid_order_id")),
        ("get", "customers/999", (404, "wc_user_invalid_id")),
        ("put", "customers/999", (404, "wc_user_invalid_id")),
        ("delete", "customers/999", (404, "wc_user_invalid_id")),
        ("get", "webhooks/999", (404, "woocommerce_rest_shop_webhook_invalid_id")),
    ],
)
def test_a_missing_record_is_not_found(
    api: Any, method: str, path: str, expected: tuple[int, str]
) -> None:
    answer = api.put(path, {}) if method == "put" else getattr(api, method)(path)
    assert _error(answer) == expected


@pytest.mark.parametrize(
    ("given", "status", "paid", "completed"),
    [
        ({}, "pending", False, False),
        ({"set_paid": True}, "processing", True, False),
        ({"status": "processing"}, "processing", True, False),
        ({"status": "completed"}, "completed", True, True),
        ({"status": "on-hold"}, "on-hold", False, False),
        ({"status": "cancelled"}, "cancelled", False, False),
        # Nothing to ship: a paid order is completed, and `processing` does not show a payment.
        ({"set_paid": True, "line_items": []}, "completed", True, True),
        ({"status": "processing", "line_items": []}, "processing", False, False),
    ],
)
def test_dates_that_depend_on_the_status(
    api: Any, given: Any, status: str, paid: bool, completed: bool
) -> None:
    made = api.post("orders", {**SWEATER, **given}).json()
    assert made["status"] == status
    assert (made["date_paid_gmt"] is not None, made["date_completed_gmt"] is not None) == (
        paid,
        completed,
    )


def test_refunds_of_an_order(api: Any, store: SandboxStore) -> None:
    order = store.place_order(**SWEATER, set_paid=True)
    path = f"orders/{order['id']}"
    first = api.post(
        f"{path}/refunds", {"amount": "100.00", "reason": "Feil størrelse", "api_refund": False}
    ).json()
    shown = api.get(path).json()
    # Only the refund's own resource shows its date.
    assert shown["refunds"] == [
        {"id": first["id"], "reason": "Feil størrelse", "total": "-100.00", "total_tax": "0.00"}
    ]
    assert api.get(f"{path}/refunds/{first['id']}").json() == first
    assert api.get(f"{path}/refunds/999").status_code == 404
    assert _error(api.post(f"{path}/refunds", {"amount": "1200.00"}))[0] == 400
    assert (
        api.post(f"{path}/refunds", {"amount": "1199.00"}).json()["meta_data"][0]["value"] == "full"
    )
    assert api.get(path).json()["status"] == "refunded"


def test_a_batch_reports_each_item(api: Any, store: SandboxStore) -> None:
    kept, gone = store.place_order()["id"], store.place_order()["id"]
    store.trash_order(kept)
    answer = api.post(
        "orders/batch",
        {
            "create": [{"customer_note": "ny"}, {"customer_id": 999}],
            "update": [{"id": kept, "meta_data": [{"key": "a", "value": "1"}]}, {"id": 999}],
            "delete": [gone, 999],
        },
    )
    assert answer.status_code == 200
    body = answer.json()
    assert body["create"][0]["customer_note"] == "ny"
    assert (body["create"][1]["id"], body["create"][1]["error"]["data"]) == (0, {"status": 400})
    # A trashed order accepts its tags and stays in the trash.
    assert (body["update"][0]["status"], body["update"][0]["meta_data"][-1]["key"]) == (
        "trash",
        "a",
    )
    assert body["update"][1]["error"]["data"] == {"status": 400}
    # Deleting in a batch is final.
    assert body["delete"][0]["id"] == gone
    assert api.get(f"orders/{gone}").status_code == 404
    assert body["delete"][1]["error"]["data"] == {"status": 404}


@pytest.mark.parametrize(("items", "status"), [(100, 200), (101, 413)])
def test_a_batch_accepts_a_hundred_items(
    api: Any, store: SandboxStore, items: int, status: int
) -> None:
    ids = [store.place_order()["id"] for _ in range(items)]
    half = [{"id": order_id} for order_id in ids[:50]]
    assert api.post("orders/batch", {"update": half, "delete": ids[50:]}).status_code == status
    # All or nothing: a batch that is too large has no effect.
    assert len(store.log.writes("order", ids[0])) == (1 if status == 200 else 0)


@pytest.mark.parametrize(
    ("write", "recalculated"),
    [
        ({"meta_data": [{"key": "a", "value": "1"}]}, 0),
        ({"customer_note": "ny"}, 0),
        ({"billing": {"city": "Oslo"}}, 1),
        ({"shipping": {}}, 1),
    ],
)
def test_a_write_beyond_meta_data_recalculates_the_order(
    api: Any, store: SandboxStore, write: Any, recalculated: int
) -> None:
    order_id = store.place_order()["id"]
    assert api.put(f"orders/{order_id}", write).status_code == 200
    assert store.state()["orders"][0]["recalculated"] == recalculated


def test_an_email_address_is_unique(api: Any) -> None:
    assert api.post("customers", {"email": "kari@example.test"}).status_code == 201
    assert _error(api.post("customers", {"email": "KARI@example.test"})) == (
        400,
        "registration-error-email-exists",
    )
    assert _error(api.post("customers", {})) == (400, "registration-error-invalid-email")


def test_a_visit_changes_only_the_day_of_activity(api: Any, store: SandboxStore) -> None:
    made = store.sign_up(email="kari@example.test")
    store.advance_clock(3600)
    store.visit(made["id"])
    shown = api.get(f"customers/{made['id']}").json()
    assert shown["date_modified"] == made["date_modified"]
    # Midnight of the day, in Unix seconds, as text.
    assert _meta(shown) == [("wc_last_active", "1795305600")]


def test_finishing_an_order_makes_a_paying_customer(api: Any, store: SandboxStore) -> None:
    customer_id = store.sign_up(email="kari@example.test")["id"]
    order_id = store.place_order(customer_id=customer_id, **SWEATER)["id"]
    store.pay_order(order_id)
    assert api.get(f"customers/{customer_id}").json()["is_paying_customer"] is False
    store.complete_order(order_id)
    assert api.get(f"customers/{customer_id}").json()["is_paying_customer"] is True


def test_a_body_that_is_not_a_json_object_is_refused(api: Any, store: SandboxStore) -> None:
    order_id = store.place_order()["id"]
    assert _error(api.put(f"orders/{order_id}", ["a"])) == (400, "rest_invalid_json")
    assert store.log.writes("order", order_id) == []


def test_an_unknown_status_changes_nothing(api: Any, store: SandboxStore) -> None:
    order_id = store.place_order()["id"]
    answer = api.put(f"orders/{order_id}", {"status": "unheard-of", "customer_note": "ny"})
    assert _error(answer) == (400, "rest_invalid_param")
    assert api.get(f"orders/{order_id}").json()["customer_note"] == ""
