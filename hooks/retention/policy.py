"""A retention policy: the published page in the form that rules are applied from.

Values only, made by `schemas.policy` from TOML; `faults` says what is wrong with one in whole sentences.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from hashlib import sha256
from itertools import combinations
from typing import Any, Literal
from zoneinfo import ZoneInfo

from hooks.retention.cache import BoundedCache
from hooks.retention.clock import AccountingYear, Period
from hooks.retention.conditions import condition_sets, vocabulary
from hooks.retention.facts import CUSTOMER_ROLES, KINDS, STAFF_ROLES, RecordKind

CACHE_SIZE = 16_384
"""How many values a policy remembers; about 1 KB each."""

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
"""The clocks that can run for each kind of record: those whose event its facts can tell."""


@dataclass(frozen=True, slots=True)
class Published:
    """Where a choice comes from: a section of the published page, or, where that is silent, the operator, who then
    names the `gap` that the choice fills."""

    section: int | None
    gap: str = ""

    def __str__(self) -> str:
        if self.section is None:
            return "the operator's own choice, the published policy being silent"
        return f"policy section {self.section}"


@dataclass(frozen=True, slots=True)
class LegalBasis:
    """A legal basis by its id, with its article: GDPR Art. 6(1)(a) to (f)."""

    id: str
    label: str
    article: str
    section: int
    covers: str = ""


@dataclass(frozen=True, slots=True)
class Gap:
    """Something that the page does not say: what the operator chose, and a sentence that could be published.

    `section` is the one that the sentence would belong to.
    """

    id: str
    section: int
    choice: str
    publish: str


@dataclass(frozen=True, slots=True)
class Term:
    """Something that the page names (a data category, a purpose, a safeguard, a group of recipients): an id for
    its words."""

    id: str
    label: str
    section: int


@dataclass(frozen=True, slots=True)
class RetentionClass:
    """For how long, counted from what. Either `keep` is set or `until`, an event, is.

    `review` is the shorter end of a range that the page gives: the first day on which the data may go. `proof`: it
    stays in spite of a request and of an objection, to establish, exercise or defend legal claims (GDPR Art. 17(3)(e)).
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


A_MONTH = Period(months=1)


@dataclass(frozen=True, slots=True)
class Deletion:
    """Within which period after its last day a record, or a part of it, is deleted.

    A policy file that says nothing of it means a month, of the operator's own choice.
    """

    act_within: Period = A_MONTH
    published: Published = Published(None)


@dataclass(frozen=True, slots=True)
class Rule:
    """When a record of `kind` meets every condition of `all_of`, and one of `any_of` if there are any,
    it holds `data`, or a `part` of it, for `purpose`, on `basis`, kept as `retention_class` says."""

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
        """All conditions that it names."""
        return self.all_of | self.any_of

    def matches(self, conditions: frozenset[str]) -> bool:
        """Whether a record of which `conditions` hold has an entry by this rule."""
        return self.all_of <= conditions and (not self.any_of or bool(self.any_of & conditions))


@dataclass(frozen=True, slots=True)
class Recipient:
    """Who else gets data: always, with an order paid or shipped in one of these ways (patterns such as `klarna*`),
    or of records that hold something (`newsletter`) or are of a kind. None of these: only where law requires it.

    `data` are the categories that it gets. `outside`: it may process outside the EEA and the UK, under `safeguards`.
    Of several that are not `certain`, one at least has the data.
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
    """Ways of payment and of shipping, as patterns, in which nobody else gets anything."""

    payment: tuple[str, ...] = ()
    shipping: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class MetaVocabulary:
    """Which meta keys of the store tell what: the newsletter choice, and order attribution (by prefix). `ways` are
    patterns of the ids of payment and shipping methods that are looked for; any other is just another one. Accounts
    with one of `customer_roles` are customers."""

    newsletter_keys: frozenset[str] = frozenset()
    given_values: frozenset[str] = frozenset()
    withdrawn_values: frozenset[str] = frozenset()
    attribution_prefixes: tuple[str, ...] = ()
    method_patterns: frozenset[str] = frozenset()
    customer_roles: frozenset[str] = CUSTOMER_ROLES

    @property
    def digest(self) -> str:
        """A short name for what it looks for: what was read with another one must be read again.

        The roles count only where they are not the usual ones: a policy from before they could be named keeps its
        digest, so that an upgrade has no store read as a whole.
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
    """A custom action of the store, topic `action.<name>`: what has happened when it comes (`support-request.closed`).

    Its argument is the id, or a small object.
    """

    name: str
    event: str


