"""A retention policy: the published privacy page in the form that the rules are applied from.

These are values only. `schemas.policy` reads them from TOML. `policy_check.faults` checks that a policy can be put in
force.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from hashlib import sha256
from typing import Any, Literal
from zoneinfo import ZoneInfo

from hooks.retention.cache import BoundedCache
from hooks.retention.clock import AccountingYear, Period
from hooks.retention.facts import CUSTOMER_ROLES, KINDS, RecordKind

CACHE_SIZE = 16_384
"""The number of values in the cache of a policy; about 1 KB each."""

Clock = Literal[
    "accounting-year-end",
    "last-activity",
    "request-closed",
    "consent",
    "consent-ended",
    "consent-recorded",
    "created",
]

CLOCKS: dict[RecordKind, frozenset[Clock]] = {
    "order": frozenset(
        {"accounting-year-end", "request-closed", "consent", "consent-ended", "created"}
    ),
    "customer": frozenset({"last-activity", "consent", "consent-ended", "created"}),
    "support-request": frozenset({"request-closed"}),
    "marketing-consent": frozenset({"consent", "consent-ended"}),
    "cookie-consent": frozenset({"consent-recorded"}),
}
"""The clocks that can run for each kind of record: those whose event the facts of that kind hold."""


@dataclass(frozen=True, slots=True)
class Published:
    """The origin of a choice: a section of the published page.

    Where the page is silent, `section` is None: the operator made the choice, and names the `gap` that it fills.
    """

    section: int | None
    gap: str = ""

    def __str__(self) -> str:
        if self.section is None:
            return "the operator's own choice, the published policy being silent"
        return f"policy section {self.section}"


@dataclass(frozen=True, slots=True)
class LegalBasis:
    """A legal basis with its article: GDPR Art. 6(1)(a) to (f)."""

    id: str
    label: str
    article: str
    section: int
    covers: str = ""


@dataclass(frozen=True, slots=True)
class Gap:
    """A question that the page leaves open, with the operator's `choice`.

    `publish` is a sentence that would close the gap, and `section` the section that the sentence belongs to.
    """

    id: str
    section: int
    choice: str
    publish: str


@dataclass(frozen=True, slots=True)
class Term:
    """A data category, a purpose, a safeguard or a group of recipients: an id, and the page's words for it."""

    id: str
    label: str
    section: int


@dataclass(frozen=True, slots=True)
class RetentionClass:
    """A kind of data with one period: how long it is kept, and the clock that the period counts from.

    Either `keep`, a period, or `until`, an event, is set. `review` is set where the page gives a range: its shorter
    end, from which on the data may be deleted. `at_end` is the action at the end. `source` is the law that the period
    comes from.

    `proof`: the data stay in spite of an erasure request or an objection, to establish, exercise or defend legal
    claims (GDPR Art. 17(3)(e)).
    """

    id: str
    label: str
    clock: Clock
    published: Published
    keep: Period | None = None
    review: Period | None = None
    until: str | None = None
    at_end: str = "erase"
    source: str | None = None
    proof: bool = False


_ONE_MONTH = Period(months=1)


