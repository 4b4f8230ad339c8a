"""From the policy to the register of processing activities: GDPR Art. 30(1).

The policy says which data a recipient gets, but not for which purpose. So an activity names every recipient that gets
data which the activity holds.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import date

from hooks.register.citations import cite, cite_controller, cite_security, cite_term
from hooks.register.labels import (
    AT_END,
    HASHES,
    NO_HASHES,
    NO_RECORDS,
    RUNS_FROM,
    SUBJECTS,
    period,
    when,
)
from hooks.register.missing_answers import unanswered
from hooks.register.values import (
    Basis,
    ChildrenClause,
    CitedTerm,
    CollectionSource,
    ControllerDetails,
    DataSubjects,
    Disclosure,
    Holding,
    LedgerContents,
    ProcessingActivity,
    Register,
    SecurityMeasures,
    TimeLimit,
)
from hooks.retention.policy import Children, DataSource, Policy, Published, Recipient, Rule, Term

DPO_UNKNOWN = "The policy does not say whether a data protection officer is appointed."
UK = "It may market or sell to the UK, so that UK GDPR may apply too."


def register(
    policy: Policy, *, on: date, stores: Mapping[str, str] | None = None, has_hashes: bool = False
) -> Register:
    """Return the register by `policy`, drawn up on the day `on`.

    `stores` maps the name of each shop to its address. `has_hashes`: the ledger holds keyed hashes of e-mail
    addresses. Every purpose of the page is an activity, also a purpose for which no rule keeps anything.
    """
    return Register(
        made_on=on,
        policy_id=policy.id,
        policy_version=policy.version,
        effective_from=policy.effective_from,
        page=policy.page,
        controller=_controller(policy),
        stores=tuple(sorted((stores or {}).items())),
        activities=tuple(_activity(purpose, policy) for purpose in policy.purposes.values()),
        collected=tuple(_collection_source(item, policy) for item in policy.sources.values()),
        children=_children(policy.children, policy) if policy.children else None,
        recipients=tuple(_disclosure(item, policy) for item in policy.recipients.values()),
        security=SecurityMeasures(policy.security, cite_security(policy)),
        ledger=LedgerContents(has_hashes, HASHES if has_hashes else NO_HASHES),
        gaps=tuple(policy.gaps.values()),
        unanswered=tuple(unanswered(policy, on)),
    )


def _controller(policy: Policy) -> ControllerDetails:
    controller = policy.controller
    return ControllerDetails(
        name=controller.name,
        address=controller.address,
        organisation_number=controller.organisation_number,
        privacy_contact=controller.privacy_contact,
        phone=controller.phone,
        dpo=controller.dpo or DPO_UNKNOWN,
        uk=UK if controller.uk else "",
        source=cite_controller(policy),
    )


def _collection_source(source: DataSource, policy: Policy) -> CollectionSource:
    categories = _cite_terms(policy.categories, source.data, policy)
    return CollectionSource(cite_term(source, policy), categories)


def _children(children: Children, policy: Policy) -> ChildrenClause:
    return ChildrenClause(children.label, children.age, cite(Published(children.section), policy))


def _activity(purpose: Term, policy: Policy) -> ProcessingActivity:
    rules = [rule for rule in policy.rules if rule.purpose == purpose.id]
    return ProcessingActivity(
        purpose=cite_term(purpose, policy),
        holdings=tuple(_holding(group, policy) for group in _group_by_holding(rules)),
        recipients=tuple(_recipients_of(rules, policy)),
        note="" if rules else NO_RECORDS,
    )


def _recipients_of(rules: Iterable[Rule], policy: Policy) -> Iterator[Disclosure]:
    """Yield the recipients that get something that `rules` keep."""
    ids = {rule.id for rule in rules}
    for recipient in policy.recipients.values():
        if any(rule.id in ids for rule in _rules_behind(recipient, policy)):
            yield _disclosure(recipient, policy)


def _rules_behind(recipient: Recipient, policy: Policy) -> list[Rule]:
    """Return the rules that keep the data which a recipient gets.

    A recipient may get data because a record holds something, such as a newsletter. Then these are the rules that name
    that thing. If no rule names it, they are all rules that keep the same data: too many are better than none.
    """
    rules = [rule for rule in policy.rules if rule.data in recipient.data]
    has_orders = bool(recipient.payment or recipient.shipping)
    if recipient.always or not (has_orders or recipient.holding):
        return rules
    of_orders = [rule for rule in rules if has_orders and rule.kind == "order"]
    if not recipient.holding:
        return of_orders
    of_holding = [rule for rule in rules if _is_about(rule, recipient.holding)]
    return of_orders + (of_holding or rules)


def _is_about(rule: Rule, things: frozenset[str]) -> bool:
    return not things.isdisjoint((rule.kind, *rule.all_of, *rule.any_of))


def _group_by_holding(rules: Iterable[Rule]) -> list[list[Rule]]:
    """Group the rules that keep the same data as the same class, in the order of the policy."""
    groups: dict[tuple[str, str], list[Rule]] = {}
    for rule in rules:
        groups.setdefault((rule.data, rule.retention_class), []).append(rule)
    return list(groups.values())


def _holding(rules: list[Rule], policy: Policy) -> Holding:
    kinds = dict.fromkeys(rule.kind for rule in rules)
    bases = dict.fromkeys(rule.basis for rule in rules)
    return Holding(
        category=cite_term(policy.categories[rules[0].data], policy),
        subjects=tuple(DataSubjects(kind, SUBJECTS[kind]) for kind in kinds),
        bases=tuple(_basis(name, policy) for name in bases),
        time_limit=_time_limit(rules, policy),
        recipients=tuple(_recipients_of(rules, policy)),
        rules=tuple(rule.id for rule in rules),
        sources=tuple(dict.fromkeys(cite(rule.published, policy) for rule in rules)),
    )


def _basis(name: str, policy: Policy) -> Basis:
    basis = policy.bases[name]
    return Basis(basis.id, basis.label, basis.article, cite_term(basis, policy).source)


def _time_limit(rules: list[Rule], policy: Policy) -> TimeLimit:
    retention_class = policy.classes[rules[0].retention_class]
    clock = retention_class.clock
    return TimeLimit(
        id=retention_class.id,
        label=retention_class.label,
        clock=clock,
        period=period(retention_class),
        runs_from=tuple(dict.fromkeys(RUNS_FROM[clock, rule.kind] for rule in rules)),
        at_end=AT_END[retention_class.at_end],
        law=retention_class.source,
        source=cite(retention_class.published, policy),
    )


def _disclosure(recipient: Recipient, policy: Policy) -> Disclosure:
    safeguards = recipient.safeguards if recipient.outside else ()
    return Disclosure(
        id=recipient.id,
        name=recipient.name,
        group=cite_term(policy.recipient_groups[recipient.group], policy),
        role=recipient.role,
        country=recipient.country,
        categories=_cite_terms(policy.categories, recipient.data, policy),
        when=when(recipient),
        certain=recipient.certain,
        outside=recipient.outside,
        safeguards=_cite_terms(policy.safeguards, safeguards, policy),
        source=cite(recipient.published, policy),
    )


def _cite_terms(
    terms: Mapping[str, Term], ids: Iterable[str], policy: Policy
) -> tuple[CitedTerm, ...]:
    """Return the terms with these ids, in the order of the policy."""
    selected = set(ids)
    return tuple(cite_term(term, policy) for term in terms.values() if term.id in selected)
