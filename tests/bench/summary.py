"""The table of `docs/performance.md`: the most important figures, next to their goals."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.bench.figures import Figure, Labels, select_figures
from tests.bench.report import Parts, number

MARKS = ("<!-- figures of `make bench` -->", "<!-- their end -->")
HEAD = "| measured | asked for | SQLite | PostgreSQL |\n|---|---|--:|--:|"
MILLION = 1_000_000


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the table: its text, its goal, and the figure that it shows for each database."""

    words: str
    asked: str
    part: str
    name: str
    labels: Labels = field(default_factory=dict)


FULL: Labels = {"records": MILLION, "side": "large"}
LINES = (
    Line("deliveries a second, verified, tagged, durable", "", "intake", "answers a second, as many as it can",
         {"side": "service"}),
    Line("that, as a part of the floor", "0.50; 0.40", "intake", "that, as a part of the floor's"),
    Line("p99 at a steady 600/s, ms", "12", "intake", "p99", {"side": "service", "rate": 600}),
    Line("the floor's p99 at 600/s, ms", "", "intake", "p99", {"side": "floor", "rate": 600}),
    Line("intake at a million records, as a part of that at none", "0.85", "growth",
         "that, as a part of that at an empty ledger", {"records": MILLION}),
    Line("`/status` at none, ms", "", "growth", "GET /status", {"records": MILLION, "side": "empty"}),
    Line("`/status` at a million, ms", "twice that, or 10", "growth", "GET /status", FULL),
    Line("`/schedule` at none, ms", "", "growth", "GET /schedule", {"records": MILLION, "side": "empty"}),
    Line("`/schedule` at a million, ms", "twice that, or 10", "growth", "GET /schedule", FULL),
    Line("bytes a record, with history and seal", "", "growth", "bytes on disk a record, with history and seals",
         {"records": MILLION}),
    Line("records written back a second", "3,000", "writeback", "records written back a second"),
    Line("the worker's memory meanwhile, MiB", "flat", "writeback", "memory of the worker, second by second"),
    Line("`policy diff` of a million records, s", "60", "retag", "policy diff", {"records": MILLION}),
    Line("its memory, MiB", "300", "retag", "most memory of policy diff", {"records": MILLION}),
    Line("a million records re-tagged, s", "60", "retag", "all records tagged anew",
         {"records": MILLION, "side": "alone"}),
    Line("records re-tagged a second", "16,700", "retag", "records tagged anew a second",
         {"records": MILLION, "side": "alone"}),
    Line("the worker's memory meanwhile, MiB", "300", "retag", "most memory of the worker",
         {"records": MILLION, "side": "alone"}),
    Line("intake during a re-tagging, as a part of that before", "0.50", "retag",
         "intake while re-tagging, as a part of that before", {"records": MILLION}),
    Line("a backfill's own time a record, ms", "1", "backfill", "its own time a record"),
    Line("its memory at 25,000 records, MiB", "", "backfill", "most memory of the command", {"records": 25_000}),
    Line("from the start to ready, s", "1.5", "start", "from the start to ready"),
    Line("memory of an idle web process, MiB", "", "start", "memory of an idle web process"),
    Line("memory of an idle worker, MiB", "", "start", "memory of an idle worker"),
)  # fmt: skip


def table(parts: Parts) -> str:
    """The table: medians, with minimum and maximum if there are several rounds; a dash for missing figures."""
    return "\n".join([HEAD, *_rows(parts)])


def _rows(parts: Parts) -> Iterator[str]:
    for line in LINES:
        figures = [
            select_figures(parts.get(line.part, ()), line.name, **line.labels, database=name)
            for name in DATABASES
        ]
        if any(figures):
            cells = (_cell(found[0]) if found else "–" for found in figures)
            yield f"| {line.words} | {line.asked or '–'} | {' | '.join(cells)} |"


DATABASES = ("sqlite", "postgresql")


def _cell(figure: Figure) -> str:
    if len(figure.values) == 1:
        return number(figure.median)
    return f"{number(figure.median)} ({number(min(figure.values))}–{number(max(figure.values))})"


def put_into(page: Path, parts: Parts) -> None:
    """Put the table between the marks. Raise ValueError if the marks are missing."""
    began, ended = MARKS
    text, count = re.subn(
        f"(?s){re.escape(began)}.*?{re.escape(ended)}",
        lambda _: f"{began}\n\n{table(parts)}\n\n{ended}",
        page.read_text(),
    )
    if count != 1:
        raise ValueError(f"{page.name} has no place for the figures")
    page.write_text(text)
