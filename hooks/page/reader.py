"""The page read section by section. A thing that cannot be read is never guessed: a sentence in `unread` names it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from hooks.page import recipients_section, vocabulary
from hooks.page.controller_section import read_controller
from hooks.page.dates import read_day
from hooks.page.normalized_text import normalize, slug, words_of
from hooks.page.published import (
    ChildrenStatement,
    PublishedClass,
    PublishedController,
    PublishedPage,
    PublishedTerm,
    SectionHeading,
)
from hooks.page.retention_section import read_classes
from hooks.page.section_lines import Line, statements
from hooks.page.section_titles import TOPIC_LABELS, SectionTopic, is_page_title, topics_of
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
_REQUIRED: tuple[SectionTopic, ...] = (
    "controller", "categories", "purposes", "bases", "recipients", "transfers", "retention",
)  # fmt: skip
"""The topics that a policy is made of."""


def read_page(
    html: str, *, modified: datetime | None = None, link: str | None = None
) -> PublishedPage:
    """Read the HTML of a page. Raises PageError if it is nested too deeply; `unread` names all else that is wrong."""
    return _PageReader(read_sections(html)).page(modified, link)


@dataclass(slots=True)
class _PageReader:
    """Reads the sections by their topics, and collects in `unread` a sentence for each thing that cannot be read."""

    sections: tuple[Section, ...]
    unread: list[str] = field(default_factory=list)
    headings: dict[SectionTopic, SectionHeading] = field(default_factory=dict)

    def page(self, modified: datetime | None, link: str | None) -> PublishedPage:
        self._find_headings()
        sharing = self._lines("recipients")
        shared = recipients_section.read_recipients(sharing, self._lines("marketing"))
        return PublishedPage(
            controller=self._controller(),
            headings=self.headings,
            last_updated=self._last_updated(),
            modified=modified,
            link=link,
            sections=tuple(_heading(section) for section in self.sections if section.title),
            categories=self._terms("categories", vocabulary.CATEGORIES, "data category"),
            sources=_terms(self._lines("collection"), vocabulary.SOURCES, whole_line=True),
            purposes=self._terms("purposes", vocabulary.PURPOSES, "purpose", whole_line=True),
            bases=self._terms("bases", vocabulary.BASES, "legal basis"),
            cookies=_names(self._statements("cookies")),
            groups=self._checked(shared.groups, "recipients", "group of recipients"),
            recipients=shared.recipients,
            safeguards=self._safeguards(),
            security=tuple(line.text for line in self._statements("security")),
            classes=self._classes(),
            rights=_rights(self._lines("rights")),
            authorities=_authorities(self._lines("complaints")),
            children=_children(self._lines("children")),
            unread=tuple(self.unread),  # last: the lines above add to it
        )

    def _controller(self) -> PublishedController:
        lines = self._lines("controller")
        return read_controller(lines, self.sections, self.unread, self.headings)

    def _safeguards(self) -> tuple[PublishedTerm, ...]:
        return self._terms("transfers", vocabulary.SAFEGUARDS, "safeguard", whole_line=True)

    def _classes(self) -> tuple[PublishedClass, ...]:
        heading = self.headings.get("retention")
        return read_classes(self._lines("retention"), heading, self.unread)

    def _find_headings(self) -> None:
        """Note the first section on each topic, and report unknown and missing sections."""
        for section in self.sections:
            for topic in topics_of(section.title):
                self.headings.setdefault(topic, _heading(section))
        self.unread.extend(_unknown_sections(self.sections))
        for topic in _REQUIRED:
            if topic not in self.headings:
                self.unread.append(f"The page has no section on {TOPIC_LABELS[topic]}.")

    def _lines(self, topic: SectionTopic) -> list[Line]:
        lines: list[Line] = []
        for section in self.sections:
            if topic in topics_of(section.title):
                lines += section.lines
        return lines

    def _statements(self, topic: SectionTopic) -> list[Line]:
        return statements(self._lines(topic))

    def _terms(
        self,
        topic: SectionTopic,
        concepts: Sequence[Concept],
        singular: str,
        *,
        whole_line: bool = False,
    ) -> tuple[PublishedTerm, ...]:
        """Read the terms of the section; `singular` names one of them in a sentence."""
        terms = _terms(self._lines(topic), concepts, whole_line=whole_line)
        return self._checked(terms, topic, singular)

    def _checked(
        self, terms: tuple[PublishedTerm, ...], topic: SectionTopic, singular: str
    ) -> tuple[PublishedTerm, ...]:
        """Return the terms; report a section of which none could be read."""
        if not terms and topic in self.headings:
            self.unread.append(f"{self.headings[topic]}: no {singular} could be read.")
        return terms

    def _last_updated(self) -> date | None:
        lines = list(_lines_on_update(self.sections))
        days = {read_day(line.text) for line in lines}
        day = None
        if len(days) == 1:
            day = days.pop()
        if not lines:
            self.unread.append("The page does not print when it was last updated.")
        elif day is None:
            self.unread.append(f"“{lines[0].text}”: no date could be read.")
        return day


def _heading(section: Section) -> SectionHeading:
    return SectionHeading(section.number, section.title)


def _names(lines: Iterable[Line]) -> tuple[str, ...]:
    return tuple(line.label or line.text for line in lines)


def _terms(
    lines: Sequence[Line], concepts: Sequence[Concept], *, whole_line: bool
) -> tuple[PublishedTerm, ...]:
    """Read a term from each statement: from its label, or from the whole line, which is then the label.

    If two terms would get the same id, the second one gets an id of its own words instead, so that it is not lost.
    """
    terms: dict[str, PublishedTerm] = {}
    for line in statements(lines):
        label = line.label or line.text
        text = line.value
        if whole_line:
            label = line.text
            text = ""
        name = vocabulary.id_for(label, concepts)
        if name in terms:
            name = slug(label)
        terms.setdefault(name, PublishedTerm(name, label, text))
    return tuple(terms.values())


def _unknown_sections(sections: Sequence[Section]) -> Iterator[str]:
    """Yield a sentence for each section with an unknown topic that has a number, or stands between known sections."""
    positions = [position for position, section in enumerate(sections) if topics_of(section.title)]
    for position, section in enumerate(sections):
        title = section.title
        if not title or topics_of(title) or is_page_title(title):
            continue
        if section.number:
            yield f"Section {section.number}, “{title}”: what it is about is not known."
            continue
        is_between = bool(positions) and positions[0] < position < positions[-1]
        if is_between or section.number is not None:
            yield f"A section, “{title}”: what it is about is not known."


def _lines_on_update(sections: Sequence[Section]) -> Iterator[Line]:
    for section in sections:
        for line in section.lines:
            if _UPDATED.match(normalize(line.text)):
                yield line


def _rights(lines: Sequence[Line]) -> tuple[str, ...]:
    """Return the ids of the rights, in the order of the law. One line may name several."""
    word_sets = [frozenset(words_of(line.text)) for line in lines]
    return tuple(right.id for right in vocabulary.RIGHTS if any(map(right.matches, word_sets)))


def _joined(lines: Iterable[Line]) -> str:
    return " ".join(line.text for line in lines)


def _children(lines: Sequence[Line]) -> ChildrenStatement | None:
    """Return the statement on children, if it names an age."""
    label = _joined(lines)
    text = normalize(label)
    age = _AGE.search(text)
    if age is None:
        return None
    is_for_orders = bool(_FOR_AN_ORDER.search(text))
    return ChildrenStatement(label, int(age[1]), orders_only=is_for_orders)


def _authorities(lines: Sequence[Line]) -> tuple[str, ...]:
    """Return the ids of the supervisory authorities that the section names."""
    words = frozenset(words_of(_joined(lines)))
    return tuple(item.id for item in vocabulary.AUTHORITIES if item.matches(words))
