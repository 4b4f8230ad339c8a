"""The events in the recorded shop, second by second, and the recordings that they caused."""

import json

from tests.sandbox.replay import SECRET, Replay, Step, recorded

LATER_TOPICS = (
    "order.deleted", "order.restored", "customer.created", "customer.updated", "customer.deleted",
    "action.woocommerce_delete_order", "action.wc_support_request_closed",
)  # fmt: skip


def _first_webhooks(replay: Replay) -> None:
    replay.ask("webhook-create")
    replay.deliveries["01-ping--webhook-created-ping"] = replay.receiver.received[0]
    second = replay.store.create_webhook("order.updated", replay.receiver.url, SECRET)
    # The ping of this webhook took until the next second.
    webhook = replay.store.webhooks.get(second["id"])
    webhook.date_modified = replay.store.clock.now().replace(second=25)


def _other_webhooks(replay: Replay) -> None:
    for topic in LATER_TOPICS:
        replay.store.create_webhook(topic, replay.receiver.url, SECRET)
    replay.ask("webhooks-list")


def _sign_up(replay: Replay) -> None:
    replay.ask("customer-create")
    replay.ask("customers-list")
    replay.send("02", "03")


def _order(replay: Replay) -> None:
    replay.ask("order-create")
    replay.send("04", "05")


def _pay(replay: Replay) -> None:
    replay.store.pay_order(117, "kl_7f3a")
    replay.send("06")


def _attribution(replay: Replay) -> None:
    rows = json.loads(
        recorded("deliveries", "07-order.updated--order-with-attribution-and-newsletter-opt-in")[
            "body"
        ]
    )
    changes = sorted(rows["meta_data"], key=lambda row: row["id"])
    replay.store.edit_order(
        117, meta_data=[{"key": row["key"], "value": row["value"]} for row in changes]
    )
    replay.send("07")


def _complete(replay: Replay) -> None:
    replay.store.complete_order(117)
    replay.send("08", "09")
    replay.store.visit(5)
    replay.ask("customer-with-last-active")


def _phone(replay: Replay) -> None:
    replay.store.edit_customer(5, billing={"phone": "+4740000002"})
    replay.send("10")


def _asked_and_sent(name: str, *deliveries: str) -> Step:
    def step(replay: Replay) -> None:
        replay.ask(name)
        replay.send(*deliveries)

    return step


def _refund(replay: Replay) -> None:
    replay.store.shop.order_meta_ids.jump_to(458)
    replay.ask("order-refund-create")
    replay.ask("order-refunds")
    replay.send("15")


def _burst(replay: Replay) -> None:
    for place in range(12):
        billing = {
            "first_name": f"Ola{place}", "last_name": "Hansen", "address_1": "Storgata 1", "city": "Oslo",
            "postcode": "0155", "country": "NO", "email": f"ola{place}@example.test", "phone": "+4740000001",
        }  # fmt: skip
        replay.store.place_order(
            billing=billing,
            payment_method="paypal",
            payment_method_title="PayPal",
            line_items=[{"product_id": 10, "quantity": 1}],
            set_paid=True,
        )
    _keep_burst(replay)


def _keep_burst(replay: Replay) -> None:
    """Keep four of 24 deliveries: three created orders, and the update of the first one."""
    before = len(replay.receiver.received)
    replay.store.send_deliveries()
    came = {
        (request.topic, request.json["id"]): request
        for request in replay.receiver.received[before:]
    }
    replay.deliveries["16-order.created--burst"] = came["order.created", 119]
    replay.deliveries["17-order.updated--burst"] = came["order.updated", 119]
    replay.deliveries["18-order.created--burst"] = came["order.created", 120]
    replay.deliveries["19-order.created--burst"] = came["order.created", 121]


def _batches(replay: Replay) -> None:
    replay.store.shop.order_meta_ids.jump_to(483)
    replay.ask("orders-batch-update")
    replay.ask("customers-batch-update")
    replay.send("20", "21")
    for name in (
        "orders-batch-too-large",
        "order-update-missing",
        "order-get-missing",
        "customer-get-missing",
    ):
        replay.ask(name)
    replay.ask("orders-past-last-page")
    replay.ask("bad-credentials")


def _unpaid(status: str, *deliveries: str) -> Step:
    def step(replay: Replay) -> None:
        billing = {
            "first_name": "Nils", "last_name": "Uten", "address_1": "Storgata 1", "city": "Oslo",
            "postcode": "0155", "country": "NO", "email": "nils@example.test", "phone": "+4740000001",
        }  # fmt: skip
        replay.store.place_order(status=status, billing=billing, payment_method="bacs")
        replay.send(*deliveries)

    return step


