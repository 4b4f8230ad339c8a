"""Section 11: the retention classes, each with its period, or a sentence why none could be read."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from hooks.page import vocabulary
from hooks.page.normalized_text import normalize
from hooks.page.periods import NoEndError, read_span
from hooks.page.published import PublishedClass, SectionHeading
from hooks.page.section_lines import Line

_LONGEST_NAME = 5
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
    lines: Sequence[Line], place: SectionHeading | None, unread: list[str]
) -> tuple[PublishedClass, ...]:
    """The classes in the order of the page; adds to `unread` a sentence for each line that tells none or no period.

    A name that is not known is a class all the same, with an id made of its words.
    """
    if place is None:
        return ()
    found: dict[str, PublishedClass] = {}
    for line in lines:
        item = _labelled(line)
        if item is None:
            unread.extend(_left_out(line, place))
            continue
        one = _class(item, place, unread)
        if one.id in found:
            first, span = found[one.id], None
            unread.append(
                f"{place}: “{first.label}” and “{one.label}” are both taken for class {one.id}."
            )
            one = PublishedClass(first.id, first.label, first.text, span)
        found[one.id] = one
    if not found:
        unread.append(f"{place}: no retention class could be read.")
    return tuple(found.values())


def _labelled(line: Line) -> Line | None:
    """The line as what is kept and for how long; None where it is not one."""
    if line.label and line.value:
        return line
    text = line.text.split(" ")
    for count in range(min(_LONGEST_NAME, len(text) - 1), 0, -1):
        label, value = " ".join(text[:count]), _LEAD.sub("", " ".join(text[count:]))
        if vocabulary.identify(label, vocabulary.CLASSES) and (
            line.listed or _TIME.search(normalize(value))
        ):
            return Line(f"{label}: {value}", label, value, listed=True)
    return None


def _left_out(line: Line, place: SectionHeading) -> Iterator[str]:
    """What introduces the list or explains it is no class; what names a time might be one."""
    if (line.listed or _TIME.search(normalize(line.text))) and not _EXPLAINS.search(
        normalize(line.text)
    ):
        yield f"{place}, “{line.text}”: what is kept for how long could not be read."


def _class(line: Line, place: SectionHeading, unread: list[str]) -> PublishedClass:
    span = None
    try:
        span = read_span(line.value)
    except NoEndError as error:
        unread.append(f"{place}, “{line.label}: {line.value}”: {error}.")
    return PublishedClass(
        vocabulary.named(line.label, vocabulary.CLASSES), line.label, line.value, span
    )
