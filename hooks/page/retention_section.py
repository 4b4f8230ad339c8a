"""Section 11 of the page: the retention classes, each with its period, or with a sentence why none could be read."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from hooks.page import vocabulary
from hooks.page.normalized_text import normalize
from hooks.page.periods import NoEndError, read_span
from hooks.page.published import PublishedClass, SectionHeading
from hooks.page.section_lines import Line

_MAX_LABEL_WORDS = 5
_TIME = re.compile(
    r"\d+ ?-?(?:years?|months?|mnd|md|days?|weeks?|år|måned\w*|dag\w*|uke\w*)\b|\b(?:until|inntil)\b"
)
_EXPLAINS = re.compile(
    r"^(?:the|de|activity|aktivitet)\b.*\b(?:counted|runs?|starts?|begins?|means|regnes|beregnes|løper|starter|betyr)\b"
)
_LEAD = re.compile(
    r"^(?:(?:is|are|will be|er|blir|vil bli)\s+)?(?:kept|stored|retained|saved|lagres|oppbevares|lagret|oppbevart)\s+",
    re.I,
)


def read_classes(
    lines: Sequence[Line], heading: SectionHeading | None, unread: list[str]
) -> tuple[PublishedClass, ...]:
    """Read the classes in the order of the page.

    A class with an unknown name counts too; its id is made of its words. Adds a sentence to `unread` for each line
    that might name a class and could not be read, and for each class whose period could not be read. Two lines for
    one class contradict each other: the class then has no period.
    """
    if heading is None:
        return ()
    classes: dict[str, PublishedClass] = {}
    for line in lines:
        item = _labelled(line)
        if item is None:
            if _may_name_a_class(line):
                sentence = "what is kept for how long could not be read."
                unread.append(f"{heading}, “{line.text}”: {sentence}")
            continue
        published = _class(item, heading, unread)
        first = classes.setdefault(published.id, published)
        if first is not published:
            unread.append(
                f"{heading}: “{first.label}” and “{published.label}” are both taken for class {first.id}."
            )
            classes[first.id] = replace(first, span=None)
    if not classes:
        unread.append(f"{heading}: no retention class could be read.")
    return tuple(classes.values())


def _labelled(line: Line) -> Line | None:
    """Return the line with the class as its label and the period as its value; None if it has no such form.

    Without a colon the longest beginning of the line that names a known class is the label.
    """
    if line.label and line.value:
        return line
    words = line.text.split(" ")
    for count in range(min(_MAX_LABEL_WORDS, len(words) - 1), 0, -1):
        label = " ".join(words[:count])
        value = _LEAD.sub("", " ".join(words[count:]))
        has_period = line.is_item or _TIME.search(normalize(value))
        if has_period and vocabulary.identify(label, vocabulary.CLASSES):
            return Line(f"{label}: {value}", label, value, is_item=True)
    return None


def _may_name_a_class(line: Line) -> bool:
    """Tell whether an item, or a line that names a time, might be a class; one that explains a period is none."""
    text = normalize(line.text)
    if _EXPLAINS.search(text):
        return False
    return line.is_item or bool(_TIME.search(text))


def _class(line: Line, heading: SectionHeading, unread: list[str]) -> PublishedClass:
    name = vocabulary.id_for(line.label, vocabulary.CLASSES)
    try:
        span = read_span(line.value)
    except NoEndError as error:
        unread.append(f"{heading}, “{line.label}: {line.value}”: {error}.")
        span = None
    return PublishedClass(name, line.label, line.value, span)
