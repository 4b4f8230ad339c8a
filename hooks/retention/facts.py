"""The facts of a record: all that the rules need to know, and nothing else.

Facts hold no name, address, e-mail, phone number, IP address, note or body. They only say which of those the record has
(`kinds`). All instants are aware and in UTC. `Policy.day_of` gives the calendar day of an instant.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

RecordKind = Literal["order", "customer", "support-request", "marketing-consent", "cookie-consent"]

KINDS: tuple[RecordKind, ...] = (
    "order",
    "customer",
    "support-request",
    "marketing-consent",
    "cookie-consent",
)
STORED_KINDS: tuple[RecordKind, ...] = ("order", "customer")
"""The kinds of records that the store holds. A schedule can be pushed only to these."""

MAX_ID = 2**63 - 1
"""The largest id that a database can hold. No store gives a larger one."""

Occurrence = Literal["made", "closed", "consent-given", "consent-withdrawn", "deleted"]

EVENT_TYPES: dict[str, tuple[RecordKind, Occurrence]] = {
    "support-request.made": ("support-request", "made"),
    "support-request.closed": ("support-request", "closed"),
    "support-request.deleted": ("support-request", "deleted"),
    "marketing.consent-given": ("marketing-consent", "consent-given"),
    "marketing.consent-withdrawn": ("marketing-consent", "consent-withdrawn"),
    "marketing.deleted": ("marketing-consent", "deleted"),
    "cookies.consent-given": ("cookie-consent", "consent-given"),
    "cookies.consent-withdrawn": ("cookie-consent", "consent-withdrawn"),
    "cookies.deleted": ("cookie-consent", "deleted"),
}
"""The types of tool events, each with the kind of record that it is about, and what happened to that record."""

PAID_STATUSES = frozenset({"processing", "completed", "refunded"})
UNPAID_STATUSES = frozenset(
    {"pending", "on-hold", "failed", "cancelled", "checkout-draft", "auto-draft"}
)
KNOWN_STATUSES = PAID_STATUSES | UNPAID_STATUSES
NOT_PLACED = frozenset({"checkout-draft", "auto-draft"})
"""The statuses of a checkout that nobody has finished. It is not yet an order that was placed."""

BEFORE_CREATION = timedelta(days=1)
"""The longest time by which an accounting event can lie before the creation of its order."""

CUSTOMER_ROLES = frozenset({"customer", "subscriber"})
"""The roles of customers, unless the policy names others. An account with any other role is ignored."""

STAFF_ROLES = frozenset(
    {"administrator", "author", "contributor", "editor", "shop_manager", "super_admin"}
)
"""The roles that WordPress and WooCommerce give to people who work in a shop. They are never roles of customers."""

META_KINDS = frozenset({"attribution", "newsletter"})
"""The kinds that only `meta_data` shows. They are unknown if a snapshot does not show its `meta_data`."""


@dataclass(frozen=True, slots=True)
class Choice:
    """A choice on marketing: consent was given or refused.

    `at` is the version of the state that showed the choice or, if a tool reported it, the time at which it was made.
    """

    at: datetime
    given: bool


@dataclass(frozen=True, slots=True)
class Refund:
    """A refund of an order.

    No delivery shows the date of a refund: `at` is None until the store was asked for it. `is_dateless`: the store was
    asked, and its answer has no plausible date.
    """

    id: int
    at: datetime | None = None
    is_dateless: bool = False

    @property
    def needs_date(self) -> bool:
        """Tell whether the store must still be asked for the date."""
        return self.at is None and not self.is_dateless


@dataclass(frozen=True, slots=True)
class OrderFacts:
    """The facts of an order.

    These come from its newest state:
    - `status`: the status; of an order in the trash, the status before. 'unknown' for a status that a plugin added.
    - `kinds`: the kinds of personal data that the order holds, such as `identity` or `newsletter`.
    - `payment` and `carriers`: the store's ids of the payment method and of the shipping methods.
    - `oddities`: the parts of the state, as the store names them, that were left out because they are implausible.
    - `meta_at`: the version of the state that last showed `meta_data`.

    These keep what earlier states showed:
    - `choices`: the newsletter choices in order of time.
    - `erased_at`: the first version that the store's eraser had emptied.
    - `was_paid`: an earlier state was paid.
    - `carried`: the parts that the newest state lacks, each with the version of the last state that showed it.
    - `former_customer_id`: the last customer of an order that has no customer now.
    - `first_seen_at`: the first version that was seen, for an order without a day of creation.
    - `email_hash`: the address hash of the newest billing address. The ledger keeps it in a column of its own.
    """

    status: str
    created_at: datetime | None
    paid_at: datetime | None = None
    completed_at: datetime | None = None
    customer_id: int = 0
    kinds: frozenset[str] = frozenset()
    trashed: bool = False
    refunds: tuple[Refund, ...] = ()
    choices: tuple[Choice, ...] = ()
    erased_at: datetime | None = None
    meta_at: datetime | None = None
    payment: str = ""
    carriers: frozenset[str] = frozenset()
    oddities: frozenset[str] = frozenset()
    was_paid: bool = False
    carried: tuple[tuple[str, datetime], ...] = ()
    former_customer_id: int = 0
    first_seen_at: datetime | None = None
    email_hash: str = ""

    kind: RecordKind = field(default="order", init=False)

    @property
    def is_paid(self) -> bool:
        """Tell whether the order was ever paid, even if it was cancelled or refunded later."""
        return self.was_paid or self.is_paid_now

    @property
    def is_paid_now(self) -> bool:
        """Tell whether the newest state itself shows that the order was paid."""
        return self.paid_at is not None or self.status in PAID_STATUSES

    @property
    def undated_refunds(self) -> tuple[int, ...]:
        """The ids of the refunds for whose day the store must still be asked."""
        return tuple(refund.id for refund in self.refunds if refund.needs_date)

    @property
    def accounting_events(self) -> tuple[tuple[str, datetime], ...]:
        """The known instants at which the order was paid, completed and refunded, each with its name."""
        events = []
        if self.paid_at:
            events.append(("paid", self.paid_at))
        if self.completed_at:
            events.append(("completed", self.completed_at))
        events += [("refunded", refund.at) for refund in self.refunds if refund.at]
        return tuple(events)

    @property
    def placed_at(self) -> datetime | None:
        """The instant of the order: its creation or, if that is unknown, its first accounting event."""
        if self.created_at:
            return self.created_at
        instants = [at for _, at in self.accounting_events]
        return min(instants, default=None)

    @property
    def known_since(self) -> datetime | None:
        """The instant at which the order was placed or, if that is unknown, first seen."""
        return self.placed_at or self.first_seen_at

    @property
    def owner_id(self) -> int:
        """The id of the order's customer, or of its last customer; 0 for none."""
        return self.customer_id or self.former_customer_id


