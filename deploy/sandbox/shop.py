"""The state of the shop: its records, its counters of ids, and the listener that hears of each change."""

import hashlib
import hmac
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import tzinfo
from decimal import Decimal

from deploy.sandbox.clock import ShopClock
from deploy.sandbox.errors import no_such_customer, no_such_order
from deploy.sandbox.ids import Ids
from deploy.sandbox.records import STATUSES, Customer, Order

Listener = Callable[[str, object], None]
"""A function of a topic (`order.updated`, `action.wc_…`), and of the record's id or the action's argument."""


@dataclass(frozen=True)
class Product:
    """A product, for order lines that name only its id."""

    name: str
    price: Decimal


PRODUCTS = {
    10: Product("Ullgenser", Decimal("1299.00")),
    11: Product("Raggsokker", Decimal("149.00")),
    12: Product("Selbuvotter", Decimal("399.00")),
}
NO_PRODUCT = Product("", Decimal("0.00"))


class Shop:
    """The state of the shop, without rules.

    Orders and refunds share one counter of ids. Lines, order meta and user meta have counters of their own.
    """

    def __init__(self, clock: ShopClock, zone: tzinfo, listener: Listener) -> None:
        self.clock = clock
        self.zone = zone
        self.notify = listener
        self.orders: dict[int, Order] = {}
        self.customers: dict[int, Customer] = {}
        self.statuses = set(STATUSES)
        self.post_ids = Ids(101)
        self.line_ids = Ids(101)
        self.order_meta_ids = Ids(401)
        self.user_ids = Ids(1)
        self.user_meta_ids = Ids(81)

    def order(self, order_id: int) -> Order:
        """Return an order, also from the trash. Raise the store's 404 if it is missing."""
        try:
            return self.orders[order_id]
        except KeyError:
            raise no_such_order() from None

    def customer(self, customer_id: int) -> Customer:
        """Return an account. Raise the store's 404 if it is missing."""
        try:
            return self.customers[customer_id]
        except KeyError:
            raise no_such_customer() from None

    @contextmanager
    def without_webhooks(self) -> Iterator[None]:
        """Fire no webhook for the changes in the block. The caller holds the store's lock."""
        listener, self.notify = self.notify, _notify_nobody
        try:
            yield
        finally:
            self.notify = listener

    def order_key(self, order_id: int) -> str:
        """Return the secret part of an order's payment link. Here it is the same in every run."""
        digest = hmac.new(b"order-key", str(order_id).encode(), hashlib.sha256).hexdigest()
        return f"wc_order_{digest[:13]}"


def _notify_nobody(_topic: str, _record: object) -> None:
    """Do nothing, in place of the listener."""
