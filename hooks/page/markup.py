"""A page's HTML as read_blocks in the order of reading: headings, paragraphs, and items of lists and tables."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import chain, groupby
from typing import Literal

from bs4 import BeautifulSoup, Tag
from bs4.element import NavigableString, PageElement, PreformattedString

from hooks.errors import PageError
from hooks.page.normalized_text import clean, word_set, words

_HEADINGS = {"h1": 1, "h2": 2, "h3": 3, "h4": 4, "h5": 5, "h6": 6, "summary": 4}
_LISTS = ("ul", "ol", "menu")
_ENTRIES = frozenset({"entry-content", "wp-block-post-content"})
_UNSEEN = word_set(
    "script style template noscript nav footer aside form svg head title button del s strike iframe select"
)
_HIDDEN = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden")
_BLOCKS = word_set(
    "h1 h2 h3 h4 h5 h6 summary ul ol menu li dl dt dd p div section article main body html header hr pre address",
    "table thead tbody tfoot tr td th caption figure figcaption blockquote details center fieldset",
)
_BOLD_STYLE = re.compile(r"font-weight\s*:\s*(bold|bolder|[6-9]00)")
_TABLE_HEADS = word_set(
    "category categories type data kind what period retention term how long time purpose basis recipient name we keep",
    "it legal of the for and kategori kategorier opplysninger hva periode lagringstid oppbevaringstid frist hvor lenge",
    "formål grunnlag vi dem lagrer",
)
"""A table's first row of nothing but these is its heading."""

MAX_LEVELS = 200
"""Of tags within tags. The time that a deeper page takes grows by the square of its length."""

Run = tuple[str, bool]
"""A piece of text, and whether it is bold; a line break is a piece of its own: `LINE_BREAK`."""

LINE_BREAK: Run = ("\n", False)


@dataclass(frozen=True, slots=True)
class Block:
    """`depth` is a heading's level, or how deep an item is nested. `cells` are those of a table's row, or a term and
    its definitions, as text; `runs` is empty then. `item` numbers the items of lists; 0 is none."""

    kind: Literal["heading", "paragraph", "item"]
    depth: int
    runs: tuple[Run, ...] = ()
    cells: tuple[str, ...] = ()
    item: int = 0


class _Soup(BeautifulSoup):
    """Gives up at the first tag that is nested too deeply, so that the rest is not gone through."""

    def pushTag(self, tag: Tag) -> None:  # noqa: N802 - the base class names it so
        """Open a tag. Raises PageError."""
        super().pushTag(tag)
        if len(self.tagStack) > MAX_LEVELS + 1:  # the whole is one of them
            raise PageError(
                f"The page's HTML is nested too deeply to be read: more than {MAX_LEVELS} tags within each other. "
                "Look for tags that are never closed."
            )


def parse_html(html: str) -> BeautifulSoup:
    """The HTML as a tree. Raises PageError where it has more than MAX_LEVELS."""
    return _Soup(html, "html.parser")


def read_blocks(html: str) -> tuple[Block, ...]:
    """The read_blocks of the page's own content: of a whole saved page, what stands around it is left out.

    Raises PageError for a page that is nested too deeply to be gone through.
    """
    try:
        content = _content(_seen(parse_html(html)))
        found = list(_Reader().inside(content, depth=0, bold=False))
    except RecursionError as error:
        raise PageError("The page's HTML is nested too deeply to be read.") from error
    return tuple(_joined(found))


def _joined(found: list[Block]) -> Iterator[Block]:
    """With the paragraphs of one item of a list made lines of it."""
    for (item, _), group in groupby(found, key=lambda block: (block.item, block.kind)):
        together = list(group)
        if not item:
            yield from together
            continue
        runs = chain.from_iterable((*block.runs, LINE_BREAK) for block in together)
        yield replace(together[0], runs=tuple(runs))


def _seen(soup: BeautifulSoup) -> BeautifulSoup:
    """Without what a reader of the text does not see, and what is struck out."""
    for tag in soup.find_all(_is_unseen):
        tag.extract()
    return soup


def _is_unseen(tag: Tag) -> bool:
    return (
        tag.name in _UNSEEN
        or tag.has_attr("hidden")
        or bool(_HIDDEN.search(str(tag.get("style", ""))))
    )


