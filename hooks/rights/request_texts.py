"""Sentences about a person's requests, and about what each request means for their data."""

from __future__ import annotations

from hooks.retention.effects import answer_by
from hooks.retention.events import MARKETING
from hooks.rights.entitlements import RIGHTS
from hooks.rights.labels import Language, article, day
from hooks.rights.phrases import RESTRICTED, SOON, record_name
from hooks.rights.translation import translate
from hooks.rights.values import ClosedRecord, HeldRecord, PersonAnswer, PersonRequest

NO_MORE_MARKETING = "GDPR Art. 21(3)"
BEFORE_LIFTING = "GDPR Art. 18(3)"

ARTICLES = {
    "erasure-requested": RIGHTS["erasure"].article,
    "objection": RIGHTS["objection"].article,
    "restriction": RIGHTS["restriction"].article,
}


def request_text(request: PersonRequest, answer: PersonAnswer, language: Language) -> str:
    """Say what the person asked for, on which day, and about which record."""
    return translate(
        language,
        f"asked.{_key(request)}",
        day=day(language, request.on),
        what=_object_of(request, answer, language),
        article=article(language, ARTICLES[request.type]),
    )


def _object_of(request: PersonRequest, answer: PersonAnswer, language: Language) -> str:
    if request.kind == "customer" or request.kind == "person" or request.id is None:
        return translate(language, "about.customer")
    name = _name_of(request, answer)
    record = record_name(language, request.kind, request.id, name)
    return record[:1].lower() + record[1:]


def _name_of(request: PersonRequest, answer: PersonAnswer) -> str:
    """Return the name that a tool gave the record, empty if it has none."""
    records: tuple[ClosedRecord | HeldRecord, ...] = (*answer.closed, *answer.records)
    for record in records:
        if (record.kind, record.id) == (request.kind, request.id):
            return record.name
    return ""


def consequence_text(request: PersonRequest, language: Language) -> str:
    """Say what follows from a request; for a restriction that was lifted, say only that."""
    if request.lifted_on:
        return translate(
            language, "means.restriction-lifted", lifted=day(language, request.lifted_on)
        )
    return translate(
        language,
        f"means.{_key(request)}",
        end=day(language, answer_by(request.on)),
        soon=article(language, SOON),
        marketing=article(language, NO_MORE_MARKETING),
        use=article(language, RESTRICTED),
        lifting=article(language, BEFORE_LIFTING),
    )


def _key(request: PersonRequest) -> str:
    return "objection-to-marketing" if request.scope == MARKETING else request.type
