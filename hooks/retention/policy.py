"""A retention policy: the published page in the form that rules are applied from.

Values only, made by `schemas.policy` from TOML; `faults` says what is wrong with one in whole sentences.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Literal
from zoneinfo import ZoneInfo

from hooks.retention.clock import AccountingYear, Period
from hooks.retention.conditions import vocabulary, worlds
from hooks.retention.facts import KINDS, RecordKind

Clock = Literal["accounting-year-end", "last-activity", "request-closed", "consent", "created"]

CLOCKS: dict[RecordKind, frozenset[Clock]] = {
    "order": frozenset({"accounting-year-end", "request-closed", "consent", "created"}),
    "customer": frozenset({"last-activity", "consent", "created"}),
    "support-request": frozenset({"request-closed"}),
}
"""The clocks that can run for each kind of record: those whose event its facts can tell."""


@dataclass(frozen=True, slots=True)
class Published:
    """Where a choice comes from: a section of the published page, or, where that is silent, the operator."""

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


@dataclass(frozen=True, slots=True)
class Term:
    """A data category or a purpose of the page: an id for its words."""

    id: str
    label: str
    section: int


@dataclass(frozen=True, slots=True)
class RetentionClass:
    """For how long, counted from what. Either `keep` is set or `until`, an event, is.

    `review` is the shorter end of a range that the page gives: the first day on which the data may go.
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


@dataclass(frozen=True, slots=True)
class Rule:
    """When a record of `kind` meets every condition of `all_of`, and one of `any_of` if there are any,
    it holds `data`, for `purpose`, on `basis`, kept as `retention_class` says."""

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

    def matches(self, conditions: frozenset[str]) -> bool:
        """Whether a record of which `conditions` hold has an entry by this rule."""
        return self.all_of <= conditions and (not self.any_of or bool(self.any_of & conditions))


@dataclass(frozen=True, slots=True)
class MetaVocabulary:
    """Which meta keys of the store tell what: the newsletter choice, and order attribution (by prefix)."""

    newsletter_keys: frozenset[str] = frozenset()
    given: frozenset[str] = frozenset()
    withdrawn: frozenset[str] = frozenset()
    attribution_prefixes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Action:
    """A custom action of the store that closes a request: topic `action.<name>`, its argument the id."""

    name: str
    kind: RecordKind


@dataclass(frozen=True, slots=True)
class Controller:
    """Who answers for the data: section 1 of the page."""

    name: str
    address: str
    organisation_number: str
    privacy_contact: str


@dataclass(frozen=True)
class Policy:
    """A policy that can be put in force; days are days in `time_zone`."""

    id: str
    effective_from: date
    page: str
    controller: Controller
    time_zone: ZoneInfo
    accounting_year: AccountingYear
    sections: Mapping[int, str]
    categories: Mapping[str, Term]
    purposes: Mapping[str, Term]
    bases: Mapping[str, LegalBasis]
    classes: Mapping[str, RetentionClass]
    rules: tuple[Rule, ...]
    meta: MetaVocabulary
    actions: Mapping[str, Action]
    digest: str
    by_kind: Mapping[RecordKind, tuple[Rule, ...]] = field(init=False)

    def __post_init__(self) -> None:
        grouped = {kind: tuple(rule for rule in self.rules if rule.kind == kind) for kind in KINDS}
        object.__setattr__(self, "by_kind", grouped)

    @property
    def gaps(self) -> list[dict[str, str]]:
        """What the operator decided because the page says nothing of it."""
        silent: list[RetentionClass | Rule] = [*self.classes.values(), *self.rules]
        return [{"id": item.id, "choice": item.published.gap} for item in silent if item.published.gap]


def faults(policy: Policy) -> list[str]:
    """What makes the policy unfit to be put in force, a sentence each, naming the rule or class; empty if fit."""
    found = [*_class_faults(policy)]
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
        if item.review and not item.keep:
            yield f"class {item.id!r} has `review` but no `keep`"
        if item.review and item.keep and item.review.after(_ANY_DAY) > item.keep.after(_ANY_DAY):
            yield f"class {item.id!r} may go (`review`) only after it must go (`keep`)"


_ANY_DAY = date(2024, 1, 1)


def _reference_faults(rule: Rule, policy: Policy) -> Iterator[str]:
    for what, name, known in (
        ("data category", rule.data, policy.categories),
        ("purpose", rule.purpose, policy.purposes),
        ("legal basis", rule.basis, policy.bases),
        ("retention class", rule.retention_class, policy.classes),
    ):
        if name not in known:
            yield f"rule {rule.id!r} names an unknown {what} {name!r}"
    unknown = sorted((rule.all_of | rule.any_of) - vocabulary(rule.kind))
    if unknown:
        yield f"rule {rule.id!r} can never match: nothing of {rule.kind!r} is called {', '.join(unknown)}"
    elif not any(rule.matches(world) for world in worlds(rule.kind)):
        yield f"rule {rule.id!r} can never match: its conditions exclude each other"
    chosen = policy.classes.get(rule.retention_class)
    if chosen and chosen.clock not in CLOCKS[rule.kind]:
        yield f"rule {rule.id!r}: the clock {chosen.clock!r} cannot run for {rule.kind!r}"


def _coverage_faults(kind: RecordKind, policy: Policy) -> Iterator[str]:
    overlaps: set[tuple[str, str]] = set()
    ungoverned: frozenset[str] | None = None
    for world in worlds(kind):
        matching = [rule for rule in policy.by_kind[kind] if rule.matches(world)]
        for position, rule in enumerate(matching):
            overlaps |= {(rule.id, other.id) for other in matching[position + 1 :] if other.data == rule.data}
        if ungoverned is None and not any(rule.governs for rule in matching):
            ungoverned = world
    for first, second in sorted(overlaps):
        yield f"rules {first!r} and {second!r} overlap: both can apply to the same data of one {kind}"
    if ungoverned is not None:
        case = " + ".join(sorted(ungoverned)) or "nothing else known"
        yield f"no rule governs a record of kind {kind!r} ({case})"
