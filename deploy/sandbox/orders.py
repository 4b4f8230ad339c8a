"""The orders of the shop: placed, changed, paid, refunded, trashed, restored, erased, deleted."""

import re
from dataclasses import dataclass
from datetime import datetime

from deploy.sandbox.customers import Customers
from deploy.sandbox.errors import RestError, already_trashed, invalid_param
from deploy.sandbox.meta import MetaTable
from deploy.sandbox.records import LineItem, Order, Refund, ShippingLine
from deploy.sandbox.shop import NO_PRODUCT, PRODUCTS, Shop
from deploy.sandbox.wire import (
    ORDER_BILLING,
    ORDER_SHIPPING,
    Json,
    empty_address,
    money,
    update_address,
)

TRASH_STATUS = "_wp_trash_meta_status"
TRASH_TIME = "_wp_trash_meta_time"
DELETED = "[deleted]"
# A write that names one of these fields makes the store calculate totals and taxes again.
RECALCULATING = ("billing", "shipping", "line_items", "shipping_lines", "fee_lines", "coupon_lines")
_TEXTS = ("payment_method", "payment_method_title", "transaction_id", "customer_note")
# The meta data that the storefront's checkout writes.
_CHECKOUT_META = {
    "_shipping_hash": "64656d37dd2ad316b3e09febf0b4dff2",
    "_coupons_hash": "d751713988987e9331980363e24189ce",
    "_fees_hash": "d751713988987e9331980363e24189ce",
    "_taxes_hash": "d751713988987e9331980363e24189ce",
    "is_vat_exempt": "no",
}


@dataclass(frozen=True)
class Origin:
    """The origin of an order and its time. With `at` a demo can place orders of earlier years."""

    via: str = "rest-api"
    ip_address: str = ""
    user_agent: str = ""
    at: datetime | None = None