def _checkout(replay: Replay) -> None:
    replay.store.shop.order_meta_ids.jump_to(490)
    address = {
        "first_name": "Per", "last_name": "Gynt", "address_1": "Fjellveien 5", "city": "Bergen",
        "postcode": "5003", "country": "NO", "email": "per.gynt@example.test", "phone": "+4740000001",
    }  # fmt: skip
    replay.store.checkout(
        user_agent="Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0",
        status="on-hold",
        billing=address,
        shipping=address,
        payment_method="bacs",
        payment_method_title="Direct bank transfer",
        line_items=[{"product_id": 10, "quantity": 1}],
    )
    # An internal note of the checkout, which the store had removed when it next showed the order.
    meta = replay.store.shop.orders[134].meta
    replay.store.shop.order_meta_ids.jump_to(505)
    meta.set("_debug_log_source_pending_deletion", "place-order-debug-b13b5484")
    replay.send("28", "29")
    meta.remove("_debug_log_source_pending_deletion")


def _trash(replay: Replay) -> None:
    replay.store.shop.order_meta_ids.jump_to(508)
    replay.ask("order-trash")
    replay.ask("order-get-trashed")
    replay.send("30")


def _restore(replay: Replay) -> None:
    replay.store.restore_order(134)
    replay.send("31")


def _anonymise(replay: Replay) -> None:
    replay.store.anonymise_order(117)
    replay.send("33")


def _hundred_lines(replay: Replay) -> None:
    replay.store.shop.post_ids.jump_to(136)
    billing = {
        "first_name": "Stor", "last_name": "Kunde", "address_1": "Storgata 1", "city": "Oslo",
        "postcode": "0155", "country": "NO", "email": "stor@example.test", "phone": "+4740000001",
    }  # fmt: skip
    lines = [{"name": f"Linje {place}", "product_id": 10, "quantity": 1} for place in range(100)]
    replay.store.place_order(billing=billing, line_items=lines)


def _hundred_lines_paid(replay: Replay) -> None:
    replay.store.pay_order(136)


def _hundred_lines_sent(replay: Replay) -> None:
    replay.store.edit_order(136)
    replay.send("34", "35")


def _gone_before_sent(replay: Replay) -> None:
    replay.store.place_order()
    replay.store.delete_order(137)
    replay.send("36", "37", "38")


def _made_by_wordpress(replay: Replay) -> None:
    replay.store.make_account("t1795334297@example.test")
    replay.send("39")


def _owner_lost_rights(replay: Replay) -> None:
    replay.store.set_webhook_owner(10, "none")
    replay.store.edit_order(117)
    replay.send("40")


def _support_request(replay: Replay) -> None:
    replay.store.fire_action("wc_support_request_closed", 4711)
    replay.send("41")


def _staff(replay: Replay) -> None:
    replay.store.make_account("staff1795334304@example.test", "shop_manager")
    replay.send("42")


STEPS: tuple[tuple[str, Step], ...] = (
    ("07:57:24", _first_webhooks),
    ("07:57:25", _other_webhooks),
    ("07:57:27", _sign_up),
    ("07:57:28", _order),
    ("07:57:30", _pay),
    ("07:57:32", _attribution),
    ("07:57:33", _complete),
    ("07:57:36", _phone),
    ("07:57:38", _asked_and_sent("order-meta-update", "11")),
    ("07:57:40", _asked_and_sent("order-meta-update-same-value", "12")),
    ("07:57:42", _asked_and_sent("order-meta-delete", "13")),
    ("07:57:44", _asked_and_sent("customer-meta-update", "14")),
    ("07:57:45", _refund),
    ("07:57:47", _burst),
    ("07:57:51", _batches),
    ("07:57:53", _unpaid("cancelled", "22", "23")),
    ("07:57:55", _unpaid("failed", "24", "25")),
    ("07:57:57", _unpaid("on-hold", "26", "27")),
    ("07:57:59", _checkout),
    ("07:58:03", _trash),
    ("07:58:05", _restore),
    ("07:58:07", _asked_and_sent("order-delete-force", "32")),
    ("07:58:09", _anonymise),
    ("07:58:11", _hundred_lines),
    ("07:58:12", _hundred_lines_paid),
    ("07:58:13", _hundred_lines_sent),
    ("07:58:15", _gone_before_sent),
    ("07:58:18", _made_by_wordpress),
    ("07:58:20", _owner_lost_rights),
    ("07:58:22", _support_request),
    ("07:58:25", _staff),
    ("07:58:27", _asked_and_sent("customer-delete", "43")),
)
