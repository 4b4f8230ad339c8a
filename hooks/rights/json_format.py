"""The answer to a person as plain values, for JSON: ids with their labels, days as ISO dates, sentences in English."""

from __future__ import annotations

from collections.abc import Iterator

from hooks.retention.iso import iso_or_none
from hooks.retention.policy import LegalBasis, Policy, RetentionClass, Term
from hooks.retention.schedule import Entry
from hooks.rights.complaints import Authority
from hooks.rights.data_sources import ARTICLE, CategorySources, category_sources, children_text
from hooks.rights.entitlements import RIGHTS, Entitlement, RetentionGround
from hooks.rights.phrases import ground_text, kept_until, omission_keys, right_reason
from hooks.rights.request_texts import consequence_text
from hooks.rights.translation import translate
from hooks.rights.values import (
    ClosedRecord,
    HeldCategory,
    HeldRecord,
    PersonAnswer,
    PersonRequest,
    ReceivedData,
)

JsonObject = dict[str, object]

WHERE = {"always": "always", "if-in-uk": "if you live in the UK", "in-uk": "you live in the UK"}

EXTENSION = (
    "GDPR Art. 12(3): may be extended by two further months where necessary, taking into account the "
    "complexity and number of the requests; the person is told so, and why, within the first month"
)


def as_json(answer: PersonAnswer) -> JsonObject:
    """Return the whole answer.

    A value that is not known is null or an empty list; `notes` say what the answer does not cover.
    """
    policy = answer.policy
    sources = category_sources(answer.categories, policy)
    legal_recipients = answer.legal_recipients
    return {
        "store": answer.inquiry.store,
        **_subject(answer),
        "state": answer.subject_state,
        "made_on": answer.made_on.isoformat(),
        "request": _deadline(answer),
        "requests": [_request(request) for request in answer.requests],
        "records": [_record(record, answer) for record in answer.records],
        "erased": {
            "count": len(answer.closed),
            "records": [_closed(record, answer) for record in answer.closed],
        },
        "sources": [_category_sources(item) for item in sources],
        "children": children_text(policy, "en") or None,
        "recipients_only_where_law_requires": [
            {"id": recipient.id, "name": recipient.name} for recipient in legal_recipients
        ],
        "rights": {right: rule.article for right, rule in RIGHTS.items()},
        "complaints": [_authority(authority) for authority in answer.authorities],
        "controller": _controller(policy),
        "policy": _policy(policy),
        "complete": answer.is_complete,
        "notes": list(_notes(answer)),
    }


def _subject(answer: PersonAnswer) -> JsonObject:
    """Name the person by the id in the inquiry or, for an address, by the accounts that ever had it."""
    subject = answer.inquiry.subject
    if subject.kind != "email":
        return {subject.kind: int(subject.value)}
    records: tuple[HeldRecord | ClosedRecord, ...] = (*answer.records, *answer.closed)
    return {"customers": sorted({record.id for record in records if record.kind == "customer"})}


def _deadline(answer: PersonAnswer) -> JsonObject:
    return {
        "received_on": answer.deadline.received_on.isoformat(),
        "source": answer.deadline.source,
        "answer_by": answer.deadline.answer_by.isoformat(),
        "article": "GDPR Art. 12(3)",
        "extension": EXTENSION,
    }


def _request(request: PersonRequest) -> JsonObject:
    return {
        "type": request.type,
        "on": request.on.isoformat(),
        "about": {"kind": request.kind, "id": request.id},
        "scope": request.scope or None,
        "lifted_on": iso_or_none(request.lifted_on),
        "words": consequence_text(request, "en"),
    }


def _record(record: HeldRecord, answer: PersonAnswer) -> JsonObject:
    policy = answer.policy
    return {
        "kind": record.kind,
        "id": record.id,
        "state": record.state,
        "erased_on": iso_or_none(record.closed_on),
        "in_question": record.refetch_reason,
        "entries": [_entry(category, answer) for category in record.categories],
        "recipients": [_received_data(received, policy) for received in record.received],
        "nobody_named_for": [
            {"by": kind, "way": method} for kind, method in record.unmatched_methods
        ],
    }


def _entry(category: HeldCategory, answer: PersonAnswer) -> JsonObject:
    policy, entry = answer.policy, category.entry
    is_suspended = category.unsuspended != entry
    return {
        "rule": entry.rule,
        "data": _term(policy.categories[entry.data]),
        "part": entry.part or None,
        "purpose": _term(policy.purposes[entry.purpose]),
        "basis": _basis(policy.bases[entry.basis]),
        "class": _class(policy.classes[entry.retention_class]),
        "kept": kept_until("en", category, answer.made_on),
        "from": category.unsuspended.runs_from.isoformat(),
        **_dates(entry),
        "otherwise": _dates(category.unsuspended) if is_suspended else None,
        "action": entry.action,
        "reason": category.unsuspended.reason,
        "must_stay": [_ground(ground) for ground in category.grounds],
        "restricted_since": iso_or_none(category.restricted_since),
        "rights": [_entitlement(entitlement, category) for entitlement in category.rights],
    }