@dataclass(frozen=True, slots=True)
class Controller:
    """Who answers for the data: section 1 of the page."""

    name: str
    address: str
    organisation_number: str
    privacy_contact: str
    phone: str = ""
    dpo: str = ""
    uk: bool = False
    """Whether it markets or sells to the UK too, so that UK GDPR may apply."""


@dataclass(frozen=True, slots=True)
class DataSource:
    """How data of some categories comes to the shop: section 3 of the page, GDPR Art. 15(1)(g)."""

    id: str
    label: str
    data: frozenset[str]
    section: int


@dataclass(frozen=True, slots=True)
class Children:
    """The page's words on children, and the age under which a parent is to take part.

    `orders_only`: nothing more of children is knowingly collected than an order needs.
    """

    label: str
    age: int
    section: int
    orders_only: bool = False


@dataclass(frozen=True, slots=True)
class SupervisoryAuthority:
    """An authority to which a person can complain: GDPR Art. 77. `uk`: only where UK GDPR applies."""

    id: str
    name: str
    url: str
    section: int
    address: tuple[str, ...] = ()
    country: str | None = None
    uk: bool = False


@dataclass(frozen=True)
class Policy:
    """A policy that can be put in force; days are days in `time_zone`.

    `digest` names what it says, whatever its comments and line breaks. `last_updated` is the day that the page
    printed, and `page_modified` when it had last been changed, as it was read for this version.
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
    """What was worked out by this policy, by whoever did, under a name of its own."""

    def day_of(self, instant: datetime) -> date:
        """Return the day on which an aware instant falls, in the policy's time zone."""
        return instant.astimezone(self.time_zone).date()

    def __post_init__(self) -> None:
        grouped = {kind: tuple(rule for rule in self.rules if rule.kind == kind) for kind in KINDS}
        object.__setattr__(self, "by_kind", grouped)
        object.__setattr__(self, "vocabulary", self.meta.digest)
        object.__setattr__(self, "cache", BoundedCache(CACHE_SIZE))


def faults(policy: Policy) -> list[str]:
    """What makes the policy unfit to be put in force, a sentence each, naming the rule or class; empty if fit."""
    found = [*_class_faults(policy)]
    found += _origin_faults(policy)
    found += _role_faults(policy.meta.customer_roles)
    found += _source_faults(policy)
    for recipient in policy.recipients.values():
        found += _recipient_faults(recipient, policy)
    for rule in policy.rules:
        found += _reference_faults(rule, policy)
    if not found:  # whether rules overlap can be told only of rules that make sense one by one
        for kind in KINDS:
            found += _coverage_faults(kind, policy)
    return found


def _class_faults(policy: Policy) -> Iterator[str]:
    for item in policy.classes.values():
        if (item.keep is None) == (item.until is None):
            yield f"class {item.id!r} needs a period (`keep`) or an event (`until`), and not both"
        if item.until and (item.until, item.clock) != ("consent-withdrawn", "consent"):
            yield f"class {item.id!r}: its clock {item.clock!r} never comes to {item.until!r}"
        if item.proof and item.until:
            yield f"class {item.id!r} is proof and needs a period (`keep`): proof is not kept without an end"
        if item.review and not item.keep:
            yield f"class {item.id!r} has `review` but no `keep`"
        if item.review and item.keep and item.review.after(_ANY_DAY) > item.keep.after(_ANY_DAY):
            yield f"class {item.id!r} may go (`review`) only after it must go (`keep`)"


_ANY_DAY = date(2024, 1, 1)


def _origin_faults(policy: Policy) -> Iterator[str]:
    """Whatever names a gap must name one that is described, and each that is described about rules is of use."""
    chosen: list[tuple[str, RetentionClass | Rule | Recipient | Deletion]] = [
        *((f"class {item.id!r}", item) for item in policy.classes.values()),
        *((f"rule {rule.id!r}", rule) for rule in policy.rules),
        *((f"recipient {item.id!r}", item) for item in policy.recipients.values()),
        ("deletion", policy.deletion),
    ]
    for name, item in chosen:
        if item.published.gap and item.published.gap not in policy.gaps:
            yield f"{name} names an unknown gap {item.published.gap!r}"


