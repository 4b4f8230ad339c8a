"""The answer to a person as plain values, for JSON: ids with their labels, days as ISO dates, sentences in English."""

from __future__ import annotations

from hooks.retention.classify import Entry
from hooks.retention.iso import iso_or_none
from hooks.retention.policy import LegalBasis, Policy, RetentionClass, Term
from hooks.rights.answer import Answer, Asked, Held, Receives, Record
from hooks.rights.complaints import Authority
from hooks.rights.data_sources import ARTICLE, Origin, children_words, origins
from hooks.rights.entitlements import RIGHTS, Entitlement, Stay
from hooks.rights.phrases import kept_until, not_here, stay_words, why
from hooks.rights.requests import meaning_words
from hooks.rights.translation import say

Shown = dict[str, object]

WHERE = {"always": "always", "if-in-uk": "if you live in the UK", "in-uk": "you live in the UK"}

EXTENSION = "GDPR Art. 12(3): may be extended by two further months where necessary, taking into account the "
EXTENSION += (
    "complexity and number of the requests; the person is told so, and why, within the first month"
)


def shown(answer: Answer) -> Shown:
    """All of it; what is not known is null or an empty list, and `notes` say what the answer does not cover."""
    policy = answer.policy
    return {
        "store": answer.store,
        **_who(answer),
        "state": answer.main,
        "made_on": answer.made_on.isoformat(),
        "request": _request(answer),
        "requests": [_asked(asked) for asked in answer.asked],
        "records": [_record(record, answer) for record in answer.records],
        "erased": {
            "count": len(answer.closed),
            "records": [_closed(answer, n) for n in range(len(answer.closed))],
        },
        "sources": [_origin(one) for one in origins(answer.categories, policy)],
        "children": children_words(policy, "en") or None,
        "recipients_only_where_law_requires": [
            {"id": item.id, "name": item.name} for item in answer.where_required
        ],
        "rights": {right: law for right, (law, _) in RIGHTS.items()},
        "complaints": [_authority(authority) for authority in answer.authorities],
        "controller": _controller(policy),
        "policy": _policy(policy),
        "complete": answer.complete,
        "notes": list(_notes(answer)),
    }


def _who(answer: Answer) -> Shown:
    """Name who is answered: by the id that was asked for or, for an address, by the accounts that ever had it."""
    if answer.subject.kind != "email":
        return {answer.subject.kind: int(answer.subject.value)}
    held = {record.id for record in answer.records if record.kind == "customer"}
    return {
        "customers": sorted(
            held | {closed.id for closed in answer.closed if closed.kind == "customer"}
        )
    }


def _request(answer: Answer) -> Shown:
    return {
        "received_on": answer.deadline.received_on.isoformat(),
        "source": answer.deadline.source,
        "answer_by": answer.deadline.answer_by.isoformat(),
        "article": "GDPR Art. 12(3)",
        "extension": EXTENSION,
    }


def _asked(asked: Asked) -> Shown:
    return {
        "type": asked.type,
        "on": asked.on.isoformat(),
        "about": {"kind": asked.kind, "id": asked.id},
        "scope": asked.scope or None,
        "lifted_on": iso_or_none(asked.lifted_on),
        "words": meaning_words(asked, "en"),
    }


def _record(record: Record, answer: Answer) -> Shown:
    return {
        "kind": record.kind,
        "id": record.id,
        "state": record.state,
        "erased_on": iso_or_none(record.closed_on),
        "in_question": record.in_question,
        "entries": [_entry(held, answer) for held in record.held],
        "recipients": [_recipient(got, answer.policy) for got in record.recipients],
        "nobody_named_for": [{"by": what, "way": way} for what, way in record.unnamed],
    }


def _entry(held: Held, answer: Answer) -> Shown:
    policy, entry = answer.policy, held.entry
    return {
        "rule": entry.rule,
        "data": _term(policy.categories[entry.data]),
        "part": entry.part or None,
        "purpose": _term(policy.purposes[entry.purpose]),
        "basis": _basis(policy.bases[entry.basis]),
        "class": _class(policy.classes[entry.retention_class]),
        "kept": kept_until("en", held, answer.made_on),
        "from": held.otherwise.runs_from.isoformat(),
        **_dates(entry),
        "otherwise": _dates(held.otherwise) if held.otherwise != entry else None,
        "action": entry.action,
        "reason": held.otherwise.reason,
        "must_stay": [_stay(stay) for stay in held.stays],
        "restricted_since": iso_or_none(held.restricted_since),
        "rights": [_right(found, held) for found in held.rights],
    }


