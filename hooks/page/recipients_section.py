"""The recipients that the page names: groups of them, its examples for each group, and the tools of its marketing."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from hooks.page import vocabulary
from hooks.page.normalized_text import clean, normalize, slug, words_of
from hooks.page.published import PublishedRecipient, PublishedTerm
from hooks.page.section_lines import Line, statements

_EXAMPLES = re.compile(
    r"(?P<opened>\()?\s*\b(?:e\.\s?g\.?|for example|such as|including|"
    r"f\.\s?eks\.?|for eksempel|slik som|bl\.\s?a\.?|blant annet)"
    r"[\s,:]*(?P<names>.*)",
    re.IGNORECASE,
)
_IN_BRACKETS = re.compile(r"\[(?P<names>[^\[\]]*)\]")
_BETWEEN = re.compile(r"\s*(?:/|,|;|\||\band\b|\bor\b|\bog\b|\beller\b)\s*")
_MAX_NAME_WORDS = 4
_AROUND = " ()[].:–-"


@dataclass(frozen=True, slots=True)
class RecipientLists:
    """The groups of recipients in the order of the page, and the recipients that it names in each."""

    groups: tuple[PublishedTerm, ...]
    recipients: tuple[PublishedRecipient, ...]


def read_recipients(sharing: Sequence[Line], marketing: Sequence[Line]) -> RecipientLists:
    """Read the lines of the sections on sharing and on marketing."""
    groups: dict[str, PublishedTerm] = {}
    recipients: dict[str, PublishedRecipient] = {}
    for line in statements(sharing):
        label, names = _split(line)
        group = vocabulary.id_for(label, vocabulary.GROUPS)
        if group in groups:
            group = slug(label)
        groups.setdefault(group, PublishedTerm(group, label))
        for name in names:
            recipient = PublishedRecipient(slug(name), name, group, "recipients")
            recipients.setdefault(recipient.id, recipient)
    for name in _tools(marketing):
        tool = PublishedRecipient(slug(name), name, "tools", "marketing")
        recipients.setdefault(tool.id, tool)
    return RecipientLists(tuple(groups.values()), tuple(recipients.values()))


def _split(line: Line) -> tuple[str, list[str]]:
    """Return the group, and the names after 'e.g.', in brackets, or after the group's colon."""
    match = _EXAMPLES.search(line.text) or _IN_BRACKETS.search(line.text)
    if match:
        names = match["names"]
        if match.groupdict().get("opened"):
            names = names.split(")")[0]
        group = clean(line.text[: match.start()])
        return group.strip(_AROUND), list(_names(names))
    if line.label and line.value:
        return line.label, list(filter(_is_name, _names(line.value)))
    return line.text, []


def _names(text: str) -> Iterator[str]:
    for part in _BETWEEN.split(text):
        name = part.strip(_AROUND)
        if name:
            yield name


def _is_name(text: str) -> bool:
    """Tell whether this can be a company's name: few words, with a capital in the first."""
    words = text.split()
    if len(words) > _MAX_NAME_WORDS:
        return False
    return any(map(str.isupper, words[0]))


def _tools(lines: Sequence[Line]) -> Iterator[str]:
    """Yield the names on a line that is labelled as tools, and the known names on any other line."""
    for line in lines:
        if line.value and vocabulary.TOOLS & set(words_of(line.label)):
            yield from _names(line.value)
        else:
            yield from _known_names(normalize(line.text))


def _known_names(text: str) -> Iterator[str]:
    for name in vocabulary.KNOWN_NAMES:
        pattern = re.escape(normalize(name))
        if re.search(rf"\b{pattern}\b", text):
            yield name
