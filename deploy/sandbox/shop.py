"""The shop's books: what is there, under which ids, and who is told when something happens."""

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

# Told of a topic (`order.updated`, `action.wc_…`) and of the record's id or the action's argument.
Listener = Callable[[str, object], None]


@dataclass(frozen=True)
class Product:
    """Something to buy, for order lines that name only a product."""

    name: str
    price: Decimal


PRODUCTS = {
    10: Product("Ullgenser", Decimal("1299.00")),
    11: Product("Raggsokker", Decimal("149.00")),
    12: Product("Selbuvotter", Decimal("399.00")),
}


class Shop:
    """State without rules. Orders and refunds share ids; order meta, user meta and lines have their own."""

    def __init__(self, clock: ShopClock, zone: tzinfo, listener: Listener) -> None:
        self.clock = clock
        self.zone = zone
        self.tell = listener
        self.orders: dict[int, Order] = {}
        self.customers: dict[int, Customer] = {}
        self.statuses = set(STATUSES)
        self.post_ids = Ids(101)
        self.line_ids = Ids(101)
        self.order_meta_ids = Ids(401)
        self.user_ids = Ids(1)
        self.user_meta_ids = Ids(81)

    def order(self, order_id: int) -> Order:
        """The order, also a trashed one; a missing one is the store's 404."""
        try:
            return self.orders[order_id]
        except KeyError:
            raise no_such_order() from None

    def customer(self, customer_id: int) -> Customer:
        """The account; a missing one is the store's 404."""
        try:
            return self.customers[customer_id]
        except KeyError:
            raise no_such_customer() from None

    @contextmanager
    def unheard(self) -> Iterator[None]:
        """Nobody is told of what happens in the block. Callers hold the store's lock."""
        listener, self.tell = self.tell, _tell_nobody
        try:
            yield
        finally:
            self.tell = listener

    def order_key(self, order_id: int) -> str:
        """The unguessable part of an order's payment link (here: the same in every run)."""
        digest = hmac.new(b"order-key", str(order_id).encode(), hashlib.sha256).hexdigest()
        return f"wc_order_{digest[:13]}"


def _tell_nobody(_topic: str, _record: object) -> None:
    """Takes the listener's place."""
