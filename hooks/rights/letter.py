"""The answer to a person as a letter in plain text, 78 columns wide, in English or Norwegian bokmål.

The service knows neither name nor address: the operator fills them in where the letter has a place for them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from textwrap import wrap

from hooks.rights.answer import Answer, Closed, Held, Record
from hooks.rights.complaints import Authority
from hooks.rights.data_sources import ARTICLE, children_words, origin_words, origins
from hooks.rights.entitlements import RIGHTS
from hooks.rights.labels import (
    NORWEGIAN,
    Language,
    article,
    country,
    day,
    held_label,
    label,
    listed,
)
from hooks.rights.phrases import SOON, kept_until, not_here, record_name, stay_words
from hooks.rights.recipients import received
from hooks.rights.requests import asked_words, meaning_words
from hooks.rights.translation import MEANT, NAMED, say

WIDTH = 78

_NO_BREAK = "\u00a0"
_BOUND = re.compile(
    r"(?<=[Aa]rt\.) |(?<=nr\.) |(?<=bokstav) |(?<=§) |(?<=\bGDPR) (?=Art)|(?<=\d) (?=[A-Z])|(?<=\d\.) (?=[a-z])"
)
"""Where no line may end: within an article, and between a day and its month."""

Block = list[str]
"""Lines that stand together."""


def letter(answer: Answer, language: Language) -> str:
    """The whole letter; ends with a line break."""
    blocks: list[Block] = [
        *_head(answer, language),
        *_deadline(answer, language),
        *_asked(answer, language),
        *_held(answer, language),
        *_sources(answer, language),
        *_received(answer, language),
        *_closed(answer, language),
        *_your_rights(answer, language),
        *_not_here(answer, language),
        *_complaints(answer, language),
        *_end(answer, language),
    ]
    return "\n\n".join("\n".join(block) for block in blocks) + "\n"


def _paragraph(words: str) -> Block:
    return _point(words, "")


def _point(words: str, mark: str = "- ", indent: int = 0) -> Block:
    first, later = " " * indent + mark, " " * (indent + len(mark))
    together = _BOUND.sub(_NO_BREAK, words)
    lines = wrap(
        together,
        WIDTH,
        initial_indent=first,
        subsequent_indent=later,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return [line.replace(_NO_BREAK, " ") for line in lines]


def _heading(words: str) -> Block:
    return [words, "-" * len(words)]


def _head(answer: Answer, language: Language) -> Iterator[Block]:
    controller = answer.policy.controller
    number = say(language, "organisation", number=controller.organisation_number)
    yield [controller.name, controller.address, number, controller.privacy_contact]
    yield [say(language, "recipient")]
    yield [day(language, answer.made_on)]
    yield _paragraph(say(language, f"subject.{answer.subject.kind}", id=answer.subject.value))
    yield [say(language, "greeting")]
    articles = {
        "article": article(language, "GDPR Art. 15"),
        "copy": article(language, "GDPR Art. 15(3)"),
    }
    yield _paragraph(say(language, "intro", **articles))


def _deadline(answer: Answer, language: Language) -> Iterator[Block]:
    deadline = answer.deadline
    received, end = day(language, deadline.received_on), day(language, deadline.answer_by)
    said = [
        say(
            language,
            f"deadline.{deadline.source}",
            day=received,
            end=end,
            article=article(language, SOON),
        )
    ]
    said += [say(language, "deadline.passed")] if deadline.answer_by < answer.made_on else []
    yield _paragraph(" ".join([*said, say(language, "extension")]))


def _asked(answer: Answer, language: Language) -> Iterator[Block]:
    if not answer.asked:
        return
    yield _heading(say(language, "asked"))
    lines: Block = []
    for asked in answer.asked:
        lines += _point(f"{asked_words(asked, answer, language)}. {meaning_words(asked, language)}")
    yield lines


def _held(answer: Answer, language: Language) -> Iterator[Block]:
    yield _heading(say(language, "held"))
    if not answer.records:
        yield _paragraph(say(language, "nothing"))
    for record in answer.records:
        yield _record_lines(record, language)
        yield from _entries(record, answer, language)


def _record_lines(record: Record, language: Language) -> Block:
    lines = [record_name(language, record.kind, record.id, record.name).upper()]
    if record.state == "trashed":
        lines += _paragraph(say(language, "state.trashed"))
    if record.state == "erased" and record.closed_on:
        lines += _paragraph(say(language, "state.erased", day=day(language, record.closed_on)))
    return lines + (_paragraph(say(language, "in-question")) if record.in_question else [])


def _entries(record: Record, answer: Answer, language: Language) -> Iterator[Block]:
    """Categories of which all else is the same are told together."""
    alike: dict[tuple[str, ...], list[str]] = {}
    for held in record.held:
        name = held_label(language, held.entry, answer.policy)
        alike.setdefault(tuple(_told(held, answer, language)), []).append(name)
    for told, names in alike.items():
        yield _point("; ".join(names), "* ") + [
            line for words in told for line in _point(words, "", 2)
        ]


def _told(held: Held, answer: Answer, language: Language) -> Iterator[str]:
    policy, entry = answer.policy, held.entry
    law = article(language, policy.bases[entry.basis].article)
    yield say(language, "why", purpose=label(language, "purpose", entry.purpose, policy))
    yield say(language, "basis", basis=label(language, "basis", entry.basis, policy), article=law)
    yield say(language, "class", rule=label(language, "class", entry.retention_class, policy))
    yield say(language, "kept", until=kept_until(language, held, answer.made_on))
    yield from _stays(held, language)
    yield from _rights(held, language)


def _stays(held: Held, language: Language) -> Iterator[str]:
    if held.stays:
        yield (
            say(
                language,
                "stays",
                reasons="; ".join(stay_words(language, stay) for stay in held.stays),
            )
            + "."
        )


def _rights(held: Held, language: Language) -> Iterator[str]:
    for key, decision in (("rights", True), ("undecided", None)):
        names = [NAMED[language][found.right] for found in held.rights if found.applies is decision]
        if names:
            yield say(language, key, rights=", ".join(names))


def _sources(answer: Answer, language: Language) -> Iterator[Block]:
    policy = answer.policy
    found = origins(answer.categories, policy)
    if found:
        yield _heading(say(language, "sources"))
        yield [line for words in origin_words(found, policy, language) for line in _point(words)]
        yield _paragraph(say(language, "sources.article", article=article(language, ARTICLE)))
        words = children_words(policy, language)
        if words:
            yield _paragraph(words)


def _received(answer: Answer, language: Language) -> Iterator[Block]:
    yield _heading(say(language, "received"))
    for group in received(answer, language):
        first, *rest = group
        yield _point(first) + [line for words in rest for line in _point(words, "", 2)]
    if any(record.recipients for record in answer.records):
        yield _paragraph(say(language, "received.told", article=article(language, "GDPR Art. 19")))


def _closed(answer: Answer, language: Language) -> Iterator[Block]:
    if not answer.closed:
        return
    yield _heading(say(language, "closed"))
    yield [line for closed in answer.closed for line in _point(_closing(closed, language))]


def _closing(closed: Closed, language: Language) -> str:
    record = record_name(language, closed.kind, closed.id, closed.name)
    if closed.on is None:
        return say(language, "closed.undated", record=record)
    return say(language, f"closed.{closed.state}", record=record, day=day(language, closed.on))


def _your_rights(answer: Answer, language: Language) -> Iterator[Block]:
    yield _heading(say(language, "your-rights"))
    found = {
        right.right
        for record in answer.records
        for held in record.held
        for right in held.rights
        if right.applies
    }
    lines: Block = []
    for right, (law, _) in RIGHTS.items():
        parts = {"name": NAMED[language][right].capitalize(), "meaning": MEANT[language][right]}
        words = say(language, "right", article=article(language, law), **parts)
        none = "" if right in found or not answer.records else " " + say(language, "right.none")
        lines += _point(words + none)
    yield lines
    yield _paragraph(say(language, "write-to", contact=answer.policy.controller.privacy_contact))


def _not_here(answer: Answer, language: Language) -> Iterator[Block]:
    yield _heading(say(language, "not-here"))
    yield [line for words in _missing(answer, language) for line in _point(words)]
    since = day(language, answer.policy.effective_from)
    yield _paragraph(say(language, "policy", day=since, page=answer.policy.page))


def _missing(answer: Answer, language: Language) -> Iterator[str]:
    kind = answer.subject.kind
    if kind != "email" and answer.main in ("unknown", "ignored"):
        key = "not-here.staff" if answer.main == "ignored" else "not-here.unread"
        yield say(language, key, record=record_name(language, kind, int(answer.subject.value)))
    if not answer.complete:
        yield say(language, "not-here.incomplete")
    yield from (say(language, name) for name in not_here(answer))
    source, automated = article(language, ARTICLE), article(language, "GDPR Art. 15(1)(h)")
    if answer.policy.sources:
        yield say(language, "not-here.automated", source=automated)
    else:
        yield say(language, "not-here.source", source=listed(language, (source, automated)))


def _complaints(answer: Answer, language: Language) -> Iterator[Block]:
    yield _heading(say(language, "complaints"))
    yield _paragraph(say(language, "complaints.intro", article=article(language, "GDPR Art. 77")))
    lines: Block = []
    for authority in answer.authorities:
        words = _authority(authority, language)
        lines += _point(say(language, f"authority.{authority.where}", authority=words))
    yield lines + _point(say(language, "authority.eea"))


def _authority(authority: Authority, language: Language) -> str:
    name = authority.name
    if language == "no":
        name = NORWEGIAN["authority"].get(authority.id, name)
    where = (
        [country(language, authority.country)] if authority.country and authority.address else []
    )
    return ", ".join([name, *authority.address, *where, authority.url])


def _end(answer: Answer, language: Language) -> Iterator[Block]:
    controller = answer.policy.controller
    yield [say(language, "yours"), controller.name, controller.privacy_contact]