def _dates(entry: Entry) -> JsonObject:
    return {
        "review_after": iso_or_none(entry.review_after),
        "delete_after": iso_or_none(entry.delete_after),
        "until": entry.until,
    }


def _ground(ground: RetentionGround) -> JsonObject:
    return {
        "ground": ground.kind,
        "article": ground.article,
        "law": ground.law or None,
        "until": iso_or_none(ground.until),
        "since": iso_or_none(ground.since),
        "review_on": iso_or_none(ground.review_on),
        "words": ground_text("en", ground),
    }


def _entitlement(entitlement: Entitlement, category: HeldCategory) -> JsonObject:
    return {
        "right": entitlement.right,
        "article": entitlement.article,
        "applies": entitlement.applies,
        "why": right_reason(entitlement, category),
    }


def _received_data(received: ReceivedData, policy: Policy) -> JsonObject:
    recipient = received.recipient
    return {
        "id": recipient.id,
        "name": recipient.name,
        "group": policy.recipient_groups[recipient.group].label,
        "role": recipient.role,
        "certain": recipient.certain,
        "published": recipient.published.section is not None,
        "data": list(received.categories),
        "country": recipient.country,
        "outside_eea_and_uk": recipient.outside,
        "safeguards": [_term(policy.safeguards[name]) for name in recipient.safeguards],
    }


def _category_sources(item: CategorySources) -> JsonObject:
    sources = [
        {"id": source.id, "label": source.label, "section": source.section}
        for source in item.sources
    ]
    return {"data": item.category, "from": sources, "article": ARTICLE}


def _closed(closed: ClosedRecord, answer: PersonAnswer) -> JsonObject:
    return {
        "kind": closed.kind,
        "id": closed.id,
        "state": closed.state,
        "erased_on": iso_or_none(closed.on),
        "left_behind": list(_left_behind(closed, answer)),
    }


def _left_behind(closed: ClosedRecord, answer: PersonAnswer) -> Iterator[str]:
    """Yield the names of the entries that are still held of a closed record."""
    for record in answer.records:
        if (record.kind, record.id) == (closed.kind, closed.id):
            for category in record.categories:
                yield category.entry.name


def _authority(authority: Authority) -> JsonObject:
    return {
        "id": authority.id,
        "name": authority.name,
        "address": list(authority.address),
        "url": authority.url,
        "where": WHERE[authority.where],
        "section": authority.section,
        "article": "UK GDPR Art. 77" if authority.is_british else "GDPR Art. 77",
    }


def _controller(policy: Policy) -> JsonObject:
    controller = policy.controller
    return {
        "name": controller.name,
        "address": controller.address,
        "organisation_number": controller.organisation_number,
        "privacy_contact": controller.privacy_contact,
        "dpo": controller.dpo or None,
    }


def _policy(policy: Policy) -> JsonObject:
    return {
        "id": policy.id,
        "version": policy.version,
        "effective_from": policy.effective_from.isoformat(),
        "page": policy.page,
    }


def _notes(answer: PersonAnswer) -> Iterator[str]:
    """Yield whole sentences on what the answer does not cover."""
    subject, policy = answer.inquiry.subject, answer.policy
    yield "Kinds of data are listed, never the data themselves: the person can have a copy (GDPR Art. 15(3))."
    if answer.subject_state == "unknown" and subject.kind != "email":
        yield f"The {subject.kind} itself was not read from the store yet: what it holds is not listed."
    if answer.subject_state == "ignored":
        yield "The account is one of a member of staff: what it holds is not listed."
    if not answer.is_complete:
        yield "The owners of some records are not known yet: ask again once all records are tagged."
    if answer.inquiry.uk and not policy.controller.uk:
        yield "The policy does not say that UK GDPR may apply: the ICO is not named."
    for omission in _omissions(answer):
        yield f"Not listed: {omission[0].lower()}{omission[1:]}"


def _omissions(answer: PersonAnswer) -> Iterator[str]:
    for key in omission_keys(answer):
        yield translate("en", key)
    if answer.policy.sources:
        yield translate("en", "not-here.automated", source="GDPR Art. 15(1)(h)")
    else:
        yield translate("en", "not-here.source", source="GDPR Art. 15(1)(g) and (h)")


def _term(term: Term) -> JsonObject:
    return {"id": term.id, "label": term.label}


def _basis(basis: LegalBasis) -> JsonObject:
    return {"id": basis.id, "label": basis.label, "article": basis.article}


def _class(retention_class: RetentionClass) -> JsonObject:
    return {
        "id": retention_class.id,
        "label": retention_class.label,
        "source": retention_class.source,
        "published": retention_class.published.section is not None,
    }
