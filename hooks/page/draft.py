"""A draft of a policy file: what the page says, and around it what no page says, from `template.toml`.

What could not be read is asked for in a comment that begins with `# ASK:`. Where nothing that a policy must have is
missing, the draft can be put in force as it is, and does not differ from the page.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from hooks.page import toml_writer
from hooks.page.draft_parts import DraftParts
from hooks.page.normalized_text import slug
from hooks.page.published import PublishedPage, PublishedTerm, SectionHeading
from hooks.page.section_titles import SectionTopic, is_page_title, topics_of
from hooks.page.vocabulary import ARTICLES

_COMPANY_FORM = re.compile(
    r"\s+(?:ASA?|AB|A/S|ApS|Oy|Ltd\.?|Limited|GmbH|Inc\.?|ENK|DA|SA|B\.?V\.?|LLC|PLC)$",
    re.IGNORECASE,
)


def template() -> dict[str, Any]:
    """What no page says."""
    return tomllib.loads(Path(__file__).with_name("template.toml").read_text(encoding="utf-8"))


def draft(page: PublishedPage, *, today: date | None = None) -> str:
    """The text of a policy file. `today` stands for the day of the version where the page names none."""
    return "\n".join(_Draft(page, SectionNumbers.of(page), template(), today).lines()) + "\n"


@dataclass(frozen=True, slots=True)
class SectionNumbers:
    """The page's sections by number. One that has none gets the next that is free."""

    titles: Mapping[int, str]

    @classmethod
    def of(cls, page: PublishedPage) -> SectionNumbers:
        """Number what the page prints."""
        titles: dict[int, str] = {}
        printed = {place.number for place in page.sections}
        last = 0
        for place in page.sections:
            if place.number is None and (is_page_title(place.title) or not topics_of(place.title)):
                continue
            number = place.number or last + 1
            while number in titles or (place.number is None and number in printed):
                number += 1
            titles[number] = place.title
            last = number
        return cls(titles)

    def number(self, place: SectionHeading | None) -> int | None:
        """Of this section."""
        return next(
            (number for number, title in self.titles.items() if place and title == place.title),
            None,
        )


@dataclass(frozen=True, slots=True)
class _Draft:
    page: PublishedPage
    numbers: SectionNumbers
    template: dict[str, Any]
    today: date | None

    def lines(self) -> Iterator[str]:
        parts = DraftParts(self.page, self.template, self.section)
        yield from self._head()
        yield from ["", *self._controller(), "", "[sections]"]
        yield from (
            toml_writer.line(str(number), title)
            for number, title in sorted(self.numbers.titles.items())
        )
        for name, topic, said in (
            ("categories", "categories", self.page.categories),
            ("sources", "collection", self._sources()),
            ("purposes", "purposes", self.page.purposes),
            ("bases", "bases", self.page.bases),
            ("safeguards", "transfers", self.page.safeguards),
            ("recipient_groups", "recipients", self.page.groups),
        ):
            yield from ["", f"[{name}]"]
            for one in said:
                yield from self._term(name, one, self.section(topic))  # type: ignore[arg-type]
        for one in self.page.sources:
            if not self._data_of(one):
                yield toml_writer.ask(
                    f"Which data comes to the shop this way (`[sources]`): “{one.label}”?"
                )
        yield from parts.recipients()
        yield from self._security()
        yield from parts.children()
        yield from parts.authorities()
        yield from parts.classes()
        yield from parts.deletion()
        yield from parts.gaps()
        yield from parts.rules()
        yield from parts.rest()

    def section(self, topic: SectionTopic) -> int | None:
        """The number of the section on this."""
        return self.numbers.number(self.page.headings.get(topic))

    def _head(self) -> Iterator[str]:
        page = self.page
        yield f"# Drafted from {page.link or 'a privacy policy page'}. What begins with ASK is to be filled in."
        yield from (
            toml_writer.ask(sentence)
            for sentence in page.unread
            if not _is_of_class(sentence, page)
        )
        yield ""
        day = page.last_updated or (page.modified.date() if page.modified else self.today)
        name = slug(_COMPANY_FORM.sub("", page.controller.name or "policy"))[:50].strip("-")
        yield toml_writer.line("id", f"{name}-{day}" if day else name)
        yield toml_writer.line("version", "1")
        if page.last_updated is None:
            yield toml_writer.ask(
                "From which day does this version apply? Its id and this day are to be those of the page."
            )
        yield toml_writer.line("effective_from", day) if day else "# effective_from = 2026-01-01"
        if page.last_updated:
            yield toml_writer.line("last_updated", page.last_updated)
        if page.modified:
            yield toml_writer.line("page_modified", page.modified)
        if page.link:
            yield toml_writer.line("page", page.link)
        else:
            yield from [toml_writer.ask("What is the address of the page?"), '# page = "https://…"']
        yield from (
            toml_writer.line(key, self.template[key])
            for key in ("time_zone", "accounting_year_start")
        )

    def _controller(self) -> Iterator[str]:
        facts = self.page.controller
        yield "[controller]"
        for name in ("name", "address", "organisation_number", "privacy_contact", "phone", "dpo"):
            said = getattr(facts, name)
            if said is not None:
                yield toml_writer.line(name, said)
            elif name not in ("phone", "dpo"):
                yield f'# {name} = "…"'
        yield toml_writer.line("uk", facts.uk)

    def _term(self, table: str, one: PublishedTerm, section: int | None) -> Iterator[str]:
        entries: dict[str, Any] = {"label": one.label}
        if table == "bases":
            letter = ARTICLES.get(one.id)
            if not letter:
                yield toml_writer.ask(
                    f"Which article of the GDPR is the legal basis “{one.label}”?"
                )
            entries |= {
                "covers": one.text or None,
                "article": f"GDPR Art. 6(1)({letter})" if letter else "",
            }
        if table == "sources":
            entries["data"] = self._data_of(one)
        yield toml_writer.inline(one.id, entries | {"section": section})

    def _sources(self) -> tuple[PublishedTerm, ...]:
        """Those of which it is known which data comes from them."""
        return tuple(one for one in self.page.sources if self._data_of(one))

    def _data_of(self, source: PublishedTerm) -> list[str]:
        on_page = {category.id for category in self.page.categories}
        known = self.template["sources"].get(source.id, {"data": []})
        return [name for name in known["data"] if name in on_page]

    def _security(self) -> Iterator[str]:
        if self.page.security:
            yield from ["", "[security]", toml_writer.line("measures", self.page.security)]
            yield toml_writer.line("section", self.section("security"))


def _is_of_class(sentence: str, page: PublishedPage) -> bool:
    """Whether what could not be read is the period of a class, by which it is asked for."""
    return any(
        one.span is None and f"“{one.label}: {one.text}”" in sentence for one in page.classes
    )
