"""Section 1: who the controller is and how it is reached."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from hooks.page import vocabulary
from hooks.page.normalized_text import key
from hooks.page.published import ControllerFacts, Place
from hooks.page.section_lines import Line
from hooks.page.section_titles import Meaning
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
    places: Mapping[Meaning, Place],
) -> ControllerFacts:
    """Read what the labels of the section name, and whether any section speaks of UK GDPR. Adds a sentence to `unread`
    for each thing that a policy needs and that is not there."""
    found: dict[str, str] = {}
    for line in lines:
        name = vocabulary.meant(line.label, vocabulary.FACTS) if line.value else None
        if name:
            found.setdefault(name, line.value)
    if place := places.get("controller"):
        unread += [
            f"{place}: {what} could not be read."
            for name, what in _NEEDED.items()
            if name not in found
        ]
    uk = any(_UK.search(key(line.text)) for section in sections for line in section.lines)
    return ControllerFacts(**found, uk=uk)
