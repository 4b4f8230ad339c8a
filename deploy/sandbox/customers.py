"""What happens to accounts: sign-up, changes, visits, deletion."""

from datetime import datetime
from typing import Any

from deploy.sandbox.errors import RestError
from deploy.sandbox.meta import MetaTable
from deploy.sandbox.records import Customer
from deploy.sandbox.shop import Shop
from deploy.sandbox.wire import CUSTOMER_BILLING, CUSTOMER_SHIPPING, Json, address

LAST_ACTIVE = "wc_last_active"


class Customers:
    """The shop's accounts. Callers hold the store's lock."""

    def __init__(self, shop: Shop) -> None:
        self._shop = shop

    def create(self, given: Json, *, created: datetime | None = None) -> Customer:
        """Sign up, in the storefront or over REST: tells of `customer.created` and of `customer.updated`."""
        customer = self._new(given, "customer", created)
        customer.date_modified = customer.date_created
        self._take_over(customer, given)
        self._shop.tell("customer.created", customer.id)
        self._shop.tell("customer.updated", customer.id)
        return customer

    def make_account(self, given: Json, role: str) -> Customer:
        """An account made by WordPress, of staff too: no modification date, only `customer.created`."""
        customer = self._new(given, role, None)
        self._shop.tell("customer.created", customer.id)
        return customer

    def update(self, customer: Customer, given: Json) -> list[str]:
        """Write what is given; also a write that changes nothing moves the date and is told of.

        Returns the meta keys that were named. Keys that start with an underscore are silently dropped.
        """
        self._take_over(customer, given)
        named = [str(change.get("key", "")) for change in given.get("meta_data") or ()]
        self.touch(customer)
        return named

    def touch(self, customer: Customer) -> None:
        """Save without a change of its own."""
        customer.date_modified = self._shop.clock.now()
        self._shop.tell("customer.updated", customer.id)

    def visit(self, customer: Customer, at: datetime | None = None) -> None:
        """Log in or look around: moves `wc_last_active` to the day's midnight (UTC), and no webhook tells."""
        day = (at or self._shop.clock.now()).replace(hour=0, minute=0, second=0, microsecond=0)
        customer.meta.set(LAST_ACTIVE, str(int(day.timestamp())))

    def delete(self, customer: Customer) -> None:
        """Delete; the orders stay, belong to nobody, move their date and are not told of."""
        del self._shop.customers[customer.id]
        for order in self._shop.orders.values():
            if order.customer_id == customer.id:
                order.customer_id = 0
                order.date_modified = self._shop.clock.now()
        self._shop.tell("customer.deleted", customer.id)

    def _new(self, given: Json, role: str, created: datetime | None) -> Customer:
        email = str(given.get("email") or "")
        self._check_email(email)
        customer = Customer(
            id=self._shop.user_ids.take(),
            email=email,
            username=str(given.get("username") or email.partition("@")[0]),
            role=role,
            date_created=created or self._shop.clock.now(),
            date_modified=None,
            billing=address({}, CUSTOMER_BILLING),
            shipping=address({}, CUSTOMER_SHIPPING),
            meta=MetaTable(self._shop.user_meta_ids),
        )
        self._shop.customers[customer.id] = customer
        return customer

    def _check_email(self, email: str) -> None:
        if "@" not in email:
            raise RestError(
                "registration-error-invalid-email", "Please provide a valid email address.", 400
            )
        if any(known.email.lower() == email.lower() for known in self._shop.customers.values()):
            message = "An account is already registered with that email address. Please log in or use another."
            raise RestError("registration-error-email-exists", message, 400)

    def _take_over(self, customer: Customer, given: Json) -> None:
        for name in ("email", "first_name", "last_name"):
            if name in given:
                setattr(customer, name, str(given[name]))
        for name in ("billing", "shipping"):
            part: dict[str, Any] = given.get(name) or {}
            known = getattr(customer, name)
            known.update({key: str(value or "") for key, value in part.items() if key in known})
        changes = given.get("meta_data") or []
        customer.meta.write(
            change for change in changes if not str(change.get("key", "")).startswith("_")
        )
