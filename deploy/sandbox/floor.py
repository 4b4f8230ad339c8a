"""What people do in the shop: customers, staff, and the plugins that they use."""

from collections.abc import Callable
from contextlib import nullcontext
from datetime import datetime
from threading import RLock
from typing import Any

from deploy.sandbox.customers import Customers
from deploy.sandbox.orders import Orders, Origin
from deploy.sandbox.records import Customer, Order
from deploy.sandbox.render import Renderer
from deploy.sandbox.shop import Shop
from deploy.sandbox.wire import Json, instant

OPT_IN = "ws_opt_in"


class ShopFloor:
    """Each deed takes the lock, fires its webhooks and answers the record as an administrator sees it.

    Times given without a zone are UTC; without a time it is the shop's present.
    """

    def __init__(self, shop: Shop, lock: RLock) -> None:
        self.lock = lock
        self.shop = shop
        self.customers = Customers(shop)
        self.orders = Orders(shop, self.customers)
        self.renderer = Renderer(shop)

    # Customers

    def sign_up(self, created: str | datetime | None = None, **given: Any) -> Json:
        """A customer signs up; fields as in `POST /customers`."""
        at = _when(created)
        return self._with_customer(lambda: self.customers.create(given, created=at))

    def make_account(self, email: str, role: str = "customer", username: str = "") -> Json:
        """WordPress makes an account, of a customer or of staff; it has no modification date."""
        given = {"email": email, "username": username}
        return self._with_customer(lambda: self.customers.make_account(given, role))

    def edit_customer(self, customer_id: int, **given: Any) -> Json:
        """The account is changed; fields as in `PUT /customers/<id>`."""
        with self.lock:
            customer = self.shop.customer(customer_id)
            self.customers.update(customer, given)
            return self.renderer.customer(customer, with_meta=True)

    def visit(self, customer_id: int, at: str | datetime | None = None) -> Json:
        """The customer logs in or looks around: `wc_last_active` moves, no webhook tells of it."""
        with self.lock:
            customer = self.shop.customer(customer_id)
            self.customers.visit(customer, _when(at))
            return self.renderer.customer(customer, with_meta=True)

    def delete_customer(self, customer_id: int) -> Json:
        """The account is deleted; its orders stay."""
        with self.lock:
            self.customers.delete(self.shop.customer(customer_id))
        return {"id": customer_id}

    # Orders

    def place_order(self, created: str | datetime | None = None, **given: Any) -> Json:
        """An order is placed; fields as in `POST /orders`. Any status is taken, also a plugin's own."""
        at = _when(created)
        with self.lock:
            self.shop.statuses.add(given.get("status") or "pending")
            return self.renderer.order(self.orders.create(given, Origin(at=at)))

    def place_orders(
        self,
        count: int,
        set_paid: bool = True,
        customer_id: int = 0,
        quiet: bool = False,
        **given: Any,
    ) -> list[int]:
        """Many orders at once, of a jumper each; other fields as in `POST /orders`. Gives their ids.

        Where it is `quiet` no webhook tells of them, as when an importer writes to the database.
        """
        wanted = {
            "line_items": [{"product_id": 10}],
            "set_paid": set_paid,
            "customer_id": customer_id,
            **given,
        }
        with self.lock, self.shop.unheard() if quiet else nullcontext():
            return [self.orders.create(wanted).id for _ in range(count)]

    def checkout(
        self,
        ip_address: str = "127.0.0.1",
        user_agent: str = "",
        created: str | datetime | None = None,
        **given: Any,
    ) -> Json:
        """A guest or customer places an order in the storefront, with IP address and browser."""
        origin = Origin("store-api", ip_address, user_agent, _when(created))
        with self.lock:
            return self.renderer.order(self.orders.checkout(given, origin))

    def edit_order(self, order_id: int, at: str | datetime | None = None, **given: Any) -> Json:
        """The order is changed; fields as in `PUT /orders/<id>`."""
        with self.lock:
            order = self.shop.order(order_id)
            self.shop.statuses.add(given.get("status") or "pending")
            self.orders.update(order, given, _when(at))
            return self.renderer.order(order)

    def pay_order(
        self, order_id: int, transaction_id: str = "", at: str | datetime | None = None
    ) -> Json:
        """The payment comes in."""
        return self.edit_order(order_id, at, set_paid=True, transaction_id=transaction_id)

    def complete_order(self, order_id: int, at: str | datetime | None = None) -> Json:
        """The order is finished; this also tells of the customer."""
        return self.edit_order(order_id, at, status="completed")

    def cancel_order(self, order_id: int) -> Json:
        """The order is cancelled."""
        return self.edit_order(order_id, status="cancelled")

    def refund_order(
        self,
        order_id: int,
        amount: str,
        reason: str = "",
        at: str | datetime | None = None,
        silent: bool = False,
    ) -> Json:
        """Money is given back. A `silent` refund leaves the order as it is, and no webhook tells of it."""
        with self.lock:
            order = self.shop.order(order_id)
            refund = self.orders.refund(order, amount, reason, _when(at), silent=silent)
            return self.renderer.refund(order, refund)

    def delete_refund(self, order_id: int, refund_id: int) -> Json:
        """A refund is deleted: the order keeps its dates, and no webhook tells of it."""
        with self.lock:
            order = self.shop.order(order_id)
            return self.renderer.refund(order, self.orders.delete_refund(order, refund_id))

    def trash_order(self, order_id: int) -> Json:
        """Into the trash."""
        return self._with_order(order_id, self.orders.trash)

    def restore_order(self, order_id: int) -> Json:
        """Out of the trash."""
        return self._with_order(order_id, self.orders.restore)

    def anonymise_order(self, order_id: int) -> Json:
        """The store's own eraser runs over the order."""
        return self._with_order(order_id, self.orders.anonymise)

    def delete_order(self, order_id: int) -> Json:
        """Gone for good; no order topic tells of it."""
        with self.lock:
            self.orders.delete(self.shop.order(order_id))
        return {"id": order_id}

    # Meta data by hand

    def opt_in(self, kind: str, record_id: int) -> Json:
        """The newsletter is wanted; `kind` is order or customer."""
        return self.edit_meta(kind, record_id, OPT_IN, "yes")

    def opt_out(self, kind: str, record_id: int) -> Json:
        """The newsletter is not wanted any more."""
        return self.edit_meta(kind, record_id, OPT_IN, "no")

    def edit_meta(self, kind: str, record_id: int, key: str, value: Any) -> Json:
        """Somebody edits meta data by hand; null deletes."""
        changes = [{"key": key, "value": value}]
        if kind == "order":
            return self.edit_order(record_id, meta_data=changes)
        return self.edit_customer(record_id, meta_data=changes)

    def _with_customer(self, act: Callable[[], Customer]) -> Json:
        with self.lock:
            return self.renderer.customer(act(), with_meta=True)

    def _with_order(self, order_id: int, act: Callable[[Order], None]) -> Json:
        with self.lock:
            order = self.shop.order(order_id)
            act(order)
            return self.renderer.order(order)


def _when(moment: str | datetime | None) -> datetime | None:
    return None if moment is None else instant(moment)
