"""Both sources of a draft: the page, and the template that adds what no page says."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hooks.page.normalized_text import slug
from hooks.page.published import PublishedPage
from hooks.page.section_titles import SectionTopic, is_page_title, topics_of

Entries = Mapping[str, Any]
"""The entries of a table in a policy file."""


@dataclass(frozen=True, slots=True)
class DraftSource:
    """The page and the template, with the numbers of the page's sections."""

    page: PublishedPage
    template: Entries
    section_titles: Mapping[int, str]

    @classmethod
    def of(cls, page: PublishedPage) -> DraftSource:
        """Number the sections of the page and load the template."""
        return cls(page, _load_template(), _number_sections(page))

    def section(self, topic: SectionTopic) -> int | None:
        """Return the number of the section on this topic; None if the page has none."""
        heading = self.page.headings.get(topic)
        if heading is None:
            return None
        for number, title in self.section_titles.items():
            if title == heading.title:
                return number
        return None

    def category_ids(self) -> set[str]:
        """Return the ids of the page's data categories."""
        return {category.id for category in self.page.categories}

    def purpose_ids(self) -> set[str]:
        """Return the ids of the page's purposes."""
        return {purpose.id for purpose in self.page.purposes}

    def basis_ids(self) -> set[str]:
        """Return the ids of the page's legal bases."""
        return {basis.id for basis in self.page.bases}

    def class_ids(self) -> set[str]:
        """Return the ids of the page's retention classes."""
        return {published.id for published in self.page.classes}

    def unpublished_recipients(self) -> list[Entries]:
        """Return the template's recipients with a gap that the page does not name, though it names their group."""
        groups = {group.id for group in self.page.groups}
        on_page = {published.id for published in self.page.recipients}
        unpublished: list[Entries] = []
        for recipient in self.template["recipients"]:
            if "gap" not in recipient or recipient["group"] not in groups:
                continue
            names = {recipient["id"], slug(recipient["name"])}
            if names.isdisjoint(on_page):
                unpublished.append(recipient)
        return unpublished

    def filled_gaps(self) -> set[str]:
        """Return the gaps that the page fills.

        The gap of a class is filled if the page names that class. The gap of recipients is filled if the page names
        all of them, or has no group for any of them.
        """
        filled: set[str] = set()
        for recipient in self.template["recipients"]:
            if "gap" in recipient:
                filled.add(recipient["gap"])
        filled -= {recipient["gap"] for recipient in self.unpublished_recipients()}
        class_ids = self.class_ids()
        for name, retention_class in self.template["classes"].items():
            if "gap" in retention_class and name in class_ids:
                filled.add(retention_class["gap"])
        return filled


def _load_template() -> Entries:
    path = Path(__file__).with_name("template.toml")
    return tomllib.loads(path.read_text(encoding="utf-8"))


def _number_sections(page: PublishedPage) -> dict[int, str]:
    """Return the titles of the page's sections by number. A section without a number gets the next free one."""
    titles: dict[int, str] = {}
    printed = {heading.number for heading in page.sections}
    last = 0
    for heading in page.sections:
        is_numbered = heading.number is not None
        is_of_policy = topics_of(heading.title) and not is_page_title(heading.title)
        if not is_numbered and not is_of_policy:
            continue
        number = heading.number or last + 1
        while number in titles or (not is_numbered and number in printed):
            number += 1
        titles[number] = heading.title
        last = number
    return titles
