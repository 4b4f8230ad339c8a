"""What happens to orders: placed, changed, paid, refunded, trashed, restored, erased, deleted."""

import re
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from deploy.sandbox.customers import Customers
from deploy.sandbox.errors import RestError, already_trashed, invalid_param
from deploy.sandbox.meta import MetaTable
from deploy.sandbox.records import LineItem, Order, Refund, ShippingLine
from deploy.sandbox.shop import PRODUCTS, Shop
from deploy.sandbox.wire import ORDER_BILLING, ORDER_SHIPPING, Json, address, money

TRASH_STATUS = "_wp_trash_meta_status"
TRASH_TIME = "_wp_trash_meta_time"
DELETED = "[deleted]"
# A write that names one of these makes the store work out totals and taxes anew.
RECALCULATING = ("billing", "shipping", "line_items", "shipping_lines", "fee_lines", "coupon_lines")
_TEXTS = ("payment_method", "payment_method_title", "transaction_id", "customer_note")
# What the storefront's checkout leaves in an order's meta data.
_CHECKOUT_META = {
    "_shipping_hash": "64656d37dd2ad316b3e09febf0b4dff2",
    "_coupons_hash": "d751713988987e9331980363e24189ce",
    "_fees_hash": "d751713988987e9331980363e24189ce",
    "_taxes_hash": "d751713988987e9331980363e24189ce",
    "is_vat_exempt": "no",
}


@dataclass(frozen=True)
class Origin:
    """Where and when an order came from; `at` lets a demo place orders of earlier years."""

    via: str = "rest-api"
    ip_address: str = ""
    user_agent: str = ""
    at: datetime | None = None