def _content(soup: BeautifulSoup) -> Tag:
    """The part that holds the page's text: the first of the usual ones in which headings, or most paragraphs, are."""
    paragraphs = len(soup.find_all("p"))
    for is_one in (_is_entry, "article", "main", "body"):
        for found in soup.find_all(is_one):
            if (
                len(found.find_all(list(_HEADINGS), limit=2)) > 1
                or len(found.find_all("p")) > paragraphs // 2
            ):
                return found
    return soup


def _is_entry(tag: Tag) -> bool:
    return not _ENTRIES.isdisjoint(tag.get_attribute_list("class"))


class _Reader:
    """Walks through the tree; text gathers in `runs` until the block that it stands in ends."""

    def __init__(self) -> None:
        self.runs: list[Run] = []
        self.items = [0]
        self.count = 0

    def inside(self, tag: Tag, *, depth: int, bold: bool) -> Iterator[Block]:
        """The read_blocks of what the tag holds."""
        for child in tag.children:
            yield from self._child(child, depth=depth, bold=bold)
        yield from self._end(depth)

    def _child(self, child: PageElement, *, depth: int, bold: bool) -> Iterator[Block]:
        if isinstance(child, NavigableString):
            if not isinstance(child, PreformattedString):
                self.runs.append((str(child).replace("\n", " "), bold))
        elif isinstance(child, Tag) and child.name == "br":
            self.runs.append(LINE_BREAK)
        elif isinstance(child, Tag):
            yield from self._tag(child, depth=depth, bold=bold or _is_bold(child))

    def _tag(self, tag: Tag, *, depth: int, bold: bool) -> Iterator[Block]:
        if tag.name not in _BLOCKS:
            for child in tag.children:
                yield from self._child(child, depth=depth, bold=bold)
            return
        yield from self._end(depth)
        if tag.name in _HEADINGS:
            yield from self._heading(tag)
        elif tag.name in (*_LISTS, "li") and tag.find(list(_HEADINGS)):
            yield from self.inside(tag, depth=0, bold=bold)  # a list of whole sections
        elif tag.name in _LISTS:
            yield from self.inside(tag, depth=depth + 1, bold=bold)
        elif tag.name == "li":
            yield from self._item(tag, depth=max(depth, 1), bold=bold)
        elif tag.name in ("table", "dl"):
            cells = _rows(tag) if tag.name == "table" else _definitions(tag)
            yield from (Block("item", depth + 1, cells=row) for row in cells)
        else:
            yield from self.inside(tag, depth=depth, bold=bold)

    def _heading(self, tag: Tag) -> Iterator[Block]:
        text = clean(tag.get_text())
        if text:
            yield Block("heading", _HEADINGS[tag.name], ((text, True),))

    def _item(self, tag: Tag, *, depth: int, bold: bool) -> Iterator[Block]:
        self.count += 1
        self.items.append(self.count)
        yield from self.inside(tag, depth=depth, bold=bold)
        self.items.pop()

    def _end(self, depth: int) -> Iterator[Block]:
        runs, self.runs = tuple(self.runs), []
        if any(clean(text) for text, _ in runs):
            yield Block("item" if depth else "paragraph", depth, runs, item=self.items[-1])


def _is_bold(tag: Tag) -> bool:
    return tag.name in ("strong", "b") or bool(_BOLD_STYLE.search(str(tag.get("style", ""))))


def _text(tag: Tag) -> str:
    return clean(tag.get_text(" "))


def _rows(table: Tag) -> Iterator[tuple[str, ...]]:
    for position, row in enumerate(table.find_all("tr")):
        cells = row.find_all(["td", "th"])
        texts = tuple(_text(cell) for cell in cells)
        heads = all(cell.name == "th" for cell in cells) or (not position and _are_heads(texts))
        if any(texts) and not (heads and len(cells) > 1):
            yield texts


def _are_heads(texts: tuple[str, ...]) -> bool:
    return all(set(words(text)) <= _TABLE_HEADS for text in texts)


def _definitions(terms: Tag) -> Iterator[tuple[str, ...]]:
    names: list[str] = []
    values: list[str] = []
    for part in terms.find_all(["dt", "dd"]):
        if part.name == "dt" and values:
            yield from ((name, *values) for name in names or [""])
            names, values = [], []
        (names if part.name == "dt" else values).append(_text(part))
    yield from ((name, *values) for name in names or [""])
