"""The HTML of a page as blocks in the order of reading: headings, paragraphs, and items of lists and tables."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Literal

from bs4 import BeautifulSoup, Tag
from bs4.element import NavigableString, PageElement, PreformattedString

from hooks.errors import PageError
from hooks.page.normalized_text import clean, word_set, words_of

_HEADINGS = {"h1": 1, "h2": 2, "h3": 3, "h4": 4, "h5": 5, "h6": 6, "summary": 4}
_LISTS = ("ul", "ol", "menu")
_CONTENT_CLASSES = frozenset({"entry-content", "wp-block-post-content"})
_INVISIBLE = word_set(
    "script style template noscript nav footer aside form svg head title button del s strike iframe select"
)
_HIDDEN_STYLE = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden")
_BLOCKS = word_set(
    "h1 h2 h3 h4 h5 h6 summary ul ol menu li dl dt dd p div section article main body html header hr pre address",
    "table thead tbody tfoot tr td th caption figure figcaption blockquote details center fieldset",
)
_BOLD_STYLE = re.compile(r"font-weight\s*:\s*(bold|bolder|[6-9]00)")
_HEADER_WORDS = word_set(
    "category categories type data kind what period retention term how long time purpose basis recipient name we keep",
    "it legal of the for and kategori kategorier opplysninger hva periode lagringstid oppbevaringstid frist hvor lenge",
    "formål grunnlag vi dem lagrer",
)
"""The words of a table's header: a first row of nothing but these is one."""

MAX_LEVELS = 200
"""The levels of tags within tags. The time for a deeper page grows by the square of its length."""

Run = tuple[str, bool]
"""A piece of text, and a boolean that is true if it is bold. A line break is a run of its own: `LINE_BREAK`."""

LINE_BREAK: Run = ("\n", False)

BlockKind = Literal["heading", "paragraph", "item"]


@dataclass(frozen=True, slots=True)
class Block:
    """A heading, a paragraph, or an item of a list or a table.

    `depth` is the level of a heading, or the depth at which an item is nested. `cells` has the texts of a table's row,
    or a term and its definitions; `runs` is then empty. `item` numbers the items of lists; 0 is no item of a list.
    """

    kind: BlockKind
    depth: int
    runs: tuple[Run, ...] = ()
    cells: tuple[str, ...] = ()
    item: int = 0


class _Soup(BeautifulSoup):
    """A parser that stops at the first tag that is nested too deeply. To parse the tags after it could take minutes."""

    def pushTag(self, tag: Tag) -> None:  # noqa: N802 - the name in the base class
        """Open a tag. Raises PageError."""
        super().pushTag(tag)
        if len(self.tagStack) > MAX_LEVELS + 1:  # the document itself is on the stack too
            raise PageError(
                f"The page's HTML is nested too deeply to be read: more than {MAX_LEVELS} tags within each other. "
                "Look for tags that are never closed."
            )


def parse_html(html: str) -> BeautifulSoup:
    """Parse the HTML into a tree. Raises PageError if it has more than MAX_LEVELS."""
    return _Soup(html, "html.parser")


def read_blocks(html: str) -> tuple[Block, ...]:
    """Read the blocks of the page's own content. Of a saved page, the menus and the footer around it are left out.

    Raises PageError for a page that is nested too deeply to be read.
    """
    try:
        soup = parse_html(html)
        _remove_invisible(soup)
        blocks = list(_BlockReader().read(_content(soup), depth=0, is_bold=False))
    except RecursionError as error:
        raise PageError("The page's HTML is nested too deeply to be read.") from error
    return tuple(_join_paragraphs(blocks))


def _join_paragraphs(blocks: Iterable[Block]) -> Iterator[Block]:
    """Join the paragraphs of one list item into one block, with a line break after each."""
    for (item, _), group in groupby(blocks, key=_item_and_kind):
        paragraphs = list(group)
        if not item:
            yield from paragraphs
            continue
        runs: list[Run] = []
        for block in paragraphs:
            runs.extend(block.runs)
            runs.append(LINE_BREAK)
        yield replace(paragraphs[0], runs=tuple(runs))


def _item_and_kind(block: Block) -> tuple[int, BlockKind]:
    return block.item, block.kind


def _remove_invisible(soup: BeautifulSoup) -> None:
    """Remove the tags that a reader of the text does not see, and text that is struck out."""
    for tag in soup.find_all(_is_invisible):
        tag.extract()


def _is_invisible(tag: Tag) -> bool:
    if tag.name in _INVISIBLE or tag.has_attr("hidden"):
        return True
    return bool(_HIDDEN_STYLE.search(_style(tag)))


def _content(soup: BeautifulSoup) -> Tag:
    """Return the tag that holds the page's text; the whole page if no tag does.

    It is the first of the usual ones with two headings or with more than half of the paragraphs.
    """
    half = len(soup.find_all("p")) // 2
    for usual in (_is_entry, "article", "main", "body"):
        for tag in soup.find_all(usual):
            headings = tag.find_all(list(_HEADINGS), limit=2)
            if len(headings) == 2 or len(tag.find_all("p")) > half:
                return tag
    return soup


