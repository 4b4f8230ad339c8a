"""The register as plain values, for JSON: ids with their labels, days as ISO dates, each part with its source."""

from __future__ import annotations

from hooks.register.values import (
    AboutChildren,
    Activity,
    Answerable,
    Basis,
    Disclosure,
    Holding,
    Named,
    Register,
    Source,
    Subjects,
    TimeLimit,
)

Shown = dict[str, object]


def as_json(register: Register) -> Shown:
    """All of it, always in the same order; what the policy does not say is null, an empty list or a sentence."""
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
        "collected": [
            {**_named(item.way), "data": [category.id for category in item.gets]}
            for item in register.collected
        ],
        "children": _children(register.children) if register.children else None,
        "recipients": [_recipient(item) for item in register.recipients],
        "security": {
            "measures": list(register.security.measures),
            "source": _source(register.security.source),
        },
        "ledger": {
            "pseudonymised": register.ledger.has_hashes,
            "article": "GDPR Art. 4(5)",
            "words": register.ledger.words,
        },
        "gaps": [
            {"id": gap.id, "section": gap.section, "choice": gap.choice, "publish": gap.publish}
            for gap in register.gaps
        ],
        "unanswered": list(register.unanswered),
    }


def _children(children: AboutChildren) -> Shown:
    return {"label": children.label, "age": children.age, "source": _source(children.source)}


def _controller(controller: Answerable) -> Shown:
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


def _activity(activity: Activity) -> Shown:
    return {
        "purpose": _named(activity.purpose),
        "categories": [_named(item) for item in activity.categories],
        "subjects": [_subjects(item) for item in activity.subjects],
        "bases": [_basis(item) for item in activity.bases],
        "holdings": [_holding(item) for item in activity.holdings],
        "recipients": [_recipient(item) for item in activity.recipients],
        "transfers": [_transfer(item) for item in activity.transfers],
        "note": activity.note or None,
    }


def _holding(holding: Holding) -> Shown:
    return {
        "category": holding.category.id,
        "subjects": [item.kind for item in holding.subjects],
        "bases": [item.id for item in holding.bases],
        "time_limit": _time_limit(holding.time_limit),
        "recipients": [item.id for item in holding.recipients],
        "rules": list(holding.rules),
        "sources": [_source(item) for item in holding.sources],
    }


def _time_limit(limit: TimeLimit) -> Shown:
    return {
        "class": limit.id,
        "label": limit.label,
        "period": limit.period,
        "clock": limit.clock,
        "runs_from": list(limit.runs_from),
        "at_end": limit.at_end,
        "law": limit.law,
        "published": limit.source.published,
        "source": _source(limit.source),
    }


def _recipient(item: Disclosure) -> Shown:
    return {
        "id": item.id,
        "name": item.name,
        "group": _named(item.group),
        "role": item.role,
        "country": item.country,
        "gets": [category.id for category in item.gets],
        "when": item.when,
        "certain": item.certain,
        "outside_eea_and_uk": item.outside,
        "source": _source(item.source),
    }


def _transfer(item: Disclosure) -> Shown:
    return {
        "recipient": item.id,
        "name": item.name,
        "safeguards": [_named(safeguard) for safeguard in item.safeguards],
        "article": "GDPR Art. 30(1)(e)",
    }


def _subjects(subjects: Subjects) -> Shown:
    return {"record": subjects.kind, "label": subjects.label}


def _basis(basis: Basis) -> Shown:
    return {
        "id": basis.id,
        "label": basis.label,
        "article": basis.article,
        "source": _source(basis.source),
    }


def _named(named: Named) -> Shown:
    return {"id": named.id, "label": named.label, "source": _source(named.source)}


def _source(source: Source) -> Shown:
    if source.published:
        return {"section": source.section, "title": source.title}
    return {"section": None, "gap": source.gap or None, "choice": source.choice or None}
