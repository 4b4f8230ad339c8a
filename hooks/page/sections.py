"""The sections of a page in their order, each with its title, its number and its lines."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from hooks.page.markup import LINE_BREAK, Block, read_blocks
from hooks.page.normalized_text import clean
from hooks.page.section_lines import MAX_LABEL, Line, join_lines, lines_of, text_of
from hooks.page.section_titles import SectionTopic, topics_of

_NUMBER = re.compile(
    r"(?:§\s*)?(\d{1,2})((?:\.\d{1,2})*)(?:[.):]|\s[–-]|(?=\s))\s*(?=\D)|[IVX]+[.)]\s+"
)
_NO_LEVEL = 9
"""A level below any heading that HTML has."""


@dataclass(frozen=True, slots=True)
class Section:
    """The lines below one heading. `number` is the one that the page prints, None if it prints none."""

    title: str
    number: int | None
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class _Heading:
    """A heading, or a paragraph that looks like one: its level is then 0. `is_part` is true for a number like 11.2."""

    title: str
    number: int | None
    level: int
    is_part: bool = False


@dataclass(frozen=True, slots=True)
class _HeadingStyle:
    """The style of the page's headings: their numbering, and the highest level of a heading on each topic."""

    is_numbered: bool
    levels: Mapping[SectionTopic, int]

    @classmethod
    def of(cls, blocks: Iterable[Block]) -> _HeadingStyle:
        is_numbered = False
        levels: dict[SectionTopic, int] = {}
        for block in blocks:
            if block.kind != "heading":
                continue
            heading = _parse_heading(block, block.depth)
            is_numbered = is_numbered or bool(heading.number)
            for topic in topics_of(heading.title):
                highest = levels.get(topic, heading.level)
                levels[topic] = min(heading.level, highest)
        return cls(is_numbered, levels)

    def is_highest(self, heading: _Heading) -> bool:
        """Tell whether no higher heading is on the same topic."""
        topics = topics_of(heading.title)
        return any(self.levels.get(topic, _NO_LEVEL) >= heading.level for topic in topics)

    def is_new(self, heading: _Heading) -> bool:
        """Tell whether the heading is on a topic that no heading tag is on."""
        return bool(topics_of(heading.title) - self.levels.keys())


def read_sections(html: str) -> tuple[Section, ...]:
    """Read the sections of the page in their order. The lines before the first heading are a section without a title.

    A heading may have a number or none. It may have lost its tag, if it is bold or numbered. A heading below another
    one (`<h3>` without a number of its own) is the label of the lines that follow it. Raises PageError as
    `read_blocks` does.
    """
    blocks = read_blocks(html)
    style = _HeadingStyle.of(blocks)
    no_heading = _Heading("", None, _NO_LEVEL)
    sections: list[tuple[_Heading, list[Line]]] = [(no_heading, [])]
    for block in blocks:
        above, lines = sections[-1]
        heading = _heading(block, style)
        if heading is None:
            lines.extend(lines_of(block))
        elif _is_part(heading, above, style):
            lines.append(Line(heading.title, heading.title, is_item=True, depth=-1))
        else:
            sections.append((heading, []))
    return tuple(_section(heading, lines) for heading, lines in sections)


def _section(heading: _Heading, lines: Iterable[Line]) -> Section:
    return Section(heading.title, heading.number, tuple(join_lines(lines)))


def _parse_heading(block: Block, level: int) -> _Heading:
    """Split the block's text into number and title."""
    text = text_of(block.runs)
    match = _NUMBER.match(text)
    if not match:
        return _Heading(text, None, level)
    number = None
    if match[1]:
        number = int(match[1])
    title = text[match.end() :].strip()
    return _Heading(title, number, level, is_part=bool(match[2]))


def _heading(block: Block, style: _HeadingStyle) -> _Heading | None:
    """Return the heading that the block is, with or without a heading tag; None if it is text."""
    if block.kind == "heading":
        return _parse_heading(block, block.depth)
    heading = _parse_heading(block, 0)
    is_long = len(heading.title) > MAX_LABEL
    has_line_break = LINE_BREAK in block.runs[:-1]
    if block.kind == "item" or is_long or has_line_break:
        return None
    is_bold = all(run_is_bold for text, run_is_bold in block.runs if clean(text))
    if heading.number is None:
        is_heading = is_bold and not style.is_numbered and style.is_new(heading)
    else:
        is_heading = style.is_new(heading) or (is_bold and style.is_numbered)
    if not is_heading:
        return None
    return heading


def _is_part(heading: _Heading, above: _Heading, style: _HeadingStyle) -> bool:
    """Tell whether the heading opens a part of the section above it, not a section of its own."""
    if heading.is_part:
        return True
    if not above.title or heading.number is not None:
        return False
    level_above = above.level or _NO_LEVEL
    if heading.level <= level_above:
        return False
    return style.is_numbered or not style.is_highest(heading)
