"""The check of a policy before it is put in force. Each fault is a whole sentence for the operator."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from itertools import combinations

from hooks.retention.conditions import condition_sets, vocabulary
from hooks.retention.facts import KINDS, STAFF_ROLES, RecordKind
from hooks.retention.policy import (
    CLOCKS,
    Policy,
    Published,
    Recipient,
    RetentionClass,
    Rule,
)


def faults(policy: Policy) -> list[str]:
    """List the reasons why the policy cannot be put in force; empty if it can.

    Each is a sentence that names the rule, the class or the recipient.
    """
    sentences = [*_class_faults(policy), *_gap_faults(policy)]
    sentences += _role_faults(policy.meta.customer_roles)
    sentences += _source_faults(policy)
    for recipient in policy.recipients.values():
        sentences += _recipient_faults(recipient, policy)
    for rule in policy.rules:
        sentences += _rule_faults(rule, policy)
    if sentences:
        return sentences  # rules can be compared with each other only if each is right by itself
    for kind in KINDS:
        sentences += _coverage_faults(kind, policy)
    return sentences


# --- classes, gaps, roles, sources and recipients ---


def _class_faults(policy: Policy) -> Iterator[str]:
    for item in policy.classes.values():
        name = f"class {item.id!r}"
        has_period = item.keep is not None
        has_event = item.until is not None
        if has_period == has_event:
            yield f"{name} needs a period (`keep`) or an event (`until`), and not both"
        ends_on_withdrawal = item.until == "consent-withdrawn" and item.clock == "consent"
        if item.until and not ends_on_withdrawal:
            yield f"{name}: its clock {item.clock!r} has no event {item.until!r}"
        if item.proof and item.until:
            yield f"{name} is proof and needs a period (`keep`): proof is not kept without an end"
        if item.review and not item.keep:
            yield f"{name} has `review` but no `keep`"
        if _is_review_after_end(item):
            yield f"{name} may go (`review`) only after it must go (`keep`)"


_ANY_DAY = date(2024, 1, 1)


def _is_review_after_end(item: RetentionClass) -> bool:
    if not item.review or not item.keep:
        return False
    return item.review.after(_ANY_DAY) > item.keep.after(_ANY_DAY)


def _gap_faults(policy: Policy) -> Iterator[str]:
    """Yield a fault for each choice that names a gap which the policy does not describe."""
    for name, origin in _origins(policy):
        if origin.gap and origin.gap not in policy.gaps:
            yield f"{name} names an unknown gap {origin.gap!r}"


def _origins(policy: Policy) -> Iterator[tuple[str, Published]]:
    for item in policy.classes.values():
        yield f"class {item.id!r}", item.published
    for rule in policy.rules:
        yield f"rule {rule.id!r}", rule.published
    for recipient in policy.recipients.values():
        yield f"recipient {recipient.id!r}", recipient.published
    yield "deletion", policy.deletion.published


def _role_faults(customer_roles: frozenset[str]) -> Iterator[str]:
    for role in sorted(customer_roles & STAFF_ROLES):
        yield f"customer_roles names {role!r}, which is a role of staff; the accounts of staff are not customers"


def _source_faults(policy: Policy) -> Iterator[str]:
    for item in policy.sources.values():
        unknown = ", ".join(sorted(item.data.difference(policy.categories)))
        if unknown:
            yield f"source {item.id!r} names an unknown data category {unknown}"


_HOLDABLE = frozenset(KINDS).union(*map(vocabulary, KINDS))
"""The conditions and kinds of records that can make somebody a recipient."""


def _recipient_faults(recipient: Recipient, policy: Policy) -> Iterator[str]:
    name = f"recipient {recipient.id!r}"
    if recipient.group not in policy.recipient_groups:
        yield f"{name} names an unknown group {recipient.group!r}"
    for noun, ids, valid in (
        ("data category", recipient.data, policy.categories.keys()),
        ("condition or kind of record", recipient.holding, _HOLDABLE),
        ("safeguard", frozenset(recipient.safeguards), policy.safeguards.keys()),
    ):
        unknown = ", ".join(sorted(ids - valid))
        if unknown:
            yield f"{name} names an unknown {noun} {unknown}"
    if recipient.outside and not recipient.safeguards:
        yield f"{name} may process outside the EEA and the UK, and no safeguard is named (GDPR Art. 46)"


# --- each rule by itself ---


def _rule_faults(rule: Rule, policy: Policy) -> Iterator[str]:
    name = f"rule {rule.id!r}"
    for noun, id_, valid in (
        ("data category", rule.data, policy.categories.keys()),
        ("purpose", rule.purpose, policy.purposes.keys()),
        ("legal basis", rule.basis, policy.bases.keys()),
        ("retention class", rule.retention_class, policy.classes.keys()),
    ):
        if id_ not in valid:
            yield f"{name} names an unknown {noun} {id_!r}"
    unknown = rule.conditions - vocabulary(rule.kind)
    if unknown:
        words = ", ".join(sorted(unknown))
        yield f"{name} can never match: no condition of {rule.kind!r} is called {words}"
    elif not _can_match(rule):
        yield f"{name} can never match: its conditions exclude each other"
    retention_class = policy.classes.get(rule.retention_class)
    if retention_class:
        yield from _clock_faults(rule, retention_class)


def _can_match(rule: Rule) -> bool:
    combinations_met = condition_sets(rule.kind, rule.conditions)
    return any(map(rule.matches, combinations_met))


def _clock_faults(rule: Rule, retention_class: RetentionClass) -> Iterator[str]:
    name = f"rule {rule.id!r}"
    clock = retention_class.clock
    if clock not in CLOCKS[rule.kind]:
        yield f"{name}: the clock {clock!r} cannot run for {rule.kind!r}"
    if retention_class.proof and rule.basis != "legitimate-interests":
        yield f"{name}: the class {retention_class.id!r} is proof, which rests on legitimate interests"
    if clock == "consent-ended" and "consent-ended" not in rule.all_of:
        yield f"{name}: the clock 'consent-ended' runs only where the rule asks for 'consent-ended'"


# --- all rules of one kind together ---


def _coverage_faults(kind: RecordKind, policy: Policy) -> Iterator[str]:
    """Yield faults if two rules overlap, or if some record of this kind would have no governing rule."""
    rules = policy.by_kind[kind]
    for first, second in combinations(rules, 2):
        if _overlap(first, second, policy):
            yield f"rules {first.id!r} and {second.id!r} overlap: both can apply to the same data of one {kind}"
    governing = [rule for rule in rules if rule.governs]
    conditions: frozenset[str] = frozenset()
    for rule in governing:
        conditions |= rule.conditions
    for combination in condition_sets(kind, conditions):
        if not any(rule.matches(combination) for rule in governing):
            case = " + ".join(sorted(combination)) or "nothing else known"
            yield f"no rule governs a record of kind {kind!r} ({case})"
            return


def _overlap(first: Rule, second: Rule, policy: Policy) -> bool:
    """Tell whether one record can have two entries of the same data by these rules.

    Two parts of a category are different data. Proof is different data too: it is kept beside the data that it is
    about. An erased record has only the entries whose rules survive the erasure.
    """
    if _subject(first, policy) != _subject(second, policy):
        return False
    both_survive = first.survives_erasure and second.survives_erasure
    conditions = first.conditions | second.conditions
    for combination in condition_sets(first.kind, conditions):
        if "erased" in combination and not both_survive:
            continue
        if first.matches(combination) and second.matches(combination):
            return True
    return False


def _subject(rule: Rule, policy: Policy) -> tuple[str, str, bool]:
    """Return the data that a rule is about: a category, a part of it, or proof about it."""
    is_proof = policy.classes[rule.retention_class].proof
    return rule.data, rule.part, is_proof
