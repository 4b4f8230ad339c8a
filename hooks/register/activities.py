"""From the policy to the register of processing activities: GDPR Art. 30(1).

The policy says which data a recipient gets, not for which purpose: an activity names those who get data that it holds.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import date

from hooks.register.citations import controller_source, named, security_source, source
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
    AboutChildren,
    Activity,
    Answerable,
    Basis,
    Collected,
    Disclosure,
    Holding,
    Ledger,
    Measures,
    Named,
    Open,
    Register,
    Subjects,
    TimeLimit,
)
from hooks.retention.policy import Children, DataSource, Policy, Published, Recipient, Rule, Term

DPO_UNKNOWN = "The policy does not say whether a data protection officer is appointed."
UK = "It may market or sell to the UK, so that UK GDPR may apply too."


def register(
    policy: Policy, *, on: date, stores: Mapping[str, str] | None = None, has_hashes: bool = False
) -> Register:
    """The register by `policy`, as drawn up on the day `on`; `stores` are the shops' addresses by their names.
    `has_hashes`: the ledger holds keyed hashes of e-mail addresses.

    Every purpose of the page is an activity, also one for which no rule keeps anything.
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
        collected=tuple(_collected(item, policy) for item in policy.sources.values()),
        children=_children(policy.children, policy) if policy.children else None,
        recipients=tuple(
            _disclosure(recipient, policy) for recipient in policy.recipients.values()
        ),
        security=Measures(policy.security, security_source(policy)),
        ledger=Ledger(has_hashes, HASHES if has_hashes else NO_HASHES),
        gaps=tuple(
            Open(gap.id, gap.section, gap.choice, gap.publish) for gap in policy.gaps.values()
        ),
        unanswered=tuple(unanswered(policy, on)),
    )


def _controller(policy: Policy) -> Answerable:
    controller = policy.controller
    return Answerable(
        name=controller.name,
        address=controller.address,
        organisation_number=controller.organisation_number,
        privacy_contact=controller.privacy_contact,
        phone=controller.phone,
        dpo=controller.dpo or DPO_UNKNOWN,
        uk=UK if controller.uk else "",
        source=controller_source(policy),
    )


def _collected(item: DataSource, policy: Policy) -> Collected:
    return Collected(named(item, policy), _all_named(policy.categories, item.data, policy))


def _children(children: Children, policy: Policy) -> AboutChildren:
    return AboutChildren(children.label, children.age, source(Published(children.section), policy))


def _activity(purpose: Term, policy: Policy) -> Activity:
    rules = [rule for rule in policy.rules if rule.purpose == purpose.id]
    return Activity(
        purpose=named(purpose, policy),
        holdings=tuple(_holding(group, policy) for group in _grouped(rules)),
        recipients=_recipients(rules, policy),
        note="" if rules else NO_RECORDS,
    )


def _recipients(rules: Iterable[Rule], policy: Policy) -> tuple[Disclosure, ...]:
    """Who gets something that the rules keep."""
    keeping = {rule.id for rule in rules}
    found = policy.recipients.values()
    return tuple(
        _disclosure(one, policy)
        for one in found
        if keeping & {rule.id for rule in _sources(one, policy)}
    )


def _sources(recipient: Recipient, policy: Policy) -> list[Rule]:
    """The rules that keep what a recipient gets. Of what it gets for the sake of something held (a newsletter) they
    are those that speak of that; where none does, any that keep the same data, rather than none."""
    keeping = [rule for rule in policy.rules if rule.data in recipient.data]
    in_some_way = bool(recipient.payment or recipient.shipping)
    if recipient.always or not (in_some_way or recipient.holding):
        return keeping
    by_order = [rule for rule in keeping if in_some_way and rule.kind == "order"]
    speaking = [
        rule for rule in keeping if recipient.holding & {rule.kind, *rule.all_of, *rule.any_of}
    ]
    return [*by_order, *(speaking or (keeping if recipient.holding else []))]


def _grouped(rules: Iterable[Rule]) -> Iterator[list[Rule]]:
    """The rules that keep the same data as the same class, in the order in which the policy has them."""
    groups: dict[tuple[str, str], list[Rule]] = {}
    for rule in rules:
        groups.setdefault((rule.data, rule.retention_class), []).append(rule)
    yield from groups.values()


def _holding(rules: list[Rule], policy: Policy) -> Holding:
    kinds = dict.fromkeys(rule.kind for rule in rules)
    return Holding(
        category=named(policy.categories[rules[0].data], policy),
        subjects=tuple(Subjects(kind, SUBJECTS[kind]) for kind in kinds),
        bases=tuple(_basis(name, policy) for name in dict.fromkeys(rule.basis for rule in rules)),
        time_limit=_time_limit(rules, policy),
        recipients=_recipients(rules, policy),
        rules=tuple(rule.id for rule in rules),
        sources=tuple(dict.fromkeys(source(rule.published, policy) for rule in rules)),
    )


def _basis(name: str, policy: Policy) -> Basis:
    basis = policy.bases[name]
    return Basis(basis.id, basis.label, basis.article, named(basis, policy).source)


def _time_limit(rules: list[Rule], policy: Policy) -> TimeLimit:
    kept = policy.classes[rules[0].retention_class]
    return TimeLimit(
        id=kept.id,
        label=kept.label,
        clock=kept.clock,
        period=period(kept),
        runs_from=tuple(dict.fromkeys(RUNS_FROM[kept.clock, rule.kind] for rule in rules)),
        at_end=AT_END[kept.at_end],
        law=kept.source,
        source=source(kept.published, policy),
    )


def _disclosure(recipient: Recipient, policy: Policy) -> Disclosure:
    return Disclosure(
        id=recipient.id,
        name=recipient.name,
        group=named(policy.recipient_groups[recipient.group], policy),
        role=recipient.role,
        country=recipient.country,
        gets=_all_named(policy.categories, recipient.data, policy),
        when=when(recipient),
        certain=recipient.certain,
        outside=recipient.outside,
        safeguards=_all_named(policy.safeguards, recipient.safeguards, policy)
        if recipient.outside
        else (),
        source=source(recipient.published, policy),
    )


def _all_named(terms: Mapping[str, Term], ids: Iterable[str], policy: Policy) -> tuple[Named, ...]:
    wanted = set(ids)
    return tuple(named(term, policy) for term in terms.values() if term.id in wanted)
