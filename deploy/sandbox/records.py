"""The records of the shop: orders with their lines and refunds, and user accounts."""

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from deploy.sandbox.errors import no_such_refund
from deploy.sandbox.meta import MetaTable
from deploy.sandbox.wire import Json

EDITABLE = ("pending", "on-hold", "auto-draft")
AWAITING_PAYMENT = ("pending", "failed", "checkout-draft")
# A query for `any` leaves these out; a query must name them.
LEFT_OUT_OF_ANY = ("trash", "checkout-draft", "auto-draft")
STATUSES = (
    "pending", "processing", "on-hold", "completed", "cancelled", "refunded", "failed",
    "checkout-draft", "auto-draft", "trash",
)  # fmt: skip


@dataclass
class LineItem:
    """A product on an order."""

    id: int
    name: str
    product_id: int
    quantity: int
    subtotal: Decimal
    total: Decimal
    meta: MetaTable = field(default_factory=MetaTable)


@dataclass
class ShippingLine:
    """A shipping method on an order."""

    id: int
    method_title: str
    method_id: str
    total: Decimal


@dataclass
class Refund:
    """A refund. Refunds and orders share one counter of ids."""

    id: int
    date_created: datetime
    amount: Decimal
    reason: str
    meta: MetaTable
    refunded_by: int = 1


@dataclass
class Order:
    """An order; all times are aware."""

    id: int
    status: str
    date_created: datetime
    date_modified: datetime
    order_key: str
    meta: MetaTable
    billing: dict[str, str]
    shipping: dict[str, str]
    customer_id: int = 0
    created_via: str = "rest-api"
    payment_method: str = ""
    payment_method_title: str = ""
    transaction_id: str = ""
    customer_note: str = ""
    customer_ip_address: str = ""
    customer_user_agent: str = ""
    cart_hash: str = ""
    date_paid: datetime | None = None
    date_completed: datetime | None = None
    line_items: list[LineItem] = field(default_factory=list)
    shipping_lines: list[ShippingLine] = field(default_factory=list)
    refunds: list[Refund] = field(default_factory=list)
    # The number of times that totals and taxes were calculated again because a write named more than meta data.
    recalculated: int = 0
    # Wrong values that the API shows for some fields, as with plugins and old versions of the database.
    odd: Json = field(default_factory=dict)

    def refund(self, refund_id: int) -> Refund:
        """Return a refund. Raise the store's 404 if it is missing."""
        for refund in self.refunds:
            if refund.id == refund_id:
                return refund
        raise no_such_refund()

    @property
    def shipping_total(self) -> Decimal:
        """The cost of shipping."""
        return sum((line.total for line in self.shipping_lines), Decimal("0.00"))

    @property
    def total(self) -> Decimal:
        """The amount to pay. The sandbox has no taxes and discounts."""
        return sum((line.total for line in self.line_items), self.shipping_total)

    @property
    def refunded(self) -> Decimal:
        """The amount that was refunded."""
        return sum((refund.amount for refund in self.refunds), Decimal("0.00"))

    @property
    def is_editable(self) -> bool:
        """True while staff may change the lines."""
        return self.status in EDITABLE

    @property
    def needs_payment(self) -> bool:
        """True if the customer can pay now."""
        return self.status in AWAITING_PAYMENT and self.total > 0

    @property
    def needs_processing(self) -> bool:
        """True if there is something to pack. An order without lines is complete when it is paid."""
        return bool(self.line_items)

    @property
    def status_once_paid(self) -> str:
        """The status of the order after its payment."""
        return "processing" if self.needs_processing else "completed"


@dataclass
class Customer:
    """A user account, of a customer or of staff."""

    id: int
    email: str
    username: str
    role: str
    date_created: datetime
    # None until WooCommerce itself has saved the account: one made by WordPress has no such date.
    date_modified: datetime | None
    billing: dict[str, str]
    shipping: dict[str, str]
    meta: MetaTable
    first_name: str = ""
    last_name: str = ""
    is_paying_customer: bool = False
    odd: Json = field(default_factory=dict)

    @property
    def display_name(self) -> str:
        """The name that a list by name is sorted by."""
        return f"{self.first_name} {self.last_name}".strip() or self.username