def _is_entry(tag: Tag) -> bool:
    """Tell whether WordPress marks the tag as the content of a page."""
    return not _CONTENT_CLASSES.isdisjoint(tag.get_attribute_list("class"))


class _BlockReader:
    """Walks through the tree. Text gathers in `runs` until its block ends."""

    def __init__(self) -> None:
        self.runs: list[Run] = []
        self.items = [0]  # the open list items, by number; 0 is outside of all
        self.last_item = 0

    def read(self, tag: Tag, *, depth: int, is_bold: bool) -> Iterator[Block]:
        """Yield the blocks inside the tag."""
        for child in tag.children:
            yield from self._child(child, depth=depth, is_bold=is_bold)
        yield from self._end_block(depth)

    def _child(self, child: PageElement, *, depth: int, is_bold: bool) -> Iterator[Block]:
        if isinstance(child, NavigableString):
            if not isinstance(child, PreformattedString):  # a comment is one
                text = str(child).replace("\n", " ")
                self.runs.append((text, is_bold))
        elif isinstance(child, Tag) and child.name == "br":
            self.runs.append(LINE_BREAK)
        elif isinstance(child, Tag):
            yield from self._tag(child, depth=depth, is_bold=is_bold or _is_bold(child))

    def _tag(self, tag: Tag, *, depth: int, is_bold: bool) -> Iterator[Block]:
        if tag.name not in _BLOCKS:
            for child in tag.children:
                yield from self._child(child, depth=depth, is_bold=is_bold)
            return
        yield from self._end_block(depth)
        if tag.name in _HEADINGS:
            yield from self._heading(tag)
        elif _is_list_of_sections(tag):
            yield from self.read(tag, depth=0, is_bold=is_bold)
        elif tag.name in _LISTS:
            yield from self.read(tag, depth=depth + 1, is_bold=is_bold)
        elif tag.name == "li":
            yield from self._item(tag, depth=max(depth, 1), is_bold=is_bold)
        elif tag.name in ("table", "dl"):
            yield from _row_blocks(tag, depth + 1)
        else:
            yield from self.read(tag, depth=depth, is_bold=is_bold)

    def _heading(self, tag: Tag) -> Iterator[Block]:
        text = clean(tag.get_text())
        if text:
            yield Block("heading", _HEADINGS[tag.name], ((text, True),))

    def _item(self, tag: Tag, *, depth: int, is_bold: bool) -> Iterator[Block]:
        self.last_item += 1
        self.items.append(self.last_item)
        yield from self.read(tag, depth=depth, is_bold=is_bold)
        self.items.pop()

    def _end_block(self, depth: int) -> Iterator[Block]:
        runs = tuple(self.runs)
        self.runs = []
        if not any(clean(text) for text, _ in runs):
            return
        kind: BlockKind = "paragraph"
        if depth:
            kind = "item"
        yield Block(kind, depth, runs, item=self.items[-1])


def _is_list_of_sections(tag: Tag) -> bool:
    if tag.name not in (*_LISTS, "li"):
        return False
    return tag.find(list(_HEADINGS)) is not None


def _is_bold(tag: Tag) -> bool:
    if tag.name in ("strong", "b"):
        return True
    return bool(_BOLD_STYLE.search(_style(tag)))


def _style(tag: Tag) -> str:
    return str(tag.get("style", ""))


def _text(tag: Tag) -> str:
    return clean(tag.get_text(" "))


def _row_blocks(tag: Tag, depth: int) -> Iterator[Block]:
    """Yield a block for each row of a table, or for each term of a list of definitions."""
    rows = _definitions(tag)
    if tag.name == "table":
        rows = _rows(tag)
    for cells in rows:
        yield Block("item", depth, cells=cells)


def _rows(table: Tag) -> Iterator[tuple[str, ...]]:
    """Yield the texts of each row that is neither empty nor a header."""
    for position, row in enumerate(table.find_all("tr")):
        cells = row.find_all(["td", "th"])
        texts = tuple(map(_text, cells))
        is_header = all(cell.name == "th" for cell in cells)
        if position == 0:
            is_header = is_header or _has_header_words(texts)
        if any(texts) and (len(cells) == 1 or not is_header):
            yield texts


def _has_header_words(texts: tuple[str, ...]) -> bool:
    return all(_HEADER_WORDS.issuperset(words_of(text)) for text in texts)


def _definitions(terms: Tag) -> Iterator[tuple[str, ...]]:
    """Yield each term with its definitions. Terms in a row share the definitions after them."""
    names: list[str] = []
    values: list[str] = []
    for tag in terms.find_all(["dt", "dd"]):
        if tag.name == "dd":
            values.append(_text(tag))
            continue
        if values:
            yield from _with_values(names, values)
            names = []
            values = []
        names.append(_text(tag))
    yield from _with_values(names, values)


def _with_values(names: list[str], values: list[str]) -> Iterator[tuple[str, ...]]:
    for name in names or [""]:
        yield (name, *values)
