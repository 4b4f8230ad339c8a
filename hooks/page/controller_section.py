"""Section 1 of the page: the controller, with its address and its contacts."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from hooks.page import vocabulary
from hooks.page.normalized_text import normalize
from hooks.page.published import PublishedController, SectionHeading
from hooks.page.section_lines import Line
from hooks.page.section_titles import SectionTopic
from hooks.page.sections import Section

_UK = re.compile(r"\buk[ -]gdpr\b|\bbritisk(?:e)? gdpr\b")
_REQUIRED = {
    "name": "the controller's name",
    "address": "its address",
    "organisation_number": "its organisation number",
    "privacy_contact": "whom to contact about privacy",
}


def read_controller(
    lines: Sequence[Line],
    sections: Sequence[Section],
    unread: list[str],
    headings: Mapping[SectionTopic, SectionHeading],
) -> PublishedController:
    """Read the labelled lines of the section, and look in all sections for UK GDPR.

    Adds a sentence to `unread` for each fact that a policy needs and the section does not give. Adds none if there is
    no such section: the reader reports that.
    """
    values: dict[str, str] = {}
    for line in lines:
        name = vocabulary.identify(line.label, vocabulary.CONTROLLER_FIELDS)
        if name and line.value:
            values.setdefault(name, line.value)
    heading = headings.get("controller")
    if heading:
        for name, label in _REQUIRED.items():
            if name not in values:
                unread.append(f"{heading}: {label} could not be read.")
    names_uk = any(map(_names_uk, sections))
    return PublishedController(**values, uk=names_uk)


def _names_uk(section: Section) -> bool:
    return any(_UK.search(normalize(line.text)) for line in section.lines)
