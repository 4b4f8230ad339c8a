"""The page's read_sections read section by section. What cannot be read is said in `unread`, never guessed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from hooks.page import recipients_section, vocabulary
from hooks.page.controller_section import read_controller
from hooks.page.dates import read_day
from hooks.page.normalized_text import normalize, slug
from hooks.page.normalized_text import words as words_of
from hooks.page.published import ChildrenStatement, PublishedPage, PublishedTerm, SectionHeading
from hooks.page.retention_section import read_classes
from hooks.page.section_lines import Line
from hooks.page.section_titles import TOPIC_LABELS, SectionTopic, is_of_the_whole, topics_of
from hooks.page.sections import Section, read_sections
from hooks.page.vocabulary import Concept

_UPDATED = re.compile(
    r"^\W*(?:this (?:page|policy|privacy policy) was )?(?:last (?:updated|modified|revised|changed)|"
    r"sist (?:oppdatert|endret|revidert))\b"
)
_AGE = re.compile(r"\b(?:under|below|younger than|yngre enn)\b(?: the age of)? (\d{1,2})\b")
_FOR_AN_ORDER = re.compile(
    r"\b(?:fulfil\w*|oppfylle|fullføre)\b[^.]*\b(?:order|ordre|bestilling)\w*"
)
_NEEDED: tuple[SectionTopic, ...] = (
    "controller", "categories", "purposes", "bases", "recipients", "transfers", "retention",
)  # fmt: skip
"""The sections that a policy is made of."""


@dataclass(slots=True)
class Reader:
    """The sections by what they are about; collects what cannot be read."""

    sections: tuple[Section, ...]
    unread: list[str] = field(default_factory=list)

    def lines(self, topic: SectionTopic) -> list[Line]:
        """All lines of the sections on this."""
        return [
            line
            for section in self.sections
            if topic in topics_of(section.title)
            for line in section.lines
        ]

    def places(self) -> dict[SectionTopic, SectionHeading]:
        """The first section on each."""
        found: dict[SectionTopic, SectionHeading] = {}
        for section in self.sections:
            for topic in topics_of(section.title):
                found.setdefault(topic, SectionHeading(section.number, section.title))
        return found


def read_page(
    html: str, *, modified: datetime | None = None, link: str | None = None
) -> PublishedPage:
    """Read the HTML of a page. Raises PageError where it is too deeply nested; all else is said in `unread`."""
    reader = Reader(read_sections(html))
    places = reader.places()
    unread = reader.unread
    unread += _strange(reader.sections)
    unread += [
        f"The page has no section on {TOPIC_LABELS[topic]}."
        for topic in _NEEDED
        if topic not in places
    ]
    named = recipients_section.read_recipients(
        reader.lines("recipients"), reader.lines("marketing")
    )
    return PublishedPage(
        controller=read_controller(reader.lines("controller"), reader.sections, unread, places),
        last_updated=_last_updated(reader.sections, unread),
        modified=modified,
        link=link,
        headings=places,
        sections=tuple(
            SectionHeading(section.number, section.title)
            for section in reader.sections
            if section.title
        ),
        categories=_said(reader, places, "categories", vocabulary.CATEGORIES, "data category"),
        sources=_sources(reader.lines("collection")),
        purposes=_said(reader, places, "purposes", vocabulary.PURPOSES, "purpose"),
        bases=_said(reader, places, "bases", vocabulary.BASES, "legal basis"),
        cookies=tuple(line.label or line.text for line in _items(reader.lines("cookies"))),
        groups=_groups(named.groups, places, unread),
        recipients=named.named,
        safeguards=_said(reader, places, "transfers", vocabulary.SAFEGUARDS, "safeguard"),
        security=tuple(line.text for line in _items(reader.lines("security"))),
        classes=read_classes(reader.lines("retention"), places.get("retention"), unread),
        rights=_rights(reader.lines("rights")),
        authorities=_authorities(reader.lines("complaints")),
        children=_children(reader.lines("children")),
        unread=tuple(unread),
    )


def _items(lines: Sequence[Line]) -> list[Line]:
    """The items of the section's lists; of its labelled lines, where it has no list."""
    return [line for line in lines if line.listed] or [line for line in lines if line.says]


def _said(
    reader: Reader,
    places: Mapping[SectionTopic, SectionHeading],
    topic: SectionTopic,
    concepts: Iterable[Concept],
    what: str,
) -> tuple[PublishedTerm, ...]:
    known = tuple(concepts)
    found: dict[str, PublishedTerm] = {}
    for line in _items(reader.lines(topic)):
        whole = topic in ("purposes", "transfers")
        label = line.text if whole else line.label or line.text
        name = vocabulary.named(label, known)
        name = slug(label) if name in found else name  # a second one is another, and is to be seen
        found.setdefault(name, PublishedTerm(name, label, "" if whole else line.value))
    if not found and topic in places:
        reader.unread.append(f"{places[topic]}: no {what} could be read.")
    return tuple(found.values())


def _groups(
    groups: tuple[PublishedTerm, ...],
    places: Mapping[SectionTopic, SectionHeading],
    unread: list[str],
) -> tuple[PublishedTerm, ...]:
    if not groups and "recipients" in places:
        unread.append(f"{places['recipients']}: no group of recipients could be read.")
    return groups


def _strange(sections: Sequence[Section]) -> Iterator[str]:
    """Sections of which it is not known what they are about, among those of which it is."""
    known = [position for position, section in enumerate(sections) if topics_of(section.title)]
    for position, section in enumerate(sections):
        within = bool(known) and known[0] < position < known[-1]
        strange = (
            section.title and not topics_of(section.title) and not is_of_the_whole(section.title)
        )
        if strange and (within or section.number is not None):
            name = f"Section {section.number}" if section.number else "A section"
            yield f"{name}, “{section.title}”: what it is about is not known."


def _last_updated(sections: Sequence[Section], unread: list[str]) -> date | None:
    lines = [
        line
        for section in sections
        for line in section.lines
        if _UPDATED.match(normalize(line.text))
    ]
    days = {read_day(line.text) for line in lines}
    if len(days) == 1 and (day := next(iter(days))):
        return day
    if lines:
        unread.append(f"“{lines[0].text}”: no date could be read.")
    else:
        unread.append("The page does not print when it was last updated.")
    return None


def _rights(lines: Sequence[Line]) -> tuple[str, ...]:
    """The ids of the rights, in the order of the law; a line may name several."""
    said = [frozenset(words_of(line.text)) for line in lines]
    return tuple(
        concept.id for concept in vocabulary.RIGHTS if any(concept.is_meant(one) for one in said)
    )


def _sources(lines: Sequence[Line]) -> tuple[PublishedTerm, ...]:
    """The ways in which data is collected. A policy can do without: what cannot be read is not asked for."""
    found: dict[str, PublishedTerm] = {}
    for line in _items(lines):
        name = vocabulary.named(line.text, vocabulary.SOURCES)
        found.setdefault(slug(line.text) if name in found else name, PublishedTerm(name, line.text))
    return tuple(found.values())


def _children(lines: Sequence[Line]) -> ChildrenStatement | None:
    """What is said of children, where that names an age."""
    label = " ".join(line.text for line in lines)
    age = _AGE.search(normalize(label))
    return (
        ChildrenStatement(label, int(age[1]), bool(_FOR_AN_ORDER.search(normalize(label))))
        if age
        else None
    )


def _authorities(lines: Sequence[Line]) -> tuple[str, ...]:
    said = frozenset(word for line in lines for word in words_of(line.text))
    return tuple(concept.id for concept in vocabulary.AUTHORITIES if concept.is_meant(said))
