"""The lines below a heading, each with its label and its value.

A page may write one statement in many forms: `Orders: 5 years` in an item, in a row of a table, as a bold word and the
text after it, or as a label with the value in a list below it. All of them become the same `Line`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from hooks.page.markup import LINE_BREAK, Block, Run
from hooks.page.normalized_text import DASHES, clean

_SEPARATOR = re.compile(
    rf"\s?(?<!\d):(?!//)|\s?:(?![\d/])|(?<!\d) [{DASHES}] | [{DASHES}] (?!\d)|(?<=[^\W\d])—|—(?=[^\W\d])"
)
_EDGES = f" :{DASHES}"
MAX_LABEL = 80
"""The characters of a label; a longer text is a sentence."""


@dataclass(frozen=True, slots=True)
class Line:
    """One statement, as printed.

    `label` is its subject, if a colon, a dash, bold type or a column of a table sets that apart, and `value` what
    follows the label. `is_item` is true for an item of a list and for a row of a table. `depth` tells how deep the
    line is nested: 0 outside lists, and -1 for the heading of a part of the section.
    """

    text: str
    label: str = ""
    value: str = ""
    is_item: bool = False
    depth: int = 0

    @property
    def is_statement(self) -> bool:
        """Tell whether the line is an item or has both label and value. The text that leads to a list has neither."""
        return self.is_item or bool(self.label and self.value)

    def with_values(self, values: Iterable[str]) -> Line:
        """Return the line as the label of the values that stand below it."""
        label = self.label or self.text
        value = "; ".join(filter(None, (self.value, *values)))
        return replace(self, label=label, value=value, text=f"{label}: {value}")


def statements(lines: Sequence[Line]) -> list[Line]:
    """Return the items of a section's lists, or its lines with label and value if it has no list."""
    items = [line for line in lines if line.is_item]
    return items or [line for line in lines if line.is_statement]


def join_lines(lines: Iterable[Line]) -> list[Line]:
    """Join each line that is only a label with the lines below it that have its value."""
    return list(_join_items(_join_paragraphs(lines)))


def text_of(runs: Iterable[Run]) -> str:
    """Return the text of the runs as a reader sees it."""
    return clean("".join(text for text, _ in runs))


def lines_of(block: Block) -> Iterator[Line]:
    """Yield the lines of a block.

    A row of a table is one line. Elsewhere each line break ends a line, unless the text continues after it.
    """
    if block.cells:
        yield _row(block)
        return
    lines: list[Line] = []
    for part in _parts(block.runs):
        line = _line(part, block)
        if lines and _continues(lines[-1], line):
            lines[-1] = _append(lines[-1], line)
        else:
            lines.append(line)
    yield from lines


def _row(block: Block) -> Line:
    label, *values = block.cells
    if values:
        return Line(label, depth=block.depth, is_item=True).with_values(values)
    return _line([(label, False)], block)


def _parts(runs: Sequence[Run]) -> Iterator[list[Run]]:
    """Yield the runs between two line breaks, where these have any text."""
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
    if not label and block.kind == "paragraph" and _is_bold_label(text, part):
        label = text
    return Line(text, label, value, is_item=block.kind == "item", depth=block.depth)


def _is_bold_label(text: str, part: Sequence[Run]) -> bool:
    if len(text) > MAX_LABEL:
        return False
    return all(is_bold for _, is_bold in part)


def _leading_bold(part: Sequence[Run]) -> str:
    """Return the bold text that the part begins with."""
    bold = ""
    for text, is_bold in part:
        if not is_bold and clean(text):
            break
        bold += text
    return clean(bold)


def _split(text: str, bold: str) -> tuple[str, str]:
    """Return label and value; two empty texts if nothing sets a label apart. `bold` is the bold beginning of `text`."""
    after = text[len(bold) :].strip()
    is_partly_bold = bool(bold and after)
    if is_partly_bold and (bold[-1] in _EDGES or after[0] in _EDGES):
        return bold.strip(_EDGES), after.lstrip(_EDGES)
    match = _SEPARATOR.search(text)
    if match and _ends_label(text, match.start()):
        label = text[: match.start()]
        value = text[match.end() :]
        return label.strip(), value.strip()
    if is_partly_bold:
        return bold, after
    return "", ""


def _ends_label(text: str, position: int) -> bool:
    return 0 < position <= MAX_LABEL and ". " not in text[:position]


def _continues(above: Line, line: Line) -> bool:
    """Tell whether a line after a line break continues the one above it."""
    if line.label:
        return False
    return line.is_item or bool(above.label and not above.value)


def _append(above: Line, line: Line) -> Line:
    value = ""
    if above.label:
        value = f"{above.value} {line.text}".strip()
    return replace(above, text=f"{above.text} {line.text}", value=value)


def _join_paragraphs(lines: Iterable[Line]) -> list[Line]:
    """Join each paragraph that is only a label with the paragraph below it."""
    joined: list[Line] = []
    for line in lines:
        if joined and _is_label_of(joined[-1], line):
            joined[-1] = joined[-1].with_values([line.text])
        else:
            joined.append(line)
    return joined


def _is_label_of(above: Line, line: Line) -> bool:
    if above.depth or line.depth:
        return False
    return bool(above.label) and not above.value and not line.label


def _join_items(lines: Sequence[Line]) -> Iterator[Line]:
    """Make each item the label of the items nested below it, unless these have labels of their own."""
    start = 0
    while start < len(lines):
        line = lines[start]
        end = _end_of_nested(lines, start)
        nested = lines[start + 1 : end]
        start = end
        if not nested:
            yield line
        elif any(item.label and item.is_statement for item in nested):
            if line.value:
                yield line
            yield from _join_items(nested)
        else:
            yield line.with_values(item.text for item in nested)


def _end_of_nested(lines: Sequence[Line], start: int) -> int:
    """Return the position after the lines nested below the line at `start`. Below depth 0 no line is nested."""
    depth = lines[start].depth
    end = start + 1
    if not depth:
        return end
    while end < len(lines) and lines[end].depth > depth:
        end += 1
    return end
