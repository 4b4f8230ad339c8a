"""The table of figures in `docs/performance.md`: its content and its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.bench.figures import Figure
from tests.bench.summary import MARKS, put_into, table
from tests.support.processes import ROOT

PARTS = {
    "intake": [
        Figure(
            "that, as a part of the floor's",
            "",
            (0.4, 0.5, 0.6),
            {"database": "sqlite", "side": "service"},
        ),
        Figure("p99", "ms", (9.0,), {"database": "postgresql", "side": "service", "rate": 600}),
        Figure("p99", "ms", (99.0,), {"database": "postgresql", "side": "service", "rate": 900}),
    ]
}


def test_a_line_shows_median_minimum_and_maximum() -> None:
    assert "| that, as a part of the floor | 0.50; 0.40 | 0.5 (0.4–0.6) | – |" in table(PARTS)


def test_a_line_shows_the_figure_with_its_labels() -> None:
    assert "| p99 at a steady 600/s, ms | 12 | – | 9 |" in table(PARTS)


def test_an_unmeasured_figure_has_no_line() -> None:
    assert len(table(PARTS).splitlines()) == 4


def test_the_table_can_be_replaced_between_the_marks_repeatedly(tmp_path: Path) -> None:
    page = tmp_path / "performance.md"
    page.write_text(f"before\n{MARKS[0]}\nold\n{MARKS[1]}\nafter\n")
    put_into(page, PARTS)
    put_into(page, PARTS)
    assert page.read_text() == f"before\n{MARKS[0]}\n\n{table(PARTS)}\n\n{MARKS[1]}\nafter\n"


def test_a_page_without_marks_is_refused(tmp_path: Path) -> None:
    page = tmp_path / "performance.md"
    page.write_text("nothing")
    with pytest.raises(ValueError, match="no place"):
        put_into(page, PARTS)


def test_the_performance_page_has_the_marks() -> None:
    text = (ROOT / "docs/performance.md").read_text()
    assert [text.count(mark) for mark in MARKS] == [1, 1]