@dataclass(frozen=True, slots=True)
class Deletion:
    """The period within which a record, or a part of it, is deleted after its last day.

    If the policy file does not state it, it is one month, as the operator's own choice.
    """

    act_within: Period = _ONE_MONTH
    published: Published = Published(None)


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule that gives records of `kind` one entry.

    It applies to a record that meets every condition of `all_of` and, if `any_of` is not empty, at least one of
    `any_of`. Such a record holds the category `data`, or the `part` of it, for `purpose` and on the legal basis
    `basis`. The data are kept as `retention_class` says.

    `governs`: the entry tags the record as a whole. `survives_erasure`: the store's own eraser leaves these data.
    """

    id: str
    kind: RecordKind
    data: str
    purpose: str
    basis: str
    retention_class: str
    published: Published
    all_of: frozenset[str] = frozenset()
    any_of: frozenset[str] = frozenset()
    governs: bool = False
    survives_erasure: bool = False
    part: str = ""

    @property
    def conditions(self) -> frozenset[str]:
        """All conditions that the rule names."""
        return self.all_of | self.any_of

    def matches(self, conditions: frozenset[str]) -> bool:
        """Tell whether the rule applies to a record that meets `conditions`."""
        if not self.all_of <= conditions:
            return False
        return not self.any_of or not self.any_of.isdisjoint(conditions)


@dataclass(frozen=True, slots=True)
class Recipient:
    """A company or authority that gets data from the shop, and the records whose data it gets.

    It gets data of every record (`always`), of orders that were paid or shipped by certain methods (`payment` and
    `shipping`, patterns of method ids such as `klarna*`), and of records that meet a condition or are of a kind
    (`holding`, such as `newsletter`). If none of these is set,
    it gets data only where the law requires it, and is listed for no record.

    `data` are the categories that it gets. `outside`: it may process them outside the EEA and the UK, under the
    `safeguards`. `certain` is False where the page names several recipients of which at least one gets the data.
    """

    id: str
    name: str
    group: str
    role: Literal["processor", "controller"]
    published: Published
    data: frozenset[str]
    always: bool = False
    payment: tuple[str, ...] = ()
    shipping: tuple[str, ...] = ()
    holding: frozenset[str] = frozenset()
    country: str | None = None
    outside: bool = False
    safeguards: tuple[str, ...] = ()
    certain: bool = True


@dataclass(frozen=True, slots=True)
class NoRecipient:
    """Patterns of the payment and shipping methods by which no recipient gets data."""

    payment: tuple[str, ...] = ()
    shipping: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class MetaVocabulary:
    """The parts of a policy that the store's records are read with.

    The newsletter choice is in the meta keys `newsletter_keys`, as one of `given_values` or `withdrawn_values`. Order
    attribution is in meta keys that begin with one of `attribution_prefixes`. `method_patterns` are patterns of the
    payment and shipping methods whose ids are kept; every other method is kept as `other`. An account with one of
    `customer_roles` is a customer's.
    """

    newsletter_keys: frozenset[str] = frozenset()
    given_values: frozenset[str] = frozenset()
    withdrawn_values: frozenset[str] = frozenset()
    attribution_prefixes: tuple[str, ...] = ()
    method_patterns: frozenset[str] = frozenset()
    customer_roles: frozenset[str] = CUSTOMER_ROLES

    @property
    def digest(self) -> str:
        """A digest of the vocabulary. Records that were read with another vocabulary must be fetched again.

        The roles are left out where they are the default ones. So a policy from before roles could be named keeps its
        digest, and an upgrade does not fetch the whole store.
        """
        parts = [
            self.newsletter_keys,
            self.given_values,
            self.withdrawn_values,
            self.attribution_prefixes,
            self.method_patterns,
        ]
        if self.customer_roles != CUSTOMER_ROLES:
            parts.append(self.customer_roles)
        words = [sorted(part) for part in parts]
        return sha256(repr(words).encode()).hexdigest()[:6]


@dataclass(frozen=True, slots=True)
class Action:
    """A custom action of the store, topic `action.<name>`, and the event that it reports (`support-request.closed`).

    The argument of the action is the id, or a small object.
    """

    name: str
    event: str


@dataclass(frozen=True, slots=True)
class Controller:
    """The controller (GDPR Art. 4(7)): section 1 of the page.

    `uk`: it markets or sells to the UK too, so UK GDPR may apply.
    """

    name: str
    address: str
    organisation_number: str
    privacy_contact: str
    phone: str = ""
    dpo: str = ""
    uk: bool = False


@dataclass(frozen=True, slots=True)
class DataSource:
    """A source from which data of some categories come to the shop: section 3 of the page, GDPR Art. 15(1)(g)."""

    id: str
    label: str
    data: frozenset[str]
    section: int


@dataclass(frozen=True, slots=True)
class Children:
    """The page's statement on children, and the age below which a parent must take part.

    `orders_only`: the shop knowingly collects only the data of children that an order needs.
    """

    label: str
    age: int
    section: int
    orders_only: bool = False


@dataclass(frozen=True, slots=True)
class SupervisoryAuthority:
    """An authority to which a person can complain: GDPR Art. 77. `uk`: it is named only where UK GDPR applies."""

    id: str
    name: str
    url: str
    section: int
    address: tuple[str, ...] = ()
    country: str | None = None
    uk: bool = False


@dataclass(frozen=True)
class Policy:
    """A policy that can be put in force. All its days are calendar days in `time_zone`.

    `digest` is a digest of the content; comments and line breaks do not change it. `last_updated` is the day that the
    page printed as its last update, and `page_modified` the instant of its last change, both as they were when the page
    was read for this version.

    The policy sets three fields itself: `by_kind`, the rules by kind of record; `vocabulary`, the digest of `meta`; and
    `cache`, results that were computed by this policy. Each user of the cache begins its keys with a name of its own.
    """

    id: str
    version: str
    effective_from: date
    last_updated: date | None
    page_modified: datetime | None
    page: str
    controller: Controller
    time_zone: ZoneInfo
    accounting_year: AccountingYear
    sections: Mapping[int, str]
    categories: Mapping[str, Term]
    purposes: Mapping[str, Term]
    bases: Mapping[str, LegalBasis]
    safeguards: Mapping[str, Term]
    recipient_groups: Mapping[str, Term]
    recipients: Mapping[str, Recipient]
    no_recipient: NoRecipient
    security: tuple[str, ...]
    security_section: int | None
    sources: Mapping[str, DataSource]
    children: Children | None
    authorities: tuple[SupervisoryAuthority, ...]
    gaps: Mapping[str, Gap]
    classes: Mapping[str, RetentionClass]
    rules: tuple[Rule, ...]
    deletion: Deletion
    meta: MetaVocabulary
    actions: Mapping[str, Action]
    digest: str
    text: str = field(repr=False)
    by_kind: Mapping[RecordKind, tuple[Rule, ...]] = field(init=False)
    vocabulary: str = field(init=False)
    cache: BoundedCache[Any, Any] = field(init=False, repr=False, compare=False)

    def day_of(self, instant: datetime) -> date:
        """Return the day on which an aware instant falls, in the policy's time zone."""
        return instant.astimezone(self.time_zone).date()

    def __post_init__(self) -> None:
        by_kind: dict[RecordKind, tuple[Rule, ...]] = dict.fromkeys(KINDS, ())
        for rule in self.rules:
            by_kind[rule.kind] += (rule,)
        object.__setattr__(self, "by_kind", by_kind)
        object.__setattr__(self, "vocabulary", self.meta.digest)
        object.__setattr__(self, "cache", BoundedCache(CACHE_SIZE))
