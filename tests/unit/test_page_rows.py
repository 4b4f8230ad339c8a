"""The table in `docs/policy-coverage.md` has each row of twelve sections of the published page, and no empty cell."""

from __future__ import annotations

import json
import re

import pytest
from bs4 import BeautifulSoup, Tag

from tests.support.processes import ROOT

TABLE = (ROOT / "docs/policy-coverage.md").read_text()
LINES = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in re.findall(r"^\| \d+ .*\|$", TABLE, re.MULTILINE)
]

ROWS = {
    2: ["Identity & contact", "Account data", "Order & payment", "Shipping", "Customer support", "Marketing",
        "Technical data", "sensitive"],
    3: ["Directly from you", "Automatically", "service providers"],
    5: ["Contract", "Legal obligation", "Legitimate interests", "Consent", "withdraw"],
    6: ["newsletters", "unsubscribe", "advertising", "Brevo"],
    7: ["Necessary cookies", "Analytics cookies", "Marketing cookies", "withdraw", "Cookie Policy"],
    8: ["hosting", "Payment providers", "Shipping", "Email, analytics", "advisers", "agreements"],
    9: ["Standard Contractual Clauses", "UK addendum", "information about safeguards"],
    11: ["Orders and accounting", "Customer accounts", "Support requests", "Marketing data", "Cookie consent logs"],
    12: ["Access", "Correct", "deletion", "Restrict", "portability", "Withdraw", "contact", "one month"],
    13: ["Datatilsynet", "ICO", "contact us first"],
    14: ["Children"],
    15: ["updated date"],
}  # fmt: skip
"""By section, a text that identifies each of its rows, on the page and in the table."""

ON_THE_PAGE = {"UK addendum": "UK transfer addendum"}


def _rows_of_the_page() -> dict[int, list[str]]:
    """The list items and paragraphs of each numbered section of the recorded page."""
    page = json.loads((ROOT / "tests/recordings/privacy-policy-page.json").read_text())
    rows_by_section: dict[int, list[str]] = {}
    number = 0
    for tag in BeautifulSoup(page["content"]["rendered"], "html.parser").find_all(
        ["h2", "li", "p"]
    ):
        assert isinstance(tag, Tag)
        words = " ".join(tag.get_text(" ").split())
        if tag.name == "h2":
            number = int(words.split(".")[0])
        else:
            rows_by_section.setdefault(number, []).append(words)
    return rows_by_section


PAGE = _rows_of_the_page()


def test_every_row_says_what_is_done_and_names_its_test() -> None:
    assert {int(cells[0].split()[0]) for cells in LINES} == set(ROWS)
    for cells in LINES:
        assert len(cells) == 3, cells
        assert all(cells), cells
        assert re.fullmatch(r"`\w+/test_\w+\.py` `test_\w+`", cells[2]), cells


@pytest.mark.parametrize(
    ("section", "words"), [(section, words) for section, rows in ROWS.items() for words in rows]
)
def test_every_row_of_the_page_has_a_row_in_the_table(section: int, words: str) -> None:
    told = [cells[0] for cells in LINES if cells[0].split()[0] == str(section)]
    said = ON_THE_PAGE.get(words, words).lower()
    assert any(said in row.lower() for row in PAGE[section]), "not on the page"
    assert any(words.lower() in row.lower() for row in told), "not in the table"


@pytest.mark.parametrize("section", ROWS)
def test_every_list_item_of_the_page_is_covered(section: int) -> None:
    """Each list item contains one of the texts above. Introductory paragraphs are not rows."""
    known = [ON_THE_PAGE.get(words, words).lower() for words in ROWS[section]]
    items = [row for row in PAGE[section] if not row.endswith(":")]
    left = [row for row in items if not any(words in row.lower() for words in known)]
    assert left == []