class Orders:
    """The operations on orders. The caller holds the store's lock."""

    def __init__(self, shop: Shop, customers: Customers) -> None:
        self._shop = shop
        self._customers = customers

    def create(self, fields: Json, origin: Origin | None = None) -> Order:
        """Place an order over REST or by staff: `order.created`, then `order.updated`."""
        order = self._new(fields, origin or Origin())
        self._shop.notify("order.created", order.id)
        self._shop.notify("order.updated", order.id)
        self._update_paying_customer(order)
        return order

    def checkout(self, fields: Json, origin: Origin) -> Order:
        """Place an order in the storefront, where `order.updated` comes before `order.created`."""
        order = self._new(fields, origin)
        order.cart_hash = "87a29c1b06b2e3cfe4257be05905eed6"
        for key, value in _CHECKOUT_META.items():
            order.meta.set(key, value)
        self._shop.notify("order.updated", order.id)
        self._shop.notify("order.created", order.id)
        return order

    def update(self, order: Order, fields: Json, at: datetime | None = None) -> list[str]:
        """Write the fields and return the meta keys that they name.

        A write that changes nothing also moves `date_modified` and fires the webhook.
        """
        date_completed = order.date_completed
        meta_keys = self._write(order, fields, at or self._shop.clock.now())
        if any(name in fields for name in RECALCULATING):
            order.recalculated += 1
        self._touch(order, at)
        if order.date_completed != date_completed:
            self._update_paying_customer(order)
        return meta_keys

    def refund(
        self,
        order: Order,
        amount: object,
        reason: str = "",
        at: datetime | None = None,
        *,
        silent: bool = False,
    ) -> Refund:
        """Refund an amount. The order becomes `refunded` when all of its total was refunded.

        Some payment gateways make a `silent` refund: it does not change the order, and no webhook fires.
        """
        refunded = money(amount)
        if not 0 < refunded <= order.total - order.refunded:
            raise RestError("woocommerce_rest_invalid_order_refund", "Invalid refund amount.", 400)
        meta = MetaTable(self._shop.order_meta_ids)
        moment = at or self._shop.clock.now()
        refund = Refund(self._shop.post_ids.take(), moment, refunded, reason, meta)
        order.refunds.insert(0, refund)
        is_full = order.refunded == order.total
        meta.set("_refund_type", "full" if is_full else "partial")
        if silent:
            return refund
        if is_full:
            order.status = "refunded"
        self._touch(order, at)
        return refund

    def delete_refund(self, order: Order, refund_id: int) -> Refund:
        """Delete a refund. The order keeps its status and its dates, and no webhook fires."""
        refund = order.refund(refund_id)
        order.refunds.remove(refund)
        return refund

    def trash(self, order: Order) -> None:
        """Move an order to the trash. The store calls this `order.deleted`."""
        if order.status == "trash":
            raise already_trashed()
        now = self._shop.clock.now()
        order.meta.set(TRASH_STATUS, f"wc-{order.status}")
        order.meta.set(TRASH_TIME, str(int(now.timestamp())))
        order.status, order.date_modified = "trash", now
        self._shop.notify("order.deleted", order.id)

    def restore(self, order: Order) -> None:
        """Take an order out of the trash, with its former status. wp-admin can do this, REST cannot."""
        order.status = str(order.meta.get(TRASH_STATUS) or "wc-pending").removeprefix("wc-")
        order.meta.remove(TRASH_STATUS)
        order.meta.remove(TRASH_TIME)
        order.date_modified = self._shop.clock.now()
        self._shop.notify("order.restored", order.id)

    def delete(self, order: Order) -> None:
        """Delete an order for good. Only the action's webhook fires, none with an order topic."""
        del self._shop.orders[order.id]
        self._shop.notify("action.woocommerce_delete_order", order.id)

    def anonymise(self, order: Order) -> None:
        """Run the store's own eraser, which keeps the note, attribution, consent and the meta data of the lines."""
        for address in (order.billing, order.shipping):
            for name, value in address.items():
                if value:
                    address[name] = _erased(name, value)
        if order.transaction_id:
            order.transaction_id = "0"
        order.customer_ip_address = re.sub(r"\.\d+$", ".0", order.customer_ip_address)
        if order.customer_user_agent:
            order.customer_user_agent = DELETED
        order.customer_id = 0
        order.meta.set("_anonymized", "yes")
        self._touch(order)

    def set_status(self, order: Order, status: str, at: datetime | None = None) -> None:
        """Change the status, and the dates that depend on it."""
        moment = at or self._shop.clock.now()
        if status == "completed" and order.status != "completed":
            order.date_completed = moment
        order.status = status
        is_paid = status in ("completed", order.status_once_paid)
        if is_paid and order.date_paid is None:
            order.date_paid = moment

    def pay(self, order: Order, transaction_id: str = "", at: datetime | None = None) -> None:
        """Record a payment. The order must be packed then, or is complete if there is nothing to pack."""
        order.transaction_id = transaction_id or order.transaction_id
        order.date_paid = at or self._shop.clock.now()
        self.set_status(order, order.status_once_paid, at)

    def _new(self, fields: Json, origin: Origin) -> Order:
        at = origin.at or self._shop.clock.now()
        order_id = self._shop.post_ids.take()
        order = Order(
            id=order_id,
            status="pending",
            date_created=at,
            date_modified=at,
            order_key=self._shop.order_key(order_id),
            meta=MetaTable(self._shop.order_meta_ids),
            billing=empty_address(ORDER_BILLING),
            shipping=empty_address(ORDER_SHIPPING),
            created_via=origin.via,
            customer_ip_address=origin.ip_address,
            customer_user_agent=origin.user_agent,
        )
        self._write(order, fields, at)
        self._shop.orders[order_id] = order
        return order

    def _write(self, order: Order, fields: Json, at: datetime) -> list[str]:
        status = str(fields.get("status") or "").removeprefix("wc-")
        self._check_status(status)
        self._set_customer(order, fields)
        for name in _TEXTS:
            if name in fields:
                setattr(order, name, str(fields[name] or ""))
        update_address(order.billing, fields.get("billing"))
        update_address(order.shipping, fields.get("shipping"))
        order.line_items += map(self._line_item, _new_lines(fields, "line_items"))
        order.shipping_lines += map(self._shipping_line, _new_lines(fields, "shipping_lines"))
        if fields.get("set_paid") in (True, "true", 1) and order.date_paid is None:
            self.pay(order, at=at)
        if status:
            self.set_status(order, status, at)
        return order.meta.write(fields.get("meta_data") or ())

    def _check_status(self, status: str) -> None:
        """Raise the store's 400 for an unknown status, before anything is written."""
        statuses = self._shop.statuses - {"trash"}
        if status and status not in statuses:
            raise invalid_param("status", f"status is not one of {', '.join(sorted(statuses))}.")

    def _set_customer(self, order: Order, fields: Json) -> None:
        if "customer_id" not in fields:
            return
        customer_id = int(fields["customer_id"] or 0)
        if customer_id and customer_id not in self._shop.customers:
            raise RestError("woocommerce_rest_invalid_customer_id", "Customer ID is invalid.", 400)
        order.customer_id = customer_id

    def _line_item(self, fields: Json) -> LineItem:
        product_id = int(fields.get("product_id") or 0)
        product = PRODUCTS.get(product_id, NO_PRODUCT)
        quantity = int(fields.get("quantity") or 1)
        total = money(fields.get("total", product.price * quantity))
        meta = MetaTable(self._shop.order_meta_ids)
        meta.write(fields.get("meta_data") or ())
        return LineItem(
            id=self._shop.line_ids.take(),
            name=str(fields.get("name") or product.name),
            product_id=product_id,
            quantity=quantity,
            subtotal=money(fields.get("subtotal", total)),
            total=total,
            meta=meta,
        )

    def _shipping_line(self, fields: Json) -> ShippingLine:
        title, method = str(fields.get("method_title", "")), str(fields.get("method_id", ""))
        return ShippingLine(self._shop.line_ids.take(), title, method, money(fields.get("total")))

    def _touch(self, order: Order, at: datetime | None = None) -> None:
        order.date_modified = at or self._shop.clock.now()
        self._shop.notify("order.updated", order.id)

    def _update_paying_customer(self, order: Order) -> None:
        """Save the customer of a completed order, who is a paying customer now."""
        customer = self._shop.customers.get(order.customer_id)
        if customer is not None and order.status == "completed":
            customer.is_paying_customer = True
            self._customers.touch(customer)


def _new_lines(fields: Json, name: str) -> list[Json]:
    """Return the lines without an id. A line with an id is already on the order."""
    return [line for line in fields.get(name) or () if "id" not in line]


def _erased(name: str, value: str) -> str:
    """Return one part of an address as the store's eraser leaves it."""
    if name in ("state", "country"):
        return ""
    if name == "email":
        return "deleted@site.invalid"
    if name == "phone":
        return re.sub(r"\d", "0", value)
    return DELETED
