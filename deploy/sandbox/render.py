"""The records on the wire, key by key in the store's order."""

import hashlib
from datetime import datetime

from deploy.sandbox.records import Customer, LineItem, Order, Refund, ShippingLine
from deploy.sandbox.shop import Shop
from deploy.sandbox.wire import Json, gmt_stamp, local_stamp, number

VERSION = "11.0.1"
WORDPRESS = "7.1"
ITEM_METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]


class Renderer:
    """The bodies of REST answers and deliveries. `url` is the URL of the store, without a slash at its end."""

    def __init__(self, shop: Shop) -> None:
        self.shop = shop
        self.url = "http://127.0.0.1"

    def order(self, order: Order) -> Json:
        """Return an order as `GET /orders/<id>` and `order.*` show it."""
        return {
            **self._order_head(order),
            **self._order_payment(order),
            "meta_data": order.meta.by_key(),
            "line_items": [_line_item(line) for line in order.line_items],
            "tax_lines": [],
            "shipping_lines": [_shipping_line(line) for line in order.shipping_lines],
            "fee_lines": [],
            "coupon_lines": [],
            "refunds": [_refund_in_order(refund) for refund in order.refunds],
            "payment_url": self._payment_url(order),
            "is_editable": order.is_editable,
            "needs_payment": order.needs_payment,
            "needs_processing": order.needs_processing,
            "date_created_gmt": gmt_stamp(order.date_created),
            "date_modified_gmt": gmt_stamp(order.date_modified),
            "date_completed_gmt": gmt_stamp(order.date_completed),
            "date_paid_gmt": gmt_stamp(order.date_paid),
            "currency_symbol": "kr",
            "_links": self._order_links(order),
            **order.odd,
        }

    def customer(self, customer: Customer, *, with_meta: bool, deleted: bool = False) -> Json:
        """Return an account. Only an administrator sees `meta_data`; for others the key is missing."""
        meta = {}
        if with_meta:
            meta["meta_data"] = [row for row in customer.meta.by_id() if "wp_" not in row["key"]]
        return {
            "id": customer.id,
            **self._dates("date_created", customer.date_created),
            **self._dates("date_modified", customer.date_modified),
            "email": customer.email,
            "first_name": customer.first_name,
            "last_name": customer.last_name,
            "role": customer.role,
            "username": customer.username,
            "billing": dict(customer.billing),
            "shipping": dict(customer.shipping),
            "is_paying_customer": customer.is_paying_customer,
            "avatar_url": _avatar(customer.email),
            **meta,
            "_links": self._customer_links(customer, deleted=deleted),
            **customer.odd,
        }

    def refund(self, order: Order, refund: Refund) -> Json:
        """Return a refund with its date, which the order itself does not show."""
        up = f"{self._api}/orders/{order.id}"
        own = {"href": f"{up}/refunds/{refund.id}", "targetHints": {"allow": ["GET", "DELETE"]}}
        return {
            "id": refund.id,
            **self._dates("date_created", refund.date_created),
            "amount": str(refund.amount),
            "reason": refund.reason,
            "refunded_by": refund.refunded_by,
            "refunded_payment": False,
            "meta_data": refund.meta.by_key(),
            "line_items": [],
            "shipping_lines": [],
            "tax_lines": [],
            "fee_lines": [],
            "_links": {
                "self": [own],
                "collection": [{"href": f"{up}/refunds"}],
                "up": [{"href": up}],
            },
        }

    def links(self, collection: str, record_id: int, allow: list[str] | None) -> Json:
        """Return the `_links` that every record has. A deleted record has no hints (`allow` is None)."""
        own: Json = {"href": f"{self._api}/{collection}/{record_id}"}
        if allow:
            own["targetHints"] = {"allow": allow}
        return {"self": [own], "collection": [{"href": f"{self._api}/{collection}"}]}

    @property
    def _api(self) -> str:
        return f"{self.url}/wp-json/wc/v3"

    def _local(self, moment: datetime | None) -> str | None:
        return local_stamp(moment, self.shop.zone)

    def _dates(self, name: str, moment: datetime | None) -> Json:
        return {name: self._local(moment), f"{name}_gmt": gmt_stamp(moment)}

    def _order_head(self, order: Order) -> Json:
        return {
            "id": order.id,
            "parent_id": 0,
            "status": order.status,
            "currency": "NOK",
            "version": VERSION,
            "prices_include_tax": False,
            "date_created": self._local(order.date_created),
            "date_modified": self._local(order.date_modified),
            "discount_total": "0.00",
            "discount_tax": "0.00",
            "shipping_total": str(order.shipping_total),
            "shipping_tax": "0.00",
            "cart_tax": "0.00",
            "total": str(order.total),
            "total_tax": "0.00",
            "customer_id": order.customer_id,
            "order_key": order.order_key,
            "billing": dict(order.billing),
            "shipping": dict(order.shipping),
        }

    def _order_payment(self, order: Order) -> Json:
        return {
            "payment_method": order.payment_method,
            "payment_method_title": order.payment_method_title,
            "transaction_id": order.transaction_id,
            "customer_ip_address": order.customer_ip_address,
            "customer_user_agent": order.customer_user_agent,
            "created_via": order.created_via,
            "customer_note": order.customer_note,
            "date_completed": self._local(order.date_completed),
            "date_paid": self._local(order.date_paid),
            "cart_hash": order.cart_hash,
            "number": str(order.id),
        }

    def _payment_url(self, order: Order) -> str:
        return f"{self.url}/checkout/order-pay/{order.id}/?pay_for_order=true&key={order.order_key}"

    def _order_links(self, order: Order) -> Json:
        links = self.links("orders", order.id, ITEM_METHODS)
        templates = f"{self._api}/orders/{order.id}/actions/email_templates"
        links["email_templates"] = [{"embeddable": True, "href": templates}]
        if order.customer_id:
            links["customer"] = [{"href": f"{self._api}/customers/{order.customer_id}"}]
        return links

    def _customer_links(self, customer: Customer, *, deleted: bool) -> Json:
        if deleted:
            return self.links("customers", customer.id, None)
        # Over REST only customers can be deleted, not staff.
        allow = ITEM_METHODS if customer.role == "customer" else ITEM_METHODS[:-1]
        return self.links("customers", customer.id, allow)


def _line_item(line: LineItem) -> Json:
    return {
        "id": line.id,
        "name": line.name,
        "product_id": line.product_id,
        "variation_id": 0,
        "quantity": line.quantity,
        "tax_class": "",
        "subtotal": str(line.subtotal),
        "subtotal_tax": "0.00",
        "total": str(line.total),
        "total_tax": "0.00",
        "taxes": [],
        "meta_data": line.meta.by_id(),
        "sku": "",
        "global_unique_id": "",
        "price": number(line.total / max(1, line.quantity)),
        "image": {"id": "", "src": ""},
        "parent_name": None,
    }


def _shipping_line(line: ShippingLine) -> Json:
    return {
        "id": line.id,
        "method_title": line.method_title,
        "method_id": line.method_id,
        "instance_id": "",
        "total": str(line.total),
        "total_tax": "0.00",
        "taxes": [],
        "tax_status": "taxable",
        "meta_data": [],
    }


def _refund_in_order(refund: Refund) -> Json:
    return {
        "id": refund.id,
        "reason": refund.reason,
        "total": f"-{refund.amount}",
        "total_tax": "0.00",
    }


def _avatar(email: str) -> str:
    digest = hashlib.sha256(email.strip().lower().encode()).hexdigest()
    return f"https://secure.gravatar.com/avatar/{digest}?s=96&d=mm&r=g"