def _role_faults(customer_roles: frozenset[str]) -> Iterator[str]:
    for role in sorted(customer_roles & STAFF_ROLES):
        yield f"customer_roles names {role!r}, which is a role of staff; the accounts of staff are not customers"


def _source_faults(policy: Policy) -> Iterator[str]:
    for item in policy.sources.values():
        unknown = sorted(item.data - frozenset(policy.categories))
        if unknown:
            yield f"source {item.id!r} names an unknown data category {', '.join(unknown)}"


_HOLDABLE = frozenset(KINDS).union(*(vocabulary(kind) for kind in KINDS))
"""What a record can hold, or be, that makes somebody a recipient."""


def _recipient_faults(recipient: Recipient, policy: Policy) -> Iterator[str]:
    name = f"recipient {recipient.id!r}"
    if recipient.group not in policy.recipient_groups:
        yield f"{name} names an unknown group {recipient.group!r}"
    for what, ids, known in (
        ("data category", recipient.data, policy.categories),
        ("condition or kind of record", recipient.holding, _HOLDABLE),
        ("safeguard", frozenset(recipient.safeguards), policy.safeguards),
    ):
        unknown = sorted(ids - frozenset(known))
        if unknown:
            yield f"{name} names an unknown {what} {', '.join(unknown)}"
    if recipient.outside and not recipient.safeguards:
        yield f"{name} may process outside the EEA and the UK, and no safeguard is named (GDPR Art. 46)"


def _reference_faults(rule: Rule, policy: Policy) -> Iterator[str]:
    for what, name, known in (
        ("data category", rule.data, policy.categories),
        ("purpose", rule.purpose, policy.purposes),
        ("legal basis", rule.basis, policy.bases),
        ("retention class", rule.retention_class, policy.classes),
    ):
        if name not in known:
            yield f"rule {rule.id!r} names an unknown {what} {name!r}"
    unknown = sorted(rule.conditions - vocabulary(rule.kind))
    if unknown:
        yield f"rule {rule.id!r} can never match: nothing of {rule.kind!r} is called {', '.join(unknown)}"
    elif not any(rule.matches(world) for world in condition_sets(rule.kind, rule.conditions)):
        yield f"rule {rule.id!r} can never match: its conditions exclude each other"
    chosen = policy.classes.get(rule.retention_class)
    if chosen and chosen.clock not in CLOCKS[rule.kind]:
        yield f"rule {rule.id!r}: the clock {chosen.clock!r} cannot run for {rule.kind!r}"
    if chosen and chosen.proof and rule.basis != "legitimate-interests":
        yield f"rule {rule.id!r}: the class {chosen.id!r} is proof, which rests on legitimate interests"
    if chosen and chosen.clock == "consent-ended" and "consent-ended" not in rule.all_of:
        yield f"rule {rule.id!r}: the clock 'consent-ended' runs only where the rule asks for 'consent-ended'"


def _coverage_faults(kind: RecordKind, policy: Policy) -> Iterator[str]:
    rules = policy.by_kind[kind]
    for first, second in combinations(rules, 2):
        if _overlap(first, second, policy):
            yield f"rules {first.id!r} and {second.id!r} overlap: both can apply to the same data of one {kind}"
    governing = [rule for rule in rules if rule.governs]
    named = frozenset[str]().union(*(rule.conditions for rule in governing))
    for world in condition_sets(kind, named):
        if not any(rule.matches(world) for rule in governing):
            case = " + ".join(sorted(world)) or "nothing else known"
            yield f"no rule governs a record of kind {kind!r} ({case})"
            return


def _overlap(first: Rule, second: Rule, policy: Policy) -> bool:
    """Tell whether one record can have two entries of the same data by these rules.

    Parts of a category are different data. So is proof: it is kept beside the data that it is about. Of an erased
    record only the entries are left whose rules survive the erasure.
    """
    if _subject(first, policy) != _subject(second, policy):
        return False
    kept = first.survives_erasure and second.survives_erasure
    for world in condition_sets(first.kind, first.conditions | second.conditions):
        if first.matches(world) and second.matches(world) and (kept or "erased" not in world):
            return True
    return False


def _subject(rule: Rule, policy: Policy) -> tuple[str, str, bool]:
    """What a rule keeps: a category, a part of it, or proof about it."""
    return rule.data, rule.part, policy.classes[rule.retention_class].proof