@dataclass(frozen=True, slots=True)
class CustomerFacts:
    """The facts of a customer's account.

    - `created_at`: the sign-up. None while the account is known only from an order that names it.
    - `staff`: the role of the account is not a customer's. `role` is then that role, as the store just showed it. It is
      empty for customers, and for facts that were read from the ledger, which keeps the role in a column of its own.
    - `meta_at` and `oddities`: as those of an order.
    - `first_seen_at`: the first version that was seen, for an account without a day of sign-up.
    - `email_hashes`: the address hashes, as the store just showed them: the account's own address before the billing
      address. The ledger keeps all addresses that the account ever had in a table of its own.
    """

    created_at: datetime | None = None
    staff: bool = False
    last_active_at: datetime | None = None
    last_order_at: datetime | None = None
    kinds: frozenset[str] = frozenset()
    choices: tuple[Choice, ...] = ()
    meta_at: datetime | None = None
    oddities: frozenset[str] = frozenset()
    first_seen_at: datetime | None = None
    role: str = ""
    email_hashes: tuple[str, ...] = ()

    kind: RecordKind = field(default="customer", init=False)

    @property
    def is_seen(self) -> bool:
        """Tell whether the store ever showed the account itself."""
        return self.known_since is not None

    @property
    def known_since(self) -> datetime | None:
        """The instant of the sign-up or, if that is unknown, the one at which the account was first seen."""
        return self.created_at or self.first_seen_at


@dataclass(frozen=True, slots=True, order=True)
class Subject:
    """The customer, order or person that an event is about: an id of the store, or an address hash (`email`)."""

    kind: Literal["customer", "email", "order"]
    value: str

    def __str__(self) -> str:
        return f"{self.kind}:{self.value}"


@dataclass(frozen=True, slots=True)
class SupportRequestFacts:
    """The facts of a support request, from the tool events about it. `name` is the help desk's own id."""

    made_at: datetime | None = None
    closed_at: datetime | None = None
    erased_at: datetime | None = None
    name: str = ""
    subjects: frozenset[Subject] = frozenset()

    kind: RecordKind = field(default="support-request", init=False)

    @property
    def since(self) -> datetime | None:
        """The instant from which the period runs: the closing or, if that is unknown, the request."""
        return self.closed_at or self.made_at


@dataclass(frozen=True, slots=True)
class ConsentFacts:
    """The facts of a consent to a newsletter or to cookies, from the tool events about it.

    `name` is the tool's own id.
    """

    kind: RecordKind
    choices: tuple[Choice, ...] = ()
    erased_at: datetime | None = None
    name: str = ""
    subjects: frozenset[Subject] = frozenset()

    @property
    def since(self) -> datetime | None:
        """The instant of the last choice."""
        if not self.choices:
            return None
        return self.choices[-1].at


ReportedFacts = SupportRequestFacts | ConsentFacts
Facts = OrderFacts | CustomerFacts | SupportRequestFacts | ConsentFacts


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The state of a record at one time, as a delivery or the store's REST API shows it.

    `version` is the instant of the last change in the store: `date_modified_gmt`, in whole seconds. An account that was
    never changed has its sign-up there. `store_meta` is what the store holds under our own keys. It is None if
    `meta_data` was not shown, which means unknown, not empty. `undated`: the store does not say when it changed the
    record.
    """

    facts: OrderFacts | CustomerFacts
    external_id: int
    version: datetime
    store_meta: dict[str, str] | None
    undated: bool = False
