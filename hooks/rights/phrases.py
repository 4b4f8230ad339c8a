"""Parts of sentences that the letter and the JSON share: what a record is called, until when, and why it must stay."""

from __future__ import annotations

from datetime import date

from hooks.retention.classify import Entry
from hooks.retention.effects import answer_by
from hooks.retention.events import MARKETING
from hooks.retention.facts import RecordKind
from hooks.rights.answer import Answer, Held
from hooks.rights.entitlements import BY_LAW, RIGHTS, Entitlement, Stay
from hooks.rights.labels import Language, article, day, listed
from hooks.rights.translation import WHY, say

SOON = "GDPR Art. 12(3)"
RESTRICTED = "GDPR Art. 18(2)"


def record_name(language: Language, kind: RecordKind, number: int, name: str = "") -> str:
    """What a record is called: by the id that the shop or the tool knows it by."""
    return say(language, f"record.{kind}", name=name or number)


def not_here(answer: Answer) -> tuple[str, ...]:
    """The names of the sentences on what an answer does not list, since it is found by something else."""
    kind = answer.subject.kind
    if kind == "order":
        return "not-here.order", "not-here.email"
    if kind == "email" or answer.guests_told_apart:
        return ("not-here.address",)
    return "not-here.guest", "not-here.email"


def kept_until(language: Language, held: Held, today: date) -> str:
    """Until when an entry is kept, as of `today`; of one that is suspended, until when it would be otherwise."""
    words = _until(language, held.otherwise, today)
    if held.restricted_since:
        since, law = day(language, held.restricted_since), article(language, RESTRICTED)
        words = say(language, "until.restriction", day=since, article=law, otherwise=words)
    if any(stay.ground == "hold" for stay in held.stays):
        words = say(language, "until.hold", otherwise=words)
    return words


def _until(language: Language, entry: Entry, today: date) -> str:
    last = entry.delete_after
    if last is None:
        return say(language, f"until.{entry.until}")
    if last < today:
        return say(language, "until.overdue", day=day(language, last))
    if entry.requested_on and _is_brought_forward(entry, entry.requested_on, last):
        asked, law = day(language, entry.requested_on), article(language, SOON)
        return say(language, "until.requested", asked=asked, day=day(language, last), article=law)
    if entry.review_after:
        return say(
            language,
            "until.range",
            review=day(language, entry.review_after),
            day=day(language, last),
        )
    return say(language, "until.day", day=day(language, last))


def _is_brought_forward(entry: Entry, requested_on: date, last: date) -> bool:
    """Tell whether a request or an objection set the last day, and not the entry's own period, which ended before the
    month of the request. An objection ends marketing at once."""
    is_objection_to_marketing = entry.data == MARKETING and last == requested_on
    return is_objection_to_marketing or last >= answer_by(requested_on)


def stay_words(language: Language, stay: Stay) -> str:
    """Why an entry must stay, and under which article."""
    exception, law = article(language, stay.article), article(language, stay.law)
    if stay.since:
        key = "stay.by-law" if stay.article == BY_LAW else "stay.for-claims"
        words = say(language, key, day=day(language, stay.since), article=exception)
        return words + (
            say(language, "stay.review", day=day(language, stay.review_on))
            if stay.review_on
            else ""
        )
    if stay.ground == "proof" and stay.until:
        return say(language, "stay.proof", day=day(language, stay.until), article=exception)
    if stay.until:
        return say(language, "stay.law", day=day(language, stay.until), law=law, article=exception)
    return say(language, "stay.law-open", law=law, article=exception)


def why(found: Entitlement, held: Held) -> str:
    """Why there is this right over an entry, or is not; in English."""
    bases = listed(
        "en", (basis.replace("-", " ") for basis in sorted(RIGHTS[found.right][1]) or [""])
    )
    reasons = "; ".join(stay_words("en", stay) for stay in held.stays)
    basis = held.entry.basis.replace("-", " ")
    bases, asked = (
        bases.replace(" and ", " or "),
        day("en", held.otherwise.requested_on or held.otherwise.runs_from),
    )
    return WHY[found.because].format(basis=basis, bases=bases, stays=reasons, asked=asked)
