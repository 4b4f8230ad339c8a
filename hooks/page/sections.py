"""A page's sections in order, each with its lines: what is said, and what it is said of."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from hooks.page.markup import LINE_BREAK, Block, read_blocks
from hooks.page.normalized_text import clean
from hooks.page.section_lines import LONGEST_LABEL, Line, joined, lines_of, text_of
from hooks.page.section_titles import SectionTopic, topics_of

_NUMBER = re.compile(
    r"(?:§\s*)?(\d{1,2})((?:\.\d{1,2})*)(?:[.):]|\s[–-]|(?=\s))\s*(?=\D)|[IVX]+[.)]\s+"
)


@dataclass(frozen=True, slots=True)
class Section:
    """What stands below one heading; `number` as printed, None where none is."""

    title: str
    number: int | None
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class _Head:
    title: str
    number: int | None
    level: int
    part: bool = False


@dataclass(frozen=True, slots=True)
class _Habits:
    """How the page writes its headings: whether it numbers them, and the highest level at which each topic stands."""

    numbered: bool
    levels: Mapping[SectionTopic, int]

    @classmethod
    def of(cls, found: Iterable[Block]) -> _Habits:
        heads = [
            (_head_of(block, block.depth), block.depth)
            for block in found
            if block.kind == "heading"
        ]
        levels: dict[SectionTopic, int] = {}
        for head, level in heads:
            levels |= {name: min(level, levels.get(name, level)) for name in topics_of(head.title)}
        return cls(any(head.number for head, _ in heads), levels)

    def leads(self, head: _Head) -> bool:
        """Whether there is no higher heading of the same topic."""
        return any(self.levels.get(name, 9) >= head.level for name in topics_of(head.title))


def read_sections(html: str) -> tuple[Section, ...]:
    """The sections of the page in their order; what stands before the first heading is one without a title.

    A heading may be numbered or not, and may have lost its tag, if it is bold or numbered. One below another
    (`<h3>` without a number of its own) is the label of what follows it. Raises PageError as `read_blocks`.
    """
    found = read_blocks(html)
    habits = _Habits.of(found)
    sections: list[tuple[_Head, list[Line]]] = [(_Head("", None, 9), [])]
    for block in found:
        head = _head(block, habits)
        if head is None:
            sections[-1][1].extend(lines_of(block))
        elif _is_part(head, sections[-1][0], habits):
            sections[-1][1].append(Line(head.title, head.title, listed=True, depth=-1))
        else:
            sections.append((head, []))
    return tuple(Section(head.title, head.number, tuple(joined(lines))) for head, lines in sections)


def _head_of(block: Block, level: int) -> _Head:
    text = text_of(block.runs)
    match = _NUMBER.match(text)
    if not match:
        return _Head(text, None, level)
    return _Head(
        text[match.end() :].strip(), int(match[1]) if match[1] else None, level, part=bool(match[2])
    )


def _head(block: Block, habits: _Habits) -> _Head | None:
    """What heading the block is, if it is one."""
    if block.kind == "heading":
        return _head_of(block, block.depth)
    head = _head_of(block, 0)
    if (
        block.kind == "item"
        or len(head.title) > LONGEST_LABEL
        or any(run == LINE_BREAK for run in block.runs[:-1])
    ):
        return None
    bold = all(is_bold for text, is_bold in block.runs if clean(text))
    new = bool(topics_of(head.title) - habits.levels.keys())
    if head.number is not None:
        return head if new or (bold and habits.numbered) else None
    return head if new and bold and not habits.numbered else None


def _is_part(head: _Head, above: _Head, habits: _Habits) -> bool:
    """Whether a heading is one of a part of the section above it."""
    deeper = bool(above.title) and head.level > (above.level or 9)
    return head.part or (
        deeper and head.number is None and (habits.numbered or not habits.leads(head))
    )
