"""Sentences that the letter and the JSON share: names of records, how long data are kept, and why they must stay."""

from __future__ import annotations

from datetime import date

from hooks.retention.effects import answer_by
from hooks.retention.events import MARKETING
from hooks.retention.facts import RecordKind
from hooks.retention.schedule import Entry
from hooks.rights.entitlements import BY_LAW, RIGHTS, Entitlement, RetentionGround
from hooks.rights.labels import Language, article, day, joined
from hooks.rights.translation import REASONS, translate
from hooks.rights.values import HeldCategory, PersonAnswer

SOON = "GDPR Art. 12(3)"
RESTRICTED = "GDPR Art. 18(2)"


def record_name(language: Language, kind: RecordKind, number: int, name: str = "") -> str:
    """Name a record by the tool's own name for it, or else by the number that the store knows it by."""
    return translate(language, f"record.{kind}", name=name or number)


def omission_keys(answer: PersonAnswer) -> tuple[str, ...]:
    """Return the keys of the sentences on records that this answer omits because another question finds them."""
    kind = answer.inquiry.subject.kind
    if kind == "order":
        return "not-here.order", "not-here.email"
    if kind == "email" or answer.covers_addresses:
        return ("not-here.address",)
    return "not-here.guest", "not-here.email"


def kept_until(language: Language, category: HeldCategory, today: date) -> str:
    """Say until when an entry is kept, as of `today`; of a suspended entry, also until when it would be otherwise."""
    text = _kept_until(language, category.unsuspended, today)
    if category.restricted_since:
        text = translate(
            language,
            "until.restriction",
            day=day(language, category.restricted_since),
            article=article(language, RESTRICTED),
            otherwise=text,
        )
    if any(ground.kind == "hold" for ground in category.grounds):
        text = translate(language, "until.hold", otherwise=text)
    return text


def _kept_until(language: Language, entry: Entry, today: date) -> str:
    if entry.delete_after is None:
        return translate(language, f"until.{entry.until}")
    last = day(language, entry.delete_after)
    if entry.delete_after < today:
        return translate(language, "until.overdue", day=last)
    if entry.requested_on and _is_brought_forward(entry, entry.requested_on, entry.delete_after):
        asked = day(language, entry.requested_on)
        law = article(language, SOON)
        return translate(language, "until.requested", asked=asked, day=last, article=law)
    if entry.review_after:
        review = day(language, entry.review_after)
        return translate(language, "until.range", review=review, day=last)
    return translate(language, "until.day", day=last)


def _is_brought_forward(entry: Entry, requested_on: date, last: date) -> bool:
    """Tell whether a request or an objection set the last day.

    It did not if the entry's own period ended before the month of the request. An objection ends marketing at once.
    """
    is_objection_to_marketing = entry.data == MARKETING and last == requested_on
    return is_objection_to_marketing or last >= answer_by(requested_on)


def ground_text(language: Language, ground: RetentionGround) -> str:
    """Say why an entry must stay, and under which article."""
    if ground.since:
        return _hold_text(language, ground, ground.since)
    exception = article(language, ground.article)
    if ground.kind == "proof" and ground.until:
        until = day(language, ground.until)
        return translate(language, "stay.proof", day=until, article=exception)
    law = article(language, ground.law)
    if ground.until:
        until = day(language, ground.until)
        return translate(language, "stay.law", day=until, law=law, article=exception)
    return translate(language, "stay.law-open", law=law, article=exception)


def _hold_text(language: Language, hold: RetentionGround, since: date) -> str:
    key = "stay.by-law" if hold.article == BY_LAW else "stay.for-claims"
    exception = article(language, hold.article)
    text = translate(language, key, day=day(language, since), article=exception)
    if hold.review_on:
        text += translate(language, "stay.review", day=day(language, hold.review_on))
    return text


def right_reason(entitlement: Entitlement, category: HeldCategory) -> str:
    """Say in English why a right applies to an entry, or does not."""
    bases = sorted(_basis_name(basis) for basis in RIGHTS[entitlement.right].bases)
    return REASONS[entitlement.reason].format(
        basis=_basis_name(category.entry.basis),
        bases=joined(bases, "or") if bases else "",
        grounds="; ".join(ground_text("en", ground) for ground in category.grounds),
        asked=day("en", category.unsuspended.requested_on or category.unsuspended.runs_from),
    )


def _basis_name(basis: str) -> str:
    return basis.replace("-", " ")
