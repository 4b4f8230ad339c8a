"""The operations in the shop: the acts of customers, staff and plugins."""

from collections.abc import Callable
from contextlib import nullcontext
from datetime import datetime
from threading import RLock
from typing import Any

from deploy.sandbox.customers import Customers
from deploy.sandbox.orders import Orders, Origin
from deploy.sandbox.records import Order
from deploy.sandbox.render import Renderer
from deploy.sandbox.shop import Shop
from deploy.sandbox.wire import Json, instant

OPT_IN = "ws_opt_in"


class ShopOperations:
    """The operations. Each takes the lock, fires its webhooks and returns the record as an administrator sees it.

    A time without a zone is in UTC. Without a time, an operation happens at the shop's present time.
    """

    def __init__(self, shop: Shop, lock: RLock) -> None:
        self.lock = lock
        self.shop = shop
        self.customers = Customers(shop)
        self.orders = Orders(shop, self.customers)
        self.renderer = Renderer(shop)

    # Customers

    def sign_up(self, created: str | datetime | None = None, **fields: Any) -> Json:
        """Sign up a customer. The fields are those of `POST /customers`."""
        at = _time(created)
        with self.lock:
            customer = self.customers.create(fields, created=at)
            return self.renderer.customer(customer, with_meta=True)

    def make_account(self, email: str, role: str = "customer", username: str = "") -> Json:
        """Create an account as WordPress does, of a customer or of staff. It has no modification date."""
        with self.lock:
            customer = self.customers.make_account({"email": email, "username": username}, role)
            return self.renderer.customer(customer, with_meta=True)

    def edit_customer(self, customer_id: int, **fields: Any) -> Json:
        """Change an account. The fields are those of `PUT /customers/<id>`."""
        with self.lock:
            customer = self.shop.customer(customer_id)
            self.customers.update(customer, fields)
            return self.renderer.customer(customer, with_meta=True)

    def visit(self, customer_id: int, at: str | datetime | None = None) -> Json:
        """Let the customer log in or look around: `wc_last_active` moves, no webhook fires."""
        with self.lock:
            customer = self.shop.customer(customer_id)
            self.customers.visit(customer, _time(at))
            return self.renderer.customer(customer, with_meta=True)

    def delete_customer(self, customer_id: int) -> Json:
        """Delete an account. Its orders stay."""
        with self.lock:
            self.customers.delete(self.shop.customer(customer_id))
        return {"id": customer_id}

    # Orders

    def place_order(self, created: str | datetime | None = None, **fields: Any) -> Json:
        """Place an order. The fields are those of `POST /orders`; any status is accepted, also one of a plugin."""
        at = _time(created)
        with self.lock:
            self.shop.statuses.add(fields.get("status") or "pending")
            return self.renderer.order(self.orders.create(fields, Origin(at=at)))

    def place_orders(
        self,
        count: int,
        set_paid: bool = True,
        customer_id: int = 0,
        quiet: bool = False,
        **fields: Any,
    ) -> list[int]:
        """Place many orders at once, of one sweater each, and return their ids. The fields are those of `POST /orders`.

        If `quiet`, no webhook fires, as when an importer writes to the database.
        """
        order = {
            "line_items": [{"product_id": 10}],
            "set_paid": set_paid,
            "customer_id": customer_id,
            **fields,
        }
        with self.lock, self.shop.without_webhooks() if quiet else nullcontext():
            return [self.orders.create(order).id for _ in range(count)]

    def checkout(
        self,
        ip_address: str = "127.0.0.1",
        user_agent: str = "",
        created: str | datetime | None = None,
        **fields: Any,
    ) -> Json:
        """Place an order in the storefront, as a guest or customer, with IP address and browser."""
        origin = Origin("store-api", ip_address, user_agent, _time(created))
        with self.lock:
            return self.renderer.order(self.orders.checkout(fields, origin))

    def edit_order(self, order_id: int, at: str | datetime | None = None, **fields: Any) -> Json:
        """Change an order. The fields are those of `PUT /orders/<id>`."""
        with self.lock:
            order = self.shop.order(order_id)
            self.shop.statuses.add(fields.get("status") or "pending")
            self.orders.update(order, fields, _time(at))
            return self.renderer.order(order)

    def pay_order(
        self, order_id: int, transaction_id: str = "", at: str | datetime | None = None
    ) -> Json:
        """Record the payment of an order."""
        return self.edit_order(order_id, at, set_paid=True, transaction_id=transaction_id)

    def complete_order(self, order_id: int, at: str | datetime | None = None) -> Json:
        """Complete an order. Its customer's webhook fires too."""
        return self.edit_order(order_id, at, status="completed")

    def cancel_order(self, order_id: int) -> Json:
        """Cancel an order."""
        return self.edit_order(order_id, status="cancelled")

    def refund_order(
        self,
        order_id: int,
        amount: str,
        reason: str = "",
        at: str | datetime | None = None,
        silent: bool = False,
    ) -> Json:
        """Refund an amount. A `silent` refund does not change the order, and no webhook fires."""
        with self.lock:
            order = self.shop.order(order_id)
            refund = self.orders.refund(order, amount, reason, _time(at), silent=silent)
            return self.renderer.refund(order, refund)

    def delete_refund(self, order_id: int, refund_id: int) -> Json:
        """Delete a refund. The order keeps its dates, and no webhook fires."""
        with self.lock:
            order = self.shop.order(order_id)
            return self.renderer.refund(order, self.orders.delete_refund(order, refund_id))

    def trash_order(self, order_id: int) -> Json:
        """Move an order to the trash."""
        return self._change_order(order_id, self.orders.trash)

    def restore_order(self, order_id: int) -> Json:
        """Take an order out of the trash."""
        return self._change_order(order_id, self.orders.restore)

    def anonymise_order(self, order_id: int) -> Json:
        """Run the store's own eraser on an order."""
        return self._change_order(order_id, self.orders.anonymise)

    def delete_order(self, order_id: int) -> Json:
        """Delete an order for good. No webhook with an order topic fires."""
        with self.lock:
            self.orders.delete(self.shop.order(order_id))
        return {"id": order_id}

    # Meta data by hand

    def opt_in(self, kind: str, record_id: int) -> Json:
        """Accept the newsletter; `kind` is order or customer."""
        return self.edit_meta(kind, record_id, OPT_IN, "yes")

    def opt_out(self, kind: str, record_id: int) -> Json:
        """Refuse the newsletter."""
        return self.edit_meta(kind, record_id, OPT_IN, "no")

    def edit_meta(self, kind: str, record_id: int, key: str, value: Any) -> Json:
        """Edit one key of the meta data by hand; None deletes it."""
        changes = [{"key": key, "value": value}]
        if kind == "order":
            return self.edit_order(record_id, meta_data=changes)
        return self.edit_customer(record_id, meta_data=changes)

    def _change_order(self, order_id: int, change: Callable[[Order], None]) -> Json:
        with self.lock:
            order = self.shop.order(order_id)
            change(order)
            return self.renderer.order(order)


def _time(moment: str | datetime | None) -> datetime | None:
    return None if moment is None else instant(moment)