class Orders:
    """The shop's orders. Callers hold the store's lock."""

    def __init__(self, shop: Shop, customers: Customers) -> None:
        self._shop = shop
        self._customers = customers

    def create(self, given: Json, origin: Origin | None = None) -> Order:
        """Place an order over REST or by staff: `order.created`, then `order.updated`."""
        order = self._new(given, origin or Origin())
        self._shop.tell("order.created", order.id)
        self._shop.tell("order.updated", order.id)
        self._tell_of_completion(order)
        return order

    def checkout(self, given: Json, origin: Origin) -> Order:
        """Place an order in the storefront, where `order.updated` comes before `order.created`."""
        order = self._new(given, origin)
        order.cart_hash = "87a29c1b06b2e3cfe4257be05905eed6"
        for key, value in _CHECKOUT_META.items():
            order.meta.set(key, value)
        self._shop.tell("order.updated", order.id)
        self._shop.tell("order.created", order.id)
        return order

    def update(self, order: Order, given: Json, at: datetime | None = None) -> list[str]:
        """Write what is given and return the meta keys that were named.

        Also a write that changes nothing moves `date_modified` and is told of.
        """
        completed = order.date_completed
        named = self._take_over(order, given, at or self._shop.clock.now())
        if any(name in given for name in RECALCULATING):
            order.recalculated += 1
        self._touch(order, at)
        if order.date_completed != completed:
            self._tell_of_completion(order)
        return named

    def refund(
        self,
        order: Order,
        amount: object,
        reason: str = "",
        at: datetime | None = None,
        *,
        silent: bool = False,
    ) -> Refund:
        """Give money back; the order turns `refunded` once all of it was.

        A `silent` refund, as some payment gateways make it, leaves the order as it is, and nobody is told.
        """
        sum_of_it = money(amount)
        if sum_of_it <= 0 or sum_of_it > order.total - order.refunded:
            raise RestError("woocommerce_rest_invalid_order_refund", "Invalid refund amount.", 400)
        meta = MetaTable(self._shop.order_meta_ids)
        moment = at or self._shop.clock.now()
        refund = Refund(self._shop.post_ids.take(), moment, sum_of_it, reason, meta)
        order.refunds.insert(0, refund)
        everything = order.refunded == order.total
        meta.set("_refund_type", "full" if everything else "partial")
        if silent:
            return refund
        if everything:
            order.status = "refunded"
        self._touch(order, at)
        return refund

    def delete_refund(self, order: Order, refund_id: int) -> Refund:
        """Delete a refund. The order keeps its status and its dates, and nobody is told."""
        refund = order.refund(refund_id)
        order.refunds.remove(refund)
        return refund

    def trash(self, order: Order) -> None:
        """Move to the trash, which the store calls `order.deleted`."""
        if order.status == "trash":
            raise already_trashed()
        now = self._shop.clock.now()
        order.meta.set(TRASH_STATUS, f"wc-{order.status}")
        order.meta.set(TRASH_TIME, str(int(now.timestamp())))
        order.status, order.date_modified = "trash", now
        self._shop.tell("order.deleted", order.id)

    def restore(self, order: Order) -> None:
        """Take out of the trash, with the status it had (only wp-admin does this; REST cannot)."""
        order.status = str(order.meta.get(TRASH_STATUS) or "wc-pending").removeprefix("wc-")
        order.meta.remove(TRASH_STATUS)
        order.meta.remove(TRASH_TIME)
        order.date_modified = self._shop.clock.now()
        self._shop.tell("order.restored", order.id)

    def delete(self, order: Order) -> None:
        """Delete for good: no order topic tells of it, only the action."""
        del self._shop.orders[order.id]
        self._shop.tell("action.woocommerce_delete_order", order.id)

    def anonymise(self, order: Order) -> None:
        """Run the store's own eraser, which leaves the note, attribution, consent and line meta in place."""
        for part in (order.billing, order.shipping):
            part.update({name: _erased(name, value) for name, value in part.items() if value})
        order.transaction_id = "0" if order.transaction_id else ""
        order.customer_ip_address = re.sub(r"\.\d+$", ".0", order.customer_ip_address)
        order.customer_user_agent = DELETED if order.customer_user_agent else ""
        order.customer_id = 0
        order.meta.set("_anonymized", "yes")
        self._touch(order)

    def set_status(self, order: Order, status: str, at: datetime | None = None) -> None:
        """Change the status, with the dates that hang on it."""
        moment = at or self._shop.clock.now()
        if status == "completed" and order.status != "completed":
            order.date_completed = moment
        order.status = status
        paid = ("processing", "completed") if order.needs_processing else ("completed",)
        if order.date_paid is None and status in paid:
            order.date_paid = moment

    def pay(self, order: Order, transaction_id: str = "", at: datetime | None = None) -> None:
        """Record a payment: the order is to be packed, or complete where there is nothing to pack."""
        order.transaction_id = transaction_id or order.transaction_id
        order.date_paid = at or self._shop.clock.now()
        self.set_status(order, "processing" if order.needs_processing else "completed", at)

    def _new(self, given: Json, origin: Origin) -> Order:
        at = origin.at or self._shop.clock.now()
        order_id = self._shop.post_ids.take()
        order = Order(
            id=order_id,
            status="pending",
            date_created=at,
            date_modified=at,
            order_key=self._shop.order_key(order_id),
            meta=MetaTable(self._shop.order_meta_ids),
            billing=address({}, ORDER_BILLING),
            shipping=address({}, ORDER_SHIPPING),
            created_via=origin.via,
            customer_ip_address=origin.ip_address,
            customer_user_agent=origin.user_agent,
        )
        self._take_over(order, given, at)
        self._shop.orders[order_id] = order
        return order

    def _take_over(self, order: Order, given: Json, at: datetime) -> list[str]:
        status = str(given.get("status") or "").removeprefix("wc-")
        self._check_status(status)
        self._take_customer(order, given)
        for name in _TEXTS:
            if name in given:
                setattr(order, name, str(given[name] or ""))
        for part, known in (
            (given.get("billing"), order.billing),
            (given.get("shipping"), order.shipping),
        ):
            known.update(
                {key: str(value or "") for key, value in (part or {}).items() if key in known}
            )
        order.line_items += [
            self._line(line) for line in given.get("line_items") or () if "id" not in line
        ]
        order.shipping_lines += [
            self._way(line) for line in given.get("shipping_lines") or () if "id" not in line
        ]
        if given.get("set_paid") in (True, "true", 1) and order.date_paid is None:
            self.pay(order, at=at)
        if status:
            self.set_status(order, status, at)
        return order.meta.write(given.get("meta_data") or ())

    def _check_status(self, status: str) -> None:
        """Refuse a status that nobody knows, before anything was written."""
        known = self._shop.statuses - {"trash"}
        if status and status not in known:
            raise invalid_param("status", f"status is not one of {', '.join(sorted(known))}.")

    def _take_customer(self, order: Order, given: Json) -> None:
        if "customer_id" not in given:
            return
        customer_id = int(given["customer_id"] or 0)
        if customer_id and customer_id not in self._shop.customers:
            raise RestError("woocommerce_rest_invalid_customer_id", "Customer ID is invalid.", 400)
        order.customer_id = customer_id

    def _line(self, given: Json) -> LineItem:
        product = PRODUCTS.get(int(given.get("product_id") or 0))
        quantity = int(given.get("quantity") or 1)
        price = product.price if product else Decimal("0.00")
        total = money(given.get("total", price * quantity))
        meta = MetaTable(self._shop.order_meta_ids)
        meta.write(given.get("meta_data") or ())
        return LineItem(
            id=self._shop.line_ids.take(),
            name=str(given.get("name") or (product.name if product else "")),
            product_id=int(given.get("product_id") or 0),
            quantity=quantity,
            subtotal=money(given.get("subtotal", total)),
            total=total,
            meta=meta,
        )

    def _way(self, given: Json) -> ShippingLine:
        title, method = str(given.get("method_title", "")), str(given.get("method_id", ""))
        return ShippingLine(self._shop.line_ids.take(), title, method, money(given.get("total")))

    def _touch(self, order: Order, at: datetime | None = None) -> None:
        order.date_modified = at or self._shop.clock.now()
        self._shop.tell("order.updated", order.id)

    def _tell_of_completion(self, order: Order) -> None:
        customer = self._shop.customers.get(order.customer_id)
        if customer is not None and order.status == "completed":
            customer.is_paying_customer = True
            self._customers.touch(customer)


def _erased(name: str, value: str) -> str:
    """What the store's eraser makes of one part of an address."""
    if name in ("state", "country"):
        return ""
    if name == "email":
        return "deleted@site.invalid"
    return re.sub(r"\d", "0", value) if name == "phone" else DELETED
