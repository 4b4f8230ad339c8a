"""What a person asked for, and what it means for their data: in words, for the letter and the JSON."""

from __future__ import annotations

from hooks.retention.effects import answer_by
from hooks.retention.events import MARKETING
from hooks.rights.answer import Answer, Asked
from hooks.rights.entitlements import RIGHTS
from hooks.rights.labels import Language, article, day
from hooks.rights.phrases import RESTRICTED, SOON, record_name
from hooks.rights.translation import say

NO_MORE_MARKETING = "GDPR Art. 21(3)"
BEFORE_LIFTING = "GDPR Art. 18(3)"

ARTICLES = {
    "erasure-requested": RIGHTS["erasure"][0],
    "objection": RIGHTS["objection"][0],
    "restriction": RIGHTS["restriction"][0],
}


def asked_words(asked: Asked, answer: Answer, language: Language) -> str:
    """What was asked for, on which day, and of which record."""
    law = article(language, ARTICLES[asked.type])
    what = _about_words(asked, answer, language)
    return say(
        language, f"asked.{_key(asked)}", day=day(language, asked.on), what=what, article=law
    )


def _about_words(asked: Asked, answer: Answer, language: Language) -> str:
    if asked.kind == "customer" or asked.kind == "person" or asked.id is None:
        return say(language, "about.customer")
    names = {(record.kind, record.id): record.name for record in answer.records}
    names |= {(closed.kind, closed.id): closed.name for closed in answer.closed}
    record = record_name(language, asked.kind, asked.id, names.get((asked.kind, asked.id), ""))
    return record[:1].lower() + record[1:]


def meaning_words(asked: Asked, language: Language) -> str:
    """Say what follows from a request; of a restriction that was lifted, that it was."""
    if asked.lifted_on:
        return say(language, "means.restriction-lifted", lifted=day(language, asked.lifted_on))
    return say(
        language,
        f"means.{_key(asked)}",
        end=day(language, answer_by(asked.on)),
        soon=article(language, SOON),
        marketing=article(language, NO_MORE_MARKETING),
        use=article(language, RESTRICTED),
        lifting=article(language, BEFORE_LIFTING),
    )


def _key(asked: Asked) -> str:
    return "objection-to-marketing" if asked.scope == MARKETING else asked.type
