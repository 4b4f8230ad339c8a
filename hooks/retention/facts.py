"""What the rules need to know of a record, and nothing else.

No name, address, e-mail, phone number, IP address, note or body: of those only *that* they are there (`kinds`).
All instants are aware and in UTC; which calendar day they fall on is the policy's time zone's affair.
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
STORED_KINDS: tuple[RecordKind, ...] = (
    "order",
    "customer",
)  # records of the store, that can be written back to

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
"""What a help desk, a consent tool or a newsletter tool reports: the kind of record, and what happened to it."""

PAID_STATUSES = frozenset({"processing", "completed", "refunded"})
UNPAID_STATUSES = frozenset(
    {"pending", "on-hold", "failed", "cancelled", "checkout-draft", "auto-draft"}
)
KNOWN_STATUSES = PAID_STATUSES | UNPAID_STATUSES
NOT_PLACED = frozenset({"checkout-draft", "auto-draft"})
"""Statuses of a checkout that nobody has finished: not an order placed."""

BEFORE_CREATION = timedelta(days=1)
"""No accounting event lies further before the creation of its order."""

CUSTOMER_ROLES = frozenset({"customer", "subscriber"})
"""The roles of customers where the policy names no others. An account with any other role is ignored."""

STAFF_ROLES = frozenset(
    {"administrator", "author", "contributor", "editor", "shop_manager", "super_admin"}
)
"""The roles that WordPress and WooCommerce give to people who work in a shop: never those of customers."""

META_KINDS = frozenset({"attribution", "newsletter"})
"""The kinds that are told by `meta_data` alone, and so are unknown where that is not shown."""


@dataclass(frozen=True, slots=True)
class Choice:
    """A newsletter choice as it was seen in the record's state of `at`."""

    at: datetime
    given: bool


@dataclass(frozen=True, slots=True)
class Refund:
    """A refund of an order; `at` is None until the store was asked for its date, which no delivery shows.

    `is_dateless`: the store was asked, and shows no date that makes sense.
    """

    id: int
    at: datetime | None = None
    is_dateless: bool = False


@dataclass(frozen=True, slots=True)
class OrderFacts:
    """An order. `status` is what it is, or was before it was trashed; 'unknown' for one that a plugin added.

    `payment` and `carriers` are the store's ids of the ways in which it was paid and shipped. `oddities` name the
    parts of the newest state that make no sense, as the store names them, and that were left out.

    The rest keeps what earlier states showed. `was_paid`: one of them was paid. `carried`: parts that the newest
    state lacks, each with the version of the last state that showed it. `former_customer_id`: the last customer of
    an order that is nobody's now. `first_seen_at`: the first version that was seen of an order without a day of
    creation. `email_hash`: the keyed hash of the newest billing address, which the ledger keeps in a column of its own.
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
    def paid(self) -> bool:
        """Whether money was ever taken for it, whatever became of it since."""
        return self.was_paid or self.is_paid_now

    @property
    def is_paid_now(self) -> bool:
        """Whether its state itself says that it was paid."""
        return self.paid_at is not None or self.status in PAID_STATUSES

    @property
    def undated_refunds(self) -> tuple[int, ...]:
        """Refunds whose day is still to be asked for."""
        return tuple(
            refund.id for refund in self.refunds if refund.at is None and not refund.is_dateless
        )

    @property
    def accounting_events(self) -> tuple[tuple[str, datetime], ...]:
        """The instants at which it was paid, completed and refunded, as far as they are known, by name."""
        events = [("paid", self.paid_at), ("completed", self.completed_at)]
        events += [("refunded", refund.at) for refund in self.refunds]
        return tuple((name, at) for name, at in events if at)

    @property
    def made_at(self) -> datetime | None:
        """When it was made: the day of creation or, without one, of the first accounting event."""
        return self.created_at or min((at for _, at in self.accounting_events), default=None)

    @property
    def owner_id(self) -> int:
        """The customer whose order it is, or last was; 0 for none."""
        return self.customer_id or self.former_customer_id


@dataclass(frozen=True, slots=True)
class CustomerFacts:
    """A customer's account. `created_at` is None while it is known only from an order that names it.

    `oddities` are as an order's. `first_seen_at` is the first version that was seen of an account without a day of
    sign-up.
    `staff`: its role is none of a customer's. `role` is that role as the store just showed it; empty for customers, and
    for what is read back from the ledger, which keeps the role in a column of its own.
    `email_hashes`: the keyed hashes of its addresses, its own before that for bills, as the store just showed them; the
    ledger keeps all that there ever were in a table of its own.
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
        """Whether the account itself was ever shown."""
        return self.created_at is not None or self.first_seen_at is not None


@dataclass(frozen=True, slots=True, order=True)
class Subject:
    """Whom something is about: a customer or an order of the store by its id, or an e-mail by its keyed hash."""

    kind: Literal["customer", "email", "order"]
    value: str

    def __str__(self) -> str:
        return f"{self.kind}:{self.value}"


@dataclass(frozen=True, slots=True)
class SupportRequestFacts:
    """A request to the help desk, known from what is reported of it. `name` is the help desk's own id of it."""

    made_at: datetime | None = None
    closed_at: datetime | None = None
    erased_at: datetime | None = None
    name: str = ""
    subjects: frozenset[Subject] = frozenset()

    kind: RecordKind = field(default="support-request", init=False)

    @property
    def since(self) -> datetime | None:
        """When the period begins to run, as far as is known."""
        return self.closed_at or self.made_at


@dataclass(frozen=True, slots=True)
class ConsentFacts:
    """What is reported of somebody's consent, to a newsletter or to cookies. `name` is the tool's own id of it."""

    kind: RecordKind
    choices: tuple[Choice, ...] = ()
    erased_at: datetime | None = None
    name: str = ""
    subjects: frozenset[Subject] = frozenset()

    @property
    def since(self) -> datetime | None:
        """When the last choice was made, as far as is known."""
        return self.choices[-1].at if self.choices else None


ReportedFacts = SupportRequestFacts | ConsentFacts
Facts = OrderFacts | CustomerFacts | SupportRequestFacts | ConsentFacts


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A record's state as a delivery or a read showed it.

    `version` is when the store last changed it (`date_modified_gmt`, whole seconds; the day of sign-up for an
    account never changed). `store_meta` is what the store holds under our own keys, None where `meta_data` was
    not shown: unknown, not empty. `undated`: the store does not say when it changed the record.
    """

    facts: OrderFacts | CustomerFacts
    external_id: int
    version: datetime
    store_meta: dict[str, str] | None
    undated: bool = False
