"""What stands below a heading, line by line: what is said, and what it is said of."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile

from hooks.page.markup import LINE_BREAK, Block, Run
from hooks.page.normalized_text import DASHES, clean

_SEPARATOR = re.compile(
    rf"\s?(?<!\d):(?!//)|\s?:(?![\d/])|(?<!\d) [{DASHES}] | [{DASHES}] (?!\d)|(?<=[^\W\d])—|—(?=[^\W\d])"
)
_EDGES = f" :{DASHES}"
LONGEST_LABEL = 80


@dataclass(frozen=True, slots=True)
class Line:
    """One statement, as printed. `label` is what it speaks of, where that is set apart by a colon, a dash, bold type,
    or a table's column, and `value` what is said of it; `listed` ones are items of a list or rows of a table."""

    text: str
    label: str = ""
    value: str = ""
    listed: bool = False
    depth: int = 0

    @property
    def says(self) -> bool:
        """Whether it is an item, or says something of something; what introduces a list does neither."""
        return self.listed or bool(self.label and self.value)

    def under(self, values: Iterable[str]) -> Line:
        """The line as the label of what stands below it."""
        label = self.label or self.text
        value = "; ".join(part for part in (self.value, *values) if part)
        return replace(self, label=label, value=value, text=f"{label}: {value}")


def joined(lines: Iterable[Line]) -> list[Line]:
    """The lines with those made one of which one is the label of the other."""
    return list(_folded(_paired(lines)))


def text_of(runs: Iterable[Run]) -> str:
    """The runs as a reader sees them."""
    return clean("".join(text for text, _ in runs))


def lines_of(block: Block) -> Iterator[Line]:
    """The lines of a block: one of each row, and of each line break, unless the text only goes on after it."""
    if block.cells:
        label, *values = block.cells
        yield (
            Line(label, depth=block.depth, listed=True).under(values)
            if values
            else _line([(label, False)], block)
        )
        return
    lines: list[Line] = []
    for part in _parts(block.runs):
        line = _line(part, block)
        if lines and _goes_on(lines[-1], line):
            lines[-1] = _joined(lines[-1], line)
        else:
            lines.append(line)
    yield from lines


def _parts(runs: Sequence[Run]) -> Iterator[list[Run]]:
    """The text between line breaks."""
    part: list[Run] = []
    for run in (*runs, LINE_BREAK):
        if run != LINE_BREAK:
            part.append(run)
        elif text_of(part):
            yield part
            part = []


def _line(part: Sequence[Run], block: Block) -> Line:
    text = text_of(part)
    label, value = _split(text, _leading_bold(part))
    if (
        not label
        and block.kind == "paragraph"
        and len(text) <= LONGEST_LABEL
        and all(bold for _, bold in part)
    ):
        label = text
    return Line(text, label, value, listed=block.kind == "item", depth=block.depth)


def _leading_bold(part: Sequence[Run]) -> str:
    bold = ""
    for text, is_bold in part:
        if not is_bold and clean(text):
            break
        bold += text
    return clean(bold)


def _split(text: str, bold: str) -> tuple[str, str]:
    """Label and value; no label where nothing sets one apart."""
    rest = text[len(bold) :].strip()
    if bold and rest and (bold[-1] in _EDGES or rest[0] in _EDGES):
        return bold.strip(_EDGES), rest.lstrip(_EDGES)
    match = _SEPARATOR.search(text)
    if match and 0 < match.start() <= LONGEST_LABEL and ". " not in text[: match.start()]:
        return text[: match.start()].strip(), text[match.end() :].strip()
    return (bold, rest) if bold and rest else ("", "")


def _goes_on(above: Line, line: Line) -> bool:
    """Whether a line after a line break belongs to the one above it."""
    return not line.label and (line.listed or bool(above.label and not above.value))


def _joined(above: Line, line: Line) -> Line:
    value = f"{above.value} {line.text}".strip() if above.label else ""
    return replace(above, text=f"{above.text} {line.text}", value=value)


def _paired(lines: Iterable[Line]) -> list[Line]:
    """With each paragraph that is a label alone joined to the paragraph below it."""
    paired: list[Line] = []
    for line in lines:
        above = paired[-1] if paired else None
        if above and above.label and not (above.value or above.depth or line.label or line.depth):
            paired[-1] = above.under([line.text])
        else:
            paired.append(line)
    return paired


def _folded(lines: Sequence[Line]) -> Iterator[Line]:
    """With each item that has others below it made the label of those, unless they have labels of their own."""
    rest = list(lines)
    while rest:
        line = rest.pop(0)
        below = list(takewhile(lambda one: one.depth > line.depth, rest)) if line.depth else []  # noqa: B023 - used at once
        rest = rest[len(below) :]
        if any(one.label and one.says for one in below):
            yield from [line] if line.value else []
            yield from _folded(below)
        else:
            yield line.under(one.text for one in below) if below else line