def _dates(entry: Entry) -> Shown:
    return {
        "review_after": iso_or_none(entry.review_after),
        "delete_after": iso_or_none(entry.delete_after),
        "until": entry.until,
    }


def _stay(stay: Stay) -> Shown:
    return {
        "ground": stay.ground,
        "article": stay.article,
        "law": stay.law or None,
        "until": iso_or_none(stay.until),
        "since": iso_or_none(stay.since),
        "review_on": iso_or_none(stay.review_on),
        "words": stay_words("en", stay),
    }


def _right(found: Entitlement, held: Held) -> Shown:
    return {
        "right": found.right,
        "article": found.article,
        "applies": found.applies,
        "why": why(found, held),
    }


def _recipient(got: Receives, policy: Policy) -> Shown:
    recipient = got.recipient
    return {
        "id": recipient.id,
        "name": recipient.name,
        "group": policy.recipient_groups[recipient.group].label,
        "role": recipient.role,
        "certain": recipient.certain,
        "published": recipient.published.section is not None,
        "data": list(got.data),
        "country": recipient.country,
        "outside_eea_and_uk": recipient.outside,
        "safeguards": [_term(policy.safeguards[name]) for name in recipient.safeguards],
    }


def _origin(origin: Origin) -> Shown:
    sources = [{"id": one.id, "label": one.label, "section": one.section} for one in origin.sources]
    return {"data": origin.data, "from": sources, "article": ARTICLE}


def _closed(answer: Answer, number: int) -> Shown:
    closed = answer.closed[number]
    held = next(
        (one.held for one in answer.records if (one.kind, one.id) == (closed.kind, closed.id)), ()
    )
    return {
        "kind": closed.kind,
        "id": closed.id,
        "state": closed.state,
        "erased_on": iso_or_none(closed.on),
        "left_behind": [one.entry.name for one in held],
    }


def _authority(authority: Authority) -> Shown:
    return {
        "id": authority.id,
        "name": authority.name,
        "address": list(authority.address),
        "url": authority.url,
        "where": WHERE[authority.where],
        "section": authority.section,
        "article": "UK GDPR Art. 77" if authority.is_british else "GDPR Art. 77",
    }


def _controller(policy: Policy) -> Shown:
    controller = policy.controller
    return {
        "name": controller.name,
        "address": controller.address,
        "organisation_number": controller.organisation_number,
        "privacy_contact": controller.privacy_contact,
        "dpo": controller.dpo or None,
    }


def _policy(policy: Policy) -> Shown:
    return {
        "id": policy.id,
        "version": policy.version,
        "effective_from": policy.effective_from.isoformat(),
        "page": policy.page,
    }


def _notes(answer: Answer) -> list[str]:
    """What the answer does not cover, in whole sentences."""
    notes = [
        "Kinds of data are listed, never the data themselves: the person can have a copy (GDPR Art. 15(3))."
    ]
    if answer.main == "unknown" and answer.subject.kind != "email":
        notes.append(
            f"The {answer.subject.kind} itself was not read from the store yet: what it holds is not listed."
        )
    if answer.main == "ignored":
        notes.append("The account is one of a member of staff: what it holds is not listed.")
    if not answer.complete:
        notes.append(
            "Of some records it was not worked out yet whose they are: ask again once all are tagged."
        )
    if answer.uk and not answer.policy.controller.uk:
        notes.append("The policy does not say that UK GDPR may apply: the ICO is not named.")
    source = say("en", "not-here.source", source="GDPR Art. 15(1)(g) and (h)")
    if answer.policy.sources:
        source = say("en", "not-here.automated", source="GDPR Art. 15(1)(h)")
    missing = [*(say("en", name) for name in not_here(answer)), source]
    return [*notes, *(f"Not listed: {words[0].lower()}{words[1:]}" for words in missing)]


def _term(term: Term) -> Shown:
    return {"id": term.id, "label": term.label}


def _basis(basis: LegalBasis) -> Shown:
    return {"id": basis.id, "label": basis.label, "article": basis.article}


def _class(kept: RetentionClass) -> Shown:
    return {
        "id": kept.id,
        "label": kept.label,
        "source": kept.source,
        "published": kept.published.section is not None,
    }
