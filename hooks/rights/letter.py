"""The answer to a person as a letter in plain text, 78 columns wide, in English or Norwegian bokmål.

The service knows neither name nor postal address. The letter has a placeholder, and the operator fills it in.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from textwrap import wrap

from hooks.rights.complaints import Authority
from hooks.rights.data_sources import ARTICLE, category_sources, children_text, source_sentences
from hooks.rights.entitlements import RIGHTS
from hooks.rights.labels import (
    AND,
    NORWEGIAN,
    Language,
    article,
    country,
    day,
    entry_label,
    joined,
    label,
)
from hooks.rights.phrases import SOON, ground_text, kept_until, omission_keys, record_name
from hooks.rights.recipients import recipient_points
from hooks.rights.request_texts import consequence_text, request_text
from hooks.rights.translation import RIGHT_MEANINGS, RIGHT_NAMES, translate
from hooks.rights.values import ClosedRecord, HeldCategory, HeldRecord, PersonAnswer

WIDTH = 78

_NO_BREAK = "\u00a0"
_BOUND_SPACE = re.compile(
    r"(?<=[Aa]rt\.) |(?<=nr\.) |(?<=bokstav) |(?<=§) |(?<=\bGDPR) (?=Art)|(?<=\d) (?=[A-Z])|(?<=\d\.) (?=[a-z])"
)
"""The spaces at which no line may end: within an article, and between a day and its month."""

Block = list[str]
"""Lines without an empty line between them."""


def letter(answer: PersonAnswer, language: Language) -> str:
    """Return the whole letter; it ends with a line break."""
    blocks: list[Block] = [
        *_head(answer, language),
        *_deadline(answer, language),
        *_requests(answer, language),
        *_records(answer, language),
        *_sources(answer, language),
        *_recipients(answer, language),
        *_closed_records(answer, language),
        *_your_rights(answer, language),
        *_omissions(answer, language),
        *_complaints(answer, language),
        *_end(answer, language),
    ]
    return "\n\n".join("\n".join(block) for block in blocks) + "\n"


def _heading(text: str) -> Block:
    return [text, "-" * len(text)]


def _paragraph(text: str) -> Block:
    return _point(text, mark="")


def _points(texts: Iterable[str]) -> Block:
    return [line for text in texts for line in _point(text)]


def _point(text: str, mark: str = "- ", indent: int = 0) -> Block:
    first_indent = " " * indent + mark
    lines = wrap(
        _BOUND_SPACE.sub(_NO_BREAK, text),
        WIDTH,
        initial_indent=first_indent,
        subsequent_indent=" " * len(first_indent),
        break_long_words=False,
        break_on_hyphens=False,
    )
    return [line.replace(_NO_BREAK, " ") for line in lines]


def _point_with_details(text: str, mark: str, details: Iterable[str]) -> Block:
    lines = _point(text, mark)
    for detail in details:
        lines += _point(detail, mark="", indent=2)
    return lines


def _head(answer: PersonAnswer, language: Language) -> Iterator[Block]:
    controller, subject = answer.policy.controller, answer.inquiry.subject
    number = translate(language, "organisation", number=controller.organisation_number)
    yield [controller.name, controller.address, number, controller.privacy_contact]
    yield [translate(language, "recipient")]
    yield [day(language, answer.made_on)]
    yield _paragraph(translate(language, f"subject.{subject.kind}", id=subject.value))
    yield [translate(language, "greeting")]
    access = article(language, "GDPR Art. 15")
    copy = article(language, "GDPR Art. 15(3)")
    yield _paragraph(translate(language, "intro", article=access, copy=copy))


def _deadline(answer: PersonAnswer, language: Language) -> Iterator[Block]:
    deadline = answer.deadline
    text = translate(
        language,
        f"deadline.{deadline.source}",
        day=day(language, deadline.received_on),
        end=day(language, deadline.answer_by),
        article=article(language, SOON),
    )
    sentences = [text]
    if deadline.answer_by < answer.made_on:
        sentences.append(translate(language, "deadline.passed"))
    sentences.append(translate(language, "extension"))
    yield _paragraph(" ".join(sentences))


def _requests(answer: PersonAnswer, language: Language) -> Iterator[Block]:
    if not answer.requests:
        return
    yield _heading(translate(language, "asked"))
    lines: Block = []
    for request in answer.requests:
        text = request_text(request, answer, language)
        lines += _point(f"{text}. {consequence_text(request, language)}")
    yield lines


def _records(answer: PersonAnswer, language: Language) -> Iterator[Block]:
    yield _heading(translate(language, "held"))
    if not answer.records:
        yield _paragraph(translate(language, "nothing"))
    for record in answer.records:
        yield _record_lines(record, language)
        yield from _categories(record, answer, language)


def _record_lines(record: HeldRecord, language: Language) -> Block:
    lines = [record_name(language, record.kind, record.id, record.name).upper()]
    if record.state == "trashed":
        lines += _paragraph(translate(language, "state.trashed"))
    if record.state == "erased" and record.closed_on:
        erased_on = day(language, record.closed_on)
        lines += _paragraph(translate(language, "state.erased", day=erased_on))
    if record.refetch_reason:
        lines += _paragraph(translate(language, "in-question"))
    return lines


def _categories(record: HeldRecord, answer: PersonAnswer, language: Language) -> Iterator[Block]:
    """Yield a block for each set of categories about which the letter says the same."""
    groups: dict[tuple[str, ...], list[str]] = {}
    for category in record.categories:
        details = tuple(_category_details(category, answer, language))
        groups.setdefault(details, []).append(entry_label(language, category.entry, answer.policy))
    for details, names in groups.items():
        yield _point_with_details("; ".join(names), "* ", details)


def _category_details(
    category: HeldCategory, answer: PersonAnswer, language: Language
) -> Iterator[str]:
    policy, entry = answer.policy, category.entry
    purpose = label(language, "purpose", entry.purpose, policy)
    basis = label(language, "basis", entry.basis, policy)
    law = article(language, policy.bases[entry.basis].article)
    retention_class = label(language, "class", entry.retention_class, policy)
    yield translate(language, "why", purpose=purpose)
    yield translate(language, "basis", basis=basis, article=law)
    yield translate(language, "class", rule=retention_class)
    yield translate(language, "kept", until=kept_until(language, category, answer.made_on))
    if category.grounds:
        reasons = "; ".join(ground_text(language, ground) for ground in category.grounds)
        yield translate(language, "stays", reasons=reasons) + "."
    yield from _category_rights(category, language)


def _category_rights(category: HeldCategory, language: Language) -> Iterator[str]:
    names = RIGHT_NAMES[language]
    applying = [names[item.right] for item in category.rights if item.applies]
    undecided = [names[item.right] for item in category.rights if item.applies is None]
    if applying:
        yield translate(language, "rights", rights=", ".join(applying))
    if undecided:
        yield translate(language, "undecided", rights=", ".join(undecided))


def _sources(answer: PersonAnswer, language: Language) -> Iterator[Block]:
    policy = answer.policy
    items = category_sources(answer.categories, policy)
    if not items:
        return
    yield _heading(translate(language, "sources"))
    yield _points(source_sentences(items, policy, language))
    law = article(language, ARTICLE)
    yield _paragraph(translate(language, "sources.article", article=law))
    children = children_text(policy, language)
    if children:
        yield _paragraph(children)


def _recipients(answer: PersonAnswer, language: Language) -> Iterator[Block]:
    yield _heading(translate(language, "received"))
    for text, *details in recipient_points(answer, language):
        yield _point_with_details(text, "- ", details)
    if any(record.received for record in answer.records):
        law = article(language, "GDPR Art. 19")
        yield _paragraph(translate(language, "received.told", article=law))


def _closed_records(answer: PersonAnswer, language: Language) -> Iterator[Block]:
    if not answer.closed:
        return
    yield _heading(translate(language, "closed"))
    yield _points(_closed_record(closed, language) for closed in answer.closed)


def _closed_record(closed: ClosedRecord, language: Language) -> str:
    name = record_name(language, closed.kind, closed.id, closed.name)
    if closed.on is None:
        return translate(language, "closed.undated", record=name)
    return translate(language, f"closed.{closed.state}", record=name, day=day(language, closed.on))


def _your_rights(answer: PersonAnswer, language: Language) -> Iterator[Block]:
    yield _heading(translate(language, "your-rights"))
    applying = _applying_rights(answer)
    lines: Block = []
    for right, rule in RIGHTS.items():
        text = translate(
            language,
            "right",
            name=RIGHT_NAMES[language][right].capitalize(),
            article=article(language, rule.article),
            meaning=RIGHT_MEANINGS[language][right],
        )
        if answer.records and right not in applying:
            text += " " + translate(language, "right.none")
        lines += _point(text)
    yield lines
    contact = answer.policy.controller.privacy_contact
    yield _paragraph(translate(language, "write-to", contact=contact))


def _applying_rights(answer: PersonAnswer) -> set[str]:
    """Return the rights that apply to at least one entry."""
    rights: set[str] = set()
    for record in answer.records:
        for category in record.categories:
            rights.update(item.right for item in category.rights if item.applies)
    return rights


def _omissions(answer: PersonAnswer, language: Language) -> Iterator[Block]:
    yield _heading(translate(language, "not-here"))
    yield _points(_omission_sentences(answer, language))
    since = day(language, answer.policy.effective_from)
    yield _paragraph(translate(language, "policy", day=since, page=answer.policy.page))


def _omission_sentences(answer: PersonAnswer, language: Language) -> Iterator[str]:
    subject = answer.inquiry.subject
    if subject.kind != "email" and answer.subject_state in ("unknown", "ignored"):
        key = "not-here.staff" if answer.subject_state == "ignored" else "not-here.unread"
        name = record_name(language, subject.kind, int(subject.value))
        yield translate(language, key, record=name)
    if not answer.is_complete:
        yield translate(language, "not-here.incomplete")
    for key in omission_keys(answer):
        yield translate(language, key)
    source, automated = article(language, ARTICLE), article(language, "GDPR Art. 15(1)(h)")
    if answer.policy.sources:
        yield translate(language, "not-here.automated", source=automated)
    else:
        both = joined((source, automated), AND[language])
        yield translate(language, "not-here.source", source=both)


def _complaints(answer: PersonAnswer, language: Language) -> Iterator[Block]:
    yield _heading(translate(language, "complaints"))
    law = article(language, "GDPR Art. 77")
    yield _paragraph(translate(language, "complaints.intro", article=law))
    lines: Block = []
    for authority in answer.authorities:
        key = f"authority.{authority.where}"
        lines += _point(translate(language, key, authority=_authority(authority, language)))
    yield lines + _point(translate(language, "authority.eea"))


def _authority(authority: Authority, language: Language) -> str:
    name = authority.name
    if language == "no":
        name = NORWEGIAN["authority"].get(authority.id, name)
    parts = [name, *authority.address]
    if authority.country and authority.address:
        parts.append(country(language, authority.country))
    return ", ".join([*parts, authority.url])


def _end(answer: PersonAnswer, language: Language) -> Iterator[Block]:
    controller = answer.policy.controller
    yield [translate(language, "yours"), controller.name, controller.privacy_contact]
