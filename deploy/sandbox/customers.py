"""The accounts of the shop: sign-up, changes, visits, deletion."""

from datetime import datetime

from deploy.sandbox.errors import RestError
from deploy.sandbox.meta import MetaTable
from deploy.sandbox.records import Customer
from deploy.sandbox.shop import Shop
from deploy.sandbox.wire import (
    CUSTOMER_BILLING,
    CUSTOMER_SHIPPING,
    Json,
    empty_address,
    update_address,
)

LAST_ACTIVE = "wc_last_active"


class Customers:
    """The operations on accounts. The caller holds the store's lock."""

    def __init__(self, shop: Shop) -> None:
        self._shop = shop

    def create(self, fields: Json, *, created: datetime | None = None) -> Customer:
        """Sign up a customer, in the storefront or over REST: `customer.created`, then `customer.updated`."""
        customer = self._new(fields, "customer", created)
        customer.date_modified = customer.date_created
        self._write(customer, fields)
        self._shop.notify("customer.created", customer.id)
        self._shop.notify("customer.updated", customer.id)
        return customer

    def make_account(self, fields: Json, role: str) -> Customer:
        """Create an account as WordPress does, also for staff: no modification date, only `customer.created`."""
        customer = self._new(fields, role, None)
        self._shop.notify("customer.created", customer.id)
        return customer

    def update(self, customer: Customer, fields: Json) -> list[str]:
        """Write the fields and return the meta keys that they name.

        A write that changes nothing also moves the date and fires the webhook. Meta keys that start with an underscore
        are silently dropped.
        """
        self._write(customer, fields)
        self.touch(customer)
        return [str(change.get("key", "")) for change in fields.get("meta_data") or ()]

    def touch(self, customer: Customer) -> None:
        """Save the account without a change of a field."""
        customer.date_modified = self._shop.clock.now()
        self._shop.notify("customer.updated", customer.id)

    def visit(self, customer: Customer, at: datetime | None = None) -> None:
        """Log in or look around: `wc_last_active` moves to midnight (UTC) of the day, and no webhook fires."""
        day = (at or self._shop.clock.now()).replace(hour=0, minute=0, second=0, microsecond=0)
        customer.meta.set(LAST_ACTIVE, str(int(day.timestamp())))

    def delete(self, customer: Customer) -> None:
        """Delete the account. Its orders stay, without an owner; their date moves, and no webhook fires for them."""
        del self._shop.customers[customer.id]
        for order in self._shop.orders.values():
            if order.customer_id == customer.id:
                order.customer_id = 0
                order.date_modified = self._shop.clock.now()
        self._shop.notify("customer.deleted", customer.id)

    def _new(self, fields: Json, role: str, created: datetime | None) -> Customer:
        email = str(fields.get("email") or "")
        self._check_email(email)
        customer = Customer(
            id=self._shop.user_ids.take(),
            email=email,
            username=str(fields.get("username") or email.partition("@")[0]),
            role=role,
            date_created=created or self._shop.clock.now(),
            date_modified=None,
            billing=empty_address(CUSTOMER_BILLING),
            shipping=empty_address(CUSTOMER_SHIPPING),
            meta=MetaTable(self._shop.user_meta_ids),
        )
        self._shop.customers[customer.id] = customer
        return customer

    def _check_email(self, email: str) -> None:
        if "@" not in email:
            raise RestError(
                "registration-error-invalid-email", "Please provide a valid email address.", 400
            )
        emails = {customer.email.lower() for customer in self._shop.customers.values()}
        if email.lower() in emails:
            message = "An account is already registered with that email address. Please log in or use another."
            raise RestError("registration-error-email-exists", message, 400)

    def _write(self, customer: Customer, fields: Json) -> None:
        for name in ("email", "first_name", "last_name"):
            if name in fields:
                setattr(customer, name, str(fields[name]))
        update_address(customer.billing, fields.get("billing"))
        update_address(customer.shipping, fields.get("shipping"))
        changes = fields.get("meta_data") or []
        customer.meta.write(
            change for change in changes if not str(change.get("key", "")).startswith("_")
        )
