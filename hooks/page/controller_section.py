"""Section 1: who the controller is and how it is reached."""

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
_NEEDED = {
    "name": "the controller's name",
    "address": "its address",
    "organisation_number": "its organisation number",
    "privacy_contact": "whom to contact about privacy",
}


def read_controller(
    lines: Sequence[Line],
    sections: Sequence[Section],
    unread: list[str],
    places: Mapping[SectionTopic, SectionHeading],
) -> PublishedController:
    """Read what the labels of the section name, and whether any section speaks of UK GDPR. Adds a sentence to `unread`
    for each thing that a policy needs and that is not there."""
    found: dict[str, str] = {}
    for line in lines:
        name = vocabulary.identify(line.label, vocabulary.FACTS) if line.value else None
        if name:
            found.setdefault(name, line.value)
    if place := places.get("controller"):
        unread += [
            f"{place}: {what} could not be read."
            for name, what in _NEEDED.items()
            if name not in found
        ]
    uk = any(_UK.search(normalize(line.text)) for section in sections for line in section.lines)
    return PublishedController(**found, uk=uk)
