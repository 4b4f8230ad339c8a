"""The register as plain values, for JSON: ids with their labels, days as ISO dates, each part with its source."""

from __future__ import annotations

from hooks.register.values import (
    Basis,
    ChildrenClause,
    Citation,
    CitedTerm,
    CollectionSource,
    ControllerDetails,
    DataSubjects,
    Disclosure,
    Holding,
    ProcessingActivity,
    Register,
    TimeLimit,
)
from hooks.retention.policy import Gap

JsonObject = dict[str, object]


def as_json(register: Register) -> JsonObject:
    """Return the whole register, always in the same order.

    Where the policy is silent, the value is null, an empty list or a sentence that says so.
    """
    return {
        "made_on": register.made_on.isoformat(),
        "article": "GDPR Art. 30(1)",
        "policy": {
            "id": register.policy_id,
            "version": register.policy_version,
            "effective_from": register.effective_from.isoformat(),
            "page": register.page,
        },
        "controller": _controller(register.controller),
        "stores": [{"name": name, "url": url} for name, url in register.stores],
        "activities": [_activity(activity) for activity in register.activities],
        "collected": [_collection_source(item) for item in register.collected],
        "children": _children(register.children) if register.children else None,
        "recipients": [_recipient(item) for item in register.recipients],
        "security": {
            "measures": list(register.security.measures),
            "source": _source(register.security.source),
        },
        "ledger": {
            "pseudonymised": register.ledger.has_hashes,
            "article": "GDPR Art. 4(5)",
            "words": register.ledger.description,
        },
        "gaps": [_gap(gap) for gap in register.gaps],
        "unanswered": list(register.unanswered),
    }


def _collection_source(source: CollectionSource) -> JsonObject:
    return {**_term(source.term), "data": [category.id for category in source.categories]}


def _gap(gap: Gap) -> JsonObject:
    return {"id": gap.id, "section": gap.section, "choice": gap.choice, "publish": gap.publish}


def _children(children: ChildrenClause) -> JsonObject:
    return {"label": children.label, "age": children.age, "source": _source(children.source)}


def _controller(controller: ControllerDetails) -> JsonObject:
    return {
        "name": controller.name,
        "address": controller.address,
        "organisation_number": controller.organisation_number,
        "privacy_contact": controller.privacy_contact,
        "phone": controller.phone or None,
        "dpo": controller.dpo,
        "uk": controller.uk or None,
        "source": _source(controller.source),
    }


def _activity(activity: ProcessingActivity) -> JsonObject:
    return {
        "purpose": _term(activity.purpose),
        "categories": [_term(item) for item in activity.categories],
        "subjects": [_subjects(item) for item in activity.subjects],
        "bases": [_basis(item) for item in activity.bases],
        "holdings": [_holding(item) for item in activity.holdings],
        "recipients": [_recipient(item) for item in activity.recipients],
        "transfers": [_transfer(item) for item in activity.transfers],
        "note": activity.note or None,
    }


def _holding(holding: Holding) -> JsonObject:
    return {
        "category": holding.category.id,
        "subjects": [item.kind for item in holding.subjects],
        "bases": [item.id for item in holding.bases],
        "time_limit": _time_limit(holding.time_limit),
        "recipients": [item.id for item in holding.recipients],
        "rules": list(holding.rules),
        "sources": [_source(item) for item in holding.sources],
    }


def _time_limit(limit: TimeLimit) -> JsonObject:
    return {
        "class": limit.id,
        "label": limit.label,
        "period": limit.period,
        "clock": limit.clock,
        "runs_from": list(limit.runs_from),
        "at_end": limit.at_end,
        "law": limit.law,
        "published": limit.source.is_published,
        "source": _source(limit.source),
    }


def _recipient(recipient: Disclosure) -> JsonObject:
    return {
        "id": recipient.id,
        "name": recipient.name,
        "group": _term(recipient.group),
        "role": recipient.role,
        "country": recipient.country,
        "gets": [category.id for category in recipient.categories],
        "when": recipient.when,
        "certain": recipient.certain,
        "outside_eea_and_uk": recipient.outside,
        "source": _source(recipient.source),
    }


def _transfer(recipient: Disclosure) -> JsonObject:
    return {
        "recipient": recipient.id,
        "name": recipient.name,
        "safeguards": [_term(safeguard) for safeguard in recipient.safeguards],
        "article": "GDPR Art. 30(1)(e)",
    }


def _subjects(subjects: DataSubjects) -> JsonObject:
    return {"record": subjects.kind, "label": subjects.label}


def _basis(basis: Basis) -> JsonObject:
    return {
        "id": basis.id,
        "label": basis.label,
        "article": basis.article,
        "source": _source(basis.source),
    }


def _term(term: CitedTerm) -> JsonObject:
    return {"id": term.id, "label": term.label, "source": _source(term.source)}


def _source(source: Citation) -> JsonObject:
    if source.is_published:
        return {"section": source.section, "title": source.title}
    return {"section": None, "gap": source.gap or None, "choice": source.choice or None}
