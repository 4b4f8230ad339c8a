"""Whom the page names as recipients: groups of them, the examples it gives, and the tools of its marketing."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from hooks.page import vocabulary
from hooks.page.normalized_text import clean, normalize, slug
from hooks.page.normalized_text import words as words_of
from hooks.page.published import PublishedRecipient, PublishedTerm
from hooks.page.section_lines import Line

_EXAMPLES = re.compile(
    r"(?P<opened>\()?\s*\b(?:e\.\s?g\.?|for example|such as|including|"
    r"f\.\s?eks\.?|for eksempel|slik som|bl\.\s?a\.?|blant annet)"
    r"[\s,:]*(?P<names>.*)",
    re.IGNORECASE,
)
_IN_BRACKETS = re.compile(r"\[(?P<names>[^\[\]]*)\]")
_BETWEEN = re.compile(r"\s*(?:/|,|;|\||\band\b|\bor\b|\bog\b|\beller\b)\s*")
_LONGEST_NAME = 4
_AROUND = " ()[].:–-"


@dataclass(frozen=True, slots=True)
class Recipients:
    """Groups in the order of the page, and who is named in each."""

    groups: tuple[PublishedTerm, ...]
    named: tuple[PublishedRecipient, ...]


def read_recipients(shared: Sequence[Line], marketing: Sequence[Line]) -> Recipients:
    """Read the sections on sharing and on marketing."""
    items = [line for line in shared if line.listed] or [line for line in shared if line.says]
    groups: dict[str, PublishedTerm] = {}
    named: dict[str, PublishedRecipient] = {}
    for line in items:
        label, names = _split(line)
        group = vocabulary.named(label, vocabulary.GROUPS)
        group = slug(label) if group in groups else group
        groups.setdefault(group, PublishedTerm(group, label))
        for name in names:
            named.setdefault(slug(name), PublishedRecipient(slug(name), name, group, "recipients"))
    for name in _tools(marketing):
        named.setdefault(slug(name), PublishedRecipient(slug(name), name, "tools", "marketing"))
    return Recipients(tuple(groups.values()), tuple(named.values()))


def _split(line: Line) -> tuple[str, list[str]]:
    """The group, and the names after 'e.g.', in brackets, or after the group's colon."""
    match = _EXAMPLES.search(line.text) or _IN_BRACKETS.search(line.text)
    if match:
        opened = match.groupdict().get("opened")
        names = match["names"].split(")")[0] if opened else match["names"]
        return clean(line.text[: match.start()]).strip(_AROUND), list(_names(names))
    if line.label and line.value:
        return line.label, [name for name in _names(line.value) if _is_name(name)]
    return line.text, []


def _names(text: str) -> Iterator[str]:
    for part in _BETWEEN.split(text):
        name = part.strip(_AROUND)
        if name:
            yield name


def _is_name(text: str) -> bool:
    """Whether it can be a company's name: few words, the first with a capital in it."""
    return len(text.split()) <= _LONGEST_NAME and any(
        map(str.isupper, text.split(" ", maxsplit=1)[0])
    )


def _tools(lines: Sequence[Line]) -> Iterator[str]:
    for line in lines:
        if line.value and vocabulary.TOOLS & set(words_of(line.label)):
            yield from _names(line.value)
        else:
            yield from (
                name
                for name in vocabulary.KNOWN_NAMES
                if re.search(rf"\b{re.escape(normalize(name))}\b", normalize(line.text))
            )
